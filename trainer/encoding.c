#include "encoding.h"

#include <stdio.h>

#include "mem.h"
#include "model.h"

/* What follows the part before: all that stays as it is at once, then what learns, segment by segment. */
typedef struct
{
  WctChain   *chain;
  WctLearner *learner;     /* NULL: it stays */
  WctBatch   *result;      /* NULL: of the last part, whose result is the caller's */
  WctBatch   *in_gradient; /* NULL: nothing before learns */
} Part;

struct WctEncoding
{
  WctPacking *packing; /* of the part that stays; NULL: there is none, or another's is borrowed */
  WctPacking *borrowed;
  Part        parts[WCT_LEVELS];
  int         part_count;
};

static bool
trains (const WctConfig *config, int level)
{
  return (config->levels & 1u << (level - 1)) != 0;
}

/* Of a shared trunk; WCT_LEVELS + 1: none. */
static int
first_that_learns (const WctConfig *config)
{
  int level = 1;

  while (!trains (config, level))
    level++;
  return config->tune_encoder > 0 ? level : WCT_LEVELS + 1;
}

/* Does the part of an encoder that is named after a level learn? */
static bool
learns (const WctTrainer *trainer, int level)
{
  const WctConfig *config = trainer->config;

  if (config->tune_encoder == 0 || wct_model_encoder (trainer->model, level) == NULL)
    return false;
  return wct_model_shared_trunk (trainer->model) ? level >= first_that_learns (config) : trains (config, level);
}

static WctLearner *
part_learner (const WctTrainer *trainer, int level)
{
  return wct_trainer_learner (trainer, "encoder", level);
}

/* The tap behind which the part begins that is named after a level: of a shared trunk what follows the level before,
 * else the level's whole encoder. */
static int
part_begin (const WctTrainer *trainer, int level)
{
  return wct_model_shared_trunk (trainer->model) ? level - 1 : 0;
}

static void
find_part (const WctTrainer *trainer, int level, WctNetwork *part)
{
  wct_network_segment (wct_model_encoder (trainer->model, level), part_begin (trainer, level), level, part);
}

/* The first part of a level's encoder that learns; level + 1: none does. */
static int
first_part (const WctTrainer *trainer, int level)
{
  if (!learns (trainer, level))
    return level + 1;
  return wct_model_shared_trunk (trainer->model) ? first_that_learns (trainer->config) : level;
}

/* ---- Learners ----------------------------------------------------------------------------------------------- */

/* A level of a shared trunk that learns must have a decoder that does. */
static WctStatus
check (const WctTrainer *trainer, WctError *err)
{
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (learns (trainer, level) && !trains (trainer->config, level))
      return wct_error_set (err, WCT_ERR_ARGUMENT,
                            "--tune-encoder: relu%d_1 would change under its decoder; train --level %d, too", level,
                            level);
  return WCT_OK;
}

static WctStatus
prepare_part (WctTrainer *trainer, int level, WctError *err)
{
  const WctConfig *config = trainer->config;
  WctNetwork       part;
  char             name[24];
  WctStatus        status;

  find_part (trainer, level, &part);
  snprintf (name, sizeof name, "encoder%d", level);
  status = wct_learner_new (trainer->backend, name, level, &part, config->precision,
                            WCT_CHAIN_INPUT_GRADIENT | WCT_CHAIN_WEIGHT_GRADIENTS, trainer->lanes, config->average > 0,
                            &trainer->learners[trainer->learner_count], err);
  if (status == WCT_OK)
    trainer->learners[trainer->learner_count++]->rate = config->tune_encoder;
  return status;
}

WctStatus
wct_encoding_prepare (WctTrainer *trainer, WctError *err)
{
  WctStatus status;

  WCT_TRY (check (trainer, err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (learns (trainer, level))
      WCT_TRY (prepare_part (trainer, level, err));

out:
  return status;
}

WctStatus
wct_encoding_start (WctTrainer *trainer, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int level = 1; level <= WCT_LEVELS && status == WCT_OK; level++)
    {
      WctLearner *learner = part_learner (trainer, level);
      WctNetwork  part;

      if (learner == NULL)
        continue;
      find_part (trainer, level, &part);
      status = wct_learner_copy (learner, &part, err);
    }
  return status;
}

/* ---- Making ------------------------------------------------------------------------------------------------- */

static WctStatus
add_part (WctTrainer *trainer, WctEncoding *encoding, WctLearner *learner, WctPacking *packing, WctShape in,
          WctError *err)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  Part                 *part = &encoding->parts[encoding->part_count], *before = part - 1;
  const bool            back = encoding->part_count > 0 && before->learner != NULL;
  const unsigned        uses =
    learner == NULL ? WCT_CHAIN_FORWARD : WCT_CHAIN_WEIGHT_GRADIENTS | (back ? WCT_CHAIN_INPUT_GRADIENT : 0u);
  void     *ctx = trainer->backend->ctx;
  WctStatus status = WCT_OK;

  encoding->part_count++;
  part->learner = learner;
  if (encoding->part_count > 1)
    WCT_TRY (ops->batch_new (ctx, trainer->piece, in, &before->result, err));
  if (back)
    WCT_TRY (ops->batch_new (ctx, trainer->piece, in, &part->in_gradient, err));
  WCT_TRY (ops->chain_new (ctx, packing, in, trainer->piece, uses, &part->chain, err));

out:
  return status;
}

