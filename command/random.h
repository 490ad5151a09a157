/* Random numbers that depend on nothing but their seed, their stream and how many came before: the same on every
 * machine, whatever runs beside. */
#ifndef WCT_COMMAND_RANDOM_H
#define WCT_COMMAND_RANDOM_H

#include <stdint.h>

/* One stream of numbers. Copy it to have them again. */
typedef struct
{
  uint64_t key;     /* of seed and stream */
  uint64_t counter; /* numbers drawn so far */
} WctRandom;

/* A well mixed number made of both: keys for streams of streams, wct_random_hash (wct_random_hash (seed, epoch), i). */
uint64_t wct_random_hash (uint64_t a, uint64_t b);

/* Streams of one seed are independent of each other. */
WctRandom wct_random_stream (uint64_t seed, uint64_t stream);

uint64_t wct_random_bits (WctRandom *random);

/* In [0, 1), 53 bits of it. */
double wct_random_unit (WctRandom *random);

/* In 0 … @bound - 1, each as likely; @bound at least 1. */
uint64_t wct_random_below (WctRandom *random, uint64_t bound);

/* Mean 0, variance 1; takes two draws. */
double wct_random_normal (WctRandom *random);

/* Where @position stands in the shuffle number @key of @count things; no table is made. 0 <= @position < @count. */
uint64_t wct_random_shuffled (uint64_t key, uint64_t position, uint64_t count);

#endif
