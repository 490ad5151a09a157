/* Style files: what is saved is what is loaded, and a stranger's file gets one sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <unistd.h>

#include <wct/wct.h>

#include "mem.h"
#include "style.h"

static WctModel   *model, *without_decoders, *other_trunk;
static WctBackend *backend;
static WctStyle   *style;
static char        root[] = "/tmp/wct-style-file-XXXXXX";
static float       pixels[48 * 40 * 3];
static uint8_t     thumbnail[7 * 5 * 3];

static void
must (WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_msg ("%s", err->message);
}

static const char *
path_of (const char *name)
{
  static char path[256];

  snprintf (path, sizeof path, "%s/%s", root, name);
  return path;
}

static WctStyle *
measure (uint64_t seed, unsigned levels)
{
  const WctImage image = { pixels, 48, 40, 3, 48 * 3 * sizeof (float) };
  WctStyle      *measured = NULL;
  WctError       err;

  wct_noise_fill (&image, seed);
  must (wct_style_measure (model, backend, &image, levels, NULL, &measured, &err), &err);
  return measured;
}

static WctStyleCard
card (void)
{
  WctStyleCard said = { .name = "Wellen, groß", .license = "CC0-1.0", .thumbnail = thumbnail, .width = 7, .height = 5 };

  for (size_t i = 0; i < sizeof thumbnail; i++)
    thumbnail[i] = (uint8_t)(i * 37);
  return said;
}

static void
save (const char *name)
{
  const WctStyleCard said = card ();
  WctError           err;

  must (wct_style_save (style, &said, path_of (name), &err), &err);
}

static WctStyle *
load (WctModel *by, const char *name, WctStyleCard *said)
{
  WctStyle *loaded = NULL;
  WctError  err;

  must (wct_style_load (by, path_of (name), &loaded, said, &err), &err);
  return loaded;
}

static int
count_files (void)
{
  DIR           *files = opendir (root);
  struct dirent *file;
  int            count = 0;

  while ((file = readdir (files)) != NULL)
    count += strcmp (file->d_name, ".") != 0 && strcmp (file->d_name, "..") != 0;
  closedir (files);
  return count;
}

/* ---- Saved and loaded ---------------------------------------------------------------------------------------- */

static void
a_style_is_loaded_with_the_moments_that_were_measured (void **state)
{
  WctStyleCard said;
  WctStyle    *loaded;

  (void)state;
  save ("a.wctstyle");
  loaded = load (model, "a.wctstyle", &said);
  assert_int_equal (wct_style_levels (loaded), wct_style_levels (style));
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      const WctMoments *from = wct_style_moments (style, level), *to = wct_style_moments (loaded, level);
      const size_t      channels = (size_t)from->channels;

      /* two floats make 48 bits */
      assert_true (to->weight == from->weight);
      for (size_t c = 0; c < channels; c++)
        assert_float_equal (to->mean[c], from->mean[c], fabs (from->mean[c]) * 0x1p-47);
      for (size_t row = 0; row < channels; row++)
        for (size_t c = 0; c < channels; c++) /* of the upper triangle, which is kept */
          {
            const double kept = from->covariance[row < c ? row * channels + c : c * channels + row];

            assert_float_equal (to->covariance[row * channels + c], kept, fabs (kept) * 0x1p-47);
          }
    }
  assert_string_equal (said.name, "Wellen, groß");
  assert_string_equal (said.license, "CC0-1.0");
  assert_string_equal (said.model, "tiny");
  assert_int_equal (said.levels, wct_style_levels (style));
  assert_int_equal (said.width, 7);
  assert_int_equal (said.height, 5);
  assert_memory_equal (said.thumbnail, thumbnail, sizeof thumbnail);
  wct_style_card_clear (&said);
  wct_style_card_clear (&said);
  wct_style_unref (&loaded);
}

