"""Connector kinds: what the API offers is what the hooks know."""

from typing import get_args

from ingest.edges.configs import CONFIGS
from ingest.edges.connectors import NewConnector
from ingest.edges.schemes import SCHEMES


def test_each_kind_that_can_be_added_has_a_scheme_and_its_config() -> None:
    kinds = {
        kind: None if model.model_fields["config"].annotation is type(None) else model
        for model in get_args(NewConnector)
        for kind in get_args(model.model_fields["kind"].annotation)
    }
    assert set(kinds) == set(SCHEMES)
    assert {kind for kind, model in kinds.items() if model is not None} == set(CONFIGS)
