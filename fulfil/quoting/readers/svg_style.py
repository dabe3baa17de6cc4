"""The cascade of an SVG: presentation attributes, style sheets and style attributes, as far as they move or hide lines.

Selectors of names, classes, ids and their descendants are understood, which is what drawing programs write; others
are counted in `StyleSheet.ignored` so that a finding can say so.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from fulfil.quoting.limits import MOST_CSS_BYTES
from fulfil.quoting.refusals import RefusalCode, file_refusal

PROPERTIES = frozenset(
    (
        *("fill", "stroke", "stroke-width", "display", "visibility", "color", "opacity", "fill-opacity"),
        *("stroke-opacity", "clip-path", "mask", "stroke-dasharray", "transform", "transform-origin"),
    )
)
COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|<!--|-->", re.DOTALL)
RULE = re.compile(r"([^{}]*)\{([^{}]*)\}")
COMPOUND = re.compile(r"(\*|[A-Za-z][\w-]*)?((?:[.#][\w-]+)*)")
MARK = re.compile(r"([.#])([\w-]+)")
# Rules tried against elements; a sheet of 25,000 rules for one class times 200,000 elements would never end.
MOST_MATCHES = 300_000
IMPORTANT = 1_000_000


class Node(NamedTuple):
    """What selectors can see of an element."""

    name: str
    identity: str
    classes: frozenset[str]


@dataclass(frozen=True)
class _Compound:
    name: str
    identities: tuple[str, ...]
    classes: tuple[str, ...]

    def matches(self, node: Node) -> bool:
        return (
            self.name in {"", "*", node.name}
            and all(identity == node.identity for identity in self.identities)
            and node.classes.issuperset(self.classes)
        )


@dataclass(frozen=True)
class _Rule:
    compounds: tuple[_Compound, ...]
    parents_only: bool  # every step is `>`
    specificity: int
    declarations: Mapping[str, str]

    def matches(self, chain: Sequence[Node]) -> bool:
        """Whether it applies to the last of `chain`, the first being the root."""
        if not self.compounds[-1].matches(chain[-1]):
            return False
        rest = len(chain) - 2
        for compound in reversed(self.compounds[:-1]):
            while rest >= 0 and not compound.matches(chain[rest]):
                if self.parents_only:
                    return False
                rest -= 1
            if rest < 0:
                return False
            rest -= 1
        return True


class StyleSheet:
    """All style sheets of a document, applied in their order."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Raises `QuotingRefusalError` when they are too long."""
        if (size := sum(map(len, texts))) > MOST_CSS_BYTES:
            raise file_refusal(
                RefusalCode.FILE_TOO_COMPLEX,
                f"The drawing carries {size:,} letters of style sheets; {MOST_CSS_BYTES:,} are read. Export it with "
                "presentation attributes (Illustrator: Styling = Presentation Attributes).",
            )
        self.ignored = 0
        self.imports = any("@import" in text for text in texts)
        self._rules: dict[str, list[tuple[int, _Rule]]] = defaultdict(list)
        self._matches = 0
        for number, rule in enumerate(self._parse("\n".join(texts))):
            last = rule.compounds[-1]
            key = "#" + last.identities[0] if last.identities else "." + last.classes[0] if last.classes else last.name
            self._rules[key or "*"].append((number, rule))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def declarations(self, chain: Sequence[Node]) -> dict[str, str]:
        """What the sheets say about the last node of `chain`. Raises `QuotingRefusalError` when that takes too long."""
        node = chain[-1]
        found: list[tuple[int, int, _Rule]] = []
        for key in ("*", node.name, "#" + node.identity, *("." + name for name in node.classes)):
            rules = self._rules.get(key, ())
            self._matches += len(rules)
            if self._matches > MOST_MATCHES:
                raise file_refusal(
                    RefusalCode.FILE_TOO_COMPLEX,
                    "The drawing's style sheets have too many rules for its elements. Export it with presentation "
                    "attributes (Illustrator: Styling = Presentation Attributes).",
                )
            found.extend((rule.specificity, number, rule) for number, rule in rules if rule.matches(chain))
        found.sort(key=lambda each: each[:2])
        merged: dict[str, str] = {}
        for _, _, rule in found:
            merged.update(rule.declarations)
        return merged

    def _parse(self, text: str) -> Iterator[_Rule]:
        plain = COMMENT.sub(" ", text).replace("<![CDATA[", " ").replace("]]>", " ")
        for prelude, body in RULE.findall(plain):
            selectors = prelude.rpartition(";")[2].strip()  # what stands before is an @import or @charset
            if selectors.startswith("@"):
                self.ignored += not selectors.startswith("@font-face")
                continue
            normal, important = split_declarations(body)
            for selector in selectors.split(","):
                compounds = _compounds(selector)
                if compounds is None:
                    self.ignored += 1
                    continue
                weight = sum(
                    100 * len(c.identities) + 10 * len(c.classes) + (c.name not in {"", "*"}) for c in compounds
                )
                for declarations, rank in ((normal, weight), (important, weight + IMPORTANT)):
                    if declarations:
                        yield _Rule(compounds, ">" in selector and " " not in selector, rank, declarations)


def _compounds(selector: str) -> tuple[_Compound, ...] | None:
    words = selector.replace(">", " ").split()
    compounds: list[_Compound] = []
    for word in words:
        found = COMPOUND.fullmatch(word)
        if found is None:
            return None
        marks = MARK.findall(found[2])
        compounds.append(
            _Compound(
                found[1] or "",
                tuple(name for sign, name in marks if sign == "#"),
                tuple(name for sign, name in marks if sign == "."),
            )
        )
    return tuple(compounds) or None


@lru_cache(maxsize=8192)
def split_declarations(text: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The known properties of a style attribute or rule body: the normal and the important ones."""
    normal: dict[str, str] = {}
    important: dict[str, str] = {}
    for declaration in text.split(";"):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        if not colon or name not in PROPERTIES:
            continue
        value, bang, _ = value.partition("!")
        (important if bang else normal)[name] = value.strip()
    return normal, important