static double
largest_difference_of_jobs (WctStyle *const *one, WctStyle *const *two, size_t count)
{
  const WctImage content = { pixels, 48, 40, 3, 48 * 3 * sizeof (float) };
  static float   results[2][48 * 40 * 3];
  double         largest = 0;
  WctParams      params;
  WctError       err;

  wct_noise_fill (&content, 9);
  wct_params_init (&params);
  for (int i = 0; i < 2; i++)
    {
      WctImage result = { results[i], 48, 40, 3, 48 * 3 * sizeof (float) };
      WctJob  *job = NULL;

      must (
        wct_job_new (&(WctJobSpec){ model, backend, &params, count, i == 0 ? one : two, NULL, 0, NULL }, &job, &err),
        &err);
      must (wct_job_run (job, &content, &result, NULL, &err), &err);
      wct_job_free (&job);
    }
  for (size_t i = 0; i < 48 * 40 * 3; i++)
    largest = fmax (largest, fabs ((double)results[0][i] - results[1][i]));
  return largest;
}

/* 1e-4: numbers rounded to 48 bits, amplified by five levels of whitening (1 / sqrt (floor) = 316 each) and decoding.
 */
static void
a_saved_style_stylizes_as_its_picture_does_alone_and_mixed (void **state)
{
  WctStyle *second = measure (5, 31), *loaded;

  (void)state;
  save ("a.wctstyle");
  loaded = load (model, "a.wctstyle", NULL);
  assert_float_equal (largest_difference_of_jobs (&style, &loaded, 1), 0, 1e-4);
  assert_float_equal (largest_difference_of_jobs ((WctStyle *[]){ style, second }, (WctStyle *[]){ loaded, second }, 2),
                      0, 1e-4);
  wct_style_unref (&loaded);
  wct_style_unref (&second);
}

static void
levels_that_were_not_measured_are_not_in_the_file (void **state)
{
  WctStyle    *some = measure (1, 1 | 8), *loaded;
  WctStyleCard said = { .thumbnail = NULL };
  WctError     err;

  (void)state;
  must (wct_style_save (some, NULL, path_of ("some.wctstyle"), &err), &err);
  loaded = load (model, "some.wctstyle", &said);
  assert_int_equal (wct_style_levels (loaded), 1 | 8);
  assert_int_equal (said.channels[0], wct_model_channels (model, 1));
  assert_int_equal (said.channels[1], 0);
  assert_string_equal (said.name, "some"); /* by the file's */
  assert_string_equal (said.license, "");
  assert_null (said.thumbnail);
  wct_style_card_clear (&said);
  wct_style_unref (&loaded);
  wct_style_unref (&some);
}

static void
a_style_fits_a_model_with_the_same_encoders_only (void **state)
{
  WctStyle *loaded;
  WctError  err;
  char      one[33], two[33];

  (void)state;
  save ("a.wctstyle");
  loaded = load (without_decoders, "a.wctstyle", NULL);
  assert_int_equal (wct_style_levels (loaded), 31);
  wct_style_unref (&loaded);
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      assert_true (wct_model_fingerprint (model, level, one));
      assert_true (wct_model_fingerprint (without_decoders, level, two));
      assert_string_equal (one, two);
    }
  assert_int_equal (wct_style_load (other_trunk, path_of ("a.wctstyle"), &loaded, NULL, &err), WCT_ERR_UNSUPPORTED);
  assert_non_null (strstr (err.message, "a.wctstyle: was measured with the model tiny "));
  assert_non_null (strstr (err.message, "…, not with the model tiny, VGG-16 "));
  assert_non_null (strstr (err.message, "; measure the style's picture again"));
  assert_null (loaded);
}

/* ---- Damage --------------------------------------------------------------------------------------------------- */

typedef struct
{
  json_t *header; /* owned */
  char   *data;   /* owned */
  size_t  size;   /* of the data */
} Raw;

static Raw
read_raw (const char *name)
{
  FILE    *file = fopen (path_of (name), "rb");
  uint64_t length;
  Raw      raw = { .header = NULL };
  char    *text;
  long     end;

  assert_non_null (file);
  assert_int_equal (fread (&length, sizeof length, 1, file), 1);
  text = calloc (1, length + 1);
  assert_int_equal (fread (text, 1, length, file), length);
  raw.header = json_loads (text, 0, NULL);
  fseek (file, 0, SEEK_END);
  end = ftell (file);
  raw.size = (size_t)end - 8 - length;
  raw.data = calloc (1, raw.size);
  fseek (file, (long)(8 + length), SEEK_SET);
  assert_int_equal (fread (raw.data, 1, raw.size, file), raw.size);
  fclose (file);
  free (text);
  return raw;
}

