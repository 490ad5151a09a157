/* Golden cases: the whole way from a model and pictures to a result, against what the reference implementation in
 * PyTorch made of them.
 *
 *   golden --backend cpu [--shared FOLDER] [--only CASE]
 *
 * Exit 0 where all cases are near enough, 1 where not, 2 for a wrong command, 77 where the cases or the back end are
 * not here. $WCT_SHARED names the folder too. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wct/wct.h>

#include "case.h"
#include "files.h"

#define EXIT_USAGE 2

/* Two correct float implementations differ by rounding, some 1e-6, which the levels' whitening amplifies. */
#define PSNR_MIN       80.0
#define DIFFERENCE_MAX 0.002

/* 15 levels in a row from noise amplify further: the reference's own float64 run is 58 dB from its float32 one. */
#define MANY_PASSES_PSNR_MIN 50.0

typedef struct
{
  const char *backend, *shared, *only;
} Options;

typedef struct
{
  const Options *options;
  WctBackend    *backend;
} Check;

/* ---- Running it --------------------------------------------------------------------------------------------- */

static WctStatus
stylize (Case *golden, WctBackend *backend, WctError *err)
{
  WctJob   *job = NULL;
  WctStatus status;

  WCT_TRY (new_job_of_case (golden, backend, &golden->params, &job, err));
  WCT_TRY (wct_job_run (job, &golden->content, &golden->result, NULL, err));

out:
  wct_job_free (&job);
  return status;
}

static WctStatus
run_case (Case *golden, WctBackend *backend, WctError *err)
{
  if (strcmp (job_of_case (golden), "reconstruct") != 0)
    return stylize (golden, backend, err);
  return wct_reconstruct (golden->model, backend,
                          (int)json_integer_value (json_object_get (golden->description, "level")), &golden->content,
                          &golden->result, NULL, err);
}

/* ---- Comparing ---------------------------------------------------------------------------------------------- */

static double
clip (float value)
{
  return fmin (fmax (value, 0), 1);
}

static bool
compare (const Case *golden)
{
  const WctImage *got = &golden->result, *expected = &golden->expected;
  const bool      many_passes = golden->params.passes > 1;
  const double    psnr_min = many_passes ? MANY_PASSES_PSNR_MIN : PSNR_MIN;
  double          squares = 0, largest = 0;
  size_t          where = 0;

  if (got->width != expected->width || got->height != expected->height)
    {
      printf ("FAIL %-24s expected %dx%d, got %dx%d\n", golden->name, expected->width, expected->height, got->width,
              got->height);
      return false;
    }

  const size_t count = (size_t)got->width * (size_t)got->height * 3;
  for (size_t i = 0; i < count; i++)
    {
      const double difference =
        isfinite (got->pixels[i]) ? fabs (clip (got->pixels[i]) - clip (expected->pixels[i])) : INFINITY;

      squares += difference * difference;
      if (difference > largest)
        {
          largest = difference;
          where = i;
        }
    }

  const double psnr = 10 * log10 ((double)count / squares);
  const bool   good = psnr >= psnr_min && (many_passes || largest <= DIFFERENCE_MAX);
  printf ("%-4s %-24s %6.1f dB, largest difference %.2e\n", good ? "ok" : "FAIL", golden->name, psnr, largest);
  if (!good)
    printf (
      "     allowed: %g dB or more, %g or less; channel %zu of the pixel at column %zu, row %zu: expected %.7g, got "
      "%.7g\n",
      psnr_min, many_passes ? 1.0 : DIFFERENCE_MAX, where % 3, where / 3 % (size_t)got->width,
      where / 3 / (size_t)got->width, (double)expected->pixels[where], (double)got->pixels[where]);
  return good;
}

static bool
check_case (void *user, const char *name)
{
  const Check   *check = user;
  const Options *options = check->options;
  Case           golden = { .description = NULL };
  WctError       err;
  bool           good = read_case (options->shared, name, &golden);

  if (good)
    {
      good = run_case (&golden, check->backend, &err) == WCT_OK;
      if (good)
        good = compare (&golden);
      else
        printf ("FAIL %-24s %s\n", name, err.message);
    }
  if (!good)
    printf ("     again: golden --backend %s --shared %s --only %s\n", options->backend, options->shared, name);
  fflush (stdout);
  free_case (&golden);
  return good;
}

/* ---- The program -------------------------------------------------------------------------------------------- */

static bool
read_options (int argc, char **argv, Options *options)
{
  const struct option known[] = {
    { "backend", required_argument, NULL, 'b' },
    { "shared", required_argument, NULL, 's' },
    { "only", required_argument, NULL, 'o' },
    { NULL, 0, NULL, 0 },
  };
  const char *from_environment = getenv ("WCT_SHARED");
  int         choice;

  *options = (Options){ .backend = "cpu", .shared = "../shared" };
  while ((choice = getopt_long (argc, argv, "", known, NULL)) != -1)
    if (choice == 'b')
      options->backend = optarg;
    else if (choice == 's')
      options->shared = optarg;
    else if (choice == 'o')
      options->only = optarg;
    else
      return false;
  if (from_environment != NULL && from_environment[0] != '\0')
    options->shared = from_environment;
  return optind == argc;
}

int
main (int argc, char **argv)
{
  Options     options;
  WctBackend *backend = NULL;
  WctError    err;

  if (!read_options (argc, argv, &options) || !open_pictures (argv[0]))
    {
      fprintf (stderr, "usage: golden [--backend NAME] [--shared FOLDER] [--only CASE]\n");
      return EXIT_USAGE;
    }

  const WctStatus opened = wct_backend_open (options.backend, 0, &backend, &err);
  if (opened != WCT_OK)
    {
      printf ("%s: %s\n", opened == WCT_ERR_UNSUPPORTED ? "SKIP" : "FAIL", err.message);
      return opened == WCT_ERR_UNSUPPORTED ? EXIT_SKIPPED : EXIT_FAILURE;
    }

  const int status = check_cases (options.shared, options.only, check_case, &(Check){ &options, backend });
  wct_backend_close (&backend);
  close_pictures ();
  return status;
}
