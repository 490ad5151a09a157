/* cuDNN's engines for a graph: which of its ways to compute it suit us, made ready to run. */
#ifndef WCT_CUDA_ENGINE_H
#define WCT_CUDA_ENGINE_H

#include <stddef.h>

#include <cudnn.h>

#include "device.h"

#define WCT_ENGINES_MAX 8

/* Bytes: engines that want more are left out. */
#define WCT_ENGINE_WORKSPACE_MAX (1u << 30)

typedef struct
{
  cudnnBackendDescriptor_t config; /* NULL where the plan was read */
  cudnnBackendDescriptor_t plan;
  size_t                   workspace; /* bytes of device memory that running it takes */
} WctEngine;

typedef struct
{
  WctEngine list[WCT_ENGINES_MAX]; /* in the order in which cuDNN expects them to be fast */
  int       count;
} WctEngines;

/* Adds engines until there are @limit: only such as give the same bits every time, multiply as the shape says, and are
 * ready-made. Returns how many there are; 0 where cuDNN has none.
 * @target: the card; @operations: the graph; both are to outlive the engines */
int wct_engines_find (WctEngines *engines, cudnnBackendDescriptor_t target, cudnnBackendDescriptor_t operations,
                      const WctConvolutionShape *shape, int limit);

/* Adds what was written by wct_engine_write; false where cuDNN does not take it. */
bool wct_engines_read (WctEngines *engines, cudnnBackendDescriptor_t target, const char *json, size_t size);

/* Forgets all but one, and all. */
void wct_engines_choose (WctEngines *engines, int index);
void wct_engines_clear (WctEngines *engines);

/* *json: by wct_alloc; false where that is not to be had. */
bool wct_engine_write (const WctEngine *engine, char **json, size_t *size);

/* cuDNN's number for it; -1 where the plan was read. */
int wct_engine_number (const WctEngine *engine);

/* Destroys a descriptor of cuDNN and sets it to NULL; NULL is welcome. */
void wct_engine_drop (cudnnBackendDescriptor_t *descriptor);

#endif
