/* Two rounds over the content's rows. One finds, for each of its patches, the most similar one of each style: products
 * of a few patches and a few of the style's at a time, so that memory does not go with the picture. The other puts the
 * style's features there. Only places are kept in between, so that the second round alone does for another strength. */
#include "swap.h"

#include <math.h>
#include <string.h>

#include "backend/kept.h"
#include "linalg.h"
#include "mem.h"
#include "patches.h"
#include "pool.h"
#include "row-map.h"
#include "style.h"
#include "transform.h"

/* Patches of the content in one product, and of the style: both stay in a core's cache. */
#define SOME          64
#define SOME_OF_STYLE 512

struct WctSwap
{
  size_t      count;
  WctPatches *styles;  /* owned; (count), with a reference each */
  double     *weights; /* owned; (count) */
  double      floor;
  int         passes;
  WctAffine **whitening; /* owned; (passes), NULL where there was no run yet */
  WctShape    shape;     /* of the content's features, last time */
  int32_t    *places;    /* owned; (count, rows, columns): numbers of patches */
  bool        found;     /* are they those of found_with? */
  WctParams   found_with;
  WctStore   *swapped; /* owned; NULL where features are overwritten */
};

/* ---- Making it ------------------------------------------------------------------------------------------------ */

void
wct_swap_set_weights (WctSwap *swap, const double *weights)
{
  double sum = 0;

  for (size_t i = 0; i < swap->count; i++)
    sum += swap->weights[i] = weights == NULL ? 1 : weights[i];
  for (size_t i = 0; i < swap->count; i++)
    swap->weights[i] /= sum;
}

WctStatus
wct_swap_new (WctStyle *const *styles, const double *weights, size_t count, double floor, WctSwap **out, WctError *err)
{
  WctSwap  *swap = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *swap, "style swap", &swap, err));
  swap->floor = floor;
  WCT_TRY (wct_alloc (count, sizeof *swap->styles, "style swap", &swap->styles, err));
  WCT_TRY (wct_alloc (count, sizeof *swap->weights, "style swap", &swap->weights, err));
  for (; swap->count < count; swap->count++)
    swap->styles[swap->count].style = wct_style_ref (styles[swap->count]);
  wct_swap_set_weights (swap, weights);
  *out = swap;
  swap = NULL;

out:
  wct_swap_free (&swap);
  return status;
}

void
wct_swap_forget (WctSwap *swap)
{
  for (int i = 0; i < swap->passes; i++)
    wct_affine_free (&swap->whitening[i]);
  wct_free (&swap->whitening);
  swap->passes = 0;
  swap->found = false;
}

void
wct_swap_free (WctSwap **swap_pointer)
{
  WctSwap *swap = *swap_pointer;

  if (swap == NULL)
    return;
  wct_swap_forget (swap);
  for (size_t i = 0; i < swap->count; i++)
    {
      wct_patches_clear (&swap->styles[i]);
      wct_style_unref (&swap->styles[i].style);
    }
  wct_store_free (&swap->swapped);
  wct_free (&swap->places);
  wct_free (&swap->weights);
  wct_free (&swap->styles);
  wct_free (swap_pointer);
}

WctStatus
wct_swap_reserve (WctSwap *swap, int passes, WctError *err)
{
  WctStatus status = WCT_OK;

  if (swap->passes == passes)
    return WCT_OK;
  wct_swap_forget (swap);
  WCT_TRY (wct_alloc ((size_t)passes, sizeof *swap->whitening, "style swap", &swap->whitening, err));
  swap->passes = passes;

out:
  return status;
}

WctStatus
wct_swap_freeze (WctSwap *swap, const WctSwap *solved, WctError *err)
{
  WctStatus status;

  wct_swap_forget (swap);
  if (solved == NULL)
    return WCT_OK;
  WCT_TRY (wct_swap_reserve (swap, solved->passes, err));
  for (int i = 0; i < solved->passes; i++)
    if (solved->whitening[i] != NULL)
      {
        WCT_TRY (wct_affine_new (solved->whitening[i]->channels, &swap->whitening[i], err));
        wct_affine_copy (solved->whitening[i], swap->whitening[i]);
      }

out:
  return status;
}

