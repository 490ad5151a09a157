/* Times stylization in one process, as the peers are timed: pictures in memory, styles measured, one warm-up run.
 * Prints a line a run and the median, or JSON.
 *
 *   bench-stylize MODEL [--size N] [--threads N] [--levels 54321] [--repeat N] [--backend NAME] [--json] */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wct/wct.h>

typedef struct
{
  const char *model, *backend, *levels;
  int         size, threads, repeat;
  bool        json;
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
make_picture (int size, unsigned seed)
{
  WctImage image = { calloc ((size_t)size * (size_t)size * 3, sizeof (float)), size, size, 3,
                     (size_t)size * 3 * sizeof (float) };

  if (image.pixels == NULL)
    exit (1);
  wct_noise_fill (&image, seed);
  for (int y = 0; y < size; y++)
    for (int x = 0; x < size; x++)
      for (int c = 0; c < 3; c++)
        {
          float      *pixel = image.pixels + ((size_t)y * (size_t)size + (size_t)x) * 3 + c;
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

static void
report (const Options *options, const WctBackend *backend, double *seconds)
{
  const WctBackendInfo *info = wct_backend_info (backend);

  qsort (seconds, (size_t)options->repeat, sizeof *seconds, by_value);
  const double median = seconds[options->repeat / 2];
  if (options->json)
    printf ("{\"median\": %.5f, \"minimum\": %.5f, \"size\": %d, \"threads\": %d, \"backend\": \"%s\"}\n", median,
            seconds[0], options->size, info->threads, info->name);
  else
    printf ("median of %d: %.4f s, minimum %.4f s at %dx%d, %s (%s), %d threads\n", options->repeat, median, seconds[0],
            options->size, options->size, info->name, info->detail, info->threads);
}

static void
run (const Options *options)
{
  WctModel   *model = NULL;
  WctBackend *backend = NULL;
  WctStyle   *style = NULL;
  WctJob     *job = NULL;
  WctError    err = { .status = WCT_OK };
  WctImage    content = make_picture (options->size, 1), picture = make_picture (options->size, 7);
  WctImage    result = make_picture (options->size, 3);
  double     *seconds = calloc ((size_t)options->repeat, sizeof *seconds);

  check (wct_model_load (options->model, &model, &err), &err);
  check (wct_backend_open (options->backend, options->threads, &backend, &err), &err);
  check (wct_style_measure (model, backend, &picture, wct_model_levels (model), NULL, &style, &err), &err);
  const WctParams  params = choose_levels (options, model);
  const WctJobSpec spec = { model, backend, &params, 1, &style, NULL, NULL };
  check (wct_job_new (&spec, &job, &err), &err);
  for (int i = -1; i < options->repeat; i++)
    {
      const double start = seconds_now ();

      check (wct_job_run (job, &content, &result, NULL, &err), &err);
      const double spent = seconds_now () - start;
      if (i >= 0)
        seconds[i] = spent;
      if (!options->json)
        printf ("run %d: %.4f s%s\n", i + 1, spent, i < 0 ? " (warm-up)" : "");
    }
  report (options, backend, seconds);

  wct_job_free (&job);
  wct_style_unref (&style);
  wct_backend_close (&backend);
  wct_model_unref (&model);
  free (seconds);
  free (result.pixels);
  free (picture.pixels);
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
    { NULL, 0, NULL, 0 },
  };
  Options options = { .backend = "auto", .size = 512, .repeat = 9 };
  int     letter;

  while ((letter = getopt_long (argc, argv, "", known, NULL)) != -1)
    switch (letter)
      {
      case 's':
        options.size = atoi (optarg);
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
      default:
        return 2;
      }
  if (optind != argc - 1 || options.size < 1 || options.repeat < 1)
    {
      fprintf (stderr, "usage: bench-stylize MODEL [--size N] [--threads N] [--levels 54321] [--repeat N] "
                       "[--backend NAME] [--json]\n");
      return 2;
    }
  options.model = argv[optind];
  run (&options);
  return 0;
}
