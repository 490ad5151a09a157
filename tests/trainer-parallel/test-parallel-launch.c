/* What the environments of launchers mean: who wins where several left their mark, and where ranks meet. */
#include "parallel-launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An environment with these variables only: "NAME=value" each, then NULL. */
static void
set_environment (const char *const *variables)
{
  assert_int_equal (clearenv (), 0);
  for (; *variables != NULL; variables++)
    assert_int_equal (putenv ((char *)(uintptr_t)*variables), 0);
}

static void
assert_launch (const char *const *variables, WctCarrier carrier, const char *launcher, int rank, int ranks)
{
  WctLaunch launch;
  WctError  err;

  set_environment (variables);
  if (wct_launch_read (&launch, &err) != WCT_OK)
    fail_msg ("%s …: %s", variables[0], err.message);
  if (launch.carrier != carrier || launch.rank != rank || launch.ranks != ranks)
    fail_msg ("%s …: expected carrier %d, rank %d of %d; got carrier %d, rank %d of %d", variables[0], carrier, rank,
              ranks, launch.carrier, launch.rank, launch.ranks);
  if (launcher == NULL)
    assert_null (launch.launcher);
  else
    assert_string_equal (launch.launcher, launcher);
}

static void
assert_address (const char *host, int port)
{
  WctLaunch launch;

  assert_int_equal (wct_launch_read (&launch, NULL), WCT_OK);
  assert_string_equal (launch.host, host);
  assert_int_equal (launch.port, port);
}

#define SLURM_STEP                                                                                   \
  "SLURM_PROCID=3", "SLURM_NTASKS=4", "SLURM_STEP_NUM_TASKS=4", "SLURM_STEP_ID=0", "SLURM_JOB_ID=7", \
    "SLURM_LOCALID=1", "SLURM_STEP_NODELIST=n[3-4]", "SLURM_JOB_NODELIST=n[1-4]"
#define TORCHRUN "RANK=1", "WORLD_SIZE=2", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "MASTER_ADDR=n1", "MASTER_PORT=29500"
#define MPIRUN   "OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=8", "PMIX_RANK=2"
#define HYDRA    "PMI_RANK=5", "PMI_SIZE=6", "MPI_LOCALRANKID=1", "MPI_LOCALNRANKS=2"
#define LIST(...)       \
  (const char *const[]) \
  {                     \
    __VA_ARGS__, NULL   \
  }

static void
each_launcher_is_recognized (void **state)
{
  (void)state;
  assert_launch (LIST ("HOME=/"), WCT_CARRIER_NONE, NULL, 0, 1);
  assert_launch (LIST (TORCHRUN), WCT_CARRIER_TCP, "torchrun", 1, 2);
  assert_launch (LIST (MPIRUN), WCT_CARRIER_MPI, "mpirun", 2, 8);
  assert_launch (LIST (HYDRA), WCT_CARRIER_MPI, "mpiexec", 5, 6);
  assert_launch (LIST (SLURM_STEP), WCT_CARRIER_MPI_OR_TCP, "srun", 3, 4);
  assert_launch (LIST ("PMIX_RANK=1", "PMIX_NAMESPACE=x"), WCT_CARRIER_MPI, "prun", 1, 0);
}

static void
the_innermost_launcher_counts (void **state)
{
  (void)state;
  assert_launch (LIST (SLURM_STEP, TORCHRUN), WCT_CARRIER_TCP, "torchrun", 1, 2);
  assert_launch (LIST (MPIRUN, TORCHRUN), WCT_CARRIER_TCP, "torchrun", 1, 2);
  assert_launch (LIST (SLURM_STEP, MPIRUN), WCT_CARRIER_MPI, "mpirun", 2, 8);
  assert_launch (LIST (SLURM_STEP, HYDRA), WCT_CARRIER_MPI, "mpiexec", 5, 6);
}

/* srun --mpi=pmi2 and --mpi=pmix. */
static void
variables_that_slurm_sets_for_mpi_are_still_sruns (void **state)
{
  (void)state;
  assert_launch (LIST (SLURM_STEP, "PMI_RANK=3", "PMI_SIZE=4"), WCT_CARRIER_MPI_OR_TCP, "srun", 3, 4);
  assert_launch (LIST (SLURM_STEP, "PMIX_RANK=3"), WCT_CARRIER_MPI_OR_TCP, "srun", 3, 4);
}

