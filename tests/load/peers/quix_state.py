"""Print what the peer of B3 holds of everybody: quix_state.py FOLDER."""

import json
import sys
from pathlib import Path

from rocksdict import AccessType, Options, Rdict

found = {}
for current in Path(sys.argv[1]).rglob("CURRENT"):
    store = Rdict(
        str(current.parent), options=Options(raw_mode=True), access_type=AccessType.read_only()
    )
    for key, value in store.items():
        who, _, name = key.partition(b"|")
        if name in {b'"t"', b"t"}:
            orders, money, _, cell, _ = json.loads(value)
            found[who.decode()] = (orders, money, cell)
sys.stdout.write(json.dumps(found))
