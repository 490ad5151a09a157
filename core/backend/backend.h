/* What a back end is: one table of functions. Core calls it; nothing else does. */
#ifndef WCT_BACKEND_INTERNAL_H
#define WCT_BACKEND_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <wct/backend.h>

#include "linalg.h"
#include "moments.h"
#include "monitor.h"
#include "network.h"
#include "pass.h"
#include "training.h"
#include "transform.h"

/* A feature map or picture in the back end's own layout. Back ends embed it as first member of their own struct. */
typedef struct
{
  WctShape shape;
} WctTensor;

typedef struct WctPlan WctPlan; /* the back end's: algorithms and buffers for a list of layers at one shape */

typedef struct
{
  const char           *name;
  const WctTrainingOps *training; /* NULL: it cannot */

  /* Tensors, plans and passes are in a card's memory, which what is told of bytes here does not count. */
  bool memory_of_its_own;

  /* What a covariance may be off by, of the largest variance, where products are in float: 0 where they are in double.
   */
  double covariance_error;

  /* Writes a detail of at most @size bytes and returns WCT_OK where this machine can use it; else the reason. */
  WctStatus (*probe) (char *detail, size_t size, WctError *err);

  /* *threads: what was asked for; lowered where the back end uses fewer. */
  WctStatus (*open) (int *threads, void **ctx, WctError *err);
  void (*close) (void **ctx);

  WctStatus (*tensor_new) (void *ctx, WctShape shape, WctTensor **out, WctError *err);
  void (*tensor_free) (void *ctx, WctTensor **tensor);
  size_t (*tensor_bytes) (void *ctx, WctShape shape);

  /* From and to dense planar floats (c, h, w) on the host. */
  WctStatus (*upload) (void *ctx, const float *planar, WctTensor *out, WctError *err);
  WctStatus (*download) (void *ctx, const WctTensor *tensor, float *planar, WctError *err);

  /* Layers are borrowed until plan_free: weights are packed once, here or at the first run. */
  WctStatus (*plan_new) (void *ctx, const WctLayer *layers, int count, WctShape in, WctPlan **out, WctError *err);
  void (*plan_free) (void *ctx, WctPlan **plan);

  /* Bytes that the plan keeps: packed weights. */
  size_t (*plan_memory) (void *ctx, const WctPlan *plan);

  /* Bytes that plan_run allocates besides. */
  size_t (*plan_scratch) (void *ctx, const WctPlan *plan);

  /* @out has the shape that the layers give. Advances @monitor by wct_layers_work in all. */
  WctStatus (*plan_run) (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor,
                         WctError *err);

  /* Of positions that count by @weights (h·w, row-major; 0 to 1), all 1 where that is NULL:
   *
   *   mean = Σ w f / Σ w     covariance = Σ w (f - mean) (f - mean)' / (Σ w - 1)
   *
   * Products are of centered values (about the mean, or each part's about its own, put together exactly), in double or
   * as covariance_error says; sums in double, in an order that depends on the shape only. */
  WctStatus (*moments) (void *ctx, const WctTensor *features, const float *weights, WctMoments *out,
                        WctMonitor *monitor, WctError *err);

  /* Adds weight · (mapped - in) to @out; where the weight is 1, and everywhere where @weights is NULL, @out becomes
   * the mapped features. @in, @out: of equal shape, may be one. */
  WctStatus (*affine) (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine, WctTensor *out,
                       WctMonitor *monitor, WctError *err);

  /* Eigenvalues of a covariance (WctEigenSolver); NULL: LAPACK's. */
  WctStatus (*eigen) (void *ctx, int32_t n, double *a, double *values, WctError *err);

  /* A pass without whole feature maps (pass.h). NULL: passes are made of the functions above, with whole maps. */
  WctStatus (*pass_run) (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err);
  WctPassMemory (*pass_memory) (void *ctx, const WctPass *pass);

  /* kept.h, for the order that pass_run keeps features in. NULL where there is no pass_run. */
  WctStatus (*kept_read) (void *ctx, const WctStore *kept, WctShape features, int32_t first, int32_t rows, float *out,
                          WctError *err);
  WctStatus (*kept_write) (void *ctx, WctStore *kept, WctShape features, int32_t first, int32_t rows,
                           const float *values, WctError *err);
} WctBackendOps;

struct WctBackend
{
  const WctBackendOps *ops;
  void                *ctx; /* owned */
  WctBackendInfo       info;
  char                 detail[200];
};

static inline WctEigenSolver
wct_backend_solver (const WctBackend *backend)
{
  return (WctEigenSolver){ backend->ops->eigen, backend->ctx };
}

extern const WctBackendOps wct_backend_reference;
extern const WctBackendOps wct_backend_cpu; /* where the build has oneDNN and LAPACK */

#endif
