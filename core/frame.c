/* Cuts and turns a style's picture. Positions are continuous: pixel i covers [i, i + 1], its center is at i + 1/2. */
#include <wct/frame.h>

#include <math.h>
#include <string.h>

#define COLORS   3
#define SIDE_MIN 16 /* one position of relu5_1 */
#define PI       3.14159265358979323846

/* In pixels of the picture. */
typedef struct
{
  int32_t left, top, width, height;
} Part;

/* ---- Sizes -------------------------------------------------------------------------------------------------- */

/* The share of a side that is taken. */
static double
share (double first, double extent)
{
  return fmin (extent, 100 - first) / 100;
}

static void
cut_side (double first, double extent, int32_t side, int32_t *out_first, int32_t *out_extent)
{
  const int32_t start = (int32_t)(side * first / 100 + 0.5);
  const int32_t count = (int32_t)(side * share (first, extent) + 0.5);

  *out_first = start < side ? start : side - 1;
  *out_extent = count < 1 ? 1 : count < side - *out_first ? count : side - *out_first;
}

static Part
find_part (const WctParams *params, int32_t width, int32_t height)
{
  Part part;

  cut_side (params->style_left, params->style_width, width, &part.left, &part.width);
  cut_side (params->style_top, params->style_height, height, &part.top, &part.height);
  return part;
}

int32_t
wct_frame_side (const WctParams *params, int32_t style_width, int32_t style_height, int32_t content_width,
                int32_t content_height)
{
  const double whole = fmax (style_width, style_height);
  const double part = fmax (style_width * share (params->style_left, params->style_width),
                            style_height * share (params->style_top, params->style_height));
  const double wanted = params->style_scale > 0
                          ? fmax (1, round (params->style_scale / 100 * fmax (content_width, content_height)))
                          : params->style_size;

  if (!(wanted > 0))
    return (int32_t)whole;
  return (int32_t)fmax (1, round (whole / part * wanted)); /* 1 % of a style, ten times a content: below 2^31 */
}

bool
wct_frame_is_set (const WctParams *params)
{
  return params->style_left > 0 || params->style_top > 0 || params->style_width < 100 || params->style_height < 100
         || params->style_rotation != 0;
}

/* How often counterclockwise by 90 degrees, 0 to 3; -1: by another angle. */
static int
right_angles (double degrees)
{
  const double turns = degrees / 90;

  return turns == floor (turns) ? ((int)turns + 4) % 4 : -1;
}

/* The largest width × height, upright, in a @w × @h that is turned: w' cos + h' sin <= w and w' sin + h' cos <= h, with
 * sine and cosine of the acute angle. Either each side has one corner: both are equations then; or, in a long
 * rectangle, two corners lie on the middles of the long sides, where w' h' under the short side's constraint alone is
 * largest (https://stackoverflow.com/questions/16702966, which proves both). */
static void
inscribe (double w, double h, double sine, double cosine, double *width, double *height)
{
  const double longer = fmax (w, h), shorter = fmin (w, h);

  if (shorter <= 2 * sine * cosine * longer || fabs (sine - cosine) < 1e-10)
    {
      const double half = shorter / 2;

      *width = w >= h ? half / sine : half / cosine;
      *height = w >= h ? half / cosine : half / sine;
    }
  else
    {
      const double determinant = cosine * cosine - sine * sine;

      *width = (w * cosine - h * sine) / determinant;
      *height = (h * cosine - w * sine) / determinant;
    }
}

/* A side that is too short for the network is made longer at the other one's expense, where both have room. */
static void
widen (double w, double h, double sine, double cosine, double *width, double *height)
{
  const double other_height = fmin ((w - SIDE_MIN * cosine) / sine, (h - SIDE_MIN * sine) / cosine);
  const double other_width = fmin ((w - SIDE_MIN * sine) / cosine, (h - SIDE_MIN * cosine) / sine);

  if (*width < SIDE_MIN && other_height >= SIDE_MIN)
    {
      *width = SIDE_MIN;
      *height = other_height;
    }
  else if (*height < SIDE_MIN && other_width >= SIDE_MIN)
    {
      *width = other_width;
      *height = SIDE_MIN;
    }
}

/* Whole pixels in it; what is a rounding error short of one counts. */
static int32_t
whole_pixels (double side)
{
  const double whole = floor (side + 1e-9);

  return whole < 1 ? 1 : (int32_t)whole;
}

void
wct_frame_size (const WctParams *params, int32_t width, int32_t height, int32_t *out_width, int32_t *out_height)
{
  const Part   part = find_part (params, width, height);
  const double angle = params->style_rotation * PI / 180, sine = fabs (sin (angle)), cosine = fabs (cos (angle));
  const int    turns = right_angles (params->style_rotation);
  double       inner_width, inner_height;

  if (turns >= 0)
    {
      *out_width = turns % 2 == 0 ? part.width : part.height;
      *out_height = turns % 2 == 0 ? part.height : part.width;
      return;
    }
  inscribe (part.width, part.height, sine, cosine, &inner_width, &inner_height);
  widen (part.width, part.height, sine, cosine, &inner_width, &inner_height);
  *out_width = whole_pixels (inner_width);
  *out_height = whole_pixels (inner_height);
}

