"""The elements of an SVG as a tree that is safe to walk: size, depth, document types and `use` are checked here."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, TreeBuilder

from fulfil.quoting.formats import FileFormat
from fulfil.quoting.limits import MOST_USE_EXPANSIONS, MOST_XML_ELEMENTS, most_bytes
from fulfil.quoting.readers.xml import SEPARATOR, XmlReader
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
XLINK_HREF = "http://www.w3.org/1999/xlink" + SEPARATOR + "href"


def parse_svg(content: bytes) -> Element:
    """The root of the document, names as `namespace}local`, or `local` where the namespace is missing.

    Raises `QuotingRefusalError` for what is empty, too large, no well-formed SVG, a bomb, or references in circles.
    """
    if not content.strip():
        raise file_refusal(RefusalCode.FILE_EMPTY, "The file is empty. Export the drawing again.")
    if len(content) > most_bytes(FileFormat.SVG):
        raise file_refusal(
            RefusalCode.FILE_TOO_LARGE,
            f"The drawing has {len(content) / 1e6:,.0f} MB; up to {most_bytes(FileFormat.SVG) // 1_000_000} MB are "
            "read. Simplify its paths, or take pictures out of it.",
        )
    builder = TreeBuilder()
    reader = XmlReader(
        lambda name, attributes: _discard(builder.start(name, dict(attributes))),
        lambda name: _discard(builder.end(name)),
        builder.data,
        doctype_without_subset=True,
    )
    reader.feed(content)
    reader.close()
    root = builder.close()
    if local_name(root) != "svg":
        raise file_refusal(
            RefusalCode.FILE_UNREADABLE,
            f"The file is XML, but its outermost element is <{root.tag.rpartition(SEPARATOR)[2][:40]}> and not <svg>. "
            "Export the drawing as SVG.",
        )
    return root


def local_name(element: Element) -> str:
    """The name of an SVG element; empty for elements of other namespaces."""
    namespace, _, name = element.tag.rpartition(SEPARATOR)
    return name if namespace in {SVG_NAMESPACE, ""} else ""


def href_of(element: Element) -> str:
    """What an element refers to, in SVG 1.1's or 2's spelling."""
    return (element.get("href") or element.get(XLINK_HREF) or "").strip()


def identified(root: Element) -> dict[str, Element]:
    """The elements by their ids; the first of equal ones counts."""
    found: dict[str, Element] = {}
    for element in root.iter():
        if identity := element.get("id"):
            found.setdefault(identity, element)
    return found


def check_uses(root: Element, targets: dict[str, Element]) -> None:
    """Count what `use` elements stand for without expanding them. Raises `QuotingRefusalError` for cycles and bombs."""
    uses: dict[Element, int] = {}
    sizes: dict[Element, int] = {}
    open_elements: set[Element] = set()
    stack = [(root, _below(root, targets))]
    open_elements.add(root)
    while stack:
        element, rest = stack[-1]
        following = next(rest, None)
        if following is None:
            stack.pop()
            open_elements.discard(element)
            below = list(_below(element, targets))
            # Saturated, so that numbers stay small whatever they stand for.
            is_use = local_name(element) == "use"
            uses[element] = min(is_use + sum(uses[each] for each in below), MOST_USE_EXPANSIONS + 1)
            sizes[element] = min(1 + sum(sizes[each] for each in below), MOST_XML_ELEMENTS + 1)
        elif following in open_elements:
            raise file_refusal(
                RefusalCode.REFERENCE_CYCLE,
                f"The drawing uses itself in a circle (use of '#{(following.get('id') or '')[:40]}'). "
                "Export it again with clones unlinked.",
            )
        elif following not in sizes:
            stack.append((following, _below(following, targets)))
            open_elements.add(following)
    if uses[root] > MOST_USE_EXPANSIONS or sizes[root] > MOST_XML_ELEMENTS:
        raise _bomb()


def _below(element: Element, targets: dict[str, Element]) -> Iterator[Element]:
    yield from element
    if local_name(element) == "use" and (target := targets.get(href_of(element).removeprefix("#"))) is not None:
        yield target


def _bomb() -> QuotingRefusalError:
    return file_refusal(
        RefusalCode.EXPANSION_TOO_LARGE,
        f"The drawing's <use> elements stand for more than {MOST_USE_EXPANSIONS:,} copies or "
        f"{MOST_XML_ELEMENTS:,} elements. Draw what is to be made once and order it several times.",
    )


def _discard(_made: object) -> None:
    """Callbacks answer nothing."""
