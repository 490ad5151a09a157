/* How well models stylize: pairs of pictures through each model at each setting, and how a judge finds the results. */
#ifndef WCT_TRAINER_TRANSFER_H
#define WCT_TRAINER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/hooks.h>
#include <wct/model.h>
#include <wct/params.h>

#include "pictures.h"
#include "pool.h"
#include "sheet.h"

typedef struct
{
  WctModel       **models; /* borrowed, as all else */
  int              model_count;
  const WctParams *settings; /* levels that a model has no decoder for are left out */
  int              setting_count;
  const WctModel  *judge;
  const char      *device;
  WctPictureSet   *contents; /* NULL: noise of the pair's number as seed, so that textures come out */
  WctPictureSet   *styles;
  int              pairs; /* pair i of n: picture ⌊i · count / n⌋ of each set */
  int32_t          size;  /* pictures' longer side, scaled; of noise both sides */
  WctSheet        *sheet; /* NULL: none. Rows: pairs; columns: content (but for noise), style, setting by setting each
                             model's */
} WctTransfer;

typedef struct
{
  double style, content; /* sight.h; content is 0 for textures */
} WctDistances;

/**
 * wct_transfer_measure: all pairs, shared out to @pool's threads.
 * @out: (pairs, models, settings)
 * @hooks: may be NULL
 * @done: (pairs): false where a picture of the pair could not be read; the set has the complaint
 */
WctStatus wct_transfer_measure (const WctTransfer *transfer, WctPool *pool, const WctHooks *hooks, WctDistances *out,
                                bool *done, WctError *err);

#endif
