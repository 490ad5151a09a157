#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "newfile.h"

#define PATH_SIZE 4096

struct WctRun
{
  char path[PATH_SIZE];
  char checkpoints[PATH_SIZE + 16];
  int  lock, metrics; /* descriptors; -1: none */
};

/* ---- Paths -------------------------------------------------------------------------------------------------- */

static WctStatus
join (const char *path, const char *name, char *out, size_t size, WctError *err)
{
  if ((size_t)snprintf (out, size, "%s/%s", path, name) < size)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT, "%.200s...: the path is too long", path);
}

static WctStatus
make_folder (const char *path, WctError *err)
{
  if (mkdir (path, 0777) == 0 || errno == EEXIST)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_IO, "%s: the folder cannot be made: %s", path, strerror (errno));
}

static WctStatus
check_empty (const char *path, WctError *err)
{
  DIR           *directory = opendir (path);
  struct dirent *entry;
  bool           empty = true;

  if (directory == NULL)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened as a folder: %s", path, strerror (errno));
  while ((entry = readdir (directory)) != NULL)
    empty = empty && (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0);
  closedir (directory);
  if (empty)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_IO,
                        "%s: is not empty; choose another folder, or go on with what is there: wct-train resume %s",
                        path, path);
}

/* ---- Opening ------------------------------------------------------------------------------------------------ */

