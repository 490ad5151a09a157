/* Own inner loops, compiled once for each instruction set from kernels.c and chosen at run time. */
#ifndef WCT_CPU_KERNELS_H
#define WCT_CPU_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "training-kernels.h"
#include "winograd-kernels.h"

typedef struct
{
  const char *name;  /* "AVX-512" */
  int32_t     block; /* channels in a block of the layout that suits this instruction set */

  const WctTrainingKernels *training;

  /* Maximum over 2×2: rows @a and @b of (2 columns, block) to one of (columns, block). */
  void (*pool_row) (const float *a, const float *b, int32_t columns, int32_t block, float *out);

  /* Nearest ×2: a row of (columns, block) to one of (2 columns, block). */
  void (*upsample_row) (const float *in, int32_t columns, int32_t block, float *out);

  /* A 3×3 convolution to one channel of a picture. @in: (blocks, rows + 2, columns + 2, block), padded; @weight:
   * (9 taps, blocks, block) per output, @outputs of them; @out[i]: (rows, columns), rows @out_columns apart. oneDNN
   * fills 16 outputs up for this
   * and does five times the work. */
  void (*picture_conv) (const float *in, int32_t blocks, int32_t rows, int32_t columns, const float *weight,
                        const float *bias, int32_t outputs, bool relu, float *const *out, int32_t out_columns);

  WctWinogradConvolve *winograd_conv; /* winograd-kernels.h; NULL: none */

  /* Of @count positions of one block of channels, whole or planar: those that @positions lists, with @weights; the
   * first ones, each whole, where both are NULL. sum[k] += Σ weights[i] in[i][k]. */
  void (*sum_positions) (const float *in, const int32_t *positions, const float *weights, int32_t count, int32_t block,
                         double *sum);

  /* Rows of a matrix, @stride apart, likewise: out[i][k] = roots[i] (in[i][k] - center[k]) for k below @block. */
  void (*center_rows) (const float *in, const int32_t *positions, const double *roots, int32_t count, int32_t block,
                       const double *center, int32_t stride, double *out);

  /* products += rows' rows, upper triangle. @rows: (count, lanes), @products: (lanes, lanes), @lanes a multiple of 8.
   */
  void (*add_products) (const double *rows, int32_t count, int32_t lanes, double *products);

  /* Positions likewise, one behind the other: out[i][k] = in[i][k] - center[k]. */
  void (*center_block) (const float *in, const int32_t *positions, int32_t count, int32_t block, const float *center,
                        float *out);

  /* And back to where they came from: adds weights[i] (mapped[i] - in[position]) to out[position], or writes mapped[i]
   * there where the weight is 1. */
  void (*mix_positions) (const float *mapped, const int32_t *positions, const float *weights, int32_t count,
                         int32_t block, const float *in, float *out);
} WctKernels;

/* The largest block of any instruction set. */
#define WCT_BLOCK_MAX 16

extern const WctKernels wct_kernels_base;
#if defined             __x86_64__
extern const WctKernels wct_kernels_avx2;
extern const WctKernels wct_kernels_avx512;
#endif

#endif
