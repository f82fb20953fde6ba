"""A house's state, output and sends in a form in which two runs of one script are equal.

Left out is what a run may differ in: owners, epochs, sequence numbers, when things happened by
the wall, and how often a message was looked at before it went.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.codec import decode
from contracts.events import DeliveryChanged, DeliveryState, Watermark
from contracts.topics import DELIVERIES, TOPICS
from support.town import PARTITIONS, Town, canonical

_MESSAGE: Final = "shop_id message_id customer_id rule_id rule_version kind order_id due_at"
_STEPS: Final = "shop_id customer_id state steps"
# What became of a message, by everybody who notes it.
OUTCOMES: Final = ("notifier.message", "care_triggers.planned_message", "reporting.message")

TABLES: Final[Mapping[str, str]] = {
    **{
        f"{schema}.dead_letter": "topic reason event_id"
        for schema in ("ingest", "segmenter", "care_triggers", "notifier", "reporting")
    },
    "ingest.ingest_spool": "topic event_id",
    "ingest.shop": "shop_id revision name zone currency country locale settings",
    "ingest.order_ref": "shop_id ref order_id customer_id",
    "ingest.parcel_ref": "shop_id number order_id customer_id carrier registered_at",
    "ingest.parked": "shop_id wait_key event_id",
    "ingest.profile": "shop_id customer_id revision",
    "ingest.review_text": "shop_id review_id customer_id version_us",
    "segmenter.shop_day": "shop_id day average_orders average_sum_minor next_midnight phase",
    "segmenter.customer_order": "shop_id order_id customer_id paid_day net_minor state",
    "segmenter.customer_state": "shop_id customer_id frequency monetary_minor first_day last_day"
    " next_day due_day cell is_high revision",
    "segmenter.segment_change": "shop_id customer_id revision as_of before after reason"
    " recency_days frequency monetary_minor",
    "segmenter.customer_traits": "shop_id customer_id revision birth_month birth_day has_mobile",
    "care_triggers.shop": "shop_id revision zone planned_day",
    "care_triggers.rule_version": "shop_id rule_id version is_on body",
    "care_triggers.order_fact": f"{_STEPS} order_id placed_at paid_at is_open",
    "care_triggers.parcel_fact": f"{_STEPS} parcel_id order_id",
    "care_triggers.review_fact": f"{_STEPS} review_id",
    "care_triggers.customer": "shop_id customer_id revision erased birth_index steps",
    "care_triggers.segment": "shop_id customer_id revision cell",
    "care_triggers.timer": "key",
    "care_triggers.planned_message": f"{_MESSAGE} once_key parcel_id review_id expires_at state",
    "care_triggers.decision": "decision_id shop_id customer_id rule_id rule_version kind once_key"
    " result reason due_at message_id task_id facts",
    "care_triggers.task": "task_id shop_id customer_id rule_id cause subject team priority"
    " order_id state outcome",
    "notifier.contact": "shop_id customer_id revision phone_hash email_hash consents",
    "notifier.message": f"{_MESSAGE} message_class priority channels expires_at variables part"
    " state reason attempt_no channel gateway provider_id pieces price_micros currency",
    "notifier.recall": "message_id shop_id reason",
    "notifier.attempt": "message_id attempt_no customer_id channel gateway address_hash text_hash"
    " day",
    "notifier.cap_count": "shop_id customer_id day message_class channel n",
    "notifier.said": "shop_id address_hash day text_hash message_id",
    "reporting.rule": "shop_id rule_id version kind goal",
    "reporting.order_fact": "shop_id order_id customer_id placed_at paid_at counted_in currency"
    " net_minor total_minor refunded_minor is_unpaid is_cancelled fact_ids state",
    "reporting.message": f"{_MESSAGE} is_marketing priority channel gateway state reason pieces"
    " price_micros currency",
    "reporting.decision": "shop_id decision_id rule_id kind result reason",
    "reporting.segment_change": "shop_id customer_id revision as_of cell reason",
}
# Revisions of deliveries count looks at the message; the others count facts.
_BY_THE_WALL: Final = {DeliveryChanged: {"revision", "sent_at", "changed_at"}}
_WAITS: Final = "freshness"


@dataclass(frozen=True, slots=True)
class Record:
    """All that two runs of one script must agree in, line by line."""

    tables: Mapping[str, list[str]]
    events: Mapping[str, list[str]]
    sent: list[str]

    def about(self, table: str, ids: Collection[str]) -> list[str]:
        return [line for line in self.tables[table] if _names(line, ids)]

    def apart_from(self, *, outcomes: Collection[str], courses: Collection[str]) -> "Record":
        """Return it without some messages' outcomes, and without the course of others to theirs."""
        return Record(
            {
                name: _without(lines, outcomes if name in OUTCOMES else ())
                for name, lines in self.tables.items()
            },
            {
                name: _without(lines, courses if name == DELIVERIES else ())
                for name, lines in self.events.items()
            },
            _without(self.sent, outcomes),
        )


async def record(town: Town) -> Record:
    """Read everything; the house must be at rest."""
    tables = {name: columns.split() for name, columns in TABLES.items()}
    entries = town.sms.ledger.accepted
    return Record(
        await canonical(town, tables),
        {topic.name: sorted(await _events(town, topic.name)) for topic in TOPICS},
        sorted(f"{entry['id']} {entry['to']} {entry['text']}" for entry in entries),
    )


async def events_of(town: Town, topic: str) -> list[Any]:
    """Return what *topic* holds, in the order of each partition, repetitions included."""
    return [decode(one.headers, one.value, one.key) for one in await records_of(town, topic)]


async def event_ids_of(town: Town, topic: str) -> list[str]:
    """Return the ids of all facts in *topic*, watermarks aside, repetitions included."""
    return [
        dict(one.headers)["ce_id"].decode()
        for one in await records_of(town, topic)
        if not isinstance(decode(one.headers, one.value, one.key), Watermark)
    ]


async def records_of(town: Town, topic: str) -> list[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=town.stack.kafka_servers)
    await consumer.start()
    try:
        parts = [TopicPartition(topic, part) for part in range(PARTITIONS)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        found: list[Any] = []
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return found
    finally:
        await consumer.stop()


async def _events(town: Town, topic: str) -> set[str]:
    return {
        _line(event)
        for event in await events_of(town, topic)
        if not isinstance(event, Watermark) and not _is_a_wait(event)
    }


def _is_a_wait(event: Any) -> bool:
    return (
        isinstance(event, DeliveryChanged)
        and event.state is DeliveryState.PLANNED
        and event.reason == _WAITS
    )


def _line(event: Any) -> str:
    left_out = _BY_THE_WALL.get(type(event), ())
    values = [getattr(event, field.name) for field in fields(event) if field.name not in left_out]
    return f"{type(event).__name__} {values!r}"


def _without(lines: list[str], ids: Collection[str]) -> list[str]:
    return [line for line in lines if not _names(line, ids)]


def _names(line: str, ids: Collection[str]) -> bool:
    return any(one in line for one in ids)
