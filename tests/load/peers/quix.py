"""The peer of B3: Quix Streams with state in RocksDB and a changelog topic, at least once.

Run by the peers' own Python: quix.py SERVERS TOPIC GROUP FOLDER EVENTS FORM WHAT OUT. FORM is
json or protobuf; WHAT is timed, or preload, which keeps no changelog and leaves the state compact.
It computes the product's fold: an order is merged field by field, and once, whatever is pushed
again. The clock runs from the first record to the commit after the last.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from quixstreams import Application, State
from quixstreams.models.serializers.protobuf import ProtobufDeserializer
from quixstreams.processing.context import ProcessingContext
from quixstreams.state.rocksdb import RocksDBOptions
from rocksdict import Rdict

from huiliu.v1.order_pb2 import OrderFacts

SERVERS, TOPIC, GROUP, FOLDER = sys.argv[1:5]
EVENTS = int(sys.argv[5])
FORM, WHAT = sys.argv[6:8]
OUT = Path(sys.argv[8])
AVERAGE = (1_000, 45_000_000)
TODAY = date(2026, 3, 1).toordinal()
ZONE = timedelta(hours=8)
ZONE_S = 8 * 3600
EPOCH = date(1970, 1, 1).toordinal()
NOTHING = (0, None)
ORDER = (
    *(("version_us", "version_us"), ("paid_at", "paid_at_us"), ("cancelled_at", "cancelled_at_us")),
    *(("restored_at", "restored_at_us"), ("currency", "currency"), ("total_minor", "total_minor")),
    ("is_test", "is_test"),
)
REFUND = (
    *(("version_us", "version_us"), ("amount_minor", "amount_minor")),
    *(("agreed_at", "agreed_at_us"), ("refused_at", "refused_at_us")),
    *(("withdrawn_at", "withdrawn_at_us"), ("completed_at", "completed_at_us")),
)

marks: dict[str, float] = {}
seen = 0
commit = ProcessingContext.commit_checkpoint


def commit_and_look(self: ProcessingContext, *args: Any, **how: Any) -> None:
    """Commit as ever; after the last record at once, which is in the peer's favour."""
    if seen < EVENTS:
        commit(self, *args, **how)
        return
    commit(self, force=True)
    if "ended" not in marks:
        marks.update(ended=time.perf_counter(), cpu_ended=time.process_time())
        app.stop()


def fold(order: Mapping[str, Any], state: State) -> None:
    global seen  # noqa: PLW0603 - one consumer, one thread
    if seen == 0:
        marks.update(began=time.perf_counter(), cpu_began=time.process_time())
    seen += 1
    name = "o" + order["order_id"]
    held = state.get(name)
    if held is None:
        held, before = {"at": {}, "is": {}, "refunds": {}}, None
    else:
        before = counted(held)
    if not merge(held, order):
        return
    state.set(name, held)
    after = counted(held)
    if after is None or before == after:
        return
    # No order of the log is cancelled, so the last day needs no books of its own.
    orders, money, last, _ = state.get("t") or (0, 0, 0, "")
    if before is None:
        orders, money, last = orders + 1, money + after[1], max(last, after[0])
    else:
        money += after[1] - before[1]
    state.set("t", [orders, money, last, cell(TODAY - last, orders, money)])


def fold_message(message: OrderFacts, state: State) -> None:
    """Fold no more of *message* than is kept, which is in the peer's favour."""
    order = said(message, ORDER)
    order["order_id"] = message.order_id
    if message.refunds:
        order["refunds"] = [
            {"refund_id": one.refund_id, **said(one, REFUND)} for one in message.refunds
        ]
    fold(order, state)


def said(message: Any, fields: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    has = message.HasField
    return {name: getattr(message, field) for name, field in fields if has(field)}


def merge(held: dict[str, Any], order: Mapping[str, Any]) -> bool:
    at, version = held["at"], order["version_us"]
    changed = False
    new = order.get("paid_at")
    if new is not None and ("paid_at" not in at or new < at["paid_at"]):
        at["paid_at"] = new
        changed = True
    for field in ("cancelled_at", "restored_at"):
        new = order.get(field)
        if new is not None and (field not in at or new > at[field]):
            at[field] = new
            changed = True
    changed |= write(held["is"], version, order, ("currency", "total_minor", "is_test"))
    for refund in order.get("refunds", ()):
        claim = held["refunds"].setdefault(refund["refund_id"], {})
        fields = ("amount_minor", "agreed_at", "refused_at", "withdrawn_at", "completed_at")
        changed |= write(claim, refund["version_us"], refund, fields)
    return changed


def write(
    registers: dict[str, Any], version: int, said: Mapping[str, Any], fields: tuple[str, ...]
) -> bool:
    changed = False
    for field in fields:
        new = said.get(field)
        if new is not None:
            old = registers.get(field)
            if old is None or version > old[0]:
                registers[field] = [version, new]
                changed = True
    return changed


def counted(held: Mapping[str, Any]) -> tuple[int, int] | None:
    at, registers = held["at"], held["is"]
    if "paid_at" not in at:
        return None
    gone = at.get("cancelled_at")
    if gone is not None and ("restored_at" not in at or gone > at["restored_at"]):
        return None
    if registers.get("is_test", NOTHING)[1] or registers.get("currency", NOTHING)[1] != "CNY":
        return None
    net = registers["total_minor"][1]
    for claim in held["refunds"].values():
        if "agreed_at" in claim or "completed_at" in claim:
            net -= claim.get("amount_minor", NOTHING)[1] or 0
    return (day_of(at["paid_at"]), net) if net > 0 else None


def day_of(at: str | int) -> int:
    if isinstance(at, str):
        return (datetime.fromisoformat(at) + ZONE).toordinal()
    return (at // 1_000_000 + ZONE_S) // 86_400 + EPOCH


def cell(days: int, orders: int, money: int) -> str:
    if days <= 7:
        return "just_bought"
    if days > 365:
        return "lost"
    kind = (("new", "loyal") if days <= 90 else ("fading", "sleeping"))[orders > 1]
    return kind + ("_high" if money * AVERAGE[0] >= AVERAGE[1] else "_low")


ProcessingContext.commit_checkpoint = commit_and_look
app = Application(
    broker_address=SERVERS,
    consumer_group=GROUP,
    auto_offset_reset="earliest",
    commit_interval=1.0,
    state_dir=FOLDER,
    use_changelog_topics=WHAT == "timed",
    loglevel="WARNING",
    consumer_extra_config={"queued.min.messages": 100_000},
)
reader = "json" if FORM == "json" else ProtobufDeserializer(OrderFacts, to_dict=False)
app.dataframe(app.topic(TOPIC, value_deserializer=reader, key_deserializer="bytes")).apply(
    fold if FORM == "json" else fold_message, stateful=True
)
app.run()
if WHAT == "preload":
    options = RocksDBOptions().to_options()  # the app's, else its Bloom filters are lost
    for current in Path(FOLDER).rglob("CURRENT"):
        path = str(current.parent)
        store = Rdict(path, options, dict.fromkeys(Rdict.list_cf(path, options), options))
        store.flush()
        store.compact_range(None, None)
        store.close()
OUT.write_text(
    json.dumps(
        {
            "wall_s": marks["ended"] - marks["began"],
            "cpu_s": marks["cpu_ended"] - marks["cpu_began"],
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
