"""The HTTP API of audiences: asking, saving, using, and the stream of members."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse

from segmenter.domain.audience.fields import KINDS_OF_ATTRIBUTES
from segmenter.domain.audience.parse import BadFilter, parse
from segmenter.domain.audience.tree import Question
from segmenter.edges.audience.answers import (
    Asked,
    AudienceAnswer,
    AudiencesAnswer,
    CountAnswer,
    CountedAudience,
    FieldsAnswer,
    PreviewAnswer,
    PreviewedAnswer,
    ToRenew,
    ToSave,
    User,
    counted,
    field_answers,
)
from segmenter.edges.audience.ask_store import AskedShop, count, kept_members, members, preview
from segmenter.edges.audience.desk import AtDesk, opened
from segmenter.edges.audience.saved_store import Saved, SavedStore
from segmenter.errors import AudienceConflict, UnknownAudience
from web.auth import ShopId, require
from web.bodies import json_body
from web.pages import Limit, decode_cursor, encode_cursor
from web.problems import FieldError, Unprocessable
from web.shop_session import Engine

LINES_AT_ONCE: Final = 1000

router = APIRouter(prefix="/v1/shops/{shop_id}/audiences", tags=["audiences"])
read = Depends(require("customers:read"))
write = Depends(require("customers:write"))

AudienceId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
Cursor = Annotated[str | None, Query(description="from the page before")]
AskedBody = Annotated[Asked, Depends(json_body(Asked))]
ToSaveBody = Annotated[ToSave, Depends(json_body(ToSave))]
ToRenewBody = Annotated[ToRenew, Depends(json_body(ToRenew))]
UserBody = Annotated[User, Depends(json_body(User))]


@router.get("/fields", operation_id="list_audience_fields", dependencies=[read])
async def list_fields(shop_id: ShopId, engine: Engine) -> FieldsAnswer:
    """What a filter may ask, the shop's own attributes included."""
    async with opened(engine, shop_id) as (_, shop):
        own = {name: KINDS_OF_ATTRIBUTES[of].value for name, of in sorted(shop.own.items())}
    return FieldsAnswer(fields=field_answers(), attributes=own)


@router.post("/count", operation_id="count_audience", dependencies=[read])
async def count_audience(
    shop_id: ShopId, engine: Engine, desk: AtDesk, asked: AskedBody
) -> CountAnswer:
    """How many a filter means, less each exclusion, and how many each of its parts means alone."""
    with desk.place(shop_id):
        async with opened(engine, shop_id) as (conn, shop):
            question = _question(asked, shop)
            counts = await count(conn, question, shop.today)
    return CountAnswer.of(question, counts, shop.today.day)


