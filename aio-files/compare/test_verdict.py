"""What must make a row SHORT, so that an `ok` means something. `run` runs it first."""

import unittest

from plan import AtLeast, AtMost, Other, Row, Run, Told
from rounds import Failed, Measured, call
from verdict import judge

OURS = Run("ours", "lines", "multi-thread", 10, "lines")
PEER = Run("peer", "lines-8", "multi-thread", 10, "lines")
TUNED = Run("peer", "lines-256", "multi-thread", 10, "lines")


def measured(ns: int, sum: int = 7) -> Measured:
    return Measured(ns, sum)


def verdict(target, ours, peer, tuned=None, hop=25_000.0, judged=True):
    runs = {"8 KiB": PEER} if tuned is None else {"8 KiB": PEER, "256 KiB": TUNED}
    row = Row("lines", "lines(p)", OURS, Other("peer", runs, target))
    return judge(row, {OURS: ours, PEER: peer, TUNED: tuned}, hop, judged)


def said(*arguments, **named) -> str:
    return verdict(*arguments, **named).said


class Verdicts(unittest.TestCase):
    def test_a_ratio_is_the_median_of_those_within_the_rounds(self):
        ours = [measured(10), measured(1_000), measured(10)]
        peer = [measured(20), measured(2_000), measured(20)]
        self.assertEqual(said(AtLeast(2), ours, peer), "ok")
        self.assertEqual(said(AtLeast(2.01), ours, peer), "SHORT")
        self.assertEqual(said(AtMost(0.5), ours, peer), "ok")
        self.assertEqual(said(AtMost(0.49), ours, peer), "SHORT")
        self.assertEqual(said(Told(), ours, peer), "–")

    def test_the_fastest_setting_of_a_peer_counts(self):
        ours, slow, fast = [measured(10)], [measured(40)], [measured(20)]
        for peer, tuned, setting in ((slow, fast, "256 KiB"), (fast, slow, "8 KiB")):
            short = verdict(AtLeast(2.01), ours, peer, tuned)
            self.assertEqual(short.said, "SHORT")
            self.assertEqual(short.other, f"peer, {setting} 2.00 ns")
            self.assertEqual(said(AtLeast(2), ours, peer, tuned), "ok")

    def test_a_missing_peer_is_short_whatever_is_asked(self):
        one, missing = [measured(1)], Failed("missing")
        for target in (AtLeast(1), AtMost(1), Told()):
            for judged in (True, False):
                short = said(target, one, missing, judged=judged)
                self.assertEqual(short, "SHORT: peer: missing")
                short = said(target, one, [measured(9)], missing, judged=judged)
                self.assertEqual(short, "SHORT: peer: missing")
                short = said(target, Failed("failed"), one, judged=judged)
                self.assertEqual(short, "SHORT: ours: failed")

    def test_other_answers_are_short(self):
        one, other = [measured(1)], [measured(9, sum=8)]
        for judged in (True, False):
            short = said(Told(), one, other, judged=judged)
            self.assertEqual(short, "SHORT: the answers differ")
            short = said(Told(), one, one, other, judged=judged)
            self.assertEqual(short, "SHORT: the answers differ")

    def test_a_short_form_judges_no_ratio(self):
        one = [measured(1)]
        self.assertEqual(said(AtLeast(2), one, one, judged=False), "–")
        self.assertEqual(said(AtLeast(2, True), one, one, hop=1, judged=False), "–")

    def test_where_hops_are_fast_less_is_asked(self):
        target = AtLeast(10, where_a_hop_is_slow=True)
        ours, near, far = [measured(1)], [measured(9)], [measured(10)]
        self.assertEqual(said(target, ours, near, hop=20_000), "SHORT")
        self.assertEqual(said(target, ours, near, hop=19_999), "not asked here")
        self.assertEqual(said(target, ours, near, hop=None), "SHORT")
        self.assertEqual(said(target, ours, far, hop=19_999), "ok")

    def test_a_program_that_is_not_there_is_missing(self):
        with self.assertRaisesRegex(Failed, "^missing$"):
            call(Run("nobody", "lines", "none", 1, "lines"), "lines")


if __name__ == "__main__":
    unittest.main()
