/* Pictures from files, by libvips: whatever it reads becomes gamma-encoded sRGB in float, upright, with its alpha
 * aside. */
#ifndef WCT_COMMAND_PICTURE_H
#define WCT_COMMAND_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vips/vips.h>

#include <wct/image.h>
#include <wct/status.h>

typedef enum
{
  WCT_DEPTH_8,
  WCT_DEPTH_16,
  WCT_DEPTH_FLOAT
} WctDepth;

/* How a file's numbers become R'G'B'. */
typedef enum
{
  WCT_SOURCE_ENCODED, /* they are: gray or RGB, gamma-encoded, to be divided by white */
  WCT_SOURCE_LINEAR,  /* linear light in float, 1 is white: encode */
  WCT_SOURCE_PROFILE, /* an ICC profile says: the file's own, or libvips' for CMYK without one */
  WCT_SOURCE_OTHER    /* L*a*b* and the like: libvips converts */
} WctSource;

/* Does a file of this name look like a picture: by its extension? */
bool wct_picture_is_called_so (const char *name);

/* A file whose header was read and whose pixels were not. */
typedef struct
{
  VipsImage *image;
  char       name[256];     /* for sentences: the path's end */
  int32_t    width, height; /* as they will be: upright, at the size that was asked for */
  bool       resized;
  bool       bottom_up; /* rows are stored from the last to the first, and libvips does not know */
  int        orientation;
  WctDepth   depth;
  WctSource  source;
  int        color_bands;
  bool       alpha;
  double     white;     /* the number that means 1 in color */
  double     alpha_max; /* the number that means opaque */
  bool       profile;   /* is one embedded? */
} WctPictureFile;

/* Pixels, and what is needed to write them as they came. */
typedef struct
{
  WctImage image; /* 3 channels; owns its pixels */
  float   *alpha; /* (height, width), in the file's own numbers; NULL where there is none */
  double   alpha_max;
  WctDepth depth;
  bool     linear;             /* was the file in linear light? */
  bool     profile;            /* did it embed a profile? */
  double   x_per_mm, y_per_mm; /* resolution */
} WctPicture;

/* Once, before anything else here. */
WctStatus wct_pictures_start (const char *program, WctError *err);

/**
 * wct_picture_open: read a header.
 * @path: the file
 * @longer_side: scale the picture so that its longer side has this many pixels; 0 keeps it as it is
 * @out: on WCT_OK to be closed with wct_picture_close; untouched otherwise
 *
 * Takes little time and memory, whatever size the header claims.
 */
WctStatus wct_picture_open (const char *path, int32_t longer_side, WctPictureFile *out, WctError *err);

/* Once it is open: its pixels will be scaled to this size, whatever its own proportions are. */
void wct_picture_stretch (WctPictureFile *file, int32_t width, int32_t height);

void wct_picture_close (WctPictureFile *file); /* twice is welcome */

/* The memory that wct_picture_read takes, in bytes; SIZE_MAX where that does not fit. And wct_picture_stream: nearly
 * none, but where the picture is turned upright. */
size_t wct_picture_bytes (const WctPictureFile *file);
size_t wct_picture_stream_bytes (const WctPictureFile *file);

/* What the header says of the picture that comes out; no pixels. */
void wct_picture_describe (const WctPictureFile *file, WctPicture *out);

/* Is given the rows from @first on, and their alpha, in the file's own numbers, or NULL. On any thread. */
typedef WctStatus WctPictureTake (void *user, const WctImage *rows, int32_t first, const float *alpha, WctError *err);

/**
 * wct_picture_stream: decode, some rows at a time, from the first to the last.
 * Fails as wct_picture_read does, and where @take does: the rest is not read then.
 */
WctStatus wct_picture_stream (WctPictureFile *file, WctPictureTake *take, void *user, WctError *err);

/* The alpha of a file that has one, as a pipeline of libvips for one band of float, which @scope owns; NULL where
 * libvips fails. To be read from the first row to the last. */
VipsImage *wct_picture_alpha (VipsObject *scope, const WctPictureFile *file);

/**
 * wct_picture_read: decode.
 * @out: on WCT_OK to be cleared with wct_picture_clear; untouched otherwise
 *
 * A file that ends early or holds NaN is refused: no picture comes out half. Light beyond white is clipped.
 * WCT_CANCELED where the program was interrupted.
 */
WctStatus wct_picture_read (WctPictureFile *file, WctPicture *out, WctError *err);

/* A picture of @width × @height in 8 bits without alpha: without pixels, and with, to be filled. */
void      wct_picture_describe_new (int32_t width, int32_t height, WctPicture *out);
WctStatus wct_picture_new (int32_t width, int32_t height, WctPicture *out, WctError *err);

/* The brightness (Rec. 601 luma) of each pixel, as masks have it. @mask: (height, width) of the rows */
void wct_rows_to_mask (const WctImage *rows, float *mask);

void wct_picture_clear (WctPicture *picture); /* twice is welcome */

/* Does any of @count alphas hide anything at all? @alpha: NULL where there is none */
bool wct_alpha_hides (const float *alpha, size_t count, double alpha_max);

/* What libvips said last, as the end of a sentence; its buffer is empty afterwards. */
void wct_vips_reason (char *text, size_t size);

/* Lets an interrupted program end while libvips works on @image. */
void wct_vips_watch (VipsImage *image);

#endif