@router.post("/preview", operation_id="preview_audience", dependencies=[read])
async def preview_audience(
    shop_id: ShopId,
    engine: Engine,
    desk: AtDesk,
    asked: AskedBody,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PreviewAnswer:
    """Whom a filter means, by id."""
    place = decode_cursor(cursor, str)
    after = "" if place is None else str(place[0])
    with desk.place(shop_id):
        async with opened(engine, shop_id) as (conn, shop):
            question = _question(asked, shop)
            found = await preview(conn, question, shop.today, after, limit + 1)
    more = len(found) > limit
    return PreviewAnswer(
        as_of=shop.today.day,
        customers=[
            PreviewedAnswer(
                customer_id=one.customer_id,
                cell=one.cell,
                frequency=one.frequency,
                monetary_minor=one.monetary_minor,
                last_day=one.last_day,
            )
            for one in found[:limit]
        ],
        cursor=encode_cursor(found[limit - 1].customer_id) if more else None,
    )


@router.post("", operation_id="save_audience", status_code=201, dependencies=[write])
async def save_audience(
    shop_id: ShopId, engine: Engine, desk: AtDesk, asked: ToSaveBody
) -> CountedAudience:
    """Save a filter under a name. The name is the shop's own: the same again is a conflict."""
    with desk.place(shop_id):
        async with opened(engine, shop_id) as (conn, shop):
            question = _question(asked, shop)
            counts = await count(conn, question, shop.today, each=False)
            store = SavedStore(conn, shop_id)
            saved = await store.add(str(uuid.uuid4()), asked.name, asked.kind, _kept(asked))
    return counted(saved, counts.left[-1])


@router.get("", operation_id="list_audiences", dependencies=[read])
async def list_audiences(
    shop_id: ShopId, engine: Engine, limit: Limit = 50, cursor: Cursor = None
) -> AudiencesAnswer:
    place = decode_cursor(cursor, str)
    after = "" if place is None else str(place[0])
    async with opened(engine, shop_id) as (conn, _):
        found = await SavedStore(conn, shop_id).page(after, limit + 1)
    more = len(found) > limit
    return AudiencesAnswer(
        audiences=[AudienceAnswer.of(one) for one in found[:limit]],
        cursor=encode_cursor(found[limit - 1].audience_id) if more else None,
    )


@router.get("/{audience_id}", operation_id="get_audience", dependencies=[read])
async def get_audience(shop_id: ShopId, audience_id: AudienceId, engine: Engine) -> AudienceAnswer:
    async with opened(engine, shop_id) as (conn, _):
        saved = await _one(SavedStore(conn, shop_id), audience_id)
    return AudienceAnswer.of(saved)


@router.put("/{audience_id}", operation_id="renew_audience", dependencies=[write])
async def renew_audience(
    shop_id: ShopId, audience_id: AudienceId, engine: Engine, desk: AtDesk, asked: ToRenewBody
) -> CountedAudience:
    """Give an audience another filter or name: a new revision. A frozen one is chosen anew."""
    with desk.place(shop_id):
        async with opened(engine, shop_id) as (conn, shop):
            question = _question(asked, shop)
            counts = await count(conn, question, shop.today, each=False)
            store = SavedStore(conn, shop_id)
            await _one(store, audience_id, lock=True)
            saved = await store.renew(audience_id, asked.name, _kept(asked))
    return counted(saved, counts.left[-1])


@router.delete(
    "/{audience_id}", operation_id="delete_audience", status_code=204, dependencies=[write]
)
async def delete_audience(shop_id: ShopId, audience_id: AudienceId, engine: Engine) -> None:
    """Remove an audience that nobody uses; whoever was announced as a member leaves it."""
    async with opened(engine, shop_id) as (conn, _):
        store = SavedStore(conn, shop_id)
        await store.remove(await _one(store, audience_id, lock=True))


@router.post("/{audience_id}/use", operation_id="use_audience", dependencies=[write])
async def use_audience(
    shop_id: ShopId, audience_id: AudienceId, engine: Engine, asked: UserBody
) -> AudienceAnswer:
    """Have entries and exits announced, from all present members on, as long as somebody uses it.

    The same user again changes nothing.
    """
    async with opened(engine, shop_id) as (conn, _):
        store = SavedStore(conn, shop_id)
        saved = await store.use(await _one(store, audience_id, lock=True), asked.user)
    return AudienceAnswer.of(saved)


@router.post("/{audience_id}/release", operation_id="release_audience", dependencies=[write])
async def release_audience(
    shop_id: ShopId, audience_id: AudienceId, engine: Engine, asked: UserBody
) -> AudienceAnswer:
    """Say that a user needs it no longer; whoever is no user changes nothing."""
    async with opened(engine, shop_id) as (conn, _):
        store = SavedStore(conn, shop_id)
        saved = await store.release(await _one(store, audience_id, lock=True), asked.user)
    return AudienceAnswer.of(saved)


@router.get(
    "/{audience_id}/members",
    operation_id="stream_members",
    dependencies=[read],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "A line a member"}},
)
async def stream_members(
    shop_id: ShopId, audience_id: AudienceId, engine: Engine, desk: AtDesk
) -> StreamingResponse:
    """All members, a line of JSON each, as of one instant; the last line tells how many.

    Of a live audience they are judged now; of a frozen one they are those of its saving. A stream
    without its last line was cut off.
    """
    async with opened(engine, shop_id) as (conn, shop):
        saved = await _one(SavedStore(conn, shop_id), audience_id)
        question = _saved_question(saved, shop)
    if saved.kind == "frozen" and saved.judged_day is None:
        raise AudienceConflict("its members are being chosen: ask again in some seconds")
    lines = _lines(engine, desk, shop_id, saved, question)
    first = await anext(lines)  # what is refused is refused before the answer begins
    return StreamingResponse(_chained(first, lines), media_type="application/x-ndjson")


async def _lines(
    engine: Engine, desk: AtDesk, shop_id: str, saved: Saved, question: Question
) -> AsyncGenerator[bytes, None]:
    """Yield the stream, many lines at once; the first may be empty."""
    lines: list[bytes] = []
    found = 0
    with desk.place(shop_id):
        async with opened(engine, shop_id) as (conn, shop):
            if saved.kind == "frozen":
                ids = kept_members(conn, shop_id, saved.audience_id)
            else:
                ids = members(conn, question, shop.today)
            yield b""
            async for customer_id in ids:
                found += 1
                lines.append(orjson.dumps({"customer_id": customer_id}) + b"\n")
                if len(lines) == LINES_AT_ONCE:
                    yield b"".join(lines)
                    lines.clear()
    yield b"".join([*lines, orjson.dumps({"members": found}) + b"\n"])


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for lines in rest:
        yield lines


async def _one(store: SavedStore, audience_id: str, *, lock: bool = False) -> Saved:
    saved = await store.one(audience_id, lock=lock)
    if saved is None:
        raise UnknownAudience("no such audience")
    return saved


def _question(asked: Asked, shop: AskedShop) -> Question:
    try:
        return parse(asked.filter, asked.exclude, shop.own)
    except BadFilter as bad:
        errors = [FieldError(one.path, one.code, one.hint) for one in bad.faults]
        raise Unprocessable(str(bad), errors=errors) from None


def _saved_question(saved: Saved, shop: AskedShop) -> Question:
    try:
        return parse(saved.question["filter"], saved.question["exclude"], shop.own)
    except BadFilter as bad:
        fault = bad.faults[0]
        raise AudienceConflict(
            f"the saved filter no longer fits the shop, at {fault.path}: {fault.hint}; renew it"
        ) from None


def _kept(asked: Asked) -> dict[str, object]:
    return {"filter": asked.filter, "exclude": asked.exclude}
