#include "loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "checkpoint.h"
#include "evaluate.h"
#include "feed.h"
#include "interrupt.h"
#include "mem.h"
#include "model.h"
#include "output.h"
#include "parallel.h"
#include "stills.h"
#include "state.h"
#include "trainer.h"

/* Held-out pictures are measured at this size where crops are not larger, as shared/reference/peer_train.py does. */
#define TEST_SIDE 256

/* Pictures that variances are measured on before the first step. */
#define MEASURED_PICTURES 256

/* Pictures whose reconstructions are kept with each test. */
#define SAMPLES 8

typedef struct
{
  WctConfig     *config;      /* borrowed, as all that is not said to be owned */
  WctRun        *run;         /* NULL but on the first rank */
  const char    *checkpoints; /* the folder; all ranks read it */
  bool           quiet;
  WctTrainer    *trainer;      /* owned */
  WctPictureSet *set;          /* owned */
  WctPictureSet *test_set;     /* owned, where the held-out part is a folder of its own */
  WctPictureList train, test;  /* owned */
  WctPictureSet *style_set;    /* owned; NULL: the run has none */
  WctPictureList styles;       /* owned */
  float         *images;       /* owned; a share of a batch */
  float         *style_images; /* owned; likewise; NULL: the run has none */
  float         *test_images;  /* owned; (test_count, 3, TEST_SIDE, TEST_SIDE) */
  int32_t        test_count;
  WctTerms       terms;              /* of the last steps: a running mean */
  int64_t        terms_count;        /* steps in it */
  WctScore       scores[WCT_LEVELS]; /* of the last test */
  bool           tested;
  double         began; /* seconds_now at this process's first step */
  int64_t        first; /* that step */
} Loop;

static double
seconds_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Data --------------------------------------------------------------------------------------------------- */

static void
print_complaints (const Loop *loop)
{
  WctPictureSet *const sets[] = { loop->set, loop->test_set, loop->style_set };
  WctError             complaint;

  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
    while (sets[i] != NULL && wct_picture_set_next_complaint (sets[i], &complaint))
      fprintf (stderr, "wct-train: left out: %s\n", complaint.message);
}

static WctStatus
open_data (Loop *loop, WctError *err)
{
  const WctConfig *config = loop->config;
  WctStatus        status;

  WCT_TRY (wct_picture_set_open (config->data, &loop->set, err));
  if (config->styles != NULL)
    {
      WCT_TRY (wct_picture_set_open (config->styles, &loop->style_set, err));
      WCT_TRY (wct_picture_list_first (loop->style_set, -1, &loop->styles, err));
    }
  if (config->test_data == NULL)
    return wct_picture_set_split (loop->set, config->test_fraction, config->seed, &loop->train, &loop->test, err);
  WCT_TRY (wct_picture_list_first (loop->set, -1, &loop->train, err));
  WCT_TRY (wct_picture_set_open (config->test_data, &loop->test_set, err));
  WCT_TRY (wct_picture_list_first (loop->test_set, -1, &loop->test, err));

out:
  return status;
}

static WctStatus
load_test_images (Loop *loop, WctError *err)
{
  const int32_t wanted = loop->config->test_count;
  const int32_t count = wanted > 0 && wanted < loop->test.count ? wanted : loop->test.count;
  const size_t  values = 3 * TEST_SIDE * TEST_SIDE;
  int32_t       next = 0;
  WctStatus     status;

  if (count == 0)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)count * values, sizeof (float), "held-out pictures", &loop->test_images, err));
  WCT_TRY (wct_stills_load (loop->test_set != NULL ? loop->test_set : loop->set, &loop->test, TEST_SIDE,
                            WCT_STILL_CENTER, &next, count, loop->test_images, &loop->test_count, err));

out:
  return status;
}

/* A card leaves the processors to what feeds it; else they have other things to do, and one thread is enough. */
static int32_t
feed_threads (const Loop *loop)
{
  const int asked = loop->config->threads;
  const int threads = asked > 0 ? asked : wct_processor_count () / wct_parallel_local_ranks ();

  return loop->trainer->backend->ops->memory_of_its_own && threads > 1 ? threads : 1;
}

