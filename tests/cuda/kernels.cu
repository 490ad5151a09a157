#include "kernels.h"

#include "backend/cuda/kernel.h"

/* ---- Right ------------------------------------------------------------------------------------------------------- */

__global__ static void
sums_by_memory (const float *in, float *sums)
{
  WCT_SHARED float part[BLOCK];
  const unsigned   own = threadIdx.x;

  part[own] = in[blockIdx.x * BLOCK + own];
  __syncthreads ();
  for (unsigned half = BLOCK / 2; half > 0; half /= 2)
    {
      if (own < half)
        part[own] += part[own + half];
      __syncthreads ();
    }
  if (own == 0)
    sums[blockIdx.x] = part[0];
}

void
launch_sums_by_memory (int blocks, const float *in, float *sums)
{
  WCT_LAUNCH (sums_by_memory, dim3 ((unsigned)blocks), dim3 (BLOCK), nullptr, in, sums);
}

template <typename T>
__global__ static void
sums_by_shuffles (const T *in, T *sums)
{
  WCT_SHARED T   part[BLOCK / 32];
  const unsigned own = threadIdx.x;
  T              sum = in[blockIdx.x * BLOCK + own];

  for (unsigned distance = 16; distance > 0; distance /= 2)
    sum += __shfl_down_sync (0xFFFFFFFF, sum, distance);
  if (own % 32 == 0)
    part[own / 32] = sum;
  __syncthreads ();
  if (own >= 32) /* no barrier follows */
    return;
  sum = own < BLOCK / 32 ? part[own] : T (0);
  for (int bits = 16; bits > 0; bits /= 2)
    sum += __shfl_xor_sync (0xFFFFFFFF, sum, bits);
  if (own == 0)
    sums[blockIdx.x] = sum;
}

void
launch_sums_by_shuffles_float (int blocks, const float *in, float *sums)
{
  WCT_LAUNCH (sums_by_shuffles<float>, dim3 ((unsigned)blocks), dim3 (BLOCK), nullptr, in, sums);
}

void
launch_sums_by_shuffles_double (int blocks, const double *in, double *sums)
{
  WCT_LAUNCH (sums_by_shuffles<double>, dim3 ((unsigned)blocks), dim3 (BLOCK), nullptr, in, sums);
}

void
launch_sums_by_shuffles_int (int blocks, const int *in, int *sums)
{
  WCT_LAUNCH (sums_by_shuffles<int>, dim3 ((unsigned)blocks), dim3 (BLOCK), nullptr, in, sums);
}

__global__ static void
shuffles (unsigned distance, int bits, int *down, int *across)
{
  const int own = (int)threadIdx.x;

  down[own] = __shfl_down_sync (0xFFFFFFFF, own, distance);
  across[own] = __shfl_xor_sync (0xFFFFFFFF, own, bits);
}

void
launch_shuffles (unsigned distance, int bits, int *down, int *across)
{
  WCT_LAUNCH (shuffles, dim3 (1), dim3 (32), nullptr, distance, bits, down, across);
}

#define TILE 16

__global__ static void
transpose (int rows, int columns, const float *in, float *out)
{
  WCT_SHARED float tile[TILE][TILE + 1];
  int              x = (int)(blockIdx.x * TILE + threadIdx.x), y = (int)(blockIdx.y * TILE + threadIdx.y);

  if (x < columns && y < rows)
    tile[threadIdx.y][threadIdx.x] = in[y * columns + x];
  __syncthreads ();
  x = (int)(blockIdx.y * TILE + threadIdx.x);
  y = (int)(blockIdx.x * TILE + threadIdx.y);
  if (x < rows && y < columns)
    out[y * rows + x] = tile[threadIdx.x][threadIdx.y];
}

void
launch_transpose (int rows, int columns, const float *in, float *out)
{
  WCT_LAUNCH (transpose, dim3 (count_blocks ((size_t)columns, TILE), count_blocks ((size_t)rows, TILE)),
              dim3 (TILE, TILE), nullptr, rows, columns, in, out);
}

__global__ static void
indices (int *counts)
{
  const unsigned x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y,
                 z = blockIdx.z * blockDim.z + threadIdx.z;

  counts[(z * gridDim.y * blockDim.y + y) * gridDim.x * blockDim.x + x] += (int)(x + 100 * y + 10000 * z);
}

void
launch_indices (const unsigned grid[3], const unsigned block[3], int *counts)
{
  WCT_LAUNCH (indices, dim3 (grid[0], grid[1], grid[2]), dim3 (block[0], block[1], block[2]), nullptr, counts);
}

__global__ static void
turns (int *counter, int *out)
{
  out[threadIdx.x] = atomicAdd (counter, 1);
}

void
launch_turns (int threads, int *counter, int *out)
{
  WCT_LAUNCH (turns, dim3 (1), dim3 ((unsigned)threads), nullptr, counter, out);
}

__global__ static void
extremes (const int *in, int *smallest, int *largest)
{
  atomicMin (smallest, in[threadIdx.x]);
  atomicMax (largest, in[threadIdx.x]);
}

void
launch_extremes (int threads, const int *in, int *smallest, int *largest)
{
  WCT_LAUNCH (extremes, dim3 (1), dim3 ((unsigned)threads), nullptr, in, smallest, largest);
}

typedef struct
{
  char  before;
  int  *one, *other;
  short behind;
} Pair;

__global__ static void
write_both (Pair pair)
{
  *pair.one = 1;
  *pair.other = 2;
}

