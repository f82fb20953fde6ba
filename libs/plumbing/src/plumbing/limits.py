"""How long a reader's steps may take, and what it is told when one cannot be finished."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The database's timeouts, and ours. Short forms of tests divide them."""

    lock_timeout_ms: int = 5_000
    statement_timeout_ms: int = 30_000
    idle_timeout_ms: int = 15_000  # else a frozen owner keeps the row, and nobody can go on
    # A client frozen between Parse and Bind is not "idle" to Postgres, which needs this (from 17
    # on): asyncpg prepares with Flush, and only Sync begins the idle time.
    transaction_timeout_ms: int = 60_000
    claim_wait_ms: int = 500  # the other partitions wait meanwhile; it is tried again
    commit_s: float = 10.0
    fenced_rest_s: float = 3.0
    not_ready_s: float = 0.25
    stopped_rest_s: float = 30.0
    requests_every_s: float = 1.0
    cautious: int = 500  # records of the first batch under a claim: less to look through alone
    strikes: int = 3  # processes that may die at one offset before the partition stops


class NotReady(Exception):
    """A handler lacks what another topic will bring: roll back, try this partition again soon."""


class CommitUnknown(Exception):
    """No answer to COMMIT: it may have happened. Only the row can tell."""

    def __init__(self, *, acquitted: bool) -> None:
        super().__init__()
        self.acquitted = acquitted


class Moved(Exception):
    """The row says another offset than we do: somebody moved it by hand."""

    def __init__(self, to: int) -> None:
        super().__init__(to)
        self.to = to
