/* Recoloring of styles: by mean and covariance, and by histograms. */
#include <wct/color.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "planar.h"

#define COLORS 3
#define BINS   65536 /* bin i is of the values around i / (BINS - 1): those of 8 and 16 bits lie in the middle */

/* A style's deviation below 0.01 in linear light is taken for this much: what is less is the grain of a JPEG in a gray
 * picture, say, and to give that a colorful content's spread would be confetti. */
#define VARIANCE_FLOOR 1e-4

struct WctColors
{
  uint64_t count;
  double   sum[COLORS], products[COLORS][COLORS]; /* of linear values */
  uint64_t histogram[COLORS][BINS];
  float    linear[BINS]; /* of each bin's value */
};

/* IEC 61966-2-1. */
static double
decode (double encoded)
{
  return encoded <= 0.04045 ? encoded / 12.92 : pow ((encoded + 0.055) / 1.055, 2.4);
}

static double
encode (double linear)
{
  return linear <= 0.0031308 ? linear * 12.92 : 1.055 * pow (linear, 1 / 2.4) - 0.055;
}

static double
clip (double value)
{
  return fmin (fmax (value, 0), 1);
}

static int
bin_of (float value)
{
  return (int)lrint (clip (value) * (BINS - 1));
}

static double
value_of (int bin)
{
  return bin / (double)(BINS - 1);
}

/* ---- Statistics ----------------------------------------------------------------------------------------------- */

WctStatus
wct_colors_new (WctColors **out, WctError *err)
{
  WctColors *colors = NULL;
  WctStatus  status;

  WCT_TRY (wct_alloc (1, sizeof *colors, "colors", &colors, err));
  for (int i = 0; i < BINS; i++)
    colors->linear[i] = (float)decode (value_of (i));
  *out = colors;

out:
  return status;
}

void
wct_colors_free (WctColors **colors)
{
  wct_free (colors);
}

static void
add_pixel (WctColors *colors, const float *pixel)
{
  double linear[COLORS];

  for (int c = 0; c < COLORS; c++)
    {
      const int bin = bin_of (pixel[c]);

      colors->histogram[c][bin]++;
      linear[c] = colors->linear[bin];
    }
  for (int c = 0; c < COLORS; c++)
    {
      colors->sum[c] += linear[c];
      for (int k = 0; k <= c; k++)
        colors->products[c][k] += linear[c] * linear[k];
    }
  colors->count++;
}

void
wct_colors_add (WctColors *colors, const WctImage *rows)
{
  for (int32_t y = 0; y < rows->height; y++)
    for (int32_t x = 0; x < rows->width; x++)
      add_pixel (colors, wct_image_row (rows, y) + (size_t)x * COLORS);
}

static void
mean_and_covariance (const WctColors *colors, double *mean, double *covariance)
{
  const double count = (double)colors->count, freedom = count > 1 ? count - 1 : 1;

  for (int c = 0; c < COLORS; c++)
    mean[c] = colors->sum[c] / count;
  for (int c = 0; c < COLORS; c++)
    for (int k = 0; k <= c; k++)
      covariance[c * COLORS + k] = covariance[k * COLORS + c] =
        (colors->products[c][k] - count * mean[c] * mean[k]) / freedom;
}

/* ---- By mean and covariance ----------------------------------------------------------------------------------- */

/* out = matrix^exponent; eigenvalues below @floor count as it. All (3, 3). */
static WctStatus
power (const double *matrix, double exponent, double floor, double *out, WctError *err)
{
  double    vectors[COLORS * COLORS], values[COLORS]; /* vectors in rows */
  WctStatus status;

  memcpy (vectors, matrix, sizeof vectors);
  WCT_TRY (wct_symmetric_eigen (COLORS, vectors, values, err));
  for (int i = 0; i < COLORS; i++)
    for (int k = 0; k < COLORS; k++)
      {
        double sum = 0;

        for (int v = 0; v < COLORS; v++)
          sum += pow (fmax (values[v], floor), exponent) * vectors[v * COLORS + i] * vectors[v * COLORS + k];
        out[i * COLORS + k] = sum;
      }

out:
  return status;
}

/* linear' = matrix linear + shift */
typedef struct
{
  double matrix[COLORS * COLORS], shift[COLORS];
} Map;

static WctStatus
solve_map (const WctColors *style, const WctColors *content, Map *map, WctError *err)
{
  double    style_mean[COLORS], content_mean[COLORS], covariance[COLORS * COLORS];
  double    whitening[COLORS * COLORS], coloring[COLORS * COLORS];
  WctStatus status;

  mean_and_covariance (style, style_mean, covariance);
  WCT_TRY (power (covariance, -0.5, VARIANCE_FLOOR, whitening, err));
  mean_and_covariance (content, content_mean, covariance);
  WCT_TRY (power (covariance, 0.5, 0, coloring, err));
  wct_matrix_multiply (COLORS, coloring, whitening, map->matrix);
  for (int c = 0; c < COLORS; c++)
    {
      map->shift[c] = content_mean[c];
      for (int k = 0; k < COLORS; k++)
        map->shift[c] -= map->matrix[c * COLORS + k] * style_mean[k];
    }

out:
  return status;
}

