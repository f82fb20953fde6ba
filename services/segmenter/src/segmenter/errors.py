"""What can go wrong in the segmenter's API, and what the caller should do about it.

SegmenterError
├─ UnknownShop      404  no such shop, or its first event has not arrived yet
├─ UnknownCustomer  404  nothing is known of such a customer
├─ UnknownItem      404  neither the catalogue nor any order has such an item
└─ BadQuestion      422  a day or a combination that has no answer: ask otherwise
"""


class SegmenterError(Exception):
    """The text is shown to the caller."""

    status = 500


class UnknownShop(SegmenterError):
    status = 404
    slug = "not-found"


class UnknownCustomer(SegmenterError):
    status = 404
    slug = "not-found"


class UnknownItem(SegmenterError):
    status = 404
    slug = "not-found"


class BadQuestion(SegmenterError):
    status = 422
    slug = "unprocessable"
