"""Connector kinds: what the API offers is what the hooks know."""

from typing import get_args

from ingest.edges.kinds import KINDS, Config, NewConnector


def test_each_kind_that_can_be_added_is_known_with_its_config() -> None:
    configs = {
        kind: model.model_fields["config"].annotation
        for model in get_args(NewConnector)
        for kind in get_args(model.model_fields["kind"].annotation)
    }
    assert configs == {name: kind.config or type(None) for name, kind in KINDS.items()}
    assert {one for one in configs.values() if one is not type(None)} == set(get_args(Config))


def test_a_kind_has_secrets_unless_it_takes_none() -> None:
    most = {
        kind: [
            one.max_length
            for one in model.model_fields["secrets"].metadata
            if hasattr(one, "max_length")
        ]
        for model in get_args(NewConnector)
        for kind in get_args(model.model_fields["kind"].annotation)
    }
    assert {name for name, (many,) in most.items() if many == 0} == {
        name for name, kind in KINDS.items() if not kind.has_secrets
    }
