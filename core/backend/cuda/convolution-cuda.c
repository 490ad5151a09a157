/* Convolutions by cuDNN; by our own kernels where it has none.
 *
 * Gradients of weights are floats, and no ready-made engine of cuDNN gives such from maps of f16 or bf16: the maps are
 * made float first, which loses nothing, and multiplied through TF32, which holds each of their values whole. */
#include "device-cuda.h"

#include "choice.h"
#include "launch.h"
#include "mem.h"

#define TUNE_ENGINES 6 /* that are timed */
#define TUNE_RUNS    3
#define ALIGNMENT    256

struct WctConvolution
{
  WctConvolution     *next;
  WctConvolutionShape shape;
  WctGraph           *graphs[WCT_GRAPH_KINDS];  /* owned; made at first use; NULL where our kernels do it */
  bool                planned[WCT_GRAPH_KINDS]; /* was that looked for? */
};

/* What one run reads and writes, in the order of wct_graph_run. */
typedef struct
{
  const void *first, *second, *bias;
  void       *result;
  void       *workspace;
} Run;

/* ---- The device's convolutions ---------------------------------------------------------------------------------- */

static bool
is_same (const WctConvolutionShape *a, const WctConvolutionShape *b)
{
  return a->element == b->element && a->exact == b->exact && a->relu == b->relu && a->side == b->side
         && a->count == b->count && a->rows == b->rows && a->columns == b->columns && a->in_lanes == b->in_lanes
         && a->out_lanes == b->out_lanes;
}

WctStatus
wct_convolution_new (WctDevice *device, const WctConvolutionShape *shape, WctConvolution **out, WctError *err)
{
  WctConvolution *convolution = device->convolutions;
  WctStatus       status = WCT_OK;

  while (convolution != NULL && !is_same (&convolution->shape, shape))
    convolution = convolution->next;
  if (convolution == NULL)
    {
      WCT_TRY (wct_alloc (1, sizeof *convolution, "convolution", &convolution, err));
      convolution->shape = *shape;
      convolution->next = device->convolutions;
      device->convolutions = convolution;
    }
  *out = convolution;

out:
  return status;
}

void
wct_cuda_convolutions_free (WctDevice *device)
{
  WctConvolution *convolution = device->convolutions;

  while (convolution != NULL)
    {
      WctConvolution *next = convolution->next;

      for (int i = 0; i < WCT_GRAPH_KINDS; i++)
        wct_graph_free (&convolution->graphs[i]);
      wct_free (&convolution);
      convolution = next;
    }
  device->convolutions = NULL;
}

/* ---- Which engine ----------------------------------------------------------------------------------------------- */

/* The shape that cuDNN is asked for. */
static WctConvolutionShape
asked_shape (const WctConvolutionShape *shape, WctGraphKind kind)
{
  WctConvolutionShape asked = *shape;

  if (kind == WCT_GRAPH_WEIGHTS_BACK && shape->element != WCT_ELEMENT_F32)
    {
      asked.element = WCT_ELEMENT_F32;
      asked.exact = false;
    }
  if (kind != WCT_GRAPH_FORWARD)
    asked.relu = false;
  return asked;
}

/* Finds engines for a direction, the first time. */
static WctStatus
plan (WctDevice *device, WctConvolution *convolution, WctGraphKind kind, WctError *err)
{
  const WctConvolutionShape shape = asked_shape (&convolution->shape, kind);
  WctGraph                 *graph = NULL;
  WctStatus                 status = WCT_OK;

  if (convolution->planned[kind])
    return WCT_OK;
  WCT_TRY (wct_graph_new (device->target, &shape, kind, &graph, err));
  if ((device->tune && wct_choice_find (device->name, &shape, kind, graph))
      || wct_graph_plan (graph, device->tune ? TUNE_ENGINES : 1) > 0)
    {
      convolution->graphs[kind] = graph;
      graph = NULL;
    }
  convolution->planned[kind] = true;

out:
  wct_graph_free (&graph);
  return status;
}

static WctStatus
run_engine (WctDevice *device, WctGraph *graph, int engine, const Run *run, WctError *err)
{
  return wct_graph_run (graph, engine, device->cudnn, run->first, run->second, run->bias, run->result, run->workspace,
                        err);
}

/* Milliseconds of a run, after one that does not count; what fails takes forever. */
static float
time_engine (WctDevice *device, WctGraph *graph, int engine, const Run *run, const cudaEvent_t events[2])
{
  float milliseconds = 0;
  bool  good = run_engine (device, graph, engine, run, NULL) == WCT_OK
              && cudaEventRecord (events[0], device->stream) == cudaSuccess;

  for (int i = 0; i < TUNE_RUNS && good; i++)
    good = run_engine (device, graph, engine, run, NULL) == WCT_OK;
  good = good && cudaEventRecord (events[1], device->stream) == cudaSuccess
         && cudaEventSynchronize (events[1]) == cudaSuccess
         && cudaEventElapsedTime (&milliseconds, events[0], events[1]) == cudaSuccess;
  return good ? milliseconds / TUNE_RUNS : 1e30f;
}

/* Leaves the graph the fastest of its engines, and has it kept. */
static WctStatus
tune (WctDevice *device, const WctConvolutionShape *shape, WctGraphKind kind, WctGraph *graph, const Run *run,
      WctError *err)
{
  WctEngines *engines = wct_graph_engines (graph);
  cudaEvent_t events[2] = { NULL };
  float       best = 1e30f;
  int         fastest = 0;
  WctStatus   status = WCT_OK;

  if (engines->count < 2)
    return WCT_OK;
  for (int i = 0; i < 2; i++)
    WCT_TRY (wct_cuda_check (device, cudaEventCreate (&events[i]), "timing convolutions", err));
  for (int i = 0; i < engines->count; i++)
    {
      const float time = time_engine (device, graph, i, run, events);

      if (time < best)
        {
          best = time;
          fastest = i;
        }
    }
  WCT_TRY (wct_device_wait (device, err));
  wct_engines_choose (engines, fastest);
  wct_choice_keep (device->name, shape, kind, &engines->list[0]);

out:
  for (int i = 0; i < 2; i++)
    if (events[i] != NULL)
      (void)cudaEventDestroy (events[i]);
  return status;
}

