"""Going back is refused by name: an older schema can't hold what was recorded since."""


class DowngradeRefusedError(RuntimeError):
    """A downgrade would lose facts about money; the message names what helps instead."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"revision {revision} can't be taken back without losing recorded facts: restore a backup from before it"
        )
