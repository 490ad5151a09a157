/* Passes on the device, whole where the card has room, else in bands of rows with what they reach beyond themselves.
 * Pictures and kept features stay on the device between passes (mirror.c); where they do not fit, bands go to and fro.
 */
#include "run.h"

#include "mem.h"

/* ---- Features ------------------------------------------------------------------------------------------------- */

/* A band on its way through the encoder. */
typedef struct
{
  WctCudaRun         *run;
  const WctCudaReach *reach;
} Watched;

/* Each row of a tap is measured by one band, whatever they reach: by the one that ends with it. */
static WctStatus
measure_taps (void *user, int layers, const WctCudaBand *band, WctError *err)
{
  const Watched *watched = user;
  const WctPass *pass = watched->run->pass;
  WctStatus      status = WCT_OK;

  for (int i = 0; i < pass->tap_count && status == WCT_OK; i++)
    if (pass->taps[i].layers == layers)
      status =
        wct_cuda_measure_tap (watched->run, &pass->taps[i], band, watched->reach->first, watched->reach->rows, err);
  return status;
}

/* Where a band of features is made: in what is kept on the device, or by itself. */
static WctStatus
place_features (WctCudaRun *run, const WctCudaReach *reach, WctCudaBand *out, WctError *err)
{
  const size_t row = wct_cuda_feature_row_bytes (run);
  WctStatus    status = WCT_OK;

  *out = (WctCudaBand){ run->cuda->element, run->pass->features, reach->feature_first, reach->feature_rows, NULL };
  if (run->kept != NULL)
    out->data = (char *)run->kept + (size_t)reach->feature_first * row;
  else
    status = wct_cuda_room (run->cuda, WCT_ROOM_FEATURES, (size_t)reach->feature_rows * row, &out->data, err);
  return status;
}

static WctStatus
keep_features (WctCudaRun *run, const WctCudaBand *features, WctError *err)
{
  const size_t row = wct_cuda_feature_row_bytes (run), bytes = (size_t)features->rows * row;
  WctStatus    status;

  WCT_TRY (wct_cuda_run_host (run, bytes, err));
  WCT_TRY (wct_device_download (run->cuda->device, features->data, bytes, run->host, err));
  WCT_TRY (wct_store_write (run->pass->kept, (size_t)features->first * row, bytes, run->host, err));

out:
  return status;
}

static WctStatus
encode (WctCudaRun *run, const WctCudaReach *reach, WctCudaBand *features, WctError *err)
{
  Watched     watched = { run, reach };
  WctCudaBand picture;
  WctStatus   status;

  WCT_TRY (wct_cuda_load_picture (run, reach, &picture, err));
  WCT_TRY (wct_cuda_write_waiting (run, reach->picture_first, err));
  WCT_TRY (place_features (run, reach, features, err));
  WCT_TRY (
    wct_cuda_plan_band (run->cuda, run->pass->encoder, &picture, features, measure_taps, &watched, run->monitor, err));
  if (run->pass->kept != NULL && run->kept == NULL)
    WCT_TRY (keep_features (run, features, err));

out:
  return status;
}

/* Those that an earlier pass kept. */
static WctStatus
fetch (WctCudaRun *run, const WctCudaReach *reach, WctCudaBand *features, WctError *err)
{
  const size_t row = wct_cuda_feature_row_bytes (run);
  WctStatus    status;

  WCT_TRY (place_features (run, reach, features, err));
  if (run->kept == NULL)
    WCT_TRY (wct_cuda_bring (run, run->pass->kept, (size_t)reach->feature_first * row,
                             (size_t)reach->feature_rows * row, WCT_ROOM_FEATURES, &features->data, err));

out:
  return status;
}

/* ---- Bands ---------------------------------------------------------------------------------------------------- */

