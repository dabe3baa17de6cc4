"""Which TCP ports the embedded stack listens on."""

import socket
from enum import StrEnum

HOST = "127.0.0.1"


class PortChoice(StrEnum):
    """`fixed`: the usual ports, where they are free; `auto`: any free ones, for a second stack on one machine."""

    FIXED = "fixed"
    AUTO = "auto"


class Ports:
    """Hands out ports of this machine, never the same one twice."""

    def __init__(self, choice: PortChoice = PortChoice.FIXED) -> None:
        self._choice = choice
        self._taken: set[int] = set()

    def take(self, usual: int = 0) -> int:
        """`usual` when it is free and wanted, else any free port."""
        if usual and self._choice is PortChoice.FIXED and usual not in self._taken and is_free(usual):
            port = usual
        else:
            port = self._any()
        self._taken.add(port)
        return port

    def _any(self) -> int:
        while True:
            with socket.socket() as listener:
                listener.bind((HOST, 0))
                port = int(listener.getsockname()[1])
            if port not in self._taken:
                return port


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True
