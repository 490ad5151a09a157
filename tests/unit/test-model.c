/* Models: files become the networks that their names say, conv0 disappears exactly, and every fault has its sentence.
 */
#include "model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <wct/wct.h>

#include "../models/accounting.h"
#include "mem.h"
#include "safetensors.h"

#define ALL_LEVELS 0x1Fu

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("expected success, got: %s", err->message);
}

static const char *
tiny_path (const char *name)
{
  static char path[4096];

  assert_non_null (getenv ("WCT_TEST_MODELS"));
  snprintf (path, sizeof path, "%s/%s.safetensors", getenv ("WCT_TEST_MODELS"), name);
  return path;
}

static WctModel *
load_tiny (const char *name)
{
  WctModel *model = NULL;
  WctError  err;

  must (wct_model_load (tiny_path (name), &model, &err), &err);
  return model;
}

static size_t
size_of_file (const char *path)
{
  struct stat facts;

  assert_int_equal (stat (path, &facts), 0);
  return (size_t)facts.st_size;
}

/* ---- Networks ----------------------------------------------------------------------------------------------- */

/* "conv1_1 conv1_2 pool conv2_1", without the part before the dot; ReLU-free layers in brackets. */
static void
describe (const WctNetwork *network, char *text, size_t size)
{
  size_t length = 0;

  text[0] = '\0';
  for (int i = 0; i < network->count; i++)
    {
      const WctLayer *layer = &network->layers[i];
      const char     *name = layer->kind == WCT_LAYER_POOL       ? ".pool"
                             : layer->kind == WCT_LAYER_UPSAMPLE ? ".up"
                                                                 : strchr (layer->conv.name, '.');
      const bool      bare = layer->kind == WCT_LAYER_CONV && !layer->conv.relu;

      length += (size_t)snprintf (text + length, size - length, bare ? "%s[%s]" : "%s%s", i > 0 ? " " : "", name + 1);
    }
}

static void
assert_layers (const WctNetwork *network, const char *expected)
{
  char got[1000];

  describe (network, got, sizeof got);
  assert_string_equal (got, expected);
}

static void
layers_are_in_the_order_of_the_topology (void **state)
{
  WctModel *vgg19 = load_tiny ("tiny"), *vgg16 = load_tiny ("tiny-vgg16");

  (void)state;
  assert_layers (wct_model_encoder (vgg19, 1), "conv1_1");
  assert_layers (wct_model_decoder (vgg19, 1), "[conv1_1]");
  assert_layers (wct_model_encoder (vgg19, 2), "conv1_1 conv1_2 pool conv2_1");
  assert_layers (wct_model_decoder (vgg19, 2), "conv2_1 up conv1_2 [conv1_1]");
  assert_layers (wct_model_encoder (vgg19, 5), "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 conv3_3 "
                                               "conv3_4 pool conv4_1 conv4_2 conv4_3 conv4_4 pool conv5_1");
  assert_layers (wct_model_decoder (vgg19, 5), "conv5_1 up conv4_4 conv4_3 conv4_2 conv4_1 up conv3_4 conv3_3 conv3_2 "
                                               "conv3_1 up conv2_2 conv2_1 up conv1_2 [conv1_1]");
  assert_layers (wct_model_encoder (vgg16, 5), "conv1_1 conv1_2 pool conv2_1 conv2_2 pool conv3_1 conv3_2 conv3_3 pool "
                                               "conv4_1 conv4_2 conv4_3 pool conv5_1");
  assert_layers (wct_model_decoder (vgg16, 4),
                 "conv4_1 up conv3_3 conv3_2 conv3_1 up conv2_2 conv2_1 up conv1_2 [conv1_1]");
  wct_model_unref (&vgg16);
  wct_model_unref (&vgg19);
}

static void
a_final_relu_is_there_where_the_metadata_says_so (void **state)
{
  WctModel *model = load_tiny ("tiny-own-trunks");

  (void)state;
  assert_layers (wct_model_decoder (model, 1), "conv1_1");
  assert_layers (wct_model_decoder (model, 2), "conv2_1 up conv1_2 conv1_1");
  wct_model_unref (&model);
}

