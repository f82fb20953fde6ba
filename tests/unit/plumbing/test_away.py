import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from plumbing.away import is_away, is_transient


def wrapped(error: Exception, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError("select", None, error, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        OSError("Multiple exceptions: [Errno 111] ..."),
        PoolTimeout(),
        asyncpg.CannotConnectNowError(),
        wrapped(asyncpg.AdminShutdownError()),
        wrapped(asyncpg.InternalClientError("another operation (2) is in progress")),
        wrapped(Exception(), invalidated=True),
    ],
    ids=repr,
)
def test_what_says_that_the_database_is_away_is_waited_for(error: Exception) -> None:
    assert is_away(error)
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.LockNotAvailableError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.IdleInTransactionSessionTimeoutError(),
    ],
    ids=repr,
)
def test_what_another_try_may_mend_is_no_absence(error: Exception) -> None:
    assert is_transient(wrapped(error))
    assert not is_away(wrapped(error))


@pytest.mark.parametrize(
    "error",
    [
        wrapped(asyncpg.UndefinedTableError()),
        wrapped(asyncpg.UniqueViolationError()),
        asyncpg.InvalidPasswordError(),
        FileNotFoundError(),
        KeyError(),
    ],
    ids=repr,
)
def test_what_is_our_own_fault_is_neither(error: Exception) -> None:
    assert not is_transient(error)
