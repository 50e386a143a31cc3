"""Python's aioitertools 0.13 and aiostream 0.8.

The same arguments, work and line as the other programs, after the name of the
library: see `work/`. What a library lacks is an async generator here, as its users
write it.
"""

import asyncio
import heapq
import json
import sys
import time

import aioitertools
import aioitertools.asyncio
from aiostream import stream

BITS = (1 << 64) - 1
LIMIT, SMALL, SORTED = 1000, 4, 64


def numbers(n):
    return (0 if i % 16 < 8 else i % 7 for i in range(n))


def sorted_streams(n):
    streams = [[] for _ in range(SORTED)]
    value, dice = 0, 1
    for _ in range(n):
        dice = (dice * 6364136223846793005 + 1) & BITS
        value += dice >> 62
        streams[(dice >> 33) % SORTED].append(value)
    return streams


def step(a, b):
    return (a + b) % 1000


def rotated(number, by):
    return (number << by | number >> 64 - by) & BITS


async def job(n):
    return n ^ 1


async def without_repetitions(source):
    last = None
    async for item in source:
        if item != last:
            yield item
        last = item


async def windows(source):
    held = []
    async for item in source:
        held.append(item)
        if len(held) == 3:
            yield held
            held = held[1:]


async def sum_of_windows(totals):
    total = 0
    async for a, b, c in windows(without_repetitions(totals)):
        total = rotated(total, 5) ^ a ^ rotated(b, 13) ^ rotated(c, 29)
    return total


async def adaptors(library, n, _):
    if library == "aioitertools":
        batches = aioitertools.batched(numbers(n), SMALL)
        totals = aioitertools.accumulate(aioitertools.map(sum, batches), step)
        return await sum_of_windows(totals)
    batches = stream.chunks(stream.iterate(numbers(n)), SMALL)
    totals = stream.accumulate(stream.map(batches, sum), step)
    async with totals.stream() as totals:
        return await sum_of_windows(totals)


async def gather(_, n, __):
    outputs = await aioitertools.asyncio.gather(*(job(i) for i in range(n)), limit=LIMIT)
    return sum(outputs) & BITS


async def merge_sorted(_, __, streams):
    lists = [await stream.list(stream.iterate(values)) for values in streams]
    total = 0
    for item in heapq.merge(*lists):
        total = rotated(total, 5) ^ item
    return total


async def main() -> None:
    """Warms up, works, and prints."""
    library, workload, n = sys.argv[1:]
    n = int(n)
    work = {"adaptors": adaptors, "gather": gather, "merge_sorted": merge_sorted}[workload]

    def streams(n):
        return sorted_streams(n) if workload == "merge_sorted" else None

    await work(library, n // 10, streams(n // 10))
    made = streams(n)
    start = time.perf_counter_ns()
    total = await work(library, n, made)
    elapsed = time.perf_counter_ns() - start
    print(json.dumps({"ns": elapsed, "sum": total}))


asyncio.run(main())
