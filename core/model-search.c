/* Where models are: what the user names, then the data folders. */
#include <wct/model.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data-folder.h"
#include "safetensors.h"

#define DEFAULT_NAME "wct-compact.safetensors"
#define EXTENSION    ".safetensors"
#define PATH_SIZE    4096

static bool
is_file (const char *path)
{
  struct stat facts;

  return stat (path, &facts) == 0 && S_ISREG (facts.st_mode);
}

bool
wct_model_folder (size_t index, char *path, size_t size)
{
  return wct_data_folder (index, "models", "weights", path, size);
}

static bool
has_extension (const char *name)
{
  const size_t length = strlen (name);

  return name[0] != '.' && length > strlen (EXTENSION) && strcmp (name + length - strlen (EXTENSION), EXTENSION) == 0;
}

/* Would @name be taken before @best ("" for none yet)? */
static bool
comes_before (const char *name, const char *best)
{
  if (best[0] == '\0' || strcmp (name, DEFAULT_NAME) == 0)
    return true;
  return strcmp (best, DEFAULT_NAME) != 0 && strcmp (name, best) < 0;
}

/* The model of a folder that comes first. False where there is none. */
static bool
search_folder (const char *folder, char *path, size_t size)
{
  DIR           *stream = opendir (folder);
  struct dirent *entry;
  char           best[sizeof entry->d_name] = "";

  if (stream == NULL)
    return false;
  while ((entry = readdir (stream)) != NULL)
    {
      char candidate[PATH_SIZE + sizeof best];

      snprintf (candidate, sizeof candidate, "%s/%s", folder, entry->d_name);
      if (has_extension (entry->d_name) && comes_before (entry->d_name, best) && is_file (candidate))
        snprintf (best, sizeof best, "%s", entry->d_name);
    }
  closedir (stream);
  return best[0] != '\0' && (size_t)snprintf (path, size, "%s/%s", folder, best) < size;
}

/* A path that someone gave: @by says who. */
static WctStatus
take_named (const char *named, const char *by, char *path, size_t size, WctError *err)
{
  struct stat facts;
  char        shown[200];

  wct_text_for_sentence (named, shown, sizeof shown);
  if (stat (named, &facts) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s%s: there is no such model: %s", by, shown, strerror (errno));
  if ((size_t)snprintf (path, size, "%s", named) >= size)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "%s%s: the path is too long", by, shown);
  return WCT_OK;
}

/* The advice comes first: a long list is cut. */
static WctStatus
refuse_nothing_found (WctError *err)
{
  char   list[WCT_MESSAGE_SIZE] = "", folder[PATH_SIZE];
  size_t length = 0;

  for (size_t i = 0; length < sizeof list && wct_model_folder (i, folder, sizeof folder); i++)
    length += (size_t)snprintf (list + length, sizeof list - length, "%s%s", i > 0 ? ", " : "", folder);
  return wct_error_set (
    err, WCT_ERR_IO,
    "no model found; name a .safetensors file, set WCT_MODEL, or put one into one of these folders: "
    "%s",
    list);
}

WctStatus
wct_model_find (const char *named, char *path, size_t size, WctError *err)
{
  char folder[PATH_SIZE];

  if (named != NULL)
    return take_named (named, "", path, size, err);
  if (wct_environment ("WCT_MODEL") != NULL)
    return take_named (wct_environment ("WCT_MODEL"), "WCT_MODEL is ", path, size, err);
  for (size_t i = 0; wct_model_folder (i, folder, sizeof folder); i++)
    if (search_folder (folder, path, size))
      return WCT_OK;
  return refuse_nothing_found (err);
}
