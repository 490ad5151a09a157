/* Times stylization in one process, as the peers are timed: pictures in memory, styles measured, one warm-up run.
 * Prints a line a run and the median, or JSON.
 *
 *   bench-stylize MODEL [--size N | --size WxH] [--threads N] [--levels 54321] [--repeat N] [--backend NAME]
 *                 [--styles N] [--memory MB] [--json] [--profile] [--timeline FILE.svg] */
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wct/wct.h>

#if WCT_HAVE_CPU
#  include "backend/cpu/pipeline.h"
#endif
#include "mem.h"
#include "model.h"
#include "planar.h"

#define STYLES_MAX 64

typedef struct
{
  const char *model, *backend, *levels, *timeline;
  int         width, height, threads, repeat;
  int         styles; /* blended */
  size_t      memory;
  bool        json, profile;
} Options;

static double
seconds_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int
by_value (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Smooth waves with some noise: features as lively as a photo's, made without a file. */
static WctImage
make_picture (int width, int height, unsigned seed)
{
  WctImage image = { calloc ((size_t)width * (size_t)height * 3, sizeof (float)), width, height, 3,
                     (size_t)width * 3 * sizeof (float) };

  if (image.pixels == NULL)
    exit (1);
  wct_noise_fill (&image, seed);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      for (int c = 0; c < 3; c++)
        {
          float      *pixel = image.pixels + ((size_t)y * (size_t)width + (size_t)x) * 3 + c;
          const float wave = (float)((x * (3 + c) + y * (int)(seed + 2)) % 97) / 97;

          *pixel = 0.75f * wave + 0.25f * *pixel;
        }
  return image;
}

static void
check (WctStatus status, const WctError *err)
{
  if (status == WCT_OK)
    return;
  fprintf (stderr, "bench-stylize: %s\n", err->message);
  exit (1);
}

static WctParams
choose_levels (const Options *options, const WctModel *model)
{
  WctParams params;

  wct_params_init (&params);
  for (int level = 1; level <= WCT_LEVELS; level++)
    params.level_on[level - 1] = (wct_model_levels (model) & 1u << (level - 1)) != 0
                                 && (options->levels == NULL || strchr (options->levels, '0' + level) != NULL);
  return params;
}

/* ---- What the pipeline did -------------------------------------------------------------------------------- */

typedef struct
{
  const char *name;
  int         thread;
  double      start, end, work;
} Event;

#define EVENTS_MAX 4000000

static Event      *events;
static atomic_long event_count;

static void
note_event (const char *name, int thread, double start, double end, double work)
{
  const long i = atomic_fetch_add (&event_count, 1);

  if (i < EVENTS_MAX)
    events[i] = (Event){ name, thread, start, end, work };
}

static long
events_noted (void)
{
  const long count = atomic_load (&event_count);

  return count < EVENTS_MAX ? count : EVENTS_MAX;
}

/* "encoder4.conv2_1" and "encoder.conv2_1" count together, "decoder4.conv2_1" apart. */
static const char *
part_of (const char *name)
{
  const char *dot = strchr (name, '.');

  return dot == NULL ? name : dot + 1;
}

typedef struct
{
  char   name[64];
  double seconds, work;
  long   pieces;
} Total;

static int
by_seconds (const void *a, const void *b)
{
  const double x = ((const Total *)a)->seconds, y = ((const Total *)b)->seconds;

  return (x < y) - (x > y);
}

/* Of one run: thread-seconds of each kind of station, and the rate of its multiply-adds, counted directly. */
static void
print_profile (double elapsed, int threads)
{
  Total  totals[200] = { { .pieces = 0 } };
  int    count = 0;
  double busy = 0;

  for (long i = 0; i < events_noted (); i++)
    {
      char label[64];
      int  t = 0;

      snprintf (label, sizeof label, "%c %s", strncmp (events[i].name, "decoder", 7) == 0 ? 'D' : 'E',
                part_of (events[i].name));
      while (t < count && strcmp (totals[t].name, label) != 0)
        t++;
      if (t == count && count < 199)
        memcpy (totals[count++].name, label, sizeof label);
      totals[t].seconds += events[i].end - events[i].start;
      totals[t].work += events[i].work;
      totals[t].pieces++;
      busy += events[i].end - events[i].start;
    }
  qsort (totals, (size_t)count, sizeof *totals, by_seconds);
  for (int t = 0; t < count; t++)
    printf ("%-16s %8.2f ms %5.1f %% %8.0f GFLOP/s a thread %8ld pieces\n", totals[t].name, totals[t].seconds * 1e3,
            100 * totals[t].seconds / busy, 2e-9 * totals[t].work / totals[t].seconds, totals[t].pieces);
  printf ("busy %.1f ms of %d × %.1f ms: %.1f %%\n", busy * 1e3, threads, elapsed * 1e3,
          100 * busy / elapsed / threads);
}

/* One row a thread, one box a piece, a color for each station. */
static void
draw_timeline (const char *path, double start, double end, int threads)
{
  FILE        *file = fopen (path, "w");
  const double scale = 1600 / (end - start);

  if (file == NULL)
    {
      perror (path);
      return;
    }
  fprintf (file,
           "<svg xmlns='http://www.w3.org/2000/svg' width='1600' viewBox='0 0 1600 %d' font-family='sans-serif'>\n"
           "<rect width='1600' height='%d' fill='#fff'/>\n",
           40 * threads + 30, 40 * threads + 30);
  for (long i = 0; i < events_noted (); i++)
    {
      unsigned hash = 5381;

      for (const char *c = part_of (events[i].name); *c != '\0'; c++)
        hash = hash * 33 + (unsigned char)*c;
      fprintf (file,
               "<rect x='%.2f' y='%d' width='%.2f' height='34' fill='hsl(%u,60%%,%u%%)'><title>%s</title></rect>\n",
               (events[i].start - start) * scale, 40 * events[i].thread, (events[i].end - events[i].start) * scale,
               hash % 360, strncmp (events[i].name, "decoder", 7) == 0 ? 65u : 45u, events[i].name);
    }
  fprintf (file,
           "<text x='4' y='%d' font-size='16'>%.1f ms, a row for each of %d threads; white: idle, or solving"
           "</text>\n</svg>\n",
           40 * threads + 20, (end - start) * 1e3, threads);
  fclose (file);
}

/* Of one run, each convolution counted once and directly. */
static double
count_multiply_adds (const Options *options, const WctModel *model, const WctParams *params)
{
  const WctShape picture = wct_planar_shape (options->width, options->height);
  double         work = 0;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (params->level_on[level - 1])
      {
        const WctNetwork *encoder = wct_model_encoder (model, level), *decoder = wct_model_decoder (model, level);

        work += wct_layers_work (encoder->layers, encoder->count, picture)
                + wct_layers_work (decoder->layers, decoder->count,
                                   wct_layers_shape (encoder->layers, encoder->count, picture));
      }
  return work;
}

static void
report (const Options *options, const WctBackend *backend, double work, double *seconds, double *blending)
{
  const WctBackendInfo *info = wct_backend_info (backend);
  const double          megapixels = 1e-6 * options->width * options->height;

  qsort (seconds, (size_t)options->repeat, sizeof *seconds, by_value);
  qsort (blending, (size_t)options->repeat, sizeof *blending, by_value);
  const double median = seconds[options->repeat / 2], blend = blending[options->repeat / 2];
  if (options->json)
    printf ("{\"median\": %.5f, \"minimum\": %.5f, \"blend\": %.6f, \"width\": %d, \"height\": %d, \"threads\": %d, "
            "\"backend\": "
            "\"%s\", \"multiply_adds\": %.6g, \"peak_memory_bytes\": %zu}\n",
            median, seconds[0], blend, options->width, options->height, info->threads, info->name, work,
            wct_memory_peak ());
  else
    printf ("median of %d: %.4f s, minimum %.4f s, blend of %d %.4f s, %.3f s/MP at %dx%d, %s (%s), %d threads\n",
            options->repeat, median, seconds[0], options->styles, blend, median / megapixels, options->width,
            options->height, info->name, info->detail, info->threads);
}

static const double *
weights_of_run (int run)
{
  static double weights[STYLES_MAX];

  for (int i = 0; i < STYLES_MAX; i++)
    weights[i] = 1 + (run + 1 + 3 * i) % 5;
  return weights;
}

static void
begin_trace (void)
{
  events = calloc (EVENTS_MAX, sizeof *events);
#if WCT_HAVE_CPU
  wct_pipeline_trace = note_event;
#else
  (void)note_event;
  fprintf (stderr, "bench-stylize: this build has no cpu back end to look into\n");
  exit (1);
#endif
}

static void
run (const Options *options)
{
  WctModel   *model = NULL;
  WctBackend *backend = NULL;
  WctStyle   *styles[STYLES_MAX] = { NULL };
  WctJob     *job = NULL;
  WctError    err = { .status = WCT_OK };
  WctImage    content = make_picture (options->width, options->height, 1), picture;
  double     *seconds = calloc ((size_t)options->repeat, sizeof *seconds);
  double     *blending = calloc ((size_t)options->repeat, sizeof *blending);

  check (wct_model_load (options->model, &model, &err), &err);
  check (wct_backend_open (options->backend, options->threads, &backend, &err), &err);
  for (int i = 0; i < options->styles; i++)
    {
      picture = make_picture (512, 512, 7 + (unsigned)i);
      check (wct_style_measure (model, backend, &picture, wct_model_levels (model), NULL, &styles[i], &err), &err);
      free (picture.pixels);
    }
  const WctParams  params = choose_levels (options, model);
  const WctJobSpec spec = { model, backend, &params, (size_t)options->styles, styles, NULL, 0, NULL };
  check (wct_job_new (&spec, &job, &err), &err);
  wct_job_limit_memory (job, options->memory);
  if (options->profile || options->timeline != NULL)
    begin_trace ();
  for (int i = -1; i < options->repeat; i++)
    {
      atomic_store (&event_count, 0);
      const double start = seconds_now ();

      if (i < 0 && options->memory > 0 && !options->json)
        {
          size_t needed;

          check (wct_job_memory (job, content.width, content.height, &needed, &err), &err);
          printf ("before: %.0f MB in use, job needs %.0f MB\n", 1e-6 * (double)wct_memory_used (),
                  1e-6 * (double)needed);
        }
      /* another blend, as somebody's slider wants it */
      check (wct_job_set_weights (job, 0, weights_of_run (i), &err), &err);
      if (i >= 0)
        blending[i] = seconds_now () - start;
      check (wct_job_begin (job, content.width, content.height, &err), &err);
      check (wct_job_put_rows (job, &content, 0, &err), &err);
      check (wct_job_process (job, NULL, &err), &err);
      const double end = seconds_now (), spent = end - start;
      if (options->memory > 0 && !options->json)
        printf ("RSS %.0f MB, peak %.0f MB; library's blocks: %.0f MB, peak %.0f MB\n",
                1e-6 * (double)wct_memory_used (), 1e-6 * (double)wct_memory_peak (), 1e-6 * (double)wct_mem_used (),
                1e-6 * (double)wct_mem_peak (false));
      if (options->profile && i == options->repeat - 1)
        print_profile (spent, wct_backend_info (backend)->threads);
      if (options->timeline != NULL && i == options->repeat - 1)
        draw_timeline (options->timeline, start, end, wct_backend_info (backend)->threads);
      if (i >= 0)
        seconds[i] = spent;
      if (!options->json)
        printf ("run %d: %.4f s%s\n", i + 1, spent, i < 0 ? " (warm-up)" : "");
    }
  report (options, backend, count_multiply_adds (options, model, &params), seconds, blending);

  wct_job_free (&job);
  for (int i = 0; i < options->styles; i++)
    wct_style_unref (&styles[i]);
  wct_backend_close (&backend);
  wct_model_unref (&model);
  free (blending);
  free (seconds);
  free (events);
  free (content.pixels);
}

int
main (int argc, char **argv)
{
  static const struct option known[] = {
    { "size", required_argument, NULL, 's' },
    { "threads", required_argument, NULL, 't' },
    { "levels", required_argument, NULL, 'l' },
    { "repeat", required_argument, NULL, 'r' },
    { "backend", required_argument, NULL, 'b' },
    { "json", no_argument, NULL, 'j' },
    { "memory", required_argument, NULL, 'm' },
    { "profile", no_argument, NULL, 'p' },
    { "timeline", required_argument, NULL, 'i' },
    { "styles", required_argument, NULL, 'n' },
    { NULL, 0, NULL, 0 },
  };
  Options options = { .backend = "auto", .width = 512, .height = 512, .repeat = 9, .styles = 1 };
  int     letter;

  while ((letter = getopt_long (argc, argv, "", known, NULL)) != -1)
    switch (letter)
      {
      case 's':
        if (sscanf (optarg, "%dx%d", &options.width, &options.height) < 2)
          options.height = options.width;
        break;
      case 't':
        options.threads = atoi (optarg);
        break;
      case 'l':
        options.levels = optarg;
        break;
      case 'r':
        options.repeat = atoi (optarg);
        break;
      case 'b':
        options.backend = optarg;
        break;
      case 'j':
        options.json = true;
        break;
      case 'm':
        options.memory = (size_t)atoi (optarg) << 20;
        break;
      case 'n':
        options.styles = atoi (optarg);
        break;
      case 'p':
        options.profile = true;
        break;
      case 'i':
        options.timeline = optarg;
        break;
      default:
        return 2;
      }
  if (optind != argc - 1 || options.width < 1 || options.height < 1 || options.repeat < 1 || options.styles < 1
      || options.styles > STYLES_MAX)
    {
      fprintf (
        stderr,
        "usage: bench-stylize MODEL [--size N | --size WxH] [--threads N] [--levels 54321] [--repeat N] [--styles N] "
        "[--backend NAME] [--memory MB] [--json] [--profile] [--timeline FILE.svg]\n");
      return 2;
    }
  options.model = argv[optind];
  run (&options);
  return 0;
}
