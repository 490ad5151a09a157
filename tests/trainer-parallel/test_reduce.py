#!/usr/bin/env python3
"""Sums of gradients: the same wherever they go, and what is said where there is no NCCL or no card."""
import glob
import tempfile
import unittest

import worlds
from worlds import environment, finish, free_port, mpirun, start, torchrun, world

SIZES = (1, 262145, 0, 70001, 17)


def fields(ended):
    """(checksum, what sums, complaint) of a rank's line."""
    checksum, by, complaint = ended.out.strip("\n").split(": ", 1)[1].split("; ", 2)
    return checksum, by, complaint


class Processors(worlds.Case):
    def test_arrays_begun_one_after_the_other_are_those_of_a_loop_over_ranks(self):
        for ranks in (1, 2, 3):
            with self.subTest(ranks=ranks):
                ended = world(ranks, "reduce", "in-order", "on-processors", *SIZES)
                self.assert_all_done(ended)
                self.assertEqual(len({fields(one)[0] for one in ended}), 1, ended)
                self.assertEqual({fields(one)[1:] for one in ended}, {("", "")})
                for one in ended:
                    self.assertIn(", card none: ", one.out)

    def test_by_mpi_all_ranks_have_the_same_bits(self):
        if worlds.why_no_mpi() is not None:
            self.skipTest(worlds.why_no_mpi())
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                ended = mpirun(ranks, "reduce", "any-order", "on-processors", *SIZES)
                self.assertEqual(ended.returncode, 0, ended)
                lines = ended.stdout.splitlines()
                self.assertEqual(len(lines), ranks, ended)
                self.assertEqual(len({line.split(": ")[1].split(";")[0] for line in lines}), 1, ended)

    def test_a_world_of_one_needs_no_nccl_on_a_card(self):
        ended = world(1, "reduce", "in-order", "on-cards", *SIZES)
        self.assert_all_done(ended)
        self.assertEqual(fields(ended[0])[1:], ("", ""))


class Cards(worlds.Case):
    """On a machine without cards all of them end with sums on processors; where there are some this says nothing."""

    def assert_one_complains(self, ended, *words):
        """The first rank, in one sentence; the sums are right all the same."""
        self.assert_all_done(ended)
        complaints = [fields(one)[2] for one in ended]
        self.assertEqual(complaints[1:], [""] * (len(ended) - 1))
        self.assertEqual({fields(one)[1] for one in ended}, {""})
        for word in ("by way of the processor", *words):
            self.assertIn(word, complaints[0])

    def test_a_module_that_is_missing_is_told_once_and_done_without(self):
        with tempfile.TemporaryDirectory() as empty:
            ended = world(3, "reduce", "in-order", "on-cards", *SIZES, WCT_MODULE_DIR=empty)
        if "no wct-train-nccl.so" not in ended[0].out:
            self.skipTest("the module is installed on this machine")
        self.assert_one_complains(ended, "there is no wct-train-nccl.so", "built without NCCL", "libnccl-dev")

    def test_a_driver_that_is_missing_is_told_once_and_done_without(self):
        if not worlds.HAVE_NCCL:
            self.skipTest("the build has no NCCL")
        if glob.glob("/dev/nvidia*"):
            self.skipTest("there is a card here")
        ended = world(2, "reduce", "in-order", "on-cards", *SIZES)
        self.assert_one_complains(ended, "CUDA finds no driver")

    def test_where_only_some_compute_on_cards_all_sum_on_processors(self):
        if glob.glob("/dev/nvidia*"):
            self.skipTest("there is a card here")
        port = free_port()
        ended = finish([start(torchrun(rank, 3, port), "reduce", "in-order", where, *SIZES)
                        for rank, where in enumerate(("on-processors", "on-cards", "on-cards"))])
        self.assert_one_complains(ended, "rank 0 does not compute on a graphics card")

    def test_each_rank_of_a_machine_has_a_card_of_its_own_whatever_started_it(self):
        port, job = free_port(), free_port()
        told = [torchrun(rank, 2, port) for rank in range(2)]
        turned = [dict(torchrun(rank, 2, port), LOCAL_RANK=str(1 - rank)) for rank in range(2)]
        counted = [{name: value for name, value in env.items() if not name.startswith("LOCAL_")} for env in told]
        slurm = [environment(SLURM_PROCID=rank, SLURM_NTASKS=2, SLURM_JOB_ID=job, SLURM_LOCALID=rank,
                             SLURM_JOB_NODELIST="127.0.0.1") for rank in range(2)]
        for envs, cards in ((told, (0, 1)), (turned, (1, 0)), (counted, (0, 1)), (slurm, (0, 1))):
            ended = finish([start(env, "reduce", "in-order", "on-cards", 5) for env in envs])
            self.assert_all_done(ended)
            for rank, one in enumerate(ended):
                self.assertIn(f"rank {rank} of 2, card {cards[rank]}: ", one.out)

    def test_so_has_each_rank_under_mpirun(self):
        if worlds.why_no_mpi() is not None:
            self.skipTest(worlds.why_no_mpi())
        ended = mpirun(3, "reduce", "any-order", "on-cards", 5)
        self.assertEqual(ended.returncode, 0, ended)
        for rank, line in enumerate(sorted(ended.stdout.splitlines())):
            self.assertTrue(line.startswith(f"rank {rank} of 3, card {rank}: "), ended)

    def test_who_knows_better_says_which_card(self):
        ended = world(2, "reduce", "in-order", "on-cards", 5, WCT_CUDA_DEVICE=3)
        self.assert_all_done(ended)
        for one in ended:
            self.assertIn(", card 3: ", one.out)
        for one in world(2, "reduce", "in-order", "on-cards", 5, WCT_CUDA_DEVICE="first"):
            self.assert_one_sentence(one, '$WCT_CUDA_DEVICE is "first"')


if __name__ == "__main__":
    unittest.main(verbosity=2)
