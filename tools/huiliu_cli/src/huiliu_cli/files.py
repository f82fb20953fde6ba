"""Files that a command is given; - is standard input."""

import json
import sys
from pathlib import Path
from typing import Any

from huiliu_cli.errors import BadSetting


def json_of(file: Path) -> Any:
    try:
        return json.loads(text_of(file))
    except ValueError as error:
        raise BadSetting(f"{file} is not JSON: {error}") from None


def text_of(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise BadSetting(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadSetting(f"{file} is not text in UTF-8") from None
