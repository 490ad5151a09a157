/* Inside the operation checker: what its files share. */
#ifndef CHECKOP_H
#define CHECKOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"

#define THREADS_MAX   4
#define FLOAT_EPSILON 0x1p-24 /* half the distance between 1 and the next float: what rounding once may cost */

typedef struct
{
  WctBackend *devices[THREADS_MAX]; /* the back end to check, with 1, 2, … threads */
  int         device_count;
  WctBackend *oracle; /* the reference back end; NULL while that is checked itself: see naive.h */

  /* the case that runs now */
  int      index;
  uint64_t random;
  char     what[256];    /* shapes and such, for the report */
  char     skipped[256]; /* what the case lacked; empty: nothing */
  bool     failed;       /* already reported */
  double   worst_share;  /* of what was allowed: the largest of all cases of an operation */
  char     failure[512]; /* where, expected, got, allowed */
} Checker;

/* ---- Randomness: a stream for each case, so that a case can be run alone -------------------------------------- */

uint64_t next_random (Checker *checker);
int32_t  random_integer (Checker *checker, int32_t low, int32_t high); /* both included */
double   random_number (Checker *checker, double low, double high);
int32_t  random_channels (Checker *checker);
int32_t  random_side (Checker *checker);
WctShape random_shape (Checker *checker); /* of a few hundred thousand values at most */

/* ---- Buffers with canaries on both sides ---------------------------------------------------------------------- */

typedef struct
{
  float *values;
  size_t count;
} Buffer;

Buffer buffer_new (size_t count);
Buffer buffer_copy (const Buffer *buffer);
void   buffer_free (Buffer *buffer);
void   buffer_fill (Checker *checker, Buffer *buffer, double low, double high);
void   check_canaries (Checker *checker, const Buffer *buffer, const char *what);

size_t count_floats (WctShape shape);

/* ---- Claims --------------------------------------------------------------------------------------------------- */

/* Notes the first failure of a case. */
void check_status (Checker *checker, WctStatus status, const WctError *err);
void fail_case (Checker *checker, const char *format, ...) WCT_PRINTF (2, 3);

/* The case cannot be run here. */
void skip_case (Checker *checker, const char *reason);

/* Remembers the largest share of what was allowed. */
void note_share (Checker *checker, double difference, double allowed);

/* |got - expected| <= allowed, for each value of a map. */
void check_close (Checker *checker, WctShape shape, const float *got, const float *expected, double allowed,
                  const char *why_allowed);
void check_number (Checker *checker, const char *what, double got, double expected, double allowed,
                   const char *why_allowed);
void check_same_bits (Checker *checker, const void *got, const void *expected, size_t bytes, const char *what);

/* ---- Operations: each makes one random case and checks it ----------------------------------------------------- */

typedef void (*Operation) (Checker *checker);

void check_round_trip (Checker *checker);
void check_convolution (Checker *checker);
void check_wide_convolution (Checker *checker);
void check_first_convolution (Checker *checker);
void check_last_convolution (Checker *checker);
void check_pool (Checker *checker);
void check_upsample (Checker *checker);
void check_pool_convolution (Checker *checker);
void check_upsample_convolution (Checker *checker);
void check_encoder (Checker *checker);
void check_decoder (Checker *checker);
void check_memory (Checker *checker);
void check_moments (Checker *checker);
void check_moments_weighted (Checker *checker);
void check_affine (Checker *checker);
void check_affine_weighted (Checker *checker);

/* training-*.c */
void check_train_batch (Checker *checker);
void check_train_convolution (Checker *checker);
void check_train_embedding (Checker *checker);
void check_train_pool (Checker *checker);
void check_train_upsample (Checker *checker);
void check_train_pool_convolution (Checker *checker);
void check_train_upsample_convolution (Checker *checker);
void check_train_encoder (Checker *checker);
void check_train_decoder (Checker *checker);
void check_train_resamplings (Checker *checker);
void check_train_compact (Checker *checker);
void check_train_full (Checker *checker);
void check_train_packing (Checker *checker);
void check_train_threads (Checker *checker);
void check_train_memory (Checker *checker);
void check_train_in_place (Checker *checker);
void check_train_bf16 (Checker *checker);
void check_train_f16 (Checker *checker);
void check_train_f16_scale (Checker *checker);
void check_train_bf16_decoder (Checker *checker);
void check_train_squared_error (Checker *checker);
void check_train_sums (Checker *checker);
void check_train_accumulate (Checker *checker);
void check_train_parameters (Checker *checker);
void check_train_adam (Checker *checker);
void check_train_moments (Checker *checker);
void check_train_affine (Checker *checker);
void check_train_cosine_error (Checker *checker);
void check_train_moments_error (Checker *checker);
void check_train_flat_features (Checker *checker);

#endif
