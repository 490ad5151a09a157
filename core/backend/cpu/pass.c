/* Passes and plans as pipelines: each step is a station, and so are reading rows, keeping features, measuring them,
 * mapping them and writing rows. */
#include "cpu.h"

#include <string.h>

#include <wct/params.h>

#include "mapping.h"
#include "measure.h"
#include "mem.h"
#include "pipeline.h"
#include "step.h"

/* Encoder, decoder, and the few stations around them. */
#define STATIONS_MAX (2 * WCT_NETWORK_LAYERS_MAX + WCT_LEVELS + 5)

typedef struct
{
  WctCpu       *cpu;
  WctStation    stations[STATIONS_MAX];
  int           count;
  WctCpuMeasure measures[WCT_LEVELS];
  int           measure_count;
  WctCpuMapping mapping;
} Line;

static WctStation *
add_station (Line *line, WctStation station)
{
  line->stations[line->count] = station;
  return &line->stations[line->count++];
}

/* ---- Rows of pictures ----------------------------------------------------------------------------------------- */

/* Between the rows of a store, (3, w) each, and a strip, (3, rows, w). */
static size_t
row_bytes (const WctMapLayout *layout)
{
  return wct_picture_row_bytes (layout->shape);
}

static size_t
picture_strip_bytes (const WctMapLayout *layout)
{
  return row_bytes (layout) * (size_t)layout->strip_rows;
}

static WctStatus
load_rows (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  const WctRing *out = &station->out;
  const int32_t  rows = wct_strip_row_count (&out->layout, strip), w = out->layout.shape.w;
  const size_t   offset = (size_t)wct_strip_first_row (&out->layout, strip) * row_bytes (&out->layout);
  const float   *from = scratch;
  WctStatus      status;

  (void)piece;
  status = wct_store_read (station->what, offset, (size_t)rows * row_bytes (&out->layout), scratch, err);
  if (status != WCT_OK)
    return status;
  for (int32_t y = 0; y < rows; y++)
    for (int32_t c = 0; c < out->layout.shape.c; c++, from += w)
      memcpy (wct_strip_block (&out->layout, out->data, strip, c) + (size_t)y * (size_t)w, from,
              (size_t)w * sizeof *from);
  return WCT_OK;
}

static bool
all_finite (const float *values, size_t count)
{
  float sum = 0;

  for (size_t i = 0; i < count; i++) /* a value that is none stays none: no branch */
    sum += values[i] * 0;
  return sum == 0;
}

static WctStatus
save_rows (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  const WctRing *in = &station->source->out;
  const int32_t  rows = wct_strip_row_count (&in->layout, strip), w = in->layout.shape.w;
  const size_t   offset = (size_t)wct_strip_first_row (&in->layout, strip) * row_bytes (&in->layout);
  const size_t   size = (size_t)rows * row_bytes (&in->layout);
  float         *to = scratch;

  (void)piece;
  for (int32_t y = 0; y < rows; y++)
    for (int32_t c = 0; c < in->layout.shape.c; c++, to += w)
      memcpy (to, wct_strip_block (&in->layout, in->data, strip, c) + (size_t)y * (size_t)w, (size_t)w * sizeof *to);
  if (!all_finite (scratch, size / sizeof (float)))
    return wct_error_set (err, WCT_ERR_NUMERIC,
                          "rows %d to %d of the result are not finite numbers: the model's weights overflow on this "
                          "picture",
                          wct_strip_first_row (&in->layout, strip),
                          wct_strip_first_row (&in->layout, strip) + rows - 1);
  return wct_store_write (station->into, offset, size, scratch, err);
}

static WctStation *
add_load (Line *line, const WctStore *from, WctShape picture)
{
  const WctMapLayout layout = wct_map_layout (picture, line->cpu->kernels->block);

  return add_station (line, (WctStation){ .run = load_rows,
                                          .name = "load",
                                          .what = from,
                                          .out.layout = layout,
                                          .strips = layout.strips,
                                          .pieces = 1,
                                          .scratch_bytes = picture_strip_bytes (&layout) });
}

static void
add_save (Line *line, WctStation *source, WctStore *to)
{
  const WctMapLayout *layout = &source->out.layout;

  add_station (line, (WctStation){ .run = save_rows,
                                   .name = "save",
                                   .into = to,
                                   .source = source,
                                   .strips = layout->strips,
                                   .pieces = 1,
                                   .scratch_bytes = picture_strip_bytes (layout) });
}

