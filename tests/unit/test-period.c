/* Periods: what is around them is what is at their opposite side, as far as a pixel sees, and only they count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <wct/wct.h>

#include "backend/backend.h"
#include "mem.h"
#include "model.h"
#include "period.h"

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

/* Modulo by steps. */
static int32_t
wrapped (int32_t i, int32_t count)
{
  while (i < 0)
    i += count;
  while (i >= count)
    i -= count;
  return i;
}

static void
indices_wrap_in_both_directions_as_often_as_needed (void **state)
{
  (void)state;
  for (int32_t count = 1; count < 8; count++)
    for (int32_t i = -40; i < 40; i++)
      assert_int_equal (wct_wrap (i, count), wrapped (i, count));
}

/* ---- In a store ------------------------------------------------------------------------------------------------ */

enum
{
  COLORS = 3,
  WIDE = 24 /* a halo that the stores here have room for */
};

static float
value_at (int32_t c, int32_t y, int32_t x)
{
  return (float)(c * 10000 + y * 100 + x);
}

static WctPeriod
new_period (int32_t width, int32_t height, int32_t halo)
{
  WctPeriod period = { NULL, { COLORS, height, width }, halo };
  WctError  err;

  must (wct_store_new (wct_picture_store_bytes (wct_period_extended (period.shape, WIDE)), false, "picture",
                       &period.store, &err),
        &err);
  return period;
}

static void
fill (const WctPeriod *period)
{
  float   *row = calloc (COLORS * (size_t)period->shape.w, sizeof *row);
  WctError err;

  for (int32_t y = 0; y < period->shape.h; y++)
    {
      for (int32_t c = 0; c < COLORS; c++)
        for (int32_t x = 0; x < period->shape.w; x++)
          row[c * period->shape.w + x] = value_at (c, y, x);
      must (wct_period_write_row (period, y, row, &err), &err);
    }
  free (row);
}

/* Every value of the store, as a back end reads it. */
static void
assert_extended (const WctPeriod *period)
{
  const int32_t w = period->shape.w + 2 * period->halo, h = period->shape.h + 2 * period->halo;
  const size_t  bytes = (size_t)w * (size_t)h * COLORS * sizeof (float);
  float        *all = malloc (bytes);
  WctError      err;

  must (wct_store_read (period->store, 0, bytes, all, &err), &err);
  for (int32_t y = 0; y < h; y++)
    for (int32_t c = 0; c < COLORS; c++)
      for (int32_t x = 0; x < w; x++)
        {
          const float expected =
            value_at (c, wrapped (y - period->halo, period->shape.h), wrapped (x - period->halo, period->shape.w));
          const float got = all[((size_t)y * COLORS + (size_t)c) * (size_t)w + (size_t)x];

          if (got != expected)
            fail_msg ("%d×%d, halo %d: channel %d at row %d, column %d: expected %g, got %g", period->shape.w,
                      period->shape.h, period->halo, c, y, x, (double)expected, (double)got);
        }
  free (all);
}

static const int32_t sizes[][2] = { { 1, 1 }, { 5, 3 }, { 16, 16 }, { 7, 20 }, { 33, 2 } };
static const int32_t halos[] = { 0, 1, 4, 9, WIDE };

static void
around_a_period_of_any_size_is_its_opposite_side (void **state)
{
  (void)state;
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (size_t i = 0; i < sizeof halos / sizeof halos[0]; i++)
      {
        WctPeriod period = new_period (sizes[s][0], sizes[s][1], halos[i]);
        WctError  err;

        fill (&period);
        must (wct_period_extend (&period, &err), &err);
        assert_extended (&period);
        wct_store_free (&period.store);
      }
}

static void
move (const WctPeriod *from, int32_t halo, bool to_other_store)
{
  WctPeriod to = { from->store, from->shape, halo };
  WctError  err;

  if (to_other_store)
    to = new_period (from->shape.w, from->shape.h, halo);
  fill (from); /* without a halo: what is around is made anew */
  must (wct_period_move (from, &to, &err), &err);
  assert_extended (&to);
  if (to_other_store)
    wct_store_free (&to.store);
}

static void
a_period_moves_to_any_halo_also_within_its_store (void **state)
{
  (void)state;
  for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
    for (size_t i = 0; i < sizeof halos / sizeof halos[0]; i++)
      for (size_t j = 0; j < sizeof halos / sizeof halos[0]; j++)
        {
          WctPeriod period = new_period (sizes[s][0], sizes[s][1], halos[i]);

          move (&period, halos[j], true);
          move (&period, halos[j], false);
          wct_store_free (&period.store);
        }
}

/* ---- How far a pixel sees -------------------------------------------------------------------------------------- */

/* A network of the same layers, each of one channel and with weights of 1: what is not 0 stays not 0. */
static WctNetwork
plain_network (const WctNetwork *network)
{
  static const float ones[9] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, zero = 0;
  WctNetwork         plain = *network;

  for (int i = 0; i < plain.count; i++)
    if (plain.layers[i].kind == WCT_LAYER_CONV)
      {
        plain.layers[i].conv.in_c = plain.layers[i].conv.out_c = 1;
        plain.layers[i].conv.weight = ones;
        plain.layers[i].conv.bias = &zero;
      }
  return plain;
}

