"""Virtual time: the clock jumps, dead processes stay dead, and nothing leaks out of a simulation."""

from __future__ import annotations

import asyncio
import datetime
import gc
import os
import random
import threading
import time

import pytest

from harness.worlds.simulated.confinement import EPOCH
from harness.worlds.simulated.network import SimulatedNetwork
from harness.worlds.simulated.processes import Process
from harness.worlds.simulated.time import DeadlockError, running_loop, simulate


def test_an_hour_passes_at_once_on_every_clock() -> None:
    def clocks() -> tuple[float, ...]:
        now = datetime.datetime.now(datetime.UTC).timestamp()
        return time.time(), time.monotonic(), asyncio.get_running_loop().time(), now

    async def main() -> list[float]:
        before = clocks()
        await asyncio.sleep(3600)
        return [late - early for early, late in zip(before, clocks(), strict=True)]

    began = time.perf_counter()
    assert simulate(main, seed=1) == [3600.0] * 4
    assert time.perf_counter() - began < 5


def test_it_begins_at_the_same_moment_every_time() -> None:
    async def main() -> float:
        return time.time()

    assert simulate(main, seed=1) == simulate(main, seed=2) == EPOCH.timestamp()


def test_timers_of_one_moment_fire_in_the_order_of_their_making() -> None:
    async def main() -> list[int]:
        fired: list[int] = []
        for number in range(50):
            asyncio.get_running_loop().call_at(2000.0, fired.append, number)
        await asyncio.sleep(2000)
        return fired

    assert simulate(main, seed=1) == list(range(50))


def test_a_cancelled_timer_does_not_move_the_clock() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(1000, lambda: None).cancel()
        began = loop.time()
        await asyncio.sleep(1)
        return loop.time() - began

    assert simulate(main, seed=1) == 1.0


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="Nothing is scheduled"):
        simulate(main, seed=1)


def test_spinning_is_found_out() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(DeadlockError, match="stands still"):
        simulate(main, seed=1)


def test_there_are_no_threads() -> None:
    async def main() -> None:
        await asyncio.to_thread(print)

    with pytest.raises(RuntimeError, match="make it a coroutine"):
        simulate(main, seed=1)

    async def sneaky() -> None:
        threading.Thread(target=print).start()

    with pytest.raises(RuntimeError, match="the simulation has none"):
        simulate(sneaky, seed=1)


def test_entropy_follows_the_seed() -> None:
    async def main() -> tuple[bytes, float, float]:
        return os.urandom(8), random.random(), random.SystemRandom().random()

    assert simulate(main, seed=1) == simulate(main, seed=1)
    assert simulate(main, seed=1) != simulate(main, seed=2)


def test_everything_is_put_back_even_after_an_error() -> None:
    replaced = (os.urandom, time.monotonic, threading.Thread.start, random.getstate(), gc.isenabled())

    async def main() -> None:
        random.random()
        raise KeyError("broken")

    with pytest.raises(KeyError):
        simulate(main, seed=1)
    assert (os.urandom, time.monotonic, threading.Thread.start, random.getstate(), gc.isenabled()) == replaced
    assert abs(time.time() - EPOCH.timestamp()) > 1


def test_sets_of_tasks_iterate_in_the_order_of_their_making() -> None:
    async def main() -> list[str]:
        tasks = {asyncio.create_task(asyncio.sleep(1), name=f"{number}") for number in range(40)}
        await asyncio.gather(*tasks)
        return sorted((task.get_name() for task in tasks), key=lambda name: [task.get_name() for task in tasks].index(name))

    assert simulate(main, seed=1) == simulate(main, seed=1)


def test_finally_of_a_killed_process_does_not_run_while_the_simulation_lasts() -> None:
    async def main() -> list[str]:
        ran: list[str] = []
        network = SimulatedNetwork(running_loop(), random.Random(1))

        async def life() -> None:
            try:
                await asyncio.sleep(5)
                ran.append("woke")
            finally:
                ran.append("finally")

        process = Process(network.loop, network.operations, name="worker-0", role="worker")
        process.start(life)
        await asyncio.sleep(1)
        process.kill()
        gc.collect()
        await asyncio.sleep(10)
        return list(ran)

    assert simulate(main, seed=1) == []


def test_a_thawed_process_sees_what_piled_up_before_its_own_timers() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        network = SimulatedNetwork(running_loop(), random.Random(1))
        loop = network.loop

        async def life() -> None:
            loop.call_later(2, seen.append, "timer")
            await asyncio.sleep(100)

        process = Process(loop, network.operations, name="worker-0", role="worker")
        process.start(life)
        await asyncio.sleep(1)
        process.freeze()
        loop.arrive_at(loop.time() + 3, seen.append, "input", context=process.context)
        await asyncio.sleep(10)
        assert seen == []
        process.thaw()
        await asyncio.sleep(0.1)
        return seen

    assert simulate(main, seed=1) == ["input", "timer"]


def test_memory_stays_flat() -> None:
    async def main() -> None:
        network = SimulatedNetwork(running_loop(), random.Random(1))

        async def life() -> None:
            await asyncio.sleep(1000)

        process = Process(network.loop, network.operations, name="worker-0", role="worker")
        process.start(life)
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(1)

    for seed in range(20):
        simulate(main, seed=seed)
    gc.collect()
    before = len(gc.get_objects())
    for seed in range(200):
        simulate(main, seed=seed)
    gc.collect()
    assert len(gc.get_objects()) - before < 200
