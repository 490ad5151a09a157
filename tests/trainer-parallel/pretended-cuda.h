/* What the pretended CUDA and NCCL (pretended-cuda.c) are told, and what they saw. */
#ifndef PRETENDED_CUDA_H
#define PRETENDED_CUDA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct
{
  int  cards;
  bool kernels_wait; /* for ranks that do not come */
  bool never_settles;
  bool error; /* NCCL notices one */
  int  queries_until_done, looks_until_settled;

  int    card; /* that was taken */
  int    ranks, blocking;
  bool   named; /* as the first rank said */
  int    buckets, aborts;
  size_t summed;
  bool   asked_for_nobody;    /* an argument made no sense */
  bool   freed_while_waiting; /* a card's memory, which would never have come back */
} Pretended;

extern Pretended pretended;

#endif
