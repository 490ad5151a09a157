#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wct/backend.h>

#include "mem.h"

#ifndef WCT_COMMIT
#  define WCT_COMMIT "unknown"
#endif

#define FORMAT "wct-train 1"

/* ---- The table: every field of a config, once ---------------------------------------------------------------- */

typedef enum
{
  FIELD_TEXT,
  FIELD_INT32,
  FIELD_INT64,
  FIELD_UINT64,
  FIELD_REAL,
  FIELD_BOOL,
  FIELD_LEVELS, /* unsigned, as a list of levels */
  FIELD_CHANNELS,
  FIELD_WEIGHTS, /* a number for each level */
  FIELD_CHOICE   /* an enum, by the names of its values */
} FieldKind;

typedef struct
{
  const char        *name;
  FieldKind          kind;
  size_t             offset;
  const char *const *choices;
} Field;

static const char *const tasks[] = { "decoder", "encoder", NULL };
const char *const        wct_config_loss_scales[] = { "raw", "variance", NULL };
const char *const        wct_config_starts[] = { "data", "he", "model", NULL };
const char *const        wct_config_schedules[] = { "constant", "cosine", NULL };
const char *const        wct_config_precisions[] = { "f32", "bf16", "f16", NULL };

#define FIELD(name, kind)                        \
  {                                              \
#    name, kind, offsetof(WctConfig, name), NULL \
  }
#define CHOICE(name, choices)                               \
  {                                                         \
#    name, FIELD_CHOICE, offsetof(WctConfig, name), choices \
  }

static const Field fields[] = {
  FIELD (version, FIELD_TEXT),
  FIELD (commit, FIELD_TEXT),
  CHOICE (task, tasks),
  FIELD (model, FIELD_TEXT),
  FIELD (start_model, FIELD_TEXT),
  FIELD (data, FIELD_TEXT),
  FIELD (test_data, FIELD_TEXT),
  FIELD (styles, FIELD_TEXT),
  FIELD (judge, FIELD_TEXT),
  FIELD (levels, FIELD_LEVELS),
  FIELD (channels, FIELD_CHANNELS),
  FIELD (steps, FIELD_INT64),
  FIELD (epochs, FIELD_REAL),
  FIELD (batch, FIELD_INT32),
  FIELD (accumulate, FIELD_INT32),
  FIELD (lanes, FIELD_INT32),
  FIELD (crop, FIELD_INT32),
  FIELD (scale_min, FIELD_REAL),
  FIELD (flip, FIELD_BOOL),
  FIELD (fixed, FIELD_BOOL),
  FIELD (test_fraction, FIELD_REAL),
  FIELD (rate, FIELD_REAL),
  FIELD (rate_end, FIELD_REAL),
  FIELD (beta1, FIELD_REAL),
  FIELD (beta2, FIELD_REAL),
  FIELD (epsilon, FIELD_REAL),
  FIELD (warmup, FIELD_INT64),
  CHOICE (schedule, wct_config_schedules),
  FIELD (clip, FIELD_REAL),
  FIELD (average, FIELD_REAL),
  FIELD (lambda, FIELD_REAL),
  FIELD (reconstruct, FIELD_REAL),
  FIELD (imitate, FIELD_REAL),
  FIELD (pixel_weights, FIELD_WEIGHTS),
  FIELD (level_rates, FIELD_WEIGHTS),
  FIELD (transformed, FIELD_REAL),
  FIELD (cascade, FIELD_REAL),
  FIELD (texture, FIELD_REAL),
  FIELD (tune_encoder, FIELD_REAL),
  FIELD (alpha_min, FIELD_REAL),
  FIELD (style_weight, FIELD_REAL),
  FIELD (structure_weight, FIELD_REAL),
  FIELD (own_structure, FIELD_REAL),
  CHOICE (loss_scale, wct_config_loss_scales),
  CHOICE (start, wct_config_starts),
  CHOICE (precision, wct_config_precisions),
  FIELD (seed, FIELD_UINT64),
  FIELD (checkpoint_every, FIELD_INT64),
  FIELD (test_every, FIELD_INT64),
  FIELD (test_count, FIELD_INT32),
  FIELD (keep, FIELD_INT32),
  FIELD (backend, FIELD_TEXT),
  FIELD (threads, FIELD_INT32),
};

#define FIELD_COUNT (sizeof fields / sizeof fields[0])

