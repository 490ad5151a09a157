"""What the tests of several ranks share: starting a world of parallel-rank processes and seeing how each ended.

Needs Python's standard library. The build says where things are: WCT_RANK (the program), WCT_MODULE_DIR (the folder of
the modules), WCT_HAVE_MPI and WCT_HAVE_NCCL (were they built?).
"""
import os
import random
import shutil
import socket
import subprocess
import time
import unittest

PROGRAM = os.environ.get("WCT_RANK", "parallel-rank")
HAVE_MPI = os.environ.get("WCT_HAVE_MPI") == "1"
HAVE_NCCL = os.environ.get("WCT_HAVE_NCCL") == "1"
MPIRUN = shutil.which("mpirun")

# What a launcher around this test may have set.
LAUNCHERS = ("OMPI_", "PMI_", "PMIX_", "SLURM_", "MASTER_", "TORCHELASTIC_", "MPI_LOCAL", "ENVIRONMENT")
NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "WCT_PORT", "WCT_CONNECT_TIMEOUT", "WCT_CUDA_DEVICE")

# A world that hangs must fail its test: no world here takes this long, even under sanitizers.
HANGS_SECONDS = 300


class Ended:
    """How one rank ended."""

    def __init__(self, status, out, err, at):
        self.status, self.out, self.err, self.at = status, out, err, at

    def __repr__(self):
        return f"status {self.status}, out {self.out!r}, err {self.err!r}"


def environment(**changes):
    env = {k: v for k, v in os.environ.items() if not k.startswith(LAUNCHERS) and k not in NAMES}
    env.update({k: str(v) for k, v in changes.items()})
    return env


def free_port():
    """A port that nothing listens on, below those that systems give to connections."""
    for _ in range(200):
        port = random.randrange(10000, 30000)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise unittest.SkipTest("found no free port on 127.0.0.1")


def torchrun(rank, ranks, port, **changes):
    """The environment that torchrun gives to a rank; its own store would listen at MASTER_PORT."""
    return environment(RANK=rank, WORLD_SIZE=ranks, LOCAL_RANK=rank, LOCAL_WORLD_SIZE=ranks, MASTER_ADDR="127.0.0.1",
                       MASTER_PORT=port - 1, **changes)


def start(env, *arguments):
    return subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=env)


def finish(processes):
    """All of them, in order. Ends those that hang and says so."""
    ended, until = [], time.monotonic() + HANGS_SECONDS
    for process in processes:
        try:
            out, err = process.communicate(timeout=max(0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            for one in processes:
                one.kill()
            out, err = process.communicate()
            raise AssertionError(f"hung for {HANGS_SECONDS} s; out {out!r}, err {err!r}") from None
        ended.append(Ended(process.returncode, out, err, time.monotonic()))
    return ended


def world(ranks, *arguments, **changes):
    port = free_port()
    return finish([start(torchrun(rank, ranks, port, **changes), *arguments) for rank in range(ranks)])


def why_no_mpi():
    """What is missing here, or None."""
    if not HAVE_MPI:
        return "the build has no MPI"
    if MPIRUN is None:
        return "no mpirun here"
    version = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True).stdout
    return None if "Open MPI" in version else f"mpirun is not Open MPI's: {version!r}"


def mpirun(ranks, *arguments):
    """Root in a container is as good as anyone; MPI libraries' own leaks are not this test's matter."""
    env = environment(OMPI_ALLOW_RUN_AS_ROOT=1, OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1,
                      ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
    return subprocess.run([MPIRUN, "--oversubscribe", "-np", str(ranks), PROGRAM, *map(str, arguments)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, timeout=HANGS_SECONDS)


class Case(unittest.TestCase):
    """A failed assertion prints how the ranks ended."""

    maxDiff = None

    def assert_all_done(self, ended):
        self.assertEqual([e.status for e in ended], [0] * len(ended), ended)
        self.assertEqual("".join(e.err for e in ended), "")

    def assert_one_sentence(self, ended, *words):
        """Exit status 1 and one line with all these words."""
        self.assertEqual(ended.status, 1, ended)
        lines = ended.err.splitlines()
        self.assertEqual(len(lines), 1, ended)
        for word in words:
            self.assertIn(word, lines[0])
