#!/usr/bin/env python3
"""Ranks under Open MPI's mpirun on this machine."""
import sys
import time
import unittest

import worlds
from worlds import mpirun


class Mpi(worlds.Case):
    def test_sums_are_right_and_all_ranks_have_the_same_bits(self):
        for ranks in (1, 2, 3):
            with self.subTest(ranks=ranks):
                ended = mpirun(ranks, "sums", "any-order", 0, 1, 7, 262145, 5000011)
                self.assertEqual(ended.returncode, 0, ended)
                lines = sorted(ended.stdout.splitlines())
                self.assertEqual(len({line.split(": ")[1].split(";")[0] for line in lines}), 1, ended)
                for rank, line in enumerate(lines):
                    self.assertTrue(line.startswith(f"rank {rank} of {ranks}, {rank} of {ranks} here"), ended)
                    self.assertIn("1 process" if ranks == 1 else f"{ranks} processes by Open MPI", line)

    def test_the_rank_that_differs_is_named(self):
        ended = mpirun(3, "agree", "a", "a", "b")
        self.assertNotEqual(ended.returncode, 0, ended)
        self.assertIn("rank 2 on ", ended.stderr)
        self.assertIn("another configuration", ended.stderr)

    def test_a_lost_rank_ends_all(self):
        for how in ("kill", "fail"):
            for loser in (0, 1):
                with self.subTest(how=how, loser=loser):
                    began = time.monotonic()
                    ended = mpirun(2, "lose", loser, how)
                    self.assertNotEqual(ended.returncode, 0, ended)
                    self.assertLess(time.monotonic() - began, 30)


if __name__ == "__main__":
    reason = worlds.why_no_mpi()
    if reason is not None:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
