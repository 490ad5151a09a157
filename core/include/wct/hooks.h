/* How a long call reports and is stopped. Both hooks run on the thread that made the call, between pieces of work. */
#ifndef WCT_HOOKS_H
#define WCT_HOOKS_H

#include <stdbool.h>

#include <wct/status.h>

WCT_BEGIN_C

typedef struct
{
  void *user;
  void (*progress) (void *user, double done); /* done in [0,1], never falls; may be NULL */
  bool (*canceled) (void *user);              /* true: stop, return WCT_CANCELED, write nothing; may be NULL */
} WctHooks;

WCT_END_C

#endif
