"""Questions and answers about audiences. Money is in minor units of the shop's currency."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from segmenter.domain.audience import fields as catalogue
from segmenter.domain.audience.tree import Node, Question, walk
from segmenter.domain.audience.words import words
from segmenter.edges.audience.ask_store import Counts
from segmenter.edges.audience.saved_store import Saved
from web.bodies import Strict

Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Filter = Annotated[
    dict[str, Any],
    Field(description="and, or, not, or a condition with field; GET /audiences/fields lists them"),
]


class Asked(Strict):
    filter: Filter
    exclude: list[Filter] = Field([], description="filters of whom to leave out, at most 10")


class ToSave(Asked):
    name: Name
    kind: Literal["live", "frozen"] = Field(
        "live", description="live: judged again; frozen: as it is when saved"
    )


class ToRenew(Asked):
    name: Name


class User(Strict):
    user: Name = Field(description="who uses it, such as a rule's id")


class FieldAnswer(BaseModel):
    field: str
    kind: str
    source: str
    en: str
    zh: str
    operators: list[str]
    choices: list[str]
    spans: bool = Field(description="window_days, or from_day and to_day, can be named")
    picks: list[str] = Field(description="lists of texts that narrow it down")


class FieldsAnswer(BaseModel):
    fields: list[FieldAnswer]
    attributes: dict[str, str] = Field(description="the shop's own, for field attribute: kinds")


class NodeAnswer(BaseModel):
    path: str
    en: str
    zh: str
    customers: int = Field(description="whom it would choose alone")


class LeftAnswer(BaseModel):
    path: str
    en: str
    zh: str
    removed: int
    left: int


class CountAnswer(BaseModel):
    as_of: date
    customers: int = Field(description="of the shop")
    matched: int
    excluded: list[LeftAnswer] = Field(description="in order: matched, less each")
    count: int = Field(description="matched, less all exclusions")
    nodes: list[NodeAnswer]

    @classmethod
    def of(cls, question: Question, counts: Counts, as_of: date) -> "CountAnswer":
        nodes = [node for part in (question.chosen, *question.excluded) for node in walk(part)]
        return cls(
            as_of=as_of,
            customers=counts.customers,
            matched=counts.left[0],
            excluded=[
                LeftAnswer(**_told(node), removed=before - left, left=left)
                for node, before, left in zip(
                    question.excluded, counts.left, counts.left[1:], strict=False
                )
            ],
            count=counts.left[-1],
            nodes=[NodeAnswer(**_told(node), customers=counts.nodes[node.path]) for node in nodes],
        )


class PreviewedAnswer(BaseModel):
    customer_id: str
    cell: str
    frequency: int
    monetary_minor: int
    last_day: date | None


class PreviewAnswer(BaseModel):
    as_of: date
    customers: list[PreviewedAnswer]
    cursor: str | None = Field(description="where the next page begins; null: this is the last")


class AudienceAnswer(BaseModel):
    audience_id: str
    name: str
    kind: str
    filter: dict[str, Any]
    exclude: list[dict[str, Any]]
    revision: int
    used_by: list[str]
    created_at: datetime
    updated_at: datetime
    judged_day: date | None = Field(description="the day for which members were last judged")
    settled: bool = Field(description="members are judged and announced")
    fault: str | None = Field(description="why it cannot be judged any more")

    @classmethod
    def of(cls, saved: Saved) -> "AudienceAnswer":
        return cls(**_kept(saved))


class CountedAudience(AudienceAnswer):
    count: int


class AudiencesAnswer(BaseModel):
    audiences: list[AudienceAnswer]
    cursor: str | None


def counted(saved: Saved, count: int) -> CountedAudience:
    return CountedAudience(**_kept(saved), count=count)


def field_answers() -> list[FieldAnswer]:
    return [
        FieldAnswer(
            field=one.name,
            kind=one.kind,
            source=one.source,
            en=one.en,
            zh=one.zh,
            operators=list(catalogue.OPERATORS[one.kind]),
            choices=[str(choice) for choice in one.choices],
            spans=one.spans,
            picks=list(one.picks),
        )
        for one in catalogue.FIELDS.values()
    ]


def _told(node: Node) -> dict[str, str]:
    return {"path": node.path, "en": words(node, "en"), "zh": words(node, "zh")}


def _kept(saved: Saved) -> dict[str, Any]:
    return {
        "audience_id": saved.audience_id,
        "name": saved.name,
        "kind": saved.kind,
        "filter": saved.question["filter"],
        "exclude": saved.question["exclude"],
        "revision": saved.revision,
        "used_by": list(saved.used_by),
        "created_at": saved.created_at,
        "updated_at": saved.updated_at,
        "judged_day": saved.judged_day,
        "settled": saved.is_settled,
        "fault": saved.fault,
    }
