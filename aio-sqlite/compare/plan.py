"""What is compared with what, and what it must reach."""

from dataclasses import dataclass

RUNTIMES = ("current-thread", "multi-thread")

# Where no one says how long a thread takes to wake, nobody can be so much faster.
SLOW_WAKE_UP = 30_000  # nanoseconds

MIB = 1024  # KiB


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
    where_waking_is_slow: bool = False

    def __str__(self) -> str:
        where = " where a wake-up costs ≥ 30 µs" if self.where_waking_is_slow else ""
        return f"≥ {self.times:g} × as fast{where}"


@dataclass(frozen=True)
class Told:
    """Nothing is asked, the ratio is only told."""

    def __str__(self) -> str:
        return "–"


@dataclass(frozen=True)
class Flat:
    """Memory over the start: small, and hardly more than after a tenth of the rows."""

    most: int
    more: int

    def __str__(self) -> str:
        return f"< {self.most // MIB} MiB, ≤ {self.more // MIB} MiB more"


@dataclass(frozen=True)
class Row:
    """A row of the table: our run beside another."""

    work: str
    handle: str
    ours: Run
    name: str
    other: Run
    target: AtMost | AtLeast | Told | Flat


# Beside what, and what must be reached.
Other = tuple[str, Run, AtMost | AtLeast | Told | Flat]

# Peers that are pools of connections.
POOLS = ("sqlx", "deadpool-sqlite")


