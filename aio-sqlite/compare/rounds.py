"""Running the programs in turns, so that both sides of a ratio see the same machine."""

import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from plan import Row, Run

HERE = Path(__file__).parent
TARGET = HERE / "target"
FILES = TARGET / "work"
LINE = re.compile(
    r"ns=(?P<ns>\d+) sum=(?P<sum>-?\d+) sqlite=(?P<sqlite>\S+)"
    r" journal=(?P<journal>\w+) synchronous=(?P<synchronous>\w+) peak_kib=(?P<peak>\d+)\n"
)
PATIENCE = 120  # seconds for one program


@dataclass(frozen=True)
class Measured:
    """What a program printed."""

    ns: int
    sum: int
    sqlite: str
    journal: str
    synchronous: str
    peak: int

    def is_durable(self) -> bool:
        return (self.journal, self.synchronous) == ("wal", "2")


class Failed(Exception):
    """Why there is no number."""


Outcomes = dict[Run, list[Measured] | Failed]


def command(program: str) -> list[str]:
    if program == "aiosqlite":
        return [str(TARGET / "venv/bin/python"), str(HERE / "aiosqlite/main.py")]
    return [str(TARGET / f"release/compare-{program}")]


def call(run: Run, path: Path) -> Measured:
    """Calls a program and reads its line."""
    arguments = [run.workload, run.runtime, str(run.n), str(path)]
    try:
        done = subprocess.run(
            command(run.program) + arguments,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except FileNotFoundError:
        raise Failed("missing") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"still running after {PATIENCE} s") from None
    line = LINE.fullmatch(done.stdout)
    if done.returncode != 0 or line is None:
        print(f"{run}: {done.stdout}{done.stderr}", file=sys.stderr)
        raise Failed("failed")
    texts = line.groupdict()
    numbers = {name: int(texts.pop(name)) for name in ("ns", "sum", "peak")}
    return Measured(**numbers, **texts)


def fill(share: int) -> None:
    """Makes the files that the programs read, and the empty one that they copy."""
    shutil.rmtree(FILES, ignore_errors=True)
    FILES.mkdir(parents=True)
    for file, table, rows in (
        ("points", "points", 10_000),
        ("wide", "wide", 1_000_000 // share),
        ("empty", "wide", 0),
    ):
        arguments = ["fill", table, str(rows), str(FILES / f"{file}.db")]
        subprocess.run(command("limit") + arguments, check=True)


def take(run: Run) -> Measured:
    """One measurement. Who writes gets a file of its own."""
    path = FILES / f"{run.file}.db"
    if run.file != "empty":
        return call(run, path)
    own = FILES / "own.db"
    shutil.copy(path, own)
    try:
        return call(run, own)
    finally:
        for end in ("", "-wal", "-shm"):
            Path(f"{own}{end}").unlink(missing_ok=True)


def play(runs: list[Run], rounds: int) -> Outcomes:
    """Runs all of them in each round, each round beginning with another."""
    outcomes: Outcomes = {run: [] for run in runs}
    for number in range(rounds):
        first = number * len(runs) // rounds
        for run in runs[first:] + runs[:first]:
            outcome = outcomes[run]
            if isinstance(outcome, Failed):
                continue
            try:
                outcome.append(take(run))
            except Failed as failed:
                outcomes[run] = failed
    return outcomes


def of_group(rows: list[Row]) -> list[Run]:
    """The runs of a group, each once."""
    return list(dict.fromkeys(run for row in rows for run in (row.ours, row.other)))


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and the least and the most of them."""

    median: float
    least: float
    most: float

    @staticmethod
    def over(numbers: list[float]) -> "Spread":
        return Spread(statistics.median(numbers), min(numbers), max(numbers))
