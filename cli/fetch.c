/* Cheap refusals first: header, format's limit, memory; then pixels. */
#include "fetch.h"

#include "exit-status.h"
#include "memory-check.h"

static void
tell_source (const WctPictureFile *file, int32_t *source)
{
  const bool turned = file->orientation >= 5;

  source[0] = turned ? file->image->Ysize : file->image->Xsize;
  source[1] = turned ? file->image->Xsize : file->image->Ysize;
}

WctStatus
wct_fetch_picture (const char *path, int32_t longer_side, const char *option, const WctOutput *output, int32_t *source,
                   WctPicture *out, WctError *err)
{
  WctPictureFile file = { 0 };
  int32_t        before[2];
  WctStatus      status;

  WCT_TRY (wct_picture_open (path, longer_side, &file, err));
  tell_source (&file, before);
  if (output != NULL)
    WCT_TRY (wct_output_check_size (output, file.width, file.height, err));
  WCT_TRY (wct_memory_check (file.name, wct_picture_bytes (&file), 0, file.width, file.height, option, false, err));
  WCT_TRY (wct_picture_read (&file, out, err));
  if (source != NULL)
    {
      source[0] = before[0];
      source[1] = before[1];
    }

out:
  wct_picture_close (&file);
  return status;
}
