/* Vectors for the files that are compiled once for each instruction set. The build says WCT_ISA, its name ("avx2"),
 * WCT_ISA_LABEL, its name for people, and WCT_BLOCK, the floats in a vector and the channels in a block. */
#ifndef WCT_CPU_VECTOR_H
#define WCT_CPU_VECTOR_H

#include <stdint.h>

/* wct_kernels_avx2 */
#define WCT_JOIN(name, isa)        name##_##isa
#define WCT_JOIN_VALUES(name, isa) WCT_JOIN (name, isa)
#define WCT_ISA_NAME(name)         WCT_JOIN_VALUES (name, WCT_ISA)

typedef float Vector __attribute__ ((vector_size (WCT_BLOCK * sizeof (float))));

/* The same at any address. Not memcpy: GCC 12 makes halves of it for AVX2, through the stack. */
typedef float UnalignedVector
  __attribute__ ((vector_size (WCT_BLOCK * sizeof (float)), aligned (sizeof (float)), may_alias));

static inline Vector
load (const float *from)
{
  return *(const UnalignedVector *)from;
}

static inline void
store (float *to, Vector v)
{
  *(UnalignedVector *)to = v;
}

/* Where constant arguments must reach the loops. */
#define INLINE static inline __attribute__ ((always_inline))

static inline Vector
positive (Vector v)
{
  typedef int32_t Mask __attribute__ ((vector_size (sizeof (Vector))));

  return (Vector)((Mask)v & (v > (Vector){ 0 }));
}

/* Before a loop that must disappear, so that an array it walks can live in registers. clang unrolls such loops without
 * being told, and complains where it is told and cannot. */
#if defined __clang__
#  define UNROLL
#else
#  define UNROLL _Pragma ("GCC unroll 8")
#endif

#endif
