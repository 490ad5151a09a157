/* How a pass fits on the card: what of its pictures and features is there, and how large its bands are. */
#include "run.h"

#include "launch.h"

WctCudaReach
wct_cuda_pass_reach (const WctPass *pass, int32_t first, int32_t rows)
{
  WctCudaReach reach = { first, rows, first, rows, 0, 0 };

  if (pass->decoder != NULL)
    wct_cuda_plan_reach (pass->decoder, first, rows, &reach.feature_first, &reach.feature_rows);
  if (pass->encoder != NULL)
    wct_cuda_plan_reach (pass->encoder, reach.feature_first, reach.feature_rows, &reach.picture_first,
                         &reach.picture_rows);
  return reach;
}

bool
wct_cuda_run_overwrites (const WctCudaRun *run)
{
  const WctPass *pass = run->pass;

  return run->band_rows < wct_cuda_pass_rows (pass) && pass->encoder != NULL && pass->result == pass->from;
}

/* ---- What bands need ------------------------------------------------------------------------------------------ */

static size_t
map_bytes (const WctCuda *cuda, WctShape shape, int32_t rows)
{
  return wct_cuda_map_bytes (cuda->element, wct_shape_with_rows (shape, rows));
}

static void
need_for_features (const WctCudaRun *run, const WctCudaReach *reach, WctCudaNeed *need)
{
  const WctPass *pass = run->pass;
  const WctShape shape = pass->features;
  const size_t   positions = (size_t)reach->feature_rows * (size_t)shape.w;

  if (run->kept == NULL)
    wct_cuda_need (need, WCT_ROOM_FEATURES, map_bytes (run->cuda, shape, reach->feature_rows));
  if (pass->weights != NULL)
    wct_cuda_need (need, WCT_ROOM_WEIGHTS, positions * sizeof (float));
  if (pass->maps != NULL)
    {
      wct_cuda_need (need, WCT_ROOM_MAPPED, map_bytes (run->cuda, shape, reach->feature_rows));
      wct_cuda_map_need (shape.c, positions, need);
    }
}

/* Of all taps: the shallower have more positions, the deeper more channels. */
static void
need_for_taps (const WctCudaRun *run, int32_t rows, WctCudaNeed *need)
{
  const WctPass *pass = run->pass;

  for (int t = 0; t < pass->tap_count; t++)
    {
      const WctShape tap = wct_cuda_plan_shape (pass->encoder, pass->taps[t].layers);
      const size_t   positions = (size_t)rows * (size_t)(tap.h / pass->features.h) * (size_t)tap.w;

      wct_cuda_measure_need (run->cuda, tap.c, positions, need);
    }
}

static void
need_for_band (const WctCudaRun *run, const WctCudaReach *reach, WctCudaNeed *need)
{
  const WctPass *pass = run->pass;
  const size_t   row = wct_picture_row_bytes (pass->picture);

  need_for_features (run, reach, need);
  if (pass->encoder != NULL)
    {
      wct_cuda_need (need, WCT_ROOM_PICTURE, map_bytes (run->cuda, pass->picture, reach->picture_rows));
      wct_cuda_need (need, WCT_ROOM_PLANES, run->from == NULL ? (size_t)reach->picture_rows * row : 0);
      wct_cuda_plan_need (run->cuda, pass->encoder, reach->feature_first, reach->feature_rows, need);
      need_for_taps (run, reach->rows, need);
    }
  if (pass->decoder != NULL)
    {
      wct_cuda_need (need, WCT_ROOM_RESULT, map_bytes (run->cuda, pass->picture, reach->rows));
      wct_cuda_need (need, WCT_ROOM_PLANES, run->result == NULL ? (size_t)reach->rows * row : 0);
      wct_cuda_need (need, WCT_ROOM_CHECK, sizeof (int));
      wct_cuda_plan_need (run->cuda, pass->decoder, reach->first, reach->rows, need);
    }
}

static WctStatus
reserve_bands (const WctCudaRun *run, WctError *err)
{
  const int32_t height = wct_cuda_pass_rows (run->pass);
  WctCudaNeed   need = { { 0 } };

  for (int32_t first = 0; first < height; first += run->band_rows)
    {
      const int32_t      left = height - first;
      const WctCudaReach reach = wct_cuda_pass_reach (run->pass, first, left < run->band_rows ? left : run->band_rows);

      need_for_band (run, &reach, &need);
    }
  return wct_cuda_reserve (run->cuda, &need, err);
}

