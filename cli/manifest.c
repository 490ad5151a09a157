/* A picture is on the disk, under its name, before its line is written: a line that is there is true, and a picture
 * without one is made again, to the same bits. So the lines need no fsync; one that a power failure takes costs its
 * picture's time. A part is locked by flock, which ends with the process, however it ends. */
#include "manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "exit-status.h"

struct WctManifest
{
  char       *path;       /* of the own part */
  int         descriptor; /* -1: nothing is written */
  off_t       size;
  GHashTable *outcomes; /* of char *, owned, to WctOutcome */
};

static const char *const outcome_names[] = {
  [WCT_OUTCOME_STYLIZED] = "stylized", [WCT_OUTCOME_PLAIN] = "plain", [WCT_OUTCOME_FAILED] = "failed"
};

const char *
wct_outcome_name (WctOutcome outcome)
{
  return outcome_names[outcome];
}

/* ---- Lines -------------------------------------------------------------------------------------------------- */

static WctOutcome
find_outcome (const char *name)
{
  for (WctOutcome i = WCT_OUTCOME_STYLIZED; i <= WCT_OUTCOME_FAILED; i++)
    if (name != NULL && strcmp (name, outcome_names[i]) == 0)
      return i;
  return WCT_OUTCOME_NONE;
}

/* Is it one? */
static bool
take_line (WctManifest *manifest, const char *text, size_t length)
{
  json_t          *line = json_loadb (text, length, 0, NULL);
  const char      *output = json_string_value (json_object_get (line, "output"));
  const WctOutcome outcome = find_outcome (json_string_value (json_object_get (line, "status")));
  const bool       good = output != NULL && outcome != WCT_OUTCOME_NONE;

  if (good)
    g_hash_table_insert (manifest->outcomes, g_strdup (output), GINT_TO_POINTER (outcome));
  json_decref (line);
  return good;
}

/* @good: written; the bytes of @text up to the end of its last line that is whole. Only what comes last may be broken:
 * there a program was killed, or the power failed. */
static WctStatus
take_lines (WctManifest *manifest, const char *path, const char *text, size_t length, size_t *good, WctError *err)
{
  const char *at = text, *const end = text + length;
  size_t number = 0, broken = 0;

  *good = 0;
  while (at < end)
    {
      const char *newline = memchr (at, '\n', (size_t)(end - at));
      const bool  whole = newline != NULL && take_line (manifest, at, (size_t)(newline - at));

      number++;
      if (whole && broken > 0)
        return wct_error_set (err, WCT_ERR_FORMAT, "%s: line %zu is damaged; remove it, and its picture is made again",
                              path, broken);
      if (!whole && broken == 0)
        broken = number;
      at = newline == NULL ? end : newline + 1;
      if (whole)
        *good = (size_t)(at - text);
    }
  return WCT_OK;
}

/* ---- Parts -------------------------------------------------------------------------------------------------- */

static WctStatus
cannot (const char *path, const char *what, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO, "%s: cannot be %s: %s", path, what, strerror (errno));
}

static WctStatus
take_part (WctManifest *manifest, const char *path, size_t *good, WctError *err)
{
  GError      *cause = NULL;
  GMappedFile *file = g_mapped_file_new (path, FALSE, &cause);
  WctStatus    status;

  if (file == NULL)
    {
      status = wct_error_set (err, WCT_ERR_IO, "%s: cannot be read: %s", path, cause->message);
      g_error_free (cause);
      return status;
    }
  status = take_lines (manifest, path, g_mapped_file_get_contents (file), g_mapped_file_get_length (file), good, err);
  g_mapped_file_unref (file);
  return status;
}

/* Of how many shares is the part with this name one? 0: it is no part. */
static int
share_count_of (const char *name)
{
  int index, count, end = 0;

  if (strcmp (name, "manifest.jsonl") == 0)
    return 1;
  return sscanf (name, "manifest.%d-of-%d.jsonl%n", &index, &count, &end) == 2 && name[end] == '\0' && end > 0 ? count
                                                                                                               : 0;
}

static char *
part_path (const char *folder, const WctShare *share)
{
  if (share->count == 1)
    return g_build_filename (folder, "manifest.jsonl", NULL);
  return g_strdup_printf ("%s/manifest.%d-of-%d.jsonl", folder, share->index, share->count);
}

static WctStatus
refuse_second_run (const char *path, WctError *err)
{
  return wct_error_set (err, WCT_ERR_IO,
                        "%s: another run is writing it; wait for its end, or divide the work by --shard", path);
}