/* Batches of @batch pictures of a list, shared by @ranks. */
static WctStatus
open_feed (const Loop *loop, WctPictureSet *set, const WctPictureList *list, int32_t batch, int ranks,
           int64_t first_step, WctFeed **out, WctError *err)
{
  const WctConfig *config = loop->config;
  WctFeedOptions   options;

  wct_feed_defaults (&options);
  options.crop = config->crop;
  options.side_max = wct_feed_side_max (config->crop, config->scale_min);
  options.batch = batch;
  options.rank = ranks > 1 ? wct_parallel_rank () : 0;
  options.ranks = ranks;
  options.seed = config->seed;
  options.scale_min = config->scale_min;
  options.flip = config->flip;
  options.threads = feed_threads (loop);
  return wct_feed_new (set, list, &options, first_step, out, err);
}

/* The batches of a run, from a step on: of feeds, or one for all. */
typedef struct
{
  WctFeed *feed, *style_feed; /* NULL: the loop's images are the one batch */
} Batches;

/* @count pictures of the one batch, from @first on. */
static WctStatus
load_fixed (const Loop *loop, WctPictureSet *set, const WctPictureList *list, int32_t first, int32_t count,
            float *images, WctError *err)
{
  int32_t   next = first, loaded = 0;
  WctStatus status = WCT_OK;

  if (first < list->count)
    status = wct_stills_load (set, list, loop->config->crop, WCT_STILL_CENTER, &next, count, images, &loaded, err);
  if (status == WCT_OK && loaded < count)
    status = wct_error_set (err, WCT_ERR_ARGUMENT, "--fixed: a batch of %d needs as many pictures; there are fewer",
                            loop->config->batch);
  return status;
}

static WctStatus
open_batches (Loop *loop, int64_t first_step, Batches *out, WctError *err)
{
  const int32_t share = loop->trainer->share, first = wct_parallel_rank () * share, batch = loop->config->batch;
  const int     ranks = wct_parallel_ranks ();
  WctStatus     status;

  *out = (Batches){ NULL, NULL };
  if (loop->config->fixed)
    WCT_TRY (load_fixed (loop, loop->set, &loop->train, first, share, loop->images, err));
  else
    WCT_TRY (open_feed (loop, loop->set, &loop->train, batch, ranks, first_step, &out->feed, err));
  if (loop->style_set == NULL)
    return WCT_OK;
  if (loop->config->fixed)
    WCT_TRY (load_fixed (loop, loop->style_set, &loop->styles, first, share, loop->style_images, err));
  else
    WCT_TRY (open_feed (loop, loop->style_set, &loop->styles, batch, ranks, first_step, &out->style_feed, err));

out:
  return status;
}

static void
close_batches (Batches *batches)
{
  wct_feed_free (&batches->feed);
  wct_feed_free (&batches->style_feed);
}

/* @out: borrows the loop's images */
static WctStatus
next_batch (Loop *loop, Batches *batches, WctShare *out, WctError *err)
{
  WctStatus status = WCT_OK;

  *out = (WctShare){ loop->images, loop->style_images };
  if (batches->feed != NULL)
    status = wct_feed_next (batches->feed, loop->images, err);
  if (status == WCT_OK && batches->style_feed != NULL)
    status = wct_feed_next (batches->style_feed, loop->style_images, err);
  return status;
}

/* ---- Starting ----------------------------------------------------------------------------------------------- */

/* All ranks begin with the same pictures. */
static WctStatus
start_values (Loop *loop, WctError *err)
{
  const WctConfig *config = loop->config;
  const int32_t    count = wct_trainer_start_pictures (config);
  WctFeed         *feed = NULL;
  float           *images = NULL;
  WctStatus        status;

  WCT_TRY (wct_alloc ((size_t)count * 3 * (size_t)config->crop * (size_t)config->crop, sizeof (float),
                      "pictures to start from", &images, err));
  if (config->fixed)
    WCT_TRY (load_fixed (loop, loop->set, &loop->train, 0, count, images, err));
  else
    {
      WCT_TRY (open_feed (loop, loop->set, &loop->train, count, 1, 0, &feed, err));
      WCT_TRY (wct_feed_next (feed, images, err));
    }
  WCT_TRY (wct_trainer_start (loop->trainer, images, err));

out:
  wct_feed_free (&feed);
  wct_free (&images);
  return status;
}

