#include "host.h"

void
wct_source_free (gpointer data)
{
  WctSource *source = data;

  g_free (source->name);
  g_free (source);
}
