"""Python's aiomultiprocess 0.9.

The same arguments, work and line as the other programs, after the name of the
library: see `work/`.

Two processes and the defaults, which its user guide finds sufficient; with a queue
for each process or more tasks in each, which "Performance Tuning" there offers, two
processes were slower. `first` spawns, as is the default, and `first-1` forks.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiomultiprocess

WORKERS = 2
BEFORE = 10_000  # calls before it is idle
SETTLING = 0.2  # seconds


async def plus_one(number):
    return number + 1


async def sequential(pool, n):
    total = 0
    for i in range(n):
        total += await pool.apply(plus_one, (i,))
    return total


async def mapped(pool, n):
    return sum(await pool.map(plus_one, range(n)))


async def calls(once, n):
    async with aiomultiprocess.Pool(WORKERS) as pool:
        await once(pool, -(-n // 10))
        start = time.perf_counter_ns()
        total = await once(pool, n)
        elapsed = time.perf_counter_ns() - start
    return elapsed / n, total, 0


async def starts(n):
    async def timed(i):
        start = time.perf_counter_ns()
        async with aiomultiprocess.Pool(1) as pool:
            answer = await pool.apply(plus_one, (i,))
            return time.perf_counter_ns() - start, answer

    await timed(0)
    elapsed, answers = zip(*[await timed(i) for i in range(n)])
    return sum(elapsed) / n, sum(answers), 0


async def idle(seconds):
    async with aiomultiprocess.Pool(WORKERS) as pool:
        total = await mapped(pool, BEFORE)
        await asyncio.sleep(SETTLING)
        before = switches()
        await asyncio.sleep(seconds)
        return 1e9, total, switches() - before


def switches():
    """How often the threads of this process and of its children were taken off a
    core or put on one."""
    threads = Path("/proc/self/task").iterdir()
    children = [pid for thread in threads for pid in (thread / "children").read_text().split()]
    assert len(children) >= WORKERS, "who is watched"
    return sum(
        int(line.split(":")[1])
        for pid in ("self", *children)
        for status in Path(f"/proc/{pid}/task").glob("*/status")
        for line in status.read_text().splitlines()
        if "voluntary_ctxt_switches" in line
    )


def main():
    """Warms up, works, and prints."""
    _, workload, n = sys.argv[1:]
    n = int(n)
    if workload == "first-1":
        aiomultiprocess.set_start_method("fork")
    work = {
        "sequential": lambda: calls(sequential, n),
        "mapped": lambda: calls(mapped, n),
        "first": lambda: starts(n),
        "first-1": lambda: starts(n),
        "idle": lambda: idle(n),
    }
    each, total, count = asyncio.run(work[workload]())
    print(json.dumps({"ns": each, "sum": total, "count": count}))


if __name__ == "__main__":
    main()