static WctStatus
start_fresh (Loop *loop, WctError *err)
{
  Batches   batches = { NULL, NULL };
  WctShare  share;
  WctStatus status;

  WCT_TRY (start_values (loop, err));
  WCT_TRY (open_batches (loop, 0, &batches, err));
  for (int64_t pictures = 0; pictures < MEASURED_PICTURES; pictures += loop->config->batch)
    {
      WCT_TRY (next_batch (loop, &batches, &share, err));
      WCT_TRY (wct_trainer_measure (loop->trainer, &share, err));
    }

out:
  close_batches (&batches);
  return status;
}

static WctStatus
load_checkpoint (Loop *loop, WctError *err)
{
  const char    *folder = loop->checkpoints;
  WctSafetensors tensors = { .tensors = NULL };
  json_t        *state = NULL;
  WctError       damaged;
  int64_t        step;
  WctStatus      status;

  WCT_TRY (wct_checkpoint_load (folder, &tensors, &state, &step, &damaged, err));
  if (damaged.message[0] != '\0')
    fprintf (stderr, "wct-train: passed over: %s\n", damaged.message);
  WCT_TRY (wct_state_read (loop->trainer, &tensors, state, err));
  WCT_TRY (wct_trainer_pack (loop->trainer, err));
  if (loop->run != NULL)
    WCT_TRY (wct_run_rewind (loop->run, step, err));

out:
  json_decref (state);
  wct_safetensors_clear (&tensors);
  return status;
}

static WctStatus
save_checkpoint (Loop *loop, WctError *err)
{
  if (loop->run == NULL)
    return WCT_OK;
  return wct_state_save (loop->trainer, loop->checkpoints, loop->config->keep, err);
}

/* Ranks that train different things would sum nonsense. Paths and threads may differ from machine to machine. */
static WctStatus
agree_on_config (const WctConfig *config, WctError *err)
{
  static const char *const own[] = { "model", "start_model", "data", "test_data", "styles", "judge", "threads" };
  json_t                  *json = wct_config_to_json (config);
  char                    *text;
  WctStatus                status;

  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    json_object_del (json, own[i]);
  text = json_dumps (json, JSON_COMPACT);
  json_decref (json);
  status = wct_parallel_agree_text ("the configuration", text == NULL ? "" : text, err);
  free (text);
  return status;
}

static WctStatus
open_loop (Loop *loop, bool resume, WctError *err)
{
  WctConfig   *config = loop->config;
  const size_t picture = 3 * (size_t)config->crop * (size_t)config->crop;
  WctStatus    status;

  WCT_TRY (agree_on_config (config, err));
  WCT_TRY (open_data (loop, err));
  if (config->steps == 0)
    config->steps = (int64_t)ceil (config->epochs * loop->train.count / config->batch);
  WCT_TRY (wct_trainer_new (config, &loop->trainer, err));
  if (wct_reducer_complaint (loop->trainer->reducer)[0] != '\0')
    fprintf (stderr, "wct-train: %s\n", wct_reducer_complaint (loop->trainer->reducer));
  WCT_TRY (wct_alloc ((size_t)loop->trainer->share * picture, sizeof (float), "a batch", &loop->images, err));
  if (loop->style_set != NULL)
    WCT_TRY (wct_alloc ((size_t)loop->trainer->share * picture, sizeof (float), "a batch", &loop->style_images, err));
  WCT_TRY (load_test_images (loop, err));
  WCT_TRY (resume ? load_checkpoint (loop, err) : start_fresh (loop, err));

out:
  return status;
}

static void
close_loop (Loop *loop)
{
  wct_free (&loop->images);
  wct_free (&loop->style_images);
  wct_free (&loop->test_images);
  wct_trainer_free (&loop->trainer);
  wct_picture_list_clear (&loop->train);
  wct_picture_list_clear (&loop->test);
  wct_picture_set_free (&loop->set);
  wct_picture_set_free (&loop->test_set);
  wct_picture_list_clear (&loop->styles);
  wct_picture_set_free (&loop->style_set);
}

/* ---- What is told ------------------------------------------------------------------------------------------- */

/* Everything that decides the numbers. */
static void
print_config (const WctConfig *config)
{
  json_t *json = wct_config_to_json (config);
  char   *text = json_dumps (json, JSON_COMPACT | JSON_REAL_PRECISION (9));

  if (text != NULL)
    fprintf (stderr, "%s\n", text);
  free (text);
  json_decref (json);
}

