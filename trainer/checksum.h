/* A checksum of 64 bits against accidents: bit rot, files cut short, disks that lie. Not against malice. */
#ifndef WCT_TRAINER_CHECKSUM_H
#define WCT_TRAINER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define WCT_CHECKSUM_START 0x77637463686b7331u

/* Of @size bytes; chains: the checksum of one block as @start of the next one's. The same on every machine. */
uint64_t wct_checksum (uint64_t start, const void *bytes, size_t size);

#endif
