/* The adjoint of reflection padding and of up-sampling, a few rows at a time. Included by files that are compiled once
 * for each instruction set. */
#ifndef WCT_CPU_TRAINING_FOLD_H
#define WCT_CPU_TRAINING_FOLD_H

#include "training-kernels.h"
#include "vector.h"

static inline int32_t
reflect (int32_t at, int32_t side)
{
  if (side == 1)
    return 0;
  return at < 0 ? -at : at < side ? at : 2 * side - 2 - at;
}

/* Columns -1 and w of a padded line into those that they were copied from. */
static inline void
fold_columns (float *line, int32_t w)
{
  float *left = line + (size_t)(1 + reflect (-1, w)) * WCT_BLOCK;
  float *right = line + (size_t)(1 + reflect (w, w)) * WCT_BLOCK;

  store (left, load (left) + load (line));
  store (right, load (right) + load (line + (size_t)(w + 1) * WCT_BLOCK));
}

INLINE Vector
where_positive (Vector value, Vector condition)
{
  typedef int32_t Mask __attribute__ ((vector_size (sizeof (Vector))));

  return (Vector)((Mask)value & (condition > (Vector){ 0 }));
}

/* One line, without its border, to one row of the result. Constants choose. */
INLINE void
put_line (const float *line, int32_t columns, bool upsample, bool masked, bool add, const float *in, float *to)
{
  for (int32_t x = 0; x < columns; x++)
    {
      const size_t at = (size_t)x * WCT_BLOCK;
      Vector       value = upsample ? load (line + 2 * at) + load (line + 2 * at + WCT_BLOCK) : load (line + at);

      if (masked)
        value = where_positive (value, load (in + at));
      store (to + at, add ? load (to + at) + value : value);
    }
}

INLINE void
put_line_either (const float *line, int32_t columns, bool upsample, bool add, const float *in, float *to)
{
  if (in == NULL)
    put_line (line, columns, upsample, false, add, in, to);
  else
    put_line (line, columns, upsample, true, add, in, to);
}

/* Row @y of the padded gradient, -1 … h, whose columns are folded. */
static inline void
fold_row (const WctTrainConv *conv, const float *line, int32_t y, int32_t plane, const float *in, float *in_gradient)
{
  const int32_t w = conv->upsample ? conv->w / 2 : conv->w, h = conv->upsample ? conv->h / 2 : conv->h;
  const bool    border = y < 0 || y >= conv->h;
  const int32_t row = reflect (y, conv->h) / (conv->upsample ? 2 : 1);
  const size_t  at = ((size_t)plane * (size_t)h + (size_t)row) * (size_t)w * WCT_BLOCK;
  const bool    add = border || (conv->upsample && y % 2 != 0);

  line += WCT_BLOCK;
  if (in != NULL)
    in += at;
  if (conv->upsample && add)
    put_line_either (line, w, true, true, in, in_gradient + at);
  else if (conv->upsample)
    put_line_either (line, w, true, false, in, in_gradient + at);
  else if (add)
    put_line_either (line, w, false, true, in, in_gradient + at);
  else
    put_line_either (line, w, false, false, in, in_gradient + at);
}

/* Padded rows @first … @first + @rows - 1 of @lines, of 0 … h + 1, to the plane of one block; changes them. Calls
 * follow each other in order, and the first has at least two rows that are not border, if there are so many: border
 * rows are added to rows that are there. */
static inline void
fold_rows (const WctTrainConv *conv, float *lines, size_t row_floats, int32_t first, int32_t rows, int32_t plane,
           const float *in, float *in_gradient)
{
  for (int32_t i = 0; i < rows; i++)
    {
      const int32_t y = first + i - 1;

      fold_columns (lines + (size_t)i * row_floats, conv->w);
      if (y >= 0 && y < conv->h)
        fold_row (conv, lines + (size_t)i * row_floats, y, plane, in, in_gradient);
    }
  if (first == 0)
    fold_row (conv, lines, -1, plane, in, in_gradient);
  if (first + rows == conv->h + 2)
    fold_row (conv, lines + (size_t)(rows - 1) * row_floats, conv->h, plane, in, in_gradient);
}

#endif
