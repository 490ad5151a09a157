/* The operation checker: every operation of a back end, on random odd shapes, against the reference back end; that one
 * against the plain formulas. With 1 to 4 threads, the same bits.
 *
 *   checkop --backend cpu [--seed N] [--only conv | --only conv:17] [--every N]
 *
 * --every 3: each third case, where all would take too long.
 *
 * Exit 0 where all is well, 1 where not, 2 for a wrong command, 77 where the back end cannot be used here. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"

#define EXIT_USAGE   2
#define EXIT_SKIPPED 77

typedef struct
{
  const char *name;
  Operation   check;
  int         cases;
} OperationInfo;

static const OperationInfo operations[] = {
  { "round-trip", check_round_trip, 60 },
  { "conv", check_convolution, 120 },
  { "wide-conv", check_wide_convolution, 20 },
  { "first-conv", check_first_convolution, 40 },
  { "last-conv", check_last_convolution, 40 },
  { "pool", check_pool, 40 },
  { "upsample", check_upsample, 40 },
  { "pool-conv", check_pool_convolution, 50 },
  { "upsample-conv", check_upsample_convolution, 50 },
  { "encoder", check_encoder, 25 },
  { "decoder", check_decoder, 25 },
  { "memory", check_memory, 8 },
  { "moments", check_moments, 50 },
  { "moments-weighted", check_moments_weighted, 80 },
  { "affine", check_affine, 50 },
  { "affine-weighted", check_affine_weighted, 80 },
  { "train-batch", check_train_batch, 40 },
  { "train-conv", check_train_convolution, 80 },
  { "train-embed", check_train_embedding, 40 },
  { "train-pool", check_train_pool, 40 },
  { "train-upsample", check_train_upsample, 40 },
  { "train-pool-conv", check_train_pool_convolution, 40 },
  { "train-upsample-conv", check_train_upsample_convolution, 50 },
  { "train-encoder", check_train_encoder, 25 },
  { "train-decoder", check_train_decoder, 25 },
  { "train-resamplings", check_train_resamplings, 25 },
  { "train-compact", check_train_compact, 20 },
  { "train-full", check_train_full, 10 },
  { "train-packing", check_train_packing, 20 },
  { "train-threads", check_train_threads, 10 },
  { "train-memory", check_train_memory, 10 },
  { "train-in-place", check_train_in_place, 10 },
  { "train-f16", check_train_f16, 40 },
  { "train-f16-scale", check_train_f16_scale, 1 },
  { "train-bf16", check_train_bf16, 60 },
  { "train-bf16-decoder", check_train_bf16_decoder, 10 },
  { "train-squared-error", check_train_squared_error, 40 },
  { "train-sums", check_train_sums, 40 },
  { "train-accumulate", check_train_accumulate, 20 },
  { "train-parameters", check_train_parameters, 40 },
  { "train-adam", check_train_adam, 40 },
  { "train-moments", check_train_moments, 60 },
  { "train-affine", check_train_affine, 60 },
  { "train-cosine-error", check_train_cosine_error, 60 },
  { "train-moments-error", check_train_moments_error, 60 },
  { "train-flat-features", check_train_flat_features, 40 },
};

#define OPERATION_COUNT (sizeof operations / sizeof operations[0])

typedef struct
{
  const char *backend;
  uint64_t    seed;
  char        only[32];   /* an operation's name; empty: all */
  int         only_index; /* of its cases; negative: all */
  int         every;      /* the n-th of these; 1: all */
} Options;

static bool
read_only (const char *text, Options *options)
{
  int name_end = 0, end = 0;

  options->only_index = -1;
  sscanf (text, "%31[a-z0-9-]%n:%9d%n", options->only, &name_end, &options->only_index, &end);
  if (text[name_end] != '\0' && (end == 0 || text[end] != '\0' || options->only_index < 0))
    return false;
  for (size_t i = 0; i < OPERATION_COUNT; i++)
    if (strcmp (options->only, operations[i].name) == 0)
      return options->only_index < operations[i].cases;
  return false;
}

