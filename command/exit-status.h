/* What the programs exit with. */
#ifndef WCT_EXIT_STATUS_H
#define WCT_EXIT_STATUS_H

#include <wct/status.h>

/* Documented in wct(1) and wct-train(1). */
enum
{
  WCT_EXIT_DONE = 0,
  WCT_EXIT_FAILED = 1, /* one sentence on standard error */
  WCT_EXIT_USAGE = 2   /* the command line cannot be understood: one sentence on standard error */
};

#endif
