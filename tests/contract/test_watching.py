"""Dashboards and alerts: what they read exists, and each fault raises its alert and no other."""

import importlib
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import yaml
from prometheus_client import REGISTRY

from plumbing.metrics import AwayMetrics, ConsumerMetrics, DatabaseMetrics, OutboxMetrics
from support.prometheus import ROOT, RULES, binary
from support.queries import (
    DASHBOARDS,
    alerts,
    dashboard_queries,
    measures,
    metrics,
    selectors,
)
from watching.build import as_json
from watching.overview import JOBS, OVERVIEW
from web.metrics import http_metrics

PROMETHEUS_OWN: Final = {"up", "ALERTS"}
CONSUMERS: Final = ("segmenter", "care-triggers", "reporting")
RELAYS: Final = ("ingest", "segmenter", "care-triggers", "notifier")
STEPS: Final = 80  # of 15 s
FAULT: Final = 20  # the step at which it begins: 5 minutes


def registered() -> set[str]:
    """Return every name that some service's /metrics can show."""
    for service in JOBS:
        importlib.import_module(f"{service.replace('-', '_')}.metrics")
    importlib.import_module("web.pulse")
    for each in (AwayMetrics, ConsumerMetrics, DatabaseMetrics, OutboxMetrics):
        each()
    http_metrics(REGISTRY)
    suffixes = {
        "counter": ["_total"],
        "histogram": ["_bucket", "_count", "_sum"],
    }
    return {
        family.name + suffix
        for family in REGISTRY.collect()
        for suffix in suffixes.get(family.type, [""])
    }


def test_every_metric_that_is_read_exists() -> None:
    queries = {**dashboard_queries(), **measures()}
    queries |= {name: alert["expr"] for name, alert in alerts().items()}
    known = registered() | measures().keys() | PROMETHEUS_OWN

    unknown = {
        name: missing for name, query in queries.items() if (missing := metrics(query) - known)
    }

    assert unknown == {}


def test_alerts_compare_measures_and_read_nothing_else() -> None:
    read = {name: metrics(alert["expr"]) for name, alert in alerts().items()}

    assert {name: more for name, names in read.items() if (more := names - measures().keys())} == {}


def test_every_alert_says_how_bad_it_is_what_it_means_and_what_to_do() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text("utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", manual, re.MULTILINE)
    }

    for name, alert in alerts().items():
        assert alert["labels"]["severity"] in ("critical", "warning"), name
        notes = alert["annotations"]
        assert notes["summary"], name
        assert notes["description"], name
        page, _, anchor = notes["runbook"].partition("#")
        assert (page, anchor) == ("docs/operations.md", name.lower()), name
        assert anchor in anchors, name


def test_the_committed_dashboard_is_what_its_code_makes() -> None:
    assert (DASHBOARDS / "overview.json").read_text("utf-8") == as_json(OVERVIEW)


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(as_json(OVERVIEW))["panels"]
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


def test_promtool_accepts_rules_configuration_and_panels(tmp_path: Path) -> None:
    tool = binary("promtool")
    asked = enumerate(dashboard_queries().values())
    panels = tmp_path / "panels.yml"
    panels.write_text(
        yaml.safe_dump(
            {
                "groups": [
                    {
                        "name": "panels",
                        "rules": [{"record": f"panel:{n}", "expr": expr} for n, expr in asked],
                    }
                ]
            }
        ),
        "utf-8",
    )

    for command in (
        ["check", "rules", "--lint-fatal", str(RULES), str(panels)],
        ["check", "config", "--lint-fatal", str(RULES.parent / "prometheus.yml")],
    ):
        done = subprocess.run([tool, *command], capture_output=True, text=True, check=False)  # noqa: S603
        assert done.returncode == 0, done.stdout + done.stderr


Values = str  # of promtool: "0x20 0+15x60" is 0 for 21 steps, then 60 steps up by 15


def flat(value: float) -> Values:
    return f"{value}x{STEPS}"


def rising(by: float, start: float = 0) -> Values:
    return f"{start}+{by}x{STEPS}"


def from_fault(before: float, after: Values) -> Values:
    """Return *before* for as long as all is well, then *after*."""
    return f"{before}x{FAULT - 1} {after}"


