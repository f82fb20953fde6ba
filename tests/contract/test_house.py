"""The house keeps its own rules: what a linter from outside cannot know."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from support.manifests import defaults

ROOT = Path(__file__).parent.parent.parent
SERVICES = ["ingest", "segmenter", "care-triggers", "notifier", "reporting"]
UNITS = ("_seconds", "_total", "_bytes", "_ratio", "_records", "_rows", "_info")
# The process' own figures, by prometheus-client.
FOREIGN = ("process_", "python_")
SKELETON = {
    "README.md",
    "pyproject.toml",
    "Dockerfile",
    "migrations/env.py",
    "migrations/script.py.mako",
    "src/{package}/main.py",
    "src/{package}/settings.py",
    "src/{package}/errors.py",
    "src/{package}/metrics.py",
    "src/{package}/domain/__init__.py",
    "src/{package}/app/__init__.py",
    "src/{package}/edges/consumer.py",
    "src/{package}/edges/api.py",
    "src/{package}/edges/store.py",
    "src/{package}/edges/tables.py",
}


def package(service: str) -> str:
    return service.replace("-", "_")


def sources(*roots: str) -> Iterator[Path]:
    for root in roots:
        for path in sorted((ROOT / root).glob("*/src/**/*.py")):
            if not path.name.endswith("_pb2.py"):
                yield path


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("service", SERVICES)
def test_all_services_are_laid_out_alike(service: str) -> None:
    wanted = {name.format(package=package(service)) for name in SKELETON}

    assert {name for name in wanted if not (ROOT / "services" / service / name).exists()} == set()


def test_nobody_commits_but_the_edge_that_began() -> None:
    found = [
        where(path, line)
        for path in sources("libs", "services")
        for line, name in calls(path)
        if name.endswith(".commit") and path.parts[-2:] != ("plumbing", "consume.py")
    ]

    assert found == []


def test_time_is_an_argument() -> None:
    """Only a signature's age, a token's and the first instant of a process come from its clock."""
    allowed = re.compile(r"(main|auth|standard)\.py$")
    found = [
        where(path, line)
        for path in sources("libs", "services")
        for line, name in calls(path)
        if name in ("datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns")
        and not allowed.search(path.name)
    ]

    assert found == []


def test_the_pure_part_awaits_nothing() -> None:
    found = [
        where(path, node.lineno)
        for path in sources("services")
        if "domain" in path.parts
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]

    assert found == []


def test_every_metric_ends_in_its_unit_and_says_what_it_means() -> None:
    for service in SERVICES:
        importlib.import_module(f"{package(service)}.metrics")

    wrong = [
        family.name
        for family in REGISTRY.collect()
        if not family.name.startswith(FOREIGN)
        # A counter's family drops its _total.
        and (
            not (family.name + ("_total" if family.type == "counter" else "")).endswith(UNITS)
            or not family.documentation
        )
    ]

    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_is_in_the_readme_of_its_service(service: str) -> None:
    settings = importlib.import_module(f"{package(service)}.settings").Settings
    readme = (ROOT / "services" / service / "README.md").read_text("utf-8")

    missing = [name for name, _ in defaults(settings) if f"`{name}`" not in readme]

    assert missing == []


def test_every_crash_point_is_passed_somewhere_and_no_other() -> None:
    from plumbing.crashpoint import NAMES  # noqa: PLC0415 - the rest needs no library of ours

    passed = {
        name
        for path in sources("libs", "services")
        for name in re.findall(r'crashpoint\(\s*"([a-z-]+)"', path.read_text("utf-8"))
    }

    assert passed == set(NAMES)
    assert len(NAMES) == 15


def test_no_build_or_lock_file_names_an_address() -> None:
    """A lock with addresses would tie everybody to one registry."""
    names = ["requirements.lock", "pyproject.toml", "Makefile", ".ci/run"]
    names += ["tools/clients/requirements.lock", "tools/clients/package.json"]
    texts = {name: (ROOT / name).read_text("utf-8") for name in names}

    assert '"resolved"' not in (ROOT / "tools/clients/package-lock.json").read_text("utf-8")
    assert [name for name, text in texts.items() if re.search(r"https?://", text)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_times_that_trials_shorten_have_the_promised_defaults(service: str) -> None:
    fields = importlib.import_module(f"{package(service)}.settings").Settings.model_fields
    names = ("session_timeout_ms", "idle_timeout_ms", "stuck_after_s")

    assert [fields[name].default for name in names] == [10_000, 15_000, 60]
