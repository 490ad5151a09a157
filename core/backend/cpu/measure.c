/* Moments of features by an own kernel where maps are thin, by OpenBLAS where they are wide, strip by strip.
 *
 * A strip is read once: its mean, then, while it is in the cache, its products about that mean. Means of strips and
 * products are put together at the end (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing
 * sample variances, 1979). Strips belong to groups by turns, the strips of a group are added in their order, and groups
 * at the end: the same bits whatever the number of threads. */
#include "measure.h"

#include <string.h>

#include <cblas.h>

#include "mem.h"

#define GROUPS_MAX   16  /* threads that can measure at once; bounds the memory of partial sums */
#define ROWS_AT_ONCE 256 /* positions in a matrix: it stays in the cache */

/* Up to here our own kernel multiplies, at about twice the rate of OpenBLAS 0.3.21 (docs/benchmarks.md). */
#define THIN_LANES 128

int32_t
wct_cpu_measure_groups (const WctMapLayout *layout)
{
  const int32_t most = wct_map_lanes (layout) <= THIN_LANES ? GROUPS_MAX : GROUPS_MAX / 2;

  return layout->strips < most ? layout->strips : most;
}

static size_t
row_bytes (const WctMapLayout *layout)
{
  return ROWS_AT_ONCE * wct_map_lanes (layout) * sizeof (double);
}

/* A matrix of centered rows, and which of a strip's positions count. */
size_t
wct_cpu_measure_scratch (const WctMapLayout *layout)
{
  return row_bytes (layout) + (size_t)wct_strip_positions (layout, 0);
}

size_t
wct_cpu_measure_bytes (const WctMapLayout *layout, int regions)
{
  const size_t lanes = wct_map_lanes (layout), strips = (size_t)layout->strips;

  return (size_t)regions
         * (strips * (sizeof (int64_t) + lanes * sizeof (double))
            + (size_t)wct_cpu_measure_groups (layout) * lanes * lanes * sizeof (double));
}

WctStatus
wct_cpu_measure_new (WctCpu *cpu, const WctMapLayout *layout, const WctSelect *select, WctCpuMeasure *out,
                     WctError *err)
{
  const size_t lanes = wct_map_lanes (layout);
  WctStatus    status;

  *out = (WctCpuMeasure){ .cpu = cpu,
                          .layout = *layout,
                          .select = select,
                          .regions = select == NULL ? 1 : select->count,
                          .groups = wct_cpu_measure_groups (layout) };

  const size_t strips = (size_t)out->regions * (size_t)layout->strips;
  WCT_TRY (wct_alloc (strips, sizeof *out->counts, "moments", &out->counts, err));
  WCT_TRY (wct_alloc (strips * lanes, sizeof (double), "moments", &out->means, err));
  WCT_TRY (wct_alloc ((size_t)out->regions * (size_t)out->groups * lanes * lanes, sizeof (double), "moments",
                      &out->products, err));

out:
  return status;
}

void
wct_cpu_measure_clear (WctCpuMeasure *measure)
{
  wct_free (&measure->products);
  wct_free (&measure->means);
  wct_free (&measure->counts);
}

static double *
mean_of (const WctCpuMeasure *measure, int region, int32_t strip)
{
  return measure->means
         + ((size_t)region * (size_t)measure->layout.strips + (size_t)strip) * wct_map_lanes (&measure->layout);
}

static int64_t *
count_of (const WctCpuMeasure *measure, int region, int32_t strip)
{
  return measure->counts + (size_t)region * (size_t)measure->layout.strips + (size_t)strip;
}

static double *
products_of (const WctCpuMeasure *measure, int region, int32_t group)
{
  const size_t lanes = wct_map_lanes (&measure->layout);

  return measure->products + ((size_t)region * (size_t)measure->groups + (size_t)group) * lanes * lanes;
}

/* ---- A strip ------------------------------------------------------------------------------------------------- */

/* One strip for one region. */
typedef struct
{
  const WctCpuMeasure *measure;
  const WctRing       *map;
  const uint8_t       *select; /* NULL: all */
  int                  region;
  int32_t              strip;
} Part;