static void
write_raw (const char *name, const Raw *raw)
{
  FILE          *file = fopen (path_of (name), "wb");
  char          *text = json_dumps (raw->header, JSON_COMPACT);
  const uint64_t length = strlen (text);

  assert_int_equal (fwrite (&length, sizeof length, 1, file), 1);
  assert_int_equal (fwrite (text, 1, length, file), length);
  assert_int_equal (fwrite (raw->data, 1, raw->size, file), raw->size);
  fclose (file);
  free (text);
}

static size_t
begin_of (const Raw *raw, const char *tensor)
{
  return (size_t)json_integer_value (
    json_array_get (json_object_get (json_object_get (raw->header, tensor), "data_offsets"), 0));
}

static void
set_value (Raw *raw, const char *tensor, size_t index, float value)
{
  memcpy (raw->data + begin_of (raw, tensor) + index * sizeof value, &value, sizeof value);
}

static void
set_shape (Raw *raw, const char *tensor, json_t *shape)
{
  json_object_set_new (json_object_get (raw->header, tensor), "shape", shape);
}

static void
rename_tensor (Raw *raw, const char *from, const char *to)
{
  json_object_set (raw->header, to, json_object_get (raw->header, from));
  json_object_del (raw->header, from);
}

static void
set_text (Raw *raw, const char *key, const char *text)
{
  if (text == NULL)
    json_object_del (json_object_get (raw->header, "__metadata__"), key);
  else
    json_object_set_new (json_object_get (raw->header, "__metadata__"), key, json_string (text));
}

