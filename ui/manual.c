#include "manual.h"

#include <gio/gio.h>

#include "i18n.h"

#define PAGE "plugin.html"

/* Where it was installed; before that, in the sources. */
static char *
find_page (void)
{
  char *page = g_build_filename (WCT_DOC_DIR, PAGE, NULL);

  if (g_file_test (page, G_FILE_TEST_EXISTS))
    return page;
  g_free (page);
  return g_build_filename (WCT_SOURCE_DOC_DIR, PAGE, NULL);
}

WctStatus
wct_manual_show (WctError *err)
{
  char     *path = find_page (), *uri = g_filename_to_uri (path, NULL, NULL);
  GError   *error = NULL;
  WctStatus status = WCT_OK;

  if (!g_app_info_launch_default_for_uri (uri, NULL, &error))
    {
      /* Translators: the path of a file, then why, in the system's words. */
      status = wct_error_set (err, WCT_ERR_IO, _ ("No browser opens the manual %s: %s"), path, error->message);
      g_error_free (error);
    }
  g_free (uri);
  g_free (path);
  return status;
}