/* ---- Pixels ------------------------------------------------------------------------------------------------- */

static float *
row_of (const WctImage *image, int32_t y)
{
  return image->pixels + (size_t)y * (image->row_stride_bytes / sizeof (float));
}

/* The part as a picture of its own, in place. */
static WctImage
view (const WctImage *picture, const Part *part)
{
  return (WctImage){ row_of (picture, part->top) + (size_t)part->left * COLORS, part->width, part->height, COLORS,
                     picture->row_stride_bytes };
}

static void
turn_right_angles (const WctImage *in, int turns, WctImage *out)
{
  const int32_t right = in->width - 1, bottom = in->height - 1;

  for (int32_t y = 0; y < out->height; y++)
    for (int32_t x = 0; x < out->width; x++)
      {
        const int32_t from_x = turns == 0 ? x : turns == 1 ? right - y : turns == 2 ? right - x : y;
        const int32_t from_y = turns == 0 ? y : turns == 1 ? x : turns == 2 ? bottom - y : bottom - x;

        memcpy (row_of (out, y) + (size_t)x * COLORS, row_of (in, from_y) + (size_t)from_x * COLORS,
                COLORS * sizeof (float));
      }
}

/* Of the four pixels around a position @t behind the second: Keys, Cubic convolution interpolation for digital image
 * processing, 1981, a = -1/2. They add up to 1. */
static void
cubic_weights (double t, double weights[4])
{
  weights[0] = ((-0.5 * t + 1) * t - 0.5) * t;
  weights[1] = (1.5 * t - 2.5) * t * t + 1;
  weights[2] = ((-1.5 * t + 2) * t + 0.5) * t;
  weights[3] = (0.5 * t - 0.5) * t * t;
}

static int32_t
clamp_index (int32_t i, int32_t count)
{
  return i < 0 ? 0 : i < count ? i : count - 1;
}

/* @x, @y: where pixels' centers are whole numbers */
static void
interpolate (const WctImage *in, double x, double y, float color[COLORS])
{
  const int32_t left = (int32_t)floor (x), top = (int32_t)floor (y);
  double        across[4], down[4], sums[COLORS] = { 0 };

  cubic_weights (x - left, across);
  cubic_weights (y - top, down);
  for (int32_t j = 0; j < 4; j++)
    {
      const float *row = row_of (in, clamp_index (top - 1 + j, in->height));

      for (int32_t i = 0; i < 4; i++)
        {
          const float *pixel = row + (size_t)clamp_index (left - 1 + i, in->width) * COLORS;

          for (int c = 0; c < COLORS; c++)
            sums[c] += down[j] * across[i] * pixel[c];
        }
    }
  for (int c = 0; c < COLORS; c++)
    color[c] = (float)fmin (fmax (sums[c], 0), 1);
}

/* Center goes to center; y points down, so what turns counterclockwise on the screen has this sign. */
static void
turn (const WctImage *in, double degrees, WctImage *out)
{
  const double angle = degrees * PI / 180, sine = sin (angle), cosine = cos (angle);

  for (int32_t y = 0; y < out->height; y++)
    for (int32_t x = 0; x < out->width; x++)
      {
        const double dx = x - (out->width - 1) / 2.0, dy = y - (out->height - 1) / 2.0;

        interpolate (in, (in->width - 1) / 2.0 + dx * cosine - dy * sine,
                     (in->height - 1) / 2.0 + dx * sine + dy * cosine, row_of (out, y) + (size_t)x * COLORS);
      }
}

WctStatus
wct_frame_take (const WctParams *params, const WctImage *picture, WctImage *out, WctError *err)
{
  const int turns = right_angles (params->style_rotation);
  int32_t   width, height;
  Part      part;
  WctImage  in;
  WctStatus status;

  WCT_TRY (wct_image_check (picture, COLORS, "style", err));
  WCT_TRY (wct_image_check (out, COLORS, "the style's part", err));
  wct_frame_size (params, picture->width, picture->height, &width, &height);
  if (out->width != width || out->height != height)
    WCT_TRY (wct_error_set (err, WCT_ERR_ARGUMENT, "the style's part is %d×%d pixels; there is room for %d×%d", width,
                            height, out->width, out->height));
  part = find_part (params, picture->width, picture->height);
  in = view (picture, &part);
  if (turns >= 0)
    turn_right_angles (&in, turns, out);
  else
    turn (&in, params->style_rotation, out);

out:
  return status;
}
