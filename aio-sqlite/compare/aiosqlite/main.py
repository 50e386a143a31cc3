"""Python's aiosqlite 0.22: sqlite3 on a thread, called from asyncio.

The same arguments, work and line as the other programs: see `work.rs`.
"""

import asyncio
import re
import sys
import time
from pathlib import Path

import aiosqlite

POINTS = 10_000
# Rows of one hop; the default is 64, and 256 and 4,000 were no faster here:
# aiosqlite.omnilib.dev, `connect(iter_chunk_size=)`.
CHUNK = 1_000


def sql(name: str) -> str:
    """A statement of `work.sql` by its name."""
    text = (Path(__file__).parent.parent / "work.sql").read_text()
    return re.search(rf"--: {name}\n(.*?)(?=--: |\Z)", text, re.DOTALL)[1].strip()


SELECT, STREAM = sql("select"), sql("stream")


async def select(db: aiosqlite.Connection, n: int) -> int:
    """One select after another."""
    total = 0
    for n in range(n):
        key = n * 7_919 % POINTS + 1
        # One hop, where `execute`, `fetchone` and `close` are three:
        # aiosqlite.omnilib.dev, `Connection.execute_fetchall`.
        [(number, body)] = await db.execute_fetchall(SELECT, (key,))
        total += number + len(body)
    return total


async def stream(db: aiosqlite.Connection, n: int) -> int:
    """Wide rows, one after another."""
    total = 0
    async with db.execute(STREAM, (n,)) as rows:
        async for number, sender, body, at in rows:
            total += number + len(sender) + len(body) + at
    return total


async def chunks(db: aiosqlite.Connection, n: int) -> int:
    """The same rows in lists, which the caller takes apart."""
    total = 0
    async with db.execute(STREAM, (n,)) as rows:
        while chunk := await rows.fetchmany(CHUNK):
            for number, sender, body, at in chunk:
                total += number + len(sender) + len(body) + at
    return total


def memory(line: str) -> int:
    """A line of this process's memory, in KiB."""
    return int(re.search(rf"{line}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


async def main() -> None:
    """Opens the file, warms up, works, and prints."""
    name, _, n, path = sys.argv[1:]
    n = int(n)
    work = {"select-1": select, "stream": stream, "chunks": chunks}[name]
    async with aiosqlite.connect(path, iter_chunk_size=CHUNK) as db:
        await db.execute("PRAGMA journal_mode = wal")
        await db.execute("PRAGMA synchronous = full")
        facts = [
            (await db.execute_fetchall(sql(fact)))[0][0]
            for fact in ("version", "journal", "synchronous")
        ]
        await work(db, n // 10)
        resident, start = memory("VmRSS"), time.perf_counter_ns()
        total = await work(db, n)
        elapsed, peak = time.perf_counter_ns() - start, memory("VmHWM") - resident
    version, journal, synchronous = facts
    print(
        f"ns={elapsed} sum={total} sqlite={version} journal={journal}"
        f" synchronous={synchronous} peak_kib={max(peak, 0)}"
    )


asyncio.run(main())
