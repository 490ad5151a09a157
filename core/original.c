#include "original.h"

#include "guided.h"
#include "mem.h"
#include "planar.h"
#include "reduce.h"

#define COLORS 3

static void
free_stores (WctOriginal *original)
{
  wct_store_free (&original->content);
  wct_store_free (&original->lines);
}

void
wct_original_clear (WctOriginal *original)
{
  free_stores (original);
  *original = (WctOriginal){ 0 };
}

bool
wct_original_plan (WctOriginal *original, int32_t width, int32_t height, int32_t small_width, int32_t small_height,
                   bool colors)
{
  const bool reduced = small_width != width || small_height != height, kept = reduced || colors;

  if (original->width == width && original->height == height && original->small_width == small_width
      && original->small_height == small_height && original->kept == kept)
    return false;
  wct_original_clear (original);
  *original = (WctOriginal){
    .width = width, .height = height, .small_width = small_width, .small_height = small_height, .kept = kept
  };
  return true;
}

bool
wct_original_is_reduced (const WctOriginal *original)
{
  return original->small_width != original->width || original->small_height != original->height;
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

static size_t
row_bytes (const WctOriginal *original)
{
  return (size_t)original->width * COLORS * sizeof (float);
}

static size_t
content_bytes (const WctOriginal *original)
{
  return original->kept ? row_bytes (original) * (size_t)original->height : 0;
}

static size_t
lines_bytes (const WctOriginal *original)
{
  return wct_original_is_reduced (original) ? wct_guided_bytes (original->small_width, original->small_height) : 0;
}

size_t
wct_original_bytes (const WctOriginal *original)
{
  return content_bytes (original) + lines_bytes (original);
}

void
wct_original_settle (WctOriginal *original, bool in_file)
{
  if (original->in_file != in_file)
    free_stores (original);
  original->in_file = in_file;
}

bool
wct_original_is_there (const WctOriginal *original)
{
  return (!original->kept || original->content != NULL)
         && (!wct_original_is_reduced (original) || original->lines != NULL);
}

WctStatus
wct_original_allocate (WctOriginal *original, WctError *err)
{
  const bool in_file = original->in_file;
  WctStatus  status = WCT_OK;

  if (original->kept && original->content == NULL)
    WCT_TRY (wct_store_new (content_bytes (original), in_file, "original", &original->content, err));
  if (wct_original_is_reduced (original) && original->lines == NULL)
    WCT_TRY (wct_store_new (lines_bytes (original), in_file, "filter", &original->lines, err));

out:
  return status;
}

/* ---- Rows ----------------------------------------------------------------------------------------------------- */

WctStatus
wct_original_put_rows (WctOriginal *original, const WctImage *rows, int32_t first, WctError *err)
{
  const size_t bytes = row_bytes (original);
  WctStatus    status = WCT_OK;

  for (int32_t y = 0; original->kept && y < rows->height; y++)
    WCT_TRY (wct_store_write (original->content, (size_t)(first + y) * bytes, bytes, wct_image_row (rows, y), err));

out:
  return status;
}

WctStatus
wct_original_get_row (const WctOriginal *original, int32_t y, float *row, WctError *err)
{
  return wct_store_read (original->content, (size_t)y * row_bytes (original), row_bytes (original), row, err);
}

/* ---- Smaller, and back ---------------------------------------------------------------------------------------- */

static WctStatus
read_content (void *user, int32_t y, float *row, WctError *err)
{
  return wct_original_get_row (user, y, row, err);
}

static WctStatus
begin_reduction (WctOriginal *original, WctReduction *reduction, WctError *err)
{
  return wct_reduction_init (reduction, original->width, original->height, original->small_width,
                             original->small_height, read_content, original, err);
}

/* A row of the smaller picture as an image. */
static WctImage
small_row (const WctOriginal *original, float *pixels)
{
  return (WctImage){ pixels, original->small_width, 1, COLORS,
                     (size_t)original->small_width * COLORS * sizeof *pixels };
}

WctStatus
wct_original_reduce (WctOriginal *original, WctCascade *cascade, WctError *err)
{
  WctReduction reduction = { 0 };
  float       *pixels = NULL;
  WctStatus    status;

  WCT_TRY (begin_reduction (original, &reduction, err));
  WCT_TRY (wct_alloc ((size_t)original->small_width * COLORS, sizeof *pixels, "row", &pixels, err));
  for (int32_t y = 0; y < original->small_height; y++)
    {
      const WctImage row = small_row (original, pixels);

      WCT_TRY (wct_reduction_row (&reduction, y, pixels, err));
      WCT_TRY (wct_cascade_put_rows (cascade, &row, y, err));
    }

out:
  wct_free (&pixels);
  wct_reduction_clear (&reduction);
  return status;
}

typedef struct
{
  const WctOriginal *original;
  const WctCascade  *cascade;
  WctReduction       reduction;
} Following;

/* The smaller picture is made once more: that is sooner done than it would be kept. */
static WctStatus
read_pair (void *user, int32_t y, float *guide, float *target, WctError *err)
{
  Following     *following = user;
  const WctImage row = small_row (following->original, target);
  WctStatus      status;

  WCT_TRY (wct_reduction_row (&following->reduction, y, guide, err));
  WCT_TRY (wct_cascade_get_rows (following->cascade, y, &row, err));

out:
  return status;
}

WctStatus
wct_original_follow (WctOriginal *original, const WctCascade *cascade, WctError *err)
{
  Following following = { .original = original, .cascade = cascade };
  WctStatus status;

  WCT_TRY (begin_reduction (original, &following.reduction, err));
  WCT_TRY (wct_guided_fit (original->small_width, original->small_height, read_pair, &following, original->lines, err));

out:
  wct_reduction_clear (&following.reduction);
  return status;
}

WctStatus
wct_original_restore (const WctOriginal *original, int32_t first, const WctImage *rows, WctError *err)
{
  const WctGuided guided = { .lines = original->lines,
                             .small_width = original->small_width,
                             .small_height = original->small_height,
                             .width = original->width,
                             .height = original->height };
  float          *scratch = NULL;
  WctStatus       status;

  WCT_TRY (wct_alloc ((size_t)original->small_width * 2 * WCT_GUIDED_LINES, sizeof *scratch, "row", &scratch, err));
  for (int32_t y = 0; y < rows->height; y++)
    {
      WCT_TRY (wct_original_get_row (original, first + y, wct_image_row (rows, y), err));
      WCT_TRY (wct_guided_row (&guided, first + y, scratch, wct_image_row (rows, y), err));
    }

out:
  wct_free (&scratch);
  return status;
}
