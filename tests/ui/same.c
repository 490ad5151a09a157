#include "same.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <string.h>

#include <cmocka.h>

void
assert_same_params (const WctParams *expected, const WctParams *got)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  for (size_t i = 0; i < count; i++)
    {
      const double wanted = wct_param_get (expected, &table[i]), found = wct_param_get (got, &table[i]);

      if (wanted != found)
        fail_msg ("%s: expected %.17g, got %.17g", table[i].name, wanted, found);
    }
}

static void
assert_same_style (gint i, const WctStyleChoice *expected, const WctStyleChoice *got)
{
  if (expected->id != got->id)
    fail_msg ("style %d: expected %d, got %d", i, expected->id, got->id);
  if (strcmp (expected->file, got->file) != 0)
    fail_msg ("style %d's file: expected \"%s\", got \"%s\"", i, expected->file, got->file);
  if (expected->weight != got->weight)
    fail_msg ("style %d's weight: expected %.17g, got %.17g", i, expected->weight, got->weight);
}

static void
assert_same_place (gint i, const WctPlace *expected, const WctPlace *got)
{
  if (!wct_mask_choice_same (&expected->mask, &got->mask))
    fail_msg ("region %d's mask: expected %d:%d \"%s\", got %d:%d \"%s\"", i, (int)expected->mask.kind,
              expected->mask.id, expected->mask.file, (int)got->mask.kind, got->mask.id, got->mask.file);
  if (expected->style != got->style)
    fail_msg ("region %d's style: expected %d, got %d", i, expected->style, got->style);
  if (expected->strength != got->strength)
    fail_msg ("region %d's strength: expected %.17g, got %.17g", i, expected->strength, got->strength);
}

void
assert_same_settings (const WctSettings *expected, const WctSettings *got)
{
  if (expected->mode != got->mode)
    fail_msg ("mode: expected %d, got %d", (int)expected->mode, (int)got->mode);
  if (expected->style_count != got->style_count)
    fail_msg ("styles: expected %d, got %d", expected->style_count, got->style_count);
  for (gint i = 0; i < expected->style_count; i++)
    assert_same_style (i, &expected->styles[i], &got->styles[i]);
  if (expected->place_count != got->place_count)
    fail_msg ("regions: expected %d, got %d", expected->place_count, got->place_count);
  for (gint i = 0; i < expected->place_count; i++)
    assert_same_place (i, &expected->places[i], &got->places[i]);
  if (expected->output != got->output)
    fail_msg ("output: expected %d, got %d", (int)expected->output, (int)got->output);
  if (expected->width != got->width || expected->height != got->height)
    fail_msg ("size: expected %dx%d, got %dx%d", expected->width, expected->height, got->width, got->height);
  assert_same_params (&expected->params, &got->params);
}

double
largest_difference (const WctImage *a, const WctImage *b)
{
  double largest = 0;

  if (a->width != b->width || a->height != b->height || a->channels != b->channels)
    return INFINITY;
  for (gint y = 0; y < a->height; y++)
    {
      const float *of_a = (const float *)(gconstpointer)((const char *)a->pixels + (gsize)y * a->row_stride_bytes);
      const float *of_b = (const float *)(gconstpointer)((const char *)b->pixels + (gsize)y * b->row_stride_bytes);

      for (gint i = 0; i < a->width * a->channels; i++)
        largest = fmax (largest, fabs ((double)of_a[i] - (double)of_b[i]));
    }
  return largest;
}

double
mean_difference (const WctImage *a, const WctImage *b)
{
  const size_t count = (size_t)a->width * (size_t)a->height * (size_t)a->channels;
  double       sum = 0;

  assert_int_equal (a->width, b->width);
  assert_int_equal (a->height, b->height);
  for (size_t i = 0; i < count; i++)
    sum += fabs ((double)a->pixels[i] - (double)b->pixels[i]);
  return sum / (double)count;
}

void
assert_same_pixels (const WctImage *expected, const WctImage *got)
{
  const double difference = largest_difference (expected, got);

  if (expected->width != got->width || expected->height != got->height)
    fail_msg ("expected %dx%d pixels, got %dx%d", expected->width, expected->height, got->width, got->height);
  if (difference != 0)
    fail_msg ("pixels of %dx%d: expected no difference, got %g", got->width, got->height, difference);
}

void
assert_sentence (const char *sentence)
{
  if (sentence == NULL || strlen (sentence) < 10 || strchr (sentence, '\n') != NULL
      || !g_utf8_validate (sentence, -1, NULL))
    fail_msg ("expected one sentence, got \"%s\"", sentence == NULL ? "(nothing)" : sentence);
}
