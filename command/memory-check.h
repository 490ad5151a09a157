/* Is there enough memory for a picture? */
#ifndef WCT_COMMAND_MEMORY_CHECK_H
#define WCT_COMMAND_MEMORY_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

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
