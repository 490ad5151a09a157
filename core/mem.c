/* Allocation with checked sizes. A header before each block remembers its size, so that the sum is known. */
#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Lies right before each block. */
typedef struct
{
  void  *raw; /* what calloc gave */
  size_t bytes;
} BlockHeader;

static atomic_size_t used, peak;
static atomic_long   allocation_count, failing_from;
static atomic_bool   failing_all_later;

bool
wct_size_mul (size_t a, size_t b, size_t *product)
{
  return !__builtin_mul_overflow (a, b, product);
}

static bool
test_wants_failure (void)
{
  const long count = atomic_fetch_add (&allocation_count, 1) + 1;
  const long from = atomic_load (&failing_from);

  return from != 0 && (count == from || (count > from && atomic_load (&failing_all_later)));
}

static void
count_bytes (size_t bytes)
{
  const size_t now = atomic_fetch_add (&used, bytes) + bytes;
  size_t       most = atomic_load (&peak);

  while (now > most && !atomic_compare_exchange_weak (&peak, &most, now))
    continue;
}

static BlockHeader *
header_of (unsigned char *block)
{
  return (BlockHeader *)(void *)(block - sizeof (BlockHeader));
}

WctStatus
wct_alloc (size_t count, size_t size, const char *what, void *address_of_block, WctError *err)
{
  size_t bytes, rounded;

  if (!wct_size_mul (count, size, &bytes) || __builtin_add_overflow (bytes, 2 * WCT_ALIGNMENT - 1, &rounded))
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: %zu times %zu bytes are more than this machine can address",
                          what, count, size);
  rounded &= ~(size_t)(WCT_ALIGNMENT - 1);

  /* Large blocks come as zero pages from the system: calloc knows, aligned_alloc and memset would touch them all. */
  unsigned char *raw = test_wants_failure () ? NULL : calloc (1, rounded + WCT_ALIGNMENT);
  if (raw == NULL)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: out of memory, %.1f MB were needed; use a smaller size", what,
                          (double)bytes / 1e6);

  unsigned char *block = raw + sizeof (BlockHeader);
  block += -(uintptr_t)block & (WCT_ALIGNMENT - 1);
  *header_of (block) = (BlockHeader){ raw, rounded };
  count_bytes (rounded);
  memcpy (address_of_block, &block, sizeof block);
  return WCT_OK;
}

void
wct_free (void *address_of_block)
{
  unsigned char *block;

  memcpy (&block, address_of_block, sizeof block);
  if (block == NULL)
    return;

  const BlockHeader header = *header_of (block);
  atomic_fetch_sub (&used, header.bytes);
  free (header.raw);
  block = NULL;
  memcpy (address_of_block, &block, sizeof block);
}

WctStatus
wct_strdup (const char *text, char **out, WctError *err)
{
  const size_t size = strlen (text) + 1;
  char        *copy = NULL;
  WctStatus    status = wct_alloc (size, 1, "text", &copy, err);

  if (status == WCT_OK)
    *out = memcpy (copy, text, size);
  return status;
}

long
wct_mem_test_fail (long countdown, bool all_later)
{
  atomic_store (&failing_from, countdown);
  atomic_store (&failing_all_later, all_later);
  return atomic_exchange (&allocation_count, 0);
}

size_t
wct_mem_used (void)
{
  return atomic_load (&used);
}

size_t
wct_mem_peak (bool reset)
{
  return reset ? atomic_exchange (&peak, atomic_load (&used)) : atomic_load (&peak);
}
