"""The statements of `product_store`. The transaction sees one shop's rows only."""

from typing import Final

from sqlalchemy import TextClause, text

KNOWS_ITEM: Final = text(
    """
    select exists (select from product where sku = :sku)
        or exists (select from order_item where sku = :sku)
    """
)
KNOWS_CUSTOMER: Final = text(
    "select exists (select from customer_state where customer_id = :customer_id)"
)
SHOWN_DAY: Final = text("select shown_day from pair_pass")

# Of one item's pairs the first by P(B|A) are the first by the buyers of both.
PARTNERS: Final = text(
    """
    select other as sku, coalesce(title, '') as title, sku as because,
           buyers, buyers_of_other, buyers_of_both, buyers_of_any
    from (select product_pair.* from product_pair join pair_pass using (shop_id)
          where generation = shown and sku = :sku and season = :season) as pair
    left join (select sku as other, title, stock from product) as known using (other)
    where coalesce(stock, 1) > 0
    order by buyers_of_both desc, other limit :limit
    """
)
NAMED_PARTNERS: Final = text(
    """
    select other.sku, other.title, named.because, null as buyers_of_any
    from (select partner as sku, product.sku as because, min(place) as place
          from product, unnest(pairs_with) with ordinality as named(partner, place)
          where product.sku = :sku and partner <> :sku group by 1, 2) as named
    join product as other using (sku)
    where coalesce(other.stock, 1) > 0
    order by place limit :limit
    """
)

# A refund names no article: whatever its order held is taken for sent back.
SUGGESTIONS: Final = text(
    """
    with bought as (
      select distinct sku from order_item
      where customer_id = :customer_id and paid_at is not null and currency = :currency),
    sent_back as (
      select distinct sku from order_item join order_refund using (shop_id, order_id)
      where order_item.customer_id = :customer_id and taken_at is not null),
    candidate as (
      select other as sku, sku as because, buyers, buyers_of_other, buyers_of_both, buyers_of_any,
             cast(buyers_of_both as double precision) / buyers as confidence
      from bought join product_pair using (sku) join pair_pass using (shop_id)
      where generation = shown and season = :season
      union all
      select partner, sku, null, null, null, null, -1
      from bought join product using (sku), unnest(pairs_with) as named(partner)
      where partner in (select sku from product)),
    best as (
      select distinct on (sku) * from candidate
      where sku not in (select sku from sent_back)
      order by sku, confidence desc, because)
    select sku, coalesce(title, '') as title, because,
           buyers, buyers_of_other, buyers_of_both, buyers_of_any
    from best left join product using (sku)
    where coalesce(stock, 1) > 0 and (cycle_days > 0 or sku not in (select sku from bought))
    order by confidence desc, sku limit :limit
    """
)