def well() -> dict[str, Values]:
    """Return what a house shows in which all is well."""
    found = {f'up{{job="{job}"}}': flat(1) for job in JOBS}
    for job in JOBS:
        found |= {
            f'process_start_time_seconds{{job="{job}"}}': flat(1000),
            f'huiliu_away_seconds{{job="{job}",what="kafka"}}': flat(0),
            f'huiliu_away_seconds{{job="{job}",what="postgres"}}': flat(0),
            f'huiliu_consumer_lag_records{{job="{job}",topic="t",part="0"}}': flat(2),
            f'huiliu_consumer_records_total{{job="{job}",topic="t"}}': rising(50),
            f'huiliu_parked_total{{job="{job}",topic="t"}}': flat(0),
        }
    for job in RELAYS:
        found[f'huiliu_outbox_oldest_seconds{{job="{job}"}}'] = flat(0.1)
        found[f'huiliu_database_transaction_seconds{{job="{job}"}}'] = flat(0.1)
    return found | {
        'huiliu_ingest_kafka_away_seconds{job="ingest"}': flat(0),
        'huiliu_ingest_spool_oldest_seconds{job="ingest"}': flat(0),
        'huiliu_ingest_not_durable_total{job="ingest"}': flat(0),
        'huiliu_ingest_oldest_parked_seconds{job="ingest"}': flat(60),
        'huiliu_care_timer_oldest_due_seconds{job="care-triggers"}': flat(0.1),
        'huiliu_notifier_oldest_due_seconds{job="notifier"}': flat(0.1),
        'huiliu_notifier_watermark_age_seconds{job="notifier"}': flat(0.6),
        'huiliu_notifier_sends_total{job="notifier",channel="sms",outcome="accepted"}': rising(10),
        'huiliu_notifier_sends_total{job="notifier",channel="sms",outcome="refused"}': flat(0),
    }


def _is_of(series: str, job: str) -> bool:
    return f'job="{job}"' in series


def silent(job: str, steps: int = STEPS) -> dict[str, Values]:
    """Return what is left of *job* when no pod of it answers for so many steps."""
    found = {}
    for series, values in well().items():
        if _is_of(series, job):
            start, _, by = values.partition("x")[0].partition("+")
            by = by or "0"
            lost = " ".join(["stale"] * steps)
            found[series] = f"{start}+{by}x{FAULT - 1} {lost} {start}+{by}x{STEPS}"
    found[f'up{{job="{job}"}}'] = f"1x{FAULT - 1} 0x{steps - 1} 1x{STEPS}"
    return found


GROWS: Final = from_fault(0, "15+15x60")
OLD_NEWS: Final = {'huiliu_notifier_watermark_age_seconds{job="notifier"}': GROWS}


def grows(*parts: str) -> dict[str, Values]:
    """Return all healthy series whose names hold one of *parts*, growing with time."""
    return {series: GROWS for series in well() if any(part in series for part in parts)}


def halts(*jobs: str) -> dict[str, Values]:
    """Return consumers that handle nothing from the fault on."""
    return {
        f'huiliu_consumer_records_total{{job="{job}",topic="t"}}': f"0+50x{FAULT} {50 * FAULT}x60"
        for job in jobs
    }


NO_SENDS: Final = {
    'huiliu_notifier_sends_total{job="notifier",channel="sms",outcome="accepted"}': (
        f"0+10x{FAULT} {10 * FAULT}x60"
    )
}


def away(what: str, until: int = 60) -> dict[str, Values]:
    """Return a house that has lost *what* for *until* steps, with all that follows from it."""
    name = f'what="{what}"'
    back = f"0x{FAULT - 1} 15+15x{until - 1} 0x{STEPS}"
    lost = {series: back for series in well() if name in series}
    late = f"0.1x{FAULT - 1} 15+15x{until} 1x{STEPS}"
    stuck = dict.fromkeys(
        grows("outbox_oldest", "spool_oldest", "watermark_age", "oldest_due"), late
    )
    door = "huiliu_ingest_kafka_away_seconds"
    shut = {f'{door}{{job="ingest"}}': back} if what == "kafka" else {}
    rest = {
        f'huiliu_consumer_records_total{{job="{job}",topic="t"}}': (
            f"0+50x{FAULT} {50 * FAULT}x{until} {50 * FAULT}+50x{STEPS}"
        )
        for job in JOBS
    }
    return {**stuck, **rest, **lost, **shut, **(NO_SENDS if until == 60 else {})}


