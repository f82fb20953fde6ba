"""Wrong settings end the process with one line each, and name the variable."""

import json
from pathlib import Path
from typing import Any

import pytest

from notifier.main import reporters
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


PATH = "0123456789abcdefghijkl"
TENCENT = {"kind": "tencent", "path": PATH}
TWILIO = {
    "kind": "twilio",
    "path": f"{PATH}-2",
    "tokens": ["token"],
    "account": "AC01",
    "public_url": "https://in.example.com",
}
TOPIC = "arn:aws:sns:eu-west-1:111122223333:ses"
SES = {"kind": "ses", "path": f"{PATH}-3", "topics": [TOPIC]}


def test_gateways_that_report_in_their_own_words_are_listed(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("HUILIU_RECEIPTS", json.dumps([TENCENT, TWILIO, SES]))

    settings = load(Settings)

    assert [one.kind for one in settings.receipts] == ["tencent", "twilio", "ses"]
    assert set(reporters(settings)) == {"sms", PATH, f"{PATH}-2", f"{PATH}-3"}


def test_the_list_may_be_a_mounted_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "HUILIU_RECEIPTS").write_text(json.dumps([TENCENT]), "utf-8")
    environment.setenv("HUILIU_SECRETS_DIR", str(tmp_path))

    assert [one.kind for one in load(Settings).receipts] == ["tencent"]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("{", "HUILIU_RECEIPTS: cannot be read: JSON is expected"),
        ([{**TENCENT, "kind": "pager"}], "HUILIU_RECEIPTS__0: "),
        ([{**TENCENT, "colour": "red"}], "HUILIU_RECEIPTS__0__TENCENT__COLOUR: "),
        ([{**TENCENT, "path": "sms"}], "HUILIU_RECEIPTS__0__TENCENT__PATH: 22 to 64 random"),
        ([{**TENCENT, "networks": ["x"]}], "HUILIU_RECEIPTS__0__TENCENT__NETWORKS__0: a network"),
        ([{**TWILIO, "tokens": []}], "HUILIU_RECEIPTS__0__TWILIO__TOKENS: "),
        ([{**TWILIO, "tokens": [" a"]}], "HUILIU_RECEIPTS__0__TWILIO__TOKENS__0: a secret begins"),
        ([{**TWILIO, "public_url": "in.example.com"}], "HUILIU_RECEIPTS__0__TWILIO__PUBLIC_URL: "),
        ([{**SES, "topics": ["ses"]}], "HUILIU_RECEIPTS__0__SES__TOPICS__0: a topic is expected"),
        (
            [{"kind": "sendgrid", "path": PATH, "keys": ["AAAA"]}],
            "HUILIU_RECEIPTS__0__SENDGRID__KEYS__0: a verification key must",
        ),
        ([TENCENT, {**TWILIO, "path": PATH}], "HUILIU_RECEIPTS: two gateways report at one"),
    ],
)
def test_a_gateway_that_is_wrongly_listed_is_named(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: Any, line: str
) -> None:
    environment.setenv("HUILIU_RECEIPTS", said if isinstance(said, str) else json.dumps(said))

    with pytest.raises(SystemExit) as ended:
        load(Settings)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(line)


def test_reports_of_mail_need_a_mail_server(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("HUILIU_SMTP__HOST")
    environment.setenv("HUILIU_RECEIPTS", json.dumps([SES]))

    with pytest.raises(SystemExit):
        load(Settings)

    assert capsys.readouterr().err.startswith("HUILIU_RECEIPTS: one reports of e-mail")


def test_a_login_is_whole_or_none(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("HUILIU_SMTP__USERNAME", "x")

    with pytest.raises(SystemExit):
        load(Settings)

    assert "username and password come together" in capsys.readouterr().err
