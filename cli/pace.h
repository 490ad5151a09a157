/* How far work on many files is, on a terminal: done, how fast, how long still. */
#ifndef WCT_CLI_PACE_H
#define WCT_CLI_PACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
  bool   shown;
  size_t count, done;
  double began; /* seconds of the monotonic clock */
} WctPace;

/* @quiet: never show it. @count: files to do, of which none is done. */
void wct_pace_begin (WctPace *pace, bool quiet, size_t count);

/* One more is done. */
void wct_pace_advance (WctPace *pace);

/* Takes the line away, so that what comes next starts on an empty one. */
void wct_pace_hide (const WctPace *pace);

/* Seconds since it began, and files a second since then. */
double wct_pace_seconds (const WctPace *pace);
double wct_pace_rate (const WctPace *pace);

#endif
