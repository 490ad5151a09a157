/* FNV-1a (Fowler, Noll, Vo) of the path, then SplitMix64 (random.h). */
#include "draw.h"

#include <math.h>

#include "random.h"

#define FNV_START 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t
hash_text (const char *text)
{
  uint64_t hash = FNV_START;

  for (; *text != '\0'; text++)
    hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
  return hash;
}

/* Everything is drawn whether it is used or not: another probability leaves the styles as they are. */
WctDraw
wct_draw (const WctUrn *urn, const char *path, int32_t variant)
{
  const uint64_t of_picture =
    wct_random_hash (wct_random_hash ((uint64_t)urn->seed, hash_text (path)), (uint64_t)variant);
  WctDraw   draw = { .seed = (int32_t)(of_picture >> 33) };
  WctRandom random = wct_random_stream ((uint64_t)draw.seed, 0);

  draw.stylized = wct_random_unit (&random) < urn->probability;
  draw.style = (size_t)wct_random_below (&random, urn->style_count);
  draw.alpha = urn->alpha_min + (urn->alpha_max - urn->alpha_min) * wct_random_unit (&random);
  draw.alpha = round (draw.alpha * 1e4) / 1e4;
  return draw;
}
