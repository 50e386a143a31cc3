"""Running the programs in turns, so that both sides of a ratio see the same machine."""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from plan import Run

HERE = Path(__file__).parent
TARGET = HERE / "target"
PATIENCE = 120  # seconds for one program
PYTHON = {
    "ProcessPoolExecutor": "blocking.py",
    "multiprocessing": "blocking.py",
    "aiomultiprocess": "asynchronous.py",
}


@dataclass(frozen=True)
class Measured:
    """What a program printed: the time of one item, the sum of the answers, and
    what was counted where something is."""

    ns: float
    sum: int
    count: int


class Failed(Exception):
    """Why there is no number."""


Outcomes = dict[Run, list[Measured] | Failed]


def command(program: str) -> list[str]:
    if program in PYTHON:
        script = HERE / "python" / PYTHON[program]
        return [str(TARGET / "venv/bin/python"), str(script), program]
    return [str(TARGET / f"release/compare-{program}")]


def call(run: Run) -> Measured:
    """Calls a program and reads its line."""
    try:
        done = subprocess.run(
            [*command(run.program), run.workload, str(run.n)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except FileNotFoundError:
        raise Failed("missing") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"still running after {PATIENCE} s") from None
    # What a program says beside its line is for who looks on.
    if done.stderr:
        print(f"{run}: {done.stderr}", end="", file=sys.stderr)
    try:
        if done.returncode == 0:
            return Measured(**json.loads(done.stdout))
    except (TypeError, ValueError):
        pass
    print(f"{run}: status {done.returncode}, {done.stdout!r}", file=sys.stderr)
    raise Failed("missing" if "ModuleNotFoundError" in done.stderr else "failed")


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
                outcome.append(call(run))
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
