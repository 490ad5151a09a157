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
 * @allowed: bytes that it may take, which --memory says; 0: all that is free
 * @option: what makes the picture smaller ("--content-size"); NULL where nothing does
 * @suggest: also say which value of @option would fit; needs @needed to grow with the picture's area
 */
WctStatus wct_memory_check (const char *what, size_t needed, size_t allowed, int width, int height, const char *option,
                            bool suggest, WctError *err);

/* "1.5G", "800M", "2000000k" or bytes; powers of 1024. */
bool wct_read_bytes (const char *text, size_t *out);

#endif
