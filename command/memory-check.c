#include "memory-check.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <wct/memory.h>

#include "options.h"

/* The longer side that would fit, as the value of @option: memory goes with the area. Some stays in reserve. */
static void
suggest_value (const char *option, size_t needed, size_t available, int width, int height, char *text, size_t size)
{
  const int    longer = width > height ? width : height;
  const int    fits = (int)(longer * sqrt ((double)available / (double)needed) * 0.95);
  const int    step = fits >= 1000 ? 100 : 16;
  const int    side = fits < 16 ? 16 : fits / step * step;
  const double scale = (double)side / longer;

  if (strcmp (option, "--size") == 0)
    snprintf (text, size, ", with --size %dx%d for example", (int)ceil (width * scale), (int)ceil (height * scale));
  else
    snprintf (text, size, ", with %s %d for example", option, side);
}

WctStatus
wct_memory_check (const char *what, size_t needed, size_t allowed, int width, int height, const char *option,
                  bool suggest, WctError *err)
{
  const size_t limit = allowed > 0 ? allowed : wct_memory_available ();
  char         advice[64] = "";

  if (needed <= limit && needed != SIZE_MAX) /* which stands for more than can be counted */
    return WCT_OK;
  if (option != NULL && suggest)
    suggest_value (option, needed, limit, width, height, advice, sizeof advice);
  else if (option != NULL)
    snprintf (advice, sizeof advice, ", with %s", option);
  if (allowed > 0)
    return wct_error_set (err, WCT_ERR_NO_MEMORY,
                          "%s: %d×%d pixels need at least %.2f GB of memory and %.2f GB may be used; allow more with "
                          "--memory, or make it smaller%s",
                          what, width, height, (double)needed / 1e9, (double)limit / 1e9, advice);
  return wct_error_set (err, WCT_ERR_NO_MEMORY,
                        "%s: %d×%d pixels need %.1f GB of memory and %.1f GB are free; make it smaller%s", what, width,
                        height, (double)needed / 1e9, (double)limit / 1e9, advice);
}

bool
wct_read_bytes (const char *text, size_t *out)
{
  static const char units[] = "kMGT";
  const size_t      length = strlen (text);
  const char       *unit = length > 0 ? strchr (units, text[length - 1]) : NULL;
  double            scale = 1, number;
  char              digits[64];

  for (const char *u = units; unit != NULL && u <= unit; u++)
    scale *= 1024;
  if (length == 0 || length >= sizeof digits)
    return false;
  snprintf (digits, sizeof digits, "%.*s", (int)(length - (unit != NULL)), text);
  if (!wct_read_double (digits, &number) || !(number > 0) || number * scale >= (double)(SIZE_MAX / 2))
    return false;
  *out = (size_t)(number * scale);
  return true;
}
