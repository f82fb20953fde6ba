"""What reporting refuses, and what its API answers then.

ReportingError
├─ UnknownShop     404  no such shop, or not yet known here
├─ NoSuchPeriod    422  the days asked for are no period
├─ TooManyMessages 422  more than one report can hold: ask for a shorter period
└─ NotNow          503  too many reports are asked for, or this one broke off: the same again
                        after Retry-After
"""

from typing import ClassVar


class ReportingError(Exception):
    """The root: str(error) is shown to the caller."""

    status: ClassVar[int] = 500


class UnknownShop(ReportingError):
    status = 404


class NoSuchPeriod(ReportingError):
    status = 422


class TooManyMessages(ReportingError):
    status = 422


class NotNow(ReportingError):
    status = 503