/* ---- How patches lie ------------------------------------------------------------------------------------------ */

static int32_t
smaller (int32_t a, int32_t b)
{
  return a < b ? a : b;
}

/* As large as fits everywhere. */
static int32_t
side_of (const WctSwap *swap, WctShape shape, const WctParams *params)
{
  int32_t side = smaller (params->swap_patch, smaller (shape.h, shape.w));

  for (size_t i = 0; i < swap->count; i++)
    {
      const WctShape style = wct_style_patches_shape (swap->styles[i].style);

      side = smaller (side, smaller (style.h, style.w));
    }
  return side;
}

static WctPatchGrid
grid_of (const WctSwap *swap, size_t style, WctShape shape, const WctParams *params)
{
  return wct_patches_grid (swap->styles[style].style, side_of (swap, shape, params), params->swap_stride);
}

static size_t
patch_floats (int32_t side, int32_t channels)
{
  return (size_t)side * (size_t)side * (size_t)channels;
}

/* The content's patches, one at every feature. */
static int32_t
place_rows (WctShape shape, int32_t side)
{
  return shape.h - side + 1;
}

static int32_t
place_columns (WctShape shape, int32_t side)
{
  return shape.w - side + 1;
}

/* Rows of patches that one thread takes at a time: enough for one product. */
static int32_t
rows_at_a_time (WctShape shape, int32_t side)
{
  return smaller ((SOME + place_columns (shape, side) - 1) / place_columns (shape, side), place_rows (shape, side));
}

double
wct_swap_work (const WctSwap *swap, WctShape shape, const WctParams *params, bool found)
{
  const int32_t side = side_of (swap, shape, params);
  const double  places = (double)place_rows (shape, side) * place_columns (shape, side);
  double        work = (double)shape.h * shape.w * shape.c * shape.c;

  for (size_t i = 0; i < swap->count && !found; i++)
    {
      const WctPatchGrid grid = grid_of (swap, i, shape, params);

      work += places * grid.rows * grid.columns * (double)patch_floats (side, shape.c);
    }
  return work;
}

/* ---- Memory --------------------------------------------------------------------------------------------------- */

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* Of one thread: rows of features and what they become; some patches and their products. */
static size_t
scratch_floats (WctShape shape, int32_t side)
{
  const size_t row = (size_t)shape.w * (size_t)shape.c;
  const size_t find = 2 * (size_t)(rows_at_a_time (shape, side) + side - 1) * row + SOME * patch_floats (side, shape.c)
                      + (size_t)SOME * SOME_OF_STYLE;

  return larger (find, 4 * row);
}

static size_t
count_places (const WctSwap *swap, WctShape shape)
{
  return swap->count * (size_t)shape.h * (size_t)shape.w;
}

size_t
wct_swap_memory (const WctSwap *swap, WctBackend *backend, WctShape shape, const WctParams *params, int passes,
                 bool keeps)
{
  const size_t square = (size_t)shape.c * (size_t)shape.c * sizeof (double);
  const size_t threads = (size_t)wct_backend_info (backend)->threads;
  size_t       bytes = threads * scratch_floats (shape, side_of (swap, shape, params)) * sizeof (float);

  for (size_t i = 0; i < swap->count; i++)
    {
      const WctPatchGrid grid = grid_of (swap, i, shape, params);

      bytes += wct_patches_bytes (swap->styles[i].style, &grid);
    }
  bytes += count_places (swap, shape) * sizeof *swap->places + (size_t)passes * square;
  bytes += 2 * wct_row_map_bytes (shape.c);
  return bytes + (keeps ? wct_pass_kept_bytes (backend, shape) : 0);
}

