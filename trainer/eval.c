/* wct-train eval: how well a model gives pictures back. */
#include <stdio.h>

#include <jansson.h>

#include "commands.h"
#include "evaluate.h"
#include "mem.h"
#include "model.h"
#include "stills.h"

typedef struct
{
  WctModel      *model;
  WctBackend    *backend;
  WctPool       *pool;
  WctPictureSet *set;
  WctPictureList list;
  float         *images;
  int32_t        count;
} Subject;

static void
clear_subject (Subject *subject)
{
  wct_free (&subject->images);
  wct_picture_list_clear (&subject->list);
  wct_picture_set_free (&subject->set);
  wct_pool_free (&subject->pool);
  wct_backend_close (&subject->backend);
  wct_model_unref (&subject->model);
}

static WctStatus
open_subject (const WctArguments *arguments, Subject *subject, WctError *err)
{
  const int32_t threads = arguments->config.threads > 0 ? arguments->config.threads : wct_processor_count ();
  const size_t  values = 3 * (size_t)arguments->size * (size_t)arguments->size;
  int32_t       next = 0, wanted;
  WctStatus     status;

  WCT_TRY (wct_model_load (arguments->operands[0], &subject->model, err));
  if (wct_model_levels (subject->model) == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: has no decoder, so there is nothing to measure",
                            arguments->operands[0]));
  WCT_TRY (wct_backend_open (arguments->backend, 1, &subject->backend, err));
  if (subject->backend->ops->training == NULL)
    WCT_TRY (
      wct_error_set (err, WCT_ERR_UNSUPPORTED, "the %s back end cannot train or measure", subject->backend->info.name));
  WCT_TRY (wct_pool_new (threads, &subject->pool, err));
  WCT_TRY (wct_picture_set_open (arguments->data, &subject->set, err));
  WCT_TRY (wct_picture_list_first (subject->set, -1, &subject->list, err));
  wanted = arguments->count > 0 && arguments->count < subject->list.count ? arguments->count : subject->list.count;
  WCT_TRY (wct_alloc ((size_t)wanted * values, sizeof (float), "pictures", &subject->images, err));
  WCT_TRY (wct_stills_load (subject->set, &subject->list, arguments->size, (WctStillPlace)arguments->place, &next,
                            wanted, subject->images, &subject->count, err));
  if (subject->count == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_IO, "%s: no picture can be read", arguments->data));

out:
  return status;
}

static void
print_row (int level, const WctScore *score)
{
  printf ("relu%d_1  PSNR %.2f dB  SSIM %.4f  pixel mse %.5f  feature mse %.5f  n=%d\n", level, score->psnr,
          score->ssim, score->pixel, score->feature, score->pictures);
}

static json_t *
row_json (int level, const WctScore *score)
{
  return json_pack ("{s:i, s:f, s:f, s:f, s:f, s:i}", "level", level, "psnr", score->psnr, "ssim", score->ssim, "pixel",
                    score->pixel, "feature", score->feature, "pictures", score->pictures);
}

WctStatus
wct_command_eval (WctArguments *arguments, WctError *err)
{
  Subject   subject = { .model = NULL };
  json_t   *rows = NULL;
  WctError  complaint;
  WctStatus status;

  if (arguments->pairs > 0 || arguments->textures > 0)
    return wct_command_compare (arguments, err);
  WCT_TRY (open_subject (arguments, &subject, err));
  rows = json_array ();
  while (wct_picture_set_next_complaint (subject.set, &complaint))
    wct_print_sentence ("wct-train: left out", complaint.message, "");
  for (int level = 1; level <= WCT_LEVELS; level++)
    {
      WctScore score;

      if ((wct_model_levels (subject.model) & 1u << (level - 1)) == 0)
        continue;
      WCT_TRY (wct_evaluate (subject.backend, subject.pool, wct_model_encoder (subject.model, level),
                             wct_model_decoder (subject.model, level), subject.images, subject.count, arguments->size,
                             NULL, &score, err));
      if (arguments->json)
        json_array_append_new (rows, row_json (level, &score));
      else
        print_row (level, &score);
    }
  if (arguments->json)
    {
      json_dumpf (rows, stdout, JSON_COMPACT | JSON_REAL_PRECISION (9));
      printf ("\n");
    }

out:
  json_decref (rows);
  clear_subject (&subject);
  return status;
}