static void
print_beginning (const Loop *loop)
{
  const char *reducer = wct_reducer_detail (loop->trainer->reducer);

  print_config (loop->config);
  fprintf (stderr, "%d pictures to train on, %d held out; %s, %d threads, %s%s%s\n", loop->train.count,
           loop->test.count, wct_backend_info (loop->trainer->backend)->detail, wct_pool_threads (loop->trainer->pool),
           wct_parallel_detail (), reducer[0] == '\0' ? "" : ", sums by ", reducer);
}

static json_t *
level_terms (const WctConfig *config, const WctTerms *terms)
{
  json_t *list = json_array ();

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      json_t *level;

      if (!(config->levels & 1u << i))
        continue;
      level = json_pack ("{s:i, s:f, s:f}", "level", i + 1, "pixel", terms->pixel[i], "feature", terms->feature[i]);
      if (config->transformed > 0)
        {
          json_object_set_new (level, "style", json_real (terms->style[i]));
          json_object_set_new (level, "structure", json_real (terms->structure[i]));
        }
      json_array_append_new (list, level);
    }
  return list;
}

static double
level_loss (const WctTerms *terms, int level)
{
  const int i = level - 1;

  return terms->pixel[i] + terms->feature[i] + terms->style[i] + terms->structure[i];
}

/* The mean of about the last hundred steps: what the table calls the train loss. */
#define MEAN_STEPS 100

static void
add_terms (Loop *loop, const WctTerms *terms)
{
  const double share = 1.0 / (double)(loop->terms_count < MEAN_STEPS ? ++loop->terms_count : MEAN_STEPS);

  for (int i = 0; i < WCT_LEVELS; i++)
    {
      loop->terms.pixel[i] += share * (terms->pixel[i] - loop->terms.pixel[i]);
      loop->terms.feature[i] += share * (terms->feature[i] - loop->terms.feature[i]);
      loop->terms.style[i] += share * (terms->style[i] - loop->terms.style[i]);
      loop->terms.structure[i] += share * (terms->structure[i] - loop->terms.structure[i]);
    }
}

static double
pictures_per_second (const Loop *loop)
{
  const double spent = seconds_now () - loop->began;

  return spent > 0 ? (double)(loop->trainer->step - loop->first) * loop->config->batch / spent : 0;
}

static WctStatus
tell_step (Loop *loop, const WctTerms *terms, WctError *err)
{
  const WctConfig *config = loop->config;
  const int64_t    step = loop->trainer->step;

  add_terms (loop, terms);
  if (loop->run == NULL)
    return WCT_OK;
  if (!loop->quiet && (step % 50 == 0 || step == config->steps))
    fprintf (stderr, "step %lld of %lld  loss %.5f  rate %.2e  %.1f pictures/s\n", (long long)step,
             (long long)config->steps, wct_terms_loss (&loop->terms), wct_trainer_rate (config, step - 1),
             pictures_per_second (loop));
  return wct_run_log (loop->run,
                      json_pack ("{s:I, s:f, s:o, s:f, s:f, s:f}", "step", (json_int_t)step, "loss",
                                 wct_terms_loss (terms), "levels", level_terms (config, terms), "rate",
                                 wct_trainer_rate (config, step - 1), "pictures_per_second", pictures_per_second (loop),
                                 "seconds", seconds_now () - loop->began),
                      err);
}

/* ---- Tests -------------------------------------------------------------------------------------------------- */

/* The network with the values that will be exported: the averaged ones. */
static void
averaged_network (const WctLearner *learner, WctNetwork *out)
{
  *out = learner->network;
  for (int i = 0; i < out->count && learner->average != NULL; i++)
    if (wct_layer_side (&out->layers[i]) > 0)
      {
        out->layers[i].conv.weight = learner->average + (out->layers[i].conv.weight - learner->values);
        out->layers[i].conv.bias = learner->average + (out->layers[i].conv.bias - learner->values);
      }
}

/* Is this more than what follows a tap: a level's whole encoder? */
static bool
begins_with_picture (const WctNetwork *part)
{
  return part->layers[0].kind == WCT_LAYER_CONV && part->layers[0].conv.in_c == 3;
}

