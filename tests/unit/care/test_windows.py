"""Send windows and days: judged by the clocks of the place, on the days when clocks jump too."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from care.calendar import Days, UnknownZone, at_wall, day_of, start_of_day, zone
from care.windows import SendWindow, zones_of_country, zones_of_receiver
from contracts.events import Region

SMS = SendWindow(time(9), time(21))
SHANGHAI = ("Asia/Shanghai",)
MINUTE = timedelta(minutes=1)
# Jumps of a day, half an hour, at midnight; zones east and west of everybody.
PLACES = (
    "Asia/Shanghai",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Pacific/Kiritimati",
    "Asia/Kathmandu",
)
JUMPS = (
    datetime(2011, 12, 29, 20, tzinfo=UTC),  # Apia skips the 30th
    datetime(2017, 10, 14, 20, tzinfo=UTC),  # Sao Paulo has no midnight
    datetime(2018, 2, 17, 20, tzinfo=UTC),  # ... and has an hour twice
    datetime(2026, 3, 8, 2, tzinfo=UTC),  # New York
    datetime(2026, 10, 31, 22, tzinfo=UTC),
    datetime(2026, 4, 4, 10, tzinfo=UTC),  # Lord Howe, by half an hour
    datetime(2026, 2, 14, 22, tzinfo=UTC),  # Casablanca before Ramadan
)
instants = st.builds(
    lambda start, minutes: start + minutes * MINUTE,
    st.sampled_from(JUMPS),
    st.integers(-1_500, 2_900),
)
PIECES = (
    ("America/St_Johns", datetime(2010, 11, 7, 2, tzinfo=UTC)),  # 00:01 becomes 23:01
    ("America/Sao_Paulo", datetime(2018, 2, 18, 1, tzinfo=UTC)),  # 00:00 becomes 23:00
    ("Pacific/Apia", datetime(2011, 12, 30, 8, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, 2, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, tzinfo=UTC)),
)
windows = st.builds(
    lambda start, length: SendWindow(
        time(start // 60, start % 60),
        (datetime(2000, 1, 1) + timedelta(minutes=min(start + length, 1_439))).time(),  # noqa: DTZ001 - only a time of day
    ),
    st.integers(0, 1_430),
    st.integers(5, 1_000),
)


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 5, 1, hour, minute, second, tzinfo=zone("Asia/Shanghai"))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        pytest.param(at(8, 59, 59), False, id="08:59:59"),
        pytest.param(at(9, 0, 0), True, id="09:00:00"),
        pytest.param(at(20, 59, 59), True, id="20:59:59"),
        pytest.param(at(21, 0, 0), False, id="21:00:00"),
    ],
)
def test_sms_goes_from_nine_to_nine(instant: datetime, expected: bool) -> None:
    assert SMS.is_open(instant.astimezone(UTC), SHANGHAI) is expected


def test_what_comes_too_early_or_late_waits_for_nine() -> None:
    tomorrow = at(9, 0, 0) + timedelta(days=1)

    assert SMS.next_opening(at(3, 0, 0), SHANGHAI) == at(9, 0, 0)
    assert SMS.next_opening(at(12, 0, 0), SHANGHAI) == at(12, 0, 0)
    assert SMS.next_opening(at(21, 0, 0), SHANGHAI) == tomorrow
    assert SMS.closing(at(12, 0, 0), SHANGHAI) == at(21, 0, 0)
    assert SMS.closing(at(3, 0, 0), SHANGHAI) == at(3, 0, 0)


def test_several_zones_meet_in_the_hours_that_all_allow() -> None:
    coasts = ("America/New_York", "America/Los_Angeles")
    nine_in_los_angeles = datetime(2026, 7, 1, 16, tzinfo=UTC)

    assert SMS.next_opening(datetime(2026, 7, 1, 13, tzinfo=UTC), coasts) == nine_in_los_angeles
    assert SMS.closing(nine_in_los_angeles, coasts) == datetime(2026, 7, 2, 1, tzinfo=UTC)


def test_windows_that_never_meet_have_no_opening() -> None:
    short = SendWindow(time(9), time(10))

    assert short.next_opening(at(0, 0, 0), ("Asia/Shanghai", "Europe/London")) is None


def test_a_window_opens_before_it_closes() -> None:
    with pytest.raises(ValueError, match="21:00:00-09:00:00"):
        SendWindow(time(21), time(9))


@given(instants, windows, st.lists(st.sampled_from(PLACES), min_size=1, max_size=2))
@example(JUMPS[0], SMS, ["Pacific/Apia"])
def test_the_next_opening_is_open_and_the_first(
    instant: datetime, window: SendWindow, zones: Sequence[str]
) -> None:
    found = window.next_opening(instant, zones)

    expected = next(
        (
            moment
            for moment in (instant + minute * MINUTE for minute in range(4 * 1_440))
            if window.is_open(moment, zones)
        ),
        None,
    )
    assert found == expected


@given(instants, windows, st.sampled_from(PLACES))
def test_the_closing_is_closed_and_the_first(
    instant: datetime, window: SendWindow, place: str
) -> None:
    moment = instant
    while window.is_open(moment, [place]):
        moment += MINUTE

    assert window.closing(instant, [place]) == moment


@pytest.mark.parametrize(
    ("own", "region", "phone", "expected"),
    [
        pytest.param("Europe/Paris", Region("CN"), "+8613812345678", ("Europe/Paris",), id="own"),
        pytest.param("Mars/Base", Region("DE"), None, zones_of_country("DE"), id="own is none"),
        pytest.param(None, Region("CN", "新疆"), "+14155552671", SHANGHAI, id="the address"),
        pytest.param(None, Region("XX"), "+8613812345678", SHANGHAI, id="address unknown"),
        pytest.param(None, None, "+8613812345678", SHANGHAI, id="the number"),
        pytest.param(None, None, "+80012345678", ("Asia/Tokyo",), id="a number of no country"),
        pytest.param(None, None, "nonsense", ("Asia/Tokyo",), id="no number"),
        pytest.param(None, None, None, ("Asia/Tokyo",), id="the shop"),
    ],
)
def test_the_receivers_zone_comes_from_the_nearest_that_knows(
    own: str | None, region: Region | None, phone: str | None, expected: tuple[str, ...]
) -> None:
    assert zones_of_receiver(own=own, region=region, phone=phone, shop="Asia/Tokyo") == expected


def test_a_country_of_many_zones_gives_them_all() -> None:
    zones = zones_of_receiver(own=None, region=None, phone="+14155552671", shop="Asia/Tokyo")

    assert {"America/New_York", "Pacific/Honolulu"} <= set(zones)
    assert SMS.next_opening(at(12, 0, 0), zones) is not None


@pytest.mark.parametrize("name", ["Mars/Base", "", "../etc/passwd", "Asia", "a\x00b"])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


def test_a_day_is_the_places_own() -> None:
    late = datetime(2026, 5, 1, 16, 0, tzinfo=UTC)

    assert day_of(late, "Asia/Shanghai") == date(2026, 5, 2)
    assert day_of(late - timedelta(microseconds=1), "Asia/Shanghai") == date(2026, 5, 1)
    assert start_of_day(date(2026, 5, 2), "Asia/Shanghai") == late


@pytest.mark.parametrize(
    ("day", "wall", "place", "expected"),
    [
        pytest.param(
            date(2017, 10, 15), time(0), "America/Sao_Paulo",
            datetime(2017, 10, 15, 3, tzinfo=UTC), id="a day without midnight",
        ),
        pytest.param(
            date(2011, 12, 30), time(0), "Pacific/Apia",
            datetime(2011, 12, 30, 10, tzinfo=UTC), id="a skipped day",
        ),
        pytest.param(
            date(2026, 11, 1), time(1, 30), "America/New_York",
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC), id="a time that comes twice: the first",
        ),
        pytest.param(
            date(2026, 3, 8), time(2, 30), "America/New_York",
            datetime(2026, 3, 8, 7, tzinfo=UTC), id="a time that never comes: after the gap",
        ),
    ],
)  # fmt: skip
def test_a_time_of_day_becomes_an_instant(
    day: date, wall: time, place: str, expected: datetime
) -> None:
    assert at_wall(day, wall, place) == expected


@given(instants, st.sampled_from(PLACES))
def test_each_instant_lies_in_its_own_day(instant: datetime, place: str) -> None:
    day = day_of(instant, place)

    assert start_of_day(day, place) <= instant < start_of_day(day + timedelta(days=1), place)


@given(
    st.sampled_from(PIECES),
    st.lists(st.integers(-4_000, 4_000), min_size=1, max_size=12),
)
def test_a_day_that_is_remembered_is_the_day(
    piece: tuple[str, datetime], minutes: list[int]
) -> None:
    where, jump = piece
    days = Days(where)

    for one in minutes:
        instant = jump + one * MINUTE
        assert days.of(instant) == day_of(instant, where)
