#include "state.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint.h"
#include "mem.h"

/* Arrays of a learner that are kept, and what stands before their tensors' names. */
typedef struct
{
  const char *prefix;
  size_t      offset; /* of the array's pointer in WctLearner */
} Array;

static const Array arrays[] = {
  { "", offsetof (WctLearner, values) },
  { "average/", offsetof (WctLearner, average) },
  { "adam.first/", offsetof (WctLearner, first) },
  { "adam.second/", offsetof (WctLearner, second) },
};

#define ARRAY_COUNT (sizeof arrays / sizeof arrays[0])
#define TENSORS_MAX (WCT_LEARNERS_MAX * WCT_NETWORK_LAYERS_MAX * 2)

static float *
array_of (const WctLearner *learner, const Array *array)
{
  float *values;

  memcpy (&values, (const char *)learner + array->offset, sizeof values);
  return values;
}

/* Weights or biases of one layer in one of the arrays. */
static WctWeights
tensor_of (const WctLearner *learner, int layer, const Array *array, bool bias)
{
  const WctLayer *of = &learner->network.layers[layer];
  const int32_t   side = wct_layer_side (of);
  WctWeights      tensor = { .rank = bias ? 1 : 4, .shape = { of->conv.out_c, of->conv.in_c, side, side } };

  tensor.values = array_of (learner, array) + ((bias ? of->conv.bias : of->conv.weight) - learner->values);
  snprintf (tensor.name, sizeof tensor.name, "%s%s.%s", array->prefix, of->conv.name, bias ? "bias" : "weight");
  return tensor;
}

/* All tensors of one of the arrays, of all learners. Returns how many. */
static size_t
list_tensors (const WctTrainer *trainer, const Array *array, WctWeights *out)
{
  size_t count = 0;

  for (int i = 0; i < trainer->learner_count; i++)
    for (int layer = 0; layer < trainer->learners[i]->network.count; layer++)
      if (array_of (trainer->learners[i], array) != NULL
          && wct_layer_side (&trainer->learners[i]->network.layers[layer]) > 0)
        {
          out[count++] = tensor_of (trainer->learners[i], layer, array, false);
          out[count++] = tensor_of (trainer->learners[i], layer, array, true);
        }
  return count;
}

static json_t *
scales_to_json (const WctScales *scales)
{
  json_t *features = json_array ();

  for (int i = 0; i < WCT_LEVELS; i++)
    json_array_append_new (features, json_real (scales->feature[i]));
  return json_pack ("{s:f, s:o}", "pixel", scales->pixel, "feature", features);
}

WctStatus
wct_state_save (const WctTrainer *trainer, const char *checkpoints, int keep, WctError *err)
{
  WctWeights *tensors = NULL;
  size_t      count = 0;
  json_t     *state =
    json_pack ("{s:I, s:o}", "step", (json_int_t)trainer->step, "scales", scales_to_json (&trainer->scales));
  WctStatus status;

  WCT_TRY (wct_alloc (ARRAY_COUNT * TENSORS_MAX, sizeof *tensors, "checkpoint", &tensors, err));
  for (size_t i = 0; i < ARRAY_COUNT; i++)
    count += list_tensors (trainer, &arrays[i], tensors + count);
  WCT_TRY (wct_checkpoint_save (checkpoints, trainer->step, tensors, count, state, keep, err));

out:
  json_decref (state);
  wct_free (&tensors);
  return status;
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static WctStatus
read_tensor (const WctWeights *wanted, const WctSafetensors *file, WctError *err)
{
  const WctNamedTensor *found = wct_safetensors_find (file, wanted->name);
  bool                  fits = found != NULL && found->rank == wanted->rank;

  for (int i = 0; fits && i < wanted->rank; i++)
    fits = found->shape[i] == wanted->shape[i];
  if (!fits)
    return wct_error_set (err, WCT_ERR_FORMAT,
                          "%s: %s in the checkpoint; it is of a run with another configuration or model", wanted->name,
                          found == NULL ? "is missing" : "has another shape");
  memcpy ((float *)(uintptr_t)wanted->values, found->values, found->count * sizeof (float));
  return WCT_OK;
}

static WctStatus
read_scales (const json_t *json, WctScales *scales, WctError *err)
{
  const json_t *features = json_object_get (json, "feature");

  if (!json_is_number (json_object_get (json, "pixel")) || json_array_size (features) != WCT_LEVELS)
    return wct_error_set (err, WCT_ERR_FORMAT, "the checkpoint has no scales of the loss; is it of another version?");
  scales->pixel = json_number_value (json_object_get (json, "pixel"));
  for (size_t i = 0; i < WCT_LEVELS; i++)
    scales->feature[i] = json_number_value (json_array_get (features, i));
  return WCT_OK;
}

WctStatus
wct_state_read (WctTrainer *trainer, const WctSafetensors *tensors, const json_t *state, WctError *err)
{
  WctWeights *wanted = NULL;
  size_t      count = 0;
  WctStatus   status;

  WCT_TRY (wct_alloc (ARRAY_COUNT * TENSORS_MAX, sizeof *wanted, "checkpoint", &wanted, err));
  for (size_t i = 0; i < ARRAY_COUNT; i++)
    count += list_tensors (trainer, &arrays[i], wanted + count);
  if (count != tensors->tensor_count)
    WCT_TRY (wct_error_set (err, WCT_ERR_FORMAT,
                            "the checkpoint has %zu tensors, this run has %zu; it is of another run",
                            tensors->tensor_count, count));
  for (size_t i = 0; i < count; i++)
    WCT_TRY (read_tensor (&wanted[i], tensors, err));
  WCT_TRY (read_scales (json_object_get (state, "scales"), &trainer->scales, err));
  trainer->step = json_integer_value (json_object_get (state, "step"));

out:
  wct_free (&wanted);
  return status;
}