/* ---- What is on the device ------------------------------------------------------------------------------------ */

static WctStatus
make_second_picture (WctCudaRun *run, WctError *err)
{
  const WctStatus status =
    wct_device_alloc (run->cuda->device, wct_store_size (run->pass->result), "picture", &run->other, err);

  run->result = run->other;
  return status == WCT_ERR_NO_MEMORY ? WCT_OK : status;
}

static WctStatus
find_mirrors (WctCudaRun *run, WctError *err)
{
  const WctPass *pass = run->pass;
  WctCuda       *cuda = run->cuda;
  WctStatus      status = WCT_OK;

  if (pass->kept != NULL)
    WCT_TRY (pass->encoder != NULL ? wct_cuda_mirror_to_write (cuda, pass->kept, &run->kept, err)
                                   : wct_cuda_mirror (cuda, pass->kept, &run->kept, err));
  if (pass->encoder != NULL)
    WCT_TRY (wct_cuda_mirror (cuda, pass->from, (void **)&run->from, err));

out:
  return status;
}

/* Where the result is written depends on whether bands still read what it replaces. */
static WctStatus
find_result (WctCudaRun *run, WctError *err)
{
  if (run->pass->decoder == NULL || run->alone)
    return WCT_OK;
  if (run->result != NULL && (run->other != NULL || !wct_cuda_run_overwrites (run)))
    return WCT_OK; /* as for larger bands */
  run->result = NULL;
  if (!wct_cuda_run_overwrites (run))
    return wct_cuda_mirror_to_write (run->cuda, run->pass->result, (void **)&run->result, err);
  return run->from != NULL ? make_second_picture (run, err) : WCT_OK;
}

/* ---- Fitting -------------------------------------------------------------------------------------------------- */

/* Convolutions find their own room when they run, up to a part of the card. */
#define WORKSPACE_SHARE 4

static WctStatus
leave_workspace (const WctCudaRun *run, size_t before, WctError *err)
{
  const size_t wanted = wct_device_workspace (run->cuda->device), most = before / WORKSPACE_SHARE;
  const size_t left = wct_device_available (run->cuda->device);

  if (run->band_rows == 1 || left >= (wanted < most ? wanted : most))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_NO_MEMORY, "the graphics card has %.1f MB left for convolutions",
                        (double)left / 1e6);
}

static WctStatus
try_band_rows (WctCudaRun *run, int32_t rows, WctError *err)
{
  const size_t before = wct_device_available (run->cuda->device);
  WctStatus    status;

  run->band_rows = rows;
  WCT_TRY (find_result (run, err));
  WCT_TRY (reserve_bands (run, err));
  WCT_TRY (leave_workspace (run, before, err));

out:
  if (status == WCT_ERR_NO_MEMORY)
    wct_cuda_release (run->cuda);
  return status;
}

/* Smaller and smaller bands, down to @least rows. */
static WctStatus
try_bands (WctCudaRun *run, int32_t least, WctError *err)
{
  int32_t   rows = wct_cuda_pass_rows (run->pass);
  WctStatus status = try_band_rows (run, rows, err);

  while (status == WCT_ERR_NO_MEMORY && rows > least)
    {
      rows = (rows + 1) / 2 < least ? least : (rows + 1) / 2;
      status = try_band_rows (run, rows, err);
    }
  return status;
}

#define BANDS_BESIDE_MIRRORS 8 /* where more were needed, pictures on the card take too much of it */

WctStatus
wct_cuda_run_settle (WctCudaRun *run, WctError *err)
{
  const int32_t height = wct_cuda_pass_rows (run->pass);
  WctStatus     status;

  WCT_TRY (find_mirrors (run, err));
  status = try_bands (run, (height + BANDS_BESIDE_MIRRORS - 1) / BANDS_BESIDE_MIRRORS, err);
  if (status != WCT_ERR_NO_MEMORY)
    return status;
  wct_device_free (run->cuda->device, &run->other);
  run->from = run->result = NULL;
  run->kept = NULL;
  WCT_TRY (wct_cuda_mirrors_drop (run->cuda, err));
  run->alone = true;
  WCT_TRY (try_bands (run, 1, err));

out:
  return status;
}
