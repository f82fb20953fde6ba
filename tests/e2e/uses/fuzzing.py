"""What Schemathesis is told of ingest: where something is to be found, and two checks of our own.

It runs where Schemathesis is installed. From its environment come the shop and the connectors that
the test opened.
"""

# mypy: disable-error-code="untyped-decorator"

import itertools
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

SHOP = os.environ["FUZZED_SHOP"]
CONNECTORS = os.environ["FUZZED_CONNECTORS"].split(",")
# Such a connector asks its platform, and there is none.
ASKED = ("ConnectorChange", "NewTaobao", "NewWooCommerce")
PROBLEM = "application/problem+json"
KEY = "Idempotency-Key"
KEYS = itertools.count()
QUOTES = '"'

FORMATS = {
    "iso-4217": st.sampled_from(["CNY", "EUR", "JPY"]),
    "iso-3166-1": st.sampled_from(["CN", "DE", "US"]),
    "iana-zone": st.sampled_from(["Asia/Shanghai", "Europe/Berlin"]),
    "date-time": st.datetimes(datetime(1991, 1, 1), datetime(2026, 6, 1)).map(  # noqa: DTZ001 - Z
        lambda at: f"{at.isoformat()}Z"
    ),
}
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)


@schemathesis.hook
def before_load_schema(context: object, raw_schema: dict[str, Any]) -> None:
    """Name what there is: nobody guesses a shop, and most routes need one."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            for one in operation.get("parameters", ()):
                if one["name"] == "shop_id":
                    one["schema"]["pattern"] = f"^({SHOP}|[a-z0-9-]{{1,64}})$"
                elif one["name"] == "connector_id":
                    one["schema"]["pattern"] = f"^({'|'.join(CONNECTORS)}|[A-Za-z0-9_-]{{1,64}})$"
    schemas = raw_schema["components"]["schemas"]
    forget_patterns(schemas)
    for name in ASKED:
        schemas[name]["properties"]["api"] = {"type": "null"}
    bodies = raw_schema["paths"]["/v1/shops/{shop_id}/connectors"]["post"]["requestBody"]
    examples = bodies["content"]["application/json"]["examples"]
    for name in [name for name, one in examples.items() if "api" in one["value"]]:
        del examples[name]


@schemathesis.hook
def before_call(context: object, case: Any, **kwargs: object) -> None:
    """Let no key come twice: the answer would be the first one's, of what may be gone since."""
    wrong = case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER)
    if KEY in (case.headers or {}) and not wrong:
        case.headers[KEY] = f"{case.headers[KEY][:200].strip(QUOTES)}-{next(KEYS)}"


def forget_patterns(schema: Any) -> None:
    """Let a format that is known here say alone what fits."""
    if isinstance(schema, dict):
        if str(schema.get("format")) in FORMATS:  # unless a field is called so
            schema.pop("pattern", None)
        for one in schema.values():
            forget_patterns(one)
    elif isinstance(schema, list):
        for one in schema:
            forget_patterns(one)


def resolved(document: Any, told: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in told:
        return told
    found = document
    for step in told["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(document, found)


def types(case: Any, status: int) -> Iterator[str]:
    """Yield the problems that the document has for this status of the case's operation."""
    operation = case.operation
    told = operation.definition.raw["responses"].get(str(status), {})
    content = resolved(operation.schema.raw_schema, told).get("content", {})
    for example in content.get(PROBLEM, {}).get("examples", {}).values():
        yield example["value"]["type"]


@schemathesis.check
def what_is_refused_is_a_documented_problem(context: Any, response: Any, case: Any) -> None:
    status = response.status_code
    if status < 400 or (status == 401 and "security" not in case.operation.definition.raw):
        return
    said = response.json()
    assert response.headers["content-type"] == [PROBLEM], said
    assert said["status"] == status
    if case.method.upper() == case.operation.method.upper():
        assert said["type"] in set(types(case, status)), said


@schemathesis.check
def a_wrong_event_is_not_accepted(context: Any, response: Any, case: Any) -> None:
    if case.operation.definition.raw["operationId"] != "post_events":
        return
    wrong = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
    if wrong and response.status_code == 200:
        assert response.json()["rejected"] > 0, response.json()
