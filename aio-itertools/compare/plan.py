"""What is compared with what, and what it must reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """One call of a program: a row of one side, in one round."""

    program: str
    workload: str
    n: int


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

    def __str__(self) -> str:
        return f"≥ {self.times:g} × as fast"


@dataclass(frozen=True)
class Over:
    """Ours takes at most so many nanoseconds an item more than the other, which
    does less: their answers differ."""

    ns: float

    def __str__(self) -> str:
        return f"≤ {self.ns:g} ns over it"


@dataclass(frozen=True)
class Told:
    """Nothing is asked, the ratio is only told."""

    def __str__(self) -> str:
        return "–"


Target = AtMost | AtLeast | Over | Told


@dataclass(frozen=True)
class Other:
    """A limit or a peer."""

    name: str
    run: Run
    target: Target


@dataclass(frozen=True)
class Row:
    """A row of the table: our run beside another."""

    work: str
    door: str
    ours: Run
    other: Other

    def runs(self) -> list[Run]:
        return [self.ours, self.other.run]


# Our adaptor, its call, and what is nearest to it in futures-util.
ADAPTORS = (
    ("accumulate", "accumulate(f)", "scan"),
    ("batched", "batched(100)", "chunks"),
    ("chain", "chain([a, b])", "chain"),
    ("compress", "compress(selectors)", None),
    ("dedup", "dedup()", None),
    ("dropwhile", "dropwhile(f)", "skip_while"),
    ("filterfalse", "filterfalse(f)", "filter"),
    ("interspersed", "interspersed(7)", None),
    ("islice", "islice(10..n - 10)", "skip, take"),
    ("pairwise", "pairwise()", None),
    ("skip_last", "skip_last(10)", None),
    ("starmap", "starmap(f)", "map"),
    ("takewhile", "takewhile(f)", "take_while"),
    ("windows", "windows::<3>()", None),
    ("zip", "zip((a, b))", "zip"),
)

# Streams of a merge of which one is ready.
MERGED = (4, 64, 1024)


def plan(share: int) -> list[list[Row]]:
    """The rows, in groups whose programs take turns; `share` divides the work."""
    n = 10_000_000 // share
    return [
        *(adaptor(n, *of) for of in ADAPTORS),
        chained(1_000_000 // share),
        mapped(1_000_000 // share),
        merged(1_000_000 // share),
        gathered(100_000, share),
        merged_sorted(1_000_000 // share),
    ]


def adaptor(n: int, name: str, call: str, futures: str | None) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, name, n)

    others = [Other("the bare source", Run("limit", "source", n), Over(5))]
    if futures:
        names = ", ".join(f"`{name}`" for name in futures.split(", "))
        others.append(Other(f"futures {names}", run("futures"), AtMost(1.1)))
    others.append(Other("async-stream", run("async-stream"), AtMost(0.25)))
    return beside(f"{n:,} ready items", call, run("ours"), *others)


def chained(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "adaptors", n)

    return beside(
        f"{n:,} items through four adaptors",
        "batched, accumulate, dedup, windows",
        run("ours"),
        Other("std and itertools", run("limit"), AtMost(4)),
        Other("aioitertools", run("aioitertools"), AtLeast(50)),
        Other("aiostream", run("aiostream"), AtLeast(50)),
    )


def mapped(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "map_concurrent", n)

    return beside(
        f"{n:,} ready futures, 64 at once, in order",
        "pipeline().map_concurrent(64, f).list()",
        run("ours"),
        Other("futures `buffered`", run("futures"), AtMost(0.7)),
        Other("futures-buffered `buffered_ordered`", run("futures-buffered"), AtMost(1.1)),
    )


def merged(n: int) -> list[Row]:
    def run(program: str, streams: int) -> Run:
        return Run(program, f"merge-{streams}", n)

    rows = []
    for streams in MERGED:
        others = [Other("futures `select_all`", run("futures", streams), AtMost(1.1))]
        if streams != MERGED[0]:
            first = Other(f"of {MERGED[0]}, ours", run("ours", MERGED[0]), AtMost(2))
            others.insert(0, first)
        target = AtMost(0.1) if streams == MERGED[-1] else Told()
        others.append(Other("tokio-stream `StreamMap`", run("tokio-stream", streams), target))
        for peer in ("futures-buffered", "futures-concurrency"):
            others.append(Other(f"{peer} `merge`", run(peer, streams), Told()))
        rows += beside(
            f"{n:,} items of one of {streams:,} streams",
            "merge(streams)",
            run("ours", streams),
            *others,
        )
    return rows


def gathered(n: int, share: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "gather", n // share)

    return beside(
        f"{n // share:,} ready futures, 1,000 at once",
        "gather(futures).limit(1000)",
        run("ours"),
        Other("futures `buffer_unordered`", run("futures"), AtLeast(1.3)),
        Other("futures-buffered", run("futures-buffered"), Told()),
        Other("aioitertools `gather`", run("aioitertools"), AtLeast(50)),
    )


def merged_sorted(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "merge_sorted", n)

    return beside(
        f"{n:,} items of 64 sorted streams",
        "merge_sorted(streams)",
        run("ours"),
        Other("itertools `kmerge`", run("limit"), AtMost(2)),
        Other("`heapq.merge` over aiostream", run("aiostream"), AtLeast(20)),
    )


def beside(work: str, door: str, ours: Run, *others: Other) -> list[Row]:
    return [Row(work, door, ours, other) for other in others]
