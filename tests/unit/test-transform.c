/* The mathematics of the transform: what comes out has the style's statistics, whatever goes in. */
#include "numbers.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "linalg.h"
#include "mem.h"
#include "transform.h"

#define FLOOR 1e-5

/* ---- Features and their moments, by the formulas -------------------------------------------------------------- */

typedef struct
{
  int32_t channels, positions;
  double *values; /* (channels, positions) */
} Features;

static Features
new_features (int32_t channels, int32_t positions)
{
  return (Features){ channels, positions, new_numbers ((size_t)channels * (size_t)positions) };
}

/* Channels that depend on each other, each with its own mean: random mixtures of @rank independent sources. */
static Features
mixed_features (int32_t channels, int32_t positions, int32_t rank, uint64_t seed)
{
  Features f = new_features (channels, positions);
  double  *sources = new_numbers ((size_t)rank * (size_t)positions),
         *mix = new_numbers ((size_t)channels * (size_t)rank);

  fill_random (sources, (size_t)rank * (size_t)positions, seed);
  fill_random (mix, (size_t)channels * (size_t)rank, seed + 1);
  for (int32_t c = 0; c < channels; c++)
    for (int32_t p = 0; p < positions; p++)
      {
        f.values[c * positions + p] = 0.3 * c - 1;
        for (int32_t k = 0; k < rank; k++)
          f.values[c * positions + p] += mix[c * rank + k] * sources[k * positions + p];
      }
  free (mix);
  free (sources);
  return f;
}

static WctMoments *
measure (const Features *f)
{
  const int32_t n = f->channels;
  WctMoments   *moments = NULL;

  assert_int_equal (wct_moments_new (n, &moments, NULL), WCT_OK);
  moments->weight = f->positions;
  for (int32_t c = 0; c < n; c++)
    for (int32_t p = 0; p < f->positions; p++)
      moments->mean[c] += f->values[c * f->positions + p] / f->positions;
  for (int32_t i = 0; i < n && f->positions > 1; i++)
    for (int32_t k = 0; k < n; k++)
      for (int32_t p = 0; p < f->positions; p++)
        moments->covariance[i * n + k] += (f->values[i * f->positions + p] - moments->mean[i])
                                          * (f->values[k * f->positions + p] - moments->mean[k]) / (f->positions - 1);
  return moments;
}

static Features
apply (const WctAffine *affine, const Features *in)
{
  Features out = new_features (in->channels, in->positions);

  for (int32_t o = 0; o < in->channels; o++)
    for (int32_t p = 0; p < in->positions; p++)
      {
        double sum = affine->bias[o];

        for (int32_t c = 0; c < in->channels; c++)
          sum += affine->matrix[o * in->channels + c] * (in->values[c * in->positions + p] - affine->center[c]);
        out.values[o * in->positions + p] = sum;
      }
  return out;
}

static size_t
count_of (const Features *f)
{
  return (size_t)f->channels * (size_t)f->positions;
}

/* ---- The transform -------------------------------------------------------------------------------------------- */

