"""A group with a command that is meant when none is named: `fulfil quote part.stl` is `fulfil quote make part.stl`."""

from typing import TYPE_CHECKING

from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Context  # the base class is typed by it

DEFAULT = "make"
ABOUT_THE_GROUP = ("-h", "--help")


class DefaultingGroup(TyperGroup):
    """Anything that is no command of the group and no call for help belongs to the command `make`."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:
        """Name the default command where no command is named."""
        if args and args[0] not in self.commands and args[0] not in ABOUT_THE_GROUP:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
