#include "transfer.h"

#include <wct/job.h>

#include "interrupt.h"
#include "mem.h"
#include "monitor.h"
#include "planar.h"
#include "sight.h"

/* Pictures are no narrower. */
#define SIDE_MIN 16

/* Of one thread. */
typedef struct
{
  WctBackend *backend;
  WctEye     *eye;
} Worker;

typedef struct
{
  const WctTransfer *transfer;
  Worker            *workers;
  WctDistances      *out;
  bool              *done;
} Pass;

/* What a pair is made of, and what came out last. */
typedef struct
{
  int       number;
  WctImage  content, style, result; /* pixels owned */
  WctSight *content_seen, *style_seen;
} Pair;

/* ---- Pictures ----------------------------------------------------------------------------------------------- */

static WctStatus
image_new (int32_t width, int32_t height, WctImage *out, WctError *err)
{
  *out = (WctImage){
    .width = width, .height = height, .channels = 3, .row_stride_bytes = (size_t)width * 3 * sizeof (float)
  };
  return wct_alloc ((size_t)width * (size_t)height * 3, sizeof (float), "picture", &out->pixels, err);
}

/* To sides that divide by 16, continued on the right and below, as models and the judge read them. */
static WctStatus
mirror (const WctPixels *pixels, WctImage *out, WctError *err)
{
  const WctShape  shape = wct_planar_shape (pixels->width, pixels->height);
  const WctStatus status = image_new (shape.w, shape.h, out, err);
  float          *to = out->pixels;

  for (int32_t y = 0; y < shape.h && status == WCT_OK; y++)
    for (int32_t x = 0; x < shape.w; x++)
      {
        const size_t row = (size_t)wct_mirror (y, pixels->height), column = (size_t)wct_mirror (x, pixels->width);

        for (size_t c = 0; c < 3; c++)
          *to++ = (float)pixels->data[(row * (size_t)pixels->width + column) * 3 + c] / 255;
      }
  return status;
}

static int32_t
index_of (const WctPictureSet *set, const WctTransfer *transfer, int pair)
{
  return (int32_t)((int64_t)pair * wct_picture_set_count (set) / transfer->pairs);
}

static bool
unreadable (const WctTransfer *transfer, int pair)
{
  const WctPictureSet *sets[] = { transfer->contents, transfer->styles };
  bool                 any = false;

  for (int i = 0; i < 2; i++)
    any = any || (sets[i] != NULL && wct_picture_set_unreadable (sets[i], index_of (sets[i], transfer, pair)));
  return any;
}

static WctStatus
load (WctPictureSet *set, const WctTransfer *transfer, int pair, WctImage *out, WctError *err)
{
  const int32_t index = index_of (set, transfer, pair);
  WctPixels     pixels = { 0 };
  WctStatus     status;

  WCT_TRY (wct_picture_set_decode (set, index, 1, INT32_MAX, &pixels, err));
  WCT_TRY (wct_pixels_fit_longer (&pixels, transfer->size, SIDE_MIN, wct_picture_set_name (set, index), err));
  WCT_TRY (mirror (&pixels, out, err));

out:
  wct_pixels_free (&pixels);
  return status;
}

static WctStatus
open_pair (const Pass *pass, Worker *worker, Pair *pair, WctError *err)
{
  const WctTransfer *transfer = pass->transfer;
  WctStatus          status;

  if (transfer->contents != NULL)
    WCT_TRY (load (transfer->contents, transfer, pair->number, &pair->content, err));
  else
    {
      WCT_TRY (image_new (transfer->size, transfer->size, &pair->content, err));
      wct_noise_fill (&pair->content, (uint64_t)pair->number + 1);
    }
  WCT_TRY (load (transfer->styles, transfer, pair->number, &pair->style, err));
  WCT_TRY (image_new (pair->content.width, pair->content.height, &pair->result, err));
  if (transfer->contents != NULL)
    WCT_TRY (wct_eye_look (worker->eye, &pair->content, &pair->content_seen, err));
  WCT_TRY (wct_eye_look (worker->eye, &pair->style, &pair->style_seen, err));

out:
  return status;
}

static void
close_pair (Pair *pair)
{
  wct_sight_free (&pair->content_seen);
  wct_sight_free (&pair->style_seen);
  wct_free (&pair->content.pixels);
  wct_free (&pair->style.pixels);
  wct_free (&pair->result.pixels);
}

/* Results are judged as they will be seen. */
static void
clip (WctImage *image)
{
  for (size_t i = 0; i < (size_t)image->width * (size_t)image->height * 3; i++)
    image->pixels[i] = image->pixels[i] < 0 ? 0 : image->pixels[i] > 1 ? 1 : image->pixels[i];
}

/* ---- Stylizing ---------------------------------------------------------------------------------------------- */

static bool
is_canceled (void *user)
{
  (void)user;
  return wct_interrupted ();
}

static const WctHooks stop_hooks = { .canceled = is_canceled };

/* Without the levels that the model does not have. */
static WctParams
params_for (const WctModel *model, const WctParams *setting)
{
  WctParams params = *setting;

  for (int i = 0; i < WCT_LEVELS; i++)
    if ((wct_model_levels (model) & 1u << i) == 0)
      params.level_on[i] = 0;
  return params;
}

