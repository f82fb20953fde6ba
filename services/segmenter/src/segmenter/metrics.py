"""What the segmenter counts. A batch that is rolled back and handled again counts twice."""

from prometheus_client import Counter, Gauge

CHANGES = Counter(
    "huiliu_segment_changes_total", "Announced changes of a customer's cell", ["reason"]
)
DAYS_TURNED = Counter("huiliu_segment_days_turned_total", "Midnight passes that ended")
PASS_LATENESS = Gauge(
    "huiliu_segment_pass_lateness_seconds",
    "From a shop's midnight to the end of its last pass, business time; 60 is promised",
)
LEVEL_CHANGES = Counter("huiliu_level_changes_total", "What was told of members' levels", ["kind"])
POINTS = Counter("huiliu_points_total", "Points given and taken, without their sign", ["cause"])
