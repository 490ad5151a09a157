/* A bucket of gradients that are summed over all ranks at once: many small arrays take the time of one, and large ones
 * are cut, so that the first part is on its way while the next is not there yet. */
#ifndef WCT_TRAINER_PARALLEL_BUCKET_H
#define WCT_TRAINER_PARALLEL_BUCKET_H

#include <stdbool.h>
#include <stddef.h>

/* 25 MB, as PyTorch's DistributedDataParallel has it: large enough for the network's full speed. */
#define WCT_BUCKET_VALUES ((size_t)25 << 18)
#define WCT_BUCKET_PARTS  64

typedef struct
{
  float *values; /* borrowed */
  size_t count;
  size_t at; /* in the bucket */
} WctBucketPart;

/* Zeroed, it is empty and holds nothing: @values is its size. */
typedef struct
{
  size_t        values;
  size_t        filled;
  WctBucketPart parts[WCT_BUCKET_PARTS];
  int           part_count;
} WctBucket;

/* Puts in as many of an array's values as there is room for, in their order; returns how many: 0 where it is full. */
size_t wct_bucket_put (WctBucket *bucket, float *values, size_t count);
bool   wct_bucket_is_full (const WctBucket *bucket);
void   wct_bucket_clear (WctBucket *bucket);

#endif
