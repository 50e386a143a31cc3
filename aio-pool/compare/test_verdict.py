"""What must make a row SHORT, so that an `ok` means something. `run` runs it first."""

import unittest

from plan import AtLeast, AtMost, Below, Nothing, Other, Row, Run, Told
from rounds import Failed, Measured, call
from verdict import judge

OURS = Run("ours", "sequential", 10)
PEER = Run("peer", "sequential", 10)


def measured(ns: float, sum: int = 7, count: int = 0) -> Measured:
    return Measured(ns, sum, count)


def said(target, ours, peer, judged=True) -> str:
    row = Row("calls", "pool.call(n)", OURS, Other("peer", PEER, target))
    return judge(row, {OURS: ours, PEER: peer}, judged).said


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_the_median_of_those_within_the_rounds(self):
        ours = [measured(10), measured(1_000), measured(10)]
        peer = [measured(20), measured(2_000), measured(20)]
        self.assertEqual(said(AtLeast(2), ours, peer), "ok")
        self.assertEqual(said(AtLeast(2.01), ours, peer), "SHORT")
        self.assertEqual(said(AtMost(0.5), ours, peer), "ok")
        self.assertEqual(said(AtMost(0.49), ours, peer), "SHORT")
        self.assertEqual(said(Told(), ours, peer), "–")

    def test_below_is_our_own_time_whatever_the_other_takes(self):
        ours = [measured(4.9e6), measured(4.9e6), measured(6e6)]
        peer = [measured(9e6)] * 3
        self.assertEqual(said(Below(5), ours, peer), "ok")
        self.assertEqual(said(Below(4.9), ours, peer), "SHORT")
        self.assertEqual(said(Below(5), peer, ours), "SHORT")

    def test_one_that_is_counted_once_is_too_many(self):
        none, one, many = measured(1), measured(1, count=1), measured(1, count=9)
        for judged in (True, False):
            self.assertEqual(said(Nothing("wake-ups"), [none] * 3, [many] * 3, judged), "ok")
            short = said(Nothing("wake-ups"), [none, none, one], [many] * 3, judged)
            self.assertEqual(short, "SHORT")

    def test_where_nobody_is_beside_ours_is_judged_alone(self):
        row = Row("calls", "pool.call(n)", OURS, Other("nobody", None, Nothing("missing")))
        self.assertEqual(row.runs(), [OURS])
        self.assertEqual(judge(row, {OURS: [measured(1)]}, True).said, "ok")
        self.assertEqual(judge(row, {OURS: [measured(1, count=2)]}, True).said, "SHORT")
        unsteady = {OURS: [measured(1, sum=1), measured(1, sum=2)]}
        self.assertEqual(judge(row, unsteady, True).said, "SHORT: the answers differ")

    def test_a_missing_side_is_short_whatever_is_asked(self):
        one, missing = [measured(1)], Failed("missing")
        for target in (AtLeast(1), AtMost(1), Below(1), Nothing("wake-ups"), Told()):
            for judged in (True, False):
                self.assertEqual(said(target, one, missing, judged), "SHORT: peer: missing")
                self.assertEqual(said(target, missing, one, judged), "SHORT: ours: missing")

    def test_answers_that_differ_are_short(self):
        one, other = [measured(1, sum=1)], [measured(1, sum=2)]
        for target in (AtLeast(1), AtMost(1), Below(1), Nothing("wake-ups"), Told()):
            for judged in (True, False):
                self.assertEqual(said(target, one, other, judged), "SHORT: the answers differ")

    def test_too_little_work_judges_no_time(self):
        for target in (AtLeast(2), AtMost(0.5), Below(1e-9)):
            self.assertEqual(said(target, [measured(10)], [measured(10)], judged=False), "–")

    def test_a_program_that_is_not_there_is_missing(self):
        with self.assertRaisesRegex(Failed, "missing"):
            call(PEER)


if __name__ == "__main__":
    unittest.main()
