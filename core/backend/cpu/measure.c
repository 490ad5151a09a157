/* Moments of features by an own kernel where maps are thin, by OpenBLAS where they are wide, strip by strip.
 *
 * A strip is read once: its mean, then, while it is in the cache, its products about that mean. Means of strips and
 * products are put together at the end (Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing
 * sample variances, 1979). Strips belong to groups by turns, the strips of a group are added in their order, and groups
 * at the end: the same bits whatever the number of threads. */
#include "measure.h"

#include <math.h>
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

/* A matrix of centered rows; for regions, the roots of their weights, and a strip's positions with weights. */
size_t
wct_cpu_measure_scratch (const WctMapLayout *layout, const WctRegionWeights *weights)
{
  const size_t picked = (size_t)wct_strip_positions (layout, 0) * (sizeof (int32_t) + sizeof (float));

  return row_bytes (layout) + (weights == NULL ? 0 : ROWS_AT_ONCE * sizeof (double) + picked);
}

size_t
wct_cpu_measure_bytes (const WctMapLayout *layout, int count)
{
  const size_t lanes = wct_map_lanes (layout), strips = (size_t)layout->strips;

  return (size_t)count * (strips * (1 + lanes) + (size_t)wct_cpu_measure_groups (layout) * lanes * lanes)
         * sizeof (double);
}

/* Makes the list of what is measured. */
static void
list_parts (WctCpuMeasure *measure, const WctTap *tap)
{
  const int regions = measure->weights == NULL ? 1 : measure->weights->count;

  for (int i = 0; i < regions; i++)
    if (tap->moments[i] != NULL)
      measure->parts[measure->count++] = (WctCpuMeasured){ tap->moments[i], measure->weights == NULL ? -1 : i };
  if (tap->whole != NULL)
    measure->parts[measure->count++] = (WctCpuMeasured){ tap->whole, -1 };
}

WctStatus
wct_cpu_measure_new (WctCpu *cpu, const WctMapLayout *layout, const WctRegionWeights *weights, const WctTap *tap,
                     WctCpuMeasure *out, WctError *err)
{
  const size_t lanes = wct_map_lanes (layout), parts = weights == NULL ? 2 : (size_t)weights->count + 1;
  WctStatus    status;

  *out =
    (WctCpuMeasure){ .cpu = cpu, .layout = *layout, .weights = weights, .groups = wct_cpu_measure_groups (layout) };
  WCT_TRY (wct_alloc (parts, sizeof *out->parts, "moments", &out->parts, err));
  list_parts (out, tap);

  const size_t strips = (size_t)out->count * (size_t)layout->strips;
  WCT_TRY (wct_alloc (strips, sizeof *out->sum_weights, "moments", &out->sum_weights, err));
  WCT_TRY (wct_alloc (strips * lanes, sizeof (double), "moments", &out->means, err));
  WCT_TRY (wct_alloc ((size_t)out->count * (size_t)out->groups * lanes * lanes, sizeof (double), "moments",
                      &out->products, err));

out:
  return status;
}

void
wct_cpu_measure_clear (WctCpuMeasure *measure)
{
  wct_free (&measure->products);
  wct_free (&measure->means);
  wct_free (&measure->sum_weights);
  wct_free (&measure->parts);
}

static double *
mean_of (const WctCpuMeasure *measure, int part, int32_t strip)
{
  return measure->means
         + ((size_t)part * (size_t)measure->layout.strips + (size_t)strip) * wct_map_lanes (&measure->layout);
}

static double *
weight_of (const WctCpuMeasure *measure, int part, int32_t strip)
{
  return measure->sum_weights + (size_t)part * (size_t)measure->layout.strips + (size_t)strip;
}

static double *
products_of (const WctCpuMeasure *measure, int part, int32_t group)
{
  const size_t lanes = wct_map_lanes (&measure->layout);

  return measure->products + ((size_t)part * (size_t)measure->groups + (size_t)group) * lanes * lanes;
}

/* ---- A strip ------------------------------------------------------------------------------------------------- */

/* One strip for one part. */
typedef struct
{
  const WctCpuMeasure *measure;
  const WctRing       *map;
  int                  part;
  int32_t              strip;
  const int32_t       *positions; /* in the strip, that count; NULL: all */
  const float         *weights;   /* of these */
  int32_t              count;
} Part;

static void
measure_mean (const Part *part)
{
  const WctMapLayout *layout = &part->measure->layout;
  double             *mean = mean_of (part->measure, part->part, part->strip);
  double              weight = 0;

  for (int32_t i = 0; i < part->count; i++)
    weight += part->weights == NULL ? 1 : part->weights[i];
  for (int32_t b = 0; b < layout->blocks; b++)
    part->measure->cpu->kernels->sum_positions (wct_strip_block (&part->map->layout, part->map->data, part->strip, b),
                                                part->positions, part->weights, part->count, layout->block,
                                                mean + b * layout->block);
  for (int32_t c = 0; c < layout->shape.c; c++)
    mean[c] /= weight;
  *weight_of (part->measure, part->part, part->strip) = weight;
}

/* Adds the outer products of up to ROWS_AT_ONCE of the positions, from the @first one on, about the strip's mean.
 * @scratch: (ROWS_AT_ONCE, lanes) and, for weights, (ROWS_AT_ONCE) */
