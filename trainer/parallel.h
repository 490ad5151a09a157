/* Several processes that train one run together: the one place that knows how they talk. A world of one needs nothing.
 *
 * Under mpirun it is MPI, where the build has it; under torchrun plain TCP; under srun either. Ranks hold equal
 * parameters; they sum gradients. Calls come from one thread at a time. After a failure every later call fails with
 * the same sentence. */
#ifndef WCT_TRAINER_PARALLEL_H
#define WCT_TRAINER_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

/**
 * wct_parallel_start: meet the other ranks, if a launcher started several.
 * Once, before anything else here. Waits for them as long as $WCT_CONNECT_TIMEOUT says, in seconds; 60 by default.
 */
WctStatus wct_parallel_start (int *argc, char ***argv, WctError *err);

/* Last of all, on every way out. @failed: this rank stops early; the others are told to, too, and their next call fails
 * with a sentence that names it. Under MPI that ends this process. Nothing was started, or it ended: welcome. */
void wct_parallel_end (bool failed);

int wct_parallel_rank (void);
int wct_parallel_ranks (void);

/* Among the ranks on this rank's machine: which device is whose. */
int wct_parallel_local_rank (void);
int wct_parallel_local_ranks (void);

/* How many seconds ranks may take to meet: $WCT_CONNECT_TIMEOUT. */
int wct_parallel_timeout (void);

/* What carries the sums, for people: "1 process", "3 processes by TCP at node7:29501", "2 processes by Open MPI …". */
const char *wct_parallel_detail (void);

/* Over all ranks, in place; every rank calls it, in the same order, and gets the same bits. */
WctStatus wct_parallel_sum_floats (float *values, size_t count, WctError *err);
WctStatus wct_parallel_sum_doubles (double *values, size_t count, WctError *err);

/* The first rank's values, or bytes, to all. */
WctStatus wct_parallel_from_first (float *values, size_t count, WctError *err);
WctStatus wct_parallel_bytes_from_first (void *bytes, size_t count, WctError *err);

/* Without waiting for anyone: fails where a rank is known to be gone, as the next sum would. Under MPI the launcher
 * ends all ranks then, and nothing is known here. */
WctStatus wct_parallel_check (WctError *err);

/* No rank goes on before all have come here. */
WctStatus wct_parallel_barrier (WctError *err);

/* Which rank is the first where @here is true? All get the same answer; -1: none. */
WctStatus wct_parallel_first_where (bool here, int *rank, WctError *err);

/* Is @here true on any rank? All get the same answer: a rank that was told to stop stops all. */
WctStatus wct_parallel_any (bool here, bool *anywhere, WctError *err);

/**
 * wct_parallel_agree_text: fail on all ranks where one of them has another text than the first.
 * @what: the thing in the sentence: "the configuration"
 * @text: of any length
 */
WctStatus wct_parallel_agree_text (const char *what, const char *text, WctError *err);

#endif