/* ---- Defaults ----------------------------------------------------------------------------------------------- */

/* The published recipe (Li et al. 2017) where it says something, else what trained best (docs/wct-train.1). */
void
wct_config_defaults (WctTask task, WctConfig *config)
{
  *config = (WctConfig){
    .task = task,
    .levels = (1u << WCT_LEVELS) - 1,
    .epochs = 500,
    .batch = 128,
    .accumulate = 1,
    .crop = 256,
    .scale_min = 0.5,
    .flip = true,
    .test_fraction = 0.2,
    .rate = 1e-4,
    .rate_end = 1e-6,
    .beta1 = 0.9,
    .beta2 = 0.999,
    .epsilon = 1e-8,
    .warmup = 100,
    .schedule = WCT_SCHEDULE_COSINE,
    .average = 0.999,
    .lambda = 1,
    .pixel_weights = { 1, 1, 1, 1, 1 },
    .level_rates = { 1, 1, 1, 1, 1 },
    .cascade = 0.6,
    .alpha_min = 0.4,
    .style_weight = 1,
    .structure_weight = 2,
    .reconstruct = task == WCT_TASK_ENCODER ? 0.2 : 0,
    .loss_scale = WCT_LOSS_VARIANCE,
    .start = WCT_START_DATA,
    .seed = 1,
    .checkpoint_every = 500,
    .test_count = 64,
    .keep = 3,
  };
  if (task == WCT_TASK_ENCODER)
    memcpy (config->channels, (int32_t[]){ 16, 32, 64, 128, 128 }, sizeof config->channels);
}

/* The first that works is what "auto" stands for. */
static const char *
best_backend (void)
{
  char        detail[WCT_MESSAGE_SIZE];
  bool        usable = false;
  const char *name = NULL;

  for (size_t i = 0; !usable; i++)
    {
      name = wct_backend_probe (i, &usable, detail, sizeof detail);
      if (name == NULL)
        return "";
    }
  return name;
}

bool
wct_config_on_card (const char *backend)
{
  return strcmp (strcmp (backend, "auto") == 0 ? best_backend () : backend, "cuda") == 0;
}

#define LANES_USUAL 8

void
wct_config_choose_lanes (WctConfig *config, int ranks)
{
  const int32_t share = config->batch / (ranks * config->accumulate);

  if (config->lanes > 0)
    return;
  if (wct_config_on_card (config->backend))
    {
      config->lanes = 1;
      return;
    }
  for (config->lanes = LANES_USUAL; config->lanes > 1 && share % config->lanes != 0;)
    config->lanes--;
}

static void *
field_of (const WctConfig *config, const Field *field)
{
  return (char *)(uintptr_t)config + field->offset;
}

void
wct_config_clear (WctConfig *config)
{
  for (size_t i = 0; i < FIELD_COUNT; i++)
    if (fields[i].kind == FIELD_TEXT)
      wct_free (field_of (config, &fields[i]));
}

/* ---- JSON --------------------------------------------------------------------------------------------------- */

static json_t *
field_to_json (const WctConfig *config, const Field *field)
{
  const void *at = field_of (config, field);
  json_t     *list;

  switch (field->kind)
    {
    case FIELD_TEXT:
      return *(char *const *)at == NULL ? json_null () : json_string (*(char *const *)at);
    case FIELD_INT32:
      return json_integer (*(const int32_t *)at);
    case FIELD_INT64:
      return json_integer (*(const int64_t *)at);
    case FIELD_UINT64:
      return json_integer ((json_int_t) * (const uint64_t *)at);
    case FIELD_REAL:
      return json_real (*(const double *)at);
    case FIELD_BOOL:
      return json_boolean (*(const bool *)at);
    case FIELD_CHOICE:
      return json_string (field->choices[*(const int *)at]);
    case FIELD_LEVELS:
      list = json_array ();
      for (int level = 1; level <= WCT_LEVELS; level++)
        if (*(const unsigned *)at & 1u << (level - 1))
          json_array_append_new (list, json_integer (level));
      return list;
    case FIELD_WEIGHTS:
      list = json_array ();
      for (int i = 0; i < WCT_LEVELS; i++)
        json_array_append_new (list, json_real (((const double *)at)[i]));
      return list;
    case FIELD_CHANNELS:
      list = json_array ();
      for (int i = 0; i < WCT_LEVELS; i++)
        json_array_append_new (list, json_integer (((const int32_t *)at)[i]));
      return list;
    }
  return NULL;
}

