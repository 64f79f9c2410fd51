import asyncio

from prometheus_client import REGISTRY

from servicekit.settings import MeasurementSettings
from servicekit.telemetry import Measurement, QueueState, queue_measurement

SETTINGS = MeasurementSettings(limit_seconds=0.05)


def told(name, **labels):
    return REGISTRY.get_sample_value(name, labels)


def measured(name):
    return told("lumbung_measured_timestamp_seconds", measurement=name)


def failures(name):
    return told("lumbung_measurement_failures_total", measurement=name)


async def test_a_whole_measurement_tells_its_time():
    async def measure():
        return 0

    measurement = Measurement("whole", SETTINGS, measure)
    assert (measured("whole"), failures("whole")) == (0, 0)
    await measurement.look()
    assert measured("whole") > 1e9
    assert failures("whole") == 0


async def test_what_could_not_be_measured_is_counted_and_the_time_stays():
    answers = [3, RuntimeError("away"), 0]

    async def measure():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    measurement = Measurement("partly", SETTINGS, measure)
    await measurement.look()
    assert (measured("partly"), failures("partly")) == (0, 3)
    await measurement.look()
    assert (measured("partly"), failures("partly")) == (0, 4)
    await measurement.look()
    assert measured("partly") > 1e9


async def test_one_that_hangs_is_given_up():
    measurement = Measurement("hanging", SETTINGS, lambda: asyncio.sleep(60, 0))
    await asyncio.wait_for(measurement.look(), 5)
    assert (measured("hanging"), failures("hanging")) == (0, 1)


async def test_it_goes_on_after_a_failure_until_it_is_stopped():
    looks = 0

    async def measure():
        nonlocal looks
        looks += 1
        raise RuntimeError("away")

    measurement = Measurement("again", SETTINGS.model_copy(update={"every_seconds": 0.01}), measure)
    measurement.start()
    async with asyncio.timeout(5):
        while looks < 3:  # noqa: ASYNC110 (counted by what is called, which has nobody to tell)
            await asyncio.sleep(0.01)
    await measurement.stop()
    seen = looks
    await asyncio.sleep(0.05)
    assert looks == seen


async def test_a_queue_is_shown():
    async def look():
        return QueueState(waiting=4, running=2, oldest_seconds=31.5)

    await queue_measurement("trial", SETTINGS, look).look()
    assert told("lumbung_queue_items", queue="trial", state="waiting") == 4
    assert told("lumbung_queue_items", queue="trial", state="running") == 2
    assert told("lumbung_queue_oldest_seconds", queue="trial") == 31.5
    assert measured("queue_trial") > 1e9
