"""Errors that say: the database is not there now, or not now; as opposed to: we are wrong."""

import socket
from collections.abc import Iterator
from typing import Final

from asyncpg import InternalClientError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY: Final = frozenset({"57P01", "57P02", "57P03", "53300"})  # stopping, crashed, starting, full
_CONNECTION: Final = "08"
# Lock wait, deadlock, serialisation, transaction idle or open too long, session idle too long, read
# only after failover.
_TRANSIENT: Final = frozenset({"55P03", "40P01", "40001", "25P03", "25P04", "57P05", "25006"})


def is_away(error: BaseException) -> bool:
    """Tell whether *error* means that Postgres cannot be reached now: wait, do not crash."""
    return any(_says_away(one) for one in _chain(error))


def is_transient(error: BaseException) -> bool:
    """Tell whether the same transaction, begun anew, may well succeed."""
    return is_away(error) or any(
        getattr(one, "sqlstate", None) in _TRANSIENT for one in _chain(error)
    )


def _says_away(error: BaseException) -> bool:
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, ConnectionError | TimeoutError | socket.gaierror | PoolTimeout):
        return True
    if type(error) is OSError:  # asyncio's, when none of several addresses answered
        return True
    if isinstance(error, InternalClientError):
        return True  # a backend ended in the middle: the driver cannot even roll back
    code = getattr(error, "sqlstate", None) or ""
    return code in _AWAY or code.startswith(_CONNECTION)


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = getattr(one, "orig", None) or one.__cause__
