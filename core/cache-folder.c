/* A cache must never stand in the way: whatever fails here, what would be in it is made anew. */
#include "cache-folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder, made where @make says so. */
static bool
find_folder (const char *kind, bool make, char *folder)
{
  const char *cache = getenv ("XDG_CACHE_HOME"), *home = getenv ("HOME");
  int         length;

  if (cache != NULL && cache[0] == '/')
    length = snprintf (folder, WCT_CACHE_PATH_SIZE, "%s", cache);
  else if (home != NULL && home[0] == '/')
    length = snprintf (folder, WCT_CACHE_PATH_SIZE, "%s/.cache", home);
  else
    return false;
  for (const char *const *part = (const char *const[]){ "wct", kind, NULL }; *part != NULL; part++)
    {
      if (make)
        mkdir (folder, 0700);
      if (length < 0 || length + 64 >= WCT_CACHE_PATH_SIZE)
        return false;
      length += snprintf (folder + length, WCT_CACHE_PATH_SIZE - (size_t)length, "/%s", *part);
    }
  return !make || mkdir (folder, 0700) == 0 || access (folder, W_OK) == 0;
}

bool
wct_cache_path (const char *kind, const char *name, bool make, char *path)
{
  char folder[WCT_CACHE_PATH_SIZE];

  return find_folder (kind, make, folder)
         && snprintf (path, WCT_CACHE_PATH_SIZE, "%s/%s", folder, name) < WCT_CACHE_PATH_SIZE;
}

void
wct_cache_forget_oldest (const char *kind, int files_max)
{
  char            folder[WCT_CACHE_PATH_SIZE];
  DIR            *files = find_folder (kind, false, folder) ? opendir (folder) : NULL;
  struct dirent  *file;
  struct stat     about;
  struct timespec oldest = { 0 };
  char            name[sizeof file->d_name] = "";
  int             count = 0;

  if (files == NULL)
    return;
  while ((file = readdir (files)) != NULL)
    if (fstatat (dirfd (files), file->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (about.st_mode))
      {
        if (count++ == 0 || about.st_mtim.tv_sec < oldest.tv_sec)
          {
            oldest = about.st_mtim;
            snprintf (name, sizeof name, "%s", file->d_name);
          }
      }
  if (count > files_max)
    unlinkat (dirfd (files), name, 0);
  closedir (files);
}
