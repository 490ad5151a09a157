/* What goes into a bucket, and where it lies there. */
#include "parallel-bucket.h"

bool
wct_bucket_is_full (const WctBucket *bucket)
{
  return bucket->filled == bucket->values || bucket->part_count == WCT_BUCKET_PARTS;
}

size_t
wct_bucket_put (WctBucket *bucket, float *values, size_t count)
{
  const size_t room = wct_bucket_is_full (bucket) ? 0 : bucket->values - bucket->filled;
  const size_t taken = count < room ? count : room;

  if (taken == 0)
    return 0;
  bucket->parts[bucket->part_count++] = (WctBucketPart){ values, taken, bucket->filled };
  bucket->filled += taken;
  return taken;
}

void
wct_bucket_clear (WctBucket *bucket)
{
  bucket->filled = 0;
  bucket->part_count = 0;
}