/* @count of the encoder's first layers, packed by the first worker. */
static WctStatus
add_fixed (WctTrainer *trainer, WctEncoding *encoding, const WctLayer *layers, int count, const WctEncoding *first,
           WctShape picture, WctError *err)
{
  WctStatus status = WCT_OK;

  if (first == NULL)
    WCT_TRY (wct_layers_pack (trainer->backend, layers, count, trainer->config->precision, WCT_CHAIN_FORWARD,
                              &encoding->packing, err));
  encoding->borrowed = first == NULL ? encoding->packing : first->borrowed;
  WCT_TRY (add_part (trainer, encoding, NULL, encoding->borrowed, picture, err));

out:
  return status;
}

WctStatus
wct_encoding_new (WctTrainer *trainer, int level, const WctEncoding *first, WctEncoding **out, WctError *err)
{
  const WctNetwork *encoder = wct_model_encoder (trainer->model, level);
  const int         part = first_part (trainer, level);
  const WctShape    picture = { 3, trainer->config->crop, trainer->config->crop };
  WctShape          shape = picture;
  WctEncoding      *encoding = NULL;
  WctNetwork        before;
  WctStatus         status;

  WCT_TRY (wct_alloc (1, sizeof *encoding, "encoder", &encoding, err));
  wct_network_segment (encoder, 0, part <= level ? part_begin (trainer, part) : level, &before);
  if (before.count > 0)
    WCT_TRY (add_fixed (trainer, encoding, encoder->layers, before.count, first, picture, err));
  shape = wct_layers_shape (encoder->layers, before.count, shape);
  for (int i = part; i <= level; i++)
    {
      WctLearner *learner = part_learner (trainer, i);

      WCT_TRY (add_part (trainer, encoding, learner, learner->packing, shape, err));
      shape = wct_layers_shape (learner->network.layers, learner->network.count, shape);
    }
  *out = encoding;
  encoding = NULL;

out:
  wct_encoding_free (trainer, &encoding);
  return status;
}

void
wct_encoding_free (WctTrainer *trainer, WctEncoding **encoding)
{
  const WctTrainingOps *ops = trainer->backend->ops->training;
  void                 *ctx = trainer->backend->ctx;

  if (*encoding == NULL)
    return;
  for (int i = 0; i < (*encoding)->part_count; i++)
    {
      ops->chain_free (ctx, &(*encoding)->parts[i].chain);
      ops->batch_free (ctx, &(*encoding)->parts[i].result);
      ops->batch_free (ctx, &(*encoding)->parts[i].in_gradient);
    }
  ops->packing_free (ctx, &(*encoding)->packing);
  wct_free (encoding);
}

/* ---- Running ------------------------------------------------------------------------------------------------ */

bool
wct_encoding_learns (const WctEncoding *encoding)
{
  return encoding->parts[encoding->part_count - 1].learner != NULL;
}

WctStatus
wct_encoding_forward (WctTrainer *trainer, WctEncoding *encoding, const WctBatch *pictures, WctBatch *features,
                      WctError *err)
{
  const WctBatch *in = pictures;
  WctStatus       status = WCT_OK;

  for (int i = 0; i < encoding->part_count && status == WCT_OK; i++)
    {
      const Part *part = &encoding->parts[i];
      WctBatch   *result = part->result != NULL ? part->result : features;

      status = trainer->backend->ops->training->forward (trainer->backend->ctx, part->chain, in, result, err);
      in = result;
    }
  return status;
}

WctStatus
wct_encoding_backward (WctTrainer *trainer, WctEncoding *encoding, int lane, WctBatch *gradient, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = encoding->part_count - 1; i >= 0 && status == WCT_OK; i--)
    {
      const Part *part = &encoding->parts[i];

      if (part->learner == NULL)
        break;
      status = trainer->backend->ops->training->backward (
        trainer->backend->ctx, part->chain, gradient, part->in_gradient,
        part->learner->lane_gradients + (size_t)lane * part->learner->count, err);
      gradient = part->in_gradient;
    }
  return status;
}
