/* Passes on the device, whole where the card has room, else in bands of rows with what they reach beyond themselves.
 * Pictures and kept features stay on the device between passes (mirror.c); where they do not fit, bands go to and fro.
 */
#include "cuda.h"

#include <string.h>

#include "launch.h"
#include "mem.h"

/* Rows of the result that wait until what is made from the rows they replace has been read. */
typedef struct
{
  int32_t first, rows;
  float  *values; /* owned; as in the store */
} Waiting;

typedef struct
{
  WctCuda       *cuda;
  const WctPass *pass;
  WctMonitor    *monitor;
  int32_t        band_rows; /* of what a pass ends with: the picture, or the features */
  float         *from;      /* the picture on the device; NULL: it is read band by band */
  float         *result;    /* likewise, to be written */
  void          *other;     /* owned; a second picture, where bands still read the first; NULL */
  void          *kept;      /* features on the device; NULL: band by band */
  void          *host;      /* owned; a band on its way */
  size_t         host_bytes;
  float         *weights;   /* owned; of a band's positions; NULL: there are no regions */
  int32_t       *positions; /* owned; likewise */
  float         *picked;    /* owned; likewise */
  Waiting       *waiting;   /* owned; (bands); NULL: nothing has to */
  int            waiting_count;
  int32_t measured, until; /* features that this band measures: rows of the pass's, from the first to before the last */
} Run;

static int32_t
rows_in_all (const WctPass *pass)
{
  return pass->decoder != NULL ? pass->picture.h : pass->features.h;
}

/* The features that a band reaches, and the picture's rows that these reach. */
typedef struct
{
  int32_t first, rows; /* of what the pass ends with */
  int32_t feature_first, feature_rows;
  int32_t picture_first, picture_rows; /* none where features are kept ones */
} Band;

static Band
find_band (const WctPass *pass, int32_t first, int32_t rows)
{
  Band band = { first, rows, first, rows, 0, 0 };

  if (pass->decoder != NULL)
    wct_cuda_plan_reach (pass->decoder, first, rows, &band.feature_first, &band.feature_rows);
  if (pass->encoder != NULL)
    wct_cuda_plan_reach (pass->encoder, band.feature_first, band.feature_rows, &band.picture_first, &band.picture_rows);
  return band;
}

/* ---- How large bands are -------------------------------------------------------------------------------------- */

static WctShape
with_rows (WctShape shape, int32_t rows)
{
  shape.h = rows;
  return shape;
}

static size_t
larger (size_t a, size_t b)
{
  return a > b ? a : b;
}

/* Device memory that a band in the middle takes, with all its rooms. */
static size_t
band_bytes (const WctCuda *cuda, const WctPass *pass, int32_t rows)
{
  const int32_t height = rows_in_all (pass);
  const Band    band = find_band (pass, (height - rows) / 2, rows);
  const size_t  features = wct_cuda_map_bytes (cuda->element, with_rows (pass->features, band.feature_rows));
  const size_t  before = wct_cuda_map_bytes (cuda->element, with_rows (pass->picture, band.picture_rows));
  const size_t  after = pass->decoder == NULL ? 0 : wct_cuda_map_bytes (cuda->element, with_rows (pass->picture, rows));
  const size_t  planes =
    wct_picture_row_bytes (pass->picture) * (size_t)(band.picture_rows > rows ? band.picture_rows : rows);
  const size_t encoding = pass->encoder == NULL ? 0 : wct_cuda_plan_room (cuda, pass->encoder, band.feature_rows);
  const size_t decoding = pass->decoder == NULL ? 0 : wct_cuda_plan_room (cuda, pass->decoder, rows);
  const size_t floats =
    (size_t)band.feature_rows * (size_t)pass->features.w * (size_t)pass->features.c * sizeof (float);

  return 2 * features + before + after + planes + larger (encoding, decoding) + 2 * floats;
}

