#include "judge.h"

#include "learner.h"
#include "mem.h"
#include "model.h"
#include "moments-error.h"

/* Far from the style the covariances' part stands still: one wild picture must not decide a step. */
#define COVARIANCE_LIMIT 20

/* The network between two taps. */
typedef struct
{
  WctPacking  *packing;          /* owned by the first judge */
  WctChain    *look, *watch;     /* forward alone; and backward to the picture */
  WctBatch    *content, *shown;  /* features of what was shown, and room for those of the style */
  WctBatch    *seen, *gradient;  /* of a result */
  WctMoments **style, **moments; /* (count): of the style, of a result */
  WctAffine  **maps;             /* (count): from features to the gradient of the style term */
} Tap;

struct WctJudge
{
  WctBackend *backend;
  int32_t     count;
  Tap         taps[WCT_JUDGE_TAPS];
  bool        borrows;
};

/* ---- Making ------------------------------------------------------------------------------------------------- */

static WctStatus
make_statistics (Tap *tap, int32_t count, int32_t channels, WctError *err)
{
  WctStatus status;

  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctMoments *), "judge", &tap->style, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctMoments *), "judge", &tap->moments, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof (WctAffine *), "judge", &tap->maps, err));
  for (int32_t i = 0; i < count; i++)
    {
      WCT_TRY (wct_moments_new (channels, &tap->style[i], err));
      WCT_TRY (wct_moments_new (channels, &tap->moments[i], err));
      WCT_TRY (wct_affine_new (channels, &tap->maps[i], err));
    }

out:
  return status;
}

/* @in: of the tap before; afterwards of this one */
static WctStatus
make_tap (WctJudge *judge, const WctLayer *layers, int layer_count, WctPrecision precision, WctShape *in, Tap *tap,
          WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  void                 *ctx = judge->backend->ctx;
  const WctShape        shape = wct_layers_shape (layers, layer_count, *in);
  WctBatch            **batches[] = { &tap->content, &tap->shown, &tap->seen, &tap->gradient };
  WctStatus             status = WCT_OK;

  if (!judge->borrows)
    WCT_TRY (
      wct_layers_pack (judge->backend, layers, layer_count, precision, WCT_CHAIN_INPUT_GRADIENT, &tap->packing, err));
  WCT_TRY (ops->chain_new (ctx, tap->packing, *in, judge->count, WCT_CHAIN_FORWARD, &tap->look, err));
  WCT_TRY (ops->chain_new (ctx, tap->packing, *in, judge->count, WCT_CHAIN_INPUT_GRADIENT, &tap->watch, err));
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    WCT_TRY (ops->batch_new (ctx, judge->count, shape, batches[i], err));
  WCT_TRY (make_statistics (tap, judge->count, shape.c, err));
  *in = shape;

out:
  return status;
}

WctStatus
wct_judge_new (WctBackend *backend, const WctModel *model, WctPrecision precision, int32_t count, int32_t crop,
               const WctJudge *first, WctJudge **out, WctError *err)
{
  const WctNetwork *encoder = wct_model_encoder (model, WCT_JUDGE_TAPS);
  WctShape          shape = { 3, crop, crop };
  WctJudge         *judge = NULL;
  int               layer = 0;
  WctStatus         status;

  if (encoder == NULL)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--judge: the model does not reach relu%d_1", WCT_JUDGE_TAPS);
  WCT_TRY (wct_alloc (1, sizeof *judge, "judge", &judge, err));
  judge->backend = backend;
  judge->count = count;
  judge->borrows = first != NULL;
  for (int i = 0; i < WCT_JUDGE_TAPS; i++)
    {
      WctNetwork segment;

      if (first != NULL)
        judge->taps[i].packing = first->taps[i].packing;
      wct_network_segment (encoder, i, i + 1, &segment);
      WCT_TRY (make_tap (judge, encoder->layers + layer, segment.count, precision, &shape, &judge->taps[i], err));
      layer += segment.count;
    }
  *out = judge;
  judge = NULL;

out:
  wct_judge_free (&judge);
  return status;
}

static void
free_tap (const WctJudge *judge, Tap *tap)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  void                 *ctx = judge->backend->ctx;
  WctBatch            **batches[] = { &tap->content, &tap->shown, &tap->seen, &tap->gradient };

  for (int32_t i = 0; i < judge->count && tap->maps != NULL; i++)
    {
      wct_moments_free (&tap->style[i]);
      wct_moments_free (&tap->moments[i]);
      wct_affine_free (&tap->maps[i]);
    }
  wct_free (&tap->style);
  wct_free (&tap->moments);
  wct_free (&tap->maps);
  for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
    ops->batch_free (ctx, batches[i]);
  ops->chain_free (ctx, &tap->look);
  ops->chain_free (ctx, &tap->watch);
  if (!judge->borrows)
    ops->packing_free (ctx, &tap->packing);
}

