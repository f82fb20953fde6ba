"""Logs as JSON lines on stdout, without personal data, whoever writes them.

A line is an event with fields: `log.info("order paid", extra={"order_id": ...})`. Exceptions are
told by kind and place, never by text: drivers and validators quote values.
"""

import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from plumbing import faults, trace

MAX_TEXT: Final = 2000
HIDDEN: Final = "[hidden]"

# Below this they quote what they carry: keys and values, SQL parameters, URLs.
_QUIET: Final = {
    "aiokafka": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "mail.log": logging.WARNING,
    "python_http_client": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,  # its "started" and "finished" say what ours say
}
_COORDINATOR: Final = "aiokafka.consumer.group_coordinator"
# While its broker is away each client of it says so at every try, hundreds of times a second.
_REPETITIVE: Final = ("aiokafka",)
REPEATED_EVERY_S: Final = 5.0
_MOST_TEMPLATES: Final = 1000

_SECRET_NAMES: Final = re.compile(
    r"(?i)body|payload|(.*_)?(phone|mobile|e_?mail|address|street|birthday|full_?name|password"
    r"|passwd|secret|authorization|cookie|token|api_?key)(_.*)?"
)
_EDGE: Final = r"(?<![0-9A-Za-z])"
_END: Final = r"(?![0-9A-Za-z])"
_PERSONAL: Final = re.compile(
    "|".join(
        (
            r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+",  # mailboxes
            r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)",  # credentials in URLs
            r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*",  # bearer tokens
            rf"{_EDGE}(?:\+|00)\d(?:[ .()-]{{0,2}}\d){{6,14}}{_END}",  # international numbers
            rf"{_EDGE}(?:86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_END}",  # mainland mobiles
            rf"{_EDGE}\(?\d{{3}}\)?[ .-]\d{{3}}[ .-]\d{{4}}{_END}",  # North American numbers
        )
    )
)


def configure(service: str, level: str = "INFO", stream: TextIO = sys.stdout) -> None:
    """Send every log of this process to *stream*. Handlers that were there before are removed."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(service))
    handler.addFilter(Seldom(_REPETITIVE))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.getLogger(_COORDINATOR).addFilter(_is_news)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*_COMMON, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class Seldom:
    """A filter of a handler: lets a message of some loggers pass once in *every_s* seconds.

    Messages are alike that come from one logger and one template, whatever their arguments. The
    next one that passes tells in `more_like_this` how many were left out before it.

    Args:
        loggers: Their names; those below them are meant too.
        every_s: How long a message is not repeated.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        loggers: tuple[str, ...],
        every_s: float = REPEATED_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loggers = loggers
        self._every_s = every_s
        self._clock = clock
        self._passed: dict[tuple[str, int, str], tuple[float, int]] = {}  # when, left out since

    def __call__(self, record: logging.LogRecord) -> bool:
        if not any(f"{record.name}.".startswith(f"{name}.") for name in self._loggers):
            return True
        like, now = (record.name, record.levelno, str(record.msg)), self._clock()
        passed_at, left_out = self._passed.get(like, (float("-inf"), 0))
        if now < passed_at + self._every_s:
            self._passed[like] = passed_at, left_out + 1
            return False
        if len(self._passed) >= _MOST_TEMPLATES:
            self._passed.clear()
        self._passed[like] = now, 0
        if left_out:
            record.more_like_this = left_out
        return True


def formatter(service: str) -> logging.Formatter:
    """Return the formatter that any handler of ours must have: it redacts."""

    def named(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        event.pop("color_message", None)  # uvicorn's, for terminals
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_COMMON,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            named,
            redact,
            _render,
        ],
    )


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide what is personal or secret, by the field's name and by the look of the text."""
    return {name: _shown(name, value) for name, value in event.items()}


def mask(text: str) -> str:
    """Return *text* with numbers, mailboxes and credentials hidden."""
    return _PERSONAL.sub(HIDDEN, text)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell a first start from a fault: then the coordinator is not there yet, and is asked on."""
    asks_on = isinstance(record.args, tuple) and any(
        getattr(arg, "retriable", False) for arg in record.args
    )
    return not (asks_on and str(record.msg).startswith("Group Coordinator Request failed"))


def _shown(name: str, value: Any) -> Any:
    return HIDDEN if _SECRET_NAMES.fullmatch(name) else _clean(value)


def _clean(value: Any) -> Any:
    match value:
        case None | bool() | float():
            return value
        case int():
            return value if abs(value) < 10**9 else _number(value)
        case bytes():
            return _clean(value[:MAX_TEXT].decode("utf-8", "replace"))
        case Mapping():
            return {mask(str(name)): _shown(str(name), inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(inner) for inner in value]
        case _:
            return mask(str(value)[:MAX_TEXT])


def _number(value: int) -> int | str:
    """A telephone number stays one when it is passed as an integer."""
    return HIDDEN if _PERSONAL.fullmatch(str(value)) else value


def _explain(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event.update(faults.describe(error))
    return event


def _traced(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    found = trace.trace_id()
    if found:
        event["trace_id"] = found
    return event


def _render(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode()


_COMMON: Final[list[Processor]] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    _traced,
    _explain,
]