static size_t
room_held (const WctCuda *cuda)
{
  return cuda->padded.bytes + cuda->maps[0].bytes + cuda->maps[1].bytes + cuda->planes.bytes + cuda->centered.bytes
         + cuda->mapped.bytes + cuda->picture.bytes + cuda->result.bytes + cuda->features.bytes + cuda->regions.bytes;
}

/* The largest bands, all of a size, that leave a tenth free. */
static int32_t
choose_band_rows (const WctCuda *cuda, const WctPass *pass)
{
  const size_t free_bytes = wct_device_available (cuda->device) + room_held (cuda),
               budget = free_bytes - free_bytes / 10;
  const int32_t height = rows_in_all (pass);
  int32_t       bands = 1, rows = height;

  for (; rows > 1 && band_bytes (cuda, pass, rows) > budget; bands++)
    rows = (height + bands) / (bands + 1);
  return rows;
}

/* ---- Pictures ------------------------------------------------------------------------------------------------- */

static WctPlanes
picture_planes (WctShape picture, int32_t rows)
{
  return (WctPlanes){ .count = 1,
                      .channels = picture.c,
                      .rows = rows,
                      .columns = picture.w,
                      .channel_stride = (size_t)picture.w,
                      .row_stride = (size_t)picture.c * (size_t)picture.w };
}

static size_t
picture_row_floats (const Run *run)
{
  return (size_t)run->pass->picture.c * (size_t)run->pass->picture.w;
}

/* Room on the host for a band on its way. */
static WctStatus
reserve_host (Run *run, size_t bytes, WctError *err)
{
  WctStatus status = WCT_OK;

  if (bytes <= run->host_bytes)
    return WCT_OK;
  wct_free (&run->host);
  run->host_bytes = 0;
  status = wct_alloc (bytes, 1, "rows", &run->host, err);
  if (status == WCT_OK)
    run->host_bytes = bytes;
  return status;
}

/* From a store that has no copy on the device. */
static WctStatus
bring (Run *run, const WctStore *store, size_t offset, size_t bytes, WctCudaRoom *room, WctError *err)
{
  WctStatus status;

  WCT_TRY (reserve_host (run, bytes, err));
  WCT_TRY (wct_cuda_reserve (run->cuda, room, bytes, "rows", err));
  WCT_TRY (wct_store_read (store, offset, bytes, run->host, err));
  WCT_TRY (wct_device_upload (run->cuda->device, run->host, bytes, room->block, err));

out:
  return status;
}

static WctStatus
load_picture (Run *run, const Band *band, WctCudaBand *out, WctError *err)
{
  WctCuda        *cuda = run->cuda;
  const size_t    row = picture_row_floats (run), bytes = (size_t)band->picture_rows * row * sizeof (float);
  const WctPlanes planes = picture_planes (run->pass->picture, band->picture_rows);
  const float    *values = run->from == NULL ? NULL : run->from + (size_t)band->picture_first * row;
  WctStatus       status;

  *out = (WctCudaBand){ cuda->element, run->pass->picture, band->picture_first, band->picture_rows, NULL };
  WCT_TRY (wct_cuda_reserve (cuda, &cuda->picture,
                             wct_cuda_map_bytes (cuda->element, with_rows (out->shape, out->rows)), "picture", err));
  if (values == NULL)
    {
      WCT_TRY (
        bring (run, run->pass->from, (size_t)band->picture_first * row * sizeof (float), bytes, &cuda->planes, err));
      values = cuda->planes.block;
    }
  out->data = cuda->picture.block;
  wct_launch_from_planes (wct_device_stream (cuda->device), &planes, values, cuda->element, out->data);

out:
  return status;
}

