/* Kept features of back ends without passes of their own are planar: (channels, h, w). */
#include "kept.h"

#include "backend.h"

/* Floats that are on their way at a time, on the stack. */
#define SOME 512

typedef struct
{
  size_t  offset; /* bytes into the store */
  int32_t count;  /* floats there */
  size_t  to;     /* of the first value, in (rows, w, channels); the next is `channels` on */
} Piece;

/* The @i-th piece of channel @c in row @y. */
static Piece
find_piece (WctShape features, int32_t first, int32_t y, int32_t c, int32_t i)
{
  const int32_t x = i * SOME, left = features.w - x;
  const size_t  row = (size_t)c * (size_t)features.h + (size_t)(first + y);

  return (Piece){ .offset = (row * (size_t)features.w + (size_t)x) * sizeof (float),
                  .count = left < SOME ? left : SOME,
                  .to = ((size_t)y * (size_t)features.w + (size_t)x) * (size_t)features.c + (size_t)c };
}

static int32_t
count_pieces (WctShape features)
{
  return (features.w + SOME - 1) / SOME;
}

WctStatus
wct_kept_read (WctBackend *backend, const WctStore *kept, WctShape features, int32_t first, int32_t rows, float *out,
               WctError *err)
{
  float     values[SOME];
  WctStatus status = WCT_OK;

  if (backend->ops->kept_read != NULL)
    return backend->ops->kept_read (backend->ctx, kept, features, first, rows, out, err);
  for (int32_t y = 0; y < rows; y++)
    for (int32_t c = 0; c < features.c; c++)
      for (int32_t i = 0; i < count_pieces (features); i++)
        {
          const Piece piece = find_piece (features, first, y, c, i);

          WCT_TRY (wct_store_read (kept, piece.offset, (size_t)piece.count * sizeof (float), values, err));
          for (int32_t k = 0; k < piece.count; k++)
            out[piece.to + (size_t)k * (size_t)features.c] = values[k];
        }

out:
  return status;
}

WctStatus
wct_kept_write (WctBackend *backend, WctStore *kept, WctShape features, int32_t first, int32_t rows,
                const float *values, WctError *err)
{
  float     some[SOME];
  WctStatus status = WCT_OK;

  if (backend->ops->kept_write != NULL)
    return backend->ops->kept_write (backend->ctx, kept, features, first, rows, values, err);
  for (int32_t y = 0; y < rows; y++)
    for (int32_t c = 0; c < features.c; c++)
      for (int32_t i = 0; i < count_pieces (features); i++)
        {
          const Piece piece = find_piece (features, first, y, c, i);

          for (int32_t k = 0; k < piece.count; k++)
            some[k] = values[piece.to + (size_t)k * (size_t)features.c];
          WCT_TRY (wct_store_write (kept, piece.offset, (size_t)piece.count * sizeof (float), some, err));
        }

out:
  return status;
}
