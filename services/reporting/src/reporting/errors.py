"""What reporting refuses, and what its API answers then.

ReportingError
├─ UnknownShop  404  no such shop, or not yet known here
└─ NoSuchPeriod 422  the days asked for are no period
"""

from typing import ClassVar


class ReportingError(Exception):
    """The root: str(error) is shown to the caller."""

    status: ClassVar[int] = 500


class UnknownShop(ReportingError):
    status = 404


class NoSuchPeriod(ReportingError):
    status = 422
