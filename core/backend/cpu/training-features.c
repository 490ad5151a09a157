/* What training does with whole feature maps: moments, affine maps, and how differently two are laid out.
 *
 * Maps come and go in blocks of channels; the work is on matrices with a row for each position, a piece at a time that
 * stays in the cache, by OpenBLAS and the own kernels of moments.c. All of it by the calling thread. */
#include "cpu.h"

#include <math.h>
#include <string.h>

#include <cblas.h>

#include "mem.h"

#define ROWS_AT_ONCE 256

/* Up to here our own kernel multiplies, as in moments.c. */
#define THIN_LANES 128

/* One map of a batch. */
typedef struct
{
  float  *data;
  int32_t blocks, block;
  size_t  channels, positions;
} FeatureMap;

static FeatureMap
map_of (const WctBatch *batch, int32_t index)
{
  const WctCpuBatch *own = (const WctCpuBatch *)batch;
  const size_t       positions = (size_t)batch->shape.h * (size_t)batch->shape.w;

  return (FeatureMap){ .data = own->data + (size_t)index * positions * (size_t)own->blocks * (size_t)own->block,
                       .blocks = own->blocks,
                       .block = own->block,
                       .channels = (size_t)batch->shape.c,
                       .positions = positions };
}

static size_t
lane_count (const FeatureMap *map)
{
  return (size_t)map->blocks * (size_t)map->block;
}

/* A block of @positions from @first on. */
static float *
block_of (const FeatureMap *map, int32_t b, size_t first)
{
  return map->data + ((size_t)b * map->positions + first) * (size_t)map->block;
}

static size_t
rows_from (const FeatureMap *map, size_t first)
{
  return map->positions - first < ROWS_AT_ONCE ? map->positions - first : ROWS_AT_ONCE;
}

/* ---- Moments ------------------------------------------------------------------------------------------------ */

/* @mean: (lanes) */
static void
measure_mean (const FeatureMap *map, double *mean)
{
  memset (mean, 0, lane_count (map) * sizeof *mean);
  for (int32_t b = 0; b < map->blocks; b++)
    {
      const float *in = block_of (map, b, 0);
      double      *sum = mean + (size_t)b * (size_t)map->block;

      for (size_t i = 0; i < map->positions; i++, in += map->block)
        for (int32_t k = 0; k < map->block; k++)
          sum[k] += in[k];
    }
  for (size_t c = 0; c < map->channels; c++)
    mean[c] /= (double)map->positions;
}

/* @rows: (count, lanes) */
static void
center_rows (const FeatureMap *map, size_t first, size_t count, const double *mean, double *rows)
{
  const size_t lanes = lane_count (map);

  for (int32_t b = 0; b < map->blocks; b++)
    {
      const float  *in = block_of (map, b, first);
      const double *center = mean + (size_t)b * (size_t)map->block;
      double       *row = rows + (size_t)b * (size_t)map->block;

      for (size_t i = 0; i < count; i++, in += map->block, row += lanes)
        for (int32_t k = 0; k < map->block; k++)
          row[k] = in[k] - center[k];
    }
}

/* Room for the moments of one map. */
typedef struct
{
  double *mean;     /* (lanes) */
  double *rows;     /* (ROWS_AT_ONCE, lanes) */
  double *products; /* (lanes, lanes), upper triangle */
} MomentsRoom;

static void
measure_map (const WctCpu *cpu, const FeatureMap *map, const MomentsRoom *room, WctMoments *out)
{
  const size_t lanes = lane_count (map), channels = map->channels;

  measure_mean (map, room->mean);
  memset (room->products, 0, lanes * lanes * sizeof *room->products);
  for (size_t first = 0; first < map->positions; first += ROWS_AT_ONCE)
    {
      const size_t count = rows_from (map, first);

      center_rows (map, first, count, room->mean, room->rows);
      if (map->block == cpu->kernels->block && lanes <= THIN_LANES)
        cpu->kernels->add_products (room->rows, (int32_t)count, (int32_t)lanes, room->products);
      else
        cblas_dsyrk (CblasRowMajor, CblasUpper, CblasTrans, (int)lanes, (int)count, 1, room->rows, (int)lanes, 1,
                     room->products, (int)lanes);
    }
  out->weight = (double)map->positions;
  memcpy (out->mean, room->mean, channels * sizeof *out->mean);
  for (size_t row = 0; row < channels; row++)
    for (size_t column = row; column < channels; column++)
      out->covariance[row * channels + column] = out->covariance[column * channels + row] =
        map->positions > 1 ? room->products[row * lanes + column] / (double)(map->positions - 1) : 0;
}

