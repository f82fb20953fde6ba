import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiokafka.errors import GroupCoordinatorNotAvailableError, InvalidGroupIdError
from typing_extensions import override

from plumbing import logs, trace

log = logging.getLogger("shelf")


@pytest.fixture
def lines() -> Iterator[Any]:
    """Everything that goes through the formatter, read back from its JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("shelf"))
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.removeHandler(handler)
    log.propagate = True


def test_a_line_is_an_event_with_fields(lines: Any) -> None:
    with trace.continued([]) as traceparent:
        log.info("order paid", extra={"order_id": "o1", "parts": (1, 2)})

    (line,) = lines()
    assert line["event"] == "order paid"
    assert (line["order_id"], line["parts"], line["level"]) == ("o1", [1, 2], "info")
    assert (line["service"], line["logger"]) == ("shelf", "shelf")
    assert line["trace_id"] == traceparent[3:35]
    assert line["at"].endswith("Z")


PERSONAL = [
    "13812345678",
    "+86 138 1234 5678",
    "138-1234-5678",
    "8613812345678",
    "+44 7700 900123",
    "(415) 555-2671",
    "415-555-2671",
    "wang.fang+shop@mail.example.cn",
    "postgresql://segmenter:hunter2@db",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_no_number_mailbox_or_credential_passes(lines: Any, text: str) -> None:
    secret = text.removeprefix("postgresql://").removesuffix("@db")
    log.debug("seen %s", text, extra={"a": text, "b": {"c": [f"x {text}, y"]}, "d": text.encode()})

    assert secret not in json.dumps(lines(), ensure_ascii=False)


def test_a_number_passed_as_an_integer_is_hidden_too(lines: Any) -> None:
    log.info("x", extra={"a": 13812345678, "offset": 12, "version_us": 1763990000123456})

    (line,) = lines()
    assert (line["a"], line["offset"], line["version_us"]) == ("[hidden]", 12, 1763990000123456)


@pytest.mark.parametrize(
    "name", ["phone", "customer_phone", "email", "Authorization", "api_key", "token", "body"]
)
def test_fields_that_are_named_so_are_hidden_whatever_they_hold(lines: Any, name: str) -> None:
    log.info("x", extra={name: "anything"})

    assert lines()[0][name] == "[hidden]"


@pytest.mark.parametrize(
    "text",
    ["6e1c1381-2345-4678-9abc-def012345678", "2026-11-25T02:14:00.123456Z", "orders.v1/3 at 1234"],
)
def test_ids_and_instants_stay_readable(text: str) -> None:
    assert logs.mask(text) == text


def test_an_exception_is_told_by_kind_and_place_never_by_text(lines: Any) -> None:
    def fail() -> None:
        try:
            dict[str, str]()["13812345678"]
        except KeyError as error:
            raise ValueError("wang@mail.example") from error

    try:
        fail()
    except ValueError:
        log.exception("failed")

    (line,) = lines()
    assert line["error"] == "ValueError <- KeyError"
    assert "test_logs.py" in line["stack"]
    assert "mail.example" not in json.dumps(line)


def test_what_is_no_text_is_shown_by_its_text_and_redacted(lines: Any) -> None:
    class Strange:
        @override
        def __str__(self) -> str:
            return "call 13812345678"

    log.info("x", extra={"a": Strange(), "b": float("nan")})

    assert lines()[0]["a"] == "call [hidden]"


@pytest.fixture
def seldom(lines: Any) -> Iterator[list[float]]:
    """Let alike messages pass once in 5 s of a clock that the test sets."""
    now = [100.0]
    rare = logs.Seldom(("shelf",), 5.0, lambda: now[0])
    handler = log.handlers[0]
    handler.addFilter(rare)
    yield now
    handler.removeFilter(rare)


def test_a_message_that_repeats_itself_passes_once_in_a_while_and_tells_how_often_it_did_not(
    lines: Any, seldom: list[float]
) -> None:
    for number in range(400):
        log.error("no connection to node %s", number)
    seldom[0] += 5.0
    log.error("no connection to node %s", 400)
    seldom[0] += 5.0
    log.error("no connection to node %s", 401)

    assert [line["event"][-3:] for line in lines()] == ["e 0", "400", "401"]
    assert [line.get("more_like_this") for line in lines()] == [None, 399, None]


def test_messages_that_differ_pass_at_once(lines: Any, seldom: list[float]) -> None:
    log.error("no connection to node %s", 1)
    log.error("no metadata from node %s", 1)
    log.warning("no connection to node %s", 1)

    assert len(lines()) == 3


def test_of_other_loggers_everything_passes(lines: Any) -> None:
    rare = logs.Seldom(("aiokafka", "she"))
    handler = log.handlers[0]
    handler.addFilter(rare)
    for _ in range(3):
        log.error("again")
    handler.removeFilter(rare)

    assert len(lines()) == 3


def test_templates_without_end_are_forgotten(lines: Any, seldom: list[float]) -> None:
    for number in range(1001):
        log.error(f"no connection to node {number}")  # noqa: G004 - as others write them
    log.error("no connection to node 0")

    assert len(lines()) == 1002


def test_configured_every_logger_speaks_json_and_the_talkative_are_quiet() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    try:
        logs.configure("shelf", "DEBUG", stream)
        structlog.get_logger("own").info("by structlog", phone="1")
        logging.getLogger("aiokafka.producer").debug("Sending (key=%s value=%s)", b"k", b"v")
        logging.getLogger("uvicorn.error").info("Started server process")
        coordinator = logging.getLogger("aiokafka.consumer.group_coordinator")
        for error in (GroupCoordinatorNotAvailableError(), InvalidGroupIdError()):
            coordinator.error("Group Coordinator Request failed: %s", error)
            coordinator.error("Group Coordinator Request failed: %s", error)
        logging.getLogger("other").info("by the standard library", extra={"color_message": "x"})
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()

    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    own, coordinators, standard = found
    assert (own["event"], own["phone"]) == ("by structlog", "[hidden]")
    assert coordinators["event"].endswith(f": {InvalidGroupIdError()}")
    assert standard["event"] == "by the standard library"
    assert "color_message" not in standard
    assert sys.stdout is not stream
