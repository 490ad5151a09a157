#!/usr/bin/env python3
"""Ranks that meet by TCP on this machine: their sums, and what the others say when one is lost."""
import signal
import socket
import time
import unittest

import worlds
from worlds import environment, finish, free_port, start, torchrun, world

ENDS_WITHIN = 20  # seconds; "at once" on a machine with other things to do


class Sums(worlds.Case):
    def test_sums_are_those_of_a_loop_over_ranks_bit_for_bit(self):
        for ranks in (1, 2, 3, 5):
            with self.subTest(ranks=ranks):
                ended = world(ranks, "sums", "in-order", 0, 1, 7, 262144, 262145, 1000003)
                self.assert_all_done(ended)
                self.assertEqual(len({e.out.split(": ")[1].split(";")[0] for e in ended}), 1, ended)

    def test_sums_of_ten_million_are_right(self):
        self.assert_all_done(world(2, "sums", "in-order", 10000000))

    def test_ranks_know_their_place_with_and_without_a_launcher_that_says_it(self):
        port = free_port()
        named = finish([start(torchrun(rank, 3, port), "sums", "in-order", 1) for rank in range(3)])
        envs = [torchrun(rank, 3, port) for rank in range(3)]
        for env in envs:
            del env["LOCAL_RANK"], env["LOCAL_WORLD_SIZE"]
        counted = finish([start(env, "sums", "in-order", 1) for env in envs])
        for ended in (named, counted):
            self.assert_all_done(ended)
            for rank, one in enumerate(ended):
                self.assertIn(f"rank {rank} of 3, {rank} of 3 here", one.out)

    def test_a_world_of_one_needs_no_address(self):
        for env in (environment(), environment(RANK=0, WORLD_SIZE=1), environment(OMPI_COMM_WORLD_RANK=0,
                    OMPI_COMM_WORLD_SIZE=1), environment(SLURM_PROCID=0, SLURM_NTASKS=1)):
            ended = finish([start(env, "sums", "in-order", 0, 5)])
            self.assert_all_done(ended)
            self.assertIn("rank 0 of 1, 0 of 1 here", ended[0].out)
            self.assertIn("1 process\n", ended[0].out)

    def test_ranks_of_srun_without_mpi_meet_at_the_first_host_and_the_port_of_the_job(self):
        job = free_port()
        port = 10000 + (job * 31 + 1) % 20000
        envs = [environment(SLURM_PROCID=rank, SLURM_STEP_NUM_TASKS=3, SLURM_NTASKS=7, SLURM_JOB_ID=job,
                            SLURM_STEP_ID=1, SLURM_STEP_NODELIST="127.0.0.[1-3],gpu7") for rank in range(3)]
        ended = finish([start(env, "sums", "in-order", 11) for env in envs])
        self.assert_all_done(ended)
        self.assertIn(f"3 processes by TCP, rank 0 at 127.0.0.1, port {port}", ended[2].out)

    def test_ranks_of_srun_are_counted_on_each_host(self):
        job = free_port()
        envs = [environment(SLURM_PROCID=rank, SLURM_NTASKS=2, SLURM_JOB_ID=job, SLURM_LOCALID=rank,
                            SLURM_JOB_NODELIST="127.0.0.1") for rank in range(2)]
        ended = finish([start(env, "sums", "in-order", 1) for env in envs])
        self.assert_all_done(ended)
        for rank, one in enumerate(ended):
            self.assertIn(f"rank {rank} of 2, {rank} of 2 here", one.out)

    def test_a_rank_that_comes_late_is_waited_for(self):
        port = free_port()
        for late in (0, 1):
            early = start(torchrun(1 - late, 2, port), "sums", "in-order", 9)
            time.sleep(1.5)
            self.assert_all_done(finish([early, start(torchrun(late, 2, port), "sums", "in-order", 9)]))


class Agreement(worlds.Case):
    def test_ranks_with_one_text_agree(self):
        for text in ("", "x", "long " * 20000):
            self.assert_all_done(world(3, "agree", text))

    def test_all_ranks_name_the_one_that_differs(self):
        for texts in (("a", "a", "b"), ("a", "a", ""), ("same", "same", "same, and more"), ("", "", "x")):
            for ended in world(3, "agree", *texts):
                self.assert_one_sentence(ended, "rank 2 on ", "another configuration")