static void
levels_and_channels_are_told (void **state)
{
  static const int32_t channels[WCT_LEVELS] = { 8, 8, 12, 16, 16 };
  WctModel            *model = load_tiny ("tiny"), *own = load_tiny ("tiny-own-trunks");

  (void)state;
  assert_int_equal (wct_model_levels (model), ALL_LEVELS);
  assert_int_equal (wct_model_encoder_levels (model), ALL_LEVELS);
  assert_true (wct_model_shared_trunk (model));
  assert_false (wct_model_shared_trunk (own));
  assert_int_equal (wct_model_levels (own), ALL_LEVELS);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      assert_int_equal (wct_model_channels (model, level), channels[level - 1]);
      assert_int_equal (wct_model_encoder (model, level)->layers[0].conv.in_c, 3);
    }
  /* One trunk: each level borrows the same weights. Own trunks: others. */
  assert_ptr_equal (wct_model_encoder (model, 1)->layers[0].conv.weight,
                    wct_model_encoder (model, 5)->layers[0].conv.weight);
  assert_ptr_not_equal (wct_model_encoder (own, 1)->layers[0].conv.weight,
                        wct_model_encoder (own, 5)->layers[0].conv.weight);
  wct_model_unref (&own);
  wct_model_unref (&model);
}

static void
an_encoder_alone_has_no_levels_to_stylize_with (void **state)
{
  WctModel *model = load_tiny ("tiny-encoder");

  (void)state;
  assert_int_equal (wct_model_levels (model), 0);
  assert_int_equal (wct_model_encoder_levels (model), ALL_LEVELS);
  assert_null (wct_model_decoder (model, 3));
  assert_int_equal (wct_model_decoder_parameter_count (model, 3), 0);
  assert_int_equal (wct_model_channels (model, 3), 12);
  wct_model_unref (&model);
}

/* Weights and biases of a 3×3 convolution. */
static uint64_t
parameters (uint64_t in_c, uint64_t out_c)
{
  return out_c * (9 * in_c + 1);
}

static void
parameters_are_counted_with_conv0_and_without_embeddings (void **state)
{
  const uint64_t color = 12, level_1 = parameters (3, 8) + color;
  const uint64_t level_2 = level_1 + 2 * parameters (8, 8), back_2 = 2 * parameters (8, 8) + parameters (8, 3);
  const uint64_t level_3 = level_2 + parameters (8, 8) + parameters (8, 12);
  const uint64_t level_5 = level_3 + 3 * parameters (12, 12) + parameters (12, 16) + 4 * parameters (16, 16);
  const uint64_t back_3 = parameters (12, 8) + 3 * parameters (8, 8) + parameters (8, 3);
  const uint64_t back_4 = parameters (16, 12) + 3 * parameters (12, 12) + back_3;
  const uint64_t back_5 = 4 * parameters (16, 16) + back_4;
  const uint64_t decoders = parameters (8, 3) + back_2 + back_3 + back_4 + back_5;
  WctModel      *model = load_tiny ("tiny"), *own = load_tiny ("tiny-own-trunks");
  uint64_t       sum = 0;

  (void)state;
  assert_int_equal (wct_model_encoder_parameter_count (model, 1), level_1);
  assert_int_equal (wct_model_encoder_parameter_count (model, 2), level_2);
  assert_int_equal (wct_model_encoder_parameter_count (model, 5), level_5);
  assert_int_equal (wct_model_decoder_parameter_count (model, 2), back_2);
  assert_int_equal (wct_model_decoder_parameter_count (model, 5), back_5);
  assert_int_equal (wct_model_parameter_count (model), level_5 + decoders);

  for (int level = 1; level <= WCT_LEVELS; level++)
    sum += wct_model_encoder_parameter_count (own, level) + wct_model_decoder_parameter_count (own, level);
  assert_int_equal (wct_model_parameter_count (own), sum);
  wct_model_unref (&own);
  wct_model_unref (&model);
}