/* The encoder that feeds a decoder: segments between taps as they are in the model, or as they were learned; or the
 * level's own, whole. */
static void
encoder_network (const WctTrainer *trainer, int level, WctNetwork *out)
{
  out->count = 0;
  for (int i = 1; i <= level; i++)
    {
      const WctLearner *learner = wct_trainer_learner (trainer, "encoder", i);
      WctNetwork        segment;

      if (learner != NULL)
        averaged_network (learner, &segment);
      else
        wct_network_segment (wct_model_encoder (trainer->model, level), i - 1, i, &segment);
      if (begins_with_picture (&segment))
        out->count = 0;
      wct_network_append (out, &segment);
    }
}

/* One planar picture to its place in a sheet. */
static void
place_sample (WctImage *sheet, int32_t row, int32_t column, const float *planar)
{
  const size_t plane = (size_t)TEST_SIDE * TEST_SIDE;

  for (size_t y = 0; y < TEST_SIDE; y++)
    {
      float *to = (float *)((char *)sheet->pixels + ((size_t)row * TEST_SIDE + y) * sheet->row_stride_bytes)
                  + (size_t)column * TEST_SIDE * 3;

      for (size_t x = 0; x < TEST_SIDE; x++)
        for (size_t c = 0; c < 3; c++)
          *to++ = planar[c * plane + y * TEST_SIDE + x];
    }
}

/* Pictures beside each other: above as they are, below as they came back. */
static WctStatus
save_samples (const Loop *loop, int level, const float *results, WctError *err)
{
  const int32_t count = loop->test_count < SAMPLES ? loop->test_count : SAMPLES;
  const size_t  values = 3 * TEST_SIDE * TEST_SIDE;
  WctPicture    sheet = { .alpha = NULL };
  WctOutput     output = { .path = NULL };
  char          name[16], path[4200];
  WctStatus     status;

  snprintf (name, sizeof name, "relu%d_1", level);
  WCT_TRY (wct_run_sample_path (loop->run, loop->trainer->step, name, path, sizeof path, err));
  WCT_TRY (wct_output_open (path, true, &output, err));
  output.finish = true; /* who is asked to stop finishes its step, tests included */
  WCT_TRY (wct_picture_new (count * TEST_SIDE, 2 * TEST_SIDE, &sheet, err));
  for (int32_t i = 0; i < count; i++)
    {
      place_sample (&sheet.image, 0, i, loop->test_images + (size_t)i * values);
      place_sample (&sheet.image, 1, i, results + (size_t)i * values);
    }
  WCT_TRY (wct_output_save (&output, &sheet, NULL, err));

out:
  wct_picture_clear (&sheet);
  wct_output_clear (&output);
  return status;
}

/* The two terms as they count in the loss. */
static double
test_loss (const WctTrainer *trainer, int level, const WctScore *score)
{
  const bool decoder = trainer->config->task == WCT_TASK_DECODER;
  const bool features = decoder && trainer->config->transformed == 0; /* else another network's count */

  return (decoder ? 1 : trainer->config->reconstruct) * trainer->config->pixel_weights[level - 1] * score->pixel
           / trainer->scales.pixel
         + (features ? trainer->config->lambda * score->feature / trainer->scales.feature[level - 1] : 0);
}

static WctStatus
test_level (Loop *loop, int level, float *results, WctError *err)
{
  WctTrainer *trainer = loop->trainer;
  WctScore   *score = &loop->scores[level - 1];
  WctNetwork  encoder, decoder;
  WctStatus   status;

  encoder_network (trainer, level, &encoder);
  averaged_network (wct_trainer_learner (trainer, "decoder", level), &decoder);
  WCT_TRY (wct_evaluate (trainer->backend, trainer->pool, &encoder, &decoder, loop->test_images, loop->test_count,
                         TEST_SIDE, results, score, err));
  WCT_TRY (save_samples (loop, level, results, err));
  WCT_TRY (wct_run_log (loop->run,
                        json_pack ("{s:I, s:i, s:f, s:f, s:f, s:f, s:f}", "step", (json_int_t)trainer->step, "test",
                                   level, "psnr", score->psnr, "ssim", score->ssim, "pixel", score->pixel, "feature",
                                   score->feature, "loss", test_loss (trainer, level, score)),
                        err));
  if (!loop->quiet)
    fprintf (stderr, "step %lld  relu%d_1  held out: PSNR %.2f dB  SSIM %.4f\n", (long long)trainer->step, level,
             score->psnr, score->ssim);

out:
  return status;
}

