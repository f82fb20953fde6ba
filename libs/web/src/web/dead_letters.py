"""What consumers could not read or use, for operators: look, then ask for another try.

Nothing happens here: replay and take are requests, which the partition's owner carries out.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import text

from plumbing.dead_letters import Letter, list_letters, request_replay, take
from plumbing.records import unpack_headers
from plumbing.resources import worker_role, worker_tx
from web.auth import Principal, require
from web.bodies import Strict, json_body
from web.openapi import Shown
from web.pages import Limit, decode_cursor, encode_cursor
from web.problems import FieldError, NotFound, Unprocessable
from web.shop_session import Engine

SCOPE = "ops:dead-letters"
BIGGEST = 2**63 - 1

_RECORD = text("select value, headers, sealed from dead_letter where id = :id")

Text = Annotated[str, Field(min_length=1, max_length=512)]
Filter = Annotated[str | None, Query(min_length=1, max_length=512)]
Id = Annotated[int, Field(ge=0, le=BIGGEST)]


class LetterAnswer(BaseModel):
    id: int
    group: str
    topic: str
    partition: int
    offset: int
    key: str | None
    event_id: str
    reason: str
    first_at: datetime
    replay_requested: bool


class LettersAnswer(BaseModel):
    letters: list[LetterAnswer]
    cursor: str | None = Field(description="where the next page begins; null: this is the last")


class HeaderAnswer(BaseModel):
    name: str
    value_base64: str


class WholeLetterAnswer(LetterAnswer):
    """With the record's bytes as they rest: what is personal is sealed and stays so."""

    sealed: bool
    value_base64: str | None
    headers: list[HeaderAnswer]


class Replay(Strict):
    """Which letters to try again: exactly one of these."""

    ids: list[Id] | None = Field(None, min_length=1, max_length=1000)
    key: Text | None = None
    reason: Text | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        chosen = [self.ids is not None, self.key is not None, self.reason is not None, self.all]
        if sum(chosen) != 1:
            raise ValueError("choose one of ids, key, reason, all")
        return self


class ReplayAnswer(BaseModel):
    requested: int


class Take(Strict):
    group: Text | None = Field(None, description="of a service with several; null: the first")
    topic: Text
    partition: int = Field(ge=0, le=100_000)
    offset: Id


_LETTER: Final = {
    "id": 7,
    "group": "segmenter",
    "topic": "orders.v1",
    "partition": 3,
    "offset": 1290,
    "key": "tea-house:c-7",
    "event_id": "6f1c0a52-8d1e-5c35-9d3c-0f7f6c1f2a10",
    "reason": "unknown event type 'huiliu.v1.Parade'",
    "first_at": "2026-01-05T02:00:00Z",
    "replay_requested": False,
}
SHOWN: Final[Mapping[str, Shown]] = {
    "list_dead_letters": Shown(answer={"letters": [_LETTER], "cursor": None}),
    "get_dead_letter": Shown(
        answer={
            **_LETTER,
            "sealed": False,
            "value_base64": "CgZ0ZWE=",
            "headers": [{"name": "ce_type", "value_base64": "aHVpbGl1LnYxLlBhcmFkZQ=="}],
        },
        refusals=[NotFound],
    ),
    "replay_dead_letters": Shown(
        bodies={"some": {"ids": [7]}, "of one reason": {"reason": _LETTER["reason"]}},
        answer={"requested": 1},
    ),
    "take_record_as_dead_letter": Shown(
        bodies={"one record": {"topic": "orders.v1", "partition": 3, "offset": 1290}}
    ),
}


def dead_letters(service: str, grp: str, *others: str) -> APIRouter:
    """Return the router for the letters of one service. Needs `build_api(engine=...)`.

    Args:
        service: Whose schema and role.
        grp: The consumer group that *take* speaks to.
        others: Groups that it speaks to when it names them.
    """
    router = APIRouter(
        prefix="/v1/dead-letters", tags=["dead letters"], dependencies=[Depends(require(SCOPE))]
    )
    _add_reading(router, worker_role(service))
    _add_requests(router, worker_role(service), (grp, *others))
    return router


def _add_reading(router: APIRouter, role: str) -> None:
    @router.get("", operation_id="list_dead_letters")
    async def listed(
        engine: Engine,
        topic: Filter = None,
        reason: Filter = None,
        key: Filter = None,
        limit: Limit = 50,
        cursor: str | None = None,
    ) -> LettersAnswer:
        after = decode_cursor(cursor, int)
        async with worker_tx(engine, role) as conn:
            letters = await list_letters(
                conn,
                after_id=int(after[0]) if after else 0,
                limit=limit + 1,
                topic=topic,
                key=None if key is None else key.encode(),
                reason=reason,
            )
        more = len(letters) > limit
        return LettersAnswer(
            letters=[LetterAnswer(**_fields(letter)) for letter in letters[:limit]],
            cursor=encode_cursor(letters[limit - 1].id) if more else None,
        )

    @router.get("/{letter_id:int}", operation_id="get_dead_letter")
    async def whole(letter_id: Id, engine: Engine) -> WholeLetterAnswer:
        async with worker_tx(engine, role) as conn:
            letters = await list_letters(conn, after_id=letter_id - 1, limit=1)
            record = (await conn.execute(_RECORD, {"id": letter_id})).one_or_none()
        if record is None or not letters:
            raise NotFound("no such letter: it was replayed or discarded, or never was")
        headers = unpack_headers(record.headers)
        return WholeLetterAnswer(
            **_fields(letters[0]),
            sealed=record.sealed,
            value_base64=None if record.value is None else _base64(record.value),
            headers=[HeaderAnswer(name=n, value_base64=_base64(v)) for n, v in headers],
        )


def _add_requests(router: APIRouter, role: str, groups: Sequence[str]) -> None:
    @router.post("/replay", operation_id="replay_dead_letters", status_code=202)
    async def replay(
        who: Annotated[Principal, Depends(require(SCOPE))],
        engine: Engine,
        wanted: Annotated[Replay, Depends(json_body(Replay))],
    ) -> ReplayAnswer:
        key = None if wanted.key is None else wanted.key.encode()
        async with worker_tx(engine, role) as conn:
            requested = await request_replay(
                conn, by=who.subject, ids=wanted.ids, key=key, reason=wanted.reason
            )
        return ReplayAnswer(requested=requested)

    @router.post("/take", operation_id="take_record_as_dead_letter", status_code=202)
    async def take_record(
        who: Annotated[Principal, Depends(require(SCOPE))],
        engine: Engine,
        at: Annotated[Take, Depends(json_body(Take))],
    ) -> None:
        """Turn one record that kills its consumers into a letter, so that the partition goes on."""
        grp = at.group or groups[0]
        if grp not in groups:
            error = FieldError("/group", "unknown", f"one of {', '.join(groups)}")
            raise Unprocessable("no such consumer group here", errors=[error])
        async with worker_tx(engine, role) as conn:
            await take(
                conn, grp=grp, topic=at.topic, part=at.partition, offset=at.offset, by=who.subject
            )


def _fields(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "group": letter.grp,
        "topic": letter.topic,
        "partition": letter.part,
        "offset": letter.off,
        "key": None if letter.key is None else letter.key.decode(errors="replace"),
        "event_id": letter.event_id,
        "reason": letter.reason,
        "first_at": letter.first_at,
        "replay_requested": letter.requested,
    }


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