/* ---- A level while it runs ------------------------------------------------------------------------------------ */

typedef struct
{
  const WctSwapLevel *level;
  WctSwap            *swap;
  int32_t             side, rows; /* of patches; rows that are taken at a time */
  WctRowMap           map;        /* owned: whitening in the first round, the level's in the second */
  WctStore           *out;        /* borrowed */
  WctPool            *pool;       /* owned */
  float             **scratch;    /* owned; for each thread */
} Run;

static int32_t *
places_of (const Run *run, size_t style)
{
  return run->swap->places + style * (size_t)run->level->shape.h * (size_t)run->level->shape.w;
}

static WctStatus
begin_run (Run *run, WctError *err)
{
  const int threads = wct_backend_info (run->level->backend)->threads;
  WctStatus status;

  WCT_TRY (wct_pool_new (threads, &run->pool, err));
  WCT_TRY (wct_alloc ((size_t)threads, sizeof *run->scratch, "style swap", &run->scratch, err));
  for (int i = 0; i < threads; i++)
    WCT_TRY (
      wct_alloc (scratch_floats (run->level->shape, run->side), sizeof (float), "style swap", &run->scratch[i], err));

out:
  return status;
}

static void
end_run (Run *run)
{
  const int threads = wct_backend_info (run->level->backend)->threads;

  for (int i = 0; i < threads && run->scratch != NULL; i++)
    wct_free (&run->scratch[i]);
  wct_free (&run->scratch);
  wct_pool_free (&run->pool);
  wct_row_map_clear (&run->map);
}

/* ---- Finding -------------------------------------------------------------------------------------------------- */

/* Neighboring patches of the content, in rows of places. */
typedef struct
{
  int32_t      first, count; /* of their numbers */
  const float *patches;      /* (count, side · side · channels) */
  float       *products;     /* (count, SOME_OF_STYLE), for the work in between */
} Some;

/* The largest product of each so far; equal ones: the first. */
static void
take_largest (const Some *some, int32_t first_found, int32_t found, float *largest, int32_t *places)
{
  for (int32_t i = 0; i < some->count; i++)
    for (int32_t k = 0; k < found; k++)
      {
        const float product = some->products[i * found + k];

        if (product > largest[i])
          {
            largest[i] = product;
            places[i] = first_found + k;
          }
      }
}

static void
find_in_style (const Run *run, const WctPatches *style, const Some *some, int32_t *places)
{
  const size_t  floats = patch_floats (run->side, run->level->shape.c);
  const int32_t all = style->grid.rows * style->grid.columns;
  float         largest[SOME];

  for (int32_t i = 0; i < some->count; i++)
    {
      largest[i] = -INFINITY;
      places[i] = 0;
    }
  for (int32_t first = 0; first < all; first += SOME_OF_STYLE)
    {
      const int32_t found = smaller (SOME_OF_STYLE, all - first);

      wct_rows_multiply (some->count, found, (int32_t)floats, some->patches, style->whitened + (size_t)first * floats,
                         some->products);
      take_largest (some, first, found, largest, places);
    }
}

/* The @item-th rows of places. */
static WctStatus
find_rows (void *data, int item, int thread, WctError *err)
{
  const Run     *run = data;
  const WctShape shape = run->level->shape;
  const int32_t  columns = place_columns (shape, run->side), first = item * run->rows;
  const int32_t  rows = smaller (run->rows, place_rows (shape, run->side) - first);
  const size_t   floats = patch_floats (run->side, shape.c);
  const size_t   most = (size_t)(run->rows + run->side - 1) * (size_t)shape.w * (size_t)shape.c;
  float         *features = run->scratch[thread], *whitened = features + most, *patches = whitened + most;
  Some           some = { .patches = patches, .products = patches + SOME * floats };
  WctStatus      status;

  WCT_TRY (wct_kept_read (run->level->backend, run->level->kept, shape, first, rows + run->side - 1, features, err));
  wct_row_map_apply (&run->map, (rows + run->side - 1) * shape.w, features, features, whitened);
  for (int32_t at = 0; at < rows * columns; at += some.count)
    {
      some.first = first * columns + at;
      some.count = smaller (SOME, rows * columns - at);
      for (int32_t i = 0; i < some.count; i++)
        wct_patch_take (whitened, shape.w, shape.c, run->side, (at + i) / columns, (at + i) % columns,
                        patches + (size_t)i * floats);
      for (size_t i = 0; i < run->swap->count; i++)
        find_in_style (run, &run->swap->styles[i], &some, places_of (run, i) + some.first);
    }

out:
  return status;
}

