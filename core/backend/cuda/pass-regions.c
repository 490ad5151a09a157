/* Moments and maps of a band of features, region by region. */
#include "run.h"

#include <string.h>

#include "launch.h"
#include "mem.h"

WctStatus
wct_cuda_allocate_regions (WctCudaRun *run, WctError *err)
{
  const WctPass *pass = run->pass;
  const int32_t  first = (wct_cuda_pass_rows (pass) - run->band_rows) / 2;
  const int32_t  rows = wct_cuda_pass_reach (pass, first, run->band_rows).feature_rows + 2; /* as bands may be cut */
  const size_t   most = (size_t)rows * (size_t)pass->features.w;
  WctStatus      status = WCT_OK;

  if (pass->weights == NULL)
    return WCT_OK;
  WCT_TRY (wct_alloc (most, sizeof (float), "regions", &run->weights, err));
  WCT_TRY (wct_alloc (most, sizeof (int32_t), "regions", &run->positions, err));
  WCT_TRY (wct_alloc (most, sizeof (float), "regions", &run->picked, err));

out:
  return status;
}

/* A region's weights of a band's positions, on the device; NULL where everything counts whole. */
static WctStatus
weigh (WctCudaRun *run, int region, WctWeightsUse use, const WctCudaBand *band, const float **out, WctError *err)
{
  const WctRegionWeights *weights = run->pass->weights;
  const size_t            positions = (size_t)band->rows * (size_t)band->shape.w;
  float                  *to;
  int32_t                 count;
  WctStatus               status;

  *out = NULL;
  if (weights == NULL)
    return WCT_OK;
  memset (run->weights, 0, positions * sizeof *run->weights);
  count = weights->pick (weights->data, region, use, band->first, band->rows, run->positions, run->picked);
  for (int32_t i = 0; i < count; i++)
    run->weights[run->positions[i]] = run->picked[i];
  WCT_TRY (wct_cuda_room (run->cuda, WCT_ROOM_WEIGHTS, positions * sizeof (float), &to, err));
  WCT_TRY (wct_device_upload (run->cuda->device, run->weights, positions * sizeof (float), to, err));
  *out = to;

out:
  return status;
}

static WctStatus
measure_region (WctCudaRun *run, int region, const WctCudaBand *band, WctMoments *out, WctError *err)
{
  const float *weights;
  WctStatus    status;

  WCT_TRY (weigh (run, region, WCT_WEIGHTS_MEASURED, band, &weights, err));
  WCT_TRY (wct_cuda_measure (run->cuda, band, weights, out, err));

out:
  return status;
}

WctStatus
wct_cuda_measure_tap (WctCudaRun *run, const WctTap *tap, const WctCudaBand *band, int32_t first, int32_t rows,
                      WctError *err)
{
  const int32_t     scale = band->shape.h / run->pass->features.h;
  const WctCudaBand part = wct_cuda_band_part (band, first * scale, rows * scale);
  WctStatus         status = WCT_OK;

  for (int i = 0; i < wct_pass_regions (run->pass) && status == WCT_OK; i++)
    if (tap->moments[i] != NULL)
      status = measure_region (run, i, &part, tap->moments[i], err);
  if (tap->whole != NULL && status == WCT_OK)
    status = wct_cuda_measure (run->cuda, &part, NULL, tap->whole, err);
  return status;
}

WctStatus
wct_cuda_map_regions (WctCudaRun *run, WctCudaBand *features, WctError *err)
{
  WctCuda     *cuda = run->cuda;
  const size_t bytes = (size_t)features->rows * wct_cuda_feature_row_bytes (run);
  WctCudaBand  mapped = *features;
  const float *weights;
  WctStatus    status;

  WCT_TRY (wct_cuda_room (cuda, WCT_ROOM_MAPPED, bytes, &mapped.data, err));
  if (run->pass->weights != NULL) /* a copy: what no region maps stays as it is */
    wct_launch_convert (wct_device_stream (cuda->device), bytes / wct_element_size (cuda->element), cuda->element,
                        features->data, cuda->element, mapped.data);
  for (int i = 0; i < wct_pass_regions (run->pass); i++)
    if (run->pass->maps[i] != NULL)
      {
        WCT_TRY (weigh (run, i, WCT_WEIGHTS_MAPPED, features, &weights, err));
        WCT_TRY (wct_cuda_map (cuda, features, weights, run->pass->maps[i], &mapped, err));
      }
  *features = mapped;

out:
  return status;
}