json_t *
wct_config_to_json (const WctConfig *config)
{
  json_t *json = json_object ();

  json_object_set_new (json, "format", json_string (FORMAT));
  for (size_t i = 0; i < FIELD_COUNT; i++)
    json_object_set_new (json, fields[i].name, field_to_json (config, &fields[i]));
  if (config->version == NULL)
    json_object_set_new (json, "version", json_string (WCT_VERSION));
  if (config->commit == NULL)
    json_object_set_new (json, "commit", json_string (WCT_COMMIT));
  return json;
}

static bool
read_levels (const json_t *json, unsigned *levels)
{
  bool fits = json_is_array (json);

  *levels = 0;
  for (size_t i = 0; fits && i < json_array_size (json); i++)
    {
      const json_int_t level = json_integer_value (json_array_get (json, i));

      fits = level >= 1 && level <= WCT_LEVELS;
      *levels |= fits ? 1u << (level - 1) : 0;
    }
  return fits;
}

static bool
read_channels (const json_t *json, int32_t channels[WCT_LEVELS])
{
  bool fits = json_array_size (json) == WCT_LEVELS;

  for (size_t i = 0; fits && i < WCT_LEVELS; i++)
    {
      const json_t *value = json_array_get (json, i);

      fits = json_is_integer (value) && json_integer_value (value) >= 0 && json_integer_value (value) <= 4096;
      channels[i] = fits ? (int32_t)json_integer_value (value) : 0;
    }
  return fits;
}

static bool
read_weights (const json_t *json, double weights[WCT_LEVELS])
{
  bool fits = json_array_size (json) == WCT_LEVELS;

  for (size_t i = 0; fits && i < WCT_LEVELS; i++)
    {
      weights[i] = json_number_value (json_array_get (json, i));
      fits = json_is_number (json_array_get (json, i)) && weights[i] >= 0;
    }
  return fits;
}

static bool
read_choice (const json_t *json, const char *const *choices, int *choice)
{
  for (int i = 0; json_is_string (json) && choices[i] != NULL; i++)
    if (strcmp (choices[i], json_string_value (json)) == 0)
      {
        *choice = i;
        return true;
      }
  return false;
}

static bool
read_int32 (const json_t *json, int32_t *value)
{
  const json_int_t integer = json_integer_value (json);

  *value = (int32_t)integer;
  return json_is_integer (json) && integer >= 0 && integer <= INT32_MAX;
}

/* False where the value is of another kind or out of range. */
static bool
field_from_json (const json_t *json, const Field *field, void *at)
{
  switch (field->kind)
    {
    case FIELD_TEXT:
      return json_is_null (json)
             || (json_is_string (json) && wct_strdup (json_string_value (json), at, NULL) == WCT_OK);
    case FIELD_INT32:
      return read_int32 (json, at);
    case FIELD_INT64:
      *(int64_t *)at = json_integer_value (json);
      return json_is_integer (json) && *(int64_t *)at >= 0;
    case FIELD_UINT64:
      *(uint64_t *)at = (uint64_t)json_integer_value (json);
      return json_is_integer (json);
    case FIELD_REAL:
      *(double *)at = json_number_value (json);
      return json_is_number (json);
    case FIELD_BOOL:
      *(bool *)at = json_is_true (json);
      return json_is_boolean (json);
    case FIELD_CHOICE:
      return read_choice (json, field->choices, at);
    case FIELD_LEVELS:
      return read_levels (json, at);
    case FIELD_CHANNELS:
      return read_channels (json, at);
    case FIELD_WEIGHTS:
      return read_weights (json, at);
    }
  return false;
}

WctStatus
wct_config_from_json (const json_t *json, WctConfig *out, WctError *err)
{
  const char *format = json_string_value (json_object_get (json, "format"));
  WctConfig   config = { .model = NULL };

  if (format == NULL || strcmp (format, FORMAT) != 0)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "config.json: \"format\" is not \"" FORMAT "\"; was the run made by "
                          "another version of wct-train?");
  for (size_t i = 0; i < FIELD_COUNT; i++)
    if (!field_from_json (json_object_get (json, fields[i].name), &fields[i], field_of (&config, &fields[i])))
      {
        wct_config_clear (&config);
        return wct_error_set (err, WCT_ERR_FORMAT, "config.json: \"%s\" is missing, or not what it must be",
                              fields[i].name);
      }
  *out = config;
  return WCT_OK;
}