/* ---- Features ------------------------------------------------------------------------------------------------- */

static size_t
features_offset (const WctMapLayout *layout, int32_t strip)
{
  return (size_t)strip * wct_strip_floats (layout) * sizeof (float);
}

static size_t
features_bytes (const WctMapLayout *layout, int32_t strip)
{
  return (size_t)wct_strip_row_count (layout, strip) * wct_row_floats (layout) * sizeof (float);
}

static WctStatus
keep_features (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  const WctRing *in = &station->source->out;

  (void)piece;
  (void)scratch;
  return wct_store_write (station->into, features_offset (&in->layout, strip), features_bytes (&in->layout, strip),
                          wct_strip_block (&in->layout, in->data, strip, 0), err);
}

static WctStatus
fetch_features (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  const WctRing *out = &station->out;

  (void)piece;
  (void)scratch;
  return wct_store_read (station->what, features_offset (&out->layout, strip), features_bytes (&out->layout, strip),
                         wct_strip_block (&out->layout, out->data, strip, 0), err);
}

static WctStatus
measure_features (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  (void)piece;
  (void)err;
  wct_cpu_measure_strip (station->what, &station->source->out, strip, scratch);
  return WCT_OK;
}

static WctStatus
map_features (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  (void)piece;
  return wct_cpu_mapping_strip (station->what, &station->source->out, &station->out, strip, scratch, err);
}

/* A map that is there as a whole. */
static WctStation *
add_tensor (Line *line, const WctTensor *tensor)
{
  const WctCpuTensor *own = (const WctCpuTensor *)tensor;

  return add_station (line, (WctStation){ .out = own->map });
}

static WctStation *
add_fetch (Line *line, const WctStore *kept, WctShape features)
{
  const WctMapLayout layout = wct_map_layout (features, line->cpu->kernels->block);

  return add_station (line, (WctStation){ .run = fetch_features,
                                          .name = "fetch",
                                          .what = kept,
                                          .out.layout = layout,
                                          .strips = layout.strips,
                                          .pieces = 1 });
}

static void
add_keep (Line *line, WctStation *source, WctStore *kept)
{
  add_station (line, (WctStation){ .run = keep_features,
                                   .name = "keep",
                                   .into = kept,
                                   .source = source,
                                   .strips = source->out.layout.strips,
                                   .pieces = 1 });
}

static WctStatus
add_measure (Line *line, WctStation *source, const WctRegionWeights *weights, const WctTap *tap, WctError *err)
{
  const WctMapLayout *layout = &source->out.layout;
  WctCpuMeasure      *measure = &line->measures[line->measure_count++];

  add_station (line, (WctStation){ .run = measure_features,
                                   .name = "moments",
                                   .what = measure,
                                   .source = source,
                                   .strips = layout->strips,
                                   .pieces = 1,
                                   .in_turn = wct_cpu_measure_groups (layout),
                                   .scratch_bytes = wct_cpu_measure_scratch (layout, weights) });
  return wct_cpu_measure_new (line->cpu, layout, weights, tap, measure, err);
}

static WctStation *
add_mapping (Line *line, WctStation *source)
{
  return add_station (line, (WctStation){ .run = map_features,
                                          .name = "map",
                                          .what = &line->mapping,
                                          .source = source,
                                          .out.layout = source->out.layout,
                                          .strips = source->out.layout.strips,
                                          .pieces = 1,
                                          .scratch_bytes = wct_cpu_mapping_scratch (&line->mapping) });
}

/* ---- Steps ---------------------------------------------------------------------------------------------------- */

static WctStatus
run_step (const WctStation *station, int32_t strip, int32_t piece, void *scratch, WctError *err)
{
  return wct_step_run (station->into, station->what, &station->source->out, &station->out, strip, piece, scratch, err);
}

static void
step_needs (const WctStation *station, int32_t strip, int32_t *first, int32_t *last)
{
  wct_step_needs (station->what, strip, first, last);
}

static WctStation *
add_step (Line *line, const WctStep *step, WctStation *source)
{
  return add_station (line, (WctStation){ .run = run_step,
                                          .name = step->layer == NULL ? "resample" : step->layer->name,
                                          .what = step,
                                          .into = line->cpu,
                                          .source = source,
                                          .out.layout = step->out,
                                          .strips = step->out.strips,
                                          .pieces = step->pieces,
                                          .work = step->work,
                                          .scratch_bytes = wct_step_scratch_bytes (line->cpu, step),
                                          .needs = step_needs });
}

