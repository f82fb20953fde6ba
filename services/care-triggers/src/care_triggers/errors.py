"""What can go wrong in care-triggers, and what the caller should do about it.

CareTriggersError
├─ BadQuestion   422  a day or a span that has no answer: ask otherwise
├─ UnknownShop   404  the shop was not announced yet
├─ TaskNotFound  404  no such task in this shop
└─ TaskEnded     409  somebody has ended it already, or its cause is gone
"""


class CareTriggersError(Exception):
    status = 500


class BadQuestion(CareTriggersError):
    status = 422
    slug = "unprocessable"


class UnknownShop(CareTriggersError):
    status = 404
    slug = "not-found"


class TaskNotFound(CareTriggersError):
    status = 404
    slug = "not-found"


class TaskEnded(CareTriggersError):
    status = 409
    slug = "task-ended"
