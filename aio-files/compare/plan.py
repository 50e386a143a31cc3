"""What is compared with what, and what it must reach."""

from dataclasses import dataclass, replace

RUNTIMES = ("current-thread", "multi-thread")

# Where a hop to another thread costs less, nobody can save so much by staying.
SLOW_HOP = 20_000  # nanoseconds

# The path of who makes its file itself.
NEW = "new"


@dataclass(frozen=True)
class Run:
    """One call of a program: a row of one side, in one round."""

    program: str
    workload: str
    runtime: str
    n: int
    file: str


@dataclass(frozen=True)
class AtMost:
    """Ours takes at most so many times the other's time."""

    times: float

    def __str__(self) -> str:
        return f"≤ {self.times:g} × its time"


@dataclass(frozen=True)
class AtLeast:
    """Ours is at least so many times as fast as the other."""

    times: float
    where_a_hop_is_slow: bool = False

    def __str__(self) -> str:
        where = " where a hop costs ≥ 20 µs" if self.where_a_hop_is_slow else ""
        return f"≥ {self.times:g} × as fast{where}"


@dataclass(frozen=True)
class Told:
    """Nothing is asked, the ratio is only told."""

    def __str__(self) -> str:
        return "–"


Target = AtMost | AtLeast | Told


@dataclass(frozen=True)
class Other:
    """A limit or a peer, by one or more settings, of which the fastest counts."""

    name: str
    runs: dict[str, Run]
    target: Target


@dataclass(frozen=True)
class Row:
    """A row of the table: our run beside another."""

    work: str
    door: str
    ours: Run
    other: Other

    def runs(self) -> list[Run]:
        return [self.ours, *self.other.runs.values()]


