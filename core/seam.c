/* Seams: found by the change across them, and faded. */
#include "seam.h"

#include <math.h>
#include <stdbool.h>

#include <wct/image.h>

#include "mem.h"
#include "planar.h"

#define COLORS 3

/* A seam is seen where the picture changes across it this many times as much as from line to line on average, and more
 * than across this share of the other lines. No tile that we made, and no noise, is taken for one that does not fit;
 * what is missed has sides of one color. */
#define SEEN_FROM_RATIO 1.4
#define SEEN_FROM_SHARE 0.99

/* Along one direction: what lies between line i and the next one, the last and the first being neighbors. */
typedef struct
{
  double *change; /* owned; (count): summed absolute differences */
  int32_t count;
} Lines;

typedef struct
{
  double mean[COLORS];
  Lines  columns, rows;
} Survey;

static void
survey_clear (Survey *survey)
{
  wct_free (&survey->columns.change);
  wct_free (&survey->rows.change);
}

static void
survey_row (Survey *survey, const float *row)
{
  const int32_t w = survey->columns.count;

  for (int32_t c = 0; c < COLORS; c++, row += w)
    for (int32_t x = 0; x < w; x++)
      {
        survey->mean[c] += row[x];
        survey->columns.change[x] += fabsf (row[x + 1 < w ? x + 1 : 0] - row[x]);
      }
}

static double
change_between (const float *a, const float *b, size_t count)
{
  double change = 0;

  for (size_t i = 0; i < count; i++)
    change += fabsf (a[i] - b[i]);
  return change;
}

/* @out: to be cleared by the caller in any case */
static WctStatus
survey_picture (const WctPeriod *period, Survey *out, WctError *err)
{
  const int32_t w = period->shape.w, h = period->shape.h;
  const size_t  values = COLORS * (size_t)w;
  float        *rows = NULL; /* two: this one and the one before */
  WctStatus     status;

  *out = (Survey){ .columns.count = w, .rows.count = h };
  WCT_TRY (wct_alloc ((size_t)w, sizeof (double), "seams", &out->columns.change, err));
  WCT_TRY (wct_alloc ((size_t)h, sizeof (double), "seams", &out->rows.change, err));
  WCT_TRY (wct_alloc (2 * values, sizeof *rows, "rows", &rows, err));
  WCT_TRY (wct_period_read_row (period, h - 1, rows + values, err));
  for (int32_t y = 0; y < h; y++)
    {
      float *row = rows + (y % 2 == 0 ? 0 : values), *before = rows + (y % 2 == 0 ? values : 0);

      WCT_TRY (wct_period_read_row (period, y, row, err));
      survey_row (out, row);
      out->rows.change[y > 0 ? y - 1 : h - 1] = change_between (row, before, values);
    }
  for (int32_t c = 0; c < COLORS; c++)
    out->mean[c] /= (double)w * h;

out:
  wct_free (&rows);
  return status;
}

static bool
is_seen (const Lines *lines)
{
  const int32_t inner = lines->count - 1;
  const double  seam = lines->change[inner];
  double        sum = 0;
  int32_t       weaker = 0;

  for (int32_t i = 0; i < inner; i++)
    {
      sum += lines->change[i];
      weaker += lines->change[i] < seam;
    }
  return inner > 0 && seam * inner > SEEN_FROM_RATIO * sum && weaker >= SEEN_FROM_SHARE * inner;
}

/* How much of the shifted copy is in line @i of @count: all at the sides, nothing in the half in the middle. */
static float
shifted_share (int32_t i, int32_t count)
{
  const double edge = (i < count - 1 - i ? i : count - 1 - i) + 0.5, t = fmin (edge / (count / 4.0), 1);

  return (float)(1 - t * t * (3 - 2 * t));
}

/* @shifted: the copy's share */
static float
blend (float own, float copy, double mean, float shifted)
{
  const float  rest = 1 - shifted;
  const double kept = sqrt (rest * rest + shifted * shifted); /* of the standard deviation */

  return (float)(mean + (rest * (own - mean) + shifted * (copy - mean)) / kept);
}

