"""The tables of the second reading group: what is known of orders, goods and people beyond RFM.

Readers turn instants into days of the shop's zone, and ask for the shop's currency.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from segmenter.edges.storage import HOT, INSTANT


def add_details(metadata: MetaData) -> None:
    _orders(metadata)
    _items(metadata)
    _parcels_and_reviews(metadata)
    _people_and_goods(metadata)


def _orders(metadata: MetaData) -> None:
    # All but the ids is derived from `state`. `paid_at` and `net_minor` are null, both: it does
    # not count.
    Table(
        "order_detail",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("order_id", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("placed_at", INSTANT),
        Column("paid_at", INSTANT),
        Column("net_minor", BigInteger),
        Column("signed_at", INSTANT),
        Column("confirmed_at", INSTANT),
        Column("state", JSONB, nullable=False),
        Index("ix_order_detail_customer", "shop_id", "customer_id", "paid_at"),
        postgresql_with=HOT,
    )
    Table(
        "order_refund",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("order_id", Text, primary_key=True),
        Column("refund_id", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("amount_minor", BigInteger, nullable=False),
        Column("opened_at", INSTANT),
        Column("taken_at", INSTANT),
        Index("ix_order_refund_customer", "shop_id", "customer_id", "taken_at"),
    )


def _items(metadata: MetaData) -> None:
    # One row an order and article. `paid_at` is null where the order does not count.
    Table(
        "order_item",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("order_id", Text, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("paid_at", INSTANT),
        Column("quantity", BigInteger, nullable=False),
        Column("price_minor", BigInteger, nullable=False),
        Index("ix_order_item_sku", "shop_id", "sku", "paid_at", "customer_id"),
        Index("ix_order_item_customer", "shop_id", "customer_id", "paid_at"),
    )


def _parcels_and_reviews(metadata: MetaData) -> None:
    Table(
        "parcel",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("order_id", Text, primary_key=True),
        Column("parcel_id", Text, primary_key=True),
        Column("signed_at", INSTANT),
        Column("state", JSONB, nullable=False),
        postgresql_with=HOT,
    )
    # `score` is null where none is known or the review is withdrawn: it does not count.
    Table(
        "review",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("review_id", Text, primary_key=True),
        Column("customer_id", Text, nullable=False),
        Column("order_id", Text, nullable=False),
        Column("sku", Text, nullable=False),
        Column("score", Integer),
        Column("reviewed_at", INSTANT),
        Column("withdrawn_at", INSTANT),
        Column("state", JSONB, nullable=False),
        Index("ix_review_customer", "shop_id", "customer_id", "reviewed_at"),
        postgresql_with=HOT,
    )


def _people_and_goods(metadata: MetaData) -> None:
    # `at` is cut to the quarter of an hour: a day begins at one in every zone.
    Table(
        "login",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("customer_id", Text, primary_key=True),
        Column("at", INSTANT, primary_key=True),
    )
    Table(
        "product",
        metadata,
        Column("shop_id", Text, primary_key=True),
        Column("sku", Text, primary_key=True),
        Column("revision", BigInteger, nullable=False),
        Column("title", Text, nullable=False),
        Column("category", Text, nullable=False),
        Column("season", Text, nullable=False),
        Column("style", Text, nullable=False),
        Column("pairs_with", ARRAY(Text), nullable=False),
        Column("currency", Text, nullable=False),
        Column("price_minor", BigInteger),
        Column("stock", BigInteger),
        Column("launch_day", Date),
        Column("hot_sale_day", Date),
        Column("cycle_days", BigInteger),
        Index(
            "ix_product_category", "shop_id", "category", postgresql_where=text("category <> ''")
        ),
    )
