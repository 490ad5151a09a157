/* From the command line, or from the environment (ranks.h). */
#include "share.h"

#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "exit-status.h"
#include "options.h"
#include "ranks.h"

#define SHARES_MAX 100000

static WctStatus
read_text (const char *text, WctShare *out, WctError *err)
{
  char     **parts = g_strsplit (text, "/", 3);
  int64_t    index = 0, count = 0;
  const bool good = g_strv_length (parts) == 2 && wct_read_integer (parts[1], 1, SHARES_MAX, &count)
                    && wct_read_integer (parts[0], 1, count, &index);

  g_strfreev (parts);
  if (!good)
    return wct_error_set (err, WCT_ERR_ARGUMENT, "--shard takes I/N, as 1/4 to 4/4, not '%s'", text);
  *out = (WctShare){ .index = (int)index, .count = (int)count, .local_count = 1 };
  return WCT_OK;
}

static WctStatus
read_environment (WctShare *out, WctError *err)
{
  WctRanks  ranks;
  WctStatus status;

  WCT_TRY (wct_ranks_read (&ranks, err));
  if (ranks.ranks == 0)
    WCT_TRY (wct_error_set (err, WCT_ERR_UNSUPPORTED,
                            "%s does not tell how many processes it started; say --shard I/N to each", ranks.name));
  *out = (WctShare){ .index = ranks.rank + 1,
                     .count = ranks.ranks,
                     .local_count = ranks.local_ranks > 0 ? ranks.local_ranks : 1,
                     .launched = ranks.ranks > 1 };

out:
  return status;
}

WctStatus
wct_share_find (const char *text, WctShare *out, WctError *err)
{
  return text != NULL ? read_text (text, out, err) : read_environment (out, err);
}

bool
wct_share_has (const WctShare *share, size_t item)
{
  return item % (size_t)share->count == (size_t)share->index - 1;
}
