#include "evaluate.h"

#include <math.h>
#include <string.h>

#include "learner.h"
#include "mem.h"
#include "ssim.h"

/* Of one thread. */
typedef struct
{
  WctChain *encode, *decode;
  WctBatch *picture, *features, *result, *result_features;
  float    *clipped; /* (3, side, side) */
} Bench;

typedef struct
{
  WctBackend  *backend;
  WctPacking  *encoder, *decoder;
  const float *images;
  float       *results;
  WctShape     picture, features;
  Bench       *benches;
  WctScore    *scores; /* one for each picture */
} Evaluation;

static size_t
values_of (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

static WctStatus
bench_new (const Evaluation *on, Bench *bench, WctError *err)
{
  const WctTrainingOps *ops = on->backend->ops->training;
  void                 *ctx = on->backend->ctx;
  WctStatus             status;

  WCT_TRY (ops->chain_new (ctx, on->encoder, on->picture, 1, WCT_CHAIN_FORWARD, &bench->encode, err));
  WCT_TRY (ops->chain_new (ctx, on->decoder, on->features, 1, WCT_CHAIN_FORWARD, &bench->decode, err));
  WCT_TRY (ops->batch_new (ctx, 1, on->picture, &bench->picture, err));
  WCT_TRY (ops->batch_new (ctx, 1, on->picture, &bench->result, err));
  WCT_TRY (ops->batch_new (ctx, 1, on->features, &bench->features, err));
  WCT_TRY (ops->batch_new (ctx, 1, on->features, &bench->result_features, err));
  WCT_TRY (wct_alloc (values_of (on->picture), sizeof (float), "picture", &bench->clipped, err));

out:
  return status;
}

static void
bench_free (const Evaluation *on, Bench *bench)
{
  const WctTrainingOps *ops = on->backend->ops->training;
  void                 *ctx = on->backend->ctx;

  ops->chain_free (ctx, &bench->encode);
  ops->chain_free (ctx, &bench->decode);
  ops->batch_free (ctx, &bench->picture);
  ops->batch_free (ctx, &bench->result);
  ops->batch_free (ctx, &bench->features);
  ops->batch_free (ctx, &bench->result_features);
  wct_free (&bench->clipped);
}

static WctStatus
compare (const Evaluation *on, const float *image, const float *result, float *clipped, WctScore *score, WctError *err)
{
  const size_t count = values_of (on->picture);
  double       sum = 0;

  for (size_t i = 0; i < count; i++)
    {
      clipped[i] = fminf (fmaxf (result[i], 0), 1);
      sum += ((double)clipped[i] - image[i]) * ((double)clipped[i] - image[i]);
    }
  score->psnr = 10 * log10 ((double)count / fmax (sum, 1e-12 * (double)count));
  return wct_ssim (image, clipped, on->picture.h, on->picture.w, &score->ssim, err);
}

static WctStatus
evaluate_picture (void *data, int item, int thread, WctError *err)
{
  const Evaluation     *on = data;
  const WctTrainingOps *ops = on->backend->ops->training;
  void                 *ctx = on->backend->ctx;
  Bench                *bench = &on->benches[thread];
  WctScore             *score = &on->scores[item];
  const size_t          values = values_of (on->picture);
  const float          *image = on->images + (size_t)item * values;
  float                *result = on->results + (size_t)item * values;
  WctStatus             status;

  WCT_TRY (ops->batch_upload (ctx, image, bench->picture, err));
  WCT_TRY (ops->forward (ctx, bench->encode, bench->picture, bench->features, err));
  WCT_TRY (ops->forward (ctx, bench->decode, bench->features, bench->result, err));
  WCT_TRY (ops->forward (ctx, bench->encode, bench->result, bench->result_features, err));
  WCT_TRY (ops->squared_error (ctx, bench->result, bench->picture, 1, false, NULL, &score->pixel, err));
  WCT_TRY (ops->squared_error (ctx, bench->result_features, bench->features, 1, false, NULL, &score->feature, err));
  WCT_TRY (ops->batch_download (ctx, bench->result, result, err));
  WCT_TRY (compare (on, image, result, bench->clipped, score, err));

out:
  return status;
}

static void
average (const Evaluation *on, int32_t count, WctScore *out)
{
  WctScore sum = { .pictures = count };

  for (int32_t i = 0; i < count; i++)
    {
      sum.psnr += on->scores[i].psnr / count;
      sum.ssim += on->scores[i].ssim / count;
      sum.pixel += on->scores[i].pixel / count / (double)values_of (on->picture);
      sum.feature += on->scores[i].feature / count / (double)values_of (on->features);
    }
  *out = sum;
}

WctStatus
wct_evaluate (WctBackend *backend, WctPool *pool, const WctNetwork *encoder, const WctNetwork *decoder,
              const float *images, int32_t count, int32_t side, float *results, WctScore *out, WctError *err)
{
  const WctShape picture = { 3, side, side };
  const int      threads = wct_pool_threads (pool);
  Evaluation     on = { .backend = backend,
                        .images = images,
                        .results = results,
                        .picture = picture,
                        .features = wct_layers_shape (encoder->layers, encoder->count, picture) };
  float         *own_results = NULL;
  WctStatus      status;

  WCT_TRY (wct_alloc ((size_t)threads, sizeof *on.benches, "evaluation", &on.benches, err));
  WCT_TRY (wct_alloc ((size_t)count, sizeof *on.scores, "evaluation", &on.scores, err));
  if (results == NULL)
    WCT_TRY (wct_alloc ((size_t)count * values_of (picture), sizeof (float), "evaluation", &own_results, err));
  on.results = results != NULL ? results : own_results;
  WCT_TRY (
    wct_layers_pack (backend, encoder->layers, encoder->count, WCT_PRECISION_F32, WCT_CHAIN_FORWARD, &on.encoder, err));
  WCT_TRY (
    wct_layers_pack (backend, decoder->layers, decoder->count, WCT_PRECISION_F32, WCT_CHAIN_FORWARD, &on.decoder, err));
  for (int i = 0; i < threads; i++)
    WCT_TRY (bench_new (&on, &on.benches[i], err));
  WCT_TRY (wct_pool_run (pool, count, evaluate_picture, &on, NULL, 0, err));
  average (&on, count, out);

out:
  for (int i = 0; on.benches != NULL && i < threads; i++)
    bench_free (&on, &on.benches[i]);
  backend->ops->training->packing_free (backend->ctx, &on.encoder);
  backend->ops->training->packing_free (backend->ctx, &on.decoder);
  wct_free (&own_results);
  wct_free (&on.scores);
  wct_free (&on.benches);
  return status;
}
