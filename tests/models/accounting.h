/* Claims about memory: counts what jansson allocates next to the library's own blocks, and makes it fail. */
#ifndef WCT_TEST_ACCOUNTING_H
#define WCT_TEST_ACCOUNTING_H

#include <stddef.h>
#include <stdlib.h>

#include <jansson.h>

#include "mem.h"

/* What reading a file may take: twice its size, and some pages for what is small. */
#define MEMORY_ALLOWED(file_size) (2 * (size_t)(file_size) + 65536)

static size_t json_used, json_peak;
static long   json_count, json_failing; /* the json_failing-th allocation fails, 0: none */

static inline void *
counted_malloc (size_t size)
{
  max_align_t *block = ++json_count == json_failing ? NULL : malloc (size + sizeof *block);

  if (block == NULL)
    return NULL;
  *(size_t *)(void *)block = size;
  json_used += size;
  json_peak = json_used > json_peak ? json_used : json_peak;
  return block + 1;
}

static inline void
counted_free (void *memory)
{
  if (memory == NULL)
    return;

  max_align_t *block = (max_align_t *)memory - 1;
  json_used -= *(size_t *)(void *)block;
  free (block);
}

/* From now on, and before any text is parsed. The @failing-th of jansson's allocations fails, 0: none. */
static inline void
accounting_start (long failing)
{
  json_set_alloc_funcs (counted_malloc, counted_free);
  json_count = 0;
  json_failing = failing;
  json_peak = json_used;
  wct_mem_peak (true);
}

/* The most that was in use since: both peaks, though they may not have come at the same time. */
static inline size_t
accounting_peak (void)
{
  return json_peak + wct_mem_peak (false);
}

#endif