def _last_purchases(whose: str, which: str) -> TextClause:
    """Return what reads last purchases that still wait to be used up.

    One is ended by a refund of its order, which may be all that is left of the order, and by a
    later purchase of an item of the same category and style. The few that are left are asked for
    such a purchase one by one: `offset 0` keeps the planner from joining all orders instead.
    """
    return text(
        f"""
        with lasting as (
          select sku, cycle_days, coalesce(gaps, 0) as gaps, gap_days,
                 case when cycle_days > 0 then cycle_days else gap_days end as lasts,
                 coalesce(title, '') as title, coalesce(stock, 1) > 0 as in_stock,
                 coalesce(category, '') as category, coalesce(style, '') as style
          from product full join (
            select product_cycle.* from product_cycle join pair_pass using (shop_id)
            where generation = shown) as measured using (shop_id, sku)
          where cycle_days > 0 or gap_days is not null),
        refund as (
          select shop_id, order_id, min(taken_at) as taken_at from order_refund
          where taken_at is not null {whose} group by shop_id, order_id),
        single as (
          select customer_id, sku, quantity, taken_at is not null as is_back,
                 cast(coalesce(item.paid_at, placed_at, taken_at) at time zone :zone as date)
                   as day,
                 cast(coalesce(signed_at, arrived_at) at time zone :zone as date) as signed_day
          from (select shop_id, order_id, customer_id, sku, quantity, paid_at from order_item
                where currency = :currency {whose}) as item
          join lasting using (sku)
          join (select shop_id, order_id, placed_at, signed_at from order_detail
                where currency = :currency {whose}) as held using (shop_id, order_id)
          left join refund using (shop_id, order_id)
          left join lateral (
            select max(parcel.signed_at) as arrived_at from parcel
            where held.signed_at is null and item.paid_at is not null
              and parcel.shop_id = item.shop_id and parcel.order_id = item.order_id
            having count(*) = count(parcel.signed_at)) as arrival on true
          where item.paid_at is not null or taken_at is not null),
        latest as (
          select distinct on (customer_id, sku) customer_id, sku, day,
                 coalesce(sum(quantity) filter (where not is_back), 0) as quantity,
                 max(signed_day) filter (where not is_back) as signed_day
          from single group by customer_id, sku, day order by customer_id, sku, day desc),
        counted as (
          select *, coalesce(signed_day, day) + cast(least(lasts * quantity, :most) as integer)
                   as expected
          from latest join lasting using (sku)
          where quantity > 0 and lasts * quantity <= :most),
        used_up as materialized (select * from counted where true {which})
        select customer_id, sku, title, in_stock, day, quantity, signed_day, cycle_days, gaps,
               gap_days
        from used_up
        where not exists (
          select from order_item as other join product using (shop_id, sku)
          where other.customer_id = used_up.customer_id and other.sku <> used_up.sku
            and product.category = used_up.category and used_up.category <> ''
            and product.style = used_up.style and used_up.style <> ''
            and cast(other.paid_at at time zone :zone as date) > used_up.day
            and other.currency = :currency
          offset 0)
        order by expected, customer_id, sku limit :limit
        """  # noqa: S608 - conditions of ours
    )


LAST_PURCHASES_OF: Final = _last_purchases("and customer_id = :customer_id", "")
LAST_PURCHASES: Final = _last_purchases(
    "",
    "and expected >= :opens and expected < :closes and (expected, customer_id, sku) >"
    " (cast(:after_day as date), cast(:after_customer as text), cast(:after_sku as text))",
)

DESCRIBED: Final = text(
    """
    select sku, launch_day, hot_sale_day from product
    where (:sku = '' or sku = :sku) and (:style = '' or style = :style)
      and (:category = '' or category = :category) and (:season = '' or season = :season)
    order by sku limit :limit
    """
)

_BUYERS: Final = """
    with item as (
      select * from unnest(cast(:skus as text[]), cast(:launches as date[]), cast(:hots as date[]))
        as item(sku, launch_day, hot_sale_day)),
    bought as (
      select customer_id, quantity, launch_day, hot_sale_day,
             cast(paid_at at time zone :zone as date) as day
      from order_item join item using (sku)
      where paid_at is not null and currency = :currency),
    person as (
      select customer_id, bool_or(day < launch_day + cast(:early as integer)) as is_early,
             coalesce(sum(quantity) filter (where day < hot_sale_day), 0) >= :pieces as is_multi
      from bought
      where day >= launch_day and day < launch_day + cast(:lasting as integer) and day <= :today
      group by customer_id),
    buyer as (
      select person.*, not exists (
               select from order_detail as held
               where held.customer_id = person.customer_id and held.currency = :currency
                 and held.paid_at is not null
                 and cast(held.paid_at at time zone :zone as date) <= :today
                 and not exists (
                   select from unnest(cast(:begins as date[]), cast(:ends as date[]))
                     as sale(begins, ends)
                   where cast(held.paid_at at time zone :zone as date) between begins and ends)
             ) as is_sale_only
      from person)
"""
HABITS: Final = text(
    _BUYERS  # noqa: S608 - ours
    + "select is_early, is_multi, is_sale_only, count(*) as buyers from buyer group by 1, 2, 3"
)
BUYERS: Final = text(
    _BUYERS  # noqa: S608 - ours
    + """
    select customer_id from buyer
    where customer_id > :after
      and (is_early, is_multi, is_sale_only) in (
        select * from unnest(cast(:early_ones as boolean[]), cast(:multi_ones as boolean[]),
                             cast(:sale_ones as boolean[])))
    order by customer_id limit :limit
    """
)
