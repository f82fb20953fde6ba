"""The command asks the services what they offer, and says plainly what came of it."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx
import jwt
import pytest
from pydantic import SecretStr
from typing_extensions import override

from huiliu_cli.client import Service, Session
from huiliu_cli.main import run
from web.app import build_api
from web.auth import AUDIENCE
from web.dead_letters import dead_letters
from web.settings import Port, ServiceSettings

SECRET = "0123456789abcdef0123456789abcdef"
LETTER = {
    "id": 7,
    "group": "segmenter",
    "topic": "orders.v1",
    "partition": 2,
    "offset": 41,
    "key": "tea-house:c-001",
    "event_id": "e-1",
    "reason": "unknown shop",
    "first_at": "2026-03-01T01:00:00Z",
    "replay_requested": False,
}

Answer: TypeAlias = Callable[[httpx.Request], httpx.Response]


class ApiSettings(ServiceSettings):
    http_port: Port = 0
    ops_port: Port = 0


@dataclass
class Remote(httpx.BaseTransport):
    """The far end: answers what it is told to, and keeps what it was asked."""

    answer: Answer
    asked: list[httpx.Request] = field(default_factory=list)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)


def says(*bodies: object, status: int = 200) -> Remote:
    left = [httpx.Response(status, json=body) for body in bodies]
    return Remote(lambda _: left.pop(0))


def call(remote: Remote, *argv: str, environment: Mapping[str, str] | None = None) -> int:
    given = {"HUILIU_TOKEN": "t"} if environment is None else environment
    return run(argv, Session(given, remote))


def test_letters_are_listed_from_the_named_service(capsys: pytest.CaptureFixture[str]) -> None:
    remote = says({"letters": [LETTER], "cursor": None})

    assert call(remote, "dead-letters", "list", "-s", "segmenter", "--topic", "orders.v1") == 0

    (asked,) = remote.asked
    assert asked.url.copy_with(query=None) == "http://127.0.0.1:8102/v1/dead-letters"
    assert dict(asked.url.params) == {"topic": "orders.v1", "limit": "50"}
    assert asked.headers["authorization"] == "Bearer t"
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("orders.v1", "tea-house:c-001", "unknown shop", "41"))


def test_a_long_list_is_fetched_page_by_page(capsys: pytest.CaptureFixture[str]) -> None:
    pages = [
        {"letters": [{**LETTER, "id": n} for n in range(200)], "cursor": "next"},
        {"letters": [{**LETTER, "id": n} for n in range(200, 250)], "cursor": "more"},
    ]
    remote = says(*pages)

    assert call(remote, "dead-letters", "list", "-s", "notifier", "--limit", "250", "--json") == 0

    assert [dict(asked.url.params) for asked in remote.asked] == [
        {"limit": "200"},
        {"limit": "50", "cursor": "next"},
    ]
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == list(range(250))


def test_a_letter_is_shown_with_its_record_as_far_as_it_is_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def whole(value: bytes) -> dict[str, Any]:
        encoded = base64.b64encode(value).decode()
        headers = [{"name": "ce_type", "value_base64": base64.b64encode(b"OrderFacts").decode()}]
        return {**LETTER, "value_base64": encoded, "headers": headers}

    remote = says(whole("订单".encode()), whole(b"\xff\xfe\x00"))
    for _ in range(2):
        assert call(remote, "dead-letters", "show", "7", "-s", "ingest") == 0

    shown = capsys.readouterr().out
    assert all(text in shown for text in ("订单", "3 bytes that are no text", "OrderFacts"))
    assert {asked.url.path for asked in remote.asked} == {"/v1/dead-letters/7"}


@pytest.mark.parametrize(
    ("argv", "body"),
    [
        (["3", "4"], {"ids": [3, 4]}),
        (["--key", "tea-house:c-001"], {"key": "tea-house:c-001"}),
        (["--reason", "unknown shop"], {"reason": "unknown shop"}),
        (["--all"], {"all": True}),
    ],
)
def test_a_replay_names_what_to_try_again(
    capsys: pytest.CaptureFixture[str], argv: list[str], body: dict[str, Any]
) -> None:
    remote = says({"requested": 1}, status=202)

    assert call(remote, "dead-letters", "replay", "-s", "reporting", *argv) == 0

    assert json.loads(remote.asked[0].content) == body
    assert capsys.readouterr().out == "1 letter will be tried again\n"


@pytest.mark.parametrize("argv", [[], ["3", "--all"], ["--key", "a", "--reason", "b"]])
def test_a_replay_must_name_exactly_one_thing(argv: list[str]) -> None:
    remote = says()

    assert call(remote, "dead-letters", "replay", "-s", "reporting", *argv) == 2

    assert remote.asked == []


def test_a_record_that_kills_its_consumers_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    remote = Remote(lambda _: httpx.Response(202, content=b"null"))

    assert call(remote, "dead-letters", "take", "orders.v1", "2", "41", "-s", "care-triggers") == 0

    assert str(remote.asked[0].url) == "http://127.0.0.1:8103/v1/dead-letters/take"
    body = json.loads(remote.asked[0].content)
    assert body == {"topic": "orders.v1", "partition": 2, "offset": 41}
    assert "go on behind it" in capsys.readouterr().out


def test_what_is_asked_is_what_the_services_offer() -> None:
    settings = ApiSettings(
        environment="test",
        database_url=SecretStr("postgresql+asyncpg://u:p@127.0.0.1/huiliu"),
        kafka_servers="127.0.0.1:9092",
        token_secret=SecretStr(SECRET),
    )
    api = build_api("Segmenter", [dead_letters("segmenter", "segmenter")], settings)
    offered = {
        (method.upper(), path)
        for path, methods in api.openapi()["paths"].items()
        for method in methods
    }

    assert {
        ("GET", "/v1/dead-letters"),
        ("GET", "/v1/dead-letters/{letter_id}"),
        ("POST", "/v1/dead-letters/replay"),
        ("POST", "/v1/dead-letters/take"),
    } <= offered


def test_shops_are_listed_and_explanations_told(capsys: pytest.CaptureFixture[str]) -> None:
    shop = {"shop_id": "tea-house", "name": "茶语", "zone": "Asia/Shanghai", "currency": "CNY"}
    story = {
        "customer_id": "c 1",
        "decisions": [{"rule_id": "unpaid-first", "result": "skipped", "reason": "paid"}],
        "deliveries": [],
    }
    remote = says({"shops": [shop], "cursor": None}, story)

    assert call(remote, "shops", "list") == 0
    assert call(remote, "explain", "c 1", "--shop", "tea-house", "--rule", "unpaid-first") == 0

    assert str(remote.asked[1].url) == (
        "http://127.0.0.1:8103/v1/shops/tea-house/explain?customer_id=c+1&rule_id=unpaid-first"
    )
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("茶语", "Asia/Shanghai", "skipped", "deliveries", "none"))


def test_what_comes_back_cannot_play_with_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = {**LETTER, "reason": "\x1b[2J[bold red]gone\x9b1m"}
    remote = says({"letters": [evil], "cursor": None}, {"letters": [evil], "cursor": None})

    call(remote, "dead-letters", "list", "-s", "ingest")
    call(remote, "dead-letters", "list", "-s", "ingest", "--json")

    shown = capsys.readouterr().out
    assert "[bold red]gone" in shown
    assert not {"\x1b", "\x9b"} & set(shown)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        pytest.param(
            httpx.Response(404, json={"title": "Not Found", "detail": "no such letter"}),
            "ingest: 404 no such letter\n",
            id="a problem is quoted",
        ),
        pytest.param(
            httpx.Response(
                422, json={"title": "No", "errors": [{"field": "/ids", "code": "too_long"}]}
            ),
            "ingest: 422 No (/ids: too_long)\n",
            id="with its places",
        ),
        pytest.param(
            httpx.Response(503, text="<html>", headers={"retry-after": "7"}),
            "ingest: 503 Service Unavailable\n",
            id="a proxy's page is not",
        ),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], answer: httpx.Response, line: str
) -> None:
    assert call(Remote(lambda _: answer), "dead-letters", "show", "7", "-s", "ingest") == 1

    told = capsys.readouterr()
    assert (told.out, told.err) == ("", line)


def test_a_service_that_does_not_answer_is_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    environment = {"HUILIU_TOKEN": "t", "HUILIU_INGEST_URL": "https://huiliu.example/ingest/"}

    assert call(Remote(refuse), "shops", "list", environment=environment) == 3

    assert capsys.readouterr().err == (
        "ingest does not answer at https://huiliu.example/ingest (connection refused): "
        "does it run? HUILIU_INGEST_URL says where it is.\n"
    )


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "HUILIU_TOKEN_SECRET is not set"),
        ({"HUILIU_TOKEN": "a\nb"}, "HUILIU_TOKEN is not a token"),
        ({"HUILIU_TOKEN": "t", "HUILIU_INGEST_URL": "localhost:8101"}, "must be an address"),
        ({"HUILIU_TOKEN": "t", "HUILIU_INGEST_URL": "http://[::1"}, "must be an address"),
    ],
)
def test_a_setting_that_will_not_do_is_status_2(
    capsys: pytest.CaptureFixture[str], environment: Mapping[str, str], told: str
) -> None:
    assert call(says(), "shops", "list", environment=environment) == 2

    assert told in capsys.readouterr().err


def test_a_local_stack_needs_only_its_secret(capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"HUILIU_TOKEN_SECRET": SECRET}
    remote = says({"shops": [], "cursor": None})

    assert call(remote, "shops", "list", environment=environment) == 0
    assert call(remote, "token", "--scope", "care:read", environment=environment) == 0

    sent = remote.asked[0].headers["authorization"].removeprefix("Bearer ")
    printed = capsys.readouterr().out.splitlines()[-1]
    claims = [jwt.decode(t, SECRET, ["HS256"], audience=AUDIENCE) for t in (sent, printed)]
    assert [(claim["shop"], claim["scopes"]) for claim in claims] == [
        ("*", ["shops:read"]),
        ("*", ["care:read"]),
    ]


@pytest.mark.parametrize("service", list(Service))
def test_each_service_has_its_variable(service: Service) -> None:
    remote = says({"letters": [], "cursor": None})
    variable = f"HUILIU_{service.replace('-', '_').upper()}_URL"
    environment = {"HUILIU_TOKEN": "t", variable: "http://elsewhere.example"}

    assert call(remote, "dead-letters", "list", "-s", service, environment=environment) == 0

    assert remote.asked[0].url.host == "elsewhere.example"
