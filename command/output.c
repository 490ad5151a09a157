/* Formats and quantizing; how a file appears is newfile.c's. */
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exit-status.h"
#include "interrupt.h"
#include "newfile.h"

struct WctFormat
{
  const char *name;
  const char *extensions[3]; /* lower case; the first one is also what libvips calls it */
  WctDepth    depth;         /* the deepest that it has */
  bool        alpha;
  int32_t     side_max;
};

static const WctFormat formats[] = {
  { "PNG", { ".png" }, WCT_DEPTH_16, true, WCT_IMAGE_SIDE_MAX },
  { "JPEG", { ".jpg", ".jpeg" }, WCT_DEPTH_8, false, 65500 },
  { "TIFF", { ".tif", ".tiff" }, WCT_DEPTH_FLOAT, true, WCT_IMAGE_SIDE_MAX },
  { "WebP", { ".webp" }, WCT_DEPTH_8, true, 16383 },
};

/* ---- before the work ---------------------------------------------------------------------------------------- */

/* The part of @path after its last slash. */
static const char *
base_name (const char *path)
{
  const char *slash = strrchr (path, '/');

  return slash == NULL ? path : slash + 1;
}

static const WctFormat *
find_format (const char *path)
{
  const char *base = base_name (path);
  const char *dot = strrchr (base, '.');

  if (dot == NULL || dot == base) /* ".png" is a hidden file without extension */
    return NULL;
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    for (size_t k = 0; k < sizeof formats[i].extensions / sizeof formats[i].extensions[0]; k++)
      if (formats[i].extensions[k] != NULL && g_ascii_strcasecmp (dot, formats[i].extensions[k]) == 0)
        return &formats[i];
  return NULL;
}

WctStatus
wct_output_check_extension (const char *path, WctError *err)
{
  if (find_format (path) != NULL)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "%s: the name must end in .png, .jpg, .jpeg, .tif, .tiff or .webp, which says the format",
                        path);
}

/* Shows, by doing it, that files can be made in the folder. */
static WctStatus
check_folder (const WctOutput *output, WctError *err)
{
  WctNewFile  probe = WCT_NEW_FILE_NONE;
  struct stat about;
  WctStatus   status;

  if (stat (output->folder, &about) != 0)
    return wct_error_set (err, WCT_ERR_IO, "%s: the folder %s cannot be used: %s", output->path, output->folder,
                          strerror (errno));
  if (!S_ISDIR (about.st_mode))
    return wct_error_set (err, WCT_ERR_IO, "%s: %s is not a folder", output->path, output->folder);
  status = wct_new_file_open (output->path, output->force, &probe, err);
  if (status == WCT_OK)
    wct_new_file_close (&probe);
  return status;
}

WctStatus
wct_output_open (const char *path, bool force, WctOutput *out, WctError *err)
{
  WctOutput output = { .force = force };
  char     *target = realpath (path, NULL); /* NULL where nothing is there yet */
  WctStatus status;

  output.path = g_strdup (target == NULL ? path : target);
  output.folder = g_path_get_dirname (output.path);
  output.format = find_format (path);
  free (target);
  WCT_TRY (wct_output_check_extension (path, err));
  WCT_TRY (wct_output_check_extension (output.path, err)); /* a link may lead to a file of another kind */
  WCT_TRY (wct_new_file_check (output.path, force, err));
  WCT_TRY (check_folder (&output, err));
  *out = output;
  output = (WctOutput){ 0 };

out:
  wct_output_clear (&output);
  return status;
}

void
wct_output_clear (WctOutput *output)
{
  g_free (output->path);
  g_free (output->folder);
  *output = (WctOutput){ 0 };
}

WctStatus
wct_output_check_size (const WctOutput *output, int32_t width, int32_t height, WctError *err)
{
  if (width <= output->format->side_max && height <= output->format->side_max)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "%s: %d×%d pixels are too many for %s, which has %d a side; use .png or .tif", output->path,
                        width, height, output->format->name, output->format->side_max);
}

WctStatus
wct_output_check_alpha (const WctOutput *output, const float *alpha, size_t count, double alpha_max, WctError *err)
{
  if (output->format->alpha || !wct_alpha_hides (alpha, count, alpha_max))
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_ARGUMENT,
                        "%s: the picture has transparent pixels and %s cannot hold them; use .png, .tif or .webp",
                        output->path, output->format->name);
}

