/* CUDA C++ for the host's compiler: what kernel.h promises to kernels, and an executor that runs them on the processor,
 * thread by thread, so that they can be tested on any machine.
 *
 * Threads of a block are fibers. One runs until it waits at a barrier or a shuffle, then the next does; where none
 * waits it is a plain loop. Blocks run one after the other. The order of blocks, and of threads between two barriers,
 * is that of their numbers; $WCT_EXECUTOR_ORDER = reverse, shuffle or shuffle:SEED changes it, and must not change
 * results: a missing barrier shows that way. What a graphics card would refuse or never finish ends the program with a
 * sentence: sizes of grids and blocks, a barrier that some threads do not reach, a shuffle without its whole warp, a
 * pointer that is not the device's. Shared memory is filled with NaN before each block that could see another's (with
 * ASan, which watches its bounds instead, it is not).
 *
 * Kernels run one at a time in the whole process, as on a card. A module that is linked with this must have no other
 * thread-local variables. */
#ifndef WCT_EXECUTOR_H
#define WCT_EXECUTOR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include <tuple>
#include <type_traits>

#if defined __SANITIZE_ADDRESS__
#  define WCT_ASAN 1
#elif defined __has_feature
#  if __has_feature(address_sanitizer)
#    define WCT_ASAN 1
#  endif
#endif
#ifndef WCT_ASAN
#  define WCT_ASAN 0
#endif

/* ---- The language ------------------------------------------------------------------------------------------------ */

#define __global__
#define __device__
#define __host__

#if WCT_ASAN
#  define WCT_SHARED static
#else
#  define WCT_SHARED static thread_local
#endif

struct uint3
{
  unsigned x, y, z;
};

struct dim3
{
  unsigned x, y, z;

  constexpr dim3 (unsigned columns = 1, unsigned rows = 1, unsigned layers = 1) : x (columns), y (rows), z (layers)
  {
  }
};

/* Of the thread that runs now. */
extern uint3 threadIdx, blockIdx;
extern dim3  blockDim, gridDim;

static inline float
rsqrtf (float value)
{
  return 1 / sqrtf (value);
}

static inline int
atomicAdd (int *address, int value)
{
  const int old = *address;

  *address = old + value;
  return old;
}

static inline int
atomicMin (int *address, int value)
{
  const int old = *address;

  if (value < old)
    *address = value;
  return old;
}

static inline int
atomicMax (int *address, int value)
{
  const int old = *address;

  if (value > old)
    *address = value;
  return old;
}

/* ---- Threads that wait for each other ---------------------------------------------------------------------------- */

/* Where in the source somebody waits. */
struct WctPlace
{
  const char *file;
  int         line;
};

constexpr unsigned wct_warp_size = 32;

void wct_executor_barrier (WctPlace place);

/* The lane of the thread that runs now. */
unsigned wct_executor_lane (void);

/* What lane @from of this warp brings along, when all have come. */
uint64_t wct_executor_exchange (unsigned mask, uint64_t bits, unsigned from, WctPlace place);

static inline void
__syncthreads (const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
  wct_executor_barrier ({ file, line });
}

template <typename T>
static inline T
wct_shuffle (unsigned mask, T value, unsigned from, WctPlace place)
{
  uint64_t bits = 0;

  static_assert (std::is_same<T, float>::value || std::is_same<T, double>::value || std::is_same<T, int>::value,
                 "kernel.h promises shuffles of float, double and int");
  memcpy (&bits, &value, sizeof value);
  bits = wct_executor_exchange (mask, bits, from, place);
  memcpy (&value, &bits, sizeof value);
  return value;
}

/* A lane that is not there gives nothing: who asks for it keeps its own value. */
template <typename T>
static inline T
__shfl_down_sync (unsigned mask, T value, unsigned distance, const char *file = __builtin_FILE(),
                  int line = __builtin_LINE())
{
  const unsigned own = wct_executor_lane ();
  const bool     there = distance < wct_warp_size - own;

  return wct_shuffle (mask, value, there ? own + distance : own, { file, line });
}

template <typename T>
static inline T
__shfl_xor_sync (unsigned mask, T value, int bits, const char *file = __builtin_FILE(), int line = __builtin_LINE())
{
  const unsigned own = wct_executor_lane ();
  const unsigned other = own ^ (unsigned)bits;

  return wct_shuffle (mask, value, other < wct_warp_size ? other : own, { file, line });
}

/* ---- Elements of two bytes: IEEE's binary16 and the upper half of a float ---------------------------------------- */

struct WctHalf
{
  uint16_t bits;
};

struct WctBrain
{
  uint16_t bits;
};