static void
add_products (const Part *part, int32_t first, int32_t count, double *scratch, double *products)
{
  const WctMapLayout *layout = &part->measure->layout;
  const WctKernels   *kernels = part->measure->cpu->kernels;
  const int32_t       lanes = (int32_t)wct_map_lanes (layout), block = layout->block;
  const bool          all = part->positions == NULL;
  double             *roots = scratch + ROWS_AT_ONCE * (size_t)lanes;

  for (int32_t i = 0; i < count && !all; i++)
    roots[i] = sqrt ((double)part->weights[first + i]);
  for (int32_t b = 0; b < layout->blocks; b++)
    kernels->center_rows (wct_strip_block (&part->map->layout, part->map->data, part->strip, b)
                            + (all ? (size_t)first * (size_t)block : 0),
                          all ? NULL : part->positions + first, all ? NULL : roots, count, block,
                          mean_of (part->measure, part->part, part->strip) + b * block, lanes, scratch + b * block);
  if (block > 1 && lanes <= THIN_LANES)
    kernels->add_products (scratch, count, lanes, products);
  else
    cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, lanes, count, 1, scratch, lanes, 1, products, lanes);
}

/* Finds where the part has weight in the strip. @picked: room for a strip's positions and their weights */
static void
pick_positions (Part *part, int32_t *picked)
{
  const WctCpuMeasure *measure = part->measure;
  const int            region = measure->parts[part->part].region;
  float *const         weights = (float *)(void *)(picked + wct_strip_positions (&measure->layout, 0));

  part->count = wct_strip_positions (&measure->layout, part->strip);
  if (region < 0)
    return;
  part->count = measure->weights->pick (measure->weights->data, region, WCT_WEIGHTS_MEASURED,
                                        wct_strip_first_row (&measure->layout, part->strip),
                                        wct_strip_row_count (&measure->layout, part->strip), picked, weights);
  part->positions = picked;
  part->weights = weights;
}

/* How many positions from the @first on go into one matrix. The strip is cut at the same places whatever counts in it:
 * where everything does, a region has the bits of the whole map. */
static int32_t
rows_from (const Part *part, int32_t first)
{
  int32_t end = first;

  if (part->positions == NULL)
    return part->count - first < ROWS_AT_ONCE ? part->count - first : ROWS_AT_ONCE;
  while (end < part->count && part->positions[end] / ROWS_AT_ONCE == part->positions[first] / ROWS_AT_ONCE)
    end++;
  return end - first;
}

void
wct_cpu_measure_strip (const WctCpuMeasure *measure, const WctRing *map, int32_t strip, void *scratch)
{
  double *const  rows = scratch;
  int32_t *const picked = (int32_t *)(void *)(rows + ROWS_AT_ONCE * (wct_map_lanes (&measure->layout) + 1));

  for (int i = 0; i < measure->count; i++)
    {
      Part part = { .measure = measure, .map = map, .part = i, .strip = strip };

      pick_positions (&part, picked);
      if (part.count == 0)
        continue;
      measure_mean (&part);
      for (int32_t first = 0, count; first < part.count; first += count)
        {
          count = rows_from (&part, first);
          add_products (&part, first, count, rows, products_of (measure, i, strip % measure->groups));
        }
    }
}

/* ---- All of them ---------------------------------------------------------------------------------------------- */

static void
total_mean (const WctCpuMeasure *measure, int part, WctMoments *out)
{
  out->weight = 0;
  memset (out->mean, 0, (size_t)out->channels * sizeof (double));
  for (int32_t strip = 0; strip < measure->layout.strips; strip++)
    {
      const double weight = *weight_of (measure, part, strip);

      out->weight += weight;
      for (int32_t c = 0; c < out->channels && weight > 0; c++)
        out->mean[c] += weight * mean_of (measure, part, strip)[c];
    }
  for (int32_t c = 0; c < out->channels; c++)
    out->mean[c] = out->weight > 0 ? out->mean[c] / out->weight : 0;
}

/* Products within strips, and those of the strips' means about the mean of all. */
static void
total_products (const WctCpuMeasure *measure, int part, WctMoments *out)
{
  const int32_t channels = out->channels;
  const size_t  lanes = wct_map_lanes (&measure->layout);

  memset (out->covariance, 0, (size_t)channels * (size_t)channels * sizeof (double));
  for (int32_t group = 0; group < measure->groups; group++)
    for (size_t row = 0; row < (size_t)channels; row++)
      for (size_t column = row; column < (size_t)channels; column++)
        out->covariance[row * (size_t)channels + column] += products_of (measure, part, group)[row * lanes + column];
  for (int32_t strip = 0; strip < measure->layout.strips; strip++)
    {
      const double weight = *weight_of (measure, part, strip);
      double      *away = mean_of (measure, part, strip);

      for (int32_t c = 0; c < channels; c++)
        away[c] -= out->mean[c];
      if (weight > 0)
        cblas_dsyr (CblasRowMajor, CblasUpper, channels, weight, away, 1, out->covariance, channels);
    }
}

static void
divide_and_mirror (WctMoments *out)
{
  const size_t channels = (size_t)out->channels;
  const double scale = out->weight > 1 ? 1 / (out->weight - 1) : 0;

  for (size_t row = 0; row < channels; row++)
    for (size_t column = row; column < channels; column++)
      out->covariance[column * channels + row] = out->covariance[row * channels + column] *= scale;
}

void
wct_cpu_measure_finish (WctCpuMeasure *measure)
{
  for (int i = 0; i < measure->count; i++)
    {
      WctMoments *out = measure->parts[i].moments;

      total_mean (measure, i, out);
      total_products (measure, i, out);
      divide_and_mirror (out);
    }
}