/* On the first rank; the others wait at the next sum. */
static WctStatus
test (Loop *loop, WctError *err)
{
  float    *results = NULL;
  WctStatus status;

  if (loop->run == NULL || loop->test_count == 0)
    return WCT_OK;
  WCT_TRY (wct_alloc ((size_t)loop->test_count * 3 * TEST_SIDE * TEST_SIDE, sizeof (float), "held-out results",
                      &results, err));
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (wct_trainer_learner (loop->trainer, "decoder", level) != NULL)
      WCT_TRY (test_level (loop, level, results, err));
  loop->tested = true;

out:
  wct_free (&results);
  return status;
}

static void
print_row (const Loop *loop, int level)
{
  const WctScore *score = &loop->scores[level - 1];

  printf ("relu%d_1   | %10.5f | ", level, level_loss (&loop->terms, level));
  if (loop->tested)
    printf ("%9.5f | %5.2f dB | %.4f\n", test_loss (loop->trainer, level, score), score->psnr, score->ssim);
  else
    printf ("        - |        - |      -\n"); /* nothing was held out */
}

static void
print_table (const Loop *loop)
{
  printf ("sub-model | train loss | test loss |     PSNR |   SSIM\n");
  for (int level = 1; level <= WCT_LEVELS; level++)
    if (wct_trainer_learner (loop->trainer, "decoder", level) != NULL)
      print_row (loop, level);
}

/* ---- The loop ----------------------------------------------------------------------------------------------- */

static int64_t
test_period (const Loop *loop)
{
  const int64_t epoch = (loop->train.count + loop->config->batch - 1) / loop->config->batch;

  return loop->config->test_every > 0 ? loop->config->test_every : epoch;
}

static WctStatus
train_steps (Loop *loop, Batches *batches, bool *stopped, WctError *err)
{
  const WctConfig *config = loop->config;
  WctTrainer      *trainer = loop->trainer;
  WctStatus        status = WCT_OK;

  while (trainer->step < config->steps && !*stopped)
    {
      WctShare share;
      WctTerms terms;

      WCT_TRY (next_batch (loop, batches, &share, err));
      WCT_TRY (wct_trainer_step (trainer, &share, &terms, err));
      WCT_TRY (tell_step (loop, &terms, err));
      print_complaints (loop);
      WCT_TRY (wct_parallel_any (wct_interrupted (), stopped, err)); /* one that is asked to stop stops all */
      if (trainer->step % test_period (loop) == 0 || trainer->step == config->steps)
        WCT_TRY (test (loop, err));
      if (trainer->step % config->checkpoint_every == 0 || trainer->step == config->steps || *stopped)
        WCT_TRY (save_checkpoint (loop, err));
    }

out:
  return status;
}

WctStatus
wct_loop (WctConfig *config, WctRun *run, const char *checkpoints, bool resume, bool quiet, WctError *err)
{
  Loop      loop = { .config = config, .run = run, .checkpoints = checkpoints, .quiet = quiet };
  Batches   batches = { NULL, NULL };
  bool      stopped = false;
  WctStatus status;

  WCT_TRY (open_loop (&loop, resume, err));
  print_complaints (&loop);
  if (run != NULL && !quiet)
    print_beginning (&loop);
  if (!resume)
    WCT_TRY (save_checkpoint (&loop, err)); /* from here on it can be resumed, whatever happens */
  WCT_TRY (open_batches (&loop, loop.trainer->step, &batches, err));
  loop.began = seconds_now ();
  loop.first = loop.trainer->step;
  WCT_TRY (train_steps (&loop, &batches, &stopped, err));
  if (run != NULL && stopped && !quiet)
    fprintf (stderr, "stopped after step %lld; go on with: wct-train resume %s\n", (long long)loop.trainer->step,
             wct_run_path (run));
  if (run != NULL && !stopped)
    {
      if (!loop.tested)
        WCT_TRY (test (&loop, err));
      print_table (&loop);
    }

out:
  close_batches (&batches);
  close_loop (&loop);
  return status;
}
