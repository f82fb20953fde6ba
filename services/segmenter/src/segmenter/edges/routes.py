"""All that the API answers."""

from typing import Final

from segmenter.edges.api import router as segments
from segmenter.edges.audience.api import router as audiences
from segmenter.edges.cohort_api import router as cohorts
from segmenter.edges.goods.api import router as goods
from segmenter.edges.members.level_api import router as levels
from segmenter.edges.members.points_api import router as points
from segmenter.edges.values.api import router as value

ROUTERS: Final = (segments, cohorts, audiences, levels, points, value, goods)
