/* Inside the CUDA back end: what its files share. */
#ifndef WCT_CUDA_H
#define WCT_CUDA_H

#include <pthread.h>

#include "backend/backend.h"
#include "device.h"
#include "launch.h"

typedef struct WctCudaShared WctCudaShared; /* training-room.c's */

/* What training's objects have in common. */
typedef struct
{
  pthread_mutex_t lock;   /* calls come from any thread, a device is used by one at a time */
  WctCudaShared  *shared; /* owned; blocks that kernels and the processor both reach */
  void           *room;   /* owned; where one call at a time works */
  size_t          room_bytes;
  int             room_users; /* batches and chains; without any the room is given back */

  /* Gradients of f16 chains are multiplied by this power of two on their way back. */
  float gradient_scale;
  int   good_backwards; /* since it was changed last */
} WctCudaTraining;

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

/* Scratch on the device, shared by all that runs. */
typedef enum
{
  WCT_ROOM_PADDED,    /* what a convolution reads */
  WCT_ROOM_MAP,       /* between layers, */
  WCT_ROOM_OTHER_MAP, /* in turn */
  WCT_ROOM_PLANES,    /* pictures on their way, and other floats */
  WCT_ROOM_PICTURE,   /* a band of a picture that goes in, */
  WCT_ROOM_RESULT,    /* and of one that comes out */
  WCT_ROOM_FEATURES,  /* a band of features, */
  WCT_ROOM_MAPPED,    /* and of mapped ones */
  WCT_ROOM_WEIGHTS,   /* of its positions */
  WCT_ROOM_MOMENTS,   /* scratch, */
  WCT_ROOM_MEASURED,  /* and what comes out */
  WCT_ROOM_AFFINE,    /* a map's matrix, center and bias */
  WCT_ROOM_CENTERED,  /* floats on their way through it, */
  WCT_ROOM_PRODUCTS,  /* and out of it */
  WCT_ROOM_CHECK,     /* one number */
  WCT_ROOMS
} WctCudaRoomName;

/* What is needed of each. */
typedef struct
{
  size_t bytes[WCT_ROOMS];
} WctCudaNeed;

typedef struct
{
  WctDevice      *device;  /* owned */
  WctElement      element; /* of maps when pictures are stylized */
  bool            exact;   /* f32, and not through TF32 */
  WctCudaWeights *weights;

  WctCudaRoom    rooms[WCT_ROOMS];
  struct Mirror *mirrors; /* all that there are; the stores' */
  bool           running; /* a pass: rooms and mirrors are in use */

  WctCudaTraining training;
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

/* @count maps of dense planes, (count, c, h, w), as the host has tensors and batches. */
static inline WctPlanes
wct_cuda_dense_planes (int32_t count, WctShape shape)
{
  const size_t plane = (size_t)shape.h * (size_t)shape.w;

  return (WctPlanes){ .count = count,
                      .channels = shape.c,
                      .rows = shape.h,
                      .columns = shape.w,
                      .map_stride = plane * (size_t)shape.c,
                      .channel_stride = plane,
                      .row_stride = (size_t)shape.w };
}

/* Rows of a band, from @first of the whole map on. */
WctCudaBand wct_cuda_band_part (const WctCudaBand *band, int32_t first, int32_t rows);

/* room.c */

/* Device memory. Where the card is full, and no pass runs, rooms and mirrors are given up for it. */
WctStatus wct_cuda_alloc (WctCuda *cuda, size_t bytes, const char *what, void *address_of_block, WctError *err);

/* Grows a room to at least this; what was in it is lost then. Returns it. */
WctStatus wct_cuda_room (WctCuda *cuda, WctCudaRoomName room, size_t bytes, void *address_of_pointer, WctError *err);
void wct_cuda_need (WctCudaNeed *need, WctCudaRoomName room, size_t bytes); /* the larger of what is there and this */
WctStatus wct_cuda_reserve (WctCuda *cuda, const WctCudaNeed *need, WctError *err);
void      wct_cuda_release (WctCuda *cuda); /* all of them */

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

/* Adds what such a band takes on its way. */
void wct_cuda_plan_need (const WctCuda *cuda, const WctPlan *plan, int32_t first, int32_t rows, WctCudaNeed *need);

/* @in: at least what is reached; @out: the rows to make. Advances @monitor by its share of the plan's work. */
WctStatus wct_cuda_plan_band (WctCuda *cuda, WctPlan *plan, const WctCudaBand *in, const WctCudaBand *out,
                              WctCudaWatch *watch, void *user, WctMonitor *monitor, WctError *err);

/* Behind the first @layers layers. */
WctShape wct_cuda_plan_shape (const WctPlan *plan, int layers);

/* ---- features.c ----------------------------------------------------------------------------------------------- */

/* @weights: of the band's positions, on the device, or NULL. Adds to @out exactly, as if all had been measured at
 * once; @out is of none yet where its weight is 0. */
WctStatus wct_cuda_measure (WctCuda *cuda, const WctCudaBand *band, const float *weights, WctMoments *out,
                            WctError *err);

/* Adds what measuring @positions takes, and mapping them. */
void wct_cuda_measure_need (const WctCuda *cuda, int32_t channels, size_t positions, WctCudaNeed *need);
void wct_cuda_map_need (int32_t channels, size_t positions, WctCudaNeed *need);

/* An affine map as the device has it, and its floats: matrix (channels, channels), center, bias. */
size_t wct_cuda_affine_floats (int32_t channels);
void   wct_cuda_affine_write (const WctAffine *affine, float *out);

/* Of no positions. */
void wct_cuda_forget_moments (WctMoments *moments);

/* As WctBackendOps.affine. @in, @out: of equal rows; may be one */
WctStatus wct_cuda_map (WctCuda *cuda, const WctCudaBand *in, const float *weights, const WctAffine *affine,
                        const WctCudaBand *out, WctError *err);

/* ---- mirror.c: stores whose bytes are on the device, too ------------------------------------------------------- */

/* The device's copy of a store that is in memory, up to date; NULL where the card has no room for it, or the store is a
 * file. Valid until the store is freed. */
WctStatus wct_cuda_mirror (WctCuda *cuda, const WctStore *store, void **out, WctError *err);

/* Likewise, to be written as a whole. The store takes it from there when it is next read. */
WctStatus wct_cuda_mirror_to_write (WctCuda *cuda, WctStore *store, void **out, WctError *err);

/* Stores take what is ahead, and have no copies on the device any more. */
WctStatus wct_cuda_mirrors_drop (WctCuda *cuda, WctError *err);

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

/* training-room.c: right after the device is opened, and before it is closed. */
void wct_cuda_training_open (WctCuda *cuda);
void wct_cuda_training_close (WctCuda *cuda);

/* cuda.c: the table; what the module is opened for. */
extern const WctBackendOps wct_backend_cuda;

#endif
