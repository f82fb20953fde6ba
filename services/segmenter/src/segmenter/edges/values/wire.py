"""What the segmenter and the process that fits say to each other, in frames of msgpack."""

from datetime import date
from typing import Final, Literal, TypeAlias

import msgspec

from segmenter.domain.value import Buying, Spending


class Setup(msgspec.Struct):
    """What the process is told first. Its arguments and environment hold no secret."""

    database_url: str
    most_memory_bytes: int


class FitOf(msgspec.Struct, frozen=True):
    """Fit what the shop's customers did up to *day*, within *takes_s*."""

    shop_id: str
    day: date
    takes_s: float


class Model(msgspec.Struct, frozen=True, tag="model"):
    """What came of a fit; without *buying* no number of it may be shown, and *state* says why.

    *repeaters* are those who came again, *needed* so many of them. Of a large shop every so many-th
    customer was taken. *calibration* is the repeats that the model expects over those that were.
    """

    state: Literal["fitted", "not_enough_data", "no_fit"]
    customers: int
    repeaters: int
    needed: int
    every: int = 1
    reason: str = ""
    buying: Buying | None = None
    log_likelihood: float | None = None
    calibration: float | None = None
    spending: Spending | None = None
    spending_reason: str = ""
    spending_log_likelihood: float | None = None


class Away(msgspec.Struct, tag="away"):
    """Postgres cannot be reached."""

    error: str


class TooMuch(msgspec.Struct, tag="too much"):
    """It needs more memory than the process may have, which ends with this word."""


class Failed(msgspec.Struct, tag="failed"):
    """A fault of ours, as the log shall have it."""

    error: str
    stack: str


Said: TypeAlias = Model | Away | TooMuch | Failed

SETUP: Final = msgspec.msgpack.Decoder(Setup)
ASK: Final = msgspec.msgpack.Decoder(FitOf)
SAID: Final[msgspec.msgpack.Decoder[Said]] = msgspec.msgpack.Decoder(Said)
