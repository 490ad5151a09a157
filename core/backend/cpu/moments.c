/* Moments of features by an own kernel where maps are thin, by OpenBLAS where they are wide, strip by strip.
 *
 * A strip is read once: its mean, then, while it is in the cache, its products about that mean. Means of strips and
 * products are put together at the end (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing
 * sample variances, 1979). Strips are taken in groups whose number depends on the shape only, each summed by one
 * thread, and added in order: the same bits whatever the number of threads. */
#include "cpu.h"

#include <math.h>
#include <string.h>

#include <cblas.h>

#include "mem.h"

#define GROUPS_MAX   64  /* bounds the memory of partial sums */
#define ROWS_AT_ONCE 256 /* positions in a matrix: it stays in the cache */

/* Up to here our own kernel multiplies, at about twice the rate of OpenBLAS 0.3.21 (docs/benchmarks.md). */
#define THIN_LANES 128

typedef struct
{
  WctCpu             *cpu;
  const WctCpuTensor *tensor;
  const uint8_t      *select; /* borrowed; NULL: all */
  int32_t             groups, strips_per_group;
  double             *means;    /* (strips, blocks · block) */
  int64_t            *counts;   /* (strips) */
  double             *products; /* (groups, lanes, lanes), upper triangles */
} Sums;

static const uint8_t *
selection_of (const Sums *sums, int32_t strip)
{
  const WctMapLayout *layout = &sums->tensor->layout;

  return sums->select == NULL ? NULL
                              : sums->select + (size_t)wct_strip_first_row (layout, strip) * (size_t)layout->shape.w;
}

static double *
mean_of (const Sums *sums, int32_t strip)
{
  const WctMapLayout *layout = &sums->tensor->layout;

  return sums->means + (size_t)strip * (size_t)layout->blocks * (size_t)layout->block;
}

static void
measure_mean (Sums *sums, int32_t strip)
{
  const WctMapLayout *layout = &sums->tensor->layout;
  const uint8_t      *select = selection_of (sums, strip);
  const int32_t       positions = wct_strip_positions (layout, strip);
  double             *mean = mean_of (sums, strip);
  int64_t             count = 0;

  for (int32_t i = 0; i < positions; i++)
    count += select == NULL || select[i] != 0;
  for (int32_t b = 0; b < layout->blocks; b++)
    sums->cpu->kernels->sum_positions (wct_strip_block (layout, sums->tensor->data, strip, b), select, positions,
                                       layout->block, mean + b * layout->block);
  for (int32_t c = 0; c < layout->shape.c; c++)
    mean[c] = count > 0 ? mean[c] / (double)count : 0;
  sums->counts[strip] = count;
}

/* Channels, and what fills the last block up: zeros. */
static int32_t
lane_count (const Sums *sums)
{
  return sums->tensor->layout.blocks * sums->tensor->layout.block;
}

/* Adds the outer products of up to ROWS_AT_ONCE positions about the strip's mean. */
static void
add_products (const Sums *sums, int32_t strip, int32_t first, int32_t count, double *rows, double *products)
{
  const WctMapLayout *layout = &sums->tensor->layout;
  const WctKernels   *kernels = sums->cpu->kernels;
  const uint8_t      *select = selection_of (sums, strip);
  const int32_t       lanes = lane_count (sums), block = layout->block;
  int32_t             row_count = 0;

  for (int32_t b = 0; b < layout->blocks; b++)
    row_count = kernels->center_rows (
      wct_strip_block (layout, sums->tensor->data, strip, b) + (size_t)first * (size_t)block,
      select == NULL ? NULL : select + first, count, block, mean_of (sums, strip) + b * block, lanes, rows + b * block);
  if (block > 1 && lanes <= THIN_LANES)
    kernels->add_products (rows, row_count, lanes, products);
  else if (row_count > 0)
    cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, lanes, row_count, 1, rows, lanes, 1, products, lanes);
}

