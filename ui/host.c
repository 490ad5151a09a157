#include "host.h"

void
wct_source_free (gpointer data)
{
  WctSource *source = data;

  g_free (source->name);
  g_free (source);
}

void
wct_mask_source_free (gpointer data)
{
  WctMaskSource *source = data;

  g_free (source->name);
  g_free (source);
}
