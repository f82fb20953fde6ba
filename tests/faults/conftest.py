"""Trials: `--form`, `--rows` and `--seed` choose them; each row leaves a JSON file."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, cast

import pytest

from localstack import Stack
from support.town import Town, open_town
from support.trial import ROOT, Form, Trial, save

OUT: Final = ROOT / ".local" / "faults"
SHORT_TIMEOUT_S: Final = 600
FULL_TIMEOUT_S: Final = 3 * 3600
TRIALS: Final = pytest.StashKey[list[Trial]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trials")
    group.addoption("--form", choices=("short", "full"), default="short")
    group.addoption("--rows", default="", help="which rows, such as 3,4; all if empty")
    group.addoption("--seed", default="", help="draw faults by this seed instead of the row's own")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "row(number, seed): the promise that a trial is of")
    config.stash[TRIALS] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = {int(row) for row in str(config.getoption("--rows", "")).split(",") if row.strip()}
    limit_s = SHORT_TIMEOUT_S if config.getoption("--form", "short") == "short" else FULL_TIMEOUT_S
    left_out = []
    for item in [one for one in items if "faults" in one.path.parts]:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(limit_s))
        marker = item.get_closest_marker("row")
        if wanted and (marker is None or marker.args[0] not in wanted):
            left_out.append(item)
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    """What this test shows of the row that its marker names."""
    marker = request.node.get_closest_marker("row")
    if marker is None:
        raise pytest.UsageError(f"{request.node.nodeid} has no mark of its row")
    form = cast("Form", request.config.getoption("--form", "short"))
    seed = str(request.config.getoption("--seed", "")) or marker.kwargs.get("seed", marker.args[0])
    one = Trial(marker.args[0], request.node.name, form, int(seed))
    request.config.stash[TRIALS].append(one)
    yield one
    one.end(failed=getattr(request.node, "has_failed", False))
    mine = [other for other in request.config.stash[TRIALS] if other.row == one.row]
    save(OUT, mine)
    if not one.failed:
        assert one.verdict == "held", f"row {one.row}: {one.verdict}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # its value passes through
    report = yield
    if call.when == "call" and call.excinfo is not None:
        item.has_failed = True  # type: ignore[attr-defined]  # a note for the fixture above
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what each trial has shown."""
    trials = config.stash[TRIALS]
    if not trials:
        return
    terminalreporter.section("promises")
    for one in sorted(trials, key=lambda trial: (trial.row, trial.test)):
        told = one.report()
        faults = ", ".join(f"{k} {v['seen']}/{v['needed']}" for k, v in told["faults"].items())
        breaches = ", ".join(f"{k} {v}" for k, v in told["breaches"].items())
        figures = ", ".join(f"{k} {v}" for k, v in told["figures"].items())
        terminalreporter.write_line(
            f"row {one.row:2} {told['verdict']}: {one.test} (seed {one.seed}, {told['seconds']} s)"
        )
        for what, text in (("faults", faults), ("breaches", breaches), ("figures", figures)):
            if text:
                terminalreporter.write_line(f"       {what}: {text}")
    terminalreporter.write_line(f"as JSON: {OUT.relative_to(ROOT)}")


@pytest.fixture
async def town(kafka: Stack, postgres: str, tmp_path: Path) -> AsyncIterator[Town]:
    """A house of the test's own, whose services the test starts."""
    async with open_town(kafka, postgres, tmp_path) as opened:
        yield opened
