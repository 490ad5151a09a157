/* Distances between pictures as a judge sees them. */
#include "sight.h"

#include "small-runs.h"

#define SIDE 32

typedef struct
{
  float    pixels[SIDE * SIDE * 3];
  WctImage image;
} Picture;

static void
picture_init (Picture *picture, uint64_t seed)
{
  picture->image = (WctImage){ picture->pixels, SIDE, SIDE, 3, SIDE * 3 * sizeof (float) };
  wct_noise_fill (&picture->image, seed);
}

/* Of a result from two others. */
static void
measure (const char *backend_name, const Picture *result, const Picture *content, const Picture *style,
         double *content_distance, double *style_distance)
{
  WctBackend *backend = open_training_backend (backend_name);
  WctModel   *judge = load_model (model_path ("tiny"));
  WctEye     *eye = NULL;
  WctSight   *seen[3] = { NULL };
  WctError    err;

  must (wct_eye_new (backend, judge, &eye, &err), &err);
  must (wct_eye_look (eye, &result->image, &seen[0], &err), &err);
  must (wct_eye_look (eye, &content->image, &seen[1], &err), &err);
  must (wct_eye_look (eye, &style->image, &seen[2], &err), &err);
  must (wct_content_distance (seen[0], seen[1], content_distance, &err), &err);
  *style_distance = wct_style_distance (seen[0], seen[2]);
  for (int i = 0; i < 3; i++)
    wct_sight_free (&seen[i]);
  wct_eye_free (&eye);
  wct_model_unref (&judge);
  wct_backend_close (&backend);
}

static void
a_picture_is_at_no_distance_from_itself (void **state)
{
  Picture one;
  double  content = NAN, style = NAN;

  (void)state;
  picture_init (&one, 1);
  FOR_EACH_TRAINING_BACKEND (name)
  {
    measure (name, &one, &one, &one, &content, &style);
    assert_true (fabs (content) < 1e-5); /* a cosine of floats */
    assert_true (style == 0);
  }
}

static void
other_noise_is_far_in_content_and_near_in_style (void **state)
{
  Picture one, other, flat;
  double  content = NAN, style = NAN, flat_content = NAN, flat_style = NAN;

  (void)state;
  picture_init (&one, 1);
  picture_init (&other, 2);
  picture_init (&flat, 3);
  for (int i = 0; i < SIDE * SIDE * 3; i++)
    flat.pixels[i] = 0.5f;
  FOR_EACH_TRAINING_BACKEND (name)
  {
    measure (name, &one, &other, &other, &content, &style);
    measure (name, &flat, &one, &one, &flat_content, &flat_style);
    assert_true (content > 0.5);
    assert_true (style < flat_style);
    assert_true (flat_content > 0.5);
  }
}

static void
back_ends_agree (void **state)
{
  Picture one, other;
  double  content[TRAINING_BACKENDS] = { 0 }, style[TRAINING_BACKENDS] = { 0 };
  int     count = 0;

  (void)state;
  picture_init (&one, 1);
  picture_init (&other, 2);
  FOR_EACH_TRAINING_BACKEND (name)
  {
    measure (name, &one, &other, &other, &content[count], &style[count]);
    count++;
  }
  for (int i = 1; i < count; i++)
    {
      assert_true (fabs (content[i] - content[0]) < 1e-4);
      assert_true (fabs (style[i] - style[0]) < 1e-4);
    }
}

static int
nothing_is_left (void **state)
{
  (void)state;
  return wct_mem_used () == 0 ? 0 : -1;
}

static int
tests (void)
{
  const struct CMUnitTest list[] = {
    cmocka_unit_test (a_picture_is_at_no_distance_from_itself),
    cmocka_unit_test (other_noise_is_far_in_content_and_near_in_style),
    cmocka_unit_test (back_ends_agree),
  };

  return cmocka_run_group_tests (list, NULL, nothing_is_left);
}

int
main (void)
{
  return run_where_something_trains (tests);
}
