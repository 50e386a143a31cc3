"""Whether a row reached its target: its cells of the table."""

from dataclasses import dataclass

from plan import AtLeast, AtMost, Over, Row, Run, Told
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

    Where the work is too little to judge ratios by, only what is missing, fails
    or answers something else is short.
    """
    asked = row.other.target
    ours, other = outcomes[row.ours], outcomes[row.other.run]

    def verdict(ratio: str, said: str) -> Verdict:
        return Verdict(
            row.work,
            side(f"`{row.door}`", row.ours, ours),
            side(row.other.name, row.other.run, other),
            ratio,
            str(asked),
            said,
        )

    if isinstance(ours, Failed):
        return verdict("–", f"SHORT: ours: {ours}")
    if isinstance(other, Failed):
        return verdict("–", f"SHORT: {row.other.name}: {other}")
    # The bare source does less, so there each side must only agree with itself.
    sides = [[ours], [other]] if isinstance(asked, Over) else [[ours, other]]
    for together in sides:
        if len({measured.sum for outcome in together for measured in outcome}) != 1:
            return verdict("–", "SHORT: the answers differ")
    if isinstance(asked, Over):
        n = row.ours.n
        over = Spread.over([(a.ns - b.ns) / n for a, b in zip(ours, other)])
        return verdict(f"{spread(over)} ns over it", said(over.median <= asked.ns, judged))
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


def side(name: str, run: Run, outcome: list[Measured] | Failed) -> str:
    """A side's name and what it took for each item."""
    if isinstance(outcome, Failed):
        return name
    each = Spread.over([measured.ns / run.n for measured in outcome])
    return f"{name} {time(each.median)}"


def spread(ratio: Spread) -> str:
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
