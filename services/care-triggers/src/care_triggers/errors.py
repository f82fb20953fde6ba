"""What can go wrong in care-triggers, and what the caller should do about it.

CareTriggersError
├─ TaskNotFound  404  no such task in this shop
└─ TaskEnded     409  somebody has ended it already, or its cause is gone
"""


class CareTriggersError(Exception):
    status = 500


class TaskNotFound(CareTriggersError):
    status = 404
    slug = "not-found"


class TaskEnded(CareTriggersError):
    status = 409
    slug = "task-ended"
