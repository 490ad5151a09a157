/* Golden cases, streamed strip by strip, against the same jobs on whole feature maps: the untiled definition.
 *
 *   streams [--shared FOLDER] [--only CASE]
 *
 * Each level of a case alone, and all of them; strips of several sizes, and as little memory as a run can do with, so
 * that everything that waits is in temporary files. Exit 0 where all results are near enough, 1 where not, 2 for a
 * wrong command, 77 where the cases are not here. $WCT_SHARED names the folder too. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wct/wct.h>

#include "backend/backend.h"
#include "backend/cpu/map.h"
#include "case.h"
#include "files.h"

#define EXIT_USAGE 2

#define DIFFERENCE_MAX 1e-4

/* Maps in one piece, but for what is cut so that threads have work. */
#define WHOLE_POSITIONS (1 << 24)

/* Strips of other heights round differently, some 1e-6, as Winograd's tiles and sums of moments begin elsewhere. One
 * level makes up to 3e-5 of that, so it is compared with maps in one piece. Five in a row, each of which whitens, make
 * up to 2e-4 of it where strips are small, streamed or not: there both ways have the same strips. */
static const struct
{
  int32_t positions;
  bool    in_files;
  int32_t whole_of_all_levels;
} runs[] = {
  { 128, false, 128 },
  { 512, false, 512 },
  { 512, true, 512 },
  { 4096, false, WHOLE_POSITIONS },
  { 65536, false, WHOLE_POSITIONS },
};

typedef struct
{
  const char *shared, *only;
} Options;

/* Two ways through one back end. */
typedef struct
{
  const Options *options;
  WctBackend    *streams; /* as it is; owned */
  WctBackendOps  whole_ops;
  WctBackend     whole; /* its copy, without passes of its own */
} Ways;

/* ---- One run ---------------------------------------------------------------------------------------------------- */

static WctStatus
limit_to_the_least (WctJob *job, const WctImage *content, WctError *err)
{
  size_t    needed;
  WctStatus status;

  wct_job_limit_memory (job, 1);
  WCT_TRY (wct_job_memory (job, content->width, content->height, &needed, err));
  wct_job_limit_memory (job, needed);

out:
  return status;
}

/* Strips are of one size from the styles to the end: nothing that was made before stays. */
static WctStatus
run (Case *golden, WctBackend *backend, const WctParams *params, int32_t positions, bool in_files, WctImage *result,
     WctError *err)
{
  WctJob   *job = NULL;
  WctStatus status;

  wct_map_test_positions = positions;
  WCT_TRY (new_job_of_case (golden, backend, params, &job, err));
  if (in_files)
    WCT_TRY (limit_to_the_least (job, &golden->content, err));
  WCT_TRY (wct_job_run (job, &golden->content, result, NULL, err));
  if (wct_job_uses_files (job) != in_files)
    status = wct_error_set (err, WCT_ERR_ARGUMENT, "temporary files are used: %s, expected the contrary",
                            in_files ? "no" : "yes");

out:
  wct_job_free (&job);
  wct_map_test_positions = 0;
  return status;
}

/* ---- Comparing -------------------------------------------------------------------------------------------------- */

static double
clip (float value)
{
  return fmin (fmax (value, 0), 1);
}

/* In [0,1], as it would be saved. Infinite where a value is not finite. */
static double
largest_difference (const WctImage *got, const WctImage *expected, size_t *where)
{
  const size_t count = (size_t)got->width * (size_t)got->height * 3;
  double       largest = 0;

  for (size_t i = 0; i < count; i++)
    {
      const double difference = isfinite (got->pixels[i]) && isfinite (expected->pixels[i])
                                  ? fabs (clip (got->pixels[i]) - clip (expected->pixels[i]))
                                  : INFINITY;

      if (difference > largest)
        {
          largest = difference;
          *where = i;
        }
    }
  return largest;
}

/* "relu4", "all levels" */
static void
name_levels (const WctParams *params, char *text, size_t size)
{
  int count = 0;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (params->level_on[level - 1])
      {
        count++;
        snprintf (text, size, "relu%d", level);
      }
  if (count > 1)
    snprintf (text, size, "all levels");
}

/* Returns the difference; -1 where it cannot run. */
static double
compare_run (Case *golden, WctBackend *streams, const WctParams *params, int32_t positions, bool in_files,
             const WctImage *expected)
{
  char     levels[32];
  WctError err;
  size_t   where = 0;

  name_levels (params, levels, sizeof levels);
  if (run (golden, streams, params, positions, in_files, &golden->result, &err) != WCT_OK)
    {
      printf ("FAIL %-24s %s, strips of %d positions%s: %s\n", golden->name, levels, positions,
              in_files ? ", in files" : "", err.message);
      return -1;
    }

  const double difference = largest_difference (&golden->result, expected, &where);
  if (difference > DIFFERENCE_MAX)
    {
      const size_t pixel = where / 3, width = (size_t)expected->width;

      printf (
        "FAIL %-24s %s, strips of %d positions%s: channel %zu of the pixel at column %zu, row %zu: expected %.7g, "
        "got %.7g, allowed difference %g\n",
        golden->name, levels, positions, in_files ? ", in files" : "", where % 3, pixel % width, pixel / width,
        (double)expected->pixels[where], (double)golden->result.pixels[where], DIFFERENCE_MAX);
    }
  return difference;
}

