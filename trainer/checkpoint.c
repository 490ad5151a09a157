#include "checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checksum.h"
#include "newfile.h"

#define STEP_DIGITS 10

typedef struct
{
  char folder[PATH_MAX]; /* of the checkpoint */
  char state[PATH_MAX + 32], done[PATH_MAX + 32];
} Paths;

static void
make_paths (const char *folder, int64_t step, Paths *paths)
{
  snprintf (paths->folder, sizeof paths->folder, "%.4000s/%0*" PRId64, folder, STEP_DIGITS, step);
  snprintf (paths->state, sizeof paths->state, "%s/state.safetensors", paths->folder);
  snprintf (paths->done, sizeof paths->done, "%s/DONE", paths->folder);
}

static WctStatus
make_folder (const char *path, WctError *err)
{
  if (mkdir (path, 0777) == 0 || errno == EEXIST)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_IO, "%s: cannot be made: %s", path, strerror (errno));
}

static void
remove_checkpoint (const char *folder, int64_t step)
{
  Paths paths;

  make_paths (folder, step, &paths);
  unlink (paths.done); /* first: without it the rest counts for nothing */
  unlink (paths.state);
  rmdir (paths.folder);
}

/* ---- Which there are ---------------------------------------------------------------------------------------- */

typedef struct
{
  int64_t *steps; /* to be freed with free; ascending */
  size_t   count;
} Steps;

static int
compare_steps (const void *a, const void *b)
{
  const int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

  return first < second ? -1 : first > second ? 1 : 0;
}

/* The step that a folder is named after; -1: it is no checkpoint's name. */
static int64_t
step_of_name (const char *name)
{
  if (strlen (name) != STEP_DIGITS || strspn (name, "0123456789") != STEP_DIGITS)
    return -1;
  return strtoll (name, NULL, 10);
}

/* Those with DONE; no folder, none. */
static Steps
list_steps (const char *folder)
{
  DIR           *directory = opendir (folder);
  struct dirent *entry;
  Steps          steps = { NULL, 0 };

  while (directory != NULL && (entry = readdir (directory)) != NULL)
    {
      const int64_t step = step_of_name (entry->d_name);
      Paths         paths;
      int64_t      *more;

      if (step < 0)
        continue;
      make_paths (folder, step, &paths);
      more = access (paths.done, F_OK) == 0 ? realloc (steps.steps, (steps.count + 1) * sizeof *more) : NULL;
      if (more == NULL)
        continue;
      steps.steps = more;
      steps.steps[steps.count++] = step;
    }
  if (directory != NULL)
    closedir (directory);
  if (steps.count > 0)
    qsort (steps.steps, steps.count, sizeof *steps.steps, compare_steps);
  return steps;
}

/* ---- DONE --------------------------------------------------------------------------------------------------- */

typedef struct
{
  uint64_t bytes, checksum;
} Seal;

static WctStatus
seal_of_file (const char *path, Seal *out, WctError *err)
{
  FILE         *file = fopen (path, "rbe");
  Seal          seal = { 0, WCT_CHECKSUM_START };
  unsigned char block[1 << 16];
  size_t        count;
  bool          failed = file == NULL;

  while (!failed && (count = fread (block, 1, sizeof block, file)) > 0)
    {
      seal.checksum = wct_checksum (seal.checksum, block, count);
      seal.bytes += count;
    }
  failed = failed || ferror (file) != 0;
  if (file != NULL)
    fclose (file);
  if (failed)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be read: %s", path, strerror (errno));
  *out = seal;
  return WCT_OK;
}

static WctStatus
write_done (const char *path, const Seal *seal, WctError *err)
{
  char text[80];

  snprintf (text, sizeof text, "%" PRIu64 " bytes, checksum %016" PRIx64 "\n", seal->bytes, seal->checksum);
  return wct_new_file_save (path, true, text, strlen (text), err);
}

static WctStatus
check_done (const Paths *paths, WctError *err)
{
  FILE     *file = fopen (paths->done, "re");
  Seal      wanted = { 0, 0 }, found;
  int       fields = 0;
  WctStatus status;

  if (file != NULL)
    {
      fields = fscanf (file, "%" SCNu64 " bytes, checksum %" SCNx64, &wanted.bytes, &wanted.checksum);
      fclose (file);
    }
  status = seal_of_file (paths->state, &found, err);
  if (status != WCT_OK)
    return status;
  if (fields != 2 || found.bytes != wanted.bytes || found.checksum != wanted.checksum)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: is damaged: it is not what DONE beside it says was written",
                          paths->state);
  return WCT_OK;
}

/* ---- Saving ------------------------------------------------------------------------------------------------- */