static WctStatus
decode (WctCudaRun *run, const WctCudaReach *reach, const WctCudaBand *features, WctError *err)
{
  WctCuda     *cuda = run->cuda;
  WctCudaBand  picture = { cuda->element, run->pass->picture, reach->first, reach->rows, NULL };
  const size_t bytes = wct_cuda_map_bytes (cuda->element, wct_shape_with_rows (picture.shape, picture.rows));
  WctStatus    status;

  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_RESULT, bytes, &picture.data, err));
  WCT_TRY (wct_cuda_plan_band (cuda, run->pass->decoder, features, &picture, NULL, NULL, run->monitor, err));
  WCT_TRY (wct_cuda_save_picture (run, reach, &picture, err));

out:
  return status;
}

static WctStatus
run_band (WctCudaRun *run, int32_t first, int32_t rows, WctError *err)
{
  const WctCudaReach reach = wct_cuda_pass_reach (run->pass, first, rows);
  WctCudaBand        features;
  WctStatus          status;

  WCT_TRY (run->pass->encoder != NULL ? encode (run, &reach, &features, err) : fetch (run, &reach, &features, err));
  if (run->pass->maps != NULL)
    WCT_TRY (wct_cuda_map_regions (run, &features, err));
  if (run->pass->decoder != NULL)
    WCT_TRY (decode (run, &reach, &features, err));

out:
  return status;
}

/* ---- A pass --------------------------------------------------------------------------------------------------- */

static void
forget_moments (const WctPass *pass)
{
  for (int t = 0; t < pass->tap_count; t++)
    for (int i = 0; i <= wct_pass_regions (pass); i++)
      {
        WctMoments *moments = i < wct_pass_regions (pass) ? pass->taps[t].moments[i] : pass->taps[t].whole;

        if (moments != NULL)
          wct_cuda_forget_moments (moments);
      }
}

static WctStatus
begin (WctCudaRun *run, WctError *err)
{
  const int32_t height = wct_cuda_pass_rows (run->pass);
  WctStatus     status;

  run->cuda->running = true;
  forget_moments (run->pass);
  WCT_TRY (wct_cuda_run_settle (run, err));
  WCT_TRY (wct_cuda_allocate_regions (run, err));
  if (wct_cuda_run_overwrites (run) && run->result == NULL)
    WCT_TRY (wct_alloc ((size_t)((height + run->band_rows - 1) / run->band_rows), sizeof *run->waiting, "rows",
                        &run->waiting, err));

out:
  return status;
}

static void
end (WctCudaRun *run)
{
  for (int i = 0; i < run->waiting_count; i++)
    wct_free (&run->waiting[i].values);
  wct_free (&run->waiting);
  wct_free (&run->host);
  wct_free (&run->weights);
  wct_free (&run->positions);
  wct_free (&run->picked);
  wct_device_free (run->cuda->device, &run->other);
  run->cuda->running = false;
}

WctStatus
wct_cuda_pass_run (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err)
{
  WctCudaRun    run = { .cuda = ctx, .pass = pass, .monitor = monitor };
  const int32_t height = wct_cuda_pass_rows (pass);
  WctStatus     status;

  WCT_TRY (begin (&run, err));
  for (int32_t first = 0; first < height; first += run.band_rows)
    WCT_TRY (run_band (&run, first, height - first < run.band_rows ? height - first : run.band_rows, err));
  WCT_TRY (wct_cuda_write_waiting (&run, height, err));
  WCT_TRY (wct_device_wait (run.cuda->device, err));
  if (run.other != NULL)
    wct_cuda_mirror_exchange (pass->result, &run.other);

out:
  end (&run);
  return status;
}

/* Of the processor's memory: bands on their way where the card has no room for more are not foretold. */
WctPassMemory
wct_cuda_pass_memory (void *ctx, const WctPass *pass)
{
  const size_t positions = (size_t)pass->features.h * (size_t)pass->features.w;

  (void)ctx;
  return (WctPassMemory){ .passing = pass->weights == NULL ? 0 : positions * (2 * sizeof (float) + sizeof (int32_t)) };
}
