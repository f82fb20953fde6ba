"""The overview: what an operator looks at first, from the front door to the gateways."""

from typing import Final

from watching.build import Board, Panel, Row, Series, Unit

JOBS: Final = ("ingest", "segmenter", "care-triggers", "notifier", "reporting")

WELL: Final = Row(
    "Is all well",
    [
        Panel(
            "Alerts that fire",
            "None is good. Each names its section of docs/operations.md.",
            [
                Series(
                    'count by (alertname) (ALERTS{alertstate="firing", alertname=~"Huiliu.+"})'
                    " or vector(0)",
                    "{{alertname}}",
                )
            ],
        ),
        Panel(
            "Pods that answer",
            "By service; at 0 its alert fires.",
            [Series("huiliu:pods_answering:count", "{{job}}")],
        ),
        Panel(
            "Kafka and Postgres away",
            "For how long some pod has had no answer.",
            [
                Series("huiliu:kafka_away:seconds", "Kafka"),
                Series("huiliu:postgres_away:seconds", "Postgres"),
            ],
            unit=Unit.SECONDS,
            limit=20,
        ),
        Panel(
            "Starts in a quarter of an hour",
            "Of the pod that started most often.",
            [Series("huiliu:starts:count15m", "{{job}}")],
            limit=2,
        ),
    ],
)

