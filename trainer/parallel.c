#include "parallel.h"

WctStatus
wct_parallel_start (int *argc, char ***argv, WctError *err)
{
  (void)argc;
  (void)argv;
  (void)err;
  return WCT_OK;
}

void
wct_parallel_end (bool failed)
{
  (void)failed;
}

int
wct_parallel_rank (void)
{
  return 0;
}

int
wct_parallel_ranks (void)
{
  return 1;
}

WctStatus
wct_parallel_sum_floats (float *values, size_t count, WctError *err)
{
  (void)values;
  (void)count;
  (void)err;
  return WCT_OK;
}

WctStatus
wct_parallel_sum_doubles (double *values, size_t count, WctError *err)
{
  (void)values;
  (void)count;
  (void)err;
  return WCT_OK;
}

WctStatus
wct_parallel_from_first (float *values, size_t count, WctError *err)
{
  (void)values;
  (void)count;
  (void)err;
  return WCT_OK;
}
