"""Whether a row reached its target: its cells of the table."""

from dataclasses import dataclass

from plan import MIB, SLOW_WAKE_UP, AtLeast, AtMost, Flat, Row, Run, Told
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


def judge(row: Row, outcomes: Outcomes, wake_up: float | None, judged: bool) -> Verdict:
    """Compares what both sides did in the same rounds.

    Where the work is too little to judge ratios by, only what is missing, fails
    or answers something else is short.
    """
    ours, other = outcomes[row.ours], outcomes[row.other]

    def verdict(ratio: str, said: str) -> Verdict:
        target = str(row.target)
        if isinstance(row.target, AtLeast) and row.target.where_waking_is_slow:
            here = "unknown" if wake_up is None else time(wake_up)
            target += f" ({here} here)"
        return Verdict(
            row.work,
            side(f"`{row.handle}`", row, row.ours, ours),
            side(row.name, row, row.other, other),
            ratio,
            target,
            said,
        )

    for name, outcome in (("ours", ours), (row.name, other)):
        if isinstance(outcome, Failed):
            return verdict("–", f"SHORT: {name}: {outcome}")
    if not all(measured.is_durable() for measured in ours + other):
        return verdict("–", "SHORT: not as durable")
    if isinstance(row.target, Flat):
        least, most = worst(other), worst(ours)
        reached = most < row.target.most and most - least <= row.target.more
        return verdict(f"{mib(most - least)} more", said(reached, judged))
    if len({measured.sum for measured in ours + other}) != 1:
        return verdict("–", "SHORT: the answers differ")
    if isinstance(row.target, AtMost):
        ratio = Spread.over([a.ns / b.ns for a, b in zip(ours, other)])
        return verdict(f"{times(ratio)} × its time", said(ratio.median <= row.target.times, judged))
    ratio = Spread.over([b.ns / a.ns for a, b in zip(ours, other)])
    words = f"{times(ratio)} × as fast"
    if isinstance(row.target, Told):
        return verdict(words, "–")
    reached = ratio.median >= row.target.times
    if not reached and row.target.where_waking_is_slow and wake_up is not None:
        if wake_up < SLOW_WAKE_UP:
            return verdict(words, "not asked here")
    return verdict(words, said(reached, judged))


def said(reached: bool, judged: bool) -> str:
    if not judged:
        return "–"
    return "ok" if reached else "SHORT"


def side(name: str, row: Row, run: Run, outcome: list[Measured] | Failed) -> str:
    """A side's name and what it took for each operation."""
    if isinstance(outcome, Failed):
        return name
    if isinstance(row.target, Flat):
        return f"{name} {mib(worst(outcome))}"
    each = Spread.over([measured.ns / run.n for measured in outcome])
    return f"{name} {time(each.median)}"


def worst(outcome: list[Measured]) -> int:
    return max(measured.peak for measured in outcome)


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


def mib(kib: int) -> str:
    return f"{kib / MIB:.1f} MiB"
