/* A pass while it runs: what pass.c and the files of its parts share. */
#ifndef WCT_CUDA_RUN_H
#define WCT_CUDA_RUN_H

#include "cuda.h"

/* Rows of the result that wait until what is made from the rows they replace has been read. */
typedef struct
{
  int32_t first, rows;
  float  *values; /* owned; as in the store */
} WctCudaWaiting;

typedef struct
{
  WctCuda        *cuda;
  const WctPass  *pass;
  WctMonitor     *monitor;
  int32_t         band_rows; /* of what the pass ends with: the picture, or the features */
  float          *from;      /* the picture on the device; NULL: it is read band by band */
  float          *result;    /* likewise, to be written */
  void           *other;     /* owned; a second picture, where bands still read the first; NULL */
  void           *kept;      /* features on the device; NULL: band by band */
  void           *host;      /* owned; a band on its way */
  size_t          host_bytes;
  float          *weights;   /* owned; of a band's positions; NULL: there are no regions */
  int32_t        *positions; /* owned; likewise */
  float          *picked;    /* owned; likewise */
  WctCudaWaiting *waiting;   /* owned; (bands); NULL: nothing has to */
  int             waiting_count;
  bool            alone; /* nothing of it stays on the device between passes: the card is too small */
} WctCudaRun;

/* The features that a band reaches, and the picture's rows that these reach. */
typedef struct
{
  int32_t first, rows; /* of what the pass ends with */
  int32_t feature_first, feature_rows;
  int32_t picture_first, picture_rows; /* none where features are kept ones */
} WctCudaReach;

static inline WctShape
wct_shape_with_rows (WctShape shape, int32_t rows)
{
  shape.h = rows;
  return shape;
}

static inline int32_t
wct_cuda_pass_rows (const WctPass *pass)
{
  return pass->decoder != NULL ? pass->picture.h : pass->features.h;
}

static inline size_t
wct_cuda_feature_row_bytes (const WctCudaRun *run)
{
  return wct_cuda_map_bytes (run->cuda->element, wct_shape_with_rows (run->pass->features, 1));
}

/* pass-rooms.c */

WctCudaReach wct_cuda_pass_reach (const WctPass *pass, int32_t first, int32_t rows);

/* Finds what of the pass is on the device, and how large its bands may be, and takes the rooms for them. */
WctStatus wct_cuda_run_settle (WctCudaRun *run, WctError *err);

/* Do later bands read what earlier ones replace? */
bool wct_cuda_run_overwrites (const WctCudaRun *run);

/* pass-picture.c */

/* From a store that has no copy on the device to a room. */
WctStatus wct_cuda_bring (WctCudaRun *run, const WctStore *store, size_t offset, size_t bytes, WctCudaRoomName room,
                          void *address_of_pointer, WctError *err);

/* Room on the host for a band on its way. */
WctStatus wct_cuda_run_host (WctCudaRun *run, size_t bytes, WctError *err);

WctStatus wct_cuda_load_picture (WctCudaRun *run, const WctCudaReach *reach, WctCudaBand *out, WctError *err);
WctStatus wct_cuda_save_picture (WctCudaRun *run, const WctCudaReach *reach, const WctCudaBand *picture, WctError *err);

/* Writes what ends before row @before, which no later band reads. */
WctStatus wct_cuda_write_waiting (WctCudaRun *run, int32_t before, WctError *err);

/* pass-regions.c */

WctStatus wct_cuda_allocate_regions (WctCudaRun *run, WctError *err);

/* Measures the rows of @band that answer to the pass's features from @first on. */
WctStatus wct_cuda_measure_tap (WctCudaRun *run, const WctTap *tap, const WctCudaBand *band, int32_t first,
                                int32_t rows, WctError *err);

/* All regions see the features as they were encoded, and kept ones stay as they are: @features becomes others. */
WctStatus wct_cuda_map_regions (WctCudaRun *run, WctCudaBand *features, WctError *err);

#endif
