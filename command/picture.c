/* One libvips pipeline from a file to memory: upright, color and alpha parted, color converted, joined, turned into
 * float, scaled. It streams: only what is turned upright is held in full before. */
#include "picture.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit-status.h"
#include "interrupt.h"

/* ---- libvips as a whole ------------------------------------------------------------------------------------- */

static void
drop_log (const char *domain, GLogLevelFlags level, const char *message, void *user)
{
  (void)domain;
  (void)level;
  (void)message;
  (void)user;
}

static GLogWriterOutput
drop_structured_log (GLogLevelFlags level, const GLogField *fields, gsize count, void *user)
{
  (void)level;
  (void)fields;
  (void)count;
  (void)user;
  return G_LOG_WRITER_HANDLED;
}

WctStatus
wct_pictures_start (const char *program, WctError *err)
{
  char reason[256];

  /* Standard error holds our one sentence; libvips' warnings would stand before it. */
  g_log_set_default_handler (drop_log, NULL);
  g_log_set_writer_func (drop_structured_log, NULL, NULL);
  if (vips_init (program) != 0)
    {
      wct_vips_reason (reason, sizeof reason);
      return wct_error_set (err, WCT_ERR_UNSUPPORTED, "libvips does not start: %s", reason);
    }
  vips_cache_set_max (0); /* every picture is used once */
  /* libvips 8.14 forgets the error of the last strips where several threads read them: a file that was cut short would
   * pass. Decoders hardly use a second thread anyway. */
  vips_concurrency_set (1);
  return WCT_OK;
}

void
wct_vips_reason (char *text, size_t size)
{
  const char *all = vips_error_buffer ();
  const char *start = strstr (all, "unix error: "); /* the cause, where there is one */
  size_t      length;

  if (start != NULL)
    start += strlen ("unix error: ");
  else
    {
      const char *colon = strstr (all, ": "); /* "pngload: libspng read error" */

      start = colon != NULL && colon < strchr (all, '\n') ? colon + 2 : all;
    }
  length = strcspn (start, "\n");
  if (length == 0)
    snprintf (text, size, "libvips does not say why");
  else
    snprintf (text, size, "%.*s", (int)(length < size ? length : size - 1), start);
  vips_error_clear ();
}

static void
stop_where_interrupted (VipsImage *image, VipsProgress *progress, void *user)
{
  (void)progress;
  (void)user;
  if (wct_interrupted ())
    vips_image_set_kill (image, TRUE);
}

void
wct_vips_watch (VipsImage *image)
{
  vips_image_set_progress (image, TRUE);
  g_signal_connect (image, "eval", G_CALLBACK (stop_where_interrupted), NULL);
}

bool
wct_picture_is_called_so (const char *name)
{
  static const char *const extensions[] = { "avif", "bmp", "exr",  "gif", "hdr", "heic", "heif", "jfif",
                                            "jp2",  "jpe", "jpeg", "jpg", "jxl", "pbm",  "pfm",  "pgm",
                                            "png",  "pnm", "ppm",  "tga", "tif", "tiff", "webp" };
  const char              *dot = strrchr (name, '.');

  for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof extensions[0]; i++)
    if (g_ascii_strcasecmp (dot + 1, extensions[i]) == 0)
      return true;
  return false;
}

/* ---- headers ------------------------------------------------------------------------------------------------ */