INGEST: Final = Row(
    "Ingest",
    [
        Panel(
            "Facts",
            "Taken, by what became of them.",
            [
                Series(
                    "sum by (source, outcome) (rate(huiliu_ingest_facts_total[$__rate_interval]))",
                    "{{source}} {{outcome}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Answers",
            "By status. 503 tells senders to come again.",
            [
                Series(
                    "sum by (status)"
                    ' (rate(huiliu_http_requests_total{job="ingest"}[$__rate_interval]))',
                    "{{status}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Time to an answer",
            "0.5 s is promised for 99 in 100.",
            [
                Series(
                    f"histogram_quantile({share}, sum by (le) (rate("
                    'huiliu_http_request_duration_seconds_bucket{job="ingest"}[$__rate_interval])))',
                    f"{share:.0%}",
                )
                for share in (0.5, 0.99)
            ],
            unit=Unit.SECONDS,
            limit=0.5,
        ),
        Panel(
            "Made durable",
            "By the way it took: Kafka, or the spool while Kafka is away.",
            [
                Series(
                    "sum by (path) (rate(huiliu_ingest_durable_records_total[$__rate_interval]))",
                    "{{path}}",
                ),
                Series("sum(rate(huiliu_ingest_not_durable_total[$__rate_interval]))", "refused"),
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Spool",
            "Records that wait, counted up to 10,000.",
            [Series("max(huiliu_ingest_spool_rows)", "records")],
        ),
        Panel(
            "Spool's oldest record",
            "While Kafka answers it must not grow.",
            [Series("huiliu:spool_age:seconds", "age")],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "Facts that wait for their order or parcel",
            "An alert fires when one has waited for three days.",
            [Series("max(huiliu_ingest_parked_rows)", "facts")],
        ),
        Panel(
            "What platforms ask of a person",
            "To erase a customer, to tell one what is known: the law gives 30 days.",
            [
                Series("max(huiliu_ingest_tasks_rows)", "tasks"),
                Series("max(huiliu_ingest_oldest_task_seconds) / 86400", "days that one waits"),
            ],
        ),
        Panel(
            "Platforms that are asked",
            "Bodies that pushes did not bring, and hooks that their platforms have switched off.",
            [
                Series("sum(rate(huiliu_ingest_pulled_total[$__rate_interval]))", "bodies/s"),
                Series(
                    'sum(rate(huiliu_ingest_sweeps_total{outcome="failed"}[$__rate_interval]))',
                    "failures/s",
                ),
                Series("huiliu:hooks_off:count", "hooks off"),
            ],
        ),
        Panel(
            "Watermarks",
            "Published on the orders topic, and the share of partitions that is held back.",
            [
                Series("sum(rate(huiliu_ingest_watermarks_total[$__rate_interval]))", "per second"),
                Series("max(huiliu_ingest_watermarks_held_ratio)", "share held"),
            ],
        ),
    ],
)

CONSUMERS: Final = Row(
    "Consumers",
    [
        Panel(
            "Lag",
            "Records not handled yet. Kafka's own tools see nothing: offsets live in Postgres.",
            [
                Series(
                    'sum by (job, topic) (huiliu_consumer_lag_records{job=~"$job"})',
                    "{{job}} {{topic}}",
                )
            ],
        ),
        Panel(
            "Records handled",
            "By service.",
            [
                Series(
                    "sum by (job)"
                    ' (rate(huiliu_consumer_records_total{job=~"$job"}[$__rate_interval]))',
                    "{{job}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Batch time, 99 in 100",
            "From the fence to the answer to COMMIT.",
            [
                Series(
                    "histogram_quantile(0.99, sum by (job, le) (rate("
                    'huiliu_consumer_batch_seconds_bucket{job=~"$job"}[$__rate_interval])))',
                    "{{job}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
        Panel(
            "Lag without progress",
            "Records in topics of which nothing was handled for a minute.",
            [Series("huiliu:lag_standing:records", "{{job}}")],
        ),
        Panel(
            "Fences and COMMITs in doubt",
            "A rise is no harm by itself: the fence worked, or the row was asked.",
            [
                Series(
                    f'sum by (job) (increase({name}{{job=~"$job"}}[$__rate_interval]))',
                    f"{{{{job}}}} {label}",
                )
                for name, label in (
                    ("huiliu_fence_rejects_total", "fenced"),
                    ("huiliu_commit_unknown_total", "COMMIT unknown"),
                    ("huiliu_not_ready_total", "put off"),
                )
            ],
        ),
        Panel(
            "Dead letters",
            "Put away, and handled again after all.",
            [
                Series(
                    f'sum by (job) (increase({name}{{job=~"$job"}}[$__rate_interval]))',
                    f"{{{{job}}}} {label}",
                )
                for name, label in (
                    ("huiliu_parked_total", "put away"),
                    ("huiliu_replayed_total", "replayed"),
                )
            ],
        ),
        Panel(
            "Partitions that rest",
            "Until a person helps.",
            [Series("huiliu:partitions_stopped:count", "{{job}}")],
            limit=0,
        ),
    ],
)

OUTBOX: Final = Row(
    "Outbox",
    [
        Panel(
            "Oldest event",
            "Above 30 s the relay cannot publish.",
            [Series("huiliu:outbox_age:seconds", "{{job}}")],
            unit=Unit.SECONDS,
            limit=30,
        ),
        Panel(
            "Events that wait",
            "At 50,000 the service reads nothing more.",
            [Series('max by (job) (huiliu_outbox_rows{job=~"$job"})', "{{job}}")],
        ),
        Panel(
            "Published",
            "By topic.",
            [
                Series(
                    "sum by (job, topic)"
                    ' (rate(huiliu_outbox_published_total{job=~"$job"}[$__rate_interval]))',
                    "{{job}} {{topic}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Published again, producers rebuilt",
            "After an outcome that is not known; consumers merge repetitions.",
            [
                Series(
                    f'sum by (job) (increase({name}{{job=~"$job"}}[$__rate_interval]))',
                    f"{{{{job}}}} {label}",
                )
                for name, label in (
                    ("huiliu_relay_resends_total", "again"),
                    ("huiliu_producer_rebuilds_total", "rebuilt"),
                )
            ],
        ),
    ],
)

CARE: Final = Row(
    "Care",
    [
        Panel(
            "Timers",
            "That wait, and that are due.",
            [
                Series("max(huiliu_care_timer_rows)", "waiting"),
                Series("max(huiliu_care_timer_due_rows)", "due"),
            ],
        ),
        Panel(
            "Timer that is due longest",
            "Above 60 s its alert fires.",
            [Series("huiliu:timer_lateness:seconds", "late")],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "From due to decided, 99 in 100",
            "Business time.",
            [
                Series(
                    "histogram_quantile(0.99, sum by (le)"
                    " (rate(huiliu_care_timer_late_seconds_bucket[$__rate_interval])))",
                    "late",
                )
            ],
            unit=Unit.SECONDS,
        ),
        Panel(
            "Decisions",
            "By rule kind and result.",
            [
                Series(
                    "sum by (kind, result)"
                    " (rate(huiliu_care_timers_settled_total[$__rate_interval]))",
                    "{{kind}} {{result}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
    ],
)

SENDING: Final = Row(
    "Sending",
    [
        Panel(
            "Messages",
            "Planned; due and not held by a gate; under way or of unknown outcome.",
            [
                Series("max(huiliu_notifier_planned_rows)", "planned"),
                Series("max(huiliu_notifier_due_rows)", "due"),
                Series("max(huiliu_notifier_unsettled_rows)", "unsettled"),
            ],
        ),
        Panel(
            "Message that is due longest",
            "Above 60 s, and with none going out, the sender is dead.",
            [Series("huiliu:send_lateness:seconds", "late")],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "Requests to gateways",
            "By outcome. One that is unsure is never repeated.",
            [
                Series(
                    "sum by (channel, outcome)"
                    " (rate(huiliu_notifier_sends_total[$__rate_interval]))",
                    "{{channel}} {{outcome}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Failed requests",
            "Share in five minutes. Above a half the gateway's alert fires.",
            [Series("huiliu:sends_failed:ratio5m", "{{channel}}")],
            unit=Unit.SHARE,
            limit=0.5,
        ),
        Panel(
            "Gateway's time, 99 in 100",
            "From the claim's COMMIT to the answer.",
            [
                Series(
                    "histogram_quantile(0.99, sum by (channel, le)"
                    " (rate(huiliu_notifier_request_seconds_bucket[$__rate_interval])))",
                    "{{channel}}",
                )
            ],
            unit=Unit.SECONDS,
        ),
        Panel(
            "Held and ended",
            "By the gate that put messages off, and by how those ended that are not sent.",
            [
                Series(
                    "sum by (reason) (rate(huiliu_held_total[$__rate_interval]))",
                    "held: {{reason}}",
                ),
                Series(
                    "sum by (state) (rate(huiliu_notifier_stopped_total[$__rate_interval]))",
                    "ended: {{state}}",
                ),
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "News of payments",
            "Age of the oldest partition's watermark; above 1 s unpaid reminders are held.",
            [Series("huiliu:watermark_age:seconds", "age")],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "Receipts",
            "What gateways reported, by what came of it.",
            [
                Series(
                    "sum by (result) (rate(huiliu_notifier_gateway_news_total[$__rate_interval]))",
                    "{{result}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
    ],
)

SEGMENTS: Final = Row(
    "Segments and reports",
    [
        Panel(
            "Changes of segments",
            "By reason.",
            [
                Series(
                    "sum by (reason) (rate(huiliu_segment_changes_total[$__rate_interval]))",
                    "{{reason}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Midnight pass",
            "From a shop's midnight to the end of its last pass; 60 s is promised.",
            [Series("max(huiliu_segment_pass_lateness_seconds)", "late")],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "Events merged into reports",
            "By kind.",
            [
                Series(
                    "sum by (kind) (rate(huiliu_reporting_facts_total[$__rate_interval]))",
                    "{{kind}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
        Panel(
            "Time of a report, 99 in 100",
            "From when it is begun; one that takes 60 s is broken off.",
            [
                Series(
                    "histogram_quantile(0.99, sum by (operation, le)"
                    " (rate(huiliu_reporting_report_seconds_bucket[$__rate_interval])))",
                    "{{operation}}",
                )
            ],
            unit=Unit.SECONDS,
            limit=60,
        ),
        Panel(
            "Reports refused",
            "By reason.",
            [
                Series(
                    "sum by (reason) (rate(huiliu_reporting_refused_total[$__rate_interval]))",
                    "{{reason}}",
                )
            ],
            unit=Unit.PER_SECOND,
        ),
    ],
)

PROCESSES: Final = Row(
    "Processes",
    [
        Panel(
            "Memory",
            "Resident, of the largest pod.",
            [
                Series(
                    'max by (job) (process_resident_memory_bytes{job=~"$job"})',
                    "{{job}}",
                )
            ],
            unit=Unit.BYTES,
        ),
        Panel(
            "Processor",
            "Cores in use.",
            [
                Series(
                    'sum by (job) (rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval]))',
                    "{{job}}",
                )
            ],
        ),
        Panel(
            "Event loop late, 99 in 100",
            "Above 0.1 s some work blocks it.",
            [
                Series(
                    "histogram_quantile(0.99, sum by (job, le)"
                    ' (rate(huiliu_loop_late_seconds_bucket{job=~"$job"}[$__rate_interval])))',
                    "{{job}}",
                )
            ],
            unit=Unit.SECONDS,
            limit=0.1,
        ),
        Panel(
            "Database pool in use",
            "Share of the connections; who finds none free waits.",
            [
                Series(
                    'max by (job) (huiliu_database_pool_used_ratio{job=~"$job"})',
                    "{{job}}",
                )
            ],
            unit=Unit.SHARE,
        ),
        Panel(
            "Oldest transaction",
            "It holds locks; above 30 s its alert fires.",
            [Series("huiliu:transaction_age:seconds", "{{job}}")],
            unit=Unit.SECONDS,
            limit=30,
        ),
    ],
)

OVERVIEW: Final = Board(
    uid="huiliu-overview",
    title="Huiliu: overview",
    description="From the front door to the gateways. Made by code: make dashboards.",
    jobs=JOBS,
    rows=(WELL, INGEST, CONSUMERS, OUTBOX, CARE, SENDING, SEGMENTS, PROCESSES),
)