static WctStatus
stylize (Worker *worker, WctModel *model, WctStyle *style, const WctParams *setting, Pair *pair, WctError *err)
{
  const WctParams  params = params_for (model, setting);
  const WctJobSpec spec = {
    .model = model, .backend = worker->backend, .params = &params, .style_count = 1, .styles = &style
  };
  WctJob   *job = NULL;
  WctStatus status;

  WCT_TRY (wct_job_new (&spec, &job, err));
  WCT_TRY (wct_job_run (job, &pair->content, &pair->result, &stop_hooks, err));
  clip (&pair->result);

out:
  wct_job_free (&job);
  return status;
}

static WctStatus
judge (Worker *worker, const Pair *pair, WctDistances *out, WctError *err)
{
  WctSight *seen = NULL;
  WctStatus status;

  *out = (WctDistances){ 0, 0 };
  WCT_TRY (wct_eye_look (worker->eye, &pair->result, &seen, err));
  out->style = wct_style_distance (seen, pair->style_seen);
  if (pair->content_seen != NULL)
    WCT_TRY (wct_content_distance (seen, pair->content_seen, &out->content, err));

out:
  wct_sight_free (&seen);
  return status;
}

static WctStatus
show (const WctTransfer *transfer, int row, int column, const WctImage *picture, WctError *err)
{
  return transfer->sheet == NULL ? WCT_OK : wct_sheet_put (transfer->sheet, row, column, picture, err);
}

static WctStatus
measure_model (const Pass *pass, Worker *worker, Pair *pair, int number, int first_column, WctError *err)
{
  const WctTransfer *transfer = pass->transfer;
  WctModel          *model = transfer->models[number];
  WctDistances      *out = pass->out + (pair->number * transfer->model_count + number) * transfer->setting_count;
  WctStyle          *style = NULL;
  WctStatus          status;

  WCT_TRY (
    wct_style_measure (model, worker->backend, &pair->style, wct_model_levels (model), &stop_hooks, &style, err));
  for (int i = 0; i < transfer->setting_count; i++)
    {
      WCT_TRY (stylize (worker, model, style, &transfer->settings[i], pair, err));
      WCT_TRY (judge (worker, pair, &out[i], err));
      WCT_TRY (show (transfer, pair->number, first_column + i * transfer->model_count + number, &pair->result, err));
    }

out:
  wct_style_unref (&style);
  return status;
}

static WctStatus
measure_opened (const Pass *pass, Worker *worker, Pair *pair, WctError *err)
{
  const WctTransfer *transfer = pass->transfer;
  int                column = 0;
  WctStatus          status;

  if (transfer->contents != NULL)
    WCT_TRY (show (transfer, pair->number, column++, &pair->content, err));
  WCT_TRY (show (transfer, pair->number, column++, &pair->style, err));
  for (int i = 0; i < transfer->model_count; i++)
    WCT_TRY (measure_model (pass, worker, pair, i, column, err));

out:
  return status;
}

static WctStatus
measure_pair (void *data, int number, int thread, WctError *err)
{
  const Pass *pass = data;
  Worker     *worker = &pass->workers[thread];
  Pair        pair = { .number = number };
  WctStatus   status = open_pair (pass, worker, &pair, err);

  pass->done[number] = status == WCT_OK;
  if (status == WCT_OK)
    status = measure_opened (pass, worker, &pair, err);
  else if (unreadable (pass->transfer, number))
    status = WCT_OK; /* its set has the complaint */
  close_pair (&pair);
  return status;
}

WctStatus
wct_transfer_measure (const WctTransfer *transfer, WctPool *pool, const WctHooks *hooks, WctDistances *out, bool *done,
                      WctError *err)
{
  const int  threads = wct_pool_threads (pool);
  Pass       pass = { .transfer = transfer, .out = out, .done = done };
  WctMonitor monitor;
  WctStatus  status;

  wct_monitor_init (&monitor, hooks, transfer->pairs);

  WCT_TRY (wct_alloc ((size_t)threads, sizeof *pass.workers, "judges", &pass.workers, err));
  for (int i = 0; i < threads; i++)
    {
      WCT_TRY (wct_backend_open (transfer->device, 1, &pass.workers[i].backend, err));
      if (pass.workers[i].backend->ops->training == NULL)
        WCT_TRY (wct_error_set (err, WCT_ERR_UNSUPPORTED, "the %s back end cannot train or measure",
                                pass.workers[i].backend->info.name));
      WCT_TRY (wct_eye_new (pass.workers[i].backend, transfer->judge, &pass.workers[i].eye, err));
    }
  WCT_TRY (wct_pool_run (pool, transfer->pairs, measure_pair, &pass, &monitor, transfer->pairs, err));

out:
  for (int i = 0; i < threads && pass.workers != NULL; i++)
    {
      wct_eye_free (&pass.workers[i].eye);
      wct_backend_close (&pass.workers[i].backend);
    }
  wct_free (&pass.workers);
  return status;
}
