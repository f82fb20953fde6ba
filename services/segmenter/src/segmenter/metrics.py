"""What the segmenter counts. A batch that is rolled back and handled again counts twice."""

from prometheus_client import Counter, Gauge, Histogram

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
CHURN_CHANGES = Counter("huiliu_churn_changes_total", "Announced changes of churn risk", ["risk"])
FITS = Counter("huiliu_value_fits_total", "Fits of a shop's model of value", ["outcome"])
FIT_TIME = Histogram(
    "huiliu_value_fit_seconds",
    "What one fit took, its process's start included",
    buckets=(1, 2, 5, 10, 20, 60, 120),
)