/* What libvips would say less clearly. */
static WctStatus
check_readable (const char *path, WctError *err)
{
  struct stat about;
  const int   file = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

  if (file < 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: cannot be opened: %s", path, strerror (errno));
  if (fstat (file, &about) != 0)
    about.st_mode = 0;
  close (file);
  if (S_ISDIR (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is a folder; a picture is needed", path);
  if (!S_ISREG (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: is not a regular file; save the picture to one first", path);
  if (about.st_size == 0)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: is empty", path);
  return WCT_OK;
}

static WctStatus
open_image (const char *path, VipsImage **image, WctError *err)
{
  char reason[256];
  /* libvips takes "[...]" at a name's end for options; an empty pair keeps such a name whole. */
  char       *name = g_strconcat (path, g_str_has_suffix (path, "]") ? "[]" : "", NULL);
  const char *loader = vips_foreign_find_load (name);

  g_free (name);
  if (loader == NULL)
    {
      vips_error_clear ();
      return wct_error_set (err, WCT_ERR_FORMAT,
                            "%s: is not a picture that libvips can read; try PNG, JPEG, TIFF or WebP", path);
    }
  if (vips_call (loader, path, image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_ERROR, NULL) != 0)
    {
      *image = NULL;
      wct_vips_reason (reason, sizeof reason);
      return wct_error_set (err, WCT_ERR_FORMAT, "%s: cannot be read: %s", path, reason);
    }
  return WCT_OK;
}

static bool
loaded_by (VipsImage *image, const char *loader)
{
  const char *name;

  return vips_image_get_typeof (image, VIPS_META_LOADER) != 0
         && vips_image_get_string (image, VIPS_META_LOADER, &name) == 0 && g_str_has_prefix (name, loader);
}

static WctStatus
describe_format (WctPictureFile *file, WctError *err)
{
  VipsImage *image = file->image;

  if (image->Coding == VIPS_CODING_RAD) /* Radiance's packed pixels become float */
    {
      file->depth = WCT_DEPTH_FLOAT;
      return WCT_OK;
    }
  if (image->Coding != VIPS_CODING_NONE)
    return wct_error_set (err, WCT_ERR_UNSUPPORTED, "%s: its pixels are packed as %s; save it as PNG or TIFF",
                          file->name, vips_enum_nick (VIPS_TYPE_CODING, image->Coding));
  switch (image->BandFmt)
    {
    case VIPS_FORMAT_UCHAR:
      file->depth = WCT_DEPTH_8;
      return WCT_OK;
    case VIPS_FORMAT_USHORT:
      file->depth = WCT_DEPTH_16;
      return WCT_OK;
    case VIPS_FORMAT_FLOAT:
    case VIPS_FORMAT_DOUBLE:
      file->depth = WCT_DEPTH_FLOAT;
      return WCT_OK;
    default:
      return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                            "%s: its numbers are of type %s; save it with 8 or 16 bits or as float", file->name,
                            vips_enum_nick (VIPS_TYPE_BAND_FORMAT, image->BandFmt));
    }
}

/* Which bands are color, and what they mean. */
static WctStatus
describe_color (WctPictureFile *file, WctError *err)
{
  VipsImage *image = file->image;
  const bool packed_light = image->Coding == VIPS_CODING_RAD; /* 4 bytes a pixel: R, G, B and their exponent */
  const int  bands = packed_light ? 3 : image->Bands;

  switch (image->Type)
    {
    case VIPS_INTERPRETATION_CMYK:
      file->color_bands = 4;
      file->source = WCT_SOURCE_PROFILE;
      break;
    case VIPS_INTERPRETATION_scRGB:
      file->color_bands = 3;
      file->source = WCT_SOURCE_LINEAR;
      break;
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
    case VIPS_INTERPRETATION_MULTIBAND:
      file->color_bands = bands < 3 ? 1 : 3;
      file->source = WCT_SOURCE_ENCODED;
      break;
    default:
      file->color_bands = 3;
      file->source = WCT_SOURCE_OTHER;
    }
  file->alpha = bands == file->color_bands + 1;
  if (bands != file->color_bands + file->alpha
      || (file->source == WCT_SOURCE_OTHER && !vips_colourspace_issupported (image)))
    return wct_error_set (err, WCT_ERR_UNSUPPORTED,
                          "%s: has %d channels of kind %s; gray, RGB or CMYK with or without alpha can be used",
                          file->name, bands, vips_enum_nick (VIPS_TYPE_INTERPRETATION, image->Type));
  return WCT_OK;
}

/* What the numbers mean where the interpretation alone does not say. */
static void
describe_range (WctPictureFile *file)
{
  static const double whites[] = { [WCT_DEPTH_8] = 255, [WCT_DEPTH_16] = 65535, [WCT_DEPTH_FLOAT] = 1 };
  VipsImage          *image = file->image;
  int                 largest = 0;

  file->white = file->alpha_max = whites[file->depth];
  file->profile = vips_image_get_typeof (image, VIPS_META_ICC_NAME) != 0;
  if (file->profile && (file->source == WCT_SOURCE_ENCODED || file->source == WCT_SOURCE_LINEAR))
    file->source = WCT_SOURCE_PROFILE;

  /* PNM: white is the file's largest value. PFM: linear light, the last row first. libvips leaves both to us. */
  if (loaded_by (image, "ppmload") && file->depth == WCT_DEPTH_FLOAT)
    {
      file->source = WCT_SOURCE_LINEAR;
      file->bottom_up = true;
    }
  else if (vips_image_get_typeof (image, "ppm-max-value") != 0
           && vips_image_get_int (image, "ppm-max-value", &largest) == 0 && largest > 1)
    file->white = largest;

  /* Before 8.15 libvips scaled OpenEXR's alpha, and no other float alpha, to 255. */
  if (loaded_by (image, "openexrload") && (vips_version (0) == 8 && vips_version (1) < 15))
    file->alpha_max = 255;
}

static int32_t
scaled_side (int32_t side, int32_t longer, int32_t longer_wanted)
{
  const int32_t scaled = (int32_t)((double)side * longer_wanted / longer + 0.5);

  return scaled < 1 ? 1 : scaled;
}

static void
describe_size (WctPictureFile *file, int32_t longer_side)
{
  VipsImage *image = file->image;
  int32_t    longer;

  file->orientation = vips_image_get_orientation (image);
  file->width = file->orientation >= 5 ? image->Ysize : image->Xsize;
  file->height = file->orientation >= 5 ? image->Xsize : image->Ysize;
  longer = file->width > file->height ? file->width : file->height;
  file->resized = longer_side > 0 && longer_side != longer;
  if (file->resized)
    {
      file->width = scaled_side (file->width, longer, longer_side);
      file->height = scaled_side (file->height, longer, longer_side);
    }
}

WctStatus
wct_picture_open (const char *path, int32_t longer_side, WctPictureFile *out, WctError *err)
{
  WctPictureFile file = { 0 };
  WctStatus      status;
  const size_t   length = strlen (path);

  snprintf (file.name, sizeof file.name, "%s", length < sizeof file.name ? path : path + length + 1 - sizeof file.name);
  WCT_TRY (check_readable (path, err));
  WCT_TRY (open_image (path, &file.image, err));
  WCT_TRY (describe_format (&file, err));
  WCT_TRY (describe_color (&file, err));
  describe_range (&file);
  describe_size (&file, longer_side);
  if (file.width > WCT_IMAGE_SIDE_MAX || file.height > WCT_IMAGE_SIDE_MAX)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "%s: %d×%d is too large; a side may have %d pixels", file.name,
                            file.width, file.height, WCT_IMAGE_SIDE_MAX));
  *out = file;
  file.image = NULL;

out:
  wct_picture_close (&file);
  return status;
}

void
wct_picture_stretch (WctPictureFile *file, int32_t width, int32_t height)
{
  file->resized = file->resized || file->width != width || file->height != height;
  file->width = width;
  file->height = height;
}

void
wct_picture_close (WctPictureFile *file)
{
  VIPS_UNREF (file->image);
}

/* Does something need the whole picture as it is stored, before its first row can be used? */
static bool
held_in_full (const WctPictureFile *file)
{
  return file->orientation > 1 || file->bottom_up;
}

static size_t
round_bytes (double bytes)
{
  return bytes < (double)(SIZE_MAX / 2) ? (size_t)bytes : SIZE_MAX;
}

size_t
wct_picture_stream_bytes (const WctPictureFile *file)
{
  return held_in_full (file) ? round_bytes ((double)VIPS_IMAGE_SIZEOF_IMAGE (file->image)) : 0;
}

size_t
wct_picture_bytes (const WctPictureFile *file)
{
  const double floats = file->alpha ? 4 : 3;

  return round_bytes ((double)file->width * file->height * floats * sizeof (float)
                      + (double)wct_picture_stream_bytes (file));
}

/* ---- the pipeline: each step gives a new image that @scope owns, or NULL with libvips' error ------------------- */

static VipsImage *
keep (VipsObject *scope, VipsImage **image, int failed)
{
  if (failed || *image == NULL)
    return NULL;
  *vips_object_local_array (scope, 1) = VIPS_OBJECT (*image);
  return *image;
}

static VipsImage *
turn_upright (VipsObject *scope, const WctPictureFile *file)
{
  VipsImage *stored, *upright = NULL;

  if (!held_in_full (file))
    return file->image;
  wct_vips_watch (file->image);
  stored = vips_image_copy_memory (file->image);
  if (keep (scope, &stored, 0) == NULL)
    return NULL;
  if (file->bottom_up)
    return keep (scope, &upright, vips_flip (stored, &upright, VIPS_DIRECTION_VERTICAL, NULL));
  return keep (scope, &upright, vips_autorot (stored, &upright, NULL));
}

static VipsImage *
unpack (VipsObject *scope, VipsImage *in)
{
  VipsImage *unpacked = NULL;

  if (in->Coding != VIPS_CODING_RAD)
    return in;
  return keep (scope, &unpacked, vips_rad2float (in, &unpacked, NULL));
}

static VipsImage *
take_bands (VipsObject *scope, VipsImage *in, int first, int count)
{
  VipsImage *bands = NULL;

  if (first == 0 && count == in->Bands)
    return in;
  return keep (scope, &bands, vips_extract_band (in, &bands, first, "n", count, NULL));
}

/* What to_unit needs while it runs; owned by the image that it makes. */
typedef struct
{
  double       white;
  bool         linear;
  atomic_bool *not_a_number; /* borrowed */
} Unit;

/* IEC 61966-2-1, with light beyond white clipped. */
static float
encode_light (float light)
{
  if (!(light > 0.0f))
    return 0.0f;
  if (light >= 1.0f)
    return 1.0f;
  return light <= 0.0031308f ? 12.92f * light : 1.055f * powf (light, 1.0f / 2.4f) - 0.055f;
}

/* Scaling overshoots, and light may be beyond white. Not fminf and fmaxf: they are calls. */
static inline float
clip (float value)
{
  return value < 0 ? 0 : value > 1 ? 1 : value;
}

static bool
unit_from_float (const Unit *unit, const float *in, float *out, size_t count)
{
  const float scale = (float)(1.0 / unit->white);

  for (size_t i = 0; i < count; i++)
    {
      const float value = in[i] * scale;

      if (isnan (value))
        return false;
      out[i] = unit->linear ? encode_light (value) : clip (value);
    }
  return true;
}

/* Divides: k / 255 must come out as every other program has it. */
static void
unit_from_integers (const Unit *unit, const VipsPel *in, VipsBandFormat format, float *out, size_t count)
{
  const float white = (float)unit->white;

  for (size_t i = 0; i < count; i++)
    {
      const float value = format == VIPS_FORMAT_UCHAR ? (float)in[i] : (float)((const unsigned short *)in)[i];

      out[i] = clip (value / white);
    }
}

static int
generate_unit (VipsRegion *out, void *sequence, void *image, void *closure, gboolean *stop)
{
  VipsRegion     *in = sequence;
  const VipsRect *area = &out->valid;
  const size_t    count = (size_t)area->width * (size_t)out->im->Bands;
  const Unit     *unit = closure;

  (void)image;
  (void)stop;
  if (vips_region_prepare (in, area) != 0)
    return -1;
  for (int y = area->top; y < area->top + area->height; y++)
    {
      const VipsPel *from = VIPS_REGION_ADDR (in, area->left, y);
      float         *to = (float *)(void *)VIPS_REGION_ADDR (out, area->left, y);

      if (in->im->BandFmt != VIPS_FORMAT_FLOAT)
        unit_from_integers (unit, from, in->im->BandFmt, to, count);
      else if (!unit_from_float (unit, (const float *)(const void *)from, to, count))
        {
          atomic_store (unit->not_a_number, true);
          vips_error ("wct", "not a number");
          return -1;
        }
    }
  return 0;
}

/* Numbers of any kind to float in [0,1]; linear light is encoded on the way. */
static VipsImage *
to_unit (VipsObject *scope, VipsImage *in, double white, bool linear, atomic_bool *not_a_number)
{
  VipsImage *numbers = NULL, *out = vips_image_new ();
  Unit      *unit = VIPS_NEW (out, Unit);

  *unit = (Unit){ .white = white, .linear = linear, .not_a_number = not_a_number };
  if (keep (scope, &out, 0) == NULL
      || keep (scope, &numbers,
               vips_cast (in, &numbers, in->BandFmt == VIPS_FORMAT_DOUBLE ? VIPS_FORMAT_FLOAT : in->BandFmt, NULL))
           == NULL)
    return NULL;
  if (vips_image_pipelinev (out, VIPS_DEMAND_STYLE_THINSTRIP, numbers, NULL) != 0)
    return NULL;
  out->BandFmt = VIPS_FORMAT_FLOAT;
  out->Type = VIPS_INTERPRETATION_MULTIBAND; /* no later step may take it for linear light */
  if (vips_image_generate (out, vips_start_one, generate_unit, vips_stop_one, numbers, unit) != 0)
    return NULL;
  return out;
}

/* Profiles work on integers. */
static VipsImage *
unit_to_16_bit (VipsObject *scope, VipsImage *in)
{
  VipsImage *scaled = NULL, *integers = NULL, *out = NULL;

  if (keep (scope, &scaled, vips_linear1 (in, &scaled, 65535, 0.5, NULL)) == NULL
      || keep (scope, &integers, vips_cast_ushort (scaled, &integers, NULL)) == NULL)
    return NULL;
  return keep (scope, &out,
               vips_copy (integers, &out, "interpretation",
                          in->Bands == 1 ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16, NULL));
}

/* To sRGB in 16 bits. A profile that cannot be used (damaged, or of another kind of picture) is as good as none. */
static VipsImage *
apply_profile (VipsObject *scope, VipsImage *in, bool cmyk)
{
  VipsImage *out = NULL;

  if (vips_icc_transform (in, &out, "srgb", "embedded", TRUE, "input_profile", cmyk ? "cmyk" : "srgb", "depth", 16,
                          "intent", VIPS_INTENT_RELATIVE, "black_point_compensation", TRUE, NULL)
      == 0)
    return keep (scope, &out, 0);
  vips_error_clear ();
  return NULL;
}

/* Color as float R'G'B', or one gray band. */
static VipsImage *
convert_color (VipsObject *scope, VipsImage *in, const WctPictureFile *file, atomic_bool *not_a_number)
{
  VipsImage *color = in, *converted = NULL;

  if (file->depth == WCT_DEPTH_FLOAT && file->source != WCT_SOURCE_OTHER)
    color = to_unit (scope, in, file->white, file->source == WCT_SOURCE_LINEAR, not_a_number);
  if (color == NULL || file->source == WCT_SOURCE_LINEAR)
    return color;
  if (file->source == WCT_SOURCE_ENCODED)
    return file->depth == WCT_DEPTH_FLOAT ? color : to_unit (scope, color, file->white, false, not_a_number);

  if (file->source == WCT_SOURCE_OTHER)
    converted = keep (scope, &converted, vips_colourspace (in, &converted, VIPS_INTERPRETATION_RGB16, NULL));
  else
    {
      if (file->depth == WCT_DEPTH_FLOAT)
        color = unit_to_16_bit (scope, color);
      converted = color == NULL ? NULL : apply_profile (scope, color, file->color_bands == 4);
      if (converted == NULL && color != NULL && file->color_bands != 4)
        return to_unit (scope, color, file->depth == WCT_DEPTH_8 ? 255 : 65535, false, not_a_number);
    }
  return converted == NULL ? NULL : to_unit (scope, converted, 65535, false, not_a_number);
}

static VipsImage *
append_band (VipsObject *scope, VipsImage *color, VipsImage *alpha)
{
  VipsImage *numbers = NULL, *joined = NULL;

  if (keep (scope, &numbers, vips_cast_float (alpha, &numbers, NULL)) == NULL)
    return NULL;
  return keep (scope, &joined, vips_bandjoin2 (color, numbers, &joined, NULL));
}

static VipsImage *
resize (VipsObject *scope, VipsImage *in, const WctPictureFile *file)
{
  VipsImage *resized = NULL;

  if (!file->resized)
    return in;
  return keep (
    scope, &resized,
    vips_resize (in, &resized, (double)file->width / in->Xsize, "vscale", (double)file->height / in->Ysize, NULL));
}

static VipsImage *
build_pipeline (VipsObject *scope, const WctPictureFile *file, atomic_bool *not_a_number)
{
  VipsImage *in, *color, *alpha = NULL;

  if ((in = turn_upright (scope, file)) == NULL || (in = unpack (scope, in)) == NULL
      || (color = take_bands (scope, in, 0, file->color_bands)) == NULL
      || (color = convert_color (scope, color, file, not_a_number)) == NULL)
    return NULL;
  if (file->alpha
      && ((alpha = take_bands (scope, in, file->color_bands, 1)) == NULL
          || (color = append_band (scope, color, alpha)) == NULL))
    return NULL;
  return resize (scope, color, file);
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

/* What a reader does with the strips that come. */
typedef struct
{
  bool            alpha;
  WctPictureTake *take;
  void           *user;
  WctStatus       status; /* of take */
  WctError       *err;
} Reader;

/* One strip of the pipeline's end, gray or RGB, with or without alpha, to colors and alpha. */
static void
part_strip (VipsRegion *region, const VipsRect *area, float *colors, float *alpha)
{
  const int  bands = region->im->Bands;
  const bool color = bands >= 3;

  for (int y = area->top; y < area->top + area->height; y++)
    {
      const float *in = (const float *)(const void *)VIPS_REGION_ADDR (region, 0, y);

      for (int x = 0; x < area->width; x++, in += bands, colors += 3)
        {
          for (int c = 0; c < 3; c++)
            colors[c] = clip (in[color ? c : 0]);
          if (alpha != NULL)
            *alpha++ = in[bands - 1];
        }
    }
}

static int
take_strip (VipsRegion *region, VipsRect *area, void *user)
{
  Reader      *reader = user;
  const size_t positions = (size_t)area->width * (size_t)area->height;
  float       *colors = malloc (positions * 3 * sizeof *colors), *alpha = NULL;

  if (reader->alpha)
    alpha = malloc (positions * sizeof *alpha);
  if (colors == NULL || (reader->alpha && alpha == NULL))
    reader->status = wct_error_set (reader->err, WCT_ERR_NO_MEMORY,
                                    "there is not enough memory for %d rows of a picture", area->height);
  else
    {
      const WctImage rows = { colors, area->width, area->height, 3, (size_t)area->width * 3 * sizeof *colors };

      part_strip (region, area, colors, alpha);
      reader->status = reader->take (reader->user, &rows, area->top, alpha, reader->err);
    }
  free (alpha);
  free (colors);
  return reader->status == WCT_OK ? 0 : -1;
}

static WctStatus
allocate (int32_t width, int32_t height, bool alpha, WctPicture *picture, WctError *err)
{
  const size_t pixels = (size_t)width * (size_t)height;

  picture->image.pixels = malloc (pixels * 3 * sizeof (float));
  picture->alpha = alpha ? malloc (pixels * sizeof (float)) : NULL;
  if (picture->image.pixels == NULL || (alpha && picture->alpha == NULL))
    {
      wct_picture_clear (picture);
      return wct_error_set (err, WCT_ERR_NO_MEMORY, "%d×%d pixels: there is not enough memory for the picture", width,
                            height);
    }
  return WCT_OK;
}

/* Some files say 0, which no format can write. */
static double
resolution (double pixels_per_mm)
{
  return pixels_per_mm > 0 ? pixels_per_mm : 1;
}

static WctStatus
explain_failure (const WctPictureFile *file, bool not_a_number, WctError *err)
{
  char reason[256];

  wct_vips_reason (reason, sizeof reason);
  if (wct_interrupted ())
    return wct_error_set (err, WCT_CANCELED, "canceled");
  if (not_a_number)
    return wct_error_set (err, WCT_ERR_NUMERIC, "%s: has pixels that are not a number (NaN); repair it first",
                          file->name);
  return wct_error_set (err, WCT_ERR_FORMAT, "%s: is damaged or cut short: %s", file->name, reason);
}

void
wct_picture_describe (const WctPictureFile *file, WctPicture *out)
{
  *out = (WctPicture){ .image = { .width = file->width,
                                  .height = file->height,
                                  .channels = 3,
                                  .row_stride_bytes = (size_t)file->width * 3 * sizeof (float) },
                       .alpha_max = file->alpha_max,
                       .depth = file->depth,
                       .linear = file->source == WCT_SOURCE_LINEAR,
                       .profile = file->profile,
                       .x_per_mm = resolution (file->image->Xres),
                       .y_per_mm = resolution (file->image->Yres) };
}

WctStatus
wct_picture_stream (WctPictureFile *file, WctPictureTake *take, void *user, WctError *err)
{
  Reader      reader = { .alpha = file->alpha, .take = take, .user = user, .err = err };
  VipsObject *scope = VIPS_OBJECT (vips_image_new ());
  atomic_bool not_a_number = false;
  VipsImage  *pipeline = build_pipeline (scope, file, &not_a_number);
  WctStatus   status = WCT_OK;

  if (pipeline != NULL)
    wct_vips_watch (pipeline);
  if (pipeline == NULL || vips_sink_disc (pipeline, take_strip, &reader) != 0
      || reader.status != WCT_OK) /* of the last strips libvips does not tell */
    {
      if (reader.status == WCT_OK)
        status = explain_failure (file, atomic_load (&not_a_number), err);
      else
        {
          vips_error_clear ();
          status = reader.status;
        }
    }
  g_object_unref (scope);
  return status;
}

static WctStatus
copy_rows (void *user, const WctImage *rows, int32_t first, const float *alpha, WctError *err)
{
  WctPicture  *picture = user;
  const size_t before = (size_t)first * (size_t)rows->width, positions = (size_t)rows->height * (size_t)rows->width;

  (void)err;
  memcpy (picture->image.pixels + 3 * before, rows->pixels, 3 * positions * sizeof (float));
  if (alpha != NULL)
    memcpy (picture->alpha + before, alpha, positions * sizeof (float));
  return WCT_OK;
}

WctStatus
wct_picture_read (WctPictureFile *file, WctPicture *out, WctError *err)
{
  WctPicture picture;
  WctStatus  status;

  wct_picture_describe (file, &picture);
  WCT_TRY (allocate (file->width, file->height, file->alpha, &picture, err));
  WCT_TRY (wct_picture_stream (file, copy_rows, &picture, err));
  *out = picture;
  picture = (WctPicture){ 0 };

out:
  wct_picture_clear (&picture);
  return status;
}

VipsImage *
wct_picture_alpha (VipsObject *scope, const WctPictureFile *file)
{
  VipsImage *in, *alpha, *numbers = NULL;

  if ((in = turn_upright (scope, file)) == NULL || (in = unpack (scope, in)) == NULL
      || (alpha = take_bands (scope, in, file->color_bands, 1)) == NULL
      || keep (scope, &numbers, vips_cast_float (alpha, &numbers, NULL)) == NULL)
    return NULL;
  return resize (scope, numbers, file);
}

void
wct_picture_describe_new (int32_t width, int32_t height, WctPicture *out)
{
  *out = (WctPicture){ .image = { .width = width,
                                  .height = height,
                                  .channels = 3,
                                  .row_stride_bytes = (size_t)width * 3 * sizeof (float) },
                       .alpha_max = 255,
                       .depth = WCT_DEPTH_8,
                       .x_per_mm = 1,
                       .y_per_mm = 1 };
}

WctStatus
wct_picture_new (int32_t width, int32_t height, WctPicture *out, WctError *err)
{
  WctPicture picture;
  WctStatus  status;

  wct_picture_describe_new (width, height, &picture);
  status = allocate (width, height, false, &picture, err);
  if (status == WCT_OK)
    *out = picture;
  return status;
}

void
wct_rows_to_mask (const WctImage *rows, float *mask)
{
  for (int32_t y = 0; y < rows->height; y++)
    {
      const float *in = rows->pixels + (size_t)y * (rows->row_stride_bytes / sizeof (float));

      for (int32_t x = 0; x < rows->width; x++, in += 3)
        *mask++ = 0.299f * in[0] + 0.587f * in[1] + 0.114f * in[2];
    }
}

void
wct_picture_clear (WctPicture *picture)
{
  free (picture->image.pixels);
  free (picture->alpha);
  *picture = (WctPicture){ 0 };
}

bool
wct_alpha_hides (const float *alpha, size_t count, double alpha_max)
{
  for (size_t i = 0; alpha != NULL && i < count; i++)
    if (alpha[i] < alpha_max)
      return true;
  return false;
}
