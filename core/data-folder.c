#include "data-folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

/* A walk over the folders that asks for one of them. */
typedef struct
{
  const char *rest; /* of each path, behind the data folder */
  size_t      wanted, met;
  char       *path; /* borrowed; written at the wanted one */
  size_t      size;
} FolderWalk;

const char *
wct_environment (const char *name)
{
  const char *value = getenv (name);

  return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool
is_folder (const char *path)
{
  struct stat facts;

  return stat (path, &facts) == 0 && S_ISDIR (facts.st_mode);
}

/* @length bytes of @base, @between and then the rest are the next folder. True where it is the wanted one. The
 * specification says that relative folders are to be ignored; what is too long cannot be a folder either. */
static bool
offer (FolderWalk *walk, const char *base, size_t length, const char *between)
{
  char folder[PATH_SIZE];

  if (length == 0 || base[0] != '/' || length + strlen (between) + strlen (walk->rest) >= sizeof folder)
    return false;
  snprintf (folder, sizeof folder, "%.*s%s%s", (int)length, base, between, walk->rest);
  if (walk->met++ != walk->wanted)
    return false;
  return (size_t)snprintf (walk->path, walk->size, "%s", folder) < walk->size;
}

static bool
offer_home (FolderWalk *walk)
{
  const char *data = wct_environment ("XDG_DATA_HOME");
  const char *home = wct_environment ("HOME");

  if (data != NULL)
    return offer (walk, data, strlen (data), "");
  return home != NULL && offer (walk, home, strlen (home), "/.local/share");
}

static const char *
data_dirs (void)
{
  const char *dirs = wct_environment ("XDG_DATA_DIRS");

  return dirs != NULL ? dirs : "/usr/local/share:/usr/share";
}

/* The next folder of a list that is separated by colons; false after the last. @list moves on. */
static bool
next_of_list (const char **list, const char **folder, size_t *length)
{
  if (*list == NULL)
    return false;

  const char *colon = strchr (*list, ':');
  *folder = *list;
  *length = colon != NULL ? (size_t)(colon - *list) : strlen (*list);
  *list = colon != NULL ? colon + 1 : NULL;
  return true;
}

static bool
offer_system (FolderWalk *walk)
{
  const char *list = data_dirs (), *folder;
  size_t      length;

  while (next_of_list (&list, &folder, &length))
    if (offer (walk, folder, length, ""))
      return true;
  return false;
}

/* The folder that the build was configured with, where it is not one of the system's. */
static bool
offer_configured (FolderWalk *walk)
{
  const char *list = data_dirs (), *folder;
  size_t      length;

  while (next_of_list (&list, &folder, &length))
    if (length == strlen (WCT_DATA_DIR) && memcmp (folder, WCT_DATA_DIR, length) == 0)
      return false;
  return offer (walk, WCT_DATA_DIR, strlen (WCT_DATA_DIR), "");
}

static bool
offer_source (FolderWalk *walk, const char *in_source)
{
  char folder[PATH_SIZE];

  walk->rest = "";
  return (size_t)snprintf (folder, sizeof folder, "%s/%s", WCT_SOURCE_DIR, in_source) < sizeof folder
         && is_folder (folder) && offer (walk, folder, strlen (folder), "");
}

bool
wct_data_folder (size_t index, const char *name, const char *in_source, char *path, size_t size)
{
  char       rest[64];
  FolderWalk walk = { .rest = rest, .wanted = index, .path = path, .size = size };

  snprintf (rest, sizeof rest, "/wct/%s", name);
  return offer_home (&walk) || offer_system (&walk) || offer_configured (&walk) || offer_source (&walk, in_source);
}