WctStatus
wct_cpu_batch_moments (void *ctx, const WctBatch *features, WctMoments *const *out, WctError *err)
{
  const FeatureMap first = map_of (features, 0);
  const size_t     lanes = lane_count (&first);
  MomentsRoom      room = { .mean = NULL };
  WctStatus        status;

  WCT_TRY (wct_alloc (lanes, sizeof (double), "moments", &room.mean, err));
  WCT_TRY (wct_alloc (ROWS_AT_ONCE * lanes, sizeof (double), "moments", &room.rows, err));
  WCT_TRY (wct_alloc (lanes * lanes, sizeof (double), "moments", &room.products, err));
  for (int32_t i = 0; i < features->count; i++)
    {
      const FeatureMap map = map_of (features, i);

      measure_map (ctx, &map, &room, out[i]);
    }

out:
  wct_free (&room.products);
  wct_free (&room.rows);
  wct_free (&room.mean);
  return status;
}

/* ---- Affine maps -------------------------------------------------------------------------------------------- */

/* An affine map in float, filled up to whole blocks with zeros, and room for the rows on both sides of it. */
typedef struct
{
  float *matrix;        /* (lanes, lanes) */
  float *center, *bias; /* (lanes) */
  float *in, *out;      /* (ROWS_AT_ONCE, lanes) */
} AffineRoom;

static void
round_affine (const WctAffine *affine, size_t lanes, const AffineRoom *room)
{
  const size_t channels = (size_t)affine->channels;

  for (size_t row = 0; row < channels; row++)
    {
      for (size_t column = 0; column < channels; column++)
        room->matrix[row * lanes + column] = (float)affine->matrix[row * channels + column];
      room->center[row] = (float)affine->center[row];
      room->bias[row] = (float)affine->bias[row];
    }
}

static void
take_rows (const FeatureMap *map, size_t first, size_t count, const float *center, float *rows)
{
  const size_t lanes = lane_count (map);

  for (int32_t b = 0; b < map->blocks; b++)
    {
      const float *in = block_of (map, b, first), *less = center + (size_t)b * (size_t)map->block;
      float       *row = rows + (size_t)b * (size_t)map->block;

      for (size_t i = 0; i < count; i++, in += map->block, row += lanes)
        for (int32_t k = 0; k < map->block; k++)
          row[k] = in[k] - less[k];
    }
}

static void
put_rows (const FeatureMap *map, size_t first, size_t count, const float *bias, bool add, const float *rows)
{
  const size_t lanes = lane_count (map);

  for (int32_t b = 0; b < map->blocks; b++)
    {
      const float *row = rows + (size_t)b * (size_t)map->block, *more = bias + (size_t)b * (size_t)map->block;
      float       *out = block_of (map, b, first);

      for (size_t i = 0; i < count; i++, out += map->block, row += lanes)
        for (int32_t k = 0; k < map->block; k++)
          out[k] = (add ? out[k] : 0) + row[k] + more[k];
    }
}

static void
run_affine (const FeatureMap *in, const AffineRoom *room, bool add, const FeatureMap *out)
{
  const int lanes = (int)lane_count (in);

  for (size_t first = 0; first < in->positions; first += ROWS_AT_ONCE)
    {
      const size_t count = rows_from (in, first);

      take_rows (in, first, count, room->center, room->in);
      cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, lanes, lanes, 1, room->in, lanes, room->matrix,
                   lanes, 0, room->out, lanes);
      put_rows (out, first, count, room->bias, add, room->out);
    }
}

WctStatus
wct_cpu_batch_affine (void *ctx, const WctBatch *in, const WctAffine *const *maps, bool add, WctBatch *out,
                      WctError *err)
{
  const FeatureMap first = map_of (in, 0);
  const size_t     lanes = lane_count (&first);
  AffineRoom       room = { .matrix = NULL };
  WctStatus        status;

  (void)ctx;
  WCT_TRY (
    wct_alloc (lanes * (lanes + 2 + 2 * ROWS_AT_ONCE), sizeof (float), "affine maps of features", &room.matrix, err));
  room.center = room.matrix + lanes * lanes;
  room.bias = room.center + lanes;
  room.in = room.bias + lanes;
  room.out = room.in + ROWS_AT_ONCE * lanes;
  for (int32_t i = 0; i < in->count; i++)
    {
      const FeatureMap from = map_of (in, i), to = map_of (out, i);

      round_affine (maps[i], lanes, &room);
      run_affine (&from, &room, add, &to);
    }

out:
  wct_free (&room.matrix);
  return status;
}

/* ---- Cosines of standardized features ----------------------------------------------------------------------- */

/* A map with a row for each position, less the channels' means, over their deviations. Lanes that are filling are 0. */
typedef struct
{
  double *rows;             /* (positions, lanes) */
  double *mean, *deviation; /* (lanes) */
} Standardized;

