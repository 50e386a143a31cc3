"""Runs the whole comparison and prints its table. Started by `run`."""

import statistics
import sys

from plan import Run, plan, wake_up
from report import head, line, table, write
from rounds import Failed, Outcomes, fill, of_group, play
from verdict import Verdict, judge

ROUNDS = 5


def main() -> int:
    short = sys.argv[1:] == ["--short"]
    if not short and sys.argv[1:]:
        print("usage: run [--short]", file=sys.stderr)
        return 2
    share = 10 if short else 1
    groups = plan(share)
    fill(share)
    waking = wake_up(share)
    outcomes: Outcomes = {}
    verdicts: list[Verdict] = []
    print(head(), flush=True)
    for number, rows in enumerate(groups):
        runs = of_group(rows)
        if number == 0:
            runs.append(waking)
        played = play(runs, ROUNDS)
        outcomes |= played
        for row in rows:
            verdict = judge(row, played, cost(outcomes, waking), judged=not short)
            print(line(verdict.cells()), flush=True)
            verdicts.append(verdict)
    text = table(verdicts, outcomes, ROUNDS)
    print("\n" + text.split("\n")[0])
    if not short:
        write(text, outcomes)
    missed = sum(verdict.is_short() for verdict in verdicts)
    print(f"{missed} of {len(verdicts)} rows are short")
    return 1 if missed else 0


def cost(outcomes: Outcomes, waking: Run) -> float | None:
    """Nanoseconds of one wake-up."""
    outcome = outcomes[waking]
    if isinstance(outcome, Failed):
        return None
    return statistics.median(measured.ns / waking.n for measured in outcome)


sys.exit(main())