/* ---- pixels ------------------------------------------------------------------------------------------------- */

static const VipsBandFormat depth_format[] = {
  [WCT_DEPTH_8] = VIPS_FORMAT_UCHAR, [WCT_DEPTH_16] = VIPS_FORMAT_USHORT, [WCT_DEPTH_FLOAT] = VIPS_FORMAT_FLOAT
};

/* The inverse of what picture.c did to linear light. */
static float
decode_light (float encoded)
{
  return encoded <= 0.04045f ? encoded / 12.92f : powf ((encoded + 0.055f) / 1.055f, 2.4f);
}

/* @value in [0, 1]; anything else is clipped, NaN to 0. */
static void
put (void *pixels, size_t index, WctDepth depth, double value)
{
  const double clipped = !(value > 0) ? 0 : value < 1 ? value : 1;

  if (depth == WCT_DEPTH_8)
    ((unsigned char *)pixels)[index] = (unsigned char)(clipped * 255 + 0.5);
  else if (depth == WCT_DEPTH_16)
    ((unsigned short *)pixels)[index] = (unsigned short)(clipped * 65535 + 0.5);
  else
    ((float *)pixels)[index] = (float)clipped;
}

/* Float stays the number it was, bit for bit, also outside [0, 1]. */
static void
put_alpha (void *pixels, size_t index, WctDepth depth, float alpha, double alpha_max)
{
  if (depth == WCT_DEPTH_FLOAT && alpha_max == 1)
    ((float *)pixels)[index] = alpha;
  else
    put (pixels, index, depth, alpha / alpha_max);
}

/* A picture on its way to libvips. */
typedef struct
{
  const WctPicture   *picture;
  const WctRowSource *rows;  /* NULL: the picture has them */
  VipsImage          *alpha; /* a pipeline; NULL: the picture has it, or there is none */
  WctDepth            depth;
  bool                linear;
  int                 bands;
  WctStatus           status; /* of rows->get */
  WctError           *err;
} Writer;

/* Reads the alpha where it is a pipeline. */
static void *
start_writing (VipsImage *out, void *a, void *b)
{
  const Writer *writer = a;

  (void)out;
  (void)b;
  return vips_region_new (writer->alpha);
}

static int
stop_writing (void *sequence, void *a, void *b)
{
  (void)a;
  (void)b;
  g_object_unref (sequence);
  return 0;
}

/* One row: @colors and @alpha from the first column of the picture on. */
static void
quantize_row (const Writer *writer, const float *colors, const float *alpha, int left, int width, void *out)
{
  const size_t bands = (size_t)writer->bands;

  for (size_t i = 0; i < (size_t)width; i++)
    {
      const float *in = colors + 3 * (i + (size_t)left);

      for (size_t c = 0; c < 3; c++)
        put (out, bands * i + c, writer->depth, writer->linear ? decode_light (in[c]) : in[c]);
      if (alpha != NULL)
        put_alpha (out, bands * i + 3, writer->depth, alpha[i + (size_t)left], writer->picture->alpha_max);
    }
}

/* Rows from the picture, or from where they come from. @own: what is to be freed */
static const float *
fetch_rows (Writer *writer, const VipsRect *area, float **own)
{
  const int32_t width = writer->picture->image.width;
  const size_t  row = (size_t)width * 3;

  *own = NULL;
  if (writer->rows == NULL)
    return writer->picture->image.pixels + (size_t)area->top * row;
  *own = malloc (row * (size_t)area->height * sizeof **own);
  if (*own == NULL)
    writer->status =
      wct_error_set (writer->err, WCT_ERR_NO_MEMORY, "there is not enough memory to write %d rows", area->height);
  else
    {
      WctImage rows = { *own, width, area->height, 3, row * sizeof **own };

      writer->status = writer->rows->get (writer->rows->user, area->top, &rows, writer->err);
    }
  return *own;
}

static const float *
alpha_row (const Writer *writer, VipsRegion *region, int y)
{
  if (writer->bands < 4)
    return NULL;
  return writer->alpha != NULL ? (const float *)(const void *)VIPS_REGION_ADDR (region, 0, y)
                               : writer->picture->alpha + (size_t)y * (size_t)writer->picture->image.width;
}

