"""The peer of B3: Quix Streams with state in RocksDB and a changelog topic, at least once.

Run by the peers' own Python: quix.py SERVERS TOPIC GROUP FOLDER EVENTS FORM WHAT OUT. FORM is
json or protobuf; WHAT is timed, told, which publishes each change of place too, or preload, which
keeps no changelog and leaves the state compact. It computes the product's fold. The clock runs
from the first record to the commit after the last.
"""

import json
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quixstreams import Application, State
from quixstreams.models.serializers.protobuf import ProtobufDeserializer
from quixstreams.processing.context import ProcessingContext
from quixstreams.state.rocksdb import RocksDBOptions
from rocksdict import Rdict

from huiliu.v1.order_pb2 import OrderFacts
from load.peers.fold import take

SERVERS, TOPIC, GROUP, FOLDER = sys.argv[1:5]
EVENTS = int(sys.argv[5])
FORM, WHAT = sys.argv[6:8]
OUT = Path(sys.argv[8])
TOLD = "told"
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


def fold(order: Mapping[str, Any], state: State) -> dict[str, Any] | None:
    global seen  # noqa: PLW0603 - one consumer, one thread
    if seen == 0:
        marks.update(began=time.perf_counter(), cpu_began=time.process_time())
    seen += 1
    told: dict[str, Any] | None = take(order, state)
    if told is not None:
        marks["changes"] = marks.get("changes", 0) + 1
    return told


def fold_message(message: OrderFacts, state: State) -> dict[str, Any] | None:
    """Fold no more of *message* than is kept, which is in the peer's favour."""
    order = said(message, ORDER)
    order |= {name: getattr(message, name) for name in ("order_id", "shop_id", "customer_id")}
    if message.refunds:
        order["refunds"] = [
            {"refund_id": one.refund_id, **said(one, REFUND)} for one in message.refunds
        ]
    return fold(order, state)


def said(message: Any, fields: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    has = message.HasField
    return {name: getattr(message, field) for name, field in fields if has(field)}


ProcessingContext.commit_checkpoint = commit_and_look
app = Application(
    broker_address=SERVERS,
    consumer_group=GROUP,
    auto_offset_reset="earliest",
    commit_interval=1.0,
    state_dir=FOLDER,
    use_changelog_topics=WHAT != "preload",
    loglevel="WARNING",
    consumer_extra_config={"queued.min.messages": 100_000},
)
reader = "json" if FORM == "json" else ProtobufDeserializer(OrderFacts, to_dict=False)
folded = app.dataframe(app.topic(TOPIC, value_deserializer=reader, key_deserializer="bytes")).apply(
    fold if FORM == "json" else fold_message, stateful=True
)
if WHAT == "told":
    folded.filter(bool).to_topic(app.topic(TOLD, value_serializer="json"))
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
            "changes": marks.get("changes", 0),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