static WctStatus
check_finite (Run *run, const Band *band, const float *values, WctError *err)
{
  WctCuda  *cuda = run->cuda;
  int       row = band->rows;
  WctStatus status;

  WCT_TRY (wct_cuda_reserve (cuda, &cuda->flag, sizeof row, "check", err));
  WCT_TRY (wct_device_upload (cuda->device, &row, sizeof row, cuda->flag.block, err));
  wct_launch_find_not_finite (wct_device_stream (cuda->device), band->rows, picture_row_floats (run), values,
                              cuda->flag.block);
  WCT_TRY (wct_device_download (cuda->device, cuda->flag.block, sizeof row, &row, err));
  if (row < band->rows)
    WCT_TRY (wct_error_set (err, WCT_ERR_NUMERIC,
                            "row %d of the result has numbers that are not finite: the model's weights overflow on "
                            "this picture",
                            band->first + row));

out:
  return status;
}

static WctStatus
write_rows (const Run *run, const Waiting *rows, WctError *err)
{
  const size_t row = picture_row_floats (run) * sizeof (float);

  return wct_store_write (run->pass->result, (size_t)rows->first * row, (size_t)rows->rows * row, rows->values, err);
}

/* What ends before row @before, which no later band reads. */
static WctStatus
write_waiting (Run *run, int32_t before, WctError *err)
{
  int       done = 0;
  WctStatus status = WCT_OK;

  while (done < run->waiting_count && run->waiting[done].first + run->waiting[done].rows <= before && status == WCT_OK)
    {
      status = write_rows (run, &run->waiting[done], err);
      wct_free (&run->waiting[done++].values);
    }
  run->waiting_count -= done;
  if (done > 0)
    memmove (run->waiting, run->waiting + done, (size_t)run->waiting_count * sizeof *run->waiting);
  return status;
}

/* The rows on the device go to the store, at once or after what still reads the ones they replace. */
static WctStatus
take_rows (Run *run, const Band *band, const float *values, WctError *err)
{
  const size_t bytes = (size_t)band->rows * picture_row_floats (run) * sizeof (float);
  Waiting      rows = { band->first, band->rows, NULL };
  WctStatus    status;

  WCT_TRY (wct_alloc (bytes, 1, "rows", &rows.values, err));
  WCT_TRY (wct_device_download (run->cuda->device, values, bytes, rows.values, err));
  if (run->waiting != NULL)
    {
      run->waiting[run->waiting_count++] = rows;
      rows.values = NULL;
    }
  else
    WCT_TRY (write_rows (run, &rows, err));

out:
  wct_free (&rows.values);
  return status;
}

static WctStatus
save_picture (Run *run, const Band *band, const WctCudaBand *picture, WctError *err)
{
  WctCuda        *cuda = run->cuda;
  const size_t    row = picture_row_floats (run);
  const WctPlanes planes = picture_planes (run->pass->picture, band->rows);
  float          *values = run->result == NULL ? NULL : run->result + (size_t)band->first * row;
  WctStatus       status;

  if (values == NULL)
    {
      WCT_TRY (wct_cuda_reserve (cuda, &cuda->planes, (size_t)band->rows * row * sizeof (float), "rows", err));
      values = cuda->planes.block;
    }
  wct_launch_to_planes (wct_device_stream (cuda->device), &planes, cuda->element, picture->data, values);
  WCT_TRY (check_finite (run, band, values, err));
  if (run->result == NULL)
    WCT_TRY (take_rows (run, band, values, err));

out:
  return status;
}

/* ---- Regions -------------------------------------------------------------------------------------------------- */

