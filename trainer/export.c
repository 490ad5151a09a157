#include "export.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "checkpoint.h"
#include "config.h"
#include "mem.h"
#include "run.h"
#include "weights-file.h"

#define TENSORS_MAX 512 /* what the reader takes */

/* Everything that goes into the file. Values are borrowed from the files below. */
typedef struct
{
  WctWeights     tensors[TENSORS_MAX];
  const char    *brought_by[TENSORS_MAX]; /* the run */
  size_t         count;
  WctSafetensors files[2 * WCT_LEVELS * 2]; /* owned */
  int            file_count;
  json_t        *metadata, *training; /* owned */
} Collection;

#define FILES_MAX ((int)(sizeof ((Collection *)0)->files / sizeof (WctSafetensors)))

static bool
ends_with (const char *text, const char *end)
{
  const size_t length = strlen (text), end_length = strlen (end);

  return length >= end_length && strcmp (text + length - end_length, end) == 0;
}

static bool
begins_with (const char *text, const char *begin)
{
  return strncmp (text, begin, strlen (begin)) == 0;
}

/* Embeddings are for distillation alone. */
static bool
is_embedding (const char *name)
{
  return ends_with (name, "_aux.weight") || ends_with (name, "_aux.bias");
}

static size_t
find (const Collection *collection, const char *name)
{
  for (size_t i = 0; i < collection->count; i++)
    if (strcmp (collection->tensors[i].name, name) == 0)
      return i;
  return collection->count;
}

static bool
same_values (const WctWeights *a, const WctNamedTensor *b)
{
  bool same = a->rank == b->rank;

  for (int i = 0; same && i < a->rank; i++)
    same = a->shape[i] == b->shape[i];
  return same && memcmp (a->values, b->values, b->count * sizeof (float)) == 0;
}

/* @name: as it will be called. Encoders' tensors must agree; of decoders' the last stands. */
static WctStatus
add_tensor (Collection *collection, const char *run, const char *name, const WctNamedTensor *tensor, WctError *err)
{
  const size_t at = find (collection, name);
  WctWeights  *to = &collection->tensors[at];

  if (at == TENSORS_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "more than %d tensors; export fewer runs", TENSORS_MAX);
  if (at < collection->count && begins_with (name, "encoder") && !same_values (to, tensor))
    return wct_error_set (err, WCT_ERR_ARGUMENT,
                          "%s: the encoders of %s and %s differ: decoders of the one are no use to the other", name,
                          collection->brought_by[at], run);
  snprintf (to->name, sizeof to->name, "%s", name);
  to->rank = tensor->rank;
  memcpy (to->shape, tensor->shape, sizeof to->shape);
  to->values = tensor->values;
  collection->brought_by[at] = run;
  collection->count += at == collection->count ? 1 : 0;
  return WCT_OK;
}

static bool
learned_by (const Collection *collection, const char *run, const char *name)
{
  const size_t at = find (collection, name);

  return at < collection->count && collection->brought_by[at] == run;
}

/* Is this a color convolution whose conv1_1 was learned? It is folded into that when a model is loaded. */
static bool
is_folded (const Collection *collection, const char *run, const char *name)
{
  const char *part = strstr (name, ".conv0.");
  char        folded[64];

  if (part == NULL)
    return false;
  snprintf (folded, sizeof folded, "%.*s.conv1_1.weight", (int)(part - name), name);
  return learned_by (collection, run, folded);
}

/* The encoders of a model that decoders of @levels stand on, but for what the run itself has learned of them. */
static WctStatus
add_encoder (Collection *collection, const char *run, const WctSafetensors *model, unsigned levels, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < model->tensor_count && status == WCT_OK; i++)
    {
      const char *name = model->tensors[i].name;
      const char *number = name + strlen ("encoder");

      if (!begins_with (name, "encoder") || is_embedding (name))
        continue;
      if (*number >= '1' && *number <= '5' && (levels & 1u << (*number - '1')) == 0)
        continue;
      if (learned_by (collection, run, name) || is_folded (collection, run, name))
        continue;
      status = add_tensor (collection, run, name, &model->tensors[i], err);
    }
  return status;
}

/* What the run has learned. */
static WctStatus
add_learned (Collection *collection, const char *run, const WctConfig *config, const WctSafetensors *checkpoint,
             WctError *err)
{
  const char *prefix = config->average > 0 ? "average/" : "";
  WctStatus   status = WCT_OK;

  for (size_t i = 0; i < checkpoint->tensor_count && status == WCT_OK; i++)
    {
      const char *name = checkpoint->tensors[i].name;

      if (!begins_with (name, prefix) || is_embedding (name))
        continue;
      name += strlen (prefix);
      if (strchr (name, '/') == NULL)
        status = add_tensor (collection, run, name, &checkpoint->tensors[i], err);
    }
  return status;
}

static void
set_text (json_t *object, const char *key, const char *text)
{
  if (text != NULL)
    json_object_set_new (object, key, json_string (text));
}

