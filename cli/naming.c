/* A name is the source's with another extension, and a number. Only a changed extension can make two names one. */
#include "naming.h"

#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "exit-status.h"
#include "output.h"

const char *const wct_naming_names[] = { "keep", "png", "jpg", NULL };

static const char *
extension_of (WctNaming naming, const char *source)
{
  if (naming == WCT_NAMING_JPG)
    return ".jpg";
  if (naming == WCT_NAMING_KEEP && wct_output_check_extension (source, NULL) == WCT_OK)
    return strrchr (source, '.');
  return ".png";
}

char *
wct_naming_make (WctNaming naming, const char *source, int32_t variant, int32_t variants)
{
  const char *extension = extension_of (naming, source);
  const int   stem = (int)(strrchr (source, '.') - source); /* pictures are known by theirs */

  if (variants > 1)
    return g_strdup_printf ("%.*s-%d%s", stem, source, variant, extension);
  return g_strdup_printf ("%.*s%s", stem, source, extension);
}

WctStatus
wct_naming_check (WctNaming naming, const char *folder, const WctNames *sources, WctError *err)
{
  GHashTable *results = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  WctStatus   status = WCT_OK;

  for (size_t i = 0; i < sources->count && status == WCT_OK; i++)
    {
      const char *source = wct_names_get (sources, i);
      char       *result = wct_naming_make (naming, source, 1, 1);
      const char *other = g_hash_table_lookup (results, result);

      if (other != NULL)
        status = wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %s and %s would both become %s; rename one of them", folder,
                                other, source, result);
      g_hash_table_insert (results, result, (gpointer)(uintptr_t)source);
    }
  g_hash_table_destroy (results);
  return status;
}

WctStatus
wct_naming_check_utf8 (const char *folder, const WctNames *names, WctError *err)
{
  for (size_t i = 0; i < names->count; i++)
    if (!g_utf8_validate (wct_names_get (names, i), -1, NULL))
      {
        char           *legible = g_utf8_make_valid (wct_names_get (names, i), -1);
        const WctStatus status = wct_error_set (
          err, WCT_ERR_FORMAT, "%s/%s: the name is not UTF-8 and cannot be written down; rename it", folder, legible);

        g_free (legible);
        return status;
      }
  return WCT_OK;
}
