/* Kernels of the executor's tests, right ones and wrong ones, called from C. */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

#define BLOCK 256

  /* ---- Right ---------------------------------------------------------------------------------------------------- */

  /* Of each block's BLOCK values, by shared memory; then by shuffles, in each type. */
  void launch_sums_by_memory (int blocks, const float *in, float *sums);
  void launch_sums_by_shuffles_float (int blocks, const float *in, float *sums);
  void launch_sums_by_shuffles_double (int blocks, const double *in, double *sums);
  void launch_sums_by_shuffles_int (int blocks, const int *in, int *sums);

  /* What shuffles down and across give to each lane of one warp. */
  void launch_shuffles (unsigned distance, int bits, int *down, int *across);

  /* Of (rows, columns) values, by tiles of shared memory. */
  void launch_transpose (int rows, int columns, const float *in, float *out);

  /* x + 100 y + 10000 z of each thread in blocks and grids of three dimensions, and how often it ran. */
  void launch_indices (const unsigned grid[3], const unsigned block[3], int *counts);

  /* turns[thread]: which of the block's it was. */
  void launch_turns (int threads, int *counter, int *turns);

  /* *one = 1, *other = 2: pointers in a struct. */
  void launch_write_both (int *one, int *other);

  void launch_extremes (int threads, const int *in, int *smallest, int *largest);

  void launch_from_half (size_t count, const uint16_t *in, float *out);
  void launch_to_half (size_t count, const float *in, uint16_t *out);
  void launch_from_brain (size_t count, const uint16_t *in, float *out);
  void launch_to_brain (size_t count, const float *in, uint16_t *out);

  /* ---- Wrong ---------------------------------------------------------------------------------------------------- */

  /* out[i] = in[i - 1], through shared memory, without the barrier that it needs. */
  void launch_without_barrier (const int *in, int *out);

  void launch_unwritten_memory (float *out);
  void launch_early_leaver (int *out);
  void launch_barrier_of_some (int *out);
  void launch_two_barriers (int *out);
  void launch_shuffle_of_some (int *out);
  void launch_shuffle_with_mask (int *out);
  void launch_shuffle_of_half_a_warp (int *out);
  void launch_threads (unsigned threads, int *out);
  void launch_blocks (unsigned blocks_y, int *out);
  void launch_write (int index, int *out);
  void launch_write_in (void *stream, int index, int *out);

#ifdef __cplusplus
}
#endif

#endif
