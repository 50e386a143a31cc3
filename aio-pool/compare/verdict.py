"""Whether a row reached its target: its cells of the table."""

from dataclasses import dataclass

from plan import AtMost, Below, Nothing, Row, Target, Told
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


def judge(row: Row, outcomes: Outcomes, judged: bool) -> Verdict:
    """Compares what both sides did in the same rounds.

    Where the work is too little to judge times by, only what is missing, fails,
    answers something else or counts something is short.
    """
    asked = row.other.target
    ours = outcomes[row.ours]
    other = outcomes[row.other.run] if row.other.run else []

    def verdict(ratio: str, said: str) -> Verdict:
        return Verdict(
            row.work,
            side(f"`{row.door}`", ours, asked),
            side(row.other.name, other, asked),
            ratio,
            str(asked),
            said,
        )

    if isinstance(ours, Failed):
        return verdict("–", f"SHORT: ours: {ours}")
    if isinstance(other, Failed):
        return verdict("–", f"SHORT: {row.other.name}: {other}")
    if len({measured.sum for measured in ours + other}) != 1:
        return verdict("–", "SHORT: the answers differ")
    if isinstance(asked, Nothing):
        # The most, since one is too many.
        most = max(measured.count for measured in ours)
        return verdict(f"{most:,} at most", said(most == 0, judged=True))
    if isinstance(asked, Below):
        took = Spread.over([measured.ns for measured in ours])
        words = f"{time(took.median)} ({time(took.least)} to {time(took.most)})"
        return verdict(words, said(took.median < asked.ms * 1e6, judged))
    if isinstance(asked, AtMost):
        ratio = Spread.over([a.ns / b.ns for a, b in zip(ours, other)])
        return verdict(f"{spread(ratio)} × its time", said(ratio.median <= asked.times, judged))
    ratio = Spread.over([b.ns / a.ns for a, b in zip(ours, other)])
    words = f"{spread(ratio)} × as fast"
    if isinstance(asked, Told):
        return verdict(words, "–")
    return verdict(words, said(ratio.median >= asked.times, judged))


def said(reached: bool, judged: bool) -> str:
    if not judged:
        return "–"
    return "ok" if reached else "SHORT"


def side(name: str, outcome: list[Measured] | Failed, asked: Target) -> str:
    """A side's name and what it took for each item, or how often it was counted."""
    if isinstance(outcome, Failed) or not outcome:
        return name
    if isinstance(asked, Nothing):
        count = Spread.over([measured.count for measured in outcome])
        return f"{name} {count.median:,.0f}"
    each = Spread.over([measured.ns for measured in outcome])
    return f"{name} {time(each.median)}"


def spread(ratio: Spread) -> str:
    return f"{figures(ratio.median)} ({figures(ratio.least)} to {figures(ratio.most)})"


def figures(number: float) -> str:
    if number >= 100:
        return f"{number:.0f}"
    if number < 0.1:
        return f"{number:.3f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def time(ns: float) -> str:
    for unit, size in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 1000 * size:
            return f"{figures(ns / size)} {unit}"
    return f"{figures(ns / 1e9)} s"
