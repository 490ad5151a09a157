/* augment.json. Numbers of threads and processes are not in it: results do not depend on them. */
#include "recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <glib.h>

#include "exit-status.h"
#include "leftovers.h"
#include "newfile.h"

#define FILE_NAME "augment.json"

/* ---- What is in it ------------------------------------------------------------------------------------------ */

static int64_t
bytes_of (const char *folder, const char *name)
{
  char       *path = g_build_filename (folder, name, NULL);
  struct stat about;
  int64_t     bytes = stat (path, &about) == 0 ? (int64_t)about.st_size : -1;

  g_free (path);
  return bytes;
}

/* A style that comes or goes changes what others are drawn. */
static json_t *
styles_digest (const char *folder, const WctNames *styles)
{
  GChecksum *checksum = g_checksum_new (G_CHECKSUM_SHA256);
  json_t    *digest;

  for (size_t i = 0; i < styles->count; i++)
    {
      const char *name = wct_names_get (styles, i);
      char       *line = g_strdup_printf ("%s\t%" G_GINT64_FORMAT "\n", name, bytes_of (folder, name));

      g_checksum_update (checksum, (const guchar *)line, -1);
      g_free (line);
    }
  digest = json_string (g_checksum_get_string (checksum));
  g_checksum_free (checksum);
  return digest;
}

/* The strength of each level at a drawn alpha of 1. */
static json_t *
levels_json (const WctParams *params)
{
  json_t *levels = json_object ();

  for (int level = WCT_LEVELS; level >= 1; level--)
    if (params->level_on[level - 1])
      {
        const char key[] = { (char)('0' + level), '\0' };

        json_object_set_new (levels, key, json_real (params->alpha[level - 1]));
      }
  return levels;
}

json_t *
wct_recipe_new (const WctStudio *studio, const WctUrn *urn, const char *model_digest, const char *folder,
                const WctNames *styles)
{
  const WctArguments *arguments = studio->arguments;
  const WctParams    *params = &studio->params;

  return json_pack ("{s:s, s:s, s:i, s:o, s:i, s:i, s:f, s:[f,f], s:o, s:s, s:i, s:i, s:i, s:f, s:b, s:f, s:f}",
                    "model", model_digest, "backend", wct_backend_info (studio->backend)->name, "styles",
                    (int)styles->count, "styles_sha256", styles_digest (folder, styles), "seed", (int)params->seed,
                    "count", (int)arguments->variants, "probability", urn->probability, "alpha_range", urn->alpha_min,
                    urn->alpha_max, "alpha", levels_json (params), "format", wct_naming_names[arguments->naming],
                    "content_size", (int)params->content_size, "style_size", (int)params->style_size, "passes",
                    (int)params->passes, "keep_colors", params->keep_colors, "transport", (int)params->transport,
                    "eigenvalue_floor", params->eigenvalue_floor, "damping", params->damping);
}

/* ---- The file ----------------------------------------------------------------------------------------------- */

static char *
recipe_path (const char *folder)
{
  return g_build_filename (folder, FILE_NAME, NULL);
}

/* What is not there is null. To be freed with free. */
static char *
value_text (const json_t *recipe, const char *key)
{
  const json_t *value = json_object_get (recipe, key);

  return value == NULL ? strdup ("null")
                       : json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION (10));
}

/* Numbers are compared as they are written. */
static WctStatus
compare_value (const json_t *recipe, const json_t *written, const char *key, const char *path, WctError *err)
{
  char     *now = value_text (recipe, key), *then = value_text (written, key);
  WctStatus status = WCT_OK;

  if (now == NULL || then == NULL || strcmp (now, then) != 0)
    status = wct_error_set (err, WCT_ERR_ARGUMENT,
                            "%s: the folder was begun with %s %s, and this run has %s; go on with what it was begun "
                            "with, or begin another folder",
                            path, key, then == NULL ? "?" : then, now == NULL ? "?" : now);
  free (then);
  free (now);
  return status;
}

static WctStatus
compare (const json_t *recipe, const char *path, WctError *err)
{
  json_error_t why;
  json_t      *written = json_load_file (path, 0, &why), *value;
  const char  *key;
  WctStatus    status = WCT_OK;

  if (!json_is_object (written))
    status = wct_error_set (err, WCT_ERR_FORMAT, "%s: is not what 'wct augment' wrote; begin another folder", path);
  json_object_foreach ((json_t *)(uintptr_t)recipe, key, value) if (status == WCT_OK) status =
    compare_value (recipe, written, key, path, err);
  json_decref (written);
  return status;
}

/* A visible file in a folder that nobody began is somebody's own. */
static bool
has_files (const char *folder)
{
  GDir       *directory = g_dir_open (folder, 0, NULL);
  const char *name;
  bool        found = false;

  while (directory != NULL && !found && (name = g_dir_read_name (directory)) != NULL)
    found = name[0] != '.';
  if (directory != NULL)
    g_dir_close (directory);
  return found;
}

WctStatus
wct_recipe_check (const json_t *recipe, const char *folder, WctError *err)
{
  char      *path = recipe_path (folder);
  const bool used = has_files (folder); /* before the file is looked for: another process may be beginning here */
  WctStatus  status = WCT_OK;

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    status = compare (recipe, path, err);
  else if (used)
    status = wct_error_set (err, WCT_ERR_IO,
                            "%s: is not empty, and was not begun by 'wct augment'; name another folder", folder);
  g_free (path);
  return status;
}

static WctStatus
write_down (const json_t *recipe, const char *path, WctError *err)
{
  char     *text = json_dumps (recipe, JSON_INDENT (2) | JSON_REAL_PRECISION (10)), *whole;
  WctStatus status;

  if (text == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: there is not enough memory to write it", path);
  whole = g_strdup_printf ("%s\n", text);
  status = wct_new_file_save (path, false, whole, strlen (whole), err);
  g_free (whole);
  free (text);
  return status;
}

WctStatus
wct_recipe_settle (const json_t *recipe, const char *folder, WctError *err)
{
  static const char *const names[] = { FILE_NAME };
  char                    *path = recipe_path (folder);
  WctStatus                status;

  WCT_TRY (wct_recipe_check (recipe, folder, err));
  if (g_mkdir_with_parents (folder, 0777) != 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_IO, "%s: the folder cannot be made: %s", folder, strerror (errno)));
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      status = write_down (recipe, path, err);
      if (status != WCT_OK && g_file_test (path, G_FILE_TEST_EXISTS)) /* another process was first */
        status = WCT_OK;
      WCT_TRY (status);
    }
  WCT_TRY (compare (recipe, path, err));
  wct_leftovers_remove (folder, names, 1); /* of processes that were killed, or came too late with theirs */

out:
  g_free (path);
  return status;
}