static inline uint32_t
wct_bits_of_float (float value)
{
  uint32_t bits;

  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static inline float
wct_float_of_bits (uint32_t bits)
{
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static inline float
__half2float (WctHalf half)
{
  const uint32_t sign = (uint32_t)(half.bits & 0x8000) << 16;
  const uint32_t exponent = half.bits >> 10 & 31;
  const uint32_t fraction = half.bits & 0x3FF;

  if (exponent == 31)
    return wct_float_of_bits (sign | 0x7F800000 | fraction << 13);
  if (exponent == 0)
    return wct_float_of_bits (sign | wct_bits_of_float ((float)fraction * 0x1p-24f));
  return wct_float_of_bits (sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

/* To nearest, ties to even; NaN becomes the one that CUDA makes. */
static inline WctHalf
__float2half_rn (float value)
{
  const uint32_t bits = wct_bits_of_float (value), magnitude = bits & 0x7FFFFFFF;
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);

  if (magnitude > 0x7F800000)
    return { 0x7FFF };
  if (magnitude >= wct_bits_of_float (65520)) /* halfway between the largest half and the next that would be */
    return { (uint16_t)(sign | 0x7C00) };
  if (magnitude < wct_bits_of_float (0x1p-14f)) /* below, halves are multiples of 2^-24, as floats at 0.5 are */
    return { (uint16_t)(sign | (wct_bits_of_float (wct_float_of_bits (magnitude) + 0.5f) - wct_bits_of_float (0.5f))) };

  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return { (uint16_t)(sign | (rounded - ((127u - 15) << 23)) >> 13) };
}

static inline float
__bfloat162float (WctBrain brain)
{
  return wct_float_of_bits ((uint32_t)brain.bits << 16);
}

static inline WctBrain
__float2bfloat16_rn (float value)
{
  const uint32_t bits = wct_bits_of_float (value);

  if ((bits & 0x7FFFFFFF) > 0x7F800000)
    return { 0x7FFF };
  return { (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16) };
}

/* ---- Launching --------------------------------------------------------------------------------------------------- */

struct WctLaunch
{
  const char *kernel; /* its name */
  dim3        grid, block;
  void (*call) (const void *data); /* one thread */
  const void *data;
};

void wct_executor_run (const WctLaunch *launch);

/* The last kernel that was launched; "no kernel" before. */
const char *wct_executor_last_kernel (void);

/* Set where the device has memory of its own, at addresses that the program cannot reach: gives the one by which the
 * executor reaches it, NULL for what is not the device's. Where this is NULL, any memory is. */
extern void *(*wct_executor_reach) (const void *stream, const void *pointer);

void wct_executor_refuse_pointer (const char *kernel, int argument);

/* Of a kernel's arguments, pointers must be the device's. */
template <typename T>
static inline void
wct_reach_argument (const char *kernel, const void *stream, int index, T *&pointer)
{
  if (pointer == nullptr)
    return;
  pointer = static_cast<T *> (wct_executor_reach (stream, pointer));
  if (pointer == nullptr)
    wct_executor_refuse_pointer (kernel, index);
}

/* In structs, words that look like such pointers are. */
template <typename T>
static inline void
wct_reach_argument (const char *, const void *stream, int, T &argument)
{
  static_assert (std::is_trivially_copyable<T>::value, "a kernel's arguments are copied as bytes");
  for (size_t i = 0; i + sizeof (void *) <= sizeof argument && std::is_class<T>::value; i += sizeof (void *))
    {
      unsigned char *word = reinterpret_cast<unsigned char *> (&argument) + i;
      void          *pointer;

      memcpy (&pointer, word, sizeof pointer);
      pointer = wct_executor_reach (stream, pointer);
      if (pointer != nullptr)
        memcpy (word, &pointer, sizeof pointer);
    }
}

/* Arguments are converted to the kernel's parameters by the caller, as in CUDA. */
template <typename T> struct WctIdentity
{
  using Type = T;
};

template <typename... Parameters>
static void
wct_launch (const char *name, void (*kernel) (Parameters...), dim3 grid, dim3 block, const void *stream,
            typename WctIdentity<Parameters>::Type... arguments)
{
  struct Call
  {
    void (*kernel) (Parameters...);
    std::tuple<Parameters...> arguments;
  };
  int index = 0;

  if (wct_executor_reach != nullptr)
    (wct_reach_argument (name, stream, ++index, arguments), ...);

  const Call      call = { kernel, std::tuple<Parameters...> (arguments...) };
  const WctLaunch launch = { name, grid, block,
                             [] (const void *data) {
                               std::apply (static_cast<const Call *> (data)->kernel,
                                           static_cast<const Call *> (data)->arguments);
                             },
                             &call };
  wct_executor_run (&launch);
}

#define WCT_LAUNCH(kernel, grid, block, stream, ...) \
  wct_launch (#kernel, (kernel), (grid), (block), (stream), __VA_ARGS__)

#endif
