#include "kept-result.h"

WctKeptResult *
wct_kept_result_new (const WctSettings *settings, const WctPreviewed *preview)
{
  WctKeptResult *kept = g_new (WctKeptResult, 1);

  kept->settings = *settings;
  kept->preview = *preview;
  wct_picture_ref (kept->preview.before);
  wct_picture_ref (kept->preview.after);
  return kept;
}

WctKeptResult *
wct_kept_result_copy (const WctKeptResult *kept)
{
  return wct_kept_result_new (&kept->settings, &kept->preview);
}

void
wct_kept_result_free (WctKeptResult **kept)
{
  if (*kept == NULL)
    return;
  wct_picture_unref (&(*kept)->preview.before);
  wct_picture_unref (&(*kept)->preview.after);
  g_clear_pointer (kept, g_free);
}
