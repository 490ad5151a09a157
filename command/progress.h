/* A bar on standard error, while that is a terminal. */
#ifndef WCT_COMMAND_PROGRESS_H
#define WCT_COMMAND_PROGRESS_H

#include <stdbool.h>

#include <wct/hooks.h>

typedef struct
{
  bool        shown;
  const char *label;   /* of the stage, static */
  int         percent; /* on the terminal now, -1: nothing */
} WctProgress;

/* @quiet: never show it. */
void wct_progress_init (WctProgress *progress, bool quiet);

/* Starts a stage's bar. */
void wct_progress_begin (WctProgress *progress, const char *label);

/* Takes the bar away, so that what comes next starts on an empty line. */
void wct_progress_end (WctProgress *progress);

/* Hooks that draw the bar and stop when the program is interrupted. @progress must outlive them. */
WctHooks wct_progress_hooks (WctProgress *progress);

#endif