static WctStatus
measure_group (void *data, int group, int thread, WctError *err)
{
  Sums               *sums = data;
  const WctMapLayout *layout = &sums->tensor->layout;
  const size_t        square = (size_t)lane_count (sums) * (size_t)lane_count (sums);
  const int32_t       first_strip = group * sums->strips_per_group;

  (void)err;
  for (int32_t strip = first_strip; strip < first_strip + sums->strips_per_group && strip < layout->strips; strip++)
    {
      const int32_t positions = wct_strip_positions (layout, strip);

      measure_mean (sums, strip);
      for (int32_t first = 0; first < positions; first += ROWS_AT_ONCE)
        add_products (sums, strip, first, positions - first < ROWS_AT_ONCE ? positions - first : ROWS_AT_ONCE,
                      sums->cpu->scratch.thread[thread], sums->products + (size_t)group * square);
    }
  return WCT_OK;
}

static void
total_mean (const Sums *sums, WctMoments *out)
{
  out->count = 0;
  memset (out->mean, 0, (size_t)out->channels * sizeof (double));
  for (int32_t strip = 0; strip < sums->tensor->layout.strips; strip++)
    {
      out->count += sums->counts[strip];
      for (int32_t c = 0; c < out->channels; c++)
        out->mean[c] += (double)sums->counts[strip] * mean_of (sums, strip)[c];
    }
  for (int32_t c = 0; c < out->channels; c++)
    out->mean[c] = out->count > 0 ? out->mean[c] / (double)out->count : 0;
}

/* Products within strips, and those of the strips' means about the mean of all. */
static void
total_products (const Sums *sums, WctMoments *out)
{
  const int32_t channels = out->channels;
  const size_t  lanes = (size_t)lane_count (sums);

  memset (out->covariance, 0, (size_t)channels * (size_t)channels * sizeof (double));
  for (int32_t group = 0; group < sums->groups; group++)
    for (size_t row = 0; row < (size_t)channels; row++)
      for (size_t column = row; column < (size_t)channels; column++)
        out->covariance[row * (size_t)channels + column] +=
          sums->products[((size_t)group * lanes + row) * lanes + column];
  for (int32_t strip = 0; strip < sums->tensor->layout.strips; strip++)
    {
      double *away = mean_of (sums, strip);

      for (int32_t c = 0; c < channels; c++)
        away[c] -= out->mean[c];
      cblas_dsyr (CblasRowMajor, CblasUpper, channels, (double)sums->counts[strip], away, 1, out->covariance, channels);
    }
}

static void
divide_and_mirror (WctMoments *out)
{
  const size_t channels = (size_t)out->channels;
  const double scale = out->count > 1 ? 1.0 / (double)(out->count - 1) : 0;

  for (size_t row = 0; row < channels; row++)
    for (size_t column = row; column < channels; column++)
      out->covariance[column * channels + row] = out->covariance[row * channels + column] *= scale;
}

static WctStatus
allocate_sums (Sums *sums, WctError *err)
{
  const WctMapLayout *layout = &sums->tensor->layout;
  const size_t        lanes = (size_t)lane_count (sums);
  WctStatus           status;

  WCT_TRY (wct_cpu_scratch_reserve (sums->cpu, ROWS_AT_ONCE * lanes * sizeof (double), 0, 0, err));
  WCT_TRY (wct_alloc ((size_t)layout->strips, sizeof *sums->counts, "moments", &sums->counts, err));
  WCT_TRY (wct_alloc ((size_t)layout->strips * lanes, sizeof (double), "moments", &sums->means, err));
  WCT_TRY (wct_alloc ((size_t)sums->groups * lanes * lanes, sizeof (double), "moments", &sums->products, err));

out:
  return status;
}

WctStatus
wct_cpu_moments (void *ctx, const WctTensor *features, const uint8_t *select, WctMoments *out, WctMonitor *monitor,
                 WctError *err)
{
  const WctCpuTensor *tensor = (const WctCpuTensor *)features;
  const int32_t       strips = tensor->layout.strips;
  Sums                sums = { .cpu = ctx, .tensor = tensor, .select = select };
  WctStatus           status;

  sums.strips_per_group = (strips + GROUPS_MAX - 1) / GROUPS_MAX;
  sums.groups = (strips + sums.strips_per_group - 1) / sums.strips_per_group;
  WCT_TRY (allocate_sums (&sums, err));
  WCT_TRY (wct_pool_run (sums.cpu->pool, sums.groups, measure_group, &sums, monitor, 0, err));
  total_mean (&sums, out);
  total_products (&sums, out);
  divide_and_mirror (out);

out:
  wct_free (&sums.products);
  wct_free (&sums.means);
  wct_free (&sums.counts);
  return status;
}
