"""What can go wrong in notifier, and what the caller should do about it.

NotifierError
├─ ForgedReceipt   401  not signed by the gateway it names, or too old: sign it with the secret
├─ UnknownGateway  404  no gateway of that name reports here: correct the callback URL
├─ Unreadable      422  not what the gateway that is named sends: look at what was pasted where
└─ BadText         422  a text of the rule cannot be rendered: correct the rule
"""


class NotifierError(Exception):
    """`str(error)` is public: no personal data."""

    status = 500


class ForgedReceipt(NotifierError):
    status = 401


class UnknownGateway(NotifierError):
    status = 404


class Unreadable(NotifierError):
    status = 422


class BadText(NotifierError):
    status = 422
