"""Wrong settings end the process with one line each, and name the variable."""

import pytest

from notifier.settings import Settings
from web.settings import load

GOOD = {
    "HUILIU_ENVIRONMENT": "test",
    "HUILIU_DATABASE_URL": "postgresql+asyncpg://a:b@h/d",
    "HUILIU_KAFKA_SERVERS": "h:1",
    "HUILIU_TOKEN_SECRET": "0123456789" * 4,
    "HUILIU_DATA_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "HUILIU_SMS__URL": "http://gateway.example/sms",
    "HUILIU_SMS__SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "HUILIU_SMS__PRICES_MICROS": '{"US": 8000}',
    "HUILIU_SMTP__HOST": "mail.example",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_settings_make_the_terms(environment: pytest.MonkeyPatch) -> None:
    settings = load(Settings)

    outlets = {channel.value: one.gateway for channel, one in settings.terms().outlets.items()}
    assert outlets == {"sms": "sms", "email": "smtp"}
    assert settings.sms.receipt_key == GOOD["HUILIU_SMS__SECRET"]
    assert (settings.http_port, settings.ops_port) == (8104, 9104)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HUILIU_SMS__URL", "gopher://x"),
        ("HUILIU_SMS__URL", "http://user:word@gateway.example/"),
        ("HUILIU_SMS__SECRET", "nope"),
        ("HUILIU_SMS__CURRENCY", "yuan"),
        ("HUILIU_SMS__PRICE_MICROS", "0.045"),
        ("HUILIU_SMTP__PORT", "0"),
        ("HUILIU_DATA_KEY", "abc"),
        ("HUILIU_CLAIM_TIMEOUT_S", "20"),
        ("HUILIU_IN_FLIGHT", "0"),
    ],
)
def test_a_wrong_one_is_named(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
) -> None:
    environment.setenv(variable, value)

    with pytest.raises(SystemExit) as ended:
        load(Settings)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"{variable}: ")


def test_a_login_is_whole_or_none(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("HUILIU_SMTP__USERNAME", "x")

    with pytest.raises(SystemExit):
        load(Settings)

    assert "username and password come together" in capsys.readouterr().err
