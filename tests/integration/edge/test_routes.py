"""What an app must look like to start at all."""

from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles

from integration.edge.conftest import SECRET, Build
from support.routes import doors, opened_by_mistake
from web.auth import Principal, require


class Thing(BaseModel):
    name: str


guard = Depends(require("things:read"))


async def plain() -> str:
    return "x"


async def with_body(thing: Thing) -> str:
    return thing.name


async def late(other: Annotated[str, Depends(plain)], who: Annotated[Principal, guard]) -> str:
    return other + who.subject


def test_a_route_without_a_scope_does_not_start(build: Build) -> None:
    router = APIRouter()
    router.add_api_route("/open", plain, operation_id="open")

    with pytest.raises(ValueError, match="route /open: must either begin with require"):
        build(router)
    build(router, public=["/open"])


def test_a_scope_that_comes_second_does_not_count(build: Build) -> None:
    router = APIRouter()
    router.add_api_route("/late", late, operation_id="late")

    with pytest.raises(ValueError, match="must either begin with require"):
        build(router)


def test_a_guarded_route_is_not_public_as_well(build: Build) -> None:
    router = APIRouter()
    router.add_api_route("/both", plain, operation_id="both", dependencies=[guard])

    with pytest.raises(ValueError, match="must either begin with require"):
        build(router, public=["/both"])


def test_a_body_that_fastapi_would_read_before_the_token_does_not_start(build: Build) -> None:
    router = APIRouter()
    router.add_api_route("/x", with_body, methods=["POST"], operation_id="x", dependencies=[guard])

    with pytest.raises(ValueError, match="use json_body"):
        build(router)


def test_each_route_has_a_name_of_its_own(build: Build) -> None:
    nameless, twice = APIRouter(dependencies=[guard]), APIRouter(dependencies=[guard])
    nameless.add_api_route("/a", plain)
    twice.add_api_route("/a", plain, operation_id="same")
    twice.add_api_route("/b", plain, operation_id="same")

    for router in (nameless, twice):
        with pytest.raises(ValueError, match="operation_id of its own"):
            build(router)


def test_a_nested_router_is_looked_into(build: Build) -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/open", plain, operation_id="open")
    outer.include_router(inner, prefix="/deep")

    with pytest.raises(ValueError, match="route /deep/open"):
        build(outer)


def test_a_page_or_a_folder_that_is_not_listed_does_not_start(build: Build) -> None:
    page, folder = APIRouter(), APIRouter()
    page.add_route("/console", lambda _: PlainTextResponse("x"))
    folder.mount("/files", StaticFiles(directory="."))

    with pytest.raises(ValueError, match="route /console: has no scope"):
        build(page)
    build(page, public=["/console"])
    with pytest.raises(ValueError, match="route /files: has no scope"):
        build(folder)


async def test_no_route_opens_for_a_token_that_is_not_fit(build: Build) -> None:
    router = APIRouter(dependencies=[guard])
    router.add_api_route("/v1/shops/{shop_id}/a", plain, operation_id="a")
    router.add_api_route("/v1/all/{number}", plain, methods=["POST", "PUT"], operation_id="b")
    app = build(router)

    assert [(door.method, door.scope) for door in doors(app)] == [
        ("POST", "things:read"),
        ("PUT", "things:read"),
        ("GET", "things:read"),
    ]
    assert await opened_by_mistake(app, SECRET) == []
    assert (
        len(await opened_by_mistake(app, "another secret of 32 characters.")) == 9
    )  # the 403s are 401s
