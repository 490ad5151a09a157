/* A bar on standard error, while that is a terminal. */
#ifndef WCT_COMMAND_PROGRESS_H
#define WCT_COMMAND_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/hooks.h>

typedef struct
{
  bool shown;
  char label[32]; /* of the stage */
  int  percent;   /* on the terminal now, -1: nothing */
} WctProgress;

/* @quiet: never show it. */
void wct_progress_init (WctProgress *progress, bool quiet);

/* Starts a stage's bar. @memory: bytes that the stage will take, to be shown beside it; 0: not known */
void wct_progress_begin (WctProgress *progress, const char *label, size_t memory);

/* Takes the bar away, so that what comes next starts on an empty line. */
void wct_progress_end (WctProgress *progress);

/* Hooks that draw the bar and stop when the program is interrupted. @progress must outlive them. */
WctHooks wct_progress_hooks (WctProgress *progress);

#endif
