"""What a shop says of itself that value and churn depend on. What cannot be read is not said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from segmenter.domain.churn import PERCENTS

CHURN_PERCENTS: Final = "churn_percents"  # such as "50,80,95"
MARGIN_PERCENT: Final = "margin_percent"
ACQUISITION_COST_MINOR: Final = "acquisition_cost_minor"  # per customer

MOST_MINOR: Final = 10**12


@dataclass(frozen=True, slots=True)
class Terms:
    churn_percents: tuple[int, ...] = PERCENTS
    margin_percent: int = 100
    acquisition_cost_minor: int = 0


def terms_of(settings: Mapping[str, str]) -> Terms:
    """Return what *settings* of a shop say, and the defaults for what they do not."""
    usual = Terms()
    percents = settings.get(CHURN_PERCENTS, "").split(",")
    steps = tuple(_whole(one, 1, 100, default=0) for one in percents)
    return Terms(
        churn_percents=steps if _ascend(steps) else usual.churn_percents,
        margin_percent=_whole(settings.get(MARGIN_PERCENT, ""), 0, 100, usual.margin_percent),
        acquisition_cost_minor=_whole(
            settings.get(ACQUISITION_COST_MINOR, ""), 0, MOST_MINOR, usual.acquisition_cost_minor
        ),
    )


def _ascend(steps: tuple[int, ...]) -> bool:
    return len(steps) == len(PERCENTS) and 0 < steps[0] < steps[1] < steps[2]


def _whole(text: str, least: int, most: int, default: int) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(most)):
        return default
    return number if least <= (number := int(digits)) <= most else default