class Losses(worlds.Case):
    def assert_others_say(self, loser, ranks, how, *words, loser_status=None):
        began = time.monotonic()
        ended = world(ranks, "lose", loser, how)
        self.assertLess(time.monotonic() - began, ENDS_WITHIN)
        for rank, one in enumerate(ended):
            if rank != loser:
                self.assert_one_sentence(one, f"rank {loser} is gone: it ran on ", *words)
            elif loser_status is not None:
                self.assertEqual(one.status, loser_status, one)

    def test_a_killed_rank_ends_the_others_with_a_sentence(self):
        for loser, ranks in ((0, 3), (1, 3), (2, 3), (1, 2), (4, 5)):
            with self.subTest(loser=loser, ranks=ranks):
                self.assert_others_say(loser, ranks, "kill", "without a word", loser_status=-signal.SIGKILL)

    def test_a_failed_rank_ends_the_others_with_a_sentence(self):
        for loser, ranks in ((0, 3), (1, 3), (2, 3)):
            with self.subTest(loser=loser, ranks=ranks):
                self.assert_others_say(loser, ranks, "fail", "failed", loser_status=3)

    def test_a_rank_that_ends_too_soon_ends_the_others_with_a_sentence(self):
        for loser in (0, 1, 2):
            with self.subTest(loser=loser):
                self.assert_others_say(loser, 3, "leave", "before the others", loser_status=3)

    def test_who_looks_whether_all_are_there_hears_the_same(self):
        for how, words in (("kill", "without a word"), ("fail", "failed"), ("leave", "before the others")):
            for loser in (0, 1, 2):
                with self.subTest(how=how, loser=loser):
                    for rank, one in enumerate(world(3, "watch", loser, how)):
                        if rank != loser:
                            self.assert_one_sentence(one, f"rank {loser} is gone: it ran on ", words)

    def test_a_rank_killed_at_any_moment_ends_the_others(self):
        for delay in (0, 0.003, 0.01, 0.03, 0.1):
            with self.subTest(delay=delay):
                port = free_port()
                processes = [start(torchrun(rank, 3, port), "lose", 9, "never") for rank in range(3)]
                self.assertEqual(processes[0].stdout.readline(), "underway\n")
                time.sleep(delay)
                processes[1].kill()
                began = time.monotonic()
                ended = finish(processes)
                self.assertLess(time.monotonic() - began, ENDS_WITHIN)
                self.assert_one_sentence(ended[0], "rank 1 is gone", "without a word")
                self.assert_one_sentence(ended[2], "rank 1 is gone", "without a word")

    def test_ranks_that_do_different_things_stop(self):
        for other in (0, 1, 2):
            for ended in world(3, "lose", other, "other"):
                self.assertEqual(ended.status, 1, ended)
                self.assertEqual(len(ended.err.splitlines()), 1, ended)
                self.assertRegex(ended.err, "not at the same point|is gone")

    def test_last_words_of_a_rank_are_heard_though_it_left_bytes_unread(self):
        for loser in (0, 1):
            ended = world(3, "linger", loser)
            for rank in {0, 1, 2} - {loser}:
                self.assert_one_sentence(ended[rank], f"rank {loser} is gone", "failed")


