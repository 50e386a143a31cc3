"""The table, and where it is written: `results/`, and the README beside."""

import csv
import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

from rounds import FILES, HERE, Failed, Outcomes
from verdict import Verdict

RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BEGIN = "<!-- written by compare/run, from compare/results/table.md -->\n"
END = "<!-- end of what compare/run wrote -->\n"
HEADER = ("work", "ours", "limit or peer", "ratio", "target", "verdict")
PACKAGES = (
    ("ours", "aio-files"),
    ("limit", "walkdir"),
    ("limit", "serde_json"),
    ("limit", "csv"),
    ("tokio", "tokio"),
    ("tokio", "tokio-util"),
    ("async-fs", "async-fs"),
    ("async-walkdir", "async-walkdir"),
    ("csv-async", "csv-async"),
)


def line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def head() -> str:
    return line(HEADER) + "\n" + "|---" * len(HEADER) + "|"


def tools() -> str:
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"{os.cpu_count()} cores, {platform.system()} {kernel}, {file_system(FILES)}, "
        f"rustc {rustc.split()[1]}, Python {platform.python_version()}"
    )


def file_system(folder: Path) -> str:
    """The kind of the file system on which a folder is."""
    folder = folder.resolve()
    mounts = [mount.split()[1:3] for mount in Path("/proc/self/mounts").read_text().splitlines()]
    above = [(len(Path(at).parts), kind) for at, kind in mounts if folder.is_relative_to(at)]
    return max(above, default=(0, "an unknown file system"))[1]


def programs(outcomes: Outcomes) -> str:
    """What was compared, with its version, or that it was missing."""
    there = {run.program for run, outcome in outcomes.items() if not isinstance(outcome, Failed)}
    lock = (HERE / "Cargo.lock").read_text()
    named = [
        (program, package, re.search(rf'name = "{package}"\nversion = "([^"]+)"', lock)[1])
        for program, package in PACKAGES
    ]
    pinned = (HERE / "aiofiles/requirements.txt").read_text().split()[0]
    named.append(("aiofiles", *pinned.split("==")))
    return ", ".join(
        f"{package} {version}" + ("" if program in there else " (missing)")
        for program, package, version in named
    )


def table(verdicts: list[Verdict], outcomes: Outcomes, rounds: int) -> str:
    """The whole text that the README shows."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    rows = "\n".join(line(verdict.cells()) for verdict in verdicts)
    return f"""\
Measured on {today}: {tools()}. {rounds} rounds in which all take turns; the median over the rounds, and the least and the most. Times are of one line, chunk, file, read, write, entry or record. Everything that is read is in the page cache, and nothing that is written is synced; every answer is summed, and the sums agree. Where a peer has several settings the fastest is shown. {programs(outcomes)}.

{head()}
{rows}
"""


def check_marks() -> None:
    """Says it before hours of work if there is no place for the table."""
    text = README.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{README.name} of aio-files has no place for the table:\n{BEGIN}{END}")


def write(text: str, outcomes: Outcomes) -> None:
    """Writes the table, every single measurement, and the README's copy."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "table.md").write_text(text)
    with (RESULTS / "rounds.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("program", "workload", "runtime", "n", "round", "ns", "sum"))
        for run, outcome in outcomes.items():
            for number, measured in enumerate([] if isinstance(outcome, Failed) else outcome, 1):
                about = (run.program, run.workload, run.runtime, run.n)
                out.writerow((*about, number, measured.ns, measured.sum))
    before, rest = README.read_text().split(BEGIN)
    _, after = rest.split(END)
    README.write_text(before + BEGIN + text + END + after)
