"""Where things lie: all of it under one folder that git ignores."""

import os
import secrets
import socket
from pathlib import Path
from typing import Final

from localstack.errors import StackError

# Below the range from which systems draw ports for outgoing connections: a port that was free must
# not be taken by anybody's client before our server listens there, or while it is down.
FIRST_PORT: Final = 20_000
LAST_PORT: Final = 32_000
TRIES: Final = 50
_given: Final[set[int]] = set()


def local_folder() -> Path:
    """Return the project's `.local`, or the current folder's when this is not a checkout."""
    root = Path(__file__).resolve().parents[4]
    return (root if (root / "requirements.lock").exists() else Path.cwd()) / ".local"


def choose_port(configured: str, remembered: int | None) -> int:
    """Return the port that the variable *configured* names, the remembered one, or a free one."""
    named = os.environ.get(configured)
    if named is not None:
        return _named_port(configured, named)
    if remembered is not None and is_free(remembered):
        return remembered
    return free_port(f"set {configured}")


def free_port(otherwise: str = "stop what listens there") -> int:
    """Return a port of loopback on which nobody listens, and which this process was not given yet.

    Raises:
        StackError: None was found; the text ends with what to do *otherwise*.
    """
    for _ in range(TRIES):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise StackError(f"No free port found between {FIRST_PORT} and {LAST_PORT}: {otherwise}.")


def _named_port(configured: str, named: str) -> int:
    if not (named.isascii() and named.isdecimal() and 0 < int(named) < 65_536):
        raise StackError(f"{configured}={named} is not a port: give a number from 1 to 65535.")
    if not is_free(int(named)):
        raise StackError(f"Port {named} ({configured}) is in use: free it or name another one.")
    return int(named)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
