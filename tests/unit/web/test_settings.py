import base64
from pathlib import Path

import pytest
from pydantic import Field

from web.serve import subcommands
from web.settings import DataKey, MigrationSettings, Port, ServiceSettings, load

URL = "postgresql+asyncpg://segmenter:correct-horse@127.0.0.1/huiliu"
GOOD = {
    "HUILIU_ENVIRONMENT": "test",
    "HUILIU_DATABASE_URL": URL,
    "HUILIU_KAFKA_SERVERS": "127.0.0.1:9092",
    "HUILIU_TOKEN_SECRET": "0123456789abcdef0123456789abcdef",
    "HUILIU_DATA_KEY": base64.b64encode(b"k" * 32).decode(),
}


class Settings(ServiceSettings):
    http_port: Port = 8109
    ops_port: Port = 9109
    data_key: DataKey = Field(description="base64 of 32 bytes")


@pytest.fixture(autouse=True)
def _good(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        load(Settings)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_good_settings_are_read() -> None:
    settings = load(Settings)

    assert (settings.http_port, settings.partitions, settings.environment) == (8109, 32, "test")
    assert settings.database_url.get_secret_value() == URL


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DATABASE_URL", None, "HUILIU_DATABASE_URL: missing; set it to: postgresql+asyncpg"),
        ("DATABASE_URL", "postgresql://u@h/d", "must begin with postgresql+asyncpg://"),
        ("DATABASE_URL", "postgresql+asyncpg://u@h", "lacks the host or the database's name"),
        ("KAFKA_SERVERS", "", "HUILIU_KAFKA_SERVERS: "),
        ("HTTP_PORT", "http", "HUILIU_HTTP_PORT: "),
        ("PARTITIONS", "0", "HUILIU_PARTITIONS: "),
        ("TOKEN_SECRET", None, "HUILIU_TOKEN_SECRET: missing"),
        ("TOKEN_SECRET", "short-one", "is shorter than 32 characters"),
        ("TOKEN_SECRET", "   ", "HUILIU_TOKEN_SECRET: is blank"),
        ("TOKEN_KEYS_FILE", "/nowhere", "not both"),
        ("ENVIRONMENT", "production", "production takes no shared secret"),
        ("DATA_KEY", "dG9vLXNob3J0LW9uZQ==", "HUILIU_DATA_KEY: "),
    ],
)
def test_a_wrong_setting_ends_the_process_with_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
    line: str,
) -> None:
    if value is None:
        monkeypatch.delenv(f"HUILIU_{name}")
    else:
        monkeypatch.setenv(f"HUILIU_{name}", value)
    said = complaint(capsys)

    assert line in said
    assert said.count("\n") == 1
    assert "correct-horse" not in said
    assert not value or len(value) < 8 or name == "ENVIRONMENT" or value not in said


def test_production_refuses_what_everyone_knows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HUILIU_ENVIRONMENT", "production")
    monkeypatch.delenv("HUILIU_TOKEN_SECRET")
    monkeypatch.setenv("HUILIU_TOKEN_KEYS_FILE", str(tmp_path / "keys.json"))
    monkeypatch.setenv("HUILIU_DATABASE_URL", "postgresql+asyncpg://u:postgres@db/huiliu")

    assert "well-known password" in complaint(capsys)


def test_secrets_come_from_files_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HUILIU_TOKEN_SECRET")
    (tmp_path / "HUILIU_TOKEN_SECRET").write_text("f" * 32 + "\n")
    monkeypatch.setenv("HUILIU_SECRETS_DIR", str(tmp_path))
    secret = load(Settings).token_secret

    assert secret is not None
    assert secret.get_secret_value() == "f" * 32


def test_migrations_need_the_owners_url_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HUILIU_OWNER_URL", URL)

    assert load(MigrationSettings).owner_url.get_secret_value() == URL


@pytest.mark.parametrize(
    ("argv", "done"), [([], "serve"), (["serve"], "serve"), (["migrate"], "migrate")]
)
def test_a_service_serves_unless_told_to_migrate(argv: list[str], done: str) -> None:
    calls: list[str] = []
    subcommands(lambda: calls.append("serve"), lambda: calls.append("migrate"), argv)

    assert calls == [done]


@pytest.mark.parametrize("argv", [["server"], ["serve", "now"], ["--help"], [""]])
def test_another_argument_shows_the_usage(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        subcommands(pytest.fail, pytest.fail, argv)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")
