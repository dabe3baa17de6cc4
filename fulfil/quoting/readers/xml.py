"""Streaming XML for untrusted files: no document types, no entities, nothing fetched, depth and elements counted.

expat refuses nothing by itself but amplification; here a document type is refused outright, because neither a drawing
nor a 3MF needs one, and with it go entity bombs and external entities.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.parsers import expat

from fulfil.quoting.limits import DEEPEST_XML, MOST_XML_ELEMENTS
from fulfil.quoting.refusals import QuotingRefusalError, RefusalCode, file_refusal

# Between the namespace and the name in the element names handed over.
SEPARATOR = "}"


@dataclass(frozen=True)
class XmlCaps:
    """How deep and how long a document may be."""

    depth: int = DEEPEST_XML
    elements: int = MOST_XML_ELEMENTS


OnStart = Callable[[str, Mapping[str, str]], None]
OnEnd = Callable[[str], None]
OnText = Callable[[str], None]
# A namespace's prefix (None: the default one) and its name; comes before the element that declares it.
OnPrefix = Callable[[str | None, str], None]
NO_LISTS: Mapping[str, OnStart] = MappingProxyType({})


def check_xml(content: bytes, *, doctype_without_subset: bool = False, caps: XmlCaps | None = None) -> None:
    """Raise `QuotingRefusalError` unless `content` is one well-formed document within the caps.

    `doctype_without_subset` lets a bare `<!DOCTYPE svg PUBLIC … "….dtd">` pass, which old drawing programs write;
    it is never fetched, and declarations inside a document type stay refused.
    """
    reader = XmlReader(doctype_without_subset=doctype_without_subset, caps=caps)
    reader.feed(content)
    reader.close()


class XmlReader:
    """A push parser: feed it chunks, it calls back with names as `namespace}local`, attributes as a mapping.

    A refusal raised by a callback ends the parsing. `what` names the document in refusals. What is inside an element
    named in `lists` goes to that callback instead and is not counted: a third faster for long lists of empty elements,
    which the callback has to bound and to check.
    """

    def __init__(
        self,
        on_start: OnStart | None = None,
        on_end: OnEnd | None = None,
        on_text: OnText | None = None,
        *,
        on_prefix: OnPrefix | None = None,
        lists: Mapping[str, OnStart] = NO_LISTS,
        what: str = "The file",
        doctype_without_subset: bool = False,
        caps: XmlCaps | None = None,
    ) -> None:
        self._caps = caps or XmlCaps()
        self._what = what
        self._on_start = on_start
        self._on_end = on_end
        self._depth = 0
        self._elements = 0
        self._lists = lists
        self._list = ""
        self._subset_allowed = doctype_without_subset
        self._parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._entity
        self._parser.ExternalEntityRefHandler = self._external
        if on_prefix is not None:
            self._parser.StartNamespaceDeclHandler = on_prefix
        if on_text is not None:
            self._parser.CharacterDataHandler = on_text

    @property
    def line(self) -> int:
        """The line being read, from 1."""
        return self._parser.CurrentLineNumber

    def feed(self, chunk: bytes) -> None:
        """Read on. Raises `QuotingRefusalError` for broken, forbidden or boundless XML."""
        self._parse(chunk, final=False)

    def close(self) -> None:
        """Say that nothing follows: an unfinished document is refused as cut short."""
        self._parse(b"", final=True)

    def _parse(self, chunk: bytes, *, final: bool) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise self._broken(error) from error
        except (LookupError, ValueError) as error:
            if self._elements:
                raise  # a callback's own mistake; encodings are looked up before the first element
            raise file_refusal(
                RefusalCode.FILE_UNREADABLE,
                f"{self._what} names a text encoding that can't be read ({error}). Save it again as UTF-8.",
            ) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > self._caps.depth:
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                f"{self._what} nests elements more than {self._caps.depth} deep (line {self.line}). "
                "Ungroup the drawing or export it again.",
            )
        if self._elements > self._caps.elements:
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                f"{self._what} has more than {self._caps.elements:,} elements. Simplify it or split it.",
            )
        if self._on_start is not None:
            self._on_start(name, attributes)
        if name in self._lists:
            self._list = name
            self._parser.StartElementHandler = self._lists[name]
            self._parser.EndElementHandler = self._end_in_list

    def _end_in_list(self, name: str) -> None:
        if name == self._list:
            self._parser.StartElementHandler = self._start
            self._parser.EndElementHandler = self._end
            self._end(name)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._on_end is not None:
            self._on_end(name)

    def _doctype(self, _name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        if self._subset_allowed and not has_subset:
            return
        raise self._forbidden("a document type (DOCTYPE)")

    def _entity(self, *_declaration: object) -> None:
        raise self._forbidden("an entity declaration")

    def _external(self, *_reference: object) -> int:
        raise self._forbidden("a reference to another file")

    def _forbidden(self, what: str) -> QuotingRefusalError:
        return file_refusal(
            RefusalCode.XML_FORBIDDEN,
            f"{self._what} declares {what} in line {self.line}, which is never read because it can stand for other "
            "files or for endless text. Save it again without (Inkscape: plain SVG).",
        )

    def _broken(self, error: expat.ExpatError) -> QuotingRefusalError:
        reason = expat.ErrorString(error.code)
        unfinished = (expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN)
        code = RefusalCode.FILE_TRUNCATED if reason in unfinished else RefusalCode.FILE_UNREADABLE
        return file_refusal(
            code,
            f"{self._what} is damaged: {reason} in line {error.lineno}, column {error.offset + 1}. "
            "Upload it again, or export it again.",
        )