/* ---- Checks ------------------------------------------------------------------------------------------------- */

#define CROP_MULTIPLE   16
#define SCALE_MIN_LEAST (1.0 / 16) /* pictures are decoded no larger than this needs */

static WctStatus
check_sizes (const WctConfig *config, WctError *err)
{
  if (config->crop < CROP_MULTIPLE || config->crop % CROP_MULTIPLE != 0 || config->crop > 4096)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--crop: %d is not a multiple of %d from %d to 4096", config->crop,
                          CROP_MULTIPLE, CROP_MULTIPLE);
  if (!(config->scale_min >= SCALE_MIN_LEAST && config->scale_min <= 1))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--scale-min: %g is not from %g to 1", config->scale_min,
                          SCALE_MIN_LEAST);
  if (config->batch < 1 || config->lanes < 0 || config->accumulate < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--batch, --lanes and --accumulate must be at least 1");
  if (config->steps == 0 && !(config->epochs > 0))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--steps or --epochs must be more than 0");
  return WCT_OK;
}

static bool
is_share (double value)
{
  return value >= 0 && value <= 1;
}

static WctStatus
check_rates (const WctConfig *config, WctError *err)
{
  if (!(config->rate > 0 && config->rate <= 1) || !(config->rate_end >= 0 && config->rate_end <= config->rate))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--learning-rate: %g down to --rate-end %g: both must be over 0, at most 1, and fall",
                          config->rate, config->rate_end);
  if (!(config->beta1 >= 0 && config->beta1 < 1) || !(config->beta2 >= 0 && config->beta2 < 1)
      || !(config->average >= 0 && config->average < 1))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--beta1, --beta2 and --average must be from 0 to less than 1");
  if (!is_share (config->imitate))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--imitate: %g is not from 0 to 1", config->imitate);
  if (!(config->epsilon > 0) || !(config->lambda >= 0) || !(config->clip >= 0) || !(config->reconstruct >= 0))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--epsilon, --lambda, --clip and --reconstruct must not be negative");
  return WCT_OK;
}

static WctStatus
check_transformed (const WctConfig *config, WctError *err)
{
  if (!is_share (config->transformed) || !is_share (config->cascade) || !is_share (config->texture)
      || !is_share (config->alpha_min))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--transformed, --cascade, --texture and --alpha-min must be from 0 to 1");
  if (!(config->style_weight >= 0) || !(config->structure_weight >= 0) || !(config->own_structure >= 0))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--style-weight, --structure-weight and --own-structure must not be negative");
  if (config->transformed > 0 && (config->styles == NULL || config->judge == NULL))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--transformed needs --styles, a folder of pictures or a shard, and --judge, a model whose "
                          "encoder judges results");
  if (!(config->tune_encoder >= 0) || (config->tune_encoder > 0 && config->transformed == 0))
    return wct_error_set (
      err, WCT_ERR_ARGUMENT,
      "--tune-encoder: %g must not be negative, and needs transformed features: give --transformed, "
      "a share",
      config->tune_encoder);
  if (config->transformed == 0 && (config->styles != NULL || config->judge != NULL))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "--styles and --judge are for transformed features: give --transformed, a share");
  return WCT_OK;
}

WctStatus
wct_config_check (const WctConfig *config, WctError *err)
{
  WctStatus status;

  if (config->levels == 0)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--level: at least one of 1 to %d", WCT_LEVELS);
  if (!(config->test_fraction >= 0 && config->test_fraction < 1))
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--test-fraction: %g is not from 0 to less than 1",
                          config->test_fraction);
  if (config->keep < 1 || config->checkpoint_every < 1)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--keep and --checkpoint-every must be at least 1");
  for (int i = 0; config->task == WCT_TASK_ENCODER && i < WCT_LEVELS; i++)
    if (config->channels[i] < 1 || config->channels[i] > 512)
      return wct_error_set (err, WCT_ERR_ARGUMENT, "--channels: %d is not from 1 to 512", config->channels[i]);
  WCT_TRY (check_sizes (config, err));
  WCT_TRY (check_rates (config, err));
  WCT_TRY (check_transformed (config, err));

out:
  return status;
}
