"""Runs the whole comparison and prints its table. Started by `run`."""

import statistics
import sys

from plan import AtLeast, Row, Run, hop, plan
from report import check_marks, head, line, table, write
from rounds import Failed, Outcomes, empty, fill, play
from verdict import Verdict, judge

ROUNDS = 5
# A hundredth of the work, once, says whether everything is there and agrees.
SHARE = 100


def main() -> int:
    short = sys.argv[1:] == ["--short"]
    if not short and sys.argv[1:]:
        print("usage: run [--short]", file=sys.stderr)
        return 2
    if not short:
        check_marks()
    share, rounds = (SHARE, 1) if short else (1, ROUNDS)
    fill(share)
    outcomes: Outcomes = {}
    verdicts: list[Verdict] = []
    print(head(), flush=True)
    for rows in plan(share):
        runs = dict.fromkeys(run for row in rows for run in row.runs())
        hops = {row.ours.runtime: hop(row.ours.runtime, share) for row in rows if needs_hop(row)}
        played = play([*runs, *hops.values()], rounds)
        outcomes |= played
        for row in rows:
            cost = of_one(hops.get(row.ours.runtime), played)
            verdict = judge(row, played, cost, judged=not short)
            print(line(verdict.cells()), flush=True)
            verdicts.append(verdict)
    text = table(verdicts, outcomes, rounds)
    print("\n" + text.split("\n")[0])
    if not short:
        write(text, outcomes)
    empty()
    missed = sum(verdict.is_short() for verdict in verdicts)
    print(f"{missed} of {len(verdicts)} rows are short")
    return 1 if missed else 0


def needs_hop(row: Row) -> bool:
    target = row.other.target
    return isinstance(target, AtLeast) and target.where_a_hop_is_slow


def of_one(run: Run | None, outcomes: Outcomes) -> float | None:
    """Nanoseconds of one hop."""
    outcome = outcomes[run] if run else Failed("not asked for")
    if isinstance(outcome, Failed):
        return None
    return statistics.median(measured.ns / run.n for measured in outcome)


sys.exit(main())
