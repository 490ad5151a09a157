/* The loss is the sum of the results, each times its number of out_gradient: that is then what backward starts from. In
 * double and inside one piece of the piecewise smooth loss, so that (loss (z + h d) - loss (z - h d)) / 2 h is the
 * derivative along d to many digits. */
#include "training-differences.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED 1e-3
static const char why_allowed[] = "gradients pass through float maps, one rounding for each layer";

/* A step: small beside values and weights, which are near 1, and large beside double's rounding. Where a ReLU or a pool
 * switches within it, a smaller one is taken. */
#define STEP_LARGEST  1e-5
#define STEP_SMALLEST 1e-8
#define STEP_NEARBY   1e-7

#define WORK_MAX        1e8 /* multiply-adds of a case: a fraction of a second */
#define VALUE_WORK      50  /* what moving a value costs, in multiply-adds */
#define EVALUATIONS_MIN 12
#define EVALUATIONS_MAX 120
#define DRAWS_MAX       8

/* Where the loss is looked at: input and parameters one behind the other. */
typedef struct
{
  const ChainCase *chain;
  size_t           in_values, count;
  double          *values;   /* owned */
  double          *gradient; /* owned; as the back end has it */
  uint64_t         pattern;
} Point;

static double *
new_doubles (size_t count)
{
  double *values = calloc (count + 1, sizeof *values);

  if (values == NULL)
    abort ();
  return values;
}

/* ---- The definition, in double ------------------------------------------------------------------------------- */

/* … 2 1 0 1 2 … n-2 n-1 n-2 …, and a side of 1 repeats its pixel. */
static int32_t
mirrored (int32_t i, int32_t n)
{
  if (n == 1)
    return 0;
  return i < 0 ? -i : i > n - 1 ? 2 * (n - 1) - i : i;
}

/* @out: (h + 2 border, w + 2 border) */
static void
pad_plane (const double *in, WctShape shape, int32_t border, double *out)
{
  for (int32_t y = -border; y < shape.h + border; y++)
    for (int32_t x = -border; x < shape.w + border; x++)
      *out++ = in[(size_t)mirrored (y, shape.h) * (size_t)shape.w + (size_t)mirrored (x, shape.w)];
}

static void
add_tap (const double *in, size_t in_stride, double weight, WctShape shape, double *restrict out)
{
  for (int32_t y = 0; y < shape.h; y++)
    for (int32_t x = 0; x < shape.w; x++)
      out[(size_t)y * (size_t)shape.w + (size_t)x] += weight * in[(size_t)y * in_stride + (size_t)x];
}

static void
convolve (const WctLayer *layer, WctShape shape, const double *parameters, const double *in, double *out)
{
  const size_t  side = (size_t)wct_layer_side (layer), plane = (size_t)shape.h * (size_t)shape.w;
  const size_t  in_c = (size_t)layer->conv.in_c, out_c = (size_t)layer->conv.out_c, taps = side * side;
  const size_t  stride = (size_t)shape.w + side - 1, padded_plane = ((size_t)shape.h + side - 1) * stride;
  const double *biases = parameters + out_c * in_c * taps;
  double       *padded = new_doubles (in_c * padded_plane);

  for (size_t c = 0; c < in_c; c++)
    pad_plane (in + c * plane, shape, (int32_t)side / 2, padded + c * padded_plane);
  for (size_t o = 0; o < out_c; o++)
    {
      for (size_t i = 0; i < plane; i++)
        out[o * plane + i] = biases[o];
      for (size_t c = 0; c < in_c; c++)
        for (size_t tap = 0; tap < taps; tap++)
          add_tap (padded + c * padded_plane + tap / side * stride + tap % side, stride,
                   parameters[(o * in_c + c) * taps + tap], shape, out + o * plane);
    }
  for (size_t i = 0; i < out_c * plane && layer->conv.relu; i++)
    out[i] = fmax (out[i], 0);
  free (padded);
}

static void
resample (const WctLayer *layer, WctShape shape, const double *in, double *out)
{
  const WctShape to = wct_layer_shape (layer, shape);
  const size_t   w = (size_t)shape.w;

  for (size_t row = 0; row < (size_t)to.c * (size_t)to.h; row++)
    for (size_t x = 0; x < (size_t)to.w; x++)
      if (layer->kind == WCT_LAYER_UPSAMPLE)
        *out++ = in[row / 2 * w + x / 2];
      else
        *out++ = fmax (fmax (in[2 * row * w + 2 * x], in[2 * row * w + 2 * x + 1]),
                       fmax (in[(2 * row + 1) * w + 2 * x], in[(2 * row + 1) * w + 2 * x + 1]));
}

