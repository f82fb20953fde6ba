"""A shop with a large month, made by SQL, and what its report must say."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PRICE_MICROS: Final = 50_000
NET_MINOR: Final = 1_000
RULES: Final = 10

_SHOP: Final = text("insert into shop values (:shop, 1, 'Large', 'Asia/Shanghai', 'CNY', 'zh')")
_RULES: Final = text(
    """
    insert into rule
    select :shop, 'rule-' || n, 1, 'campaign_start', 'marketing', 50, 3 * 86400, false, 'sales'
    from generate_series(0, :rules - 1) n
    """
)
# Spread over four weeks, the last of them a day ago; five for each customer.
_MESSAGES: Final = text(
    """
    insert into message (shop_id, message_id, customer_id, rule_id, rule_version, kind,
                         is_marketing, priority, channel, gateway, state, reason, sent_at, pieces,
                         price_micros, currency, registers)
    select :shop, 'm-' || n, 'c-' || n % :customers, 'rule-' || n % :rules, 1, 'campaign_start',
           true, 50, 'sms', 'g', 'delivered', '',
           clock.business_now() - interval '1 day' - n * interval '2419200 s' / :messages, 1,
           :price, 'CNY', '{}'
    from generate_series(0, :messages - 1) n
    """
)
# Each placed and paid a minute after a message went out to its buyer.
_ORDERS: Final = text(
    """
    insert into order_fact (shop_id, order_id, customer_id, placed_at, paid_at, counted_in,
                            currency, net_minor, total_minor, refunded_minor, is_unpaid,
                            is_cancelled, fact_ids, state)
    select shop_id, 'o-' || message_id, customer_id, sent_at + interval '1 minute',
           sent_at + interval '2 minutes', 'CNY', 'CNY', :net, :net, 0, false, false, '{1}', '{}'
    from message
    where shop_id = :shop and abs(hashint4(cast(substr(message_id, 3) as int))) % 10 < 3
    """
)


async def fill(conn: AsyncConnection, shop_id: str, messages: int) -> int:
    """Give *shop_id* so many messages of the last weeks; return how many orders they brought."""
    await conn.execute(_SHOP, {"shop": shop_id})
    await conn.execute(_RULES, {"shop": shop_id, "rules": RULES})
    await conn.execute(
        _MESSAGES,
        {
            "shop": shop_id,
            "messages": messages,
            "customers": max(1, messages // 5),
            "rules": RULES,
            "price": PRICE_MICROS,
        },
    )
    found = await conn.execute(_ORDERS, {"shop": shop_id, "net": NET_MINOR})
    return found.rowcount