/* A region's weights of a band's positions, on the device. NULL: everything. */
static WctStatus
weigh (Run *run, int region, WctWeightsUse use, const WctCudaBand *band, const float **out, WctError *err)
{
  const WctRegionWeights *weights = run->pass->weights;
  const size_t            positions = (size_t)band->rows * (size_t)band->shape.w;
  int32_t                 count;
  WctStatus               status = WCT_OK;

  *out = NULL;
  if (weights == NULL || region < 0)
    return WCT_OK;
  memset (run->weights, 0, positions * sizeof *run->weights);
  count = weights->pick (weights->data, region, use, band->first, band->rows, run->positions, run->picked);
  for (int32_t i = 0; i < count; i++)
    run->weights[run->positions[i]] = run->picked[i];
  WCT_TRY (wct_cuda_reserve (run->cuda, &run->cuda->weighting, positions * sizeof (float), "regions", err));
  WCT_TRY (
    wct_device_upload (run->cuda->device, run->weights, positions * sizeof (float), run->cuda->weighting.block, err));
  *out = run->cuda->weighting.block;

out:
  return status;
}

static WctStatus
allocate_regions (Run *run, WctError *err)
{
  const Band   band = find_band (run->pass, rows_in_all (run->pass) / 2, run->band_rows);
  const size_t most = (size_t)(band.feature_rows + 2) * (size_t)run->pass->features.w;
  WctStatus    status = WCT_OK;

  if (run->pass->weights == NULL)
    return WCT_OK;
  WCT_TRY (wct_alloc (most, sizeof (float), "regions", &run->weights, err));
  WCT_TRY (wct_alloc (most, sizeof (int32_t), "regions", &run->positions, err));
  WCT_TRY (wct_alloc (most, sizeof (float), "regions", &run->picked, err));

out:
  return status;
}

/* ---- Features ------------------------------------------------------------------------------------------------- */

/* A region's moments; -1: those of everything. */
static WctStatus
measure_region (Run *run, int region, const WctCudaBand *band, WctMoments *out, WctError *err)
{
  const float *weights;
  WctStatus    status;

  WCT_TRY (weigh (run, region, WCT_WEIGHTS_MEASURED, band, &weights, err));
  WCT_TRY (wct_cuda_measure (run->cuda, band, weights, out, err));

out:
  return status;
}

/* Each row of a tap is measured by one band, whatever they reach: by the one that ends with it. */
static WctStatus
measure_tap (Run *run, const WctTap *tap, const WctCudaBand *band, WctError *err)
{
  const int32_t     scale = band->shape.h / run->pass->features.h;
  const WctCudaBand part = wct_cuda_band_part (band, run->measured * scale, (run->until - run->measured) * scale);
  WctStatus         status = WCT_OK;

  for (int i = 0; i < wct_pass_regions (run->pass) && status == WCT_OK; i++)
    if (tap->moments[i] != NULL)
      status = measure_region (run, i, &part, tap->moments[i], err);
  if (tap->whole != NULL && status == WCT_OK)
    status = measure_region (run, -1, &part, tap->whole, err);
  return status;
}

static WctStatus
measure_taps (void *user, int layers, const WctCudaBand *band, WctError *err)
{
  Run      *run = user;
  WctStatus status = WCT_OK;

  for (int i = 0; i < run->pass->tap_count && status == WCT_OK; i++)
    if (run->pass->taps[i].layers == layers)
      status = measure_tap (run, &run->pass->taps[i], band, err);
  return status;
}

static size_t
feature_row_bytes (const Run *run)
{
  return wct_cuda_map_bytes (run->cuda->element, with_rows (run->pass->features, 1));
}

/* Where a band of features is made: in what is kept on the device, or by itself. */
static WctStatus
place_features (Run *run, const Band *band, WctCudaBand *out, WctError *err)
{
  WctCuda  *cuda = run->cuda;
  WctStatus status = WCT_OK;

  *out = (WctCudaBand){ cuda->element, run->pass->features, band->feature_first, band->feature_rows, NULL };
  if (run->kept != NULL)
    {
      out->data = (char *)run->kept + (size_t)band->feature_first * feature_row_bytes (run);
      return WCT_OK;
    }
  WCT_TRY (
    wct_cuda_reserve (cuda, &cuda->features, (size_t)band->feature_rows * feature_row_bytes (run), "features", err));
  out->data = cuda->features.block;

out:
  return status;
}