void
wct_judge_free (WctJudge **judge)
{
  if (*judge == NULL)
    return;
  for (int i = 0; i < WCT_JUDGE_TAPS; i++)
    free_tap (*judge, &(*judge)->taps[i]);
  wct_free (judge);
}

/* ---- What it is shown --------------------------------------------------------------------------------------- */

WctStatus
wct_judge_show_content (WctJudge *judge, const WctBatch *pictures, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_JUDGE_TAPS && status == WCT_OK; i++)
    {
      Tap *tap = &judge->taps[i];

      status = ops->forward (judge->backend->ctx, tap->look, pictures, tap->content, err);
      pictures = tap->content;
    }
  return status;
}

WctStatus
wct_judge_show_style (WctJudge *judge, const WctBatch *pictures, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  void                 *ctx = judge->backend->ctx;
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_JUDGE_TAPS; i++)
    {
      Tap *tap = &judge->taps[i];

      WCT_TRY (ops->forward (ctx, tap->look, pictures, tap->shown, err));
      WCT_TRY (ops->batch_moments (ctx, tap->shown, tap->style, err));
      pictures = tap->shown;
    }

out:
  return status;
}

/* ---- Judging ------------------------------------------------------------------------------------------------ */

static WctStatus
watch (WctJudge *judge, const WctBatch *results, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  WctStatus             status = WCT_OK;

  for (int i = 0; i < WCT_JUDGE_TAPS && status == WCT_OK; i++)
    {
      Tap *tap = &judge->taps[i];

      status = ops->forward (judge->backend->ctx, tap->watch, results, tap->seen, err);
      results = tap->seen;
    }
  return status;
}

/* Terms of a tap and their gradient there: each is added to what is there already, where anything is. */
typedef struct
{
  const WctJudgment *weights;
  WctJudgment       *terms;
  bool               add;
} Sum;

static WctStatus
add_style (WctJudge *judge, Tap *tap, Sum *sum, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  void                 *ctx = judge->backend->ctx;
  const double          share = 1.0 / WCT_JUDGE_TAPS;
  WctStatus             status;

  WCT_TRY (ops->batch_moments (ctx, tap->seen, tap->moments, err));
  for (int32_t i = 0; i < judge->count; i++)
    sum->terms->style +=
      share
      * wct_moments_error (tap->moments[i], tap->style[i], COVARIANCE_LIMIT, sum->weights->style * share, tap->maps[i]);
  WCT_TRY (ops->batch_affine (ctx, tap->seen, (const WctAffine *const *)tap->maps, sum->add, tap->gradient, err));
  sum->add = true;

out:
  return status;
}

static WctStatus
add_likeness (WctJudge *judge, Tap *tap, Sum *sum, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  void                 *ctx = judge->backend->ctx;
  double                total, squares, each;
  WctStatus             status;

  WCT_TRY (ops->sums (ctx, tap->content, &total, &squares, err));
  each = (squares > 0 ? squares : 1) * WCT_JUDGE_TAPS / judge->count;
  WCT_TRY (ops->squared_error (ctx, tap->seen, tap->content, (float)(sum->weights->likeness / each), sum->add,
                               tap->gradient, &total, err));
  sum->terms->likeness += total / each;
  sum->add = true;

out:
  return status;
}

static WctStatus
add_structure (WctJudge *judge, Tap *tap, Sum *sum, WctError *err)
{
  double    error;
  WctStatus status = judge->backend->ops->training->cosine_error (
    judge->backend->ctx, tap->seen, tap->content, (float)sum->weights->structure, sum->add, tap->gradient, &error, err);

  sum->add = true;
  if (status == WCT_OK)
    sum->terms->structure += error;
  return status;
}

static WctStatus
add_terms (WctJudge *judge, Tap *tap, Sum *sum, WctError *err)
{
  WctStatus status = WCT_OK;

  if (sum->weights->style > 0)
    WCT_TRY (add_style (judge, tap, sum, err));
  if (sum->weights->likeness > 0)
    WCT_TRY (add_likeness (judge, tap, sum, err));
  if (sum->weights->structure > 0 && tap == &judge->taps[WCT_JUDGE_TAPS - 1])
    WCT_TRY (add_structure (judge, tap, sum, err));

out:
  return status;
}

/* From the last tap back to the picture. */
WctStatus
wct_judge_results (WctJudge *judge, const WctBatch *results, const WctJudgment *weights, WctBatch *gradient,
                   WctJudgment *terms, WctError *err)
{
  const WctTrainingOps *ops = judge->backend->ops->training;
  Sum                   sum = { weights, terms, false };
  WctStatus             status;

  WCT_TRY (watch (judge, results, err));
  for (int i = WCT_JUDGE_TAPS - 1; i >= 0; i--)
    {
      Tap *tap = &judge->taps[i];

      WCT_TRY (add_terms (judge, tap, &sum, err));
      WCT_TRY (ops->backward (judge->backend->ctx, tap->watch, tap->gradient,
                              i > 0 ? judge->taps[i - 1].gradient : gradient, NULL, err));
      sum.add = true; /* what came back from behind */
    }

out:
  return status;
}