/* All maps of the batch. */
static void
apply (const WctLayer *layer, int32_t count, WctShape shape, const double *parameters, const double *in, double *out)
{
  for (int32_t map = 0; map < count; map++)
    {
      if (wct_layer_side (layer) > 0)
        convolve (layer, shape, parameters, in, out);
      else
        resample (layer, shape, in, out);
      in += count_floats (shape);
      out += count_floats (wct_layer_shape (layer, shape));
    }
}

/* @values: input, then parameters */
static double
loss_at (const ChainCase *chain, const double *values, uint64_t *pattern)
{
  const double *parameters = values + chain->in.count;
  WctShape      shape = chain->layers.in;
  double       *map = new_doubles (chain->in.count), loss = 0;

  memcpy (map, values, chain->in.count * sizeof *map);
  *pattern = PATTERN_START;
  for (int i = 0; i < chain->layers.count; i++)
    {
      const WctLayer *layer = &chain->layers.layers[i];
      const WctShape  to = wct_layer_shape (layer, shape);
      const size_t    count = batch_floats (chain->count, to);
      double         *next = new_doubles (count);

      apply (layer, chain->count, shape, parameters, map, next);
      if (layer->kind == WCT_LAYER_POOL)
        *pattern = pattern_add_pool (*pattern, map, (size_t)chain->count * (size_t)shape.c, shape);
      else if (wct_layer_side (layer) > 0 && layer->conv.relu)
        *pattern = pattern_add_relu (*pattern, next, count);
      parameters += wct_layer_parameters (layer);
      free (map);
      map = next;
      shape = to;
    }
  for (size_t i = 0; i < chain->out_gradient.count; i++)
    loss += map[i] * chain->out_gradient.values[i];
  free (map);
  return loss;
}

/* ---- Points -------------------------------------------------------------------------------------------------- */

static double *
values_of (const ChainCase *chain)
{
  double *values = new_doubles (chain->in.count + chain_parameters (chain)), *to = values;

  for (size_t i = 0; i < chain->in.count; i++)
    *to++ = chain->in.values[i];
  for (int i = 0; i < chain->layers.count; i++)
    {
      for (size_t k = 0; k < chain->layers.weights[i].count; k++)
        *to++ = chain->layers.weights[i].values[k];
      for (size_t k = 0; k < chain->layers.biases[i].count; k++)
        *to++ = chain->layers.biases[i].values[k];
    }
  return values;
}

uint64_t
pattern_by_definition (const ChainCase *chain)
{
  double  *values = values_of (chain);
  uint64_t pattern;

  loss_at (chain, values, &pattern);
  free (values);
  return pattern;
}

/* To both sides, as a value near a switch crosses it on one of them. */
bool
is_smooth_nearby (Checker *checker, const ChainCase *chain)
{
  const size_t count = chain->in.count + chain_parameters (chain);
  double      *values = values_of (chain), *ahead = new_doubles (count), *behind = new_doubles (count);
  uint64_t     patterns[3];

  for (size_t i = 0; i < count; i++)
    {
      const double step = next_random (checker) & 1 ? STEP_NEARBY : -STEP_NEARBY;

      ahead[i] = values[i] + step;
      behind[i] = values[i] - step;
    }
  loss_at (chain, values, &patterns[0]);
  loss_at (chain, ahead, &patterns[1]);
  loss_at (chain, behind, &patterns[2]);
  free (behind);
  free (ahead);
  free (values);
  return patterns[0] == patterns[1] && patterns[0] == patterns[2];
}

static Point
point_of (const ChainCase *chain, const ChainResult *result)
{
  Point point = { .chain = chain, .in_values = chain->in.count, .values = values_of (chain) };

  point.count = point.in_values + chain_parameters (chain);
  point.gradient = new_doubles (point.count);
  for (size_t i = 0; i < point.count; i++)
    point.gradient[i] =
      i < point.in_values ? result->in_gradient.values[i] : result->weight_gradients.values[i - point.in_values];
  loss_at (chain, point.values, &point.pattern);
  return point;
}

static void
free_point (Point *point)
{
  free (point->values);
  free (point->gradient);
}

/* ---- Directions ---------------------------------------------------------------------------------------------- */

/* Values @first to @first + @count, each as much to one side as to the other. */
typedef struct
{
  const char   *what;
  size_t        first, count;
  const int8_t *signs; /* count */
} Direction;

static double
loss_along (const Point *point, const Direction *direction, double step, uint64_t *pattern)
{
  double *values = new_doubles (point->count), loss;

  memcpy (values, point->values, point->count * sizeof *values);
  for (size_t i = 0; i < direction->count; i++)
    values[direction->first + i] += step * direction->signs[i];
  loss = loss_at (point->chain, values, pattern);
  free (values);
  return loss;
}