@dataclass(frozen=True)
class Case:
    """What changes in a house where all was well, and which alerts fire so long after."""

    what: str
    changes: Mapping[str, Values] = field(default_factory=dict)
    fires: Sequence[str] = ()
    after_s: int = 120


LAG: Final = 'huiliu_consumer_lag_records{job="segmenter",topic="t",part="0"}'
LETTERS: Final = 'huiliu_parked_total{job="segmenter",topic="t"}'
STOPPED: Final = 'huiliu_consumer_stopped_info{job="segmenter",topic="t",part="0",reason="r"}'
REFUSED: Final = 'huiliu_ingest_not_durable_total{job="ingest"}'
EVENT: Final = 'huiliu_outbox_oldest_seconds{job="segmenter"}'
SPOOLED: Final = 'huiliu_ingest_spool_oldest_seconds{job="ingest"}'
OPEN: Final = 'huiliu_database_transaction_seconds{job="notifier"}'
TIMER: Final = 'huiliu_care_timer_oldest_due_seconds{job="care-triggers"}'
DUE: Final = 'huiliu_notifier_oldest_due_seconds{job="notifier"}'
PARKED: Final = 'huiliu_ingest_oldest_parked_seconds{job="ingest"}'


def now(series: str, values: Values) -> dict[str, Values]:
    """Return *series*, at nought until the fault."""
    return {series: from_fault(0, values)}


def sends(accepted: float, refused: float) -> dict[str, Values]:
    name = 'huiliu_notifier_sends_total{job="notifier",channel="sms",outcome='
    return {f'{name}"accepted"}}': rising(accepted), f'{name}"refused"}}': rising(refused)}


def starts(*at: int) -> dict[str, Values]:
    values = [1000 + sum(step >= one for one in at) for step in range(STEPS)]
    return {'process_start_time_seconds{job="reporting"}': " ".join(map(str, values))}


CASES: Final = [
    Case("all is well", after_s=600),
    # nobody answers
    Case("notifier is killed", silent("notifier"), ["SenderDead"]),
    Case("notifier is down for long", silent("notifier"), ["SenderDead"], 600),
    *(Case(f"{job} is killed or frozen", silent(job), ["ConsumerStuck"]) for job in CONSUMERS),
    Case("ingest is killed", silent("ingest"), ["IngestDown"]),
    Case("ingest is down for long", {**OLD_NEWS, **silent("ingest")}, ["IngestDown"], 600),
    Case(
        "care-triggers is down for long",
        {**OLD_NEWS, **silent("care-triggers")},
        ["ConsumerStuck"],
        600,
    ),
    *(Case(f"{job} starts anew in half a minute", silent(job, 2), [], 60) for job in JOBS),
    *(Case(f"{job} is back", silent(job, 12), [], 240) for job in JOBS),
    # what all need is away
    Case("Kafka is stopped", away("kafka"), ["KafkaAway"]),
    Case("Kafka is stopped for long", away("kafka"), ["KafkaAway"], 600),
    Case("Kafka is back", away("kafka", 12), [], 240),
    Case("Kafka is back for a while", away("kafka", 12), [], 480),
    Case("Kafka hesitates", away("kafka", 1), [], 60),
    Case("Postgres is stopped", away("postgres"), ["PostgresAway"]),
    Case("Postgres is stopped for long", away("postgres"), ["PostgresAway"], 600),
    Case("Postgres is back", away("postgres", 12), [], 240),
    Case("neither Kafka nor the spool takes a fact", now(REFUSED, "1+1x60"), ["FactsRefused"]),
    # consumers
    *(Case(f"{job} handles nothing", halts(job), ["ConsumerStuck"], 180) for job in CONSUMERS),
    Case("a consumer is behind and gets on", now(LAG, "100000x60"), [], 600),
    Case(
        "a partition rests",
        {**now(STOPPED, "1x60"), **halts("segmenter")},
        ["PartitionStopped"],
        300,
    ),
    Case("a record is put away", now(LETTERS, "1x60"), ["DeadLetters"]),
    Case("a record was put away long ago", now(LETTERS, "1x60"), [], 840),
    Case("a pod ends again and again", starts(FAULT, FAULT + 3, FAULT + 6), ["RestartsOften"]),
    Case("a pod started anew twice", starts(FAULT, FAULT + 3)),
    # the relay and the spool
    Case("a relay cannot publish", now(EVENT, "15+15x60"), ["OutboxOld"]),
    Case("a relay is slow", now(EVENT, "25x60"), [], 600),
    Case("nobody drains the spool", now(SPOOLED, "15+15x60"), ["SpoolGrowing"], 180),
    Case("the spool is drained", now(SPOOLED, "3000-30x60"), [], 180),
    Case("a transaction stays open", now(OPEN, "15+15x60"), ["TransactionOld"]),
    Case("a transaction is long", now(OPEN, "25x60"), [], 600),
    # care and sending
    Case("timers are late", now(TIMER, "15+15x60"), ["TimersLate"]),
    Case("timers are a little late", now(TIMER, "50x60"), [], 600),
    Case("none of what is due goes out", {**now(DUE, "15+15x60"), **NO_SENDS}, ["SenderDead"], 180),
    Case("some of what is due goes out", now(DUE, "15+15x60"), [], 600),
    Case("nothing is due and none goes out", NO_SENDS, [], 600),
    Case("the gateway refuses most", sends(3, 7), ["GatewayRefusing"]),
    Case("the gateway refuses some", sends(6, 4)),
    Case("the gateway refuses two of two", sends(0, 0.1)),
    Case("no news of payments comes through", OLD_NEWS, ["RemindersHeld"], 180),
    Case("news of payments comes late", {next(iter(OLD_NEWS)): flat(50)}, [], 600),
    Case("a fact waits for four days", now(PARKED, "345600x60"), ["FactWaitsLong"]),
    Case("a fact waits for two days", now(PARKED, "172800x60"), [], 600),
    Case(
        "a shop has switched our hook off", now("huiliu_ingest_hooks_off_rows", "1x60"), ["HookOff"]
    ),
]