/* The model's own words about its encoder go on to the new one. */
static void
inherit_metadata (Collection *collection, const WctSafetensors *model, WctTask task)
{
  set_text (collection->metadata, "topology", wct_safetensors_metadata (model, "topology"));
  if (task != WCT_TASK_DECODER)
    return;
  set_text (collection->metadata, "name", wct_safetensors_metadata (model, "name"));
  set_text (collection->metadata, "license", wct_safetensors_metadata (model, "license"));
  set_text (collection->metadata, "source", wct_safetensors_metadata (model, "source"));
}

/* Levels that were not trained, of a model whose trunk was tuned: no other file fits beside those that were. */
static WctStatus
add_kept_levels (Collection *collection, const char *run, const WctSafetensors *model, unsigned levels, WctError *err)
{
  WctStatus status = WCT_OK;

  for (size_t i = 0; i < model->tensor_count && status == WCT_OK; i++)
    {
      const char *name = model->tensors[i].name;
      const bool  coder = begins_with (name, "decoder") || begins_with (name, "encoder");
      const int   level = coder && !is_embedding (name) ? name[strlen ("decoder")] - '0' : 0;

      if (level >= 1 && level <= WCT_LEVELS && (levels & 1u << (level - 1)) == 0
          && find (collection, name) == collection->count)
        status = add_tensor (collection, run, name, &model->tensors[i], err);
    }
  return status;
}

/* Paths are of one machine; what counts is the rest. */
static json_t *
training_of (const WctConfig *config, int64_t step)
{
  static const char *const paths[] = { "model", "start_model", "data", "test_data", "styles", "judge" };
  json_t                  *json = wct_config_to_json (config);

  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    {
      const char *path = json_string_value (json_object_get (json, paths[i]));
      const char *slash = path == NULL ? NULL : strrchr (path, '/');
      char        name[256];

      if (slash == NULL)
        continue;
      snprintf (name, sizeof name, "%s", slash + 1);
      json_object_set_new (json, paths[i], json_string (name));
    }
  json_object_set_new (json, "step", json_integer (step));
  return json;
}

static WctSafetensors *
next_file (Collection *collection)
{
  return &collection->files[collection->file_count++];
}

static WctStatus
add_checkpoint (Collection *collection, const char *run, const WctConfig *config, WctError *err)
{
  char            folder[PATH_MAX];
  WctSafetensors *model = NULL, *checkpoint = NULL;
  json_t         *state = NULL;
  int64_t         step;
  WctError        damaged;
  WctStatus       status;

  if (collection->file_count + 2 > FILES_MAX)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "more runs than a model has levels; export fewer");
  snprintf (folder, sizeof folder, "%.4000s/checkpoints", run);
  checkpoint = next_file (collection);
  WCT_TRY (wct_checkpoint_load (folder, checkpoint, &state, &step, &damaged, err));
  json_array_append_new (collection->training, training_of (config, step));
  model = next_file (collection);
  WCT_TRY (wct_safetensors_load (config->model, model, err));
  WCT_TRY (add_learned (collection, run, config, checkpoint, err));
  if (config->task == WCT_TASK_DECODER)
    WCT_TRY (add_encoder (collection, run, model, config->levels, err));
  if (config->tune_encoder > 0)
    WCT_TRY (add_kept_levels (collection, run, model, config->levels, err));
  inherit_metadata (collection, model, config->task);

out:
  json_decref (state);
  return status;
}

static WctStatus
add_run (Collection *collection, const char *run, WctError *err)
{
  WctConfig config;
  WctStatus status = wct_run_read_config (run, &config, err);

  if (status != WCT_OK)
    return status;
  status = add_checkpoint (collection, run, &config, err);
  wct_config_clear (&config);
  return status;
}

static void
complete_metadata (Collection *collection, const WctExport *export)
{
  char *training = json_dumps (collection->training, JSON_COMPACT | JSON_REAL_PRECISION (9));

  set_text (collection->metadata, "format", "wct");
  set_text (collection->metadata, "version", "1");
  set_text (collection->metadata, "name", export->name);
  set_text (collection->metadata, "license", export->license);
  set_text (collection->metadata, "source", export->source);
  set_text (collection->metadata, "training", training);
  free (training);
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (((const WctWeights *)a)->name, ((const WctWeights *)b)->name);
}

WctStatus
wct_export (const WctExport *export, WctError *err)
{
  Collection *collection = NULL;
  WctStatus   status;

  WCT_TRY (wct_alloc (1, sizeof *collection, "model", &collection, err));
  collection->metadata = json_object ();
  collection->training = json_array ();
  for (int i = 0; i < export->run_count; i++)
    WCT_TRY (add_run (collection, export->runs[i], err));
  complete_metadata (collection, export);
  qsort (collection->tensors, collection->count, sizeof *collection->tensors, compare_names);
  WCT_TRY (wct_weights_write (export->path, collection->tensors, collection->count, collection->metadata, export->half,
                              export->force, err));

out:
  for (int i = 0; collection != NULL && i < collection->file_count; i++)
    wct_safetensors_clear (&collection->files[i]);
  if (collection != NULL)
    {
      json_decref (collection->metadata);
      json_decref (collection->training);
    }
  wct_free (&collection);
  return status;
}