static void
map_pixel (const Map *map, double strength, float *pixel)
{
  double linear[COLORS];

  for (int c = 0; c < COLORS; c++)
    linear[c] = decode (clip (pixel[c]));
  for (int c = 0; c < COLORS; c++)
    {
      double value = map->shift[c];

      for (int k = 0; k < COLORS; k++)
        value += map->matrix[c * COLORS + k] * linear[k];
      pixel[c] = (float)clip (pixel[c] + strength * (encode (clip (value)) - pixel[c]));
    }
}

static WctStatus
recolor_by_moments (const WctColors *content, double strength, WctImage *picture, WctError *err)
{
  WctColors *own = NULL;
  Map        map;
  WctStatus  status;

  WCT_TRY (wct_colors_new (&own, err));
  wct_colors_add (own, picture);
  WCT_TRY (solve_map (own, content, &map, err));
  for (int32_t y = 0; y < picture->height; y++)
    for (int32_t x = 0; x < picture->width; x++)
      map_pixel (&map, strength, wct_image_row (picture, y) + (size_t)x * COLORS);

out:
  wct_colors_free (&own);
  return status;
}

/* ---- By histograms -------------------------------------------------------------------------------------------- */

/* The share of a channel's values below a bin's, its own counting half. @before: those in all bins below it */
static double
rank (const uint64_t *histogram, int bin, uint64_t before, uint64_t count)
{
  return ((double)before + 0.5 * (double)histogram[bin]) / (double)count;
}

/* A walk over the bins that are not empty. */
typedef struct
{
  const uint64_t *histogram;
  uint64_t        count, before; /* in all bins; in those below */
  int             bin;           /* BINS after the last one */
  double          rank, value;   /* of the bin */
} Walk;

static void
seek (Walk *walk)
{
  while (walk->bin < BINS && walk->histogram[walk->bin] == 0)
    walk->bin++;
  if (walk->bin == BINS)
    return;
  walk->rank = rank (walk->histogram, walk->bin, walk->before, walk->count);
  walk->value = value_of (walk->bin);
}

static Walk
walk_from_start (const WctColors *colors, int channel)
{
  Walk walk = { .histogram = colors->histogram[channel], .count = colors->count };

  seek (&walk);
  return walk;
}

static void
step (Walk *walk)
{
  walk->before += walk->histogram[walk->bin++];
  seek (walk);
}

/* Where the content's rank is the style's, between the content's values linearly. @curve: (BINS), written in bins that
 * the style has. */
static void
match (const WctColors *style, const WctColors *content, int channel, float *curve)
{
  Walk to = walk_from_start (content, channel), last = to;

  for (Walk from = walk_from_start (style, channel); from.bin < BINS; step (&from))
    {
      while (to.bin < BINS && to.rank < from.rank)
        {
          last = to;
          step (&to);
        }
      if (to.bin == BINS || to.rank <= last.rank)
        curve[from.bin] = (float)(to.bin == BINS ? last.value : to.value);
      else
        curve[from.bin] =
          (float)(last.value + (to.value - last.value) * (from.rank - last.rank) / (to.rank - last.rank));
    }
}

static WctStatus
recolor_by_histogram (const WctColors *content, double strength, WctImage *picture, WctError *err)
{
  WctColors *own = NULL;
  float     *curve = NULL;
  WctStatus  status;

  WCT_TRY (wct_colors_new (&own, err));
  WCT_TRY (wct_alloc (BINS, sizeof *curve, "curve", &curve, err));
  wct_colors_add (own, picture);
  for (int c = 0; c < COLORS; c++)
    {
      match (own, content, c, curve);
      for (int32_t y = 0; y < picture->height; y++)
        for (int32_t x = 0; x < picture->width; x++)
          {
            float *value = wct_image_row (picture, y) + (size_t)x * COLORS + c;

            *value = (float)clip (*value + strength * (curve[bin_of (*value)] - *value));
          }
    }

out:
  wct_free (&curve);
  wct_colors_free (&own);
  return status;
}

/* ---- Both ----------------------------------------------------------------------------------------------------- */

static WctStatus
check (const WctImage *style, double moments, double histogram, const WctImage *out, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_image_check (style, COLORS, "style", err));
  WCT_TRY (wct_image_check (out, COLORS, "recolored style", err));
  if (style->width != out->width || style->height != out->height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "recolored style is %d×%d, the style %d×%d; they must be equal",
                            out->width, out->height, style->width, style->height));
  if (!(moments >= 0 && moments <= 1) || !(histogram >= 0 && histogram <= 1))
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "strengths of recoloring are %g and %g; they go from 0 to 1",
                            moments, histogram));

out:
  return status;
}

static void
copy_picture (const WctImage *from, const WctImage *to)
{
  for (int32_t y = 0; y < from->height; y++)
    if (wct_image_row (from, y) != wct_image_row (to, y))
      memcpy (wct_image_row (to, y), wct_image_row (from, y), (size_t)from->width * COLORS * sizeof (float));
}

WctStatus
wct_recolor (const WctImage *style, const WctColors *content, double moments, double histogram, WctImage *out,
             WctError *err)
{
  WctStatus status;

  WCT_TRY (check (style, moments, histogram, out, err));
  copy_picture (style, out);
  if (content->count > 0 && moments > 0)
    WCT_TRY (recolor_by_moments (content, moments, out, err));
  if (content->count > 0 && histogram > 0)
    WCT_TRY (recolor_by_histogram (content, histogram, out, err));

out:
  return status;
}