/* A line of a faded half reads the other half's only, which stays: so this can be done in place. */
static WctStatus
fade_columns (const WctPeriod *period, const double *mean, WctError *err)
{
  const int32_t w = period->shape.w;
  float        *row = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (COLORS * (size_t)w, sizeof *row, "row", &row, err));
  for (int32_t y = 0; y < period->shape.h; y++)
    {
      WCT_TRY (wct_period_read_row (period, y, row, err));
      for (int32_t x = 0; x < w; x++)
        for (int32_t c = 0; c < COLORS && shifted_share (x, w) > 0; c++)
          {
            float *line = row + (size_t)c * (size_t)w;

            line[x] = blend (line[x], line[wct_wrap (x + w / 2, w)], mean[c], shifted_share (x, w));
          }
      WCT_TRY (wct_period_write_row (period, y, row, err));
    }

out:
  wct_free (&row);
  return status;
}

static WctStatus
fade_rows (const WctPeriod *period, const double *mean, WctError *err)
{
  const int32_t w = period->shape.w, h = period->shape.h;
  const size_t  values = COLORS * (size_t)w;
  float        *row = NULL, *copy = NULL;
  WctStatus     status;

  WCT_TRY (wct_alloc (values, sizeof *row, "row", &row, err));
  WCT_TRY (wct_alloc (values, sizeof *copy, "row", &copy, err));
  for (int32_t y = 0; y < h; y++)
    if (shifted_share (y, h) > 0)
      {
        WCT_TRY (wct_period_read_row (period, y, row, err));
        WCT_TRY (wct_period_read_row (period, wct_wrap (y + h / 2, h), copy, err));
        for (size_t i = 0; i < values; i++)
          row[i] = blend (row[i], copy[i], mean[i / (size_t)w], shifted_share (y, h));
        WCT_TRY (wct_period_write_row (period, y, row, err));
      }

out:
  wct_free (&row);
  wct_free (&copy);
  return status;
}

WctStatus
wct_seam_fade (const WctPeriod *period, WctError *err)
{
  Survey    survey;
  WctStatus status;

  WCT_TRY (survey_picture (period, &survey, err));
  if (is_seen (&survey.columns))
    WCT_TRY (fade_columns (period, survey.mean, err));
  if (is_seen (&survey.rows))
    WCT_TRY (fade_rows (period, survey.mean, err));

out:
  survey_clear (&survey);
  return status;
}

/* ---- A picture in memory -------------------------------------------------------------------------------------- */

static WctStatus
copy_rows (const WctImage *image, const WctPeriod *period, bool back, float *planes, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int32_t y = 0; y < image->height && status == WCT_OK; y++)
    if (back)
      {
        status = wct_period_read_row (period, y, planes, err);
        wct_planar_row_to_image (planes, image->width, image, y);
      }
    else
      {
        wct_planar_row_from_image (image, y, image->width, planes);
        status = wct_period_write_row (period, y, planes, err);
      }
  return status;
}

WctStatus
wct_image_fade_seam (const WctImage *image, WctError *err)
{
  WctPeriod period = { NULL, { COLORS, image->height, image->width }, 0 };
  float    *planes = NULL;
  WctStatus status;

  WCT_TRY (wct_image_check (image, COLORS, "picture", err));
  WCT_TRY (wct_alloc (wct_picture_row_bytes (period.shape), 1, "row", &planes, err));
  WCT_TRY (wct_store_new (wct_picture_store_bytes (period.shape), false, "picture", &period.store, err));
  WCT_TRY (copy_rows (image, &period, false, planes, err));
  WCT_TRY (wct_seam_fade (&period, err));
  WCT_TRY (copy_rows (image, &period, true, planes, err));

out:
  wct_store_free (&period.store);
  wct_free (&planes);
  return status;
}
