"""From our few words to Grafana's many: what a panel says, and nothing of where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grafana_foundation_sdk.builders import common as commons
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
)

WIDTH: Final = 6  # four panels a line
HEIGHT: Final = 7
SOURCE: Final = DataSourceRef(type_val="prometheus", uid="$datasource")


class Unit(StrEnum):
    """Grafana's own names."""

    COUNT = "short"
    SECONDS = "s"
    PER_SECOND = "cps"
    SHARE = "percentunit"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Series:
    query: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph. Above its *limit* something is wrong."""

    title: str
    description: str
    series: Sequence[Series]
    unit: Unit = Unit.COUNT
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    uid: str
    title: str
    description: str
    jobs: Sequence[str]
    rows: Sequence[Row]


def as_json(board: Board) -> str:
    """Return what Grafana imports: the same text for the same board."""
    made = (
        dashboards.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["huiliu"])
        .timezone("browser")
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboards.DatasourceVariable("datasource").type("prometheus"))
        .with_variable(_jobs(board.jobs))
    )
    number = 0
    for row in board.rows:
        number += 1
        made.with_row(dashboards.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            made.with_panel(_graph(panel).id(number))
    return JSONEncoder(indent=2, sort_keys=True, ensure_ascii=False).encode(made.build()) + "\n"


def _jobs(jobs: Sequence[str]) -> dashboards.CustomVariable:
    return (
        dashboards.CustomVariable("job")
        .label("Service")
        .values(",".join(jobs))
        .options([VariableOption(text=job, value=job) for job in jobs])
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _graph(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .span(WIDTH)
        .height(HEIGHT)
        .unit(panel.unit)
        .min(0)
        .fill_opacity(8)
        .legend(
            commons.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(
            commons.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
    )
    for letter, series in zip("ABCDEFGH", panel.series, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .ref_id(letter)
            .expr(series.query)
            .legend_format(series.legend)
            .datasource(SOURCE)
            .range()
        )
    if panel.limit is not None:
        made.thresholds(
            dashboards.ThresholdsConfig()
            .mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(color="green"), Threshold(value=panel.limit, color="red")])
        ).thresholds_style(
            commons.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    return made
