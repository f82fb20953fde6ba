"""What the definitions of tables share."""

from typing import Final

from sqlalchemy import DateTime

# Rows are rewritten in place: room in the page lets an update stay on it.
HOT: Final = {"fillfactor": 70}
INSTANT: Final = DateTime(timezone=True)
