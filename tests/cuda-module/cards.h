/* Cards as cuDNN describes them to itself, so that it can be asked about cards that are not here. */
#ifndef CARDS_H
#define CARDS_H

#include <stdio.h>

typedef struct
{
  const char *name;
  int         capability;                       /* 900 is 9.0 */
  int         multiprocessors, blocks, threads; /* the last two of one multiprocessor */
  int         shared_bytes;                     /* that a block can ask for */
  int         cache_bytes, clock_khz, memory_khz, memory_gib;
} Card;

/* From NVIDIA's data sheets and CUDA's table of compute capabilities. */
static const Card cards[] = {
  { "Tesla T4", 750, 40, 16, 1024, 65536, 4 << 20, 1590000, 5001000, 16 },
  { "NVIDIA A100-SXM4-40GB", 800, 108, 32, 2048, 166912, 40 << 20, 1410000, 1215000, 40 },
  { "NVIDIA GeForce RTX 3090", 860, 82, 16, 1536, 101376, 6 << 20, 1695000, 9751000, 24 },
  { "NVIDIA GeForce RTX 4090", 890, 128, 24, 1536, 101376, 72 << 20, 2520000, 10501000, 24 },
  { "NVIDIA H200", 900, 132, 32, 2048, 232448, 50 << 20, 1980000, 3201000, 141 },
  { "NVIDIA B200", 1000, 148, 32, 2048, 232448, 126 << 20, 1965000, 3996000, 180 },
  { "NVIDIA GeForce RTX 5090", 1200, 170, 24, 1536, 101376, 96 << 20, 2407000, 14001000, 32 },
};

#define CARD_COUNT (sizeof cards / sizeof cards[0])

static inline void
print_card (const Card *card, char *json, size_t size)
{
  snprintf (json, size,
            "{\"maxGridSize\":[2147483647,65535,65535],\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,"
            "\"multiProcessorCount\":%d,\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,"
            "\"maxSharedMemoryPerBlockOptin\":%d,\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
            "\"maxCtasPerSM\":%d,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,\"pciDeviceId\":0,"
            "\"isTccDriver\":0,\"supportCoopLaunch\":1,\"smClockRateKHz\":%d,\"memClockRateKHz\":%d,"
            "\"l2CacheSize\":%d,\"deviceName\":\"%s\",\"deviceVer\":%d,\"driverVer\":13000,\"totalGlobalMem\":%lld,"
            "\"cudaDeviceId\":0}",
            card->multiprocessors, card->shared_bytes, card->blocks, card->threads, card->clock_khz, card->memory_khz,
            card->cache_bytes, card->name, card->capability, (long long)card->memory_gib << 30);
}

#endif
