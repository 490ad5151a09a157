/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014) by counter, and a
 * shuffle that computes one place at a time. */
#include "random.h"

#include <assert.h>
#include <math.h>

#define GOLDEN 0x9E3779B97F4A7C15u /* 2^64 over the golden ratio */

static uint64_t
mix (uint64_t z)
{
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

uint64_t
wct_random_hash (uint64_t a, uint64_t b)
{
  return mix (mix (a + GOLDEN) + (b + 1) * GOLDEN);
}

WctRandom
wct_random_stream (uint64_t seed, uint64_t stream)
{
  return (WctRandom){ .key = wct_random_hash (seed, stream) };
}

uint64_t
wct_random_bits (WctRandom *random)
{
  random->counter++;
  return mix (random->key + random->counter * GOLDEN);
}

double
wct_random_unit (WctRandom *random)
{
  return (double)(wct_random_bits (random) >> 11) * 0x1p-53;
}

/* Numbers under 2^64 mod bound would make the small results likelier by one: drawn again. */
uint64_t
wct_random_below (WctRandom *random, uint64_t bound)
{
  assert (bound > 0);
  const uint64_t excess = -bound % bound;
  uint64_t       bits;

  do
    bits = wct_random_bits (random);
  while (bits < excess);
  return bits % bound;
}

/* Box and Muller 1958. */
double
wct_random_normal (WctRandom *random)
{
  const double radius = sqrt (-2 * log (1 - wct_random_unit (random))); /* 1 - u is never 0 */
  const double angle = 2 * M_PI * wct_random_unit (random);

  return radius * cos (angle);
}

/* Swap-or-not (Hoang, Morris, Rogaway: An enciphering scheme based on a card shuffle, CRYPTO 2012): each round pairs
 * all places around a pivot, and a coin for each pair says whether the two change places. About 6 log2 (count) rounds
 * make every order as likely; their proof asks for some more where the count is small. */
uint64_t
wct_random_shuffled (uint64_t key, uint64_t position, uint64_t count)
{
  assert (position < count);
  const unsigned bits = 64 - (unsigned)__builtin_clzll (count);
  const unsigned rounds = 24 + 6 * bits;

  for (unsigned round = 0; round < rounds; round++)
    {
      const uint64_t round_key = wct_random_hash (key, round);
      const uint64_t pivot = round_key % count;
      const uint64_t partner = pivot >= position ? pivot - position : count - (position - pivot);
      const uint64_t higher = position > partner ? position : partner;

      if (wct_random_hash (round_key, higher) >> 63 != 0)
        position = partner;
    }
  return position;
}
