"""The peer of B4: Bytewax with `stateful_map`, state in memory and no recovery.

Run by the peers' own Python: bytewax_flow.py SERVERS TOPIC EVENTS OUT STATE. It computes the
product's fold, and ends when it has read the topic to its end. The clock runs from the first record
to the last.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main

from load.peers.fold import take

SERVERS, TOPIC = sys.argv[1:3]
EVENTS = int(sys.argv[3])
OUT, STATE = Path(sys.argv[4]), Path(sys.argv[5])

marks: dict[str, float] = {}
held: dict[str, "Held"] = {}
seen = 0


class Held(dict[str, Any]):
    """One customer's state."""

    set = dict.__setitem__


def read(message: Any) -> tuple[str, Any]:
    return message.key.decode(), orjson.loads(message.value)


def fold(state: Held | None, order: dict[str, Any]) -> tuple[Held, Any]:
    global seen  # noqa: PLW0603 - one worker, one thread
    if seen == 0:
        marks.update(began=time.perf_counter(), cpu_began=time.process_time())
    if state is None:
        state = held[f"{order['shop_id']}:{order['customer_id']}"] = Held()
    told = take(order, state)
    seen += 1
    if seen == EVENTS:
        marks.update(ended=time.perf_counter(), cpu_ended=time.process_time())
    return state, told


flow = Dataflow("orders")
records = op.input("log", flow, KafkaSource([SERVERS], [TOPIC], tail=False, batch_size=1_000))
keyed = op.map("read", records, read)
folded = op.stateful_map("fold", keyed, fold)
changed = op.filter("changed", folded, lambda one: one[1] is not None)
counted: list[Any] = []
op.output("out", changed, TestingSink(counted))
run_main(flow)
STATE.write_text(json.dumps({who: state["t"] for who, state in held.items()}))
OUT.write_text(
    json.dumps(
        {
            "wall_s": marks["ended"] - marks["began"],
            "cpu_s": marks["cpu_ended"] - marks["cpu_began"],
            "changes": len(counted),
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