def plan(share: int) -> list[list[Row]]:
    """The rows, in groups whose programs take turns; `share` divides the work."""
    return [
        lines(8_000_000 // share),
        lines_by_hops(200_000 // share),
        slices(8_000_000 // share),
        chunks(1_480 // share),
        many(20_000 // share),
        positions(200_000 // share),
        positions_by_hops(50_000 // share),
        writes(1_000_000 // share),
        writes_by_hops(100_000 // share),
        walk(100_000 // share),
        records(1_000_000 // share),
        wholes("read", "whole", 10_000 // share),
        wholes("write", NEW, 1_000 // share),
    ]


# What the programs read: what it is, by how much of it, and the name of the file.
def files(share: int) -> list[tuple[str, int, str]]:
    return [
        ("lines", 8_000_000 // share, "lines"),
        ("blocks", 65_536 // share, "blocks"),
        ("small", 20_000 // share, "small"),
        ("tree", 100_000 // share, "tree"),
        ("jsonl", 1_000_000 // share, "jsonl"),
        ("csv", 1_000_000 // share, "csv"),
        ("whole", 1, "whole"),
    ]


def hop(runtime: str, share: int) -> Run:
    """What it costs to do nothing on another thread."""
    return Run("tokio", "hop", runtime, 20_000 // share, NEW)


def one(name: str, run: Run, target: Target) -> Other:
    return Other(name, {"": run}, target)


def lines(n: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, "lines")

    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"{n:,} lines as `String`, {runtime}",
            "lines(p).stream()",
            run("ours", "lines", runtime),
            *by_buffer("std `lines`", run("limit", "lines", "none"), AtLeast(1.1), Told()),
            *by_buffer("tokio `lines`", run("tokio", "lines", runtime), AtLeast(5), AtLeast(1.3)),
        )
    return rows


def lines_by_hops(n: int) -> list[Row]:
    """Few of them, since a hop for each takes its time; ours reads as few."""

    def run(program: str, runtime: str) -> Run:
        return Run(program, "lines", runtime, n, "lines")

    peer = one("aiofiles `async for`", run("aiofiles", "asyncio"), AtLeast(500))
    return [
        Row(
            f"{n:,} of these lines, {runtime}",
            "lines(p).stream()",
            run("ours", runtime),
            peer,
        )
        for runtime in RUNTIMES
    ]


def slices(n: int) -> list[Row]:
    limit = Run("limit", "slices", "none", n, "lines")
    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"{n:,} lines lent as bytes, {runtime}",
            "lines(p).bytes().stream(), next_ref",
            Run("ours", "slices", runtime, n, "lines"),
            *by_buffer("std `read_line`, one `String`", limit, AtLeast(1), Told()),
        )
        rows += beside_each(
            f"{n:,} lines as `Bytes` to keep, {runtime}",
            "lines(p).bytes().stream()",
            Run("ours", "shared", runtime, n, "lines"),
            *by_buffer("std `read_line`, one `String`", limit, Told(), Told()),
        )
    return rows


def by_buffer(name: str, run: Run, *targets: Target) -> list[Other]:
    """With a buffer of 8 KiB, which std and tokio have by default, and beside it
    with one of ours' size."""
    return [
        one(
            name if kib == 8 else f"{name}, {kib} KiB",
            replace(run, workload=f"{run.workload}-{kib}"),
            target,
        )
        for kib, target in zip((8, 256), targets, strict=True)
    ]


def chunks(n: int) -> list[Row]:
    def run(program: str, runtime: str = "multi-thread") -> Run:
        return Run(program, "chunks", runtime, n, "lines")

    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"{n:,} chunks of 256 KiB, {runtime}",
            "chunks(p).stream()",
            run("ours", runtime),
            one("std `read`, one buffer", run("limit", "none"), AtLeast(0.85)),
            one("tokio `ReaderStream`, 256 KiB", run("tokio", runtime), AtLeast(1.2)),
            one("async-fs", run("async-fs", runtime), Told()),
            one("aiofiles `read`", run("aiofiles", "asyncio"), Told()),
        )
    return rows


def many(n: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, "small")

    def at_once(program: str, runtime: str, *counts: int) -> dict[str, Run]:
        return {
            f"{count} at once": run(program, f"many-{count}", runtime) for count in counts
        }

    rows = []
    for runtime in RUNTIMES:
        tokio = at_once("tokio", runtime, 1, 8, 64, 512)
        async_fs = at_once("async-fs", runtime, 1, 64)
        aiofiles = at_once("aiofiles", "asyncio", 1, 64)
        rows += beside_each(
            f"{n:,} files of 4 KiB, {runtime}",
            "read_many(paths).stream()",
            run("ours", "many", runtime),
            one("std `read` on 2 threads", run("limit", "many", "none"), AtLeast(0.7)),
            Other("`tokio::fs::read`", tokio, AtLeast(2.2)),
            Other("async-fs `read`", async_fs, Told()),
            Other("aiofiles", aiofiles, AtLeast(15)),
        )
    return rows


def positions(n: int) -> list[Row]:
    limit = Run("limit", "positions", "none", n, "blocks")
    return [
        Row(
            f"{n:,} cached reads of 4 KiB at random, {runtime}",
            "File::read_at",
            Run("ours", "positions", runtime, n, "blocks"),
            one("std `read_at`", limit, AtLeast(0.7)),
        )
        for runtime in RUNTIMES
    ]


def positions_by_hops(n: int) -> list[Row]:
    def run(program: str, runtime: str) -> Run:
        return Run(program, "positions", runtime, n, "blocks")

    return [
        Row(
            f"{n:,} cached reads of 4 KiB at random, {runtime}",
            "File::read_at",
            run("ours", runtime),
            one("`spawn_blocking`, std `read_at`", run("tokio", runtime), AtLeast(10, True)),
        )
        for runtime in RUNTIMES
    ]


def writes(n: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, NEW)

    limit = run("limit", "writes", "none")
    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"{n:,} writes of 100 B, {runtime}",
            "File::write_all",
            run("ours", "writes", runtime),
            *by_buffer("std `BufWriter`", limit, AtLeast(1), Told()),
            *by_buffer("tokio `BufWriter`", run("tokio", "writes", runtime), AtLeast(1.5), Told()),
        )
    return rows


def writes_by_hops(n: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, NEW)

    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"{n:,} writes of 100 B, {runtime}",
            "File::write_all",
            run("ours", "writes", runtime),
            one("tokio `File`", run("tokio", "writes-bare", runtime), AtLeast(80)),
            one("aiofiles `write`", run("aiofiles", "writes", "asyncio"), Told()),
        )
    return rows


def walk(n: int) -> list[Row]:
    def run(program: str, runtime: str) -> Run:
        return Run(program, "walk", runtime, n, "tree")

    rows = []
    for runtime in RUNTIMES:
        rows += beside_each(
            f"walk over {n:,} entries, {runtime}",
            "walk(dir).stream()",
            run("ours", runtime),
            one("walkdir", run("limit", "none"), AtMost(1.3)),
            one("async-walkdir", run("async-walkdir", runtime), AtLeast(10)),
            one("tokio `read_dir`", run("tokio", runtime), Told()),
        )
    return rows


def records(n: int) -> list[Row]:
    rows = []
    for runtime in RUNTIMES:

        def run(program: str, workload: str, runtime: str = runtime, file: str = "") -> Run:
            return Run(program, workload, runtime, n, file or workload)

        csv_async = {
            f"{kib} KiB, {how}": run("csv-async", f"{workload}-{kib}", file="csv")
            for kib in (8, 64, 256)
            for workload, how in (("csv", "a stream"), ("record", "one record"))
        }
        rows += beside_each(
            f"{n:,} records of JSONL, {runtime}",
            "records(p).jsonl().stream()",
            run("ours", "jsonl"),
            one("serde_json, std `read_line`", run("limit", "jsonl", "none"), AtLeast(0.8)),
            one("serde_json, tokio `lines`, 256 KiB", run("tokio", "jsonl"), Told()),
        )
        rows += beside_each(
            f"{n:,} records of CSV, {runtime}",
            "records(p).csv().stream()",
            run("ours", "csv"),
            one("csv", run("limit", "csv", "none"), AtLeast(0.8)),
            Other("csv-async", csv_async, AtLeast(2)),
        )
    return rows


def wholes(verb: str, file: str, n: int) -> list[Row]:
    return [
        Row(
            f"{verb} one file of 1 KiB, {n:,} times, {runtime}",
            f"{verb}(p)",
            Run("ours", verb, runtime, n, file),
            one(f"`tokio::fs::{verb}`", Run("tokio", verb, runtime, n, file), Told()),
        )
        for runtime in RUNTIMES
    ]


def beside_each(work: str, door: str, ours: Run, *others: Other) -> list[Row]:
    return [Row(work, door, ours, other) for other in others]
