"""The documents of docs/api: whole, and nothing in them that the code does not hold."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import TypeAdapter

from contracts.topics import TOPICS
from documents.api import ingest_api
from ingest.edges.shown import SHOWN as OF_INGEST
from web.bodies import JsonBody
from web.dead_letters import SHOWN as OF_DEAD_LETTERS
from web.problems import MEDIA_TYPE

ROOT: Final = Path(__file__).parent.parent.parent
API: Final = ROOT / "docs" / "api"
PLATFORMS_OWN: Final = "receive_push"  # bodies and answers
SHOWN: Final = {**OF_INGEST, **OF_DEAD_LETTERS}
OPENAPI: Final[Mapping[str, Any]] = json.loads((API / "ingest.openapi.json").read_text("utf-8"))
ASYNCAPI: Final[Mapping[str, Any]] = json.loads((API / "topics.asyncapi.json").read_text("utf-8"))
OPERATIONS: Final[Mapping[str, Any]] = {
    operation["operationId"]: operation
    for operations in OPENAPI["paths"].values()
    for operation in operations.values()
}
ROUTES: Final[Mapping[str, RouteContext]] = {
    route.operation_id: route
    for route in iter_route_contexts(ingest_api().routes)
    if isinstance(route.original_route, APIRoute)
}


def calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls(inner)


def resolved(told: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in told:
        return told
    found: Any = OPENAPI
    for step in told["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


def test_every_operation_is_shown_and_no_other() -> None:
    assert set(OPERATIONS) == set(ROUTES) == set(SHOWN)
    assert [name for name, one in OPERATIONS.items() if "default" in one["responses"]] == []


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {PLATFORMS_OWN}))
def test_what_is_asked_and_answered_has_an_example_that_its_model_takes(name: str) -> None:
    route, shown = ROUTES[name], SHOWN[name]
    bodies = [call for call in calls(route.dependant) if isinstance(call, JsonBody)]

    assert len(bodies) == bool(shown.bodies)
    for body in bodies:
        for example in shown.bodies.values():
            body.adapter.validate_json(json.dumps(example))
    assert (route.response_model is None) == (shown.answer is None)
    if shown.answer is not None:
        read = TypeAdapter(route.response_model).validate_json(json.dumps(shown.answer))
        assert set(shown.answer) == set(type(read).model_fields)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_refusal_is_a_problem_with_its_type_and_its_meaning(name: str) -> None:
    answers = {int(status): resolved(one) for status, one in OPERATIONS[name]["responses"].items()}
    refusals = {status: one for status, one in answers.items() if status >= 400}
    if name == PLATFORMS_OWN:  # who cannot sign hears it in one word
        del refusals[401]

    assert {400, 431, 500, 503} <= set(refusals)
    for status, one in refusals.items():
        examples = [example["value"] for example in one["content"][MEDIA_TYPE]["examples"].values()]
        assert [example["status"] for example in examples] == [status] * len(examples)
        assert [kind for kind in one["description"].split("; ") if kind.endswith(": ")] == []
        assert (status in (429, 503)) <= ("Retry-After" in one.get("headers", {}))


def test_who_may_ask_again_and_how_often_stands_in_the_headers() -> None:
    post, add, get = (OPERATIONS[one] for one in ("post_events", "add_connector", "get_shop"))

    for one in (post, add):
        assert [p["name"] for p in one["parameters"] if p["in"] == "header"] == ["Idempotency-Key"]
    assert set(post["responses"]["200"]["headers"]) == {
        *("Idempotent-Replayed", "RateLimit", "RateLimit-Policy")
    }
    assert set(add["responses"]["201"]["headers"]) == {"Idempotent-Replayed"}
    assert "headers" not in get["responses"]["200"]
    assert set(resolved(post["responses"]["429"])["headers"]) == {
        *("Retry-After", "RateLimit", "RateLimit-Policy")
    }


def test_each_topic_is_a_channel_with_all_that_it_carries() -> None:
    channels = ASYNCAPI["channels"]

    assert set(channels) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        channel = channels[topic.name]
        compacted = (
            "compact" in channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        )
        named = [kind.__name__ for kind in topic.types] + ["Tombstone"] * compacted
        assert list(channel["messages"]) == named


def test_each_field_of_an_event_stands_in_its_schema() -> None:
    schemas = ASYNCAPI["components"]["schemas"]

    for topic in TOPICS:
        for kind in topic.types:
            names = [name.removesuffix("_us") for name in schemas[kind.__name__]["properties"]]
            fields = [field.name.removesuffix("_us") for field in dataclasses.fields(kind)]
            assert sorted(names) == sorted(fields)


def test_comments_of_the_proto_files_are_in_the_document() -> None:
    order = ASYNCAPI["components"]["schemas"]["OrderFacts"]

    assert order["description"].startswith("What one source says of one order at one version.")
    assert order["properties"]["version_us"]["description"] == (
        "The platform's time of change; decides between two values of one field. "
        "UTC microseconds since 1970."
    )
    assert ASYNCAPI["components"]["messages"]["Watermark"].get("bindings") is None
