"""The tables of what is bought together. All of them can be made anew from `order_item`."""

from sqlalchemy import BigInteger, Boolean, Column, Date, Index, MetaData, Table, Text

from segmenter.edges.storage import HOT, INSTANT


def add_products(metadata: MetaData) -> None:
    _passes(metadata)
    _workings(metadata)
    _results(metadata)


def _passes(metadata: MetaData) -> None:
    # Where a shop's daily pass is. Readers see the rows of the generation `shown`; the pass
    # writes those of the next.
    Table(
        "pair_pass",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("day", Date),
        Column("phase", Text, nullable=False),
        Column("cursor", Text, nullable=False),
        Column("shown", BigInteger, nullable=False),
        Column("shown_day", Date),
        Column("done_at", INSTANT),
        postgresql_with=HOT,
    )


def _workings(metadata: MetaData) -> None:
    # The pass's own copy of the span, so that all its pages count the same purchases.
    Table(
        "pair_line",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("day", Date, primary_key=True),
        Column("season", Text, nullable=False),
        Column("quantity", BigInteger, nullable=False),
        Column("is_crowded", Boolean, nullable=False),
        Index("ix_pair_line_customer", "shop_id", "customer_id", "day"),
    )
    # Items that may have pairs, with their buyers; the sku '' is all items together.
    Table(
        "pair_item",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("season", Text, primary_key=True),
        Column("buyers", BigInteger, nullable=False),
    )


def _results(metadata: MetaData) -> None:
    Table(
        "product_pair",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("generation", BigInteger, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("season", Text, primary_key=True),
        Column("other", Text, primary_key=True),
        Column("buyers", BigInteger, nullable=False),
        Column("buyers_of_other", BigInteger, nullable=False),
        Column("buyers_of_both", BigInteger, nullable=False),
        Column("buyers_of_any", BigInteger, nullable=False),
    )
    Table(
        "product_cycle",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("generation", BigInteger, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("gaps", BigInteger, nullable=False),
        Column("gap_days", BigInteger, nullable=False),
    )