/* The pass's own whitening: the content's, or one that was frozen. */
static WctStatus
solve_whitening (const Run *run, WctError *err)
{
  const WctSwapLevel *level = run->level;
  WctAffine         **whitening = &run->swap->whitening[level->pass];
  WctStatus           status = WCT_OK;

  if (level->content == NULL && *whitening == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT,
                            "the job that maps were taken from ran without the style swap; run it with it first"));
  if (level->content == NULL)
    return WCT_OK;
  if (*whitening == NULL)
    WCT_TRY (wct_affine_new (level->shape.c, whitening, err));
  WCT_TRY (wct_whitening_solve (level->content, run->swap->floor, level->params->damping, *whitening, err));

out:
  return status;
}

static WctStatus
cut_styles (const Run *run, WctError *err)
{
  WctSwap  *swap = run->swap;
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < swap->count && status == WCT_OK; i++)
    {
      const WctPatchGrid grid = grid_of (swap, i, run->level->shape, run->level->params);

      status = wct_patches_cut (&swap->styles[i], &grid, swap->floor, err);
    }
  return status;
}

bool
wct_swap_found (const WctSwap *swap, const WctParams *params)
{
  return swap->found && swap->found_with.damping == params->damping && swap->found_with.swap_patch == params->swap_patch
         && swap->found_with.swap_stride == params->swap_stride;
}

static WctStatus
find_all (Run *run, WctMonitor *monitor, WctError *err)
{
  const WctSwapLevel *level = run->level;
  WctSwap            *swap = run->swap;
  const int32_t       rows = place_rows (level->shape, run->side);
  const double        work =
    wct_swap_work (swap, level->shape, level->params, false) - wct_swap_work (swap, level->shape, level->params, true);
  WctStatus status;

  swap->found = false;
  WCT_TRY (solve_whitening (run, err));
  WCT_TRY (cut_styles (run, err));
  WCT_TRY (wct_row_map_new (swap->whitening[level->pass], &run->map, err));
  WCT_TRY (wct_pool_run (run->pool, (rows + run->rows - 1) / run->rows, find_rows, run, monitor, work, err));
  wct_row_map_clear (&run->map);
  swap->found = true;
  swap->found_with = *level->params;

out:
  return status;
}

/* ---- Putting -------------------------------------------------------------------------------------------------- */

/* Adds @weight times the mean of what the patches over position @y, @x have there. */
static void
add_mean (const Run *run, size_t style, int32_t y, int32_t x, double weight, float *sum)
{
  const WctPatches *patches = &run->swap->styles[style];
  const WctShape    shape = run->level->shape, from = wct_style_patches_shape (patches->style);
  const int32_t     rows = place_rows (shape, run->side), columns = place_columns (shape, run->side);
  const int32_t     top = y - run->side + 1 > 0 ? y - run->side + 1 : 0;
  const int32_t     left = x - run->side + 1 > 0 ? x - run->side + 1 : 0;
  const int32_t     bottom = smaller (y, rows - 1), right = smaller (x, columns - 1);
  const int32_t    *places = places_of (run, style);
  const float       share = (float)(weight / ((double)(bottom - top + 1) * (right - left + 1)));

  for (int32_t v = top; v <= bottom; v++)
    for (int32_t u = left; u <= right; u++)
      {
        const int32_t place = places[v * columns + u];
        const int32_t row = place / patches->grid.columns * patches->grid.stride + y - v;
        const int32_t column = place % patches->grid.columns * patches->grid.stride + x - u;
        const float  *put = patches->colored + ((size_t)row * (size_t)from.w + (size_t)column) * (size_t)shape.c;

        for (int32_t c = 0; c < shape.c; c++)
          sum[c] += share * put[c];
      }
}

