"""`python -m watching FOLDER` writes each dashboard's JSON into FOLDER."""

import argparse
from pathlib import Path

from watching.build import as_json
from watching.overview import OVERVIEW


def main() -> None:
    parser = argparse.ArgumentParser(prog="watching", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overview.json").write_text(as_json(OVERVIEW), "utf-8")


if __name__ == "__main__":
    main()