/* A state of any size as strings that the reader takes: up to 16 KB each. */
#define STATE_PIECE 12000

static WctStatus
state_to_metadata (const json_t *state, json_t **out, WctError *err)
{
  char   *text = json_dumps (state, JSON_COMPACT | JSON_ENSURE_ASCII);
  json_t *metadata = json_object ();
  size_t  length;

  if (text == NULL || metadata == NULL)
    {
      free (text);
      json_decref (metadata);
      return wct_error_set (err, WCT_ERR_NO_MEMORY, "out of memory for a checkpoint's state");
    }
  length = strlen (text);
  for (size_t at = 0, piece = 0; at < length; at += STATE_PIECE, piece++)
    {
      const size_t left = length - at;
      char         key[24];

      snprintf (key, sizeof key, "state%02zu", piece);
      json_object_set_new (metadata, key, json_stringn (text + at, left < STATE_PIECE ? left : STATE_PIECE));
    }
  free (text);
  *out = metadata;
  return WCT_OK;
}

static void
remove_oldest (const char *folder, int keep)
{
  Steps steps = list_steps (folder);

  for (size_t i = 0; i + (size_t)keep < steps.count; i++)
    remove_checkpoint (folder, steps.steps[i]);
  free (steps.steps);
}

WctStatus
wct_checkpoint_save (const char *folder, int64_t step, const WctWeights *tensors, size_t count, const json_t *state,
                     int keep, WctError *err)
{
  Paths     paths;
  Seal      seal;
  json_t   *metadata = NULL;
  WctStatus status;

  make_paths (folder, step, &paths);
  WCT_TRY (make_folder (folder, err));
  WCT_TRY (state_to_metadata (state, &metadata, err));
  remove_checkpoint (folder, step); /* what a killed run left of it */
  WCT_TRY (make_folder (paths.folder, err));
  WCT_TRY (wct_weights_write (paths.state, tensors, count, metadata, false, true, err));
  WCT_TRY (seal_of_file (paths.state, &seal, err));
  WCT_TRY (write_done (paths.done, &seal, err));
  remove_oldest (folder, keep);

out:
  if (status != WCT_OK)
    remove_checkpoint (folder, step);
  json_decref (metadata);
  return status;
}

/* ---- Loading ------------------------------------------------------------------------------------------------ */

static WctStatus
state_from_metadata (const WctSafetensors *file, const char *path, json_t **out, WctError *err)
{
  char        *text = NULL;
  size_t       length = 0;
  const char  *piece;
  char         key[24];
  json_error_t at;
  json_t      *state;

  for (size_t i = 0;
       snprintf (key, sizeof key, "state%02zu", i), (piece = wct_safetensors_metadata (file, key)) != NULL; i++)
    {
      char *more = realloc (text, length + strlen (piece) + 1);

      if (more == NULL)
        break;
      text = more;
      memcpy (text + length, piece, strlen (piece) + 1);
      length += strlen (piece);
    }
  state = text == NULL ? NULL : json_loads (text, 0, &at);
  free (text);
  if (!json_is_object (state))
    {
      json_decref (state);
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: has no state of a run; is it a checkpoint?", path);
    }
  *out = state;
  return WCT_OK;
}

static WctStatus
load_step (const char *folder, int64_t step, WctSafetensors *tensors, json_t **state, WctError *err)
{
  WctSafetensors file = { .tensors = NULL };
  Paths          paths;
  WctStatus      status;

  make_paths (folder, step, &paths);
  WCT_TRY (check_done (&paths, err));
  WCT_TRY (wct_safetensors_load (paths.state, &file, err));
  WCT_TRY (state_from_metadata (&file, paths.state, state, err));
  *tensors = file;
  file = (WctSafetensors){ .tensors = NULL };

out:
  wct_safetensors_clear (&file);
  return status;
}

WctStatus
wct_checkpoint_load (const char *folder, WctSafetensors *tensors, json_t **state, int64_t *step, WctError *damaged,
                     WctError *err)
{
  Steps     steps = list_steps (folder);
  WctStatus status = WCT_ERR_IO;

  damaged->message[0] = '\0';
  for (size_t i = steps.count; i > 0 && status != WCT_OK; i--)
    {
      status = load_step (folder, steps.steps[i - 1], tensors, state, err);
      if (status == WCT_OK)
        *step = steps.steps[i - 1];
      else if (err != NULL && damaged->message[0] == '\0')
        *damaged = *err;
    }
  if (steps.count == 0)
    status = wct_error_set (err, WCT_ERR_IO, "%s: there is no checkpoint; start the run again", folder);
  free (steps.steps);
  return status;
}
