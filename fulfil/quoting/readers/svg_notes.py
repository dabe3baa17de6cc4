"""What reading an SVG noticed besides lines, collected by kind and said as findings once each."""

from collections import Counter

from fulfil.models.messages.findings import Finding, FindingCode, Severity

TEXT_REMEDY = (
    "Convert text to outlines before exporting (Inkscape: Path > Object to Path; Illustrator: Type > Create Outlines)."
)


class Notes:
    """Counts while the tree is walked; `findings` says each kind once, with the number."""

    def __init__(self) -> None:
        self.texts = 0
        self.text_sample = ""
        self.hidden = 0
        self.clipped = 0
        self.scripts: Counter[str] = Counter()
        self.external: Counter[str] = Counter()
        self.unsupported: Counter[str] = Counter()
        self.bad_images: Counter[str] = Counter()
        self.images = 0

    def text(self, words: str) -> None:
        """A text that is still text: its letters depend on fonts we don't have."""
        self.texts += 1
        self.text_sample = self.text_sample or " ".join(words.split())[:40]

    def findings(self) -> tuple[Finding, ...]:
        """One finding per kind, those that stop a quote first."""
        return (*self._blockers(), *self._others())

    def _blockers(self) -> list[Finding]:
        found: list[Finding] = []
        if self.texts:
            found.append(
                Finding(
                    code=FindingCode.LIVE_TEXT,
                    severity=Severity.BLOCKER,
                    message=f"{_times(self.texts, 'text')} would be missing, such as “{self.text_sample}”: its letters "
                    "depend on a font that the file does not hold.",
                    remedy=TEXT_REMEDY,
                    number=self.texts,
                    measure="texts",
                )
            )
        if self.external:
            found.append(
                Finding(
                    code=FindingCode.EXTERNAL_REFERENCE,
                    severity=Severity.BLOCKER,
                    message="The drawing refers to something outside the file, which is never fetched: "
                    f"{_list(self.external)}.",
                    remedy="Embed it before exporting (Inkscape: Extensions > Images > Embed Images).",
                    number=self.external.total(),
                    measure="references",
                )
            )
        if self.bad_images:
            found.append(
                Finding(
                    code=FindingCode.UNSUPPORTED_ELEMENT,
                    severity=Severity.BLOCKER,
                    message=f"A picture can't be placed: {_list(self.bad_images)}.",
                    remedy="Embed it as PNG or JPEG with a width and a height.",
                    number=self.bad_images.total(),
                    measure="images",
                )
            )
        return found

    def _others(self) -> list[Finding]:
        found: list[Finding] = []
        if self.scripts:
            found.append(
                Finding(
                    code=FindingCode.SCRIPT_IGNORED,
                    severity=Severity.WARNING,
                    message=f"Left out, because it is program text or foreign content: {_list(self.scripts)}.",
                    remedy="Export as plain SVG if something is missing in the preview.",
                    number=self.scripts.total(),
                    measure="elements",
                )
            )
        if self.hidden:
            found.append(
                Finding(
                    code=FindingCode.HIDDEN_CONTENT,
                    severity=Severity.WARNING,
                    message=f"{_times(self.hidden, 'invisible shape')} left out.",
                    remedy="Make it visible if it should be made, or delete it.",
                    number=self.hidden,
                    measure="shapes",
                )
            )
        if self.clipped:
            found.append(
                Finding(
                    code=FindingCode.UNSUPPORTED_ELEMENT,
                    severity=Severity.RISK,
                    message=f"{_times(self.clipped, 'clip path or mask')} not applied: what it hides would be made.",
                    remedy="Cut the shapes themselves (Inkscape: Path > Intersection) and remove the clip.",
                    number=self.clipped,
                    measure="elements",
                )
            )
        if self.unsupported:
            found.append(
                Finding(
                    code=FindingCode.UNSUPPORTED_ELEMENT,
                    severity=Severity.WARNING,
                    message=f"Not understood and left out: {_list(self.unsupported)}.",
                    remedy="Compare the preview with your drawing; export as plain SVG if something is missing.",
                    number=self.unsupported.total(),
                    measure="elements",
                )
            )
        if self.images:
            found.append(
                Finding(
                    code=FindingCode.IMAGE,
                    severity=Severity.INFO,
                    message=f"{_times(self.images, 'picture')} engraved row by row over its whole rectangle.",
                    number=self.images,
                    measure="images",
                )
            )
        return found


def _times(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count:,} {what}s are"


def _list(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} ({count}x)" if count > 1 else name for name, count in counts.most_common(5))
    return shown + (" and others" if len(counts) > 5 else "")  # noqa: PLR2004 (as many as are shown)
