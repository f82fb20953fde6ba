"""Tell an unexpected error to the log without its text: drivers and validators quote values."""

import traceback

MAX_FRAMES = 12


def describe(error: BaseException) -> dict[str, str]:
    """Return log fields: the kinds of *error* and its causes, and the last frames of its stack."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return {
        "error": " <- ".join(_kinds(error)),
        "stack": " > ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames),
    }


def _kinds(error: BaseException) -> list[str]:
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 5:
        kinds.append(type(cause).__qualname__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return kinds