static void
measure_mean (const Part *part)
{
  const WctMapLayout *layout = &part->measure->layout;
  const int32_t       positions = wct_strip_positions (layout, part->strip);
  double             *mean = mean_of (part->measure, part->region, part->strip);
  int64_t             count = 0;

  for (int32_t i = 0; i < positions; i++)
    count += part->select == NULL || part->select[i] != 0;
  for (int32_t b = 0; b < layout->blocks; b++)
    part->measure->cpu->kernels->sum_positions (wct_strip_block (&part->map->layout, part->map->data, part->strip, b),
                                                part->select, positions, layout->block, mean + b * layout->block);
  for (int32_t c = 0; c < layout->shape.c; c++)
    mean[c] = count > 0 ? mean[c] / (double)count : 0;
  *count_of (part->measure, part->region, part->strip) = count;
}

/* Adds the outer products of up to ROWS_AT_ONCE positions about the strip's mean. */
static void
add_products (const Part *part, int32_t first, int32_t count, double *rows, double *products)
{
  const WctMapLayout *layout = &part->measure->layout;
  const WctKernels   *kernels = part->measure->cpu->kernels;
  const int32_t       lanes = (int32_t)wct_map_lanes (layout), block = layout->block;
  int32_t             row_count = 0;

  for (int32_t b = 0; b < layout->blocks; b++)
    row_count = kernels->center_rows (
      wct_strip_block (&part->map->layout, part->map->data, part->strip, b) + (size_t)first * (size_t)block,
      part->select == NULL ? NULL : part->select + first, count, block,
      mean_of (part->measure, part->region, part->strip) + b * block, lanes, rows + b * block);
  if (block > 1 && lanes <= THIN_LANES)
    kernels->add_products (rows, row_count, lanes, products);
  else if (row_count > 0)
    cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, lanes, row_count, 1, rows, lanes, 1, products, lanes);
}

void
wct_cpu_measure_strip (const WctCpuMeasure *measure, const WctRing *map, int32_t strip, void *scratch)
{
  const WctMapLayout *layout = &measure->layout;
  const int32_t       positions = wct_strip_positions (layout, strip);
  uint8_t            *select = (uint8_t *)scratch + row_bytes (layout);

  for (int region = 0; region < measure->regions; region++)
    {
      const Part part = { measure, map, measure->select == NULL ? NULL : select, region, strip };

      if (measure->select != NULL)
        measure->select->rows (measure->select->data, region, WCT_SELECT_MEASURED, wct_strip_first_row (layout, strip),
                               wct_strip_row_count (layout, strip), select);
      measure_mean (&part);
      for (int32_t first = 0; first < positions; first += ROWS_AT_ONCE)
        add_products (&part, first, positions - first < ROWS_AT_ONCE ? positions - first : ROWS_AT_ONCE, scratch,
                      products_of (measure, region, strip % measure->groups));
    }
}

/* ---- All of them ---------------------------------------------------------------------------------------------- */

static void
total_mean (const WctCpuMeasure *measure, int region, WctMoments *out)
{
  out->count = 0;
  memset (out->mean, 0, (size_t)out->channels * sizeof (double));
  for (int32_t strip = 0; strip < measure->layout.strips; strip++)
    {
      const int64_t count = *count_of (measure, region, strip);

      out->count += count;
      for (int32_t c = 0; c < out->channels; c++)
        out->mean[c] += (double)count * mean_of (measure, region, strip)[c];
    }
  for (int32_t c = 0; c < out->channels; c++)
    out->mean[c] = out->count > 0 ? out->mean[c] / (double)out->count : 0;
}

/* Products within strips, and those of the strips' means about the mean of all. */
static void
total_products (const WctCpuMeasure *measure, int region, WctMoments *out)
{
  const int32_t channels = out->channels;
  const size_t  lanes = wct_map_lanes (&measure->layout);

  memset (out->covariance, 0, (size_t)channels * (size_t)channels * sizeof (double));
  for (int32_t group = 0; group < measure->groups; group++)
    for (size_t row = 0; row < (size_t)channels; row++)
      for (size_t column = row; column < (size_t)channels; column++)
        out->covariance[row * (size_t)channels + column] += products_of (measure, region, group)[row * lanes + column];
  for (int32_t strip = 0; strip < measure->layout.strips; strip++)
    {
      double *away = mean_of (measure, region, strip);

      for (int32_t c = 0; c < channels; c++)
        away[c] -= out->mean[c];
      cblas_dsyr (CblasRowMajor, CblasUpper, channels, (double)*count_of (measure, region, strip), away, 1,
                  out->covariance, channels);
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

void
wct_cpu_measure_finish (WctCpuMeasure *measure, WctMoments *const *out)
{
  for (int region = 0; region < measure->regions; region++)
    {
      total_mean (measure, region, out[region]);
      total_products (measure, region, out[region]);
      divide_and_mirror (out[region]);
    }
}