def plan(share: int) -> list[list[Row]]:
    """The rows, in groups whose programs take turns; `share` divides the work."""
    return [
        selects(20_000 // share),
        selects_of_tasks(64_000 // share),
        lone_inserts(4_000 // share),
        inserts(8_192 // share, 64),
        inserts(8_192 // share, 1_024),
        grouped_inserts(102_400 // share),
        streams(1_000_000 // share),
        many(1_000_000 // share),
        compute(100 // share),
        memory(1_000_000 // share),
    ]


def wake_up(share: int) -> Run:
    """What it costs to wake a sleeping thread, measured beside the selects."""
    return Run("limit", "wake", "none", 20_000 // share, "points")


def selects(n: int) -> list[Row]:
    def run(program: str, runtime: str, workload: str = "select-1") -> Run:
        return Run(program, workload, runtime, n, "points")

    rows = []
    for runtime in RUNTIMES:
        work = f"point select, one task, {runtime}"
        rows += beside_each(
            work,
            run("ours", runtime),
            run("ours", runtime, "select-1-database"),
            ("raw rusqlite", run("limit", "none"), AtMost(3)),
            ("tokio-rusqlite", run("tokio-rusqlite", runtime), AtLeast(5, True)),
            ("sqlx", run("sqlx", runtime), AtLeast(5, True)),
            ("deadpool-sqlite", run("deadpool-sqlite", runtime), AtLeast(5, True)),
            ("async-sqlite", run("async-sqlite", runtime), Told()),
            ("aiosqlite", run("aiosqlite", "asyncio"), AtLeast(40)),
        )
    return rows


def selects_of_tasks(n: int) -> list[Row]:
    rows = []
    for runtime, times in zip(RUNTIMES, (1.3, 1.05)):

        def run(program: str, workload: str = "select-64") -> Run:
            return Run(program, workload, runtime, n, "points")

        rows += beside_each(
            f"point selects, 64 tasks, {runtime}",
            run("ours"),
            run("ours", "select-64-database"),
            ("tokio-rusqlite", run("tokio-rusqlite"), AtLeast(times)),
            ("sqlx", run("sqlx"), AtLeast(4)),
            ("deadpool-sqlite", run("deadpool-sqlite"), AtLeast(4)),
            ("async-sqlite", run("async-sqlite"), Told()),
            ("sqlx, a connection a task", run("sqlx", "select-64-held"), Told()),
            (
                "deadpool-sqlite, a connection a task",
                run("deadpool-sqlite", "select-64-held"),
                Told(),
            ),
        )
    return rows


def beside_each(work: str, connection: Run, database: Run, *others: Other) -> list[Row]:
    """Rows beside a pool are the database's, the others the connection's."""
    return [
        Row(work, "Database", database, *other)
        if other[1].program in POOLS
        else Row(work, "Connection", connection, *other)
        for other in others
    ]


def lone_inserts(n: int) -> list[Row]:
    def run(program: str, runtime: str) -> Run:
        return Run(program, "insert-1", runtime, n, "empty")

    rows = []
    for runtime, times in zip(RUNTIMES, (1.3, 1.6)):
        ours = run("ours", runtime)
        work = f"durable insert, one task, {runtime}"
        rows += [
            Row(work, "Database", ours, "raw rusqlite", run("limit", "none"), AtMost(times)),
            Row(work, "Database", ours, "tokio-rusqlite", run("tokio-rusqlite", runtime), AtLeast(1)),
        ]
    return rows


def inserts(n: int, tasks: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, "empty")

    workload = f"insert-{tasks}"
    each, peer = {64: (AtLeast(25), AtLeast(20)), 1_024: (Told(), Told())}[tasks]
    rows = []
    for runtime in RUNTIMES:
        ours = run("ours", workload, runtime)
        peers = [
            ("raw rusqlite, one commit each", run("limit", "insert-1", "none"), each),
            ("tokio-rusqlite", run("tokio-rusqlite", workload, runtime), peer),
            ("sqlx", run("sqlx", workload, runtime), peer),
        ]
        work = f"durable inserts, {tasks:,} tasks, {runtime}"
        rows += [Row(work, "Database", ours, *peer) for peer in peers]
    return rows


def grouped_inserts(n: int) -> list[Row]:
    """Beside what no commit of one's own costs: more of them, since all are fast."""
    return [
        Row(
            f"durable inserts, 1,024 tasks, {runtime}",
            "Database",
            Run("ours", "insert-1024", runtime, n, "empty"),
            "raw rusqlite, savepoints in one commit",
            Run("limit", "savepoints", "none", n, "empty"),
            AtLeast(0.5),
        )
        for runtime in RUNTIMES
    ]


def streams(n: int) -> list[Row]:
    def run(program: str, workload: str, runtime: str) -> Run:
        return Run(program, workload, runtime, n, "wide")

    rows = []
    for runtime in RUNTIMES:
        owned, borrowed = run("ours", "stream", runtime), run("ours", "borrow", runtime)
        peers = [
            ("raw rusqlite", run("limit", "stream", "none"), AtLeast(0.9)),
            ("sqlx", run("sqlx", "stream", runtime), AtLeast(2.5)),
            ("aiosqlite", run("aiosqlite", "stream", "asyncio"), AtLeast(7)),
            ("aiosqlite, fetchmany", run("aiosqlite", "chunks", "asyncio"), Told()),
        ]
        work = f"stream {n:,} rows into owned values, {runtime}"
        rows += [Row(work, "Connection", owned, *peer) for peer in peers]
        rows.append(
            Row(
                f"stream {n:,} rows, borrowed, {runtime}",
                "Connection",
                borrowed,
                "raw rusqlite, borrowed",
                run("limit", "borrow", "none"),
                AtLeast(0.95),
            )
        )
    return rows


def many(n: int) -> list[Row]:
    return [
        Row(
            f"insert {n:,} rows from a stream, {runtime}",
            "Database",
            Run("ours", "many", runtime, n, "empty"),
            "raw rusqlite, prepared loop",
            Run("limit", "many", "none", n, "empty"),
            AtLeast(0.7),
        )
        for runtime in RUNTIMES
    ]


def compute(n: int) -> list[Row]:
    return [
        Row(
            f"reads that compute, 2 readers, {runtime}",
            "Database",
            Run("ours", "compute-4-readers", runtime, n, "points"),
            "one Connection",
            Run("ours", "compute-4-connection", runtime, n, "points"),
            AtLeast(1.7),
        )
        for runtime in RUNTIMES
    ]


def memory(rows: int) -> list[Row]:
    """N is how often the whole table is read."""
    return [
        Row(
            f"memory, streaming {10 * rows:,} rows, {runtime}",
            "Connection",
            Run("ours", "memory", runtime, 10, "wide"),
            f"after {rows:,} rows",
            Run("ours", "memory", runtime, 1, "wide"),
            Flat(30 * MIB, 1 * MIB),
        )
        for runtime in RUNTIMES
    ]