/* Whether there was a step within which nothing switches. */
static bool
differentiate (const Point *point, const Direction *direction, double *derivative)
{
  for (double step = STEP_LARGEST; step >= STEP_SMALLEST; step /= 10)
    {
      uint64_t     ahead, behind;
      const double up = loss_along (point, direction, step, &ahead);
      const double down = loss_along (point, direction, -step, &behind);

      *derivative = (up - down) / (2 * step);
      if (ahead == point->pattern && behind == point->pattern)
        return true;
    }
  return false;
}

/* Random signs: the gradient along them is about its norm, and so is the error along them of what is wrong with it. One
 * value alone is compared with what values of its kind are like, which is the norm over √count. */
static bool
check_direction (Checker *checker, const Point *point, const Direction *direction, double norm)
{
  double expected, got = 0;

  if (!differentiate (point, direction, &expected))
    return false;
  for (size_t i = 0; i < direction->count; i++)
    got += direction->signs[i] * point->gradient[direction->first + i];
  check_number (checker, direction->what, got, expected, ALLOWED * fmax (norm, fabs (expected)), why_allowed);
  return true;
}

static double
norm_of (const double *values, size_t count)
{
  double sum = 0;

  for (size_t i = 0; i < count; i++)
    sum += values[i] * values[i];
  return sqrt (sum);
}

/* Along other signs where something switches. */
static void
check_all_at_once (Checker *checker, const Point *point, const char *what, size_t first, size_t count, double norm,
                   int8_t *signs)
{
  char text[96];

  snprintf (text, sizeof text, "derivative along all %s", what);
  for (int draw = 0; draw < DRAWS_MAX; draw++)
    {
      for (size_t i = 0; i < count; i++)
        signs[i] = next_random (checker) & 1 ? 1 : -1;
      if (check_direction (checker, point, &(Direction){ text, first, count, signs }, norm))
        return;
    }
  fail_case (checker, "%s: a ReLU or a pool switches in each of %d directions, within steps of %g", text, DRAWS_MAX,
             STEP_SMALLEST);
}

/* And @singles of the values alone, the first and the last among them. */
static void
check_block (Checker *checker, const Point *point, const char *what, size_t first, size_t count, int singles)
{
  const double norm = norm_of (point->gradient + first, count);
  int8_t      *signs = malloc (count);
  char         text[96];

  if (signs == NULL)
    abort ();
  check_all_at_once (checker, point, what, first, count, norm, signs);
  for (int i = 0; i < singles; i++)
    {
      const size_t chosen = i == 0 ? 0 : i == 1 ? count - 1 : next_random (checker) % count;

      snprintf (text, sizeof text, "derivative by value %zu of %s", chosen, what);
      check_direction (checker, point, &(Direction){ text, first + chosen, 1, signs }, norm / sqrt ((double)count));
    }
  free (signs);
}

/* Weights and biases of the convolution that is layer @index. */
static void
check_parameters (Checker *checker, const Point *point, int index, int singles)
{
  const LayerCase *layers = &point->chain->layers;
  const size_t     weights = layers->weights[index].count, biases = layers->biases[index].count;
  const size_t     first = point->in_values + wct_layers_parameters (layers->layers, index);
  char             what[48];

  snprintf (what, sizeof what, "weights of layer %d", index);
  check_block (checker, point, what, first, weights, singles);
  snprintf (what, sizeof what, "biases of layer %d", index);
  check_block (checker, point, what, first + weights, biases, singles);
}

void
check_differences (Checker *checker, const ChainCase *chain, const ChainResult *result)
{
  const LayerCase *layers = &chain->layers;
  const double     work =
    chain->count * wct_layers_work (layers->layers, layers->count, layers->in) + VALUE_WORK * (double)chain->in.count;
  const double evaluations = fmin (fmax (WORK_MAX / work, EVALUATIONS_MIN), EVALUATIONS_MAX);
  Point        point = point_of (chain, result);
  int          blocks = 1;

  for (int i = 0; i < layers->count; i++)
    blocks += wct_layer_side (&layers->layers[i]) > 0 ? 2 : 0;
  const int singles = (int)(evaluations / 2) / blocks;

  check_block (checker, &point, "input values", 0, point.in_values, singles + 2);
  if (point.count > point.in_values)
    check_block (checker, &point, "parameters", point.in_values, point.count - point.in_values, 2);
  for (int i = 0; i < layers->count && singles > 0; i++)
    if (wct_layer_side (&layers->layers[i]) > 0)
      check_parameters (checker, &point, i, singles - 1);
  free_point (&point);
}
