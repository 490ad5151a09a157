#include "fingerprint.h"

#include <stdio.h>
#include <string.h>

void
wct_fingerprint_word (WctFingerprint *sum, uint64_t word)
{
  static const uint64_t odd[2] = { 0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu };

  for (int i = 0; i < 2; i++)
    {
      sum->words[i] = (sum->words[i] ^ word) * odd[i];
      sum->words[i] ^= sum->words[i] >> 29;
    }
}

void
wct_fingerprint_bytes (WctFingerprint *sum, const void *bytes, size_t size)
{
  const char *from = bytes;

  wct_fingerprint_word (sum, size);
  for (; size > 0; from += 8)
    {
      const size_t some = size < 8 ? size : 8;
      uint64_t     word = 0;

      memcpy (&word, from, some);
      wct_fingerprint_word (sum, word);
      size -= some;
    }
}

void
wct_fingerprint_network (WctFingerprint *sum, const WctNetwork *network)
{
  for (int i = 0; i < network->count; i++)
    {
      const WctLayer *layer = &network->layers[i];

      wct_fingerprint_word (sum, layer->kind);
      if (layer->kind != WCT_LAYER_CONV)
        continue;
      wct_fingerprint_bytes (sum, layer->conv.weight,
                             (size_t)layer->conv.out_c * (size_t)layer->conv.in_c * 9 * sizeof *layer->conv.weight);
      wct_fingerprint_bytes (sum, layer->conv.bias, (size_t)layer->conv.out_c * sizeof *layer->conv.bias);
    }
}

void
wct_fingerprint_print (const WctFingerprint *sum, char *text)
{
  snprintf (text, WCT_FINGERPRINT_TEXT, "%016llx%016llx", (unsigned long long)sum->words[0],
            (unsigned long long)sum->words[1]);
}