void
launch_write_both (int *one, int *other)
{
  WCT_LAUNCH (write_both, dim3 (1), dim3 (1), nullptr, (Pair{ 'a', one, other, 1 }));
}

template <typename T>
__global__ static void
to_floats (size_t count, const T *in, float *out)
{
  const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

  if (i < count)
    out[i] = load (in[i]);
}

template <typename T>
__global__ static void
from_floats (size_t count, const float *in, T *out)
{
  const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;

  if (i < count)
    store (&out[i], in[i]);
}

void
launch_from_half (size_t count, const uint16_t *in, float *out)
{
  WCT_LAUNCH (to_floats<WctHalf>, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), nullptr, count,
              reinterpret_cast<const WctHalf *> (in), out);
}

void
launch_to_half (size_t count, const float *in, uint16_t *out)
{
  WCT_LAUNCH (from_floats<WctHalf>, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), nullptr, count, in,
              reinterpret_cast<WctHalf *> (out));
}

void
launch_from_brain (size_t count, const uint16_t *in, float *out)
{
  WCT_LAUNCH (to_floats<WctBrain>, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), nullptr, count,
              reinterpret_cast<const WctBrain *> (in), out);
}

void
launch_to_brain (size_t count, const float *in, uint16_t *out)
{
  WCT_LAUNCH (from_floats<WctBrain>, dim3 (count_blocks (count, BLOCK)), dim3 (BLOCK), nullptr, count, in,
              reinterpret_cast<WctBrain *> (out));
}

/* ---- Wrong ------------------------------------------------------------------------------------------------------- */

__global__ static void
without_barrier (const int *in, int *out)
{
  WCT_SHARED int values[BLOCK];
  const unsigned own = threadIdx.x;

  values[own] = in[own];
  out[own] = own > 0 ? values[own - 1] : 0;
  __syncthreads ();
}

void
launch_without_barrier (const int *in, int *out)
{
  WCT_LAUNCH (without_barrier, dim3 (1), dim3 (BLOCK), nullptr, in, out);
}

__global__ static void
unwritten_memory (float *out)
{
  WCT_SHARED float values[BLOCK];

  if (blockIdx.x == 0)
    values[threadIdx.x] = 1;
  __syncthreads ();
  out[blockIdx.x * BLOCK + threadIdx.x] = values[threadIdx.x];
}

void
launch_unwritten_memory (float *out)
{
  WCT_LAUNCH (unwritten_memory, dim3 (2), dim3 (BLOCK), nullptr, out);
}

__global__ static void
early_leaver (int *out)
{
  if (threadIdx.x == 77)
    return;
  __syncthreads ();
  out[threadIdx.x] = 1;
}

void
launch_early_leaver (int *out)
{
  WCT_LAUNCH (early_leaver, dim3 (1), dim3 (BLOCK), nullptr, out);
}

__global__ static void
barrier_of_some (int *out)
{
  if (threadIdx.x < 32)
    __syncthreads ();
  out[threadIdx.x] = __shfl_down_sync (0xFFFFFFFF, 1, 1);
}

void
launch_barrier_of_some (int *out)
{
  WCT_LAUNCH (barrier_of_some, dim3 (1), dim3 (BLOCK), nullptr, out);
}

__global__ static void
two_barriers (int *out)
{
  if (threadIdx.x % 2 == 0)
    __syncthreads ();
  else
    __syncthreads ();
  out[threadIdx.x] = 1;
}

void
launch_two_barriers (int *out)
{
  WCT_LAUNCH (two_barriers, dim3 (1), dim3 (BLOCK), nullptr, out);
}

__global__ static void
shuffle_of_some (int *out)
{
  int value = 1;

  if (threadIdx.x < 40)
    value = __shfl_down_sync (0xFFFFFFFF, value, 1);
  out[threadIdx.x] = value;
}

void
launch_shuffle_of_some (int *out)
{
  WCT_LAUNCH (shuffle_of_some, dim3 (1), dim3 (BLOCK), nullptr, out);
}

__global__ static void
shuffle_with_mask (int *out)
{
  out[threadIdx.x] = __shfl_down_sync (0xFFFF, 1, 1);
}

void
launch_shuffle_with_mask (int *out)
{
  WCT_LAUNCH (shuffle_with_mask, dim3 (1), dim3 (BLOCK), nullptr, out);
}

__global__ static void
any_shuffle (int *out)
{
  out[threadIdx.x] = __shfl_down_sync (0xFFFFFFFF, 1, 1);
}

void
launch_shuffle_of_half_a_warp (int *out)
{
  WCT_LAUNCH (any_shuffle, dim3 (1), dim3 (48), nullptr, out);
}

__global__ static void
write_ones (int *out)
{
  out[0] = 1;
}

void
launch_threads (unsigned threads, int *out)
{
  WCT_LAUNCH (write_ones, dim3 (1), dim3 (threads), nullptr, out);
}

void
launch_blocks (unsigned blocks_y, int *out)
{
  WCT_LAUNCH (write_ones, dim3 (1, blocks_y), dim3 (1), nullptr, out);
}

__global__ static void
write_at (int index, int *out)
{
  out[index] = 1;
}

void
launch_write (int index, int *out)
{
  launch_write_in (nullptr, index, out);
}

void
launch_write_in (void *stream, int index, int *out)
{
  WCT_LAUNCH (write_at, dim3 (1), dim3 (1), stream, index, out);
}