static WctStation *
add_plan (Line *line, const WctPlan *plan, WctStation *source)
{
  for (int i = 0; i < plan->count; i++)
    source = add_step (line, &plan->steps[i], source);
  return source;
}

/* ---- Lines ---------------------------------------------------------------------------------------------------- */

static void
clear_line (Line *line)
{
  for (int i = 0; i < line->measure_count; i++)
    wct_cpu_measure_clear (&line->measures[i]);
  wct_cpu_mapping_clear (&line->mapping);
}

static size_t
size_rings (Line *line)
{
  return wct_pipeline_size (line->stations, line->count, wct_pool_threads (line->cpu->pool));
}

static size_t
thread_bytes (const Line *line)
{
  size_t bytes = 0;

  for (int i = 0; i < line->count; i++)
    if (line->stations[i].scratch_bytes > bytes)
      bytes = line->stations[i].scratch_bytes;
  return bytes;
}

static WctStatus
run_line (Line *line, WctMonitor *monitor, WctError *err)
{
  WctCpu   *cpu = line->cpu;
  const int before = wct_dnnl_begin_single_thread ();
  WctStatus status;

  WCT_TRY (wct_cpu_scratch_reserve (cpu, thread_bytes (line), size_rings (line), err));
  WCT_TRY (
    wct_pipeline_run (line->stations, line->count, cpu->scratch.rings, cpu->scratch.thread, cpu->pool, monitor, err));
  for (int i = 0; i < line->measure_count; i++)
    wct_cpu_measure_finish (&line->measures[i]);

out:
  wct_dnnl_end_single_thread (before);
  return status;
}

static size_t
line_memory (Line *line)
{
  const WctCpuScratch *scratch = &line->cpu->scratch;
  const size_t         rings = size_rings (line), thread = thread_bytes (line);
  size_t               bytes = 0;

  if (rings > scratch->ring_floats)
    bytes += (rings - scratch->ring_floats) * sizeof (float);
  if (thread > scratch->thread_bytes)
    bytes += (thread - scratch->thread_bytes) * (size_t)wct_pool_threads (line->cpu->pool);
  return bytes;
}

/* The encoder's steps, each followed by what is measured there. */
static WctStatus
add_encoder (Line *line, const WctPass *pass, WctStation **source, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int i = 0; i < pass->encoder->count && status == WCT_OK; i++)
    {
      const WctStep *step = &pass->encoder->steps[i];

      *source = add_step (line, step, *source);
      for (int t = 0; t < pass->tap_count && status == WCT_OK; t++)
        if (pass->taps[t].layers == step->layers)
          status = add_measure (line, *source, pass->weights, &pass->taps[t], err);
    }
  return status;
}

static WctStatus
make_line (Line *line, const WctPass *pass, WctError *err)
{
  WctStation *source;
  WctStatus   status;

  if (pass->encoder != NULL)
    {
      source = add_load (line, pass->from, pass->picture);
      WCT_TRY (add_encoder (line, pass, &source, err));
      if (pass->kept != NULL)
        add_keep (line, source, pass->kept);
    }
  else
    source = add_fetch (line, pass->kept, pass->features);
  if (pass->maps != NULL)
    {
      WCT_TRY (wct_cpu_mapping_new (line->cpu, &source->out.layout, pass->weights, pass->maps, &line->mapping, err));
      source = add_mapping (line, source);
    }
  if (pass->decoder != NULL)
    add_save (line, add_plan (line, pass->decoder, source), pass->result);

out:
  return status;
}

WctStatus
wct_cpu_pass_run (void *ctx, const WctPass *pass, WctMonitor *monitor, WctError *err)
{
  Line      line = { .cpu = ctx };
  const int before = wct_dnnl_begin_single_thread ();
  WctStatus status;

  WCT_TRY (make_line (&line, pass, err));
  WCT_TRY (run_line (&line, monitor, err));

out:
  clear_line (&line);
  wct_dnnl_end_single_thread (before);
  return status;
}