static void
metadata_is_told_by_key_and_in_order (void **state)
{
  static const char *const keys[] = { "format", "version", "topology", "name", "license", "source" };
  WctModel                *model = load_tiny ("tiny");
  const char              *key, *value;
  size_t                   count = 0;

  (void)state;
  for (; wct_model_metadata_at (model, count, &key, &value); count++)
    {
      assert_string_equal (key, keys[count]);
      assert_ptr_equal (value, wct_model_metadata (model, key));
    }
  assert_int_equal (count, sizeof keys / sizeof keys[0]);
  assert_string_equal (wct_model_metadata (model, "license"), "MIT");
  assert_null (wct_model_metadata (model, "training"));
  wct_model_unref (&model);
}

static void
a_reference_keeps_a_model_alive (void **state)
{
  const size_t used = wct_mem_used ();
  WctModel    *model = load_tiny ("tiny"), *second = wct_model_ref (model), *none = NULL;

  (void)state;
  wct_model_unref (&model);
  assert_null (model);
  assert_int_equal (wct_model_levels (second), ALL_LEVELS);
  wct_model_unref (&second);
  wct_model_unref (&none);
  assert_int_equal (wct_mem_used (), used);
}

/* ---- Values ------------------------------------------------------------------------------------------------- */

/* One convolution in double at (y, x) of a (channels, side, side) picture: @reach 1 is 3×3, 0 is 1×1. The border
 * reflects about the edge pixel. */
static double
convolve_at (const double *picture, int channels, int side, const float *weight, double bias, int reach, int y, int x)
{
  const int kernel = 2 * reach + 1;
  double    sum = bias;

  for (int c = 0; c < channels; c++)
    for (int ky = 0; ky < kernel; ky++)
      for (int kx = 0; kx < kernel; kx++)
        {
          int from_y = abs (y + ky - reach), from_x = abs (x + kx - reach);

          from_y = from_y < side ? from_y : 2 * side - 2 - from_y;
          from_x = from_x < side ? from_x : 2 * side - 2 - from_x;
          sum += picture[(c * side + from_y) * side + from_x] * weight[(c * kernel + ky) * kernel + kx];
        }
  return sum;
}

static void
folded_conv0_computes_what_conv0_and_conv1_1_did (void **state)
{
  enum
  {
    SIDE = 7
  };
  WctModel      *model = load_tiny ("tiny");
  const WctConv *folded = &wct_model_encoder (model, 1)->layers[0].conv;
  double         picture[3 * SIDE * SIDE], colored[3 * SIDE * SIDE];
  WctSafetensors raw;
  WctError       err;

  (void)state;
  must (wct_safetensors_load (tiny_path ("tiny"), &raw, &err), &err);
  const float *matrix = wct_safetensors_find (&raw, "encoder.conv0.weight")->values;
  const float *offset = wct_safetensors_find (&raw, "encoder.conv0.bias")->values;
  const float *weight = wct_safetensors_find (&raw, "encoder.conv1_1.weight")->values;
  const float *bias = wct_safetensors_find (&raw, "encoder.conv1_1.bias")->values;

  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    picture[i] = fmod (i * 0.61803398875, 1);
  for (int i = 0; i < 3 * SIDE * SIDE; i++)
    colored[i] = convolve_at (picture, 3, SIDE, matrix + 3 * (i / (SIDE * SIDE)), offset[i / (SIDE * SIDE)], 0,
                              i / SIDE % SIDE, i % SIDE);

  for (int o = 0; o < folded->out_c; o++)
    for (int i = 0; i < SIDE * SIDE; i++)
      {
        const double expected = convolve_at (colored, 3, SIDE, weight + 27 * o, bias[o], 1, i / SIDE, i % SIDE);
        const double got =
          convolve_at (picture, 3, SIDE, folded->weight + 27 * o, folded->bias[o], 1, i / SIDE, i % SIDE);

        /* 28 numbers below 8 were rounded to float once, each by 2^-24 of itself at most, and pixels are below 1. */
        if (!(fabs (got - expected) <= 28 * 8 * 0x1p-24))
          fail_msg ("channel %d, position %d: expected %.9g, got %.9g, allowed %g", o, i, expected, got,
                    28 * 8 * 0x1p-24);
      }
  wct_safetensors_clear (&raw);
  wct_model_unref (&model);
}

