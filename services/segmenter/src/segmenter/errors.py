"""What can go wrong in the segmenter's API, and what the caller should do about it.

SegmenterError
├─ UnknownShop      404  no such shop, or its first event has not arrived yet
├─ UnknownCustomer  404  nothing is known of such a customer
├─ UnknownItem      404  neither the catalogue nor any order has such an item
├─ UnknownAudience  404  no such audience
├─ NotEnoughPoints  409  there are fewer points than were to be taken: the text tells how many
├─ RequestTaken     409  the id of the request belongs to another: choose a new one
├─ AudienceConflict 409  a name that is taken, an audience in use, or too many of them
├─ BadQuestion      422  a day or a combination that has no answer: ask otherwise
├─ TooCostly        422  a filter that takes too long to answer: ask for less
└─ TooManyQuestions 503  enough filters are being answered now: again after Retry-After
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


class NotEnoughPoints(SegmenterError):
    status = 409
    slug = "not-enough-points"


class RequestTaken(SegmenterError):
    status = 409
    slug = "request-taken"


class UnknownItem(SegmenterError):
    status = 404
    slug = "not-found"


class BadQuestion(SegmenterError):
    status = 422
    slug = "unprocessable"


class UnknownAudience(SegmenterError):
    status = 404
    slug = "not-found"


class AudienceConflict(SegmenterError):
    status = 409
    slug = "conflict"


class TooCostly(SegmenterError):
    status = 422
    slug = "too-costly"


class TooManyQuestions(SegmenterError):
    status = 503
    slug = "busy"
    retry_after_s = 2
