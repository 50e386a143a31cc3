"""Whether a row reached its target: its cells of the table."""

import statistics
from dataclasses import dataclass

from plan import SLOW_HOP, AtLeast, AtMost, Row, Run, Told
from rounds import Failed, Measured, Outcomes, Spread


@dataclass(frozen=True)
class Verdict:
    """A row as it is printed."""

    work: str
    ours: str
    other: str
    ratio: str
    target: str
    said: str

    def cells(self) -> list[str]:
        return [self.work, self.ours, self.other, self.ratio, self.target, self.said]

    def is_short(self) -> bool:
        return self.said.startswith("SHORT")


def judge(row: Row, outcomes: Outcomes, hop: float | None, judged: bool) -> Verdict:
    """Compares what both sides did in the same rounds.

    Where the work is too little to judge ratios by, only what is missing, fails
    or answers something else is short.
    """
    asked = row.other.target
    ours = outcomes[row.ours]
    setting, run = fastest(row.other.runs, outcomes)
    other = outcomes[run]

    def verdict(ratio: str, said: str) -> Verdict:
        target = str(asked)
        if isinstance(asked, AtLeast) and asked.where_a_hop_is_slow:
            target += f" ({'unknown' if hop is None else time(hop)} here)"
        name = f"{row.other.name}, {setting}" if setting else row.other.name
        return Verdict(
            row.work,
            side(f"`{row.door}`", row.ours, ours),
            side(name, run, other),
            ratio,
            target,
            said,
        )

    if isinstance(ours, Failed):
        return verdict("–", f"SHORT: ours: {ours}")
    everyone = list(ours)
    for run in row.other.runs.values():
        outcome = outcomes[run]
        if isinstance(outcome, Failed):
            return verdict("–", f"SHORT: {row.other.name}: {outcome}")
        everyone += outcome
    if len({measured.sum for measured in everyone}) != 1:
        return verdict("–", "SHORT: the answers differ")
    if isinstance(asked, AtMost):
        ratio = Spread.over([a.ns / b.ns for a, b in zip(ours, other)])
        return verdict(f"{times(ratio)} × its time", said(ratio.median <= asked.times, judged))
    ratio = Spread.over([b.ns / a.ns for a, b in zip(ours, other)])
    words = f"{times(ratio)} × as fast"
    if isinstance(asked, Told):
        return verdict(words, "–")
    reached = ratio.median >= asked.times
    if judged and not reached and asked.where_a_hop_is_slow and hop is not None and hop < SLOW_HOP:
        return verdict(words, "not asked here")
    return verdict(words, said(reached, judged))


def fastest(runs: dict[str, Run], outcomes: Outcomes) -> tuple[str, Run]:
    """The setting whose median is the least; one that failed only if all did."""

    def median(outcome: list[Measured] | Failed) -> float:
        if isinstance(outcome, Failed):
            return float("inf")
        return statistics.median(measured.ns for measured in outcome)

    return min(runs.items(), key=lambda item: median(outcomes[item[1]]))


def said(reached: bool, judged: bool) -> str:
    if not judged:
        return "–"
    return "ok" if reached else "SHORT"


def side(name: str, run: Run, outcome: list[Measured] | Failed) -> str:
    """A side's name and what it took for each operation."""
    if isinstance(outcome, Failed):
        return name
    each = Spread.over([measured.ns / run.n for measured in outcome])
    return f"{name} {time(each.median)}"


def times(ratio: Spread) -> str:
    return f"{figures(ratio.median)} ({figures(ratio.least)} to {figures(ratio.most)})"


def figures(number: float) -> str:
    if number >= 100:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def time(ns: float) -> str:
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 1000 * size:
            return f"{figures(ns / size)} {unit}"
    return f"{figures(ns / 1e9)} s"
