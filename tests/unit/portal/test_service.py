import asyncio

from portal_service.service import StateService
from portal_service.settings import PartSettings

PARTS = tuple(PartSettings(name=name, kind="tcp", address="x:1") for name in ("b", "a"))


class _Probe:
    def __init__(self):
        self.asked = 0

    async def is_up(self, part):
        self.asked += 1
        await asyncio.sleep(0)
        return part.name == "a"


async def test_parts_come_in_the_order_of_the_settings():
    state = await StateService(PARTS, _Probe(), 0).platform_state()
    assert [(part.name, part.up) for part in state.parts] == [("b", False), ("a", True)]


async def test_many_who_look_at_once_cost_one_observation():
    probe = _Probe()
    service = StateService(PARTS, probe, 60)
    states = await asyncio.gather(*(service.platform_state() for _ in range(20)))
    assert probe.asked == len(PARTS)
    assert len({id(state) for state in states}) == 1


async def test_a_stale_state_is_observed_again():
    probe = _Probe()
    service = StateService(PARTS, probe, 0)
    await service.platform_state()
    await service.platform_state()
    assert probe.asked == 2 * len(PARTS)
