/* Chains to check: layers, a batch, and the gradient that comes back; and how a back end runs them. */
#ifndef CHECKOP_CHAIN_CASE_H
#define CHECKOP_CHAIN_CASE_H

#include "layer-case.h"

typedef struct
{
  LayerCase layers;
  int32_t   count;        /* maps of the batch */
  int       grid;         /* input values are multiples of 1 / grid, so that many are equal; 0: any values */
  Buffer    in;           /* (count, c, h, w) */
  Buffer    out_gradient; /* likewise, of the result */
} ChainCase;

typedef struct
{
  Buffer out, in_gradient, weight_gradients; /* no values where they were not asked for */
} ChainResult;

/* What a chain is made of on a back end, its input uploaded. */
typedef struct
{
  WctBackend *backend;
  WctPacking *packing;
  WctChain   *chain;
  WctBatch   *in, *out, *out_gradient, *in_gradient;
} ChainRun;

/* Skips the case where the back end cannot train. */
bool trains (Checker *checker);

size_t batch_floats (int32_t count, WctShape shape);

/* The batch of a case whose layers and count are there; filled by draw_values. Variances of values and gradients are
 * kept through ReLUs by twice the variance of weights. */
void begin_values (ChainCase *chain);
void draw_values (Checker *checker, ChainCase *chain);
void strengthen_weights (LayerCase *layers);
void free_chain_case (ChainCase *chain);

/* Into checker->what. */
void describe_chain (Checker *checker, const ChainCase *chain);

/* The parameters as gradients have them: for each convolution its weights, then its biases. */
size_t chain_parameters (const ChainCase *chain);

/* @shared: another run's packing, borrowed; NULL for an own one, packed */
WctStatus chain_run_new (const ChainCase *chain, WctBackend *backend, WctPrecision precision, unsigned uses,
                         WctPacking *shared, ChainRun *run, WctError *err);
void      chain_run_free (ChainRun *run, bool shared);

/* Forward and, as far as @result has room for gradients, backward. What is written is poisoned before; @result's weight
 * gradients are added to. */
WctStatus chain_run (Checker *checker, const ChainCase *chain, ChainRun *run, ChainResult *result, WctError *err);

/* Room for what @uses asks for; weight gradients are 0. */
ChainResult chain_result_new (const ChainCase *chain, unsigned uses);
void        chain_result_free (ChainResult *result);

/* All of it, once; failures are noted. */
ChainResult run_whole_chain (Checker *checker, const ChainCase *chain, WctBackend *backend, WctPrecision precision,
                             unsigned uses);

/* Which side of 0 each ReLU is on and which value each pool takes, as a hash: where two agree, they differentiate the
 * same function. */
#define PATTERN_START 0xCBF29CE484222325u
uint64_t pattern_add_relu (uint64_t pattern, const double *values, size_t count);
uint64_t pattern_add_pool (uint64_t pattern, const double *values, size_t planes, WctShape shape);
uint64_t pattern_of_backend (Checker *checker, const ChainCase *chain, WctBackend *backend);

/* ‖got - expected‖ <= allowed ‖expected‖ */
void check_norm (Checker *checker, const char *what, const float *got, const float *expected, size_t count,
                 double allowed, const char *why_allowed);

/* That of a whole result; the weights' gradients for each convolution and its biases alone. */
void check_chain_result (Checker *checker, const ChainCase *chain, const ChainResult *got, const ChainResult *expected,
                         double allowed, const char *why_allowed);

#endif