static int
write_area (VipsRegion *out, void *sequence, void *a, void *b, gboolean *stop)
{
  Writer        *writer = b;
  VipsRegion    *alpha = sequence;
  const VipsRect area = out->valid, rows = { 0, area.top, writer->picture->image.width, area.height };
  float         *own;
  const float   *colors;

  (void)a;
  (void)stop;
  if (alpha != NULL && vips_region_prepare (alpha, &rows) != 0)
    return -1;
  colors = fetch_rows (writer, &area, &own);
  for (int y = 0; y < area.height && writer->status == WCT_OK; y++)
    quantize_row (writer, colors + (size_t)y * (size_t)rows.width * 3, alpha_row (writer, alpha, area.top + y),
                  area.left, area.width, VIPS_REGION_ADDR (out, area.left, area.top + y));
  free (own);
  return writer->status == WCT_OK ? 0 : -1;
}

/* Numbers that are not linear light must not be taken for it: readers do that with float unless a profile says so. */
static bool
profile_needed (const WctPicture *picture, WctDepth depth, bool linear)
{
  return !linear && (picture->profile || depth == WCT_DEPTH_FLOAT);
}

static WctStatus
embed_srgb_profile (VipsImage *image, WctError *err)
{
  VipsBlob   *profile = NULL;
  const void *bytes;
  size_t      size;
  char        reason[256];

  if (vips_profile_load ("srgb", &profile, NULL) != 0 || profile == NULL)
    {
      wct_vips_reason (reason, sizeof reason);
      return wct_error_set (err, WCT_ERR_UNSUPPORTED, "libvips has no sRGB profile to embed: %s", reason);
    }
  bytes = vips_blob_get (profile, &size);
  vips_image_set_blob_copy (image, VIPS_META_ICC_NAME, bytes, size);
  vips_area_unref (VIPS_AREA (profile));
  return WCT_OK;
}

