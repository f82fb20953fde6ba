"""The queries of dashboards and rules, taken apart."""

import json
from collections.abc import Iterator
from typing import Any, Final

import promql_parser as promql
import yaml

from support.prometheus import ROOT, RULES

DASHBOARDS: Final = ROOT / "deploy" / "grafana"
# What Grafana puts in the place of its variables.
VARIABLES: Final = {"$__rate_interval": "1m", "$job": ".+"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def measures() -> dict[str, str]:
    """Return the recorded measures: name to query."""
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def dashboard_queries() -> dict[str, str]:
    """Return each panel's queries as Prometheus is asked them: dashboard/panel/letter to query."""
    return {
        f"{path.stem}/{panel['title']}/{target['refId']}": _filled(target["expr"])
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in _panels(json.loads(path.read_text("utf-8"))["panels"])
        for target in panel.get("targets", [])
    }


def selectors(query: str) -> set[str]:
    """Return the series that *query* reads, each with its labels and without its comparison."""
    return {str(one) for one in _selectors(query)}


def metrics(query: str) -> set[str]:
    """Return the names that *query* reads."""
    return {str(one.name) for one in _selectors(query)}


def _selectors(query: str) -> list[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def note(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            found.append(node)

    promql.walk(promql.parse(query), note)
    return found


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))


def _filled(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"a variable that nobody fills: {expr}"
    return expr
