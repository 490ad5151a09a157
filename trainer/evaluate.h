/* How well an autoencoder gives pictures back. */
#ifndef WCT_TRAINER_EVALUATE_H
#define WCT_TRAINER_EVALUATE_H

#include <stdint.h>

#include <wct/status.h>

#include "backend/backend.h"
#include "network.h"
#include "pool.h"

/* Means over pictures, as shared/reference/score.py has them. */
typedef struct
{
  int32_t pictures;
  double  psnr;           /* dB, of the result clipped to [0,1] */
  double  ssim;           /* likewise */
  double  pixel, feature; /* mean squared errors, unclipped */
} WctScore;

/**
 * wct_evaluate: encode, decode, compare.
 * @images: (count, 3, side, side) in [0,1]; side divides as the network pools, and is 16 or more
 * @results: NULL, or room for the pictures that came out, unclipped
 *
 * In f32, each picture by one thread of @pool; the scores do not depend on how many there are.
 */
WctStatus wct_evaluate (WctBackend *backend, WctPool *pool, const WctNetwork *encoder, const WctNetwork *decoder,
                        const float *images, int32_t count, int32_t side, float *results, WctScore *out, WctError *err);

#endif