QUESTION: Final = 'count by (alertname) (count by (alertname, job) (ALERTS{alertstate="firing"}))'


def trial(case: Case) -> dict[str, object]:
    """Return *case* as promtool wants it. It tells of a failure by its query: so that is named."""
    expected = [{"labels": f'{{alertname="Huiliu{name}"}}', "value": 1} for name in case.fires]
    series = {**well(), **case.changes}
    return {
        "interval": "15s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f"{QUESTION} # {case.what}.",
                "eval_time": f"{FAULT * 15 + case.after_s}s",
                "exp_samples": expected,
            }
        ],
    }


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return what promtool says of the cases that are not as expected."""
    file = tmp_path_factory.mktemp("alerts") / "trials.yml"
    head = {"rule_files": [str(RULES)], "evaluation_interval": "15s"}
    file.write_text(yaml.safe_dump({**head, "tests": [trial(case) for case in CASES]}), "utf-8")
    done = subprocess.run(  # noqa: S603 - Debian's
        [binary("promtool"), "test", "rules", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = (done.stdout + done.stderr).split("expr:")
    found = {case.what: one for case in CASES for one in told if f"# {case.what}." in one}
    assert (done.returncode == 0) == (not found), told
    return found


def test_promtool_notices_an_alert_that_was_not_expected(tmp_path: Path) -> None:
    """The control of what follows."""
    file = tmp_path / "trial.yml"
    wrong = trial(Case("notifier is killed", silent("notifier"), []))
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [wrong]}), "utf-8")

    done = subprocess.run(  # noqa: S603 - Debian's
        [binary("promtool"), "test", "rules", str(file)], capture_output=True, check=False
    )

    assert done.returncode == 1
    assert b'got: {alertname="HuiliuSenderDead"}' in done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_each_fault_raises_its_alert_and_no_other(case: Case, failures: Mapping[str, str]) -> None:
    assert failures.get(case.what, "") == ""


def test_every_alert_is_seen_to_fire() -> None:
    assert {f"Huiliu{name}" for case in CASES for name in case.fires} == alerts().keys()


def test_every_measure_has_a_reader() -> None:
    everything = [alert["expr"] for alert in alerts().values()]
    everything += [*measures().values(), *dashboard_queries().values()]
    read = {name for query in everything for name in metrics(query)}

    assert measures().keys() - read == set()
    assert all(selectors(query) for query in everything)