static bool
read_options (int argc, char **argv, Options *options)
{
  const struct option known[] = {
    { "backend", required_argument, NULL, 'b' },
    { "seed", required_argument, NULL, 's' },
    { "only", required_argument, NULL, 'o' },
    { "every", required_argument, NULL, 'e' },
    { NULL, 0, NULL, 0 },
  };
  int choice;

  *options = (Options){ .backend = "cpu", .seed = 1, .every = 1 };
  while ((choice = getopt_long (argc, argv, "", known, NULL)) != -1)
    if (choice == 'b')
      options->backend = optarg;
    else if (choice == 's')
      options->seed = strtoull (optarg, NULL, 10);
    else if (choice == 'e')
      options->every = atoi (optarg);
    else if (choice != 'o' || !read_only (optarg, options))
      return false;
  return optind == argc && options->every > 0;
}

/* ---- Back ends ---------------------------------------------------------------------------------------------- */

static void
close_devices (Checker *checker)
{
  for (int i = 0; i < checker->device_count; i++)
    wct_backend_close (&checker->devices[i]);
  wct_backend_close (&checker->oracle);
}

/* One for each number of threads that it really uses. */
static WctStatus
open_devices (Checker *checker, const char *name, WctError *err)
{
  WctStatus status = WCT_OK;

  for (int threads = 1; threads <= THREADS_MAX && status == WCT_OK; threads++)
    {
      WctBackend *device = NULL;

      status = wct_backend_open (name, threads, &device, err);
      if (status == WCT_OK && wct_backend_info (device)->threads == threads)
        checker->devices[checker->device_count++] = device;
      else
        wct_backend_close (&device);
    }
  if (status == WCT_OK && strcmp (name, "reference") != 0)
    status = wct_backend_open ("reference", 1, &checker->oracle, err);
  return status;
}

/* ---- Cases -------------------------------------------------------------------------------------------------- */

/* FNV-1a over seed, operation and index: a stream of its own for each case. */
static uint64_t
case_seed (const Options *options, const char *operation, int index)
{
  char     text[96];
  uint64_t hash = 0xCBF29CE484222325u;

  snprintf (text, sizeof text, "%llu %s %d", (unsigned long long)options->seed, operation, index);
  for (const char *p = text; *p != '\0'; p++)
    hash = (hash ^ (unsigned char)*p) * 0x100000001B3u;
  return hash;
}

static bool
run_case (Checker *checker, const Options *options, const OperationInfo *operation, int index)
{
  checker->random = case_seed (options, operation->name, index);
  checker->index = index;
  checker->failed = false;
  checker->what[0] = '\0';
  operation->check (checker);
  if (checker->failed)
    printf ("FAIL %s:%d (%s) on %s, seed %llu\n     %s\n     again: checkop --backend %s --seed %llu --only %s:%d\n",
            operation->name, index, checker->what, options->backend, (unsigned long long)options->seed,
            checker->failure, options->backend, (unsigned long long)options->seed, operation->name, index);
  return !checker->failed;
}

static int
run_operation (Checker *checker, const Options *options, const OperationInfo *operation)
{
  int failures = 0, cases = 0;

  checker->worst_share = 0;
  checker->skipped[0] = '\0';
  for (int i = 0; i < operation->cases; i++)
    if (options->only[0] == '\0' || options->only_index < 0 ? i % options->every == 0 : options->only_index == i)
      {
        failures += !run_case (checker, options, operation, i);
        cases++;
      }
  if (checker->skipped[0] != '\0' && failures == 0)
    printf ("skip %-19s %s\n", operation->name, checker->skipped);
  else
    printf ("%-4s %-19s %3d cases, largest error %.2g of what is allowed\n", failures == 0 ? "ok" : "FAIL",
            operation->name, cases, checker->worst_share);
  fflush (stdout);
  return failures;
}

int
main (int argc, char **argv)
{
  Options   options;
  Checker   checker = { .device_count = 0 };
  WctError  err;
  WctStatus status;
  int       failures = 0;

  if (!read_options (argc, argv, &options))
    {
      fprintf (stderr, "usage: checkop [--backend NAME] [--seed N] [--only OPERATION[:INDEX]] [--every N]\n");
      return EXIT_USAGE;
    }
  status = open_devices (&checker, options.backend, &err);
  if (status == WCT_OK)
    for (size_t i = 0; i < OPERATION_COUNT; i++)
      if (options.only[0] == '\0' || strcmp (options.only, operations[i].name) == 0)
        failures += run_operation (&checker, &options, &operations[i]);
  close_devices (&checker);
  if (status != WCT_OK)
    {
      printf ("%s: %s\n", status == WCT_ERR_UNSUPPORTED ? "SKIP" : "FAIL", err.message);
      return status == WCT_ERR_UNSUPPORTED ? EXIT_SKIPPED : EXIT_FAILURE;
    }
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
