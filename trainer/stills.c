/* Pictures at their own size; only what is smaller than the crop is scaled. */
#include "stills.h"

#include "mem.h"

static WctStatus
take (const WctPixels *pixels, int32_t side, WctStillPlace place, float *planar, WctError *err)
{
  WctCropScratch unused = { 0 };
  const bool     center = place == WCT_STILL_CENTER;
  const WctCrop  crop = { .width = pixels->width,
                          .height = pixels->height,
                          .x = center ? (pixels->width - side) / 2 : 0,
                          .y = center ? (pixels->height - side) / 2 : 0,
                          .side = side };

  return wct_crop_take (pixels, &crop, &unused, planar, err);
}

WctStatus
wct_stills_load (WctPictureSet *set, const WctPictureList *list, int32_t crop, WctStillPlace place, int32_t *next,
                 int32_t count, float *planar, int32_t *loaded, WctError *err)
{
  const size_t values = (size_t)3 * (size_t)crop * (size_t)crop;
  WctPixels    pixels = { 0 };
  int32_t      place_in_list = *next, done = 0;
  WctStatus    status = WCT_OK;

  for (; done < count && place_in_list < list->count; place_in_list++)
    {
      status = wct_picture_set_decode (set, list->indices[place_in_list], crop, INT32_MAX, &pixels, err);
      if (status == WCT_ERR_NO_MEMORY || status == WCT_CANCELED)
        goto out;
      if (status != WCT_OK)
        continue;
      WCT_TRY (take (&pixels, crop, place, planar + (size_t)done * values, err));
      wct_pixels_free (&pixels);
      done++;
    }
  status = WCT_OK;
  *next = place_in_list;
  *loaded = done;

out:
  wct_pixels_free (&pixels);
  return status;
}
