/* Inside the CUDA back end: what its files share. */
#ifndef WCT_CUDA_H
#define WCT_CUDA_H

#include "backend/backend.h"
#include "device.h"

/* Device memory that grows to what is asked of it; what was in it is lost then. */
typedef struct
{
  void  *block; /* owned */
  size_t bytes;
} WctCudaRoom;

/* Weights that several plans share: a trunk that all levels tap is packed once. */
typedef struct WctCudaWeights
{
  struct WctCudaWeights *next;
  const float           *weight; /* identity: the model's array, which outlives the plans */
  void                  *packed; /* owned; on the device, as of wct_launch_pack */
  float                 *bias;   /* owned; likewise */
  int                    users;
} WctCudaWeights;

typedef struct
{
  WctDevice      *device;  /* owned */
  WctElement      element; /* of maps when pictures are stylized */
  bool            exact;   /* f32, and not through TF32 */
  WctCudaWeights *weights;

  /* Scratch, shared by all that runs. */
  WctCudaRoom padded;            /* what a convolution reads */
  WctCudaRoom maps[2];           /* between layers, in turn */
  WctCudaRoom planes;            /* pictures on their way, and other floats */
  WctCudaRoom weighting;         /* of positions */
  WctCudaRoom moments, measured; /* scratch, and what comes out */
  WctCudaRoom centered, mapped;  /* features on their way through an affine map */
  WctCudaRoom affine;            /* its matrix, center and bias */
  WctCudaRoom picture, result;   /* bands of pictures, before and after */
  WctCudaRoom features, regions; /* of features, and of those that regions' maps are added to */
  WctCudaRoom flag;              /* one number, for checks */
} WctCuda;

/* A whole map in device memory: (h, w, lanes) elements. */
typedef struct
{
  WctTensor base;
  void     *data; /* owned */
} WctCudaTensor;

/* Rows of a map of which the others are not there. */
typedef struct
{
  WctElement element;
  WctShape   shape; /* of the whole map */
  int32_t    first, rows;
  void      *data; /* borrowed; (rows, w, lanes) */
} WctCudaBand;

size_t wct_cuda_map_bytes (WctElement element, WctShape shape);

/* Rows of a band, from @first of the whole map on. */
WctCudaBand wct_cuda_band_part (const WctCudaBand *band, int32_t first, int32_t rows);

/* cuda.c */
WctStatus wct_cuda_reserve (WctCuda *cuda, WctCudaRoom *room, size_t bytes, const char *what, WctError *err);
void      wct_cuda_release (WctCuda *cuda, WctCudaRoom *room);

/* weights.c */
WctStatus wct_cuda_weights_take (WctCuda *cuda, const WctConv *conv, WctCudaWeights **out, WctError *err);
void      wct_cuda_weights_give_back (WctCuda *cuda, WctCudaWeights **weights);

/* ---- plan.c --------------------------------------------------------------------------------------------------- */

WctStatus wct_cuda_plan_new (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err);
void      wct_cuda_plan_free (void *ctx, WctPlan **plan);
size_t    wct_cuda_plan_memory (void *ctx, const WctPlan *plan);
size_t    wct_cuda_plan_scratch (void *ctx, const WctPlan *plan);
WctStatus wct_cuda_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                             WctError *err);

/* Is told of each map between layers while a band runs: of what is behind the first @layers layers. */
typedef WctStatus WctCudaWatch (void *user, int layers, const WctCudaBand *band, WctError *err);

/* Rows of the input, *first to *first + *rows, that @rows rows of the result from @first on are made of. */
void wct_cuda_plan_reach (const WctPlan *plan, int32_t first, int32_t rows, int32_t *in_first, int32_t *in_rows);

/* Bytes of device memory that such a band takes on its way, at most. */
size_t wct_cuda_plan_room (const WctCuda *cuda, const WctPlan *plan, int32_t rows);

/* @in: at least what is reached; @out: the rows to make. Advances @monitor by its share of the plan's work. */
WctStatus wct_cuda_plan_band (WctCuda *cuda, WctPlan *plan, const WctCudaBand *in, const WctCudaBand *out,
                              WctCudaWatch *watch, void *user, WctMonitor *monitor, WctError *err);

WctShape wct_cuda_plan_result (const WctPlan *plan);

/* ---- features.c ----------------------------------------------------------------------------------------------- */

/* @weights: of the band's positions, on the device, or NULL. Adds to @out exactly, as if all had been measured at
 * once; @out is of none yet where its weight is 0. */
WctStatus wct_cuda_measure (WctCuda *cuda, const WctCudaBand *band, const float *weights, WctMoments *out,
                            WctError *err);

/* Of no positions. */
void wct_cuda_forget_moments (WctMoments *moments);

/* As WctBackendOps.affine. @in, @out: of equal rows; may be one */
WctStatus wct_cuda_map (WctCuda *cuda, const WctCudaBand *in, const float *weights, const WctAffine *affine,
                        const WctCudaBand *out, WctError *err);

/* ---- mirror.c: stores whose bytes are on the device, too ------------------------------------------------------- */

/* The device's copy of a store that is in memory, up to date; NULL where the card has no room for it, or the store is a
 * file. Valid until the store is freed. */
WctStatus wct_cuda_mirror (WctCuda *cuda, const WctStore *store, void **out, WctError *err);

/* Likewise, to be written: the whole of it, or what it holds already is brought up to date first where @keep. The store
 * takes it from there when it is next read. */
WctStatus wct_cuda_mirror_to_write (WctCuda *cuda, WctStore *store, bool keep, void **out, WctError *err);

/* Puts @block in the place of the store's copy, which is its from then on, and gives back the one that was there. */
void wct_cuda_mirror_exchange (WctStore *store, void **block);

/* ---- pass.c, kept.c: entries of the table ---------------------------------------------------------------------- */

WctStatus     wct_cuda_pass_run (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err);
WctPassMemory wct_cuda_pass_memory (void *ctx, const WctPass *pass);
WctStatus     wct_cuda_kept_read (void *ctx, const WctStore *kept, WctShape features, int32_t first, int32_t rows,
                                  float *out, WctError *err);
WctStatus     wct_cuda_kept_write (void *ctx, WctStore *kept, WctShape features, int32_t first, int32_t rows,
                                   const float *values, WctError *err);

/* training.c: the table of training. Maps of a batch: (count, h, w, lanes) floats. */
typedef struct
{
  WctBatch base;
  float   *data; /* owned */
} WctCudaBatch;

extern const WctTrainingOps wct_cuda_training;

/* cuda.c: the table; what the module is opened for. */
extern const WctBackendOps wct_backend_cuda;

#endif
