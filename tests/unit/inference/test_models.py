import asyncio
import threading
import time

import numpy as np
import pytest

from inference_service.replica.models import SLOW_INPUT_BYTES, LoadedModel, WantedModel

WANTED = WantedModel(model="m", version=1, object_key="k", sha256="0" * 64, size_bytes=1)
SMALL = {"x": np.zeros(1, "<f4")}
LARGE = {"x": np.zeros(SLOW_INPUT_BYTES, "<f4")}


class _Session:
    """Runs for `seconds`, or until it is told to stop."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.threads = []
        self.begun = threading.Event()
        self.stopped = threading.Event()

    def run(self, feeds, outputs, options=None):
        self.threads.append(threading.current_thread())
        self.begun.set()
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            if options is not None and options.terminate:
                self.stopped.set()
                break
            time.sleep(0.001)
        return []


async def test_a_run_that_is_given_up_is_ended():
    session = _Session(seconds=30)
    run = asyncio.create_task(LoadedModel(WANTED, session).run(LARGE, []))
    assert await asyncio.to_thread(session.begun.wait, 10)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert await asyncio.to_thread(session.stopped.wait, 10)


async def test_a_model_that_was_slow_runs_in_a_thread_until_it_is_fast_again():
    session = _Session(seconds=0.05)
    model = LoadedModel(WANTED, session)
    await model.run(SMALL, [])
    await model.run(SMALL, [])
    session.seconds = 0
    await model.run(SMALL, [])
    await model.run(SMALL, [])
    here = threading.current_thread()
    assert [thread is here for thread in session.threads] == [True, False, False, True]