static WctStatus
take_lock (WctRun *run, WctError *err)
{
  char      path[PATH_SIZE + 16];
  WctStatus status = join (run->path, "lock", path, sizeof path, err);

  if (status != WCT_OK)
    return status;
  run->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (run->lock < 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", path, strerror (errno));
  if (flock (run->lock, LOCK_EX | LOCK_NB) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: another wct-train is at work on this run; wait for it or stop it",
                          run->path);
  return WCT_OK;
}

static WctStatus
open_metrics (WctRun *run, WctError *err)
{
  char      path[PATH_SIZE + 16];
  WctStatus status = join (run->path, "metrics.jsonl", path, sizeof path, err);

  if (status != WCT_OK)
    return status;
  run->metrics = open (path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (run->metrics < 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", path, strerror (errno));
  return WCT_OK;
}

static WctStatus
open_folder (const char *path, WctRun **out, WctError *err)
{
  WctRun   *run = NULL;
  WctStatus status;

  WCT_TRY (wct_alloc (1, sizeof *run, "run", &run, err));
  run->lock = run->metrics = -1;
  if (realpath (path, run->path) == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened as a run: %s", path, strerror (errno)));
  WCT_TRY (join (run->path, "checkpoints", run->checkpoints, sizeof run->checkpoints, err));
  WCT_TRY (take_lock (run, err));
  WCT_TRY (open_metrics (run, err));
  *out = run;
  run = NULL;

out:
  wct_run_close (&run);
  return status;
}

void
wct_run_close (WctRun **run)
{
  if (*run == NULL)
    return;
  if ((*run)->metrics >= 0)
    close ((*run)->metrics);
  if ((*run)->lock >= 0)
    close ((*run)->lock);
  wct_free (run);
}

static WctStatus
write_config (const char *folder, const WctConfig *config, WctError *err)
{
  WctNewFile file = WCT_NEW_FILE_NONE;
  json_t    *json = wct_config_to_json (config);
  char      *text = json_dumps (json, JSON_INDENT (2)), path[PATH_SIZE + 16];
  WctStatus  status;

  WCT_TRY (join (folder, "config.json", path, sizeof path, err));
  if (text == NULL)
    WCT_TRY (wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: out of memory", path));
  WCT_TRY (wct_new_file_open (path, false, &file, err));
  WCT_TRY (wct_new_file_write (&file, text, strlen (text), err));
  WCT_TRY (wct_new_file_write (&file, "\n", 1, err));
  WCT_TRY (wct_new_file_commit (&file, err));

out:
  wct_new_file_close (&file);
  free (text);
  json_decref (json);
  return status;
}

WctStatus
wct_run_create (const char *path, const WctConfig *config, WctRun **out, WctError *err)
{
  WctRun   *run = NULL;
  WctStatus status;

  WCT_TRY (make_folder (path, err));
  WCT_TRY (check_empty (path, err));
  WCT_TRY (open_folder (path, &run, err));
  WCT_TRY (write_config (run->path, config, err));
  *out = run;
  run = NULL;

out:
  wct_run_close (&run);
  return status;
}

WctStatus
wct_run_read_config (const char *path, WctConfig *config, WctError *err)
{
  char         file[PATH_SIZE + 16];
  json_error_t at;
  json_t      *json = NULL;
  WctStatus    status = join (path, "config.json", file, sizeof file, err);

  if (status != WCT_OK)
    return status;
  json = json_load_file (file, JSON_REJECT_DUPLICATES, &at);
  if (json == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: cannot be read: %s; is %s the folder of a run?", file, at.text,
                          path);
  status = wct_config_from_json (json, config, err);
  json_decref (json);
  return status;
}

WctStatus
wct_run_open (const char *path, WctConfig *config, WctRun **out, WctError *err)
{
  WctStatus status = wct_run_read_config (path, config, err);

  if (status != WCT_OK)
    return status;
  status = open_folder (path, out, err);
  if (status != WCT_OK)
    wct_config_clear (config);
  return status;
}

void
wct_run_discard (const WctRun *run)
{
  static const char *const files[] = { "metrics.jsonl", "lock", "config.json" };
  char                     path[PATH_SIZE + 16];

  if (access (run->checkpoints, F_OK) == 0)
    return;
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
    if (join (run->path, files[i], path, sizeof path, NULL) == WCT_OK)
      unlink (path);
  rmdir (run->path);
}

const char *
wct_run_path (const WctRun *run)
{
  return run->path;
}

const char *
wct_run_checkpoints (const WctRun *run)
{
  return run->checkpoints;
}

WctStatus
wct_run_sample_path (const WctRun *run, int64_t step, const char *name, char *path, size_t size, WctError *err)
{
  char      folder[PATH_SIZE + 16], file[64];
  WctStatus status;

  snprintf (file, sizeof file, "%010" PRId64 "-%.32s.png", step, name);
  WCT_TRY (join (run->path, "samples", folder, sizeof folder, err));
  WCT_TRY (make_folder (folder, err));
  WCT_TRY (join (folder, file, path, size, err));

out:
  return status;
}

/* ---- Metrics ------------------------------------------------------------------------------------------------ */

static WctStatus
metrics_failed (const WctRun *run, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO, "%s/metrics.jsonl: cannot be written: %s; the last checkpoint is intact",
                        run->path, strerror (errno));
}

WctStatus
wct_run_log (WctRun *run, json_t *line, WctError *err)
{
  char     *text = json_dumps (line, JSON_COMPACT | JSON_REAL_PRECISION (9)), *whole = NULL;
  WctStatus status = WCT_OK;
  off_t     end;
  int       length;

  json_decref (line);
  if (text == NULL) /* JSON has no word for what is not finite, and the line has no object then */
    return wct_error_set (err, WCT_ERR_NUMERIC,
                          "a loss or a score is not finite: the run has diverged; resume with a lower --learning-rate");
  length = asprintf (&whole, "%s\n", text);
  free (text);
  if (length < 0)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "out of memory for a line of metrics");
  end = lseek (run->metrics, 0, SEEK_END);
  if (write (run->metrics, whole, (size_t)length) != length)
    {
      status = metrics_failed (run, err);
      if (end >= 0 && ftruncate (run->metrics, end) != 0)
        status = metrics_failed (run, err);
    }
  free (whole);
  return status;
}

/* Is this line whole, and of a step that stays? */
static bool
line_stays (const char *line, size_t length, int64_t step)
{
  json_t    *json = json_loadb (line, length, 0, NULL);
  const bool stays = json != NULL && json_integer_value (json_object_get (json, "step")) <= step;

  json_decref (json);
  return stays;
}

/* Steps only grow: everything from the first line that goes is cut off. */
WctStatus
wct_run_rewind (WctRun *run, int64_t step, WctError *err)
{
  char    path[PATH_SIZE + 16], *line = NULL;
  size_t  room = 0;
  ssize_t length;
  off_t   end = 0;
  FILE   *file;

  snprintf (path, sizeof path, "%.4000s/metrics.jsonl", run->path);
  file = fopen (path, "re");
  while (file != NULL && (length = getline (&line, &room, file)) > 0 && line[length - 1] == '\n'
         && line_stays (line, (size_t)length, step))
    end += length;
  free (line);
  if (file != NULL)
    fclose (file);
  return file != NULL && ftruncate (run->metrics, end) == 0 ? WCT_OK : metrics_failed (run, err);
}
