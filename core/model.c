/* A model: a file's tensors, bound to networks, and what the file says about itself. */
#include "model.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "binding.h"
#include "fingerprint.h"
#include "mem.h"
#include "safetensors.h"

#define LABEL_SIZE 200 /* leaves room in a message for the fact */

struct WctModel
{
  atomic_int     references;
  WctSafetensors file; /* owned */
  WctBinding     binding;
};

/* ---- Loading ------------------------------------------------------------------------------------------------ */

/* @file: the model takes its content, on failure it is freed. */
static WctStatus
model_new (WctSafetensors *file, const char *name, WctModel **out, WctError *err)
{
  char      label[LABEL_SIZE];
  WctModel *model = NULL;
  WctStatus status;

  wct_text_for_sentence (name, label, sizeof label);
  WCT_TRY (wct_safetensors_check_metadata (file, label, "a model", "format", "wct", err));
  WCT_TRY (wct_safetensors_check_metadata (file, label, "a model", "version", "1", err));
  WCT_TRY (wct_alloc (1, sizeof *model, "model", &model, err));
  atomic_init (&model->references, 1);
  model->file = *file;
  *file = (WctSafetensors){ .tensors = NULL };
  WCT_TRY (wct_binding_make (&model->file, label, &model->binding, err));
  *out = model;
  model = NULL;

out:
  wct_model_unref (&model);
  wct_safetensors_clear (file);
  return status;
}

WctStatus
wct_model_load (const char *path, WctModel **out, WctError *err)
{
  WctSafetensors file;
  WctStatus      status;

  WCT_TRY (wct_safetensors_load (path, &file, err));
  WCT_TRY (model_new (&file, path, out, err));

out:
  return status;
}

WctStatus
wct_model_parse (const void *bytes, size_t size, const char *name, WctModel **out, WctError *err)
{
  WctSafetensors file;
  WctStatus      status;

  WCT_TRY (wct_safetensors_parse (bytes, size, name, &file, err));
  WCT_TRY (model_new (&file, name, out, err));

out:
  return status;
}

WctModel *
wct_model_ref (WctModel *model)
{
  atomic_fetch_add (&model->references, 1);
  return model;
}

void
wct_model_unref (WctModel **model)
{
  if (*model != NULL && atomic_fetch_sub (&(*model)->references, 1) == 1)
    {
      wct_binding_clear (&(*model)->binding);
      wct_safetensors_clear (&(*model)->file);
      wct_free (model);
    }
  *model = NULL;
}

/* ---- What it has -------------------------------------------------------------------------------------------- */

static unsigned
levels_of (WctNetwork *const networks[WCT_LEVELS])
{
  unsigned levels = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    if (networks[i] != NULL)
      levels |= 1u << i;
  return levels;
}

unsigned
wct_model_levels (const WctModel *model)
{
  return levels_of (model->binding.decoders);
}

unsigned
wct_model_encoder_levels (const WctModel *model)
{
  return levels_of (model->binding.encoders);
}

bool
wct_model_shared_trunk (const WctModel *model)
{
  return model->binding.shared_trunk;
}

const WctNetwork *
wct_model_encoder (const WctModel *model, int level)
{
  assert (level >= 1 && level <= WCT_LEVELS);
  return model->binding.encoders[level - 1];
}

const WctNetwork *
wct_model_decoder (const WctModel *model, int level)
{
  assert (level >= 1 && level <= WCT_LEVELS);
  return model->binding.decoders[level - 1];
}

int32_t
wct_model_channels (const WctModel *model, int level)
{
  const WctNetwork *encoder = wct_model_encoder (model, level);

  return encoder == NULL ? 0 : encoder->layers[encoder->count - 1].conv.out_c;
}

uint64_t
wct_model_parameter_count (const WctModel *model)
{
  return model->binding.parameters;
}

uint64_t
wct_model_encoder_parameter_count (const WctModel *model, int level)
{
  assert (level >= 1 && level <= WCT_LEVELS);
  return model->binding.encoder_parameters[level - 1];
}

uint64_t
wct_model_decoder_parameter_count (const WctModel *model, int level)
{
  assert (level >= 1 && level <= WCT_LEVELS);
  return model->binding.decoder_parameters[level - 1];
}

const char *
wct_model_metadata (const WctModel *model, const char *key)
{
  return wct_safetensors_metadata (&model->file, key);
}

bool
wct_model_metadata_at (const WctModel *model, size_t index, const char **key, const char **value)
{
  if (index >= model->file.metadata_count)
    return false;
  *key = model->file.metadata[index].key;
  *value = model->file.metadata[index].value;
  return true;
}

bool
wct_model_fingerprint (const WctModel *model, int level, char *text)
{
  const WctNetwork *encoder = wct_model_encoder (model, level);
  WctFingerprint    sum = { { 5, 6 } };

  if (encoder == NULL)
    return false;
  wct_fingerprint_network (&sum, encoder);
  wct_fingerprint_print (&sum, text);
  return true;
}
