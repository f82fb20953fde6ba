"""A COMMIT whose answer is lost is looked up, not guessed."""

from functools import partial

from demo.house import Pod, database_url
from support.eventually import eventually
from support.load import Load
from support.swallow import Proxy, swallowing
from support.town import SHOP_ID, Town

SEED = 10
UNKNOWN = 5
ROUNDS = 20


async def _lose_answers(town: Town, proxy: Proxy, load: Load, pod: Pod) -> float:
    """Swallow answers until enough of them were a batch's: a reader commits other things too."""
    unknown = 0.0
    while unknown < UNKNOWN and proxy.swallowed < ROUNDS:
        await load.push()
        await eventually(partial(_all_counted, town, load), within_s=30)
        before = proxy.swallowed
        proxy.arm()
        await load.push()
        await eventually(partial(_more_than, proxy, before), within_s=20)
        unknown = await pod.metric("huiliu_commit_unknown_total")
    return unknown


def _more_than(proxy: Proxy, before: int) -> bool:
    return proxy.swallowed > before


async def _counted(town: Town) -> dict[str, int]:
    summary = await town.api.get("reporting", f"/v1/shops/{SHOP_ID}/reports/summary")
    names = ("events", "known", "counted", "net_minor")
    return {name: summary["orders"][name] for name in names}


async def _all_counted(town: Town, load: Load) -> bool:
    return await _counted(town) == load.counted()


async def test_batches_whose_commit_was_not_answered_count_exactly_once(town: Town) -> None:
    load = Load(town, SEED)
    url = database_url(town.house.admin_url, town.house.database, "reporting")
    async with swallowing(url, cuts=True) as proxy:
        pod = await town.house.start(
            "reporting", town.ports["reporting"], {"HUILIU_DATABASE_URL": proxy.through(url)}
        )
        town.pods["reporting"] = pod
        await town.start("ingest")
        await pod.ready()
        await town.open_shop()
        await town.clock.rest()

        unknown = await _lose_answers(town, proxy, load, pod)
        await load.push()
        await eventually(partial(_all_counted, town, load), within_s=30)
        await town.clock.rest()

        assert unknown >= UNKNOWN
        assert await _counted(town) == load.counted()
        assert await town.rows("select * from reporting.dead_letter") == []
        assert pod.alive
        assert await pod.stop() == 0