static WctStatus
keep_features (Run *run, const WctCudaBand *features, WctError *err)
{
  const size_t row = feature_row_bytes (run), bytes = (size_t)features->rows * row;
  WctStatus    status;

  WCT_TRY (reserve_host (run, bytes, err));
  WCT_TRY (wct_device_download (run->cuda->device, features->data, bytes, run->host, err));
  WCT_TRY (wct_store_write (run->pass->kept, (size_t)features->first * row, bytes, run->host, err));

out:
  return status;
}

static WctStatus
encode (Run *run, const Band *band, WctCudaBand *features, WctError *err)
{
  WctCudaBand picture;
  WctStatus   status;

  WCT_TRY (load_picture (run, band, &picture, err));
  if (run->waiting != NULL)
    WCT_TRY (write_waiting (run, band->picture_first, err));
  WCT_TRY (place_features (run, band, features, err));
  WCT_TRY (
    wct_cuda_plan_band (run->cuda, run->pass->encoder, &picture, features, measure_taps, run, run->monitor, err));
  if (run->pass->kept != NULL && run->kept == NULL)
    WCT_TRY (keep_features (run, features, err));

out:
  return status;
}

/* Those that an earlier pass kept. */
static WctStatus
fetch (Run *run, const Band *band, WctCudaBand *features, WctError *err)
{
  const size_t row = feature_row_bytes (run);
  WctStatus    status;

  WCT_TRY (place_features (run, band, features, err));
  if (run->kept == NULL)
    WCT_TRY (bring (run, run->pass->kept, (size_t)band->feature_first * row, (size_t)band->feature_rows * row,
                    &run->cuda->features, err));

out:
  return status;
}

