"""The table, and where it is written: `results/`, and the README beside."""

import csv
import datetime
import os
import platform
import re
import subprocess

from rounds import HERE, PYTHON, Failed, Outcomes
from verdict import Verdict

RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN = "<!-- written by compare/run, from compare/results/table.md -->\n"
END = "<!-- end of what compare/run wrote -->\n"
HEADER = ("work", "ours", "limit or peer", "ratio", "target", "verdict")
PACKAGES = (
    ("ours", "aio-pool"),
    ("limit", "tokio"),
    ("rayon", "rayon"),
    ("procspawn", "procspawn"),
)


def line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def head() -> str:
    return line(HEADER) + "\n" + "|---" * len(HEADER) + "|"


def tools() -> str:
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores, {platform.system()} {kernel}, rustc {rustc.split()[1]}, "
        f"Python {platform.python_version()}"
    )


def programs(outcomes: Outcomes) -> str:
    """What was compared, with its version, or that it was missing."""
    there = {run.program for run, outcome in outcomes.items() if not isinstance(outcome, Failed)}
    lock = (HERE / "Cargo.lock").read_text()
    named = [
        (program, package, re.search(rf'name = "{package}"\nversion = "([^"]+)"', lock)[1])
        for program, package in PACKAGES
    ]
    for line in (HERE / "python/requirements.txt").read_text().splitlines():
        package, version = line.split()[0].split("==")
        if package in PYTHON:
            named.append((package, package, version))
    return ", ".join(
        f"{package} {version}" + ("" if program in there else " (missing)")
        for program, package, version in named
    )


def table(verdicts: list[Verdict], outcomes: Outcomes, rounds: int) -> str:
    """The whole text that the README shows."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = "\n".join(line(verdict.cells()) for verdict in verdicts)
    return f"""\
Measured on {today}: {tools()}. {rounds} rounds in which all take turns; the median over the rounds, and the least and the most. Two workers, unless a row says otherwise; times are of one item; every answer is summed, and the sums agree. {programs(outcomes)}.

{head()}
{rows}
"""


def check_marks() -> None:
    """Says it before the work of many minutes if there is no place for the table."""
    text = README.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"the README of aio-pool has no place for it:\n{BEGIN}{END}")


def write(text: str, outcomes: Outcomes) -> None:
    """Writes the table, every single measurement, and the README's copy."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(text)
    with (RESULTS / "rounds.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("program", "workload", "n", "round", "ns", "sum", "count"))
        for run, outcome in outcomes.items():
            for number, measured in enumerate([] if isinstance(outcome, Failed) else outcome, 1):
                about = (run.program, run.workload, run.n)
                out.writerow((*about, number, round(measured.ns, 1), measured.sum, measured.count))
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + text + END + after)
