"""Wrong settings are refused with one line that names them."""

import base64

import pytest

from ingest.settings import Settings
from web.settings import load

GOOD = {
    "HUILIU_ENVIRONMENT": "test",
    "HUILIU_DATABASE_URL": "postgresql+asyncpg://ingest:x@127.0.0.1/huiliu",
    "HUILIU_KAFKA_SERVERS": "127.0.0.1:9092",
    "HUILIU_TOKEN_SECRET": "a-secret-of-more-than-thirty-two-characters",
    "HUILIU_DATA_KEY": base64.b64encode(bytes(32)).decode(),
}


def test_good_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)

    assert load(Settings).http_port == 8101


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUILIU_DATABASE_URL", None),
        ("HUILIU_DATABASE_URL", "postgresql://ingest:x@127.0.0.1/huiliu"),
        ("HUILIU_DATA_KEY", "short"),
        ("HUILIU_DATA_KEY", None),
        ("HUILIU_DURABLE_S", "0.5"),
        ("HUILIU_PARTITIONS", "none"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str | None,
) -> None:
    for known, good in GOOD.items():
        monkeypatch.setenv(known, good)
    monkeypatch.delenv(name, raising=False)
    if value is not None:
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        load(Settings)

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"{name}: ")
    assert said.count("\n") == 1
