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
class Below:
    """Ours takes less than so many milliseconds, whatever the other takes."""

    ms: float

    def __str__(self) -> str:
        return f"< {self.ms:g} ms"


@dataclass(frozen=True)
class Nothing:
    """Ours counts none of these, in no round."""

    of_what: str

    def __str__(self) -> str:
        return f"0 {self.of_what}"


@dataclass(frozen=True)
class Told:
    """Nothing is asked, the ratio is only told."""

    def __str__(self) -> str:
        return "–"


Target = AtMost | AtLeast | Below | Nothing | Told


@dataclass(frozen=True)
class Other:
    """A limit or a peer; none where nobody does such work."""

    name: str
    run: Run | None
    target: Target


@dataclass(frozen=True)
class Row:
    """A row of the table: our run beside another."""

    work: str
    door: str
    ours: Run
    other: Other

    def runs(self) -> list[Run]:
        return [run for run in (self.ours, self.other.run) if run]


def plan(share: int) -> list[list[Row]]:
    """The rows, in groups whose programs take turns; `share` divides the work."""

    def part(n: int) -> int:
        return max(1, n // share)

    return [
        sequential(part(20_000)),
        sequential_polled(part(1_000)),
        mapped(part(1_000_000)),
        mapped_by_peers(part(100_000)),
        large(part(500)),
        cpu(part(200)),
        start(part(100)),
        first(part(20)),
        beside_results(part(3_000)),
        idle(part(3)),
        chaos(part(100_000)),
    ]


def sequential(n: int) -> list[Row]:
    def run(program: str, workload: str = "sequential") -> Run:
        return Run(program, workload, n)

    work = f"{n:,} calls, one after another"
    ping_pong = "ping-pong on a socketpair, tokio"
    sleepy = beside(
        work,
        "pool.call(n), Spin::Off",
        run("ours", "sequential-1"),
        Other(ping_pong, run("limit"), AtMost(1.6)),
    )
    return sleepy + beside(
        work,
        "pool.call(n)",
        run("ours"),
        Other(ping_pong, run("limit"), AtMost(1)),
        Other("ProcessPoolExecutor `submit`", run("ProcessPoolExecutor"), AtLeast(1.5)),
        Other("procspawn `Pool::spawn`", run("procspawn"), AtLeast(1.2)),
        Other("multiprocessing `Pool.apply`", run("multiprocessing"), Told()),
    )


def sequential_polled(n: int) -> list[Row]:
    """Fewer, since each takes the peer many milliseconds."""

    def run(program: str) -> Run:
        return Run(program, "sequential", n)

    return beside(
        f"{n:,} calls, one after another",
        "pool.call(n)",
        run("ours"),
        Other("aiomultiprocess `Pool.apply`", run("aiomultiprocess"), AtLeast(80)),
    )


# The door by which many calls are made.
MAPPED = "pool.map(numbers).stream()"


def mapped(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "mapped", n)

    return beside(
        f"{n:,} mapped calls",
        MAPPED,
        run("ours"),
        Other("256 frames at once on a socketpair", run("limit"), AtLeast(0.1)),
    )


def mapped_by_peers(n: int) -> list[Row]:
    def run(program: str, workload: str = "mapped") -> Run:
        return Run(program, workload, n)

    def chunked(name: str, program: str, chunk: int, target: Target) -> Other:
        return Other(f"{name}, chunks of {chunk}", run(program, f"mapped-{chunk}"), target)

    return beside(
        f"{n:,} mapped calls",
        MAPPED,
        run("ours"),
        chunked("multiprocessing `Pool.imap`", "multiprocessing", 1, AtLeast(8)),
        Other("multiprocessing `Pool.map`, chunks of its own", run("multiprocessing"), Told()),
        chunked("ProcessPoolExecutor `map`", "ProcessPoolExecutor", 1, Told()),
        chunked("ProcessPoolExecutor `map`", "ProcessPoolExecutor", 100, Told()),
        Other("procspawn `Pool::spawn`, 256 at once", run("procspawn"), AtLeast(10)),
        Other("aiomultiprocess `Pool.map`", run("aiomultiprocess"), AtLeast(10)),
    )


def large(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "large", n)

    return beside(
        f"1 MiB there and back, {n:,} times",
        "pool.call(bytes)",
        run("ours"),
        Other("a socketpair, tokio", run("limit"), AtLeast(0.5)),
        Other("ProcessPoolExecutor `submit`", run("ProcessPoolExecutor"), AtLeast(3)),
        Other("procspawn `Pool::spawn`", run("procspawn"), Told()),
        Other("multiprocessing `Pool.apply`", run("multiprocessing"), Told()),
    )


def cpu(n: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "cpu", n)

    return beside(
        f"{n:,} tasks that compute, about 10 ms each",
        "tasks_per_worker(1)",
        run("ours"),
        Other("one process alone", run("limit"), AtLeast(1.9)),
        Other("rayon, 2 threads", run("rayon"), AtMost(1.05)),
        Other("procspawn `Pool::spawn`", run("procspawn"), Told()),
    )


def start(n: int) -> list[Row]:
    small = Run("ours", "start", n)
    return [
        *beside(
            "start of a worker until ready",
            "start().workers(1)",
            small,
            Other("a bare process, ready", Run("limit", "start", n), Below(5)),
        ),
        *beside(
            "start of a worker, in a parent of 2 GiB",
            "start().workers(1)",
            Run("ours", "start-2048", n),
            Other("in a small parent, ours", small, AtMost(1.5)),
        ),
    ]


def first(n: int) -> list[Row]:
    def run(program: str, workload: str = "first") -> Run:
        return Run(program, workload, n)

    return beside(
        "start of a worker, and its first answer",
        "start().workers(1), pool.call(n)",
        run("ours"),
        Other("aiomultiprocess", run("aiomultiprocess"), AtLeast(20)),
        Other("aiomultiprocess, forked", run("aiomultiprocess", "first-1"), Told()),
        Other("ProcessPoolExecutor", run("ProcessPoolExecutor"), Told()),
        Other("multiprocessing `Pool`", run("multiprocessing"), Told()),
        Other("procspawn `Pool`", run("procspawn"), Told()),
    )


def beside_results(n: int) -> list[Row]:
    """One call each millisecond."""
    rows = []
    # While the same worker turns 100 MiB into bytes it runs nothing else: told only.
    for workers, of_what, target in (
        (2, "of 2 workers", Below(50)),
        (1, "of the same worker", Told()),
    ):
        rows += beside(
            f"99th percentile of calls while results of 100 MiB pass, {of_what}",
            "pool.call(n)",
            Run("ours", f"beside-{workers}", n),
            Other("while none passes, ours", Run("ours", f"paced-{workers}", n), target),
        )
    return rows


def idle(seconds: int) -> list[Row]:
    def run(program: str) -> Run:
        return Run(program, "idle", seconds)

    return beside(
        f"nothing to do for {seconds} s, parent and 2 workers",
        "pool",
        run("ours"),
        Other("aiomultiprocess `Pool`", run("aiomultiprocess"), Nothing("wake-ups")),
    )


def chaos(n: int) -> list[Row]:
    return beside(
        f"{n:,} calls of 1 ms, every 20 ms a worker killed, stopped or aborted",
        "pool.call(n)",
        Run("ours", "chaos", n),
        Other("nobody", None, Nothing("missing or left over")),
    )


def beside(work: str, door: str, ours: Run, *others: Other) -> list[Row]:
    return [Row(work, door, ours, other) for other in others]
