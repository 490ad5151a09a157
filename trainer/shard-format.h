/* The bytes of a shard's header and index, both ways. All numbers are little-endian.
 *
 *   header   56 bytes: below
 *   pictures RGB bytes, row by row, one picture right after the other
 *   index    an entry for each, in the order of the pictures, which is that of their names' bytes */
#ifndef WCT_TRAINER_SHARD_FORMAT_H
#define WCT_TRAINER_SHARD_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define WCT_SHARD_VERSION      1
#define WCT_SHARD_HEADER_BYTES 56
#define WCT_SHARD_ENTRY_BYTES  28 /* of an entry, before its name */

typedef struct
{
  char     magic[8];
  uint32_t version, side_max; /* side_max: 0 where pictures were kept at any size */
  uint64_t count;
  uint64_t index_offset, index_bytes;
  uint64_t file_bytes;
  uint64_t checksum; /* of the header up to here and the index, see wct_shard_header_checksum */
} WctShardHeader;

/* Before its name, which ends with a zero that counts. */
typedef struct
{
  uint64_t offset, checksum; /* of the picture's bytes in the file */
  uint32_t width, height, name_bytes;
} WctShardEntry;

extern const char wct_shard_magic[8];

void wct_shard_header_encode (const WctShardHeader *header, unsigned char *bytes);
void wct_shard_header_decode (const unsigned char *bytes, WctShardHeader *header);

/* @header: its encoding; the field for the checksum is left out. */
uint64_t wct_shard_header_checksum (const unsigned char *header, const unsigned char *index, size_t index_bytes);

void wct_shard_entry_encode (const WctShardEntry *entry, unsigned char *bytes);
void wct_shard_entry_decode (const unsigned char *bytes, WctShardEntry *entry);

#endif
