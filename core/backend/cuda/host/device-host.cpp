/* What device.h asks for, without a card: memory of the processor, and our own kernels for convolutions and products.
 * For tests, so it watches more than a card does:
 *
 *   - a block's address is the device's: kernels reach it, and uploads and downloads; the program ends where it touches
 *     it itself. Not so for memory that both reach
 *   - what was not written reads as NaN
 *   - 64 bytes on either side of a block must stay as they are: looked at when it is freed, when something is waited
 * for and when the device is closed; ASan sees it at once
 *   - blocks must be freed before the device is closed
 *   - $WCT_DEVICE_LIMIT: bytes that the card has
 *   - $WCT_DEVICE_TF32 = 1: forward convolutions that need not be exact multiply as TF32 does
 *   - $WCT_DEVICE_LOST_AFTER = n: with the n-th wait or download, the card is lost
 *
 * A mistake ends the program with a sentence. */
#include "backend/cuda/device.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <wct/memory.h>

#include "backend/cuda/launch.h"
#include "executor.h"

#if WCT_ASAN
#  include <sanitizer/asan_interface.h>
#endif

#define CANARY_BYTES 64

struct WctConvolution
{
  WctConvolutionShape shape;
};

struct WctDevice
{
  size_t limit; /* SIZE_MAX: what the machine has */
  size_t used;
  bool   short_products; /* as by TF32, where a convolution is not to be exact */
  long   lost_after;     /* 0: never */
  long   waits;

  std::vector<std::unique_ptr<WctConvolution>> convolutions;
};

