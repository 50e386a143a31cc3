"""Running the programs in turns, so that both sides of a ratio see the same machine."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from plan import NEW, Run, files

HERE = Path(__file__).parent
TARGET = HERE / "target"
FILES = TARGET / "files"
PATIENCE = 120  # seconds for one program


@dataclass(frozen=True)
class Measured:
    """What a program printed."""

    ns: int
    sum: int


class Failed(Exception):
    """Why there is no number."""


Outcomes = dict[Run, list[Measured] | Failed]


def command(program: str) -> list[str]:
    if program == "aiofiles":
        return [str(TARGET / "venv/bin/python"), str(HERE / "aiofiles/main.py")]
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
    try:
        if done.returncode == 0:
            return Measured(**json.loads(done.stdout))
    except (TypeError, ValueError):
        pass
    print(f"{run}: {done.stdout}{done.stderr}", file=sys.stderr)
    raise Failed("failed")


def fill(share: int) -> None:
    """Makes what the programs read, and waits until the disk has it: nothing is to
    be written while they are measured, and all of it stays in memory."""
    empty()
    FILES.mkdir(parents=True)
    for what, n, name in files(share):
        subprocess.run(command("limit") + ["fill", what, str(n), str(FILES / name)], check=True)
    os.sync()


def empty() -> None:
    shutil.rmtree(FILES, ignore_errors=True)


def take(run: Run) -> Measured:
    """One measurement. Who writes finds nothing and leaves nothing."""
    path = FILES / run.file
    try:
        return call(run, path)
    finally:
        if run.file == NEW:
            path.unlink(missing_ok=True)


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


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, and the least and the most of them."""

    median: float
    least: float
    most: float

    @staticmethod
    def over(numbers: list[float]) -> "Spread":
        return Spread(statistics.median(numbers), min(numbers), max(numbers))
