"""Segmenter's tables. `customer_order` is the truth; all but `shop` can be made anew from it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from plumbing.tables import NAMING, add_plumbing
from segmenter.edges.audience.tables import add_audiences
from segmenter.edges.details.tables import add_details
from segmenter.edges.goods.tables import add_products
from segmenter.edges.members.tables import add_members
from segmenter.edges.storage import HOT, INSTANT

metadata = MetaData(naming_convention=NAMING)
plumbing = add_plumbing(metadata)
add_details(metadata)
add_members(metadata)
add_audiences(metadata)
add_products(metadata)


shop = Table(
    "shop",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("zone", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("settings", JSONB),  # text by name; null until the shop is told of again
    Column("attributes", JSONB),  # types of the shop's own, by name
)

# By which figures scores are told since the last midnight; none when buyers were too few.
shop_score = Table(
    "shop_score",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("buyers", BigInteger, nullable=False),
    Column("recency_days", ARRAY(BigInteger), nullable=False),
    Column("frequency", ARRAY(BigInteger), nullable=False),
    Column("monetary_minor", ARRAY(BigInteger), nullable=False),
)

# The day for which a shop's live cells are true, its average, and where the midnight pass is.
shop_day = Table(
    "shop_day",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("day", Date, nullable=False),
    Column("average_orders", BigInteger, nullable=False),
    Column("average_sum_minor", BigInteger, nullable=False),
    Column("next_midnight", INSTANT, nullable=False),
    Column("phase", Text, nullable=False),
    Column("everything", Boolean, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("done_at", INSTANT),
    postgresql_with=HOT,
)

# `paid_day` and `net_minor` are derived from `state`; both null: the order does not count. It
# counts for `customer_id`; `buyer_id` is whom it names, where that is an alias of the former.
customer_order = Table(
    "customer_order",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("order_id", Text, primary_key=True),
    Column("customer_id", Text, nullable=False),
    Column("paid_day", Date),
    Column("net_minor", BigInteger),
    Column("state", JSONB, nullable=False),
    Column("buyer_id", Text),
    # Everything that adds up purchases reads this index alone.
    Index(
        "ix_customer_order_purchases",
        "shop_id",
        "customer_id",
        "paid_day",
        postgresql_include=["net_minor", "order_id"],
        postgresql_where=text("paid_day is not null"),
    ),
    # And what adds up a span of days, of everybody.
    Index(
        "ix_customer_order_days",
        "shop_id",
        "paid_day",
        postgresql_include=["customer_id", "net_minor"],
        postgresql_where=text("paid_day is not null"),
    ),
    postgresql_with=HOT,
)

# The narrow table that midnight reads. `due_day` stays out of the indexes, so that an update which
# leaves the cell alone touches no index.
customer_state = Table(
    "customer_state",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("frequency", BigInteger, nullable=False),
    Column("monetary_minor", BigInteger, nullable=False),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("next_day", Date),
    Column("due_day", Date),
    Column("cell", Text, nullable=False),
    Column("is_high", Boolean),
    Column("revision", BigInteger, nullable=False),
    # Of a person with several ids: the one under which it counts. Null: somebody with one id.
    Column("survivor_id", Text),
    Index("ix_customer_state_cell", "shop_id", "cell", "customer_id"),
    postgresql_with=HOT,
)

# What was said last of two customers: that they are one person, or that they are not.
customer_tie = Table(
    "customer_tie",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("alias_id", Text, primary_key=True),
    Column("survivor_id", Text, primary_key=True),
    Column("merged_at", INSTANT),
    Column("parted_at", INSTANT),
    Index("ix_customer_tie_survivor", "shop_id", "survivor_id"),
)

# Whom a pass has still to settle.
due_customer = Table(
    "due_customer",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
)

segment_change = Table(
    "segment_change",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recency_days", Integer),
    Column("frequency", BigInteger, nullable=False),
    Column("monetary_minor", BigInteger, nullable=False),
    Column("announced_at", INSTANT, nullable=False),
)

# Derived from profiles: never a name, a number, a mailbox or a street.
customer_traits = Table(
    "customer_traits",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("erased", Boolean, nullable=False),
    Column("gender", Text, nullable=False),
    Column("birth_year", Integer),
    Column("birth_month", Integer),
    Column("birth_day", Integer),
    Column("birth_is_lunar", Boolean, nullable=False),
    Column("country", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("has_mobile", Boolean, nullable=False),
    Column("email_domain", Text, nullable=False),
    Column("customer_class", Text, nullable=False),
    Column("address_tags", ARRAY(Text), nullable=False),
    Column("mobile_prefix", Text),
    Column("joined_at", INSTANT),
    Column("last_login_at", INSTANT),
    Column("attributes", JSONB),
)

# A shop's gaps between counted days as of a day, and how far the pass over churn risk is.
shop_churn = Table(
    "shop_churn",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("as_of", Date),
    Column("gaps", JSONB, nullable=False),  # class: [days, counts]
    Column("thresholds", JSONB, nullable=False),  # class: [middle, high, very high]
    Column("cursor", Text),  # null: the pass of as_of is over
    postgresql_with=HOT,
)

# What was announced of a customer's risk. Who is not here was never at more than a low one.
customer_churn = Table(
    "customer_churn",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("customer_id", Text, primary_key=True),
    Column("risk", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("as_of", Date, nullable=False),
    Index("ix_customer_churn_risk", "shop_id", "risk", "customer_id"),
    postgresql_with=HOT,
)

# The model of what a shop's customers are worth, as of a day, and who is at it.
shop_value = Table(
    "shop_value",
    metadata,
    Column("shop_id", Text, primary_key=True),
    Column("as_of", Date),
    Column("model", JSONB),
    Column("tried_on", Date),
    Column("tries", Integer, nullable=False),
    Column("holder", Text),
    Column("held_until", INSTANT),  # real time
    postgresql_with=HOT,
)
