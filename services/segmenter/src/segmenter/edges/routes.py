"""All that the API answers."""

from typing import Final

from segmenter.edges.api import router as segments
from segmenter.edges.audience.api import router as audiences
from segmenter.edges.cohort_api import router as cohorts
from segmenter.edges.member_api import router as members
from segmenter.edges.product_api import router as goods
from segmenter.edges.value_api import router as value

ROUTERS: Final = (segments, cohorts, audiences, members, value, goods)