/* One kind of damage to a file that was whole. Channels are 8, 8, 12, 16, 16. */
static void
damage (Raw *raw, int kind)
{
  char long_name[200];

  memset (long_name, 'x', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = '\0';
  switch (kind)
    {
    case 0:
      set_text (raw, "format", "wct");
      break;
    case 1:
      set_text (raw, "version", "2");
      break;
    case 2:
      set_text (raw, "relu3_1.encoder", NULL);
      break;
    case 3:
      set_text (raw, "relu3_1.encoder", "zz");
      break;
    case 4:
      set_text (raw, "name", long_name);
      break;
    case 5:
      set_value (raw, "relu2_1.covariance", 3, NAN);
      break;
    case 6:
      set_value (raw, "relu4_1.mean", 0, INFINITY);
      break;
    case 7: /* (1, 1) of a triangle of 8 rows */
      set_value (raw, "relu1_1.covariance", 8, -0.5f);
      break;
    case 8:
      set_shape (raw, "relu3_1.mean", json_pack ("[i, i]", 12, 1));
      break;
    case 9:
      set_shape (raw, "relu3_1.covariance", json_pack ("[i, i]", 6, 13));
      break;
    case 10:
      rename_tensor (raw, "relu2_1.mean", "relu9_1.mean");
      break;
    case 11:
      rename_tensor (raw, "thumbnail", "relu6_1.mean");
      break;
    case 12:
      set_shape (raw, "thumbnail", json_pack ("[i, i, i]", 5, 3, 7));
      break;
    case 13:
      set_shape (raw, "thumbnail", json_pack ("[i]", 5 * 7 * 3));
      break;
    case 14: /* a hole */
      raw->size += 4;
      raw->data = realloc (raw->data, raw->size);
      memset (raw->data + raw->size - 4, 0, 4);
      break;
    case 15:
      raw->size -= 4;
      break;
    case 16:
      json_object_set_new (json_object_get (raw->header, "relu1_1.mean"), "data_offsets", json_pack ("[i, i]", 4, 36));
      break;
    case 17: /* a mean of bytes */
      json_object_set_new (json_object_get (raw->header, "relu1_1.mean"), "dtype", json_string ("U8"));
      set_shape (raw, "relu1_1.mean", json_pack ("[i]", 32));
      break;
    default:
      json_object_set_new (json_object_get (raw->header, "relu1_1.mean"), "dtype", json_string ("F64"));
      break;
    }
}

static void
every_kind_of_damage_gets_its_sentence (void **state)
{
  static const char *const sentences[] = {
    "says its format is \"wct\"; this program knows \"wct-style\" only",
    "says its version is \"2\"",
    "its metadata has no relu3_1.encoder of 32 hexadecimal digits",
    "its metadata has no relu3_1.encoder of 32 hexadecimal digits",
    "its name has 199 bytes, up to 127 are allowed",
    "relu2_1.covariance: value 4 of 36 is not a number",
    "relu4_1.mean: value 1 of 16 is infinite",
    "relu1_1.covariance: the variance of channel 1 is -0.5; it is 0 or more",
    "relu3_1.mean: is not a list of numbers",
    "relu3_1.covariance: is not 12x12 numbers, or its upper triangle",
    "has no mean of relu2_1, but other statistics of it",
    "relu6_1.mean: a style has no such tensor",
    "thumbnail: is not height x width x 3 of U8",
    "thumbnail: is not height x width x 3 of U8",
    "4 bytes at its end belong to no tensor",
    "was it cut short?",
    "4 bytes before it belong to no tensor",
    "relu1_1.mean: is not a list of numbers",
    "relu1_1.mean: its values are F64",
  };

  (void)state;
  save ("whole.wctstyle");
  for (int kind = 0; kind < (int)(sizeof sentences / sizeof sentences[0]); kind++)
    {
      Raw       raw = read_raw ("whole.wctstyle");
      WctStyle *loaded = NULL;
      WctError  err = { .message = "" };

      damage (&raw, kind);
      write_raw ("damaged.wctstyle", &raw);
      assert_int_equal (wct_style_load (model, path_of ("damaged.wctstyle"), &loaded, NULL, &err), WCT_ERR_FORMAT);
      assert_null (loaded);
      if (strstr (err.message, sentences[kind]) == NULL || strstr (err.message, "damaged.wctstyle: ") == NULL)
        fail_msg ("damage %d: expected \"%s\", got \"%s\"", kind, sentences[kind], err.message);
      json_decref (raw.header);
      free (raw.data);
    }
}

/* relu1_1 alone, as somebody's own program would write it. @full: (8, 8) */
static void
write_whole_covariance (const float *full)
{
  Raw         raw = read_raw ("packed.wctstyle"), other;
  const char *encoder =
    json_string_value (json_object_get (json_object_get (raw.header, "__metadata__"), "relu1_1.encoder"));
  float values[8 + 64];

  memcpy (values, raw.data + begin_of (&raw, "relu1_1.mean"), 8 * sizeof (float));
  memcpy (values + 8, full, 64 * sizeof (float));
  other = (Raw){ json_pack ("{s:{s:s, s:s, s:s}, s:{s:s, s:[i], s:[i, i]}, s:{s:s, s:[i, i], s:[i, i]}}",
                            "__metadata__", "format", "wct-style", "version", "1", "relu1_1.encoder", encoder,
                            "relu1_1.mean", "dtype", "F32", "shape", 8, "data_offsets", 0, 32, "relu1_1.covariance",
                            "dtype", "F32", "shape", 8, 8, "data_offsets", 32, 288),
                 (char *)values, sizeof values };
  write_raw ("whole.wctstyle", &other);
  json_decref (other.header);
  json_decref (raw.header);
  free (raw.data);
}

static void
a_whole_covariance_is_read_and_must_be_symmetric (void **state)
{
  WctStyle *whole, *packed;
  WctError  err;
  float     full[64];

  (void)state;
  save ("packed.wctstyle");
  packed = load (model, "packed.wctstyle", NULL);
  for (int i = 0; i < 64; i++)
    full[i] = (float)wct_style_moments (packed, 1)->covariance[i];
  write_whole_covariance (full);
  whole = load (model, "whole.wctstyle", NULL);
  assert_int_equal (wct_style_levels (whole), 1);
  for (int i = 0; i < 64; i++)
    assert_float_equal (wct_style_moments (whole, 1)->covariance[i], full[i], 0);
  wct_style_unref (&whole);
  wct_style_unref (&packed);
  full[8] += 0.5f;
  write_whole_covariance (full);
  assert_int_equal (wct_style_load (model, path_of ("whole.wctstyle"), &whole, NULL, &err), WCT_ERR_FORMAT);
  assert_non_null (strstr (err.message, "relu1_1.covariance: is not symmetric: "));
}

static void
a_file_cut_anywhere_is_refused (void **state)
{
  FILE *file;
  long  size;

  (void)state;
  save ("whole.wctstyle");
  file = fopen (path_of ("whole.wctstyle"), "rb");
  fseek (file, 0, SEEK_END);
  size = ftell (file);
  fclose (file);
  for (long cut = 0; cut < size; cut += 1 + size / 97)
    {
      WctStyle    *loaded = NULL;
      WctStyleCard said = { .thumbnail = NULL };
      WctError     err;

      save ("cut.wctstyle");
      assert_int_equal (truncate (path_of ("cut.wctstyle"), cut), 0);
      assert_int_equal (wct_style_load (model, path_of ("cut.wctstyle"), &loaded, NULL, &err), WCT_ERR_FORMAT);
      assert_int_equal (wct_style_read_card (path_of ("cut.wctstyle"), &said, &err), WCT_ERR_FORMAT);
      assert_null (loaded);
      assert_null (said.thumbnail);
    }
}

static void
what_is_no_file_or_too_large_is_refused_before_it_is_read (void **state)
{
  WctStyle *loaded = NULL;
  WctError  err;

  (void)state;
  assert_int_equal (wct_style_load (model, path_of ("nothing.wctstyle"), &loaded, NULL, &err), WCT_ERR_IO);
  assert_int_equal (wct_style_load (model, root, &loaded, NULL, &err), WCT_ERR_IO);
  assert_non_null (strstr (err.message, "is a folder; a style is a .wctstyle file"));
  save ("large.wctstyle");
  assert_int_equal (truncate (path_of ("large.wctstyle"), 16000001), 0);
  assert_int_equal (wct_style_load (model, path_of ("large.wctstyle"), &loaded, NULL, &err), WCT_ERR_FORMAT);
  assert_non_null (strstr (err.message, "has 16000001 bytes, up to 16000000 are allowed"));
}

/* ---- Saving fails ---------------------------------------------------------------------------------------------- */

static void
a_bad_card_or_folder_is_a_sentence_and_leaves_nothing (void **state)
{
  WctStyleCard said;
  WctError     err;
  const int    before = count_files ();

  (void)state;
  said = card ();
  strcpy (said.name, "two\nlines");
  assert_int_equal (wct_style_save (style, &said, path_of ("bad.wctstyle"), &err), WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "its name has a control character"));
  said = card ();
  strcpy (said.license, "\xff");
  assert_int_equal (wct_style_save (style, &said, path_of ("bad.wctstyle"), &err), WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "its license is not UTF-8"));
  said = card ();
  said.width = 129;
  assert_int_equal (wct_style_save (style, &said, path_of ("bad.wctstyle"), &err), WCT_ERR_ARGUMENT);
  assert_non_null (strstr (err.message, "its thumbnail is 129x5"));
  assert_int_equal (wct_style_save (style, NULL, path_of ("no/such/folder.wctstyle"), &err), WCT_ERR_IO);
  assert_int_equal (count_files (), before);
}

