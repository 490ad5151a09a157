#include "i18n.h"

#include <glib.h>

const char *
wct_locale_dir (void)
{
  const char *other = g_getenv ("WCT_LOCALE_DIR");

  return other != NULL ? other : WCT_LOCALE_DIR;
}

void
wct_i18n_init (void)
{
  bindtextdomain (GETTEXT_PACKAGE, wct_locale_dir ());
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}