/* @out: room for it */
static void
standardize (const FeatureMap *map, const Standardized *out)
{
  const size_t lanes = lane_count (map);

  measure_mean (map, out->mean);
  center_rows (map, 0, map->positions, out->mean, out->rows);
  memset (out->deviation, 0, lanes * sizeof (double));
  for (size_t i = 0; i < map->positions; i++)
    for (size_t k = 0; k < lanes; k++)
      out->deviation[k] += out->rows[i * lanes + k] * out->rows[i * lanes + k];
  for (size_t k = 0; k < lanes; k++)
    out->deviation[k] = sqrt (out->deviation[k] / (double)map->positions + WCT_COSINE_EPSILON);
  for (size_t i = 0; i < map->positions; i++)
    for (size_t k = 0; k < lanes; k++)
      out->rows[i * lanes + k] /= out->deviation[k];
}

/* Of one position: the cosine. @gradient: NULL, or (lanes): its gradient at @a, with the sign of 1 - cosine */
static double
compare_rows (const double *a, const double *b, size_t lanes, double *gradient)
{
  double aa = 0, bb = 0, ab = 0, norms, cosine;

  for (size_t k = 0; k < lanes; k++)
    {
      aa += a[k] * a[k];
      bb += b[k] * b[k];
      ab += a[k] * b[k];
    }
  norms = sqrt (aa * bb);
  cosine = norms > 0 ? ab / norms : 0;
  for (size_t k = 0; k < lanes && gradient != NULL; k++)
    gradient[k] = norms > 0 ? cosine * a[k] / aa - b[k] / norms : 0;
  return cosine;
}

/* From gradients at a~, in @gradient's rows, to those at a: mean and deviation move with every value. @mean, @product:
 * (lanes), room */
static void
standardize_back (const FeatureMap *out, const Standardized *a, const double *gradient, double scale, bool add,
                  double *mean, double *product)
{
  const size_t lanes = lane_count (out), positions = out->positions;

  memset (mean, 0, lanes * sizeof *mean);
  memset (product, 0, lanes * sizeof *product);
  for (size_t i = 0; i < positions; i++)
    for (size_t k = 0; k < lanes; k++)
      {
        mean[k] += gradient[i * lanes + k] / (double)positions;
        product[k] += gradient[i * lanes + k] * a->rows[i * lanes + k] / (double)positions;
      }
  for (int32_t b = 0; b < out->blocks; b++)
    {
      const size_t first = (size_t)b * (size_t)out->block;
      float       *to = block_of (out, b, 0);

      for (size_t i = 0; i < positions; i++, to += out->block)
        for (size_t k = 0; k < (size_t)out->block; k++)
          {
            const size_t at = i * lanes + first + k;

            to[k] = (float)((add ? to[k] : 0)
                            + scale * (gradient[at] - mean[first + k] - a->rows[at] * product[first + k])
                                / a->deviation[first + k]);
          }
    }
}

/* 1 - the mean cosine of two standardized maps. */
static double
compare (const Standardized *a, const Standardized *b, size_t positions, size_t lanes, double *gradient)
{
  double sum = 0;

  for (size_t i = 0; i < positions; i++)
    sum +=
      compare_rows (a->rows + i * lanes, b->rows + i * lanes, lanes, gradient == NULL ? NULL : gradient + i * lanes);
  return 1 - sum / (double)positions;
}

WctStatus
wct_cpu_cosine_error (void *ctx, const WctBatch *a, const WctBatch *b, float scale, bool add, WctBatch *gradient,
                      double *sum, WctError *err)
{
  FeatureMap   map = map_of (a, 0);
  const size_t lanes = lane_count (&map), positions = map.positions;
  double      *room = NULL, *vectors;
  Standardized of, target;
  WctStatus    status;

  (void)ctx;
  *sum = 0;
  WCT_TRY (wct_alloc ((3 * positions + 6) * lanes, sizeof *room, "standardized features", &room, err));
  vectors = room + 3 * positions * lanes;
  of = (Standardized){ room, vectors, vectors + lanes };
  target = (Standardized){ room + positions * lanes, vectors + 2 * lanes, vectors + 3 * lanes };
  for (int32_t i = 0; i < a->count; i++)
    {
      double *at = gradient == NULL ? NULL : room + 2 * positions * lanes;

      map = map_of (a, i);
      standardize (&map, &of);
      map = map_of (b, i);
      standardize (&map, &target);
      *sum += compare (&of, &target, positions, lanes, at);
      if (gradient == NULL)
        continue;
      map = map_of (gradient, i);
      standardize_back (&map, &of, at, scale / (double)positions, add, vectors + 4 * lanes, vectors + 5 * lanes);
    }

out:
  wct_free (&room);
  return status;
}
