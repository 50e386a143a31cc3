"""Runs the whole comparison and prints its table. Started by `run`."""

import sys

from plan import plan
from report import check_marks, head, line, table, write
from rounds import Outcomes, play
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
    outcomes: Outcomes = {}
    verdicts: list[Verdict] = []
    print(head(), flush=True)
    for rows in plan(share):
        runs = dict.fromkeys(run for row in rows for run in row.runs())
        played = play([*runs], rounds)
        outcomes |= played
        for row in rows:
            verdict = judge(row, played, judged=not short)
            print(line(verdict.cells()), flush=True)
            verdicts.append(verdict)
    text = table(verdicts, outcomes, rounds)
    print("\n" + text.split("\n")[0])
    if not short:
        write(text, outcomes)
    missed = sum(verdict.is_short() for verdict in verdicts)
    print(f"{missed} of {len(verdicts)} rows are short")
    return 1 if missed else 0


sys.exit(main())