/* All regions see the features as they were encoded, and kept ones stay as they are. */
static WctStatus
map (Run *run, WctCudaBand *features, WctError *err)
{
  WctCuda     *cuda = run->cuda;
  const size_t bytes = (size_t)features->rows * feature_row_bytes (run);
  WctCudaBand  mapped = *features;
  const float *weights;
  WctStatus    status;

  WCT_TRY (wct_cuda_reserve (cuda, &cuda->regions, bytes, "features", err));
  mapped.data = cuda->regions.block;
  if (run->pass->weights != NULL)
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

/* ---- A pass --------------------------------------------------------------------------------------------------- */

static WctStatus
decode (Run *run, const Band *band, const WctCudaBand *features, WctError *err)
{
  WctCuda    *cuda = run->cuda;
  WctCudaBand picture = { cuda->element, run->pass->picture, band->first, band->rows, NULL };
  WctStatus   status;

  WCT_TRY (wct_cuda_reserve (
    cuda, &cuda->result, wct_cuda_map_bytes (cuda->element, with_rows (picture.shape, band->rows)), "picture", err));
  picture.data = cuda->result.block;
  WCT_TRY (wct_cuda_plan_band (cuda, run->pass->decoder, features, &picture, NULL, NULL, run->monitor, err));
  WCT_TRY (save_picture (run, band, &picture, err));

out:
  return status;
}

static WctStatus
run_band (Run *run, int32_t first, int32_t rows, WctError *err)
{
  const Band  band = find_band (run->pass, first, rows);
  WctCudaBand features;
  WctStatus   status;

  run->measured = first;
  run->until = first + rows;
  WCT_TRY (run->pass->encoder != NULL ? encode (run, &band, &features, err) : fetch (run, &band, &features, err));
  if (run->pass->maps != NULL)
    WCT_TRY (map (run, &features, err));
  if (run->pass->decoder != NULL)
    WCT_TRY (decode (run, &band, &features, err));

out:
  return status;
}

static bool
in_bands (const Run *run)
{
  return run->band_rows < rows_in_all (run->pass);
}

/* Do later bands read what earlier ones replace? */
static bool
overwrites (const Run *run)
{
  return in_bands (run) && run->pass->encoder != NULL && run->pass->result == run->pass->from;
}

static WctStatus
make_second_picture (Run *run, WctError *err)
{
  WctStatus status;

  status = wct_device_alloc (run->cuda->device, wct_store_size (run->pass->result), "picture", &run->other, err);
  run->result = run->other;
  return status == WCT_ERR_NO_MEMORY ? WCT_OK : status;
}

/* What of the pictures and features is on the device. */
static WctStatus
find_mirrors (Run *run, WctError *err)
{
  const WctPass *pass = run->pass;
  WctCuda       *cuda = run->cuda;
  WctStatus      status = WCT_OK;

  if (pass->kept != NULL)
    WCT_TRY (pass->encoder != NULL ? wct_cuda_mirror_to_write (cuda, pass->kept, false, &run->kept, err)
                                   : wct_cuda_mirror (cuda, pass->kept, &run->kept, err));
  if (pass->encoder != NULL)
    WCT_TRY (wct_cuda_mirror (cuda, pass->from, (void **)&run->from, err));
  run->band_rows = choose_band_rows (cuda, pass);
  if (pass->decoder == NULL)
    return WCT_OK;
  if (!overwrites (run))
    WCT_TRY (wct_cuda_mirror_to_write (cuda, pass->result, false, (void **)&run->result, err));
  else if (run->from != NULL)
    WCT_TRY (make_second_picture (run, err));

out:
  return status;
}

static WctStatus
begin (Run *run, WctError *err)
{
  const int32_t height = rows_in_all (run->pass);
  WctStatus     status;

  WCT_TRY (find_mirrors (run, err));
  WCT_TRY (allocate_regions (run, err));
  if (overwrites (run) && run->result == NULL)
    WCT_TRY (wct_alloc ((size_t)((height + run->band_rows - 1) / run->band_rows), sizeof *run->waiting, "rows",
                        &run->waiting, err));

out:
  return status;
}

static void
end (Run *run)
{
  for (int i = 0; i < run->waiting_count; i++)
    wct_free (&run->waiting[i].values);
  wct_free (&run->waiting);
  wct_free (&run->host);
  wct_free (&run->weights);
  wct_free (&run->positions);
  wct_free (&run->picked);
  wct_device_free (run->cuda->device, &run->other);
}

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

/* The picture that was made beside the old one takes its place. */
static WctStatus
exchange (Run *run, WctError *err)
{
  void     *unused;
  WctStatus status = WCT_OK;

  if (run->other == NULL)
    return WCT_OK;
  wct_cuda_mirror_exchange (run->pass->result, &run->other);
  status = wct_cuda_mirror_to_write (run->cuda, run->pass->result, false, &unused, err);
  return status;
}

WctStatus
wct_cuda_pass_run (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err)
{
  Run           run = { .cuda = ctx, .pass = pass, .monitor = monitor };
  const int32_t height = rows_in_all (pass);
  WctStatus     status;

  forget_moments (pass);
  WCT_TRY (begin (&run, err));
  for (int32_t first = 0; first < height; first += run.band_rows)
    WCT_TRY (run_band (&run, first, height - first < run.band_rows ? height - first : run.band_rows, err));
  WCT_TRY (write_waiting (&run, height, err));
  WCT_TRY (exchange (&run, err));
  WCT_TRY (wct_device_wait (run.cuda->device, err));

out:
  end (&run);
  return status;
}

/* Of the processor's memory: bands on their way where the card has no room for more. */
WctPassMemory
wct_cuda_pass_memory (void *ctx, const WctPass *pass)
{
  const size_t positions = (size_t)pass->features.h * (size_t)pass->features.w;

  (void)ctx;
  return (WctPassMemory){ .passing = pass->weights == NULL ? 0 : positions * (2 * sizeof (float) + sizeof (int32_t)) };
}
