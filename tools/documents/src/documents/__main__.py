"""`python -m documents DESCRIPTORS FOLDER` writes OpenAPI of ingest and AsyncAPI of the topics.

DESCRIPTORS is what `buf build -o` makes of proto/: a FileDescriptorSet, comments included.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from documents.api import ingest
from documents.topics import topics


def main() -> None:
    parser = argparse.ArgumentParser(prog="documents", description=__doc__)
    parser.add_argument("descriptors", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    descriptors = FileDescriptorSet.FromString(given.descriptors.read_bytes())
    given.folder.mkdir(parents=True, exist_ok=True)
    _write(given.folder / "ingest.openapi.json", ingest())
    _write(given.folder / "topics.asyncapi.json", topics(descriptors))


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