class Meeting(worlds.Case):
    def test_a_rank_that_never_comes_is_named(self):
        port = free_port()
        began = time.monotonic()
        ended = finish([start(torchrun(rank, 3, port, WCT_CONNECT_TIMEOUT=2), "agree", "x") for rank in (0, 1)])
        self.assertLess(time.monotonic() - began, 2 + ENDS_WITHIN)
        for one in ended:
            self.assert_one_sentence(one, "rank 2 has not come", f"port {port}", "2 of 3 ranks", "$WCT_CONNECT_TIMEOUT")

    def test_a_first_rank_that_never_comes_is_missed_by_each(self):
        port = free_port()
        began = time.monotonic()
        ended = finish([start(torchrun(rank, 3, port, WCT_CONNECT_TIMEOUT=2), "agree", "x") for rank in (1, 2)])
        self.assertLess(time.monotonic() - began, 2 + ENDS_WITHIN)
        for rank, one in enumerate(ended, 1):
            self.assert_one_sentence(one, f"rank {rank} on ", "found no rank 0", f"127.0.0.1, port {port}", "refused")

    def test_an_unknown_host_is_named(self):
        env = dict(torchrun(1, 2, free_port(), WCT_CONNECT_TIMEOUT=1), MASTER_ADDR="no-such-host.invalid")
        self.assert_one_sentence(finish([start(env, "agree", "x")])[0], "no-such-host.invalid")

    def test_a_rank_killed_while_others_are_waited_for_is_named(self):
        port = free_port()
        first = start(torchrun(0, 3, port), "agree", "x")
        second = start(torchrun(1, 3, port), "agree", "x")
        time.sleep(1.5)
        second.kill()
        ended = finish([first, second])
        self.assert_one_sentence(ended[0], "rank 1 is gone")

    def test_strangers_at_the_door_do_no_harm(self):
        port = free_port()
        first = start(torchrun(0, 2, port, WCT_CONNECT_TIMEOUT=60), "sums", "in-order", 5)
        strangers = []
        while len(strangers) < 3:
            try:
                strangers.append(socket.create_connection(("127.0.0.1", port)))
            except ConnectionRefusedError:
                time.sleep(0.05)
        strangers[0].sendall(b"GET / HTTP/1.1\r\nHost: wct\r\nAccept: everything, of any kind and length\r\n" * 4)
        strangers[1].close()
        ended = finish([first, start(torchrun(1, 2, port), "sums", "in-order", 5)])
        self.assert_all_done(ended)
        for stranger in strangers:
            stranger.close()

    def test_another_program_at_the_port_is_not_taken_for_rank_0(self):
        with socket.create_server(("127.0.0.1", 0)) as other:  # accepts, never answers
            port = other.getsockname()[1]
            ended = finish([start(torchrun(1, 2, port, WCT_CONNECT_TIMEOUT=2), "agree", "x")])
            self.assert_one_sentence(ended[0], "not rank 0 of this program")
            ended = finish([start(torchrun(0, 2, port, WCT_CONNECT_TIMEOUT=2), "agree", "x")])
            self.assert_one_sentence(ended[0], f"cannot listen on port {port}", "$WCT_PORT")

    def test_ranks_of_another_run_and_doubles_are_sent_away(self):
        port = free_port()
        first = start(torchrun(0, 3, port, TORCHELASTIC_RUN_ID="a", WCT_CONNECT_TIMEOUT=60), "agree", "x")
        second = start(torchrun(1, 3, port, TORCHELASTIC_RUN_ID="a"), "agree", "x")
        time.sleep(1)
        away = finish([start(torchrun(2, 3, port, TORCHELASTIC_RUN_ID="b"), "agree", "x"),
                       start(torchrun(1, 2, port, TORCHELASTIC_RUN_ID="a"), "agree", "x"),
                       start(torchrun(1, 3, port, TORCHELASTIC_RUN_ID="a"), "agree", "x")])
        self.assert_one_sentence(away[0], "another run", "$WCT_PORT")
        self.assert_one_sentence(away[1], "another run", "$WCT_PORT")
        self.assert_one_sentence(away[2], "rank 1 came twice")
        self.assert_all_done(finish([first, second, start(torchrun(2, 3, port, TORCHELASTIC_RUN_ID="a"), "agree", "x")]))


class Surroundings(worlds.Case):
    def test_wrong_environments_are_told_in_one_sentence(self):
        both = {"RANK": 1, "WORLD_SIZE": 2}
        wrong = [
            ({"RANK": 2, "WORLD_SIZE": 2}, "$RANK is 2, but $WORLD_SIZE is 2"),
            ({"RANK": 0}, "$WORLD_SIZE is not"),
            ({"WORLD_SIZE": 2}, "$RANK is not"),
            (both, "$MASTER_ADDR is not"),
            ({**both, "MASTER_ADDR": "127.0.0.1"}, "$MASTER_PORT"),
            ({**both, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 65535}, "from 1 to 65534"),
            ({**both, "MASTER_ADDR": "x" * 300, "MASTER_PORT": 1}, "too long"),
            ({**both, "MASTER_ADDR": "127.0.0.1", "WCT_PORT": "http"}, "$WCT_PORT is \"http\""),
            ({**both, "RANK": "one"}, "$RANK is \"one\""),
            ({**both, "RANK": -1}, "$RANK is \"-1\""),
            ({**both, "LOCAL_RANK": 2, "LOCAL_WORLD_SIZE": 2}, "$LOCAL_RANK"),
            ({"WCT_CONNECT_TIMEOUT": "0"}, "$WCT_CONNECT_TIMEOUT is \"0\""),
            ({"OMPI_COMM_WORLD_SIZE": 2}, "$OMPI_COMM_WORLD_RANK is not"),
            ({"PMI_RANK": 5, "PMI_SIZE": 2}, "$PMI_RANK is 5, but $PMI_SIZE is 2"),
            ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2}, "SLURM_JOB_NODELIST"),
            ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2, "SLURM_JOB_NODELIST": "a[1"}, "no list of hosts"),
            ({"SLURM_PROCID": 1, "SLURM_NTASKS": 2, "SLURM_JOB_NODELIST": "a"}, "$SLURM_JOB_ID"),
        ]
        for env, words in wrong:
            with self.subTest(env=env):
                self.assert_one_sentence(finish([start(environment(**env), "agree", "x")])[0], words)

    def test_a_launcher_that_speaks_mpi_is_refused_where_the_module_is_missing(self):
        env = environment(OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2)
        del env["WCT_MODULE_DIR"]
        ended = finish([start(env, "agree", "x")])[0]
        if ended.status == 1 and "wct-train-mpi.so" not in ended.err:
            self.skipTest("the module is installed on this machine")
        self.assert_one_sentence(ended, "mpirun", "built without MPI", "torchrun or srun")


if __name__ == "__main__":
    unittest.main(verbosity=2)