/* One row of features. */
static WctStatus
put_row (void *data, int y, int thread, WctError *err)
{
  const Run          *run = data;
  const WctSwapLevel *level = run->level;
  const WctShape      shape = level->shape;
  const size_t        row = (size_t)shape.w * (size_t)shape.c;
  const float         s = (float)level->params->swap, alpha = (float)level->alpha;
  float    *features = run->scratch[thread], *centered = features + row, *mapped = centered + row, *put = mapped + row;
  WctStatus status;

  WCT_TRY (wct_kept_read (level->backend, level->kept, shape, y, 1, features, err));
  wct_row_map_apply (&run->map, shape.w, features, centered, mapped);
  memset (put, 0, row * sizeof *put);
  for (int32_t x = 0; x < shape.w; x++)
    for (size_t i = 0; i < run->swap->count; i++)
      add_mean (run, i, y, x, run->swap->weights[i], put + (size_t)x * (size_t)shape.c);
  for (size_t i = 0; i < row; i++)
    mapped[i] = (1 - s) * mapped[i] + s * (alpha * put[i] + (1 - alpha) * features[i]);
  WCT_TRY (wct_kept_write (level->backend, run->out, shape, y, 1, mapped, err));

out:
  return status;
}

static WctStatus
put_all (Run *run, WctMonitor *monitor, WctError *err)
{
  const WctSwapLevel *level = run->level;
  WctStatus           status;

  WCT_TRY (wct_row_map_new (level->map, &run->map, err));
  WCT_TRY (wct_pool_run (run->pool, level->shape.h, put_row, run, monitor,
                         wct_swap_work (run->swap, level->shape, level->params, true), err));

out:
  return status;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

static bool
same_shape (WctShape a, WctShape b)
{
  return a.c == b.c && a.h == b.h && a.w == b.w;
}

/* What stays from run to run. */
static WctStatus
make_room (WctSwap *swap, const WctSwapLevel *level, WctError *err)
{
  WctStatus status = WCT_OK;

  if (!same_shape (swap->shape, level->shape))
    {
      swap->found = false;
      wct_store_free (&swap->swapped);
      wct_free (&swap->places);
      swap->shape = level->shape;
    }
  if (swap->places == NULL)
    WCT_TRY (wct_alloc (count_places (swap, level->shape), sizeof *swap->places, "style swap", &swap->places, err));
  if (level->keeps && swap->swapped == NULL)
    WCT_TRY (
      wct_store_new (wct_pass_kept_bytes (level->backend, level->shape), false, "features", &swap->swapped, err));

out:
  return status;
}

WctStatus
wct_swap_run (WctSwap *swap, const WctSwapLevel *level, WctStore **out, WctMonitor *monitor, WctError *err)
{
  Run       run = { .level = level, .swap = swap, .side = side_of (swap, level->shape, level->params) };
  WctStatus status;

  run.rows = rows_at_a_time (level->shape, run.side);
  WCT_TRY (make_room (swap, level, err));
  run.out = level->keeps ? swap->swapped : level->kept;
  WCT_TRY (begin_run (&run, err));
  if (level->fresh || !wct_swap_found (swap, level->params))
    WCT_TRY (find_all (&run, monitor, err));
  WCT_TRY (put_all (&run, monitor, err));
  *out = run.out;

out:
  end_run (&run);
  return status;
}