/* conv0 of the tiny models has one factor in each row and column: the products need no sum. */
static void
folded_weights_are_rounded_once (void **state)
{
  WctModel      *model = load_tiny ("tiny");
  const WctConv *folded = &wct_model_encoder (model, 5)->layers[0].conv;
  WctSafetensors raw;
  WctError       err;

  (void)state;
  must (wct_safetensors_load (tiny_path ("tiny"), &raw, &err), &err);
  const float *matrix = wct_safetensors_find (&raw, "encoder.conv0.weight")->values;
  const float *weight = wct_safetensors_find (&raw, "encoder.conv1_1.weight")->values;
  for (int o = 0; o < folded->out_c; o++)
    for (int j = 0; j < 3; j++)
      for (int place = 0; place < 9; place++)
        {
          const int   i = 2 - j; /* the channels are swapped */
          const float expected = (float)((double)weight[(o * 3 + i) * 9 + place] * matrix[i * 3 + j]);

          assert_float_equal (folded->weight[(o * 3 + j) * 9 + place], expected, 0);
        }
  wct_safetensors_clear (&raw);
  wct_model_unref (&model);
}

/* @precision: half the distance of two neighbors, relative. */
static void
check_rounded (const char *name, double precision)
{
  WctModel *exact = load_tiny ("tiny"), *rounded = load_tiny (name);

  for (int level = 1; level <= WCT_LEVELS; level++)
    for (int i = 0; i < wct_model_decoder (exact, level)->count; i++)
      {
        const WctLayer *expected = &wct_model_decoder (exact, level)->layers[i];
        const WctLayer *got = &wct_model_decoder (rounded, level)->layers[i];

        for (int w = 0; expected->kind == WCT_LAYER_CONV && w < 9 * expected->conv.in_c * expected->conv.out_c; w++)
          if (!(fabsf (got->conv.weight[w] - expected->conv.weight[w])
                <= precision * fabsf (expected->conv.weight[w]) + 0x1p-25))
            fail_msg ("%s, %s, weight %d: expected %.9g, got %.9g, allowed %g relative", name, got->conv.name, w,
                      (double)expected->conv.weight[w], (double)got->conv.weight[w], precision);
      }
  wct_model_unref (&rounded);
  wct_model_unref (&exact);
}

static void
f16_and_bf16_models_have_the_rounded_weights (void **state)
{
  (void)state;
  check_rounded ("tiny-f16", 0x1p-11);
  check_rounded ("tiny-bf16", 0x1p-8);
}

/* ---- Failures and memory ------------------------------------------------------------------------------------ */

static void
each_malformed_file_gets_its_sentence_and_little_memory (void **state)
{
  FILE *list = fopen ("EXPECTED.tsv", "re");
  char  line[1000];
  int   count = 0, wrong = 0;

  (void)state;
  assert_non_null (list);
  for (; fgets (line, sizeof line, list) != NULL; count++)
    {
      char        expected[1200];
      const char *name = strtok (line, "\t"), *sentence = strtok (NULL, "\n");
      WctModel   *model = NULL;
      WctError    err = { .status = WCT_OK, .message = "loads" };

      accounting_start (0);
      const size_t before = accounting_peak ();
      if (wct_model_load (name, &model, &err) == WCT_OK)
        snprintf (expected, sizeof expected, "%s", sentence);
      else
        snprintf (expected, sizeof expected, "%s: %s", name, sentence);
      if (strcmp (err.message, expected) != 0 && ++wrong)
        print_error ("%s: expected \"%s\", got \"%s\"\n", name, expected, err.message);
      if (accounting_peak () - before > MEMORY_ALLOWED (size_of_file (name)) && ++wrong)
        print_error ("%s: got %zu bytes, allowed %zu\n", name, accounting_peak () - before,
                     MEMORY_ALLOWED (size_of_file (name)));
      wct_model_unref (&model);
      assert_int_equal (wct_mem_used () + json_used, before);
    }
  fclose (list);
  assert_int_equal (wrong, 0);
  assert_true (count >= 100);
}

