"""Which Java and which ports, and what a person is told when there is none."""

import socket
from pathlib import Path

import pytest

from localstack import StackError, java
from localstack.jars import kafka_jars
from localstack.places import FIRST_PORT, LAST_PORT, choose_port, free_port


def program(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "java"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_java_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(tmp_path, "echo 'openjdk version \"21.0.2\"' >&2")
    monkeypatch.setenv("HUILIU_JAVA", str(named))

    assert java.find_java() == str(named)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("echo 'java version \"1.8.0_392\"' >&2", "is Java 8", id="too old"),
        pytest.param("exit 1", "does not run", id="broken"),
    ],
)
def test_a_named_java_that_will_not_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, told: str
) -> None:
    monkeypatch.setenv("HUILIU_JAVA", str(program(tmp_path, text)))

    with pytest.raises(StackError, match=told):
        java.find_java()


def test_a_port_that_is_named_must_be_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("HUILIU_KAFKA_PORT", str(port))
        with pytest.raises(StackError, match=f"Port {port} .HUILIU_KAFKA_PORT. is in use"):
            choose_port("HUILIU_KAFKA_PORT", None)

    assert choose_port("HUILIU_KAFKA_PORT", None) == port


def test_a_remembered_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        remembered = taken.getsockname()[1]
        assert choose_port("HUILIU_NO_SUCH_PORT", remembered) != remembered

    assert choose_port("HUILIU_NO_SUCH_PORT", remembered) == remembered


def test_a_free_port_is_given_once_and_is_not_one_for_outgoing_connections() -> None:
    given = [free_port() for _ in range(100)]

    assert len(set(given)) == 100
    assert all(FIRST_PORT <= port <= LAST_PORT for port in given)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "ninety", ""])
def test_nonsense_is_no_port(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUILIU_KAFKA_PORT", text)

    with pytest.raises(StackError, match="not a port"):
        choose_port("HUILIU_KAFKA_PORT", None)


async def test_a_fetch_without_a_network_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but nobody listens
        proxy = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy)
        with pytest.raises(StackError, match=r"could not be fetched.*network.*what has arrived"):
            await kafka_jars(tmp_path)

    assert "fetching Apache Kafka" in capsys.readouterr().err
    assert not (tmp_path / "kafka-4.3.0").exists()