static void
shells_that_slurm_opens_are_no_ranks (void **state)
{
  (void)state;
  assert_launch (LIST ("ENVIRONMENT=BATCH", "SLURM_PROCID=0", "SLURM_NTASKS=4", "SLURM_JOB_ID=7"), WCT_CARRIER_NONE,
                 NULL, 0, 1); /* a batch script, outside of srun */
  assert_launch (LIST ("SLURM_NTASKS=4", "SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=n1"), WCT_CARRIER_NONE, NULL, 0, 1);
  assert_launch (LIST ("SLURM_PROCID=0", "SLURM_NTASKS=4", "SLURM_STEP_NUM_TASKS=1", "SLURM_STEP_ID=0"),
                 WCT_CARRIER_NONE, "srun", 0, 1); /* srun --pty bash in an allocation for four */
  assert_launch (LIST ("ENVIRONMENT=BATCH", SLURM_STEP), WCT_CARRIER_MPI_OR_TCP, "srun", 3, 4); /* srun in a script */
}

static void
a_launcher_of_one_process_makes_a_world_of_one (void **state)
{
  (void)state;
  assert_launch (LIST ("RANK=0", "WORLD_SIZE=1"), WCT_CARRIER_NONE, "torchrun", 0, 1);
  assert_launch (LIST ("OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=1"), WCT_CARRIER_NONE, "mpirun", 0, 1);
}

static void
ranks_meet_where_the_launcher_says (void **state)
{
  (void)state;
  set_environment (LIST (TORCHRUN));
  assert_address ("n1", 29501);
  set_environment (LIST (TORCHRUN, "WCT_PORT=4711"));
  assert_address ("n1", 4711);
  set_environment (LIST (SLURM_STEP));
  assert_address ("n3", 10000 + 7 * 31);
  set_environment (LIST (SLURM_STEP, "WCT_PORT=4711"));
  assert_address ("n3", 4711);
  set_environment (LIST ("SLURM_PROCID=1", "SLURM_NTASKS=2", "SLURM_JOB_ID=20000", "SLURM_JOB_NODELIST=n[7,9]"));
  assert_address ("n7", 10000 + 20000 * 31 % 20000);
}

/* Ranks that are left over from before a restart must not take part. */
static void
runs_and_restarts_have_numbers_of_their_own (void **state)
{
  static const char *const names[][2] = {
    { "TORCHELASTIC_RUN_ID=a", "TORCHELASTIC_RESTART_COUNT=0" },
    { "TORCHELASTIC_RUN_ID=a", "TORCHELASTIC_RESTART_COUNT=1" },
    { "TORCHELASTIC_RUN_ID=b", "TORCHELASTIC_RESTART_COUNT=0" },
  };
  WctLaunch launches[3], again;

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      set_environment (LIST (TORCHRUN, names[i][0], names[i][1]));
      assert_int_equal (wct_launch_read (&launches[i], NULL), WCT_OK);
      assert_int_equal (wct_launch_read (&again, NULL), WCT_OK);
      assert_true (launches[i].run == again.run);
    }
  assert_true (launches[0].run != launches[1].run);
  assert_true (launches[0].run != launches[2].run);
  assert_true (launches[1].run != launches[2].run);
}

static void
lists_of_hosts_begin_with_their_first (void **state)
{
  static const char *const lists[][2] = {
    { "node7", "node7" },
    { "node7,node9", "node7" },
    { "node[001-003,007],gpu12", "node001" },
    { "n[12]", "n12" },
    { "n[3,5-9]-ib,n4", "n3-ib" },
    { "rack[1-2]node[08-09]", "rack1node08" },
    { "10.0.0.[5-6]", "10.0.0.5" },
  };
  static const char *const wrong[] = { "", ",a", "a[", "a[1-2", "a[]", "[]", "a[-2]" };
  char                     host[16];

  (void)state;
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    {
      assert_int_equal (wct_launch_first_host (lists[i][0], host, sizeof host, NULL), WCT_OK);
      assert_string_equal (host, lists[i][1]);
    }
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    if (wct_launch_first_host (wrong[i], host, sizeof host, NULL) != WCT_ERR_ARGUMENT)
      fail_msg ("\"%s\" was taken for a list of hosts that begins with \"%s\"", wrong[i], host);
  assert_int_equal (wct_launch_first_host ("exactly15bytes7", host, sizeof host, NULL), WCT_OK);
  assert_int_equal (wct_launch_first_host ("exactly16bytes78", host, sizeof host, NULL), WCT_ERR_ARGUMENT);
  assert_int_equal (wct_launch_first_host ("n[1234567890123456]", host, sizeof host, NULL), WCT_ERR_ARGUMENT);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (each_launcher_is_recognized),
    cmocka_unit_test (the_innermost_launcher_counts),
    cmocka_unit_test (variables_that_slurm_sets_for_mpi_are_still_sruns),
    cmocka_unit_test (shells_that_slurm_opens_are_no_ranks),
    cmocka_unit_test (a_launcher_of_one_process_makes_a_world_of_one),
    cmocka_unit_test (ranks_meet_where_the_launcher_says),
    cmocka_unit_test (runs_and_restarts_have_numbers_of_their_own),
    cmocka_unit_test (lists_of_hosts_begin_with_their_first),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
