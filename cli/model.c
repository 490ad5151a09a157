/* wct model: what a model file is and says about itself. */
#include "commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <wct/wct.h>

#include "digest.h"
#include "exit-status.h"
#include "report.h"

typedef struct
{
  char      path[4096];
  char      sha256[WCT_DIGEST_SIZE];
  int64_t   bytes;
  WctModel *model;
} ModelFile;

static json_t *
levels_json (const WctModel *model)
{
  json_t *levels = json_array ();
  char    encoder[33];

  for (int level = WCT_LEVELS; level >= 1; level--)
    if (wct_model_encoder_levels (model) & 1u << (level - 1))
      {
        json_t *row = json_object ();

        json_object_set_new (row, "level", json_integer (level));
        json_object_set_new (row, "channels", json_integer (wct_model_channels (model, level)));
        json_object_set_new (row, "encoder_parameters",
                             json_integer ((json_int_t)wct_model_encoder_parameter_count (model, level)));
        json_object_set_new (row, "decoder_parameters",
                             json_integer ((json_int_t)wct_model_decoder_parameter_count (model, level)));
        wct_model_fingerprint (model, level, encoder);
        json_object_set_new (row, "encoder", json_string (encoder));
        json_object_set_new (row, "stylizes", json_boolean (wct_model_levels (model) & 1u << (level - 1)));
        json_array_append_new (levels, row);
      }
  return levels;
}

static WctStatus
print_json (const ModelFile *file, WctError *err)
{
  json_t     *json = json_object (), *metadata = json_object ();
  const char *key, *value;

  for (size_t i = 0; wct_model_metadata_at (file->model, i, &key, &value); i++)
    json_object_set_new (metadata, key, wct_json_text (value));
  json_object_set_new (json, "file", wct_json_text (file->path));
  json_object_set_new (json, "bytes", json_integer ((json_int_t)file->bytes));
  json_object_set_new (json, "sha256", wct_json_text (file->sha256));
  json_object_set_new (json, "topology", wct_json_text (wct_model_metadata (file->model, "topology")));
  json_object_set_new (json, "license", wct_json_text (wct_model_metadata (file->model, "license")));
  json_object_set_new (json, "shared_trunk", json_boolean (wct_model_shared_trunk (file->model)));
  json_object_set_new (json, "parameters", json_integer ((json_int_t)wct_model_parameter_count (file->model)));
  json_object_set_new (json, "levels", levels_json (file->model));
  json_object_set_new (json, "metadata", metadata);
  return wct_json_print (json, err);
}

static void
print_levels (const WctModel *model)
{
  printf ("\n%-10s%10s%12s%12s\n", "Level", "channels", "encoder", "decoder");
  for (int level = WCT_LEVELS; level >= 1; level--)
    {
      char decoder[32] = "none";

      if ((wct_model_encoder_levels (model) & 1u << (level - 1)) == 0)
        continue;
      if (wct_model_levels (model) & 1u << (level - 1))
        snprintf (decoder, sizeof decoder, "%" PRIu64, wct_model_decoder_parameter_count (model, level));
      printf ("relu%d_1   %10" PRId32 "%12" PRIu64 "%12s\n", level, wct_model_channels (model, level),
              wct_model_encoder_parameter_count (model, level), decoder);
    }
}

static const char *
or_unknown (const char *text)
{
  return text == NULL ? "not said" : text;
}

/* Bytes of a text that are shown: a trainer may have written a whole history into one. */
#define SHOWN_BYTES 240

static void
print_metadata (const char *key, const char *value)
{
  const size_t length = strlen (value);
  size_t       shown = length < SHOWN_BYTES ? length : SHOWN_BYTES;

  while (shown < length && ((unsigned char)value[shown] & 0xC0) == 0x80) /* not inside a character of UTF-8 */
    shown--;
  printf ("  %s: %.*s%s\n", key, (int)shown, value, shown < length ? " ... (--json shows all)" : "");
}

static void
print_text (const ModelFile *file)
{
  const WctModel *model = file->model;
  const char     *key, *value;

  printf ("File        %s\n", file->path);
  printf ("Size        %" PRId64 " bytes\n", file->bytes);
  printf ("SHA-256     %s\n", file->sha256);
  printf ("License     %s\n", or_unknown (wct_model_metadata (model, "license")));
  printf ("Topology    %s\n", or_unknown (wct_model_metadata (model, "topology")));
  printf ("Encoder     %s\n", wct_model_shared_trunk (model) ? "one trunk for all levels" : "a trunk for each level");
  printf ("Parameters  %" PRIu64 "\n", wct_model_parameter_count (model));
  print_levels (model);
  if (wct_model_levels (model) == 0)
    printf ("\nAn encoder alone: it cannot stylize.\n");
  printf ("\nMetadata\n");
  for (size_t i = 0; wct_model_metadata_at (model, i, &key, &value); i++)
    print_metadata (key, value);
}

WctStatus
wct_command_model (const WctArguments *arguments, WctError *err)
{
  const char *named = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
  ModelFile   file = { .model = NULL };
  WctStatus   status;

  WCT_TRY (wct_model_find (named, file.path, sizeof file.path, err));
  WCT_TRY (wct_model_load (file.path, &file.model, err));
  WCT_TRY (wct_digest_file (file.path, file.sha256, &file.bytes, err));
  if (arguments->json)
    WCT_TRY (print_json (&file, err));
  else
    print_text (&file);

out:
  wct_model_unref (&file.model);
  return status;
}