static void
loading_takes_at_most_twice_the_size_of_the_file (void **state)
{
  static const char *const names[] = {
    "tiny", "tiny-f16", "tiny-bf16", "tiny-vgg16", "tiny-own-trunks", "tiny-encoder"
  };

  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    {
      accounting_start (0);
      WctModel *model = load_tiny (names[i]);

      if (accounting_peak () > MEMORY_ALLOWED (size_of_file (tiny_path (names[i]))))
        fail_msg ("%s: got %zu bytes, allowed %zu", names[i], accounting_peak (),
                  MEMORY_ALLOWED (size_of_file (tiny_path (names[i]))));
      wct_model_unref (&model);
    }
}

static void
every_allocation_that_fails_leaves_nothing_behind (void **state)
{
  static const char *const names[] = { "tiny", "tiny-own-trunks" };
  const size_t             used = wct_mem_used ();

  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    {
      WctStatus status = WCT_ERR_NO_MEMORY;

      for (long n = 1; status != WCT_OK; n++)
        {
          WctModel *model = NULL;
          WctError  err;

          wct_mem_test_fail (n, n % 2 == 0);
          status = wct_model_load (tiny_path (names[i]), &model, &err);
          wct_mem_test_fail (0, false);
          assert_true (status == WCT_OK || (status == WCT_ERR_NO_MEMORY && model == NULL));
          wct_model_unref (&model);
          assert_int_equal (wct_mem_used (), used);
          assert_true (n < 1000);
        }
    }
}

static unsigned char *
read_tiny (size_t *size)
{
  FILE *stream = fopen (tiny_path ("tiny"), "rbe");

  *size = size_of_file (tiny_path ("tiny"));
  unsigned char *bytes = malloc (*size);
  assert_non_null (bytes);
  assert_non_null (stream);
  assert_int_equal (fread (bytes, 1, *size, stream), *size);
  fclose (stream);
  return bytes;
}

static void
no_prefix_of_a_model_is_a_model (void **state)
{
  size_t         size;
  unsigned char *bytes = read_tiny (&size);

  (void)state;
  for (size_t length = 0; length < size; length += 1 + length / 50)
    {
      WctModel *model = NULL;

      assert_int_equal (wct_model_parse (bytes, length, "tiny", &model, NULL), WCT_ERR_FORMAT);
      assert_null (model);
    }
  free (bytes);
}

static int
enter_corpus (void **state)
{
  (void)state;
  accounting_start (0);
  return chdir (getenv ("WCT_TEST_MALFORMED"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (layers_are_in_the_order_of_the_topology),
    cmocka_unit_test (a_final_relu_is_there_where_the_metadata_says_so),
    cmocka_unit_test (levels_and_channels_are_told),
    cmocka_unit_test (an_encoder_alone_has_no_levels_to_stylize_with),
    cmocka_unit_test (parameters_are_counted_with_conv0_and_without_embeddings),
    cmocka_unit_test (metadata_is_told_by_key_and_in_order),
    cmocka_unit_test (a_reference_keeps_a_model_alive),
    cmocka_unit_test (folded_conv0_computes_what_conv0_and_conv1_1_did),
    cmocka_unit_test (folded_weights_are_rounded_once),
    cmocka_unit_test (f16_and_bf16_models_have_the_rounded_weights),
    cmocka_unit_test (each_malformed_file_gets_its_sentence_and_little_memory),
    cmocka_unit_test (loading_takes_at_most_twice_the_size_of_the_file),
    cmocka_unit_test (every_allocation_that_fails_leaves_nothing_behind),
    cmocka_unit_test (no_prefix_of_a_model_is_a_model),
  };

  return cmocka_run_group_tests (tests, enter_corpus, NULL);
}