static bool
is_one_level (const WctParams *params)
{
  int count = 0;

  for (int i = 0; i < WCT_LEVELS; i++)
    count += params->level_on[i];
  return count == 1;
}

/* All sizes of strips, and files. Returns the largest difference; -1 where something failed. */
static double
check_levels (Case *golden, Ways *ways, const WctParams *params)
{
  WctImage whole = new_picture (golden->content.width, golden->content.height, 3);
  int32_t  whole_positions = 0;
  double   largest = 0;

  for (size_t i = 0; i < sizeof runs / sizeof runs[0] && largest >= 0; i++)
    {
      const int32_t wanted = is_one_level (params) ? WHOLE_POSITIONS : runs[i].whole_of_all_levels;
      WctError      err;

      if (whole_positions != wanted && run (golden, &ways->whole, params, wanted, false, &whole, &err) != WCT_OK)
        {
          printf ("FAIL %-24s whole maps: %s\n", golden->name, err.message);
          largest = -1;
          break;
        }
      whole_positions = wanted;
      const double difference =
        compare_run (golden, ways->streams, params, runs[i].positions, runs[i].in_files, &whole);
      largest = difference < 0 ? -1 : fmax (largest, difference);
    }
  free (whole.pixels);
  return largest;
}

/* ---- Cases ------------------------------------------------------------------------------------------------------ */

/* Each level that is on alone, and all of them where they are several: by bits. Zero ends the list. */
static void
list_levels (const WctParams *params, unsigned *levels)
{
  unsigned all = 0;
  int      count = 0;

  for (int level = 1; level <= WCT_LEVELS; level++)
    if (params->level_on[level - 1])
      {
        levels[count++] = 1u << (level - 1);
        all |= 1u << (level - 1);
      }
  if (count > 1)
    levels[count++] = all;
  levels[count] = 0;
}

static bool
check_all_levels (Case *golden, Ways *ways)
{
  unsigned levels[WCT_LEVELS + 2];
  double   largest = 0;

  list_levels (&golden->params, levels);
  for (int i = 0; levels[i] != 0 && largest >= 0; i++)
    {
      WctParams params = golden->params;

      for (int level = 1; level <= WCT_LEVELS; level++)
        params.level_on[level - 1] = (levels[i] & 1u << (level - 1)) != 0;
      const double difference = check_levels (golden, ways, &params);
      largest = difference < 0 ? -1 : fmax (largest, difference);
    }
  if (largest >= 0)
    printf ("%-4s %-24s largest difference %.2e\n", largest <= DIFFERENCE_MAX ? "ok" : "FAIL", golden->name, largest);
  return largest >= 0 && largest <= DIFFERENCE_MAX;
}

static bool
check_case (void *user, const char *name)
{
  Ways          *ways = user;
  const Options *options = ways->options;
  Case           golden = { .description = NULL };
  bool           good = read_case (options->shared, name, &golden);

  if (good && strcmp (job_of_case (&golden), "reconstruct") == 0)
    {
      free_case (&golden);
      return true;
    }
  if (good)
    good = check_all_levels (&golden, ways);
  if (!good)
    printf ("     again: streams --shared %s --only %s\n", options->shared, name);
  fflush (stdout);
  free_case (&golden);
  return good;
}

/* ---- The program ------------------------------------------------------------------------------------------------ */

static bool
read_options (int argc, char **argv, Options *options)
{
  const struct option known[] = {
    { "shared", required_argument, NULL, 's' },
    { "only", required_argument, NULL, 'o' },
    { NULL, 0, NULL, 0 },
  };
  const char *from_environment = getenv ("WCT_SHARED");
  int         choice;

  *options = (Options){ .shared = "../shared" };
  while ((choice = getopt_long (argc, argv, "", known, NULL)) != -1)
    if (choice == 's')
      options->shared = optarg;
    else if (choice == 'o')
      options->only = optarg;
    else
      return false;
  if (from_environment != NULL && from_environment[0] != '\0')
    options->shared = from_environment;
  return optind == argc;
}

static WctStatus
open_ways (Ways *ways, WctError *err)
{
  const WctStatus status = wct_backend_open ("cpu", 0, &ways->streams, err);

  if (status != WCT_OK)
    return status;
  ways->whole_ops = *ways->streams->ops;
  ways->whole_ops.pass_run = NULL;
  ways->whole_ops.pass_memory = NULL;
  ways->whole = *ways->streams;
  ways->whole.ops = &ways->whole_ops;
  return WCT_OK;
}

int
main (int argc, char **argv)
{
  Options  options;
  Ways     ways = { .options = &options };
  WctError err;

  if (!read_options (argc, argv, &options) || !open_pictures (argv[0]))
    {
      fprintf (stderr, "usage: streams [--shared FOLDER] [--only CASE]\n");
      return EXIT_USAGE;
    }
  if (open_ways (&ways, &err) != WCT_OK)
    {
      printf ("FAIL: %s\n", err.message);
      return EXIT_FAILURE;
    }

  const int status = check_cases (options.shared, options.only, check_case, &ways);
  wct_backend_close (&ways.streams);
  close_pictures ();
  return status;
}
