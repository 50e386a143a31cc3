"""What must make a row SHORT, so that an `ok` means something. `run` runs it first."""

import unittest

from plan import AtLeast, AtMost, Other, Over, Row, Run, Told
from rounds import Failed, Measured, call
from verdict import judge

OURS = Run("ours", "pairwise", 10)
PEER = Run("peer", "pairwise", 10)


def measured(ns: int, sum: int = 7) -> Measured:
    return Measured(ns, sum)


def said(target, ours, peer, judged=True) -> str:
    row = Row("items", "pairwise()", OURS, Other("peer", PEER, target))
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

    def test_over_is_nanoseconds_an_item(self):
        ours, peer = [measured(60, sum=1)], [measured(20, sum=2)]
        self.assertEqual(said(Over(4), ours, peer), "ok")
        self.assertEqual(said(Over(3.9), ours, peer), "SHORT")

    def test_a_missing_side_is_short_whatever_is_asked(self):
        one, missing = [measured(1)], Failed("missing")
        for target in (AtLeast(1), AtMost(1), Over(1), Told()):
            for judged in (True, False):
                self.assertEqual(said(target, one, missing, judged), "SHORT: peer: missing")
                self.assertEqual(said(target, missing, one, judged), "SHORT: ours: missing")

    def test_answers_that_differ_are_short(self):
        one, other = [measured(1, sum=1)], [measured(1, sum=2)]
        for judged in (True, False):
            self.assertEqual(said(Told(), one, other, judged), "SHORT: the answers differ")
        unsteady = [measured(1, sum=1), measured(1, sum=2)]
        self.assertEqual(said(Over(1), unsteady, other * 2), "SHORT: the answers differ")

    def test_too_little_work_judges_no_ratio(self):
        self.assertEqual(said(AtLeast(2), [measured(10)], [measured(10)], judged=False), "–")

    def test_a_program_that_is_not_there_is_missing(self):
        with self.assertRaisesRegex(Failed, "missing"):
            call(PEER)


if __name__ == "__main__":
    unittest.main()
