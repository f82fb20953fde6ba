"""Connector kinds: what the API offers is what the hooks know."""

from typing import get_args

from ingest.edges.connectors import NewConnector
from ingest.edges.schemes import SCHEMES


def test_each_kind_that_can_be_added_has_a_scheme() -> None:
    assert set(get_args(NewConnector.model_fields["kind"].annotation)) == set(SCHEMES)
