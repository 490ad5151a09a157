/* Models that others trained and published, converted: they load, and have as many parameters as is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <wct/wct.h>

#include "../models/accounting.h"

#define EXIT_SKIPPED 77

typedef struct
{
  unsigned levels, encoder_levels;
  bool     shared_trunk;
  int32_t  channels[WCT_LEVELS];
  uint64_t encoder[WCT_LEVELS], decoder[WCT_LEVELS];
} Facts;

static const char *
path_of (const char *name)
{
  static char path[4096];

  snprintf (path, sizeof path, "%s/weights/%s.safetensors", getenv ("WCT_SHARED"), name);
  return path;
}

static void
check (const char *name, const Facts *facts)
{
  WctModel   *model = NULL;
  WctError    err;
  struct stat file;

  accounting_start (0);
  if (wct_model_load (path_of (name), &model, &err) != WCT_OK)
    fail_msg ("expected success, got: %s", err.message);
  assert_int_equal (stat (path_of (name), &file), 0);
  if (accounting_peak () > MEMORY_ALLOWED (file.st_size))
    fail_msg ("%s: got %zu bytes, allowed %zu", name, accounting_peak (), MEMORY_ALLOWED (file.st_size));

  assert_int_equal (wct_model_levels (model), facts->levels);
  assert_int_equal (wct_model_encoder_levels (model), facts->encoder_levels);
  assert_int_equal (wct_model_shared_trunk (model), facts->shared_trunk);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      assert_int_equal (wct_model_channels (model, i + 1), facts->channels[i]);
      assert_int_equal (wct_model_encoder_parameter_count (model, i + 1), facts->encoder[i]);
      assert_int_equal (wct_model_decoder_parameter_count (model, i + 1), facts->decoder[i]);
    }
  wct_model_unref (&model);
  assert_int_equal (wct_mem_used (), 0);
}

/* Wang et al., Collaborative Distillation for Ultra-Resolution Universal Style Transfer, CVPR 2020. Each encoder has
 * conv0's 12 parameters besides; its first layer has 672. */
static void
compact16x_has_the_published_size (void **state)
{
  static const Facts facts = {
    .levels = 0x1F,
    .encoder_levels = 0x1F,
    .channels = { 24, 32, 64, 128, 128 },
    .encoder = { 672 + 12, 7408 + 12, 35152 + 12, 219792 + 12, 810128 + 12 },
    .decoder = { 651, 7379, 35091, 219667, 810003 },
  };

  (void)state;
  check ("compact16x", &facts);
}

/* Li et al., Universal Style Transfer via Feature Transforms, NIPS 2017. */
static void
vgg19_has_the_published_size (void **state)
{
  static const Facts facts = {
    .levels = 0x07,
    .encoder_levels = 0x07,
    .shared_trunk = true,
    .channels = { 64, 128, 256 },
    .encoder = { 1792 + 12, 112576 + 12, 555328 + 12 },
    .decoder = { 1731, 112451, 555075 },
  };

  (void)state;
  check ("vgg19-levels123", &facts);
}

/* Simonyan and Zisserman 2015, up to conv5_1, in F16. */
static void
vgg16_encoder_has_the_published_size (void **state)
{
  static const Facts facts = {
    .encoder_levels = 0x1F,
    .shared_trunk = true,
    .channels = { 64, 128, 256, 512, 512 },
    .encoder = { 1792 + 12, 112576 + 12, 555328 + 12, 2915648 + 12, 9995072 + 12 },
  };

  (void)state;
  check ("vgg16-encoder", &facts);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (compact16x_has_the_published_size),
    cmocka_unit_test (vgg19_has_the_published_size),
    cmocka_unit_test (vgg16_encoder_has_the_published_size),
  };

  if (getenv ("WCT_SHARED") == NULL || access (path_of ("compact16x"), R_OK) != 0)
    {
      printf ("skipped: no published models; WCT_SHARED names a folder with weights/compact16x.safetensors\n");
      return EXIT_SKIPPED;
    }
  return cmocka_run_group_tests (tests, NULL, NULL);
}