static void
an_allocation_that_fails_is_a_sentence_and_leaves_nothing (void **state)
{
  const WctStyleCard said = card ();
  const int          before = count_files ();

  (void)state;
  for (long n = 1;; n++)
    {
      const size_t used = wct_mem_used ();
      WctStyle    *loaded = NULL;
      WctStyleCard read = { .thumbnail = NULL };
      WctError     err;

      wct_mem_test_fail (n, false);
      WctStatus status = wct_style_save (style, &said, path_of ("n.wctstyle"), &err);
      if (status != WCT_OK)
        assert_int_equal (count_files (), before);
      else
        status = wct_style_load (model, path_of ("n.wctstyle"), &loaded, &read, &err);
      const bool happened = wct_mem_test_fail (0, false) >= n;
      assert_int_equal (status, happened ? WCT_ERR_NO_MEMORY : WCT_OK);
      wct_style_unref (&loaded);
      wct_style_card_clear (&read);
      unlink (path_of ("n.wctstyle"));
      assert_int_equal (wct_mem_used (), used);
      if (!happened)
        break;
    }
}

/* ---- Those that come along --------------------------------------------------------------------------------------- */

/* In the tree; beside it lies what is shared. */
static const char *
source (const char *name)
{
  static char path[2048];

  snprintf (path, sizeof path, "%s/%s", getenv ("WCT_SOURCE"), name);
  return path;
}