/* ---- Runs ------------------------------------------------------------------------------------------------------- */

static size_t
aligned (size_t bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Takes the workspace of all the graph's engines, and behind it @more bytes, to *extra. */
static WctStatus
reserve (WctDevice *device, WctGraph *graph, size_t more, Run *run, void **extra, WctError *err)
{
  const WctEngines *engines = wct_graph_engines (graph);
  size_t            most = 0;
  WctStatus         status;

  for (int i = 0; i < engines->count; i++)
    if (engines->list[i].workspace > most)
      most = engines->list[i].workspace;
  WCT_TRY (wct_cuda_workspace (device, aligned (most) + more, &run->workspace, err));
  *extra = (char *)run->workspace + aligned (most);

out:
  return status;
}

static WctStatus
run_graph (WctDevice *device, WctConvolution *convolution, WctGraphKind kind, const Run *run, WctError *err)
{
  const WctConvolutionShape shape = asked_shape (&convolution->shape, kind);
  WctGraph                 *graph = convolution->graphs[kind];
  WctStatus                 status;

  WCT_TRY (tune (device, &shape, kind, graph, run, err));
  WCT_TRY (run_engine (device, graph, 0, run, err));

out:
  return status;
}

WctStatus
wct_convolution_forward (WctDevice *device, WctConvolution *convolution, const void *padded, const void *weights,
                         const float *bias, void *out, WctError *err)
{
  const WctConvolutionShape *shape = &convolution->shape;
  const size_t               lanes = (size_t)shape->out_lanes;
  Run                        run = { padded, weights, bias, out, NULL };
  void                      *element_bias = NULL;
  WctStatus                  status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (plan (device, convolution, WCT_GRAPH_FORWARD, err));
  if (convolution->graphs[WCT_GRAPH_FORWARD] == NULL)
    {
      wct_launch_convolve (device->stream, shape, padded, weights, bias, out);
      goto out;
    }
  WCT_TRY (reserve (device, convolution->graphs[WCT_GRAPH_FORWARD], lanes * sizeof *bias, &run, &element_bias, err));
  if (shape->element != WCT_ELEMENT_F32)
    {
      wct_launch_convert (device->stream, lanes, WCT_ELEMENT_F32, bias, shape->element, element_bias);
      run.bias = element_bias;
    }
  WCT_TRY (run_graph (device, convolution, WCT_GRAPH_FORWARD, &run, err));

out:
  return status;
}

WctStatus
wct_convolution_data_back (WctDevice *device, WctConvolution *convolution, const void *gradient, const void *weights,
                           void *padded_gradient, WctError *err)
{
  Run       run = { gradient, weights, NULL, padded_gradient, NULL };
  void     *nothing = NULL;
  WctStatus status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (plan (device, convolution, WCT_GRAPH_DATA_BACK, err));
  if (convolution->graphs[WCT_GRAPH_DATA_BACK] == NULL)
    {
      wct_launch_convolve_data_back (device->stream, &convolution->shape, gradient, weights, padded_gradient);
      goto out;
    }
  WCT_TRY (reserve (device, convolution->graphs[WCT_GRAPH_DATA_BACK], 0, &run, &nothing, err));
  WCT_TRY (run_graph (device, convolution, WCT_GRAPH_DATA_BACK, &run, err));

out:
  return status;
}

WctStatus
wct_convolution_weights_back (WctDevice *device, WctConvolution *convolution, const void *padded, const void *gradient,
                              float *weights_gradient, WctError *err)
{
  const WctConvolutionShape *shape = &convolution->shape;
  const bool                 widen = shape->element != WCT_ELEMENT_F32;
  const size_t               ring = (size_t)(shape->side - 1), maps = (size_t)shape->count;
  const size_t first = maps * ((size_t)shape->rows + ring) * ((size_t)shape->columns + ring) * (size_t)shape->in_lanes;
  const size_t second = maps * (size_t)shape->rows * (size_t)shape->columns * (size_t)shape->out_lanes;
  Run          run = { padded, gradient, NULL, weights_gradient, NULL };
  void        *floats = NULL;
  WctStatus    status;

  WCT_TRY (wct_cuda_enter (device, err));
  WCT_TRY (plan (device, convolution, WCT_GRAPH_WEIGHTS_BACK, err));
  if (convolution->graphs[WCT_GRAPH_WEIGHTS_BACK] == NULL)
    {
      wct_launch_convolve_weights_back (device->stream, shape, padded, gradient, weights_gradient);
      goto out;
    }
  WCT_TRY (reserve (device, convolution->graphs[WCT_GRAPH_WEIGHTS_BACK],
                    widen ? aligned (first * sizeof (float)) + second * sizeof (float) : 0, &run, &floats, err));
  if (widen)
    {
      void *more = (char *)floats + aligned (first * sizeof (float));

      wct_launch_convert (device->stream, first, shape->element, padded, WCT_ELEMENT_F32, floats);
      wct_launch_convert (device->stream, second, shape->element, gradient, WCT_ELEMENT_F32, more);
      run.first = floats;
      run.second = more;
    }
  WCT_TRY (run_graph (device, convolution, WCT_GRAPH_WEIGHTS_BACK, &run, err));

out:
  return status;
}
