"""The statements of `pair_store`. Pages are ranges of one key, so each is read once."""

from typing import Final

from sqlalchemy import TextClause, text

ENTER: Final = text(
    """
    insert into pair_pass (shop_id, phase, cursor, shown)
    select shop_id, 'done', '', 0 from shop_day
    where not exists (select from pair_pass where pair_pass.shop_id = shop_day.shop_id)
    on conflict do nothing
    """
)
# One that is under way first, else its copy of the span would lie about for long.
TAKE: Final = text(
    """
    select held.shop_id, zone, currency, held.phase, held.cursor, shown,
           case held.phase when 'done' then today.day else held.day end as day
    from pair_pass as held
    join shop_day as today on today.shop_id = held.shop_id
    join shop on shop.shop_id = held.shop_id
    where held.phase <> 'done'
       or (today.phase = 'done' and (held.day is null or held.day < today.day))
    order by held.phase = 'done', held.shop_id
    limit 1 for update of held skip locked
    """
)
SAVE: Final = text(
    """
    update pair_pass set day = :day, phase = :phase, cursor = :cursor,
      done_at = case when :phase = 'done' then clock.business_clock() end
    where shop_id = :shop_id
    """
)
SHOW: Final = text("update pair_pass set shown = :shown, shown_day = :day where shop_id = :shop_id")

LAST_CUSTOMER: Final = text(
    """
    select max(customer_id) from (
      select distinct customer_id from order_item
      where shop_id = :shop_id and customer_id > :after
      order by customer_id limit :limit) as page
    """
)
LAST_ITEM: Final = text(
    """
    select max(sku) from (
      select sku from pair_line where shop_id = :shop_id and sku > :after
      order by sku limit :limit) as page
    """
)

COPY: Final = text(
    """
    with bought as (
      select customer_id, sku, cast(paid_at at time zone :zone as date) as day,
             sum(quantity) as quantity
      from order_item
      where shop_id = :shop_id and customer_id > :after and customer_id <= :last
        and paid_at >= :opens and paid_at < :closes and currency = :currency
      group by 1, 2, 3)
    insert into pair_line (shop_id, sku, customer_id, day, season, quantity, is_crowded)
    select :shop_id, sku, customer_id, day, season, quantity,
           count(*) over (
             partition by customer_id order by day
             range between make_interval(days => :nearby) preceding
                       and make_interval(days => :nearby) following) > :most + 1
    from bought
    join unnest(cast(:days as date[]), cast(:seasons as text[])) as calendar(day, season)
      using (day)
    """
)
# A customer is on one page only: the numbers of the pages add up.
ADD_BUYERS: Final = text(
    """
    insert into pair_item as held (shop_id, sku, season, buyers)
    select shop_id, '', coalesce(season, ''), count(distinct customer_id) from pair_line
    where shop_id = :shop_id and customer_id > :after and customer_id <= :last
    group by grouping sets ((shop_id), (shop_id, season))
    on conflict (shop_id, sku, season) do update set buyers = held.buyers + excluded.buyers
    """
)

COUNT_ITEMS: Final = text(
    """
    insert into pair_item (shop_id, sku, season, buyers)
    select shop_id, sku, coalesce(season, ''), count(distinct customer_id) from pair_line
    where shop_id = :shop_id and sku > :after and sku <= :last
    group by grouping sets ((shop_id, sku), (shop_id, sku, season))
    having count(distinct customer_id) >= :fewest
    """
)
MEASURE_CYCLES: Final = text(
    """
    with gap as (
      select sku, quantity,
             lead(day) over (partition by sku, customer_id order by day) - day as days
      from pair_line where shop_id = :shop_id and sku > :after and sku <= :last)
    insert into product_cycle (shop_id, generation, sku, gaps, gap_days)
    select :shop_id, :generation, sku, count(*),
           greatest(1, cast(floor(percentile_cont(0.5) within group (
             order by cast(days as double precision) / quantity) + 0.5) as bigint))
    from gap where days is not null
    group by sku having count(*) >= :fewest
    """
)

# Both items have buyers enough, or the pair has not. Each pair is counted once, and written both
# ways.
COUNT_PAIRS: Final = text(
    """
    with both_bought as (
      select distinct a.sku, b.sku as other, a.customer_id,
             case when a.season = b.season then a.season else '' end as season
      from pair_line as a
      join pair_item as one on one.shop_id = :shop_id and one.sku = a.sku and one.season = ''
      join pair_line as b on b.shop_id = :shop_id and b.customer_id = a.customer_id
        and b.sku > a.sku and b.day between a.day - cast(:apart as integer)
                                        and a.day + cast(:apart as integer)
      join pair_item as two on two.shop_id = :shop_id and two.sku = b.sku and two.season = ''
      where a.shop_id = :shop_id and a.sku > :after and a.sku <= :last
        and not a.is_crowded and not b.is_crowded),
    counted as (
      select sku, other, '' as season, count(distinct customer_id) as buyers
      from both_bought group by 1, 2
      union all
      select sku, other, season, count(*) from both_bought where season <> '' group by 1, 2, 3),
    found as (
      select counted.sku, counted.other, counted.season, counted.buyers as of_both,
             one.buyers as of_one, two.buyers as of_other, everyone.buyers as of_any
      from counted
      join pair_item as one
        on one.shop_id = :shop_id and (one.sku, one.season) = (counted.sku, counted.season)
      join pair_item as two
        on two.shop_id = :shop_id and (two.sku, two.season) = (counted.other, counted.season)
      join pair_item as everyone
        on everyone.shop_id = :shop_id and (everyone.sku, everyone.season) = ('', counted.season)
      where counted.buyers >= :fewest
        and cast(counted.buyers as numeric) * everyone.buyers * :over
          > cast(one.buyers as numeric) * two.buyers * :times)
    insert into product_pair (shop_id, generation, sku, season, other, buyers, buyers_of_other,
                              buyers_of_both, buyers_of_any)
    select :shop_id, cast(:generation as bigint), sku, season, other,
           of_one, of_other, of_both, of_any from found
    union all
    select :shop_id, cast(:generation as bigint), other, season, sku,
           of_other, of_one, of_both, of_any from found
    """
)


def _clean(table: str, which: str) -> TextClause:
    return text(
        f"delete from {table} where ctid = any(array("  # noqa: S608 - names of ours
        f" select ctid from {table} where shop_id = :shop_id{which} limit :limit))"
    )


CLEAN_LINES: Final = _clean("pair_line", "")
CLEAN_ITEMS: Final = _clean("pair_item", "")
CLEAN_PAIRS: Final = _clean("product_pair", " and generation <> :shown")
CLEAN_CYCLES: Final = _clean("product_cycle", " and generation <> :shown")