/* The same stations, without what they work with. Where there are regions, the whole may be measured besides. */
WctPassMemory
wct_cpu_pass_memory (void *ctx, const WctPass *pass)
{
  Line          line = { .cpu = ctx };
  WctStation   *source;
  WctPassMemory memory = { 0 };
  const int     regions = wct_pass_regions (pass);

  if (pass->encoder != NULL)
    source = add_plan (&line, pass->encoder, add_load (&line, pass->from, pass->picture));
  else
    source = add_fetch (&line, pass->kept, pass->features);
  for (int t = 0; t < pass->tap_count; t++)
    for (int i = 0; i < pass->encoder->count; i++)
      if (pass->taps[t].layers == pass->encoder->steps[i].layers)
        memory.passing += wct_cpu_measure_bytes (&pass->encoder->steps[i].out, regions + (pass->weights != NULL));
  if (pass->maps != NULL)
    {
      line.mapping =
        (WctCpuMapping){ .cpu = ctx, .layout = source->out.layout, .weights = pass->weights, .regions = regions };
      memory.passing += wct_cpu_mapping_bytes (&source->out.layout, regions);
      source = add_mapping (&line, source);
    }
  if (pass->decoder != NULL)
    add_save (&line, add_plan (&line, pass->decoder, source), pass->result);
  memory.scratch = line_memory (&line);
  return memory;
}

/* ---- Maps that are there as a whole ---------------------------------------------------------------------------- */

WctStatus
wct_cpu_plan_run (void *ctx, WctPlan *plan, const WctTensor *in, WctTensor *out, WctMonitor *monitor, WctError *err)
{
  Line        line = { .cpu = ctx };
  WctStation *last = add_plan (&line, plan, add_tensor (&line, in));

  last->out = ((const WctCpuTensor *)out)->map;
  return run_line (&line, monitor, err);
}

size_t
wct_cpu_plan_scratch (void *ctx, const WctPlan *plan)
{
  const WctCpu      *cpu = ctx;
  Line               line = { .cpu = ctx };
  float              elsewhere;
  const WctMapLayout in = wct_map_layout (plan->in, cpu->kernels->block);
  WctStation        *first = add_station (&line, (WctStation){ .out = { in, &elsewhere } });

  add_plan (&line, plan, first)->out.data = &elsewhere;
  return line_memory (&line);
}

/* One region, by a table of its weights. */
typedef struct
{
  WctShape     shape;
  const float *table; /* (h, w) */
} Table;

static int32_t
pick_from_table (const void *data, int region, WctWeightsUse use, int32_t first, int32_t rows, int32_t *positions,
                 float *weights)
{
  const Table *table = data;
  const float *from = table->table + (size_t)first * (size_t)table->shape.w;
  int32_t      count = 0;

  (void)region;
  (void)use;
  for (int32_t i = 0; i < rows * table->shape.w; i++)
    if (from[i] > 0)
      {
        positions[count] = i;
        weights[count++] = from[i];
      }
  return count;
}

WctStatus
wct_cpu_moments (void *ctx, const WctTensor *features, const float *weights, WctMoments *out, WctMonitor *monitor,
                 WctError *err)
{
  const Table            table = { features->shape, weights };
  const WctRegionWeights by_table = { 1, &table, pick_from_table };
  const WctTap           tap = { .moments = &out };
  Line                   line = { .cpu = ctx };
  WctStatus              status;

  WCT_TRY (add_measure (&line, add_tensor (&line, features), weights == NULL ? NULL : &by_table, &tap, err));
  WCT_TRY (run_line (&line, monitor, err));

out:
  clear_line (&line);
  return status;
}

WctStatus
wct_cpu_affine (void *ctx, const WctTensor *in, const float *weights, const WctAffine *affine, WctTensor *out,
                WctMonitor *monitor, WctError *err)
{
  const Table            table = { in->shape, weights };
  const WctRegionWeights by_table = { 1, &table, pick_from_table };
  const WctRing         *map = &((const WctCpuTensor *)in)->map;
  Line                   line = { .cpu = ctx };
  const int              before = wct_dnnl_begin_single_thread ();
  WctStatus              status;

  WCT_TRY (wct_cpu_mapping_new (ctx, &map->layout, weights == NULL ? NULL : &by_table, &affine, &line.mapping, err));
  line.mapping.adds = true;
  add_mapping (&line, add_tensor (&line, in))->out = ((WctCpuTensor *)out)->map;
  WCT_TRY (run_line (&line, monitor, err));

out:
  clear_line (&line);
  wct_dnnl_end_single_thread (before);
  return status;
}
