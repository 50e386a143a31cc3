"""The table, and where it is written: `results/`, and the README beside."""

import csv
import datetime
import os
import platform
import re
import subprocess

from rounds import HERE, Failed, Outcomes
from verdict import Verdict

RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN = "<!-- written by compare/run, from compare/results/table.md -->\n"
END = "<!-- end of what compare/run wrote -->\n"
HEADER = ("work", "ours", "limit or peer", "ratio", "target", "verdict")


def line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def head() -> str:
    return line(HEADER) + "\n" + "|---" * len(HEADER) + "|"


def version(folder: str, package: str) -> str:
    """The version of a package that a program was built with."""
    lock = (HERE / folder / "Cargo.lock").read_text()
    found = re.search(rf'name = "{package}"\nversion = "([^"]+)"', lock)
    return found[1] if found else "?"


def tools() -> str:
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores, {platform.system()} {kernel}, "
        f"rustc {rustc.split()[1]}, Python {platform.python_version()}"
    )


def programs(outcomes: Outcomes) -> str:
    """Each program with its version and SQLite's, as it said itself."""
    sqlite = {
        run.program: outcome[0].sqlite
        for run, outcome in outcomes.items()
        if not isinstance(outcome, Failed)
    }
    pinned = (HERE / "aiosqlite/requirements.txt").read_text().split()[0]
    named = {
        "ours": "aio-sqlite " + version("ours", "aio-sqlite"),
        "limit": "rusqlite " + version("ours", "rusqlite"),
        "aiosqlite": pinned.replace("==", " "),
    }
    for peer in ("tokio-rusqlite", "sqlx", "deadpool-sqlite", "async-sqlite"):
        named[peer] = f"{peer} {version(peer, peer)}"
    return ", ".join(
        f"{name} on {sqlite.get(program, 'nothing: missing')}" for program, name in named.items()
    )


def table(verdicts: list[Verdict], outcomes: Outcomes, rounds: int) -> str:
    """The whole text that the README shows."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = "\n".join(line(verdict.cells()) for verdict in verdicts)
    return f"""\
Measured on {today}: {tools()}. {rounds} rounds in which all take turns; the median over the rounds, and the least and the most. Times are of one operation, row or query. Everything with a write-ahead log and `synchronous=FULL`, read back from each program; every answer is summed, and the sums agree. SQLite: {programs(outcomes)}.

{head()}
{rows}
"""


def write(text: str, outcomes: Outcomes) -> None:
    """Writes the table, every single measurement, and the README's copy."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(text)
    with (RESULTS / "rounds.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("program", "workload", "runtime", "n", "round", "ns", "sum", "peak_kib"))
        for run, outcome in outcomes.items():
            for number, measured in enumerate([] if isinstance(outcome, Failed) else outcome, 1):
                about = (run.program, run.workload, run.runtime, run.n)
                out.writerow((*about, number, measured.ns, measured.sum, measured.peak))
    readme = README.read_text()
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + text + END + after)