/* A run with other shares would do what this one does. */
static WctStatus
check_idle (const char *path, WctError *err)
{
  const int  file = open (path, O_RDONLY | O_CLOEXEC);
  const bool busy = file >= 0 && flock (file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

  if (file >= 0)
    close (file);
  return busy ? refuse_second_run (path, err) : WCT_OK;
}

/* @share: NULL where nothing is written */
static WctStatus
take_other_parts (WctManifest *manifest, const char *folder, const WctShare *share, WctError *err)
{
  GDir       *directory = g_dir_open (folder, 0, NULL);
  const char *name;
  char       *path = NULL;
  size_t      good;
  WctStatus   status = WCT_OK;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      const int count = share_count_of (name);

      g_free (path);
      path = g_build_filename (folder, name, NULL);
      if (count == 0 || (share != NULL && strcmp (path, manifest->path) == 0))
        continue;
      if (share != NULL && count != share->count)
        WCT_TRY (check_idle (path, err));
      WCT_TRY (take_part (manifest, path, &good, err));
    }

out:
  g_free (path);
  if (directory != NULL)
    g_dir_close (directory);
  return status;
}

static WctStatus
hold_own_part (WctManifest *manifest, WctError *err)
{
  manifest->descriptor = open (manifest->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (manifest->descriptor < 0)
    return cannot (manifest->path, "written", err);
  if (flock (manifest->descriptor, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? refuse_second_run (manifest->path, err) : cannot (manifest->path, "locked", err);
  return WCT_OK;
}

/* Cuts off what was not finished. */
static WctStatus
take_own_part (WctManifest *manifest, WctError *err)
{
  size_t    good;
  WctStatus status;

  WCT_TRY (take_part (manifest, manifest->path, &good, err));
  manifest->size = (off_t)good;
  if (ftruncate (manifest->descriptor, manifest->size) != 0)
    WCT_TRY (cannot (manifest->path, "written", err));

out:
  return status;
}

/* ---- The whole ---------------------------------------------------------------------------------------------- */

static WctManifest *
new_manifest (void)
{
  WctManifest *manifest = g_new0 (WctManifest, 1);

  manifest->descriptor = -1;
  manifest->outcomes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return manifest;
}

WctStatus
wct_manifest_open (const char *folder, const WctShare *share, WctManifest **out, WctError *err)
{
  WctManifest *manifest = new_manifest ();
  WctStatus    status;

  manifest->path = part_path (folder, share);
  WCT_TRY (
    hold_own_part (manifest, err)); /* before others are looked at: of two that begin at once, one sees the other */
  WCT_TRY (take_other_parts (manifest, folder, share, err));
  WCT_TRY (take_own_part (manifest, err));
  *out = manifest;
  manifest = NULL;

out:
  wct_manifest_close (&manifest);
  return status;
}

WctStatus
wct_manifest_read (const char *folder, WctManifest **out, WctError *err)
{
  WctManifest *manifest = new_manifest ();
  WctStatus    status;

  WCT_TRY (take_other_parts (manifest, folder, NULL, err));
  *out = manifest;
  manifest = NULL;

out:
  wct_manifest_close (&manifest);
  return status;
}

WctOutcome
wct_manifest_outcome (const WctManifest *manifest, const char *output)
{
  return (WctOutcome)GPOINTER_TO_INT (g_hash_table_lookup (manifest->outcomes, output));
}

static WctStatus
write_line (WctManifest *manifest, const char *text, size_t length, WctError *err)
{
  const ssize_t written = write (manifest->descriptor, text, length);
  WctStatus     status;

  if (written == (ssize_t)length)
    {
      manifest->size += written;
      return WCT_OK;
    }
  if (written >= 0)
    errno = ENOSPC; /* what alone cuts a write to a file short */
  status = cannot (manifest->path, "written", err);
  (void)!ftruncate (manifest->descriptor, manifest->size);
  return status;
}

WctStatus
wct_manifest_append (WctManifest *manifest, json_t *line, WctError *err)
{
  char     *text = json_dumps (line, JSON_COMPACT | JSON_REAL_PRECISION (10)), *whole;
  WctStatus status;

  json_decref (line);
  if (text == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "there is not enough memory for a line of %s", manifest->path);
  whole = g_strdup_printf ("%s\n", text);
  status = write_line (manifest, whole, strlen (whole), err);
  g_free (whole);
  free (text);
  return status;
}

void
wct_manifest_close (WctManifest **manifest_pointer)
{
  WctManifest *manifest = *manifest_pointer;

  if (manifest == NULL)
    return;
  if (manifest->descriptor >= 0)
    {
      (void)fsync (manifest->descriptor);
      close (manifest->descriptor);
    }
  g_hash_table_destroy (manifest->outcomes);
  g_free (manifest->path);
  g_free (manifest);
  *manifest_pointer = NULL;
}
