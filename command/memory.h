/* How much memory this process takes, and how much the machine has left for it. */
#ifndef WCT_COMMAND_MEMORY_H
#define WCT_COMMAND_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

/* Bytes that can be taken without pushing others out: MemAvailable, or the control group's limit where that is
 * lower. SIZE_MAX where the system does not say. */
size_t wct_memory_available (void);

/* Bytes in use now, and at most so far; 0 where the system does not say. */
size_t wct_memory_used (void);
size_t wct_memory_peak (void);

/**
 * wct_memory_check: refuse work that the machine cannot hold, before it starts.
 * @what: the picture's name in the sentence
 * @needed: bytes that the work will take beyond what is in use
 * @option: what makes the picture smaller ("--content-size"); NULL where nothing does
 * @suggest: also say which value of @option would fit; needs @needed to grow with the picture's area
 */
WctStatus wct_memory_check (const char *what, size_t needed, int width, int height, const char *option, bool suggest,
                            WctError *err);

#endif