static WctColoring *
blend (const WctMoments *const *styles, const double *weights, int count)
{
  WctColoring *coloring = NULL;
  WctError     err;

  if (wct_coloring_new (styles, weights, count, FLOOR, &coloring, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return coloring;
}

static WctAffine *
solve (const WctMoments *content, const WctColoring *coloring, double alpha, double damping)
{
  WctAffine *affine = NULL;
  WctError   err;

  if (wct_affine_new (content->channels, &affine, &err) != WCT_OK
      || wct_affine_solve (content, coloring, alpha, FLOOR, damping, false, NULL, affine, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return affine;
}

static Features
transform (const Features *content, const Features *style, double alpha, double damping)
{
  const double one = 1;
  WctMoments  *content_moments = measure (content), *style_moments = measure (style);
  WctColoring *coloring = blend ((const WctMoments *[]){ style_moments }, &one, 1);
  WctAffine   *affine = solve (content_moments, coloring, alpha, damping);
  Features     out = apply (affine, content);

  wct_affine_free (&affine);
  wct_coloring_free (&coloring);
  wct_moments_free (&style_moments);
  wct_moments_free (&content_moments);
  assert_null (affine);
  assert_null (coloring);
  return out;
}

static void
assert_moments_equal (const Features *got, const Features *expected, double allowed)
{
  WctMoments *a = measure (got), *b = measure (expected);

  assert_all_close ("mean", a->mean, b->mean, (size_t)got->channels, allowed);
  assert_all_close ("covariance", a->covariance, b->covariance, (size_t)got->channels * (size_t)got->channels, allowed);
  wct_moments_free (&b);
  wct_moments_free (&a);
}

static void
mean_and_covariance_of_the_result_are_the_styles (void **state)
{
  const int32_t channels[] = { 1, 2, 3, 8, 33, 64 };

  (void)state;
  for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++)
    {
      const int32_t n = channels[i];
      Features content = mixed_features (n, 12 * n + 20, 2 * n, 1), style = mixed_features (n, 9 * n + 31, 3 * n, 2);
      Features out = transform (&content, &style, 1, 0);

      assert_moments_equal (&out, &style, 1e-9 * n);
      free (out.values);
      free (style.values);
      free (content.values);
    }
}

static void
a_content_as_its_own_style_comes_back (void **state)
{
  const double alphas[] = { 0, 0.3, 1 };

  (void)state;
  for (size_t i = 0; i < sizeof alphas / sizeof alphas[0]; i++)
    {
      Features content = mixed_features (16, 300, 32, 3);
      Features out = transform (&content, &content, alphas[i], 0);

      assert_all_close ("feature", out.values, content.values, count_of (&content), 1e-10);
      free (out.values);
      free (content.values);
    }
}

static void
strength_mixes_between_content_and_full_transform (void **state)
{
  const double alpha = 0.37;
  Features     content = mixed_features (9, 150, 18, 4), style = mixed_features (9, 140, 18, 5);
  Features     full = transform (&content, &style, 1, 0), part = transform (&content, &style, alpha, 0);
  Features     none = transform (&content, &style, 0, 0);

  (void)state;
  for (size_t i = 0; i < count_of (&content); i++)
    assert_close ("feature at strength 0.37", part.values[i], alpha * full.values[i] + (1 - alpha) * content.values[i],
                  1e-12);
  assert_all_close ("feature at strength 0", none.values, content.values, count_of (&content), 1e-14);
  free (none.values);
  free (part.values);
  free (full.values);
  free (style.values);
  free (content.values);
}

static void
a_blend_of_styles_is_the_weighted_sum_of_their_transforms (void **state)
{
  const double      weights[] = { 0.2, 0.5, 0.3 };
  Features          content = mixed_features (7, 120, 14, 6), styles[3], single[3];
  WctMoments       *moments[3], *content_moments = measure (&content);
  const WctMoments *borrowed[3];

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      styles[i] = mixed_features (7, 100, 14, 10 + (uint64_t)i);
      single[i] = transform (&content, &styles[i], 1, 0);
      borrowed[i] = moments[i] = measure (&styles[i]);
    }

  WctColoring *coloring = blend (borrowed, weights, 3);
  WctAffine   *affine = solve (content_moments, coloring, 1, 0);
  Features     blended = apply (affine, &content);
  for (size_t i = 0; i < count_of (&content); i++)
    assert_close (
      "blended feature", blended.values[i],
      weights[0] * single[0].values[i] + weights[1] * single[1].values[i] + weights[2] * single[2].values[i], 1e-11);

  free (blended.values);
  wct_affine_free (&affine);
  wct_coloring_free (&coloring);
  wct_moments_free (&content_moments);
  for (int i = 0; i < 3; i++)
    {
      wct_moments_free (&moments[i]);
      free (single[i].values);
      free (styles[i].values);
    }
  free (content.values);
}

static void
damping_divides_by_the_root_of_variance_plus_damping (void **state)
{
  Features    content = mixed_features (1, 80, 1, 7), style = mixed_features (1, 80, 1, 8);
  Features    out = transform (&content, &style, 1, 0.25);
  WctMoments *c = measure (&content), *s = measure (&style), *o = measure (&out);

  (void)state;
  assert_close ("variance of the result", o->covariance[0],
                s->covariance[0] * c->covariance[0] / (c->covariance[0] + 0.25), 1e-12);
  assert_close ("mean of the result", o->mean[0], s->mean[0], 1e-12);
  wct_moments_free (&o);
  wct_moments_free (&s);
  wct_moments_free (&c);
  free (out.values);
  free (style.values);
  free (content.values);
}

/* ---- Poor features --------------------------------------------------------------------------------------------- */

typedef enum
{
  RICH,
  RANK_DEFICIENT,
  FLAT,
  IDENTICAL_CHANNELS,
  ONE_POSITION,
  TWO_POSITIONS,
  KIND_COUNT
} FeatureKind;

static const char *const kind_names[] = { "rich",         "rank-deficient", "flat", "identical channels",
                                          "one position", "two positions" };

static Features
features_of_kind (FeatureKind kind, uint64_t seed)
{
  Features f = kind == ONE_POSITION    ? mixed_features (12, 1, 24, seed)
               : kind == TWO_POSITIONS ? mixed_features (12, 2, 24, seed)
               : kind == RICH          ? mixed_features (12, 100, 24, seed)
                                       : mixed_features (12, 100, 3, seed);

  for (int32_t c = 0; c < f.channels; c++)
    for (int32_t p = 0; p < f.positions; p++)
      if (kind == FLAT)
        f.values[c * f.positions + p] = 0.1 * c;
      else if (kind == IDENTICAL_CHANNELS)
        f.values[c * f.positions + p] = f.values[p];
  return f;
}

static void
poor_features_on_either_side_stay_finite_and_bounded (void **state)
{
  (void)state;
  for (FeatureKind content_kind = 0; content_kind < KIND_COUNT; content_kind++)
    for (FeatureKind style_kind = 0; style_kind < KIND_COUNT; style_kind++)
      {
        Features    content = features_of_kind (content_kind, 21), style = features_of_kind (style_kind, 22);
        Features    out = transform (&content, &style, 1, 0);
        WctMoments *got = measure (&out), *expected = measure (&style);

        /* What has no variance gets the style's mean; the mean is the style's in any case. */
        assert_all_close (kind_names[content_kind], got->mean, expected->mean, 12, 1e-9);
        for (size_t i = 0; i < count_of (&out); i++)
          if (!(fabs (out.values[i]) < 1000))
            fail_msg ("%s content, %s style: expected a value within 1000, got %g", kind_names[content_kind],
                      kind_names[style_kind], out.values[i]);
        wct_moments_free (&expected);
        wct_moments_free (&got);
        free (out.values);
        free (style.values);
        free (content.values);
      }
}

static void
a_rich_content_takes_the_covariance_of_a_poor_style (void **state)
{
  (void)state;
  for (FeatureKind kind = 0; kind < KIND_COUNT; kind++)
    {
      Features content = features_of_kind (RICH, 31), style = features_of_kind (kind, 32);
      Features out = transform (&content, &style, 1, 0);

      assert_moments_equal (&out, &style, 1e-9);
      free (out.values);
      free (style.values);
      free (content.values);
    }
}

/* ---- Failures -------------------------------------------------------------------------------------------------- */

static void
failures_of_lapack_do_not_show_in_the_result (void **state)
{
  Features content = mixed_features (24, 400, 48, 41), style = mixed_features (24, 300, 48, 42);
  Features plain = transform (&content, &style, 1, 0);

  (void)state;
  for (int failures = 1; failures <= 4; failures++)
    {
      wct_linalg_test_fail (failures);
      Features out = transform (&content, &style, 1, 0);
      wct_linalg_test_fail (0);
      assert_all_close ("feature", out.values, plain.values, count_of (&plain), 1e-8);
      free (out.values);
    }
  free (plain.values);
  free (style.values);
  free (content.values);
}

static void
moments_that_are_not_finite_are_refused (void **state)
{
  const double one = 1;
  Features     f = mixed_features (4, 30, 8, 51);
  WctMoments  *good = measure (&f);
  WctColoring *coloring = blend ((const WctMoments *[]){ good }, &one, 1);
  WctAffine   *affine = NULL;

  (void)state;
  assert_int_equal (wct_affine_new (4, &affine, NULL), WCT_OK);
  for (int where = 0; where < 2; where++)
    {
      WctMoments  *bad = measure (&f);
      WctColoring *untouched = NULL;
      WctError     err = { .status = WCT_OK };

      *(where == 0 ? &bad->mean[2] : &bad->covariance[5]) = where == 0 ? NAN : INFINITY;
      assert_int_equal (wct_affine_solve (bad, coloring, 1, FLOOR, 0, false, NULL, affine, &err), WCT_ERR_NUMERIC);
      assert_string_equal (err.message,
                           where == 0 ? "mean of channel 2 is not a finite number; the model's weights overflow on "
                                        "this picture"
                                      : "covariance of channels 1 and 1 is not a finite number; the model's weights "
                                        "overflow on this picture");
      assert_int_equal (wct_coloring_new ((const WctMoments *[]){ bad }, &one, 1, FLOOR, &untouched, &err),
                        WCT_ERR_NUMERIC);
      assert_null (untouched);
      wct_moments_free (&bad);
    }
  wct_affine_free (&affine);
  wct_coloring_free (&coloring);
  wct_moments_free (&good);
  free (f.values);
}

static WctStatus
make_and_solve (const WctMoments *moments, WctError *err)
{
  const double one = 1;
  WctColoring *coloring = NULL;
  WctAffine   *affine = NULL;
  WctStatus    status;

  WCT_TRY (wct_coloring_new ((const WctMoments *[]){ moments }, &one, 1, FLOOR, &coloring, err));
  WCT_TRY (wct_affine_new (moments->channels, &affine, err));
  WCT_TRY (wct_affine_solve (moments, coloring, 1, FLOOR, 0, false, NULL, affine, err));

out:
  wct_affine_free (&affine);
  wct_coloring_free (&coloring);
  return status;
}

static void
a_failed_allocation_is_a_sentence_and_leaves_nothing (void **state)
{
  Features     f = mixed_features (6, 40, 12, 61);
  WctMoments  *moments = measure (&f);
  const size_t before = wct_mem_used ();
  long         n = 1;

  (void)state;
  for (;; n++)
    {
      WctError err = { .status = WCT_OK };

      wct_mem_test_fail (n, false);
      const WctStatus status = make_and_solve (moments, &err);
      if (wct_mem_test_fail (0, false) < n)
        break;
      assert_int_equal (status, WCT_ERR_NO_MEMORY);
      assert_true (strlen (err.message) > 0);
      assert_int_equal (wct_mem_used (), before);
    }
  assert_true (n > 12);
  assert_int_equal (wct_mem_used (), before);
  wct_moments_free (&moments);
  free (f.values);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (mean_and_covariance_of_the_result_are_the_styles),
    cmocka_unit_test (a_content_as_its_own_style_comes_back),
    cmocka_unit_test (strength_mixes_between_content_and_full_transform),
    cmocka_unit_test (a_blend_of_styles_is_the_weighted_sum_of_their_transforms),
    cmocka_unit_test (damping_divides_by_the_root_of_variance_plus_damping),
    cmocka_unit_test (poor_features_on_either_side_stay_finite_and_bounded),
    cmocka_unit_test (a_rich_content_takes_the_covariance_of_a_poor_style),
    cmocka_unit_test (failures_of_lapack_do_not_show_in_the_result),
    cmocka_unit_test (moments_that_are_not_finite_are_refused),
    cmocka_unit_test (a_failed_allocation_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
