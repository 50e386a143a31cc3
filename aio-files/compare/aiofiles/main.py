"""Python's aiofiles 25.1: files on the threads of asyncio's executor.

The same arguments, work and line as the other programs: see `work/`. The README
of aiofiles has no advice on speed; what is here are the forms that it shows, with
as many files at once as a setting says.
"""

import asyncio
import json
import sys
import time
import zlib
from pathlib import Path

import aiofiles

CHUNK = 256 * 1024
BITS = (1 << 64) - 1
EVERY = 512


async def lines(path: str, n: int) -> int:
    """`async for line in f`."""
    total = 0
    async with aiofiles.open(path, encoding="utf-8") as file:
        async for line in file:
            total = (total << 5 | total >> 59) & BITS ^ of_line(line[:-1].encode())
            n -= 1
            if n == 0:
                break
    return total


def of_line(line: bytes) -> int:
    """Its length, and its first, middle and last byte."""
    return len(line) << 24 | line[0] << 16 | line[len(line) // 2] << 8 | line[-1]


async def chunks(path: str, n: int) -> int:
    """Reads of a chunk, without a buffer between: it would only copy."""
    adler, read = 1, 0
    async with aiofiles.open(path, "rb", buffering=0) as file:
        while read < n * CHUNK:
            chunk = await file.read(min(CHUNK, n * CHUNK - read))
            adler = zlib.adler32(chunk[-read % EVERY :: EVERY], adler)
            read += len(chunk)
    return (adler + read) & BITS


async def many(path: str, n: int, at_once: int) -> int:
    """Whole files, so many at once."""
    numbers = iter(range(n))

    async def some() -> int:
        total = 0
        for number in numbers:
            async with aiofiles.open(f"{path}/{number:05}", "rb") as file:
                content = await file.read()
            first = int.from_bytes(content[:8], "little")
            total += first + sum(content[::EVERY]) + len(content)
        return total

    return sum(await asyncio.gather(*(some() for _ in range(at_once)))) & BITS


async def writes(path: str, n: int) -> int:
    """Small writes into the buffer of a file."""
    async with aiofiles.open(path, "wb", buffering=CHUNK) as file:
        for number in range(n):
            await file.write(number.to_bytes(8, "little") + b"." * 91 + b"\n")
    return n


async def main() -> None:
    """Warms up, works, and prints."""
    workload, _, n, path = sys.argv[1:]
    kind, _, setting = workload.partition("-")
    settings = [int(setting)] if setting else []
    n = int(n)
    work = {"lines": lines, "chunks": chunks, "many": many, "writes": writes}[kind]
    await work(path, n // 10, *settings)
    if kind == "writes":
        Path(path).unlink()
    start = time.perf_counter_ns()
    total = await work(path, n, *settings)
    elapsed = time.perf_counter_ns() - start
    if kind == "writes":
        total += zlib.adler32(Path(path).read_bytes())
    print(json.dumps({"ns": elapsed, "sum": total}))


asyncio.run(main())
