/* Which part of the work is this process's. */
#ifndef WCT_CLI_SHARE_H
#define WCT_CLI_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

typedef struct
{
  int  index, count; /* the @index-th of @count, from 1 on; 1 of 1: all */
  int  local_count;  /* of them on this machine, at least as far as is known */
  bool launched;     /* by mpirun or the like, which ends all others where one fails */
} WctShare;

/* @text: "2/4"; NULL: what a launcher's environment says, and else everything. */
WctStatus wct_share_find (const char *text, WctShare *out, WctError *err);

/* Items are dealt like cards. @item: from 0 on */
bool wct_share_has (const WctShare *share, size_t item);

#endif
