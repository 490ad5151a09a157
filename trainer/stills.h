/* Crops that are the same every time: for measuring, and for comparing trainers. */
#ifndef WCT_TRAINER_STILLS_H
#define WCT_TRAINER_STILLS_H

#include <stdint.h>

#include <wct/status.h>

#include "pictures.h"

typedef enum
{
  WCT_STILL_CENTER,
  WCT_STILL_TOP_LEFT
} WctStillPlace;

/**
 * wct_stills_load: the next crops of a list, in its order.
 * @next: where in @list to begin, 0 at first; moved behind what was used
 * @count: crops wanted
 * @planar: (count, 3, crop, crop), in [0,1]
 * @loaded: how many there are; fewer than @count where the list ends
 *
 * Nothing is scaled, but for pictures with a side below @crop: their shorter side becomes that. Pictures that cannot be
 * read are passed over. Any thread.
 */
WctStatus wct_stills_load (WctPictureSet *set, const WctPictureList *list, int32_t crop, WctStillPlace place,
                           int32_t *next, int32_t count, float *planar, int32_t *loaded, WctError *err);

#endif
