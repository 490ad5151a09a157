/* Four independent lanes of multiply and rotate, so that the processor works on them side by side: about the speed of
 * memory. Every step can be undone, so a change of a single word always shows. */
#include "checksum.h"

#include <endian.h>
#include <string.h>

#include "random.h"

#define LANES 4
#define PRIME 0x9E3779B185EBCA87u

static uint64_t
absorb (uint64_t lane, uint64_t word)
{
  const uint64_t product = (lane ^ word) * PRIME;

  return product << 29 | product >> 35;
}

static void
absorb_block (uint64_t *lanes, const unsigned char *block)
{
  for (int i = 0; i < LANES; i++)
    {
      uint64_t word;

      memcpy (&word, block + (size_t)i * sizeof word, sizeof word);
      lanes[i] = absorb (lanes[i], le64toh (word));
    }
}

uint64_t
wct_checksum (uint64_t start, const void *bytes, size_t size)
{
  const unsigned char *from = bytes;
  const size_t         block_bytes = LANES * sizeof (uint64_t);
  unsigned char        last[LANES * sizeof (uint64_t)] = { 0 };
  uint64_t             lanes[LANES];
  uint64_t             sum = wct_random_hash (start, size);
  size_t               left = size;

  for (int i = 0; i < LANES; i++)
    lanes[i] = wct_random_hash (start, (uint64_t)i);
  for (; left >= block_bytes; left -= block_bytes, from += block_bytes)
    absorb_block (lanes, from);
  if (left > 0)
    {
      memcpy (last, from, left); /* the size above tells its zeros from the data's */
      absorb_block (lanes, last);
    }
  for (int i = 0; i < LANES; i++)
    sum = wct_random_hash (sum, lanes[i]);
  return sum;
}
