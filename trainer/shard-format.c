/* Field by field, so that neither padding nor the machine's byte order matters. */
#include "shard-format.h"

#include <endian.h>
#include <string.h>

#include "checksum.h"

#define CHECKSUM_OFFSET 48

const char wct_shard_magic[8] = { 'W', 'C', 'T', 'S', 'H', 'A', 'R', 'D' };

static unsigned char *
put32 (unsigned char *to, uint32_t value)
{
  const uint32_t little = htole32 (value);

  memcpy (to, &little, sizeof little);
  return to + sizeof little;
}

static unsigned char *
put64 (unsigned char *to, uint64_t value)
{
  const uint64_t little = htole64 (value);

  memcpy (to, &little, sizeof little);
  return to + sizeof little;
}

static uint32_t
get32 (const unsigned char **from)
{
  uint32_t little;

  memcpy (&little, *from, sizeof little);
  *from += sizeof little;
  return le32toh (little);
}

static uint64_t
get64 (const unsigned char **from)
{
  uint64_t little;

  memcpy (&little, *from, sizeof little);
  *from += sizeof little;
  return le64toh (little);
}

void
wct_shard_header_encode (const WctShardHeader *header, unsigned char *bytes)
{
  memcpy (bytes, header->magic, sizeof header->magic);
  bytes = put32 (bytes + sizeof header->magic, header->version);
  bytes = put32 (bytes, header->side_max);
  bytes = put64 (bytes, header->count);
  bytes = put64 (bytes, header->index_offset);
  bytes = put64 (bytes, header->index_bytes);
  bytes = put64 (bytes, header->file_bytes);
  put64 (bytes, header->checksum);
}

void
wct_shard_header_decode (const unsigned char *bytes, WctShardHeader *header)
{
  memcpy (header->magic, bytes, sizeof header->magic);
  bytes += sizeof header->magic;
  header->version = get32 (&bytes);
  header->side_max = get32 (&bytes);
  header->count = get64 (&bytes);
  header->index_offset = get64 (&bytes);
  header->index_bytes = get64 (&bytes);
  header->file_bytes = get64 (&bytes);
  header->checksum = get64 (&bytes);
}

uint64_t
wct_shard_header_checksum (const unsigned char *header, const unsigned char *index, size_t index_bytes)
{
  const uint64_t sum = wct_checksum (WCT_CHECKSUM_START, header, CHECKSUM_OFFSET);

  return wct_checksum (sum, index, index_bytes);
}

void
wct_shard_entry_encode (const WctShardEntry *entry, unsigned char *bytes)
{
  bytes = put64 (bytes, entry->offset);
  bytes = put64 (bytes, entry->checksum);
  bytes = put32 (bytes, entry->width);
  bytes = put32 (bytes, entry->height);
  put32 (bytes, entry->name_bytes);
}

void
wct_shard_entry_decode (const unsigned char *bytes, WctShardEntry *entry)
{
  entry->offset = get64 (&bytes);
  entry->checksum = get64 (&bytes);
  entry->width = get32 (&bytes);
  entry->height = get32 (&bytes);
  entry->name_bytes = get32 (&bytes);
}
