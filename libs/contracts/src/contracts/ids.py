"""Identifiers that are derived, not drawn: the same fact has the same id, whoever makes it."""

import uuid
from collections.abc import Callable
from typing import Final

import uuid_utils

# Fixed for ever: uuid5(NAMESPACE_DNS, "huiliu").
NAMESPACE: Final = uuid_utils.UUID(str(uuid.uuid5(uuid.NAMESPACE_DNS, "huiliu")))


def derive(*parts: str) -> str:
    """Return uuid5 of *parts*; their order counts, and no part runs into the next."""
    return str(uuid_utils.uuid5(NAMESPACE, "\x1f".join(parts)))


def deriver(*parts: str) -> Callable[[str], str]:
    """Return what derives an id from *parts* and one more."""
    before = "\x1f".join([*parts, ""])
    return lambda last: str(uuid_utils.uuid5(NAMESPACE, before + last))


def message_id(shop_id: str, rule_id: str, once_key: str, step: str) -> str:
    """Return the id of a message: a timer rebuilt by replay is the same message."""
    return derive("message", shop_id, rule_id, once_key, step)