static void
every_style_that_comes_along_fits_the_model_that_does (void **state)
{
  char           path[4096];
  DIR           *files = opendir (source ("data/styles"));
  struct dirent *file;
  WctModel      *shipped = NULL;
  WctError       err;
  int            count = 0;

  (void)state;
  assert_non_null (files);
  must (wct_model_load (source ("weights/wct-compact.safetensors"), &shipped, &err), &err);
  while ((file = readdir (files)) != NULL)
    if (strstr (file->d_name, WCT_STYLE_EXTENSION) != NULL)
      {
        WctStyle    *loaded = NULL;
        WctStyleCard said;

        snprintf (path, sizeof path, "%s/%s", source ("data/styles"), file->d_name);
        must (wct_style_load (shipped, path, &loaded, &said, &err), &err);
        assert_int_equal (wct_style_levels (loaded), wct_model_levels (shipped));
        assert_true (said.name[0] != '\0' && said.license[0] != '\0' && said.thumbnail != NULL);
        wct_style_card_clear (&said);
        wct_style_unref (&loaded);
        count++;
      }
  closedir (files);
  wct_model_unref (&shipped);
  assert_int_equal (count, 20);
}

static WctModel *
load_tiny (const char *name)
{
  char      path[4096];
  WctModel *loaded = NULL;
  WctError  err;

  snprintf (path, sizeof path, "%s/%s.safetensors", getenv ("WCT_TEST_MODELS"), name);
  must (wct_model_load (path, &loaded, &err), &err);
  return loaded;
}

static int
open_all (void **state)
{
  WctError err;

  (void)state;
  if (mkdtemp (root) == NULL)
    return -1;
  model = load_tiny ("tiny");
  without_decoders = load_tiny ("tiny-encoder");
  other_trunk = load_tiny ("tiny-vgg16");
  must (wct_backend_open ("auto", 2, &backend, &err), &err);
  style = measure (1, wct_model_levels (model));
  return 0;
}

static int
close_all (void **state)
{
  char command[64];

  (void)state;
  snprintf (command, sizeof command, "rm -rf %s", root);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  wct_model_unref (&other_trunk);
  wct_model_unref (&without_decoders);
  wct_model_unref (&model);
  return system (command) == 0 && wct_mem_used () == 0 ? 0 : -1;
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_style_is_loaded_with_the_moments_that_were_measured),
    cmocka_unit_test (a_saved_style_stylizes_as_its_picture_does_alone_and_mixed),
    cmocka_unit_test (levels_that_were_not_measured_are_not_in_the_file),
    cmocka_unit_test (a_style_fits_a_model_with_the_same_encoders_only),
    cmocka_unit_test (every_kind_of_damage_gets_its_sentence),
    cmocka_unit_test (a_whole_covariance_is_read_and_must_be_symmetric),
    cmocka_unit_test (a_file_cut_anywhere_is_refused),
    cmocka_unit_test (what_is_no_file_or_too_large_is_refused_before_it_is_read),
    cmocka_unit_test (a_bad_card_or_folder_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (an_allocation_that_fails_is_a_sentence_and_leaves_nothing),
    cmocka_unit_test (every_style_that_comes_along_fits_the_model_that_does),
  };

  return cmocka_run_group_tests (tests, open_all, close_all);
}
