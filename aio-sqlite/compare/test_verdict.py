"""What must make a row SHORT, so that an `ok` means something. `run` runs it first."""

import unittest

from plan import MIB, AtLeast, AtMost, Flat, Row, Run, Told
from rounds import Failed, Measured, call
from verdict import judge

OURS = Run("ours", "select-1", "multi-thread", 10, "points")
PEER = Run("peer", "select-1", "multi-thread", 10, "points")


def measured(ns: int, sum: int = 7, synchronous: str = "2", peak: int = 0) -> Measured:
    return Measured(ns, sum, "3.54.1", "wal", synchronous, peak)


def said(target, ours, peer, wake_up=50_000.0, judged=True) -> str:
    row = Row("select", "Connection", OURS, "peer", PEER, target)
    return judge(row, {OURS: ours, PEER: peer}, wake_up, judged).said


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_the_median_of_those_within_the_rounds(self):
        ours = [measured(10), measured(1_000), measured(10)]
        peer = [measured(20), measured(2_000), measured(20)]
        self.assertEqual(said(AtLeast(2), ours, peer), "ok")
        self.assertEqual(said(AtLeast(2.01), ours, peer), "SHORT")
        self.assertEqual(said(AtMost(0.5), ours, peer), "ok")
        self.assertEqual(said(AtMost(0.49), ours, peer), "SHORT")
        self.assertEqual(said(Told(), ours, peer), "–")

    def test_a_missing_peer_is_short_whatever_is_asked(self):
        for target in (AtLeast(1), AtMost(1), Told(), Flat(MIB, MIB)):
            for judged in (True, False):
                short = said(target, [measured(1)], Failed("missing"), judged=judged)
                self.assertEqual(short, "SHORT: peer: missing")
                short = said(target, Failed("failed"), [measured(1)], judged=judged)
                self.assertEqual(short, "SHORT: ours: failed")

    def test_other_answers_and_less_durability_are_short(self):
        for judged in (True, False):
            short = said(Told(), [measured(1)], [measured(1, sum=8)], judged=judged)
            self.assertEqual(short, "SHORT: the answers differ")
            for ours, peer in (("2", "1"), ("1", "2")):
                short = said(
                    Told(),
                    [measured(1, synchronous=ours)],
                    [measured(1, synchronous=peer)],
                    judged=judged,
                )
                self.assertEqual(short, "SHORT: not as durable")

    def test_a_short_form_judges_no_ratio(self):
        self.assertEqual(said(AtLeast(2), [measured(1)], [measured(1)], judged=False), "–")

    def test_where_waking_is_fast_less_is_asked(self):
        target = AtLeast(5, where_waking_is_slow=True)
        ours, near, far = [measured(1)], [measured(2)], [measured(6)]
        self.assertEqual(said(target, ours, near, wake_up=30_000), "SHORT")
        self.assertEqual(said(target, ours, near, wake_up=29_999), "not asked here")
        self.assertEqual(said(target, ours, near, wake_up=None), "SHORT")
        self.assertEqual(said(target, ours, far, wake_up=29_999), "ok")

    def test_memory_is_small_and_flat(self):
        target = Flat(30 * MIB, 1 * MIB)
        few = [measured(1, peak=2 * MIB)]
        self.assertEqual(said(target, [measured(1, peak=3 * MIB)], few), "ok")
        self.assertEqual(said(target, [measured(1, peak=3 * MIB + 1)], few), "SHORT")
        high = [measured(1, peak=30 * MIB)]
        self.assertEqual(said(target, high, high), "SHORT")

    def test_a_program_that_is_not_there_is_missing(self):
        with self.assertRaisesRegex(Failed, "^missing$"):
            call(Run("nobody", "select-1", "none", 1, "points"), "points.db")


if __name__ == "__main__":
    unittest.main()