static VipsInterpretation
interpretation_of (WctDepth depth, bool linear)
{
  if (linear)
    return VIPS_INTERPRETATION_scRGB;
  return depth == WCT_DEPTH_16 ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

/* The picture as libvips writes it: made strip by strip. @scope: owns everything */
static WctStatus
make_image (const WctOutput *output, VipsObject *scope, Writer *writer, VipsImage **out, WctError *err)
{
  const WctPicture *picture = writer->picture;
  VipsImage        *image = vips_image_new ();
  int               failed;

  *vips_object_local_array (scope, 1) = VIPS_OBJECT (image);
  vips_image_init_fields (image, picture->image.width, picture->image.height, writer->bands,
                          depth_format[writer->depth], VIPS_CODING_NONE,
                          interpretation_of (writer->depth, writer->linear), picture->x_per_mm, picture->y_per_mm);
  failed = vips_image_pipelinev (image, VIPS_DEMAND_STYLE_THINSTRIP, NULL) != 0; /* not of the alpha: no fields of it */
  if (!failed)
    failed = writer->alpha != NULL
               ? vips_image_generate (image, start_writing, write_area, stop_writing, writer, writer) != 0
               : vips_image_generate (image, NULL, write_area, NULL, writer, writer) != 0;
  if (failed)
    return wct_error_set (err, WCT_ERR_NO_MEMORY, "%s: libvips has no memory to write it", output->path);
  *out = image;
  return profile_needed (picture, writer->depth, writer->linear) ? embed_srgb_profile (image, err) : WCT_OK;
}

static WctStatus
make_writer (const WctOutput *output, const WctPicture *picture, const WctRowSource *rows, VipsObject *scope,
             Writer *writer, WctError *err)
{
  const bool in_file = rows != NULL && rows->alpha != NULL;
  const bool alpha = (in_file || picture->alpha != NULL) && output->format->alpha;

  *writer = (Writer){ .picture = picture,
                      .rows = rows,
                      .depth = picture->depth < output->format->depth ? picture->depth : output->format->depth,
                      .bands = alpha ? 4 : 3,
                      .err = err };
  writer->linear = picture->linear && writer->depth == WCT_DEPTH_FLOAT;
  if (!alpha || !in_file)
    return WCT_OK;
  writer->alpha = wct_picture_alpha (scope, rows->alpha);
  if (writer->alpha == NULL)
    return wct_error_set (err, WCT_ERR_FORMAT, "%s: its transparency cannot be read a second time", rows->alpha->name);
  return WCT_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* Nothing but pixels, resolution and our profile: libvips would add an EXIF block that it makes up. Before 8.15 it
 * drops either all or nothing; the block then says "upright", and "uncalibrated" beside the profile. */
#if VIPS_MAJOR_VERSION > 8 || VIPS_MINOR_VERSION >= 15
#  define PIXELS_ONLY "keep", VIPS_FOREIGN_KEEP_ICC
#else
#  define PIXELS_ONLY "strip", vips_image_get_typeof (image, VIPS_META_ICC_NAME) == 0
#endif

/* Smaller files by some percent, for which libjpeg keeps the whole picture's coefficients: not where that is much. */
#define OPTIMIZE_PIXELS_MAX (4 << 20)

static int
encode (const WctFormat *format, VipsImage *image, VipsTarget *target)
{
  const char *suffix = format->extensions[0];

  if (strcmp (format->name, "JPEG") == 0)
    return vips_image_write_to_target (image, suffix, target, "Q", 95, "optimize_coding",
                                       (gint64)image->Xsize * image->Ysize <= OPTIMIZE_PIXELS_MAX, PIXELS_ONLY, NULL);
  if (strcmp (format->name, "WebP") == 0)
    return vips_image_write_to_target (image, suffix, target, "Q", 90, PIXELS_ONLY, NULL);
  if (strcmp (format->name, "TIFF") == 0)
    return vips_image_write_to_target (
      image, suffix, target, "compression", VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, "predictor",
      image->BandFmt == VIPS_FORMAT_FLOAT ? VIPS_FOREIGN_TIFF_PREDICTOR_FLOAT : VIPS_FOREIGN_TIFF_PREDICTOR_HORIZONTAL,
      "bigtiff", VIPS_IMAGE_SIZEOF_IMAGE (image) > 0xF0000000u, PIXELS_ONLY, NULL);
  return vips_image_write_to_target (image, suffix, target, PIXELS_ONLY, NULL);
}

static bool
is_canceled (const WctOutput *output)
{
  return !output->finish && wct_interrupted ();
}

static WctStatus
write_failed (const WctOutput *output, const char *reason, WctError *err)
{
  if (is_canceled (output))
    return wct_error_set (err, WCT_CANCELED, "canceled");
  return wct_error_set (err, WCT_ERR_IO, "%s: cannot be written: %s", output->path, reason);
}

/* Encodes into @file. */
static WctStatus
fill_file (const WctOutput *output, VipsImage *image, int file, WctError *err)
{
  VipsTarget *target = vips_target_new_to_descriptor (file);
  char        reason[256];
  bool        failed;

  if (!output->finish)
    wct_vips_watch (image);
  failed = target == NULL || encode (output->format, image, target) != 0;
  g_clear_object (&target);
  if (failed)
    {
      wct_vips_reason (reason, sizeof reason);
      return write_failed (output, reason, err);
    }
  return is_canceled (output) ? write_failed (output, "", err) : WCT_OK;
}

WctStatus
wct_output_save (const WctOutput *output, const WctPicture *picture, const WctRowSource *rows, WctError *err)
{
  VipsObject *scope = VIPS_OBJECT (vips_image_new ());
  WctNewFile  file = WCT_NEW_FILE_NONE;
  VipsImage  *image = NULL;
  WctError    of_rows;
  Writer      writer = { .status = WCT_OK };
  WctStatus   status;

  WCT_TRY (make_writer (output, picture, rows, scope, &writer, err));
  writer.err = &of_rows;
  WCT_TRY (make_image (output, scope, &writer, &image, err));
  WCT_TRY (wct_new_file_open (output->path, output->force, &file, err));
  status = fill_file (output, image, file.descriptor, err);
  if (writer.status != WCT_OK)
    status = wct_error_set (err, writer.status, "%s", of_rows.message);
  if (status == WCT_OK)
    status = wct_new_file_commit (&file, err);

out:
  wct_new_file_close (&file);
  g_object_unref (scope);
  return status;
}