namespace
{

struct Block
{
  WctDevice     *device;
  std::string    what;
  size_t         bytes;
  unsigned char *data; /* where the bytes are; the device's own address of them is the map's key */
};

/* Of all devices: kernels are given pointers only. */
std::map<uintptr_t, Block> blocks;
std::mutex                 blocks_lock;

/* ---- Blocks ------------------------------------------------------------------------------------------------------ */

/* A kernel is a suspect only if it was launched; the last one is the first to be looked at. */
[[noreturn]] void
give_up (const std::string &what, const std::string &complaint)
{
  fprintf (stderr, "device memory \"%s\": %s; the last kernel was %s\n", what.c_str (), complaint.c_str (),
           wct_executor_last_kernel ());
  abort ();
}

#if WCT_ASAN

void
plant_canaries (unsigned char *data, size_t bytes)
{
  ASAN_POISON_MEMORY_REGION (data - CANARY_BYTES, CANARY_BYTES);
  ASAN_POISON_MEMORY_REGION (data + bytes, CANARY_BYTES);
}

void
pull_canaries (unsigned char *data, size_t bytes)
{
  ASAN_UNPOISON_MEMORY_REGION (data - CANARY_BYTES, CANARY_BYTES);
  ASAN_UNPOISON_MEMORY_REGION (data + bytes, CANARY_BYTES);
}

void
check_canaries (const Block &)
{
}

#else

/* Neither NaN nor anything that kernels write by chance; no two bytes beside each other are alike. */
unsigned char
canary_byte (int index)
{
  return (unsigned char)(0xA5 + 37 * index);
}

void
plant_canaries (unsigned char *data, size_t bytes)
{
  for (int i = 0; i < CANARY_BYTES; i++)
    {
      data[i - CANARY_BYTES] = canary_byte (i);
      data[bytes + (size_t)i] = canary_byte (i);
    }
}

void
pull_canaries (unsigned char *, size_t)
{
}

void
check_canaries (const Block &block)
{
  const unsigned char *data = block.data;

  for (int i = 0; i < CANARY_BYTES; i++)
    {
      if (data[i - CANARY_BYTES] != canary_byte (i))
        give_up (block.what, "byte " + std::to_string (CANARY_BYTES - i) + " before its beginning was overwritten");
      if (data[block.bytes + (size_t)i] != canary_byte (i))
        give_up (block.what, "byte " + std::to_string (i + 1) + " behind its end was overwritten");
    }
}

#endif

void
check_all_canaries (const WctDevice *device)
{
  const std::lock_guard<std::mutex> guard (blocks_lock);

  for (const auto &entry : blocks)
    if (entry.second.device == device)
      check_canaries (entry.second);
}

/* The block that holds an address, its end included; NULL where none does. */
const std::pair<const uintptr_t, Block> *
find_block (const void *pointer)
{
  const uintptr_t address = reinterpret_cast<uintptr_t> (pointer);
  auto            next = blocks.upper_bound (address);

  if (next == blocks.begin ())
    return NULL;
  --next;
  return address - next->first <= next->second.bytes ? &*next : NULL;
}

/* Where the processor finds @bytes from the device's address @pointer on, all of which must be in one block of this
 * device. @use: "an upload" */
unsigned char *
reach_bytes (const WctDevice *device, const void *pointer, size_t bytes, const char *use)
{
  const std::lock_guard<std::mutex> guard (blocks_lock);
  const auto                       *entry = find_block (pointer);

  if (entry == NULL || entry->second.device != device)
    give_up (use, "it is no memory of this device");

  const size_t offset = (size_t)(reinterpret_cast<uintptr_t> (pointer) - entry->first);
  if (bytes > entry->second.bytes - offset)
    give_up (entry->second.what, std::string (use) + " reaches " + std::to_string (offset + bytes) + " bytes far, and "
                                   + "it has " + std::to_string (entry->second.bytes));
  return entry->second.data + offset;
}

/* For kernels. Without a stream, of any device. */
void *
reach_argument (const void *stream, const void *pointer)
{
  const std::lock_guard<std::mutex> guard (blocks_lock);
  const auto                       *entry = find_block (pointer);

  if (entry == NULL || (stream != NULL && entry->second.device != stream))
    return NULL;
  return entry->second.data + (reinterpret_cast<uintptr_t> (pointer) - entry->first);
}

/* ---- Addresses --------------------------------------------------------------------------------------------------- */

size_t
page_bytes (void)
{
  static const size_t bytes = (size_t)sysconf (_SC_PAGESIZE);

  return bytes;
}

/* A page before the block, for the canaries before it, and what the block and those behind it fill. */
size_t
mapped_bytes (size_t bytes)
{
  return page_bytes () + (bytes + CANARY_BYTES + page_bytes () - 1) / page_bytes () * page_bytes ();
}

unsigned char *
map_block (size_t bytes, int protection)
{
  void *memory = mmap (NULL, mapped_bytes (bytes), protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return memory == MAP_FAILED ? NULL : static_cast<unsigned char *> (memory) + page_bytes ();
}

void
unmap_block (unsigned char *data, size_t bytes)
{
  munmap (data - page_bytes (), mapped_bytes (bytes));
}

/* The memory, and the device's address of it, which is its own where both reach it; false where there is no room. */
bool
map_both (size_t bytes, bool shared, unsigned char **data, unsigned char **address)
{
  *data = map_block (bytes, PROT_READ | PROT_WRITE);
  *address = shared || *data == NULL ? *data : map_block (bytes, PROT_NONE);
  if (*address != NULL)
    return true;
  if (*data != NULL)
    unmap_block (*data, bytes);
  return false;
}

struct sigaction earlier_action;

/* Says what was touched, then leaves the rest to who was there before. */
void
explain_fault (int, siginfo_t *info, void *)
{
  if (blocks_lock.try_lock ())
    {
      const auto *entry = find_block (info->si_addr);

      if (entry != NULL)
        fprintf (stderr, "device memory \"%s\": the program touched it, at byte %zu; the last kernel was %s\n",
                 entry->second.what.c_str (), (size_t)((uintptr_t)info->si_addr - entry->first),
                 wct_executor_last_kernel ());
      blocks_lock.unlock ();
    }
  sigaction (SIGSEGV, &earlier_action, NULL);
}

/* With each device, as others may have put themselves in its place. */
void
watch_faults (void)
{
  struct sigaction action = {}, now;

  action.sa_sigaction = explain_fault;
  action.sa_flags = SA_SIGINFO;
  if (sigaction (SIGSEGV, NULL, &now) != 0 || now.sa_sigaction == explain_fault)
    return;
  earlier_action = now;
  sigaction (SIGSEGV, &action, NULL);
}

/* ---- A device that can be lost ----------------------------------------------------------------------------------- */

WctStatus
check_alive (const WctDevice *device, WctError *err)
{
  if (device->lost_after == 0 || device->waits < device->lost_after)
    return WCT_OK;
  return wct_error_set (err, WCT_ERR_DEVICE,
                        "the graphics card was lost, as $WCT_DEVICE_LOST_AFTER asks for; run again without it");
}

WctStatus
count_wait (WctDevice *device, WctError *err)
{
  device->waits++;
  check_all_canaries (device);
  return check_alive (device, err);
}

/* ---- Sizes of what a convolution reads and writes, in bytes ------------------------------------------------------ */

size_t
padded_bytes (const WctConvolutionShape &shape)
{
  const size_t ring = (size_t)shape.side - 1;

  return (size_t)shape.count * ((size_t)shape.rows + ring) * ((size_t)shape.columns + ring) * (size_t)shape.in_lanes
         * wct_element_size (shape.element);
}

size_t
result_bytes (const WctConvolutionShape &shape)
{
  return (size_t)shape.count * (size_t)shape.rows * (size_t)shape.columns * (size_t)shape.out_lanes
         * wct_element_size (shape.element);
}

size_t
count_weights (const WctConvolutionShape &shape)
{
  return (size_t)shape.out_lanes * (size_t)shape.side * (size_t)shape.side * (size_t)shape.in_lanes;
}

bool
are_equal (const WctConvolutionShape &a, const WctConvolutionShape &b)
{
  return a.element == b.element && a.exact == b.exact && a.relu == b.relu && a.side == b.side && a.count == b.count
         && a.rows == b.rows && a.columns == b.columns && a.in_lanes == b.in_lanes && a.out_lanes == b.out_lanes;
}

/* To the ten bits of a fraction that TF32 has, ties to even. */
void
shorten (unsigned char *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    {
      uint32_t bits;

      memcpy (&bits, values + i * sizeof bits, sizeof bits);
      if ((bits & 0x7F800000u) != 0x7F800000u)
        bits = (bits + 0xFFFu + (bits >> 13 & 1u)) & ~0x1FFFu;
      memcpy (values + i * sizeof bits, &bits, sizeof bits);
    }
}

} // namespace

/* ---- The device -------------------------------------------------------------------------------------------------- */

WctStatus
wct_device_probe (char *detail, size_t size, WctError *)
{
  snprintf (detail, size, "our kernels on the processor, for tests: slow");
  return WCT_OK;
}

WctStatus
wct_device_open (WctDevice **out, WctError *)
{
  const char *tf32 = getenv ("WCT_DEVICE_TF32"), *limit = getenv ("WCT_DEVICE_LIMIT");
  const char *lost_after = getenv ("WCT_DEVICE_LOST_AFTER");

  watch_faults ();
  wct_executor_reach = reach_argument;
  *out = new WctDevice ();
  (*out)->limit = limit != NULL ? (size_t)strtoull (limit, NULL, 10) : SIZE_MAX;
  (*out)->short_products = tf32 != NULL && strcmp (tf32, "1") == 0;
  (*out)->lost_after = lost_after != NULL ? strtol (lost_after, NULL, 10) : 0;
  return WCT_OK;
}

void
wct_device_close (WctDevice **device)
{
  if (*device == NULL)
    return;
  check_all_canaries (*device);
  for (const auto &entry : blocks)
    if (entry.second.device == *device)
      give_up (entry.second.what, "it was not freed before its device was closed");
  delete *device;
  *device = NULL;
}

size_t
wct_device_workspace (const WctDevice *)
{
  return 0;
}

size_t
wct_device_available (WctDevice *device)
{
  if (device->limit == SIZE_MAX)
    return wct_memory_available ();
  return device->limit - device->used;
}

static WctStatus
alloc_block (WctDevice *device, size_t bytes, bool shared, const char *what, void *address_of_block, WctError *err)
{
  const bool      fits = bytes < SIZE_MAX / 2 && (device->limit == SIZE_MAX || bytes <= device->limit - device->used);
  const WctStatus alive = check_alive (device, err);
  unsigned char  *data, *address;

  if (alive != WCT_OK)
    return alive;
  if (!fits || !map_both (bytes, shared, &data, &address))
    return wct_error_set (err, WCT_ERR_NO_MEMORY,
                          "%s: the graphics card has %.1f MB left, and %.1f MB were needed; use a smaller size", what,
                          (double)wct_device_available (device) / 1e6, (double)bytes / 1e6);
  memset (data, shared ? 0 : 0xFF, bytes);
  plant_canaries (data, bytes);
  device->used += bytes;

  const std::lock_guard<std::mutex> guard (blocks_lock);
  blocks[reinterpret_cast<uintptr_t> (address)] = { device, what, bytes, data };
  memcpy (address_of_block, &address, sizeof address);
  return WCT_OK;
}

WctStatus
wct_device_alloc (WctDevice *device, size_t bytes, const char *what, void *address_of_block, WctError *err)
{
  return alloc_block (device, bytes, false, what, address_of_block, err);
}

WctStatus
wct_device_alloc_shared (WctDevice *device, size_t bytes, const char *what, void *address_of_block, WctError *err)
{
  return alloc_block (device, bytes, true, what, address_of_block, err);
}

void
wct_device_free (WctDevice *device, void *address_of_block)
{
  unsigned char *address;

  memcpy (&address, address_of_block, sizeof address);
  if (address == NULL)
    return;

  const std::lock_guard<std::mutex> guard (blocks_lock);
  const auto                        entry = blocks.find (reinterpret_cast<uintptr_t> (address));
  if (entry == blocks.end () || entry->second.device != device)
    give_up ("what is freed", "it is no block of this device");

  const Block &block = entry->second;
  check_canaries (block);
  pull_canaries (block.data, block.bytes);
  device->used -= block.bytes;
  if (block.data != address)
    unmap_block (address, block.bytes);
  unmap_block (block.data, block.bytes);
  blocks.erase (entry);
  address = NULL;
  memcpy (address_of_block, &address, sizeof address);
}

void
wct_device_free_shared (WctDevice *device, void *address_of_block)
{
  wct_device_free (device, address_of_block);
}

WctStatus
wct_device_upload (WctDevice *device, const void *host, size_t bytes, void *to, WctError *err)
{
  memcpy (reach_bytes (device, to, bytes, "an upload"), host, bytes);
  return check_alive (device, err);
}

WctStatus
wct_device_download (WctDevice *device, const void *from, size_t bytes, void *host, WctError *err)
{
  const unsigned char *data = reach_bytes (device, from, bytes, "a download");
  const WctStatus      status = count_wait (device, err);

  if (status == WCT_OK)
    memcpy (host, data, bytes);
  return status;
}

WctStatus
wct_device_clear (WctDevice *device, void *block, size_t bytes, WctError *err)
{
  memset (reach_bytes (device, block, bytes, "a clearing"), 0, bytes);
  return check_alive (device, err);
}

WctStatus
wct_device_wait (WctDevice *device, WctError *err)
{
  return count_wait (device, err);
}

/* Kernels run when they are launched: a stream is a name only. */
void *
wct_device_stream (WctDevice *device)
{
  return device;
}

/* ---- Convolutions ------------------------------------------------------------------------------------------------ */

WctStatus
wct_convolution_new (WctDevice *device, const WctConvolutionShape *shape, WctConvolution **out, WctError *err)
{
  const WctStatus alive = check_alive (device, err);

  if (alive != WCT_OK)
    return alive;
  for (const auto &known : device->convolutions)
    if (are_equal (known->shape, *shape))
      {
        *out = known.get ();
        return WCT_OK;
      }
  device->convolutions.emplace_back (new WctConvolution{ *shape });
  *out = device->convolutions.back ().get ();
  return WCT_OK;
}

WctStatus
wct_convolution_forward (WctDevice *device, WctConvolution *convolution, const void *padded, const void *weights,
                         const float *bias, void *out, WctError *err)
{
  const WctConvolutionShape &shape = convolution->shape;

  unsigned char *read = reach_bytes (device, padded, padded_bytes (shape), "what a convolution reads");
  unsigned char *factors =
    reach_bytes (device, weights, count_weights (shape) * wct_element_size (shape.element), "a convolution's weights");

  /* In place: what was gathered is read once, and weights are read by such convolutions only. */
  if (device->short_products && !shape.exact && shape.element == WCT_ELEMENT_F32)
    {
      shorten (read, padded_bytes (shape) / sizeof (float));
      shorten (factors, count_weights (shape));
    }
  reach_bytes (device, bias, (size_t)shape.out_lanes * sizeof (float), "a convolution's bias");
  reach_bytes (device, out, result_bytes (shape), "what a convolution writes");
  wct_launch_convolve (wct_device_stream (device), &shape, padded, weights, bias, out);
  return check_alive (device, err);
}

WctStatus
wct_convolution_data_back (WctDevice *device, WctConvolution *convolution, const void *gradient, const void *weights,
                           void *padded_gradient, WctError *err)
{
  const WctConvolutionShape &shape = convolution->shape;

  reach_bytes (device, gradient, result_bytes (shape), "a convolution's gradient");
  reach_bytes (device, weights, count_weights (shape) * wct_element_size (shape.element), "a convolution's weights");
  reach_bytes (device, padded_gradient, padded_bytes (shape), "the gradient of what a convolution read");
  wct_launch_convolve_data_back (wct_device_stream (device), &shape, gradient, weights, padded_gradient);
  return check_alive (device, err);
}

WctStatus
wct_convolution_weights_back (WctDevice *device, WctConvolution *convolution, const void *padded, const void *gradient,
                              float *weights_gradient, WctError *err)
{
  const WctConvolutionShape &shape = convolution->shape;

  reach_bytes (device, padded, padded_bytes (shape), "what a convolution read");
  reach_bytes (device, gradient, result_bytes (shape), "a convolution's gradient");
  reach_bytes (device, weights_gradient, count_weights (shape) * sizeof (float), "the gradient of weights");
  wct_launch_convolve_weights_back (wct_device_stream (device), &shape, padded, gradient, weights_gradient);
  return check_alive (device, err);
}

/* ---- Matrices ---------------------------------------------------------------------------------------------------- */

WctStatus
wct_device_multiply (WctDevice *device, int32_t rows, int32_t columns, int32_t k, const float *a, const float *b,
                     float *c, WctError *err)
{
  reach_bytes (device, a, (size_t)rows * (size_t)k * sizeof (float), "a product's left factor");
  reach_bytes (device, b, (size_t)columns * (size_t)k * sizeof (float), "a product's right factor");
  reach_bytes (device, c, (size_t)rows * (size_t)columns * sizeof (float), "a product");
  wct_launch_multiply (wct_device_stream (device), rows, columns, k, a, b, c);
  return check_alive (device, err);
}

/* The caller does it then, with LAPACK. */
WctStatus
wct_device_eigen (WctDevice *, int32_t, double *, double *, WctError *err)
{
  return wct_error_set (err, WCT_ERR_UNSUPPORTED, "no graphics card: eigen-decompositions are the processor's");
}
