"""A NUL in a text would end every service that keeps the text: it goes no further than ingest."""

import pytest
from pydantic import ValidationError

from ingest.domain.reading import maybe_text
from ingest.edges.native_types import LineItem, Place


def test_the_api_refuses_names_with_a_nul() -> None:
    with pytest.raises(ValidationError, match="pattern"):
        LineItem(sku="S-1", name="Long\x00jing", quantity=1, price=5)
    with pytest.raises(ValidationError, match="pattern"):
        Place(country="CN", city="\x00")

    assert LineItem(sku="S-1", name="Longjing\nfirst pick", quantity=1, price=5).name


def test_of_a_webhooks_text_it_is_left_out() -> None:
    assert maybe_text({"title": "Long\x00jing"}, "title") == "Longjing"
    assert maybe_text({"title": "\x00 "}, "title") is None