/* @line: one row in, repeated to a picture of 16 rows; one row out. In place */
static void
run_network (WctBackend *backend, const WctNetwork *network, WctShape *shape, float *planar)
{
  const WctShape out_shape = wct_layers_shape (network->layers, network->count, *shape);
  WctMonitor     monitor;
  WctTensor     *in = NULL, *out = NULL;
  WctPlan       *plan = NULL;
  WctError       err;

  wct_monitor_init (&monitor, NULL, 1);
  must (backend->ops->tensor_new (backend->ctx, *shape, &in, &err), &err);
  must (backend->ops->tensor_new (backend->ctx, out_shape, &out, &err), &err);
  must (backend->ops->plan_new (backend->ctx, network->layers, network->count, *shape, &plan, &err), &err);
  must (backend->ops->upload (backend->ctx, planar, in, &err), &err);
  must (backend->ops->plan_run (backend->ctx, plan, in, out, &monitor, &err), &err);
  must (backend->ops->download (backend->ctx, out, planar, &err), &err);
  backend->ops->plan_free (backend->ctx, &plan);
  backend->ops->tensor_free (backend->ctx, &out);
  backend->ops->tensor_free (backend->ctx, &in);
  *shape = out_shape;
}

/* How far the light of one column goes, over all places of the column in a cell. */
static int32_t
brute_reach (WctBackend *backend, const WctNetwork *encoder, const WctNetwork *decoder, int32_t cell)
{
  enum
  {
    W = 512,
    H = 16
  };
  const WctNetwork networks[] = { plain_network (encoder), plain_network (decoder) };
  float           *planar = malloc (sizeof (float) * W * H);
  int32_t          reach = 0;

  for (int32_t place = W / 2; place < W / 2 + cell; place++)
    {
      WctShape shape = { 1, H, W };

      for (int32_t i = 0; i < W * H; i++)
        planar[i] = i % W == place ? 1e-20f : 0; /* sums of up to 9 a layer stay far from infinity */
      for (int i = 0; i < 2; i++)
        run_network (backend, &networks[i], &shape, planar);
      for (int32_t x = 0; x < W; x++)
        if (planar[x] != 0 && abs (x - place) > reach)
          reach = abs (x - place);
    }
  free (planar);
  return reach;
}

static void
a_halo_is_what_light_of_one_pixel_reaches_in_whole_features (void **state)
{
  WctModel   *model = NULL;
  WctBackend *backend = NULL;
  char        path[4096];
  WctError    err;

  (void)state;
  snprintf (path, sizeof path, "%s/tiny.safetensors", getenv ("WCT_TEST_MODELS"));
  must (wct_model_load (path, &model, &err), &err);
  must (wct_backend_open ("reference", 1, &backend, &err), &err);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const WctNetwork *encoder = wct_model_encoder (model, level), *decoder = wct_model_decoder (model, level);
      const int32_t     cell = 1 << (level - 1), reach = brute_reach (backend, encoder, decoder, cell);
      const int32_t     expected = (reach + cell - 1) / cell * cell, got = wct_period_halo (encoder, decoder);

      if (got != expected)
        fail_msg ("relu%d_1: light reaches %d pixels, so the halo is %d; got %d", level, reach, expected, got);
    }
  wct_backend_close (&backend);
  wct_model_unref (&model);
}

/* ---- What is measured ------------------------------------------------------------------------------------------ */

enum
{
  COLUMNS = 5,
  ROWS = 4
};

/* In strips of @step rows. */
static void
assert_inside (int32_t halo, int32_t step)
{
  const WctPeriodInside  inside = { COLUMNS, ROWS, halo };
  const WctRegionWeights weights = wct_period_weights (&inside);
  const int32_t          w = COLUMNS + 2 * halo, h = ROWS + 2 * halo;
  int32_t               *positions = calloc ((size_t)(w * step), sizeof *positions);
  float                 *picked = calloc ((size_t)(w * step), sizeof *picked);
  int32_t                expected = 0;

  assert_int_equal (weights.count, 1);
  for (int32_t first = 0; first < h; first += step)
    {
      const int32_t rows = h - first < step ? h - first : step;
      const int32_t count = weights.pick (weights.data, 0, WCT_WEIGHTS_MEASURED, first, rows, positions, picked);

      for (int32_t i = 0; i < count; i++, expected++)
        {
          assert_int_equal (positions[i] + first * w, (halo + expected / COLUMNS) * w + halo + expected % COLUMNS);
          assert_true (picked[i] == 1);
        }
    }
  assert_int_equal (expected, COLUMNS * ROWS);
  free (picked);
  free (positions);
}

static void
what_is_inside_the_halo_is_measured_and_nothing_else (void **state)
{
  (void)state;
  for (int32_t halo = 0; halo < 12; halo += 3)
    for (int32_t step = 1; step < 4; step++)
      assert_inside (halo, step);
}

static int
nothing_is_left (void **state)
{
  (void)state;
  return wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (indices_wrap_in_both_directions_as_often_as_needed),
    cmocka_unit_test (around_a_period_of_any_size_is_its_opposite_side),
    cmocka_unit_test (a_period_moves_to_any_halo_also_within_its_store),
    cmocka_unit_test (a_halo_is_what_light_of_one_pixel_reaches_in_whole_features),
    cmocka_unit_test (what_is_inside_the_halo_is_measured_and_nothing_else),
  };

  return cmocka_run_group_tests (tests, NULL, nothing_is_left);
}
