/* Where style files are. */
#include <wct/style.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "data-folder.h"

#define PATH_SIZE 4096

bool
wct_style_folder (int index, char *folder, size_t size)
{
  const char *named = wct_environment ("WCT_STYLES");

  if (named != NULL && index-- == 0)
    return (size_t)snprintf (folder, size, "%s", named) < size;
  return index >= 0 && wct_data_folder ((size_t)index, "styles", "data/styles", folder, size);
}

static bool
has_extension (const char *name)
{
  const size_t length = strlen (name), extension = strlen (WCT_STYLE_EXTENSION);

  return length > extension && strcmp (name + length - extension, WCT_STYLE_EXTENSION) == 0;
}

bool
wct_style_find (const char *name, char *path, size_t size)
{
  char        folder[PATH_SIZE], candidate[PATH_SIZE];
  struct stat facts;

  if (name[0] == '\0' || name[0] == '.' || strchr (name, '/') != NULL)
    return false;
  for (int i = 0; wct_style_folder (i, folder, sizeof folder); i++)
    if ((size_t)snprintf (candidate, sizeof candidate, "%s/%s%s", folder, name,
                          has_extension (name) ? "" : WCT_STYLE_EXTENSION)
          < sizeof candidate
        && stat (candidate, &facts) == 0 && S_ISREG (facts.st_mode))
      return (size_t)snprintf (path, size, "%s", candidate) < size;
  return false;
}
