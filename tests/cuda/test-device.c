/* The device that stands for a card in tests: it does what device.h says, and finds what it is there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/device.h"
#include "children.h"
#include "kernels.h"

#if TEST_ASAN
#  define CANARY_WORDS "use-after-poison"
#else
#  define CANARY_WORDS "device memory \"features\": byte 1 behind its end was overwritten; the last kernel was write_at"
#endif

static WctDevice *device;

static int
open_device (void **state)
{
  (void)state;
  return wct_device_open (&device, NULL) == WCT_OK ? 0 : -1;
}

static int
close_device (void **state)
{
  (void)state;
  wct_device_close (&device);
  return 0;
}

static void *
new_block (size_t bytes)
{
  void    *block = NULL;
  WctError err;

  if (wct_device_alloc (device, bytes, "features", &block, &err) != WCT_OK)
    fail_msg ("%s", err.message);
  return block;
}

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

static void
bytes_come_back_from_the_device (void **state)
{
  float  in[5] = { 1, 2, 3, 4, 5 }, out[5] = { 0 };
  float *block = new_block (sizeof in);

  (void)state;
  assert_int_equal (wct_device_upload (device, in, sizeof in, block, NULL), WCT_OK);
  assert_int_equal (wct_device_clear (device, block + 1, sizeof *block, NULL), WCT_OK);
  assert_int_equal (wct_device_download (device, block, sizeof out, out, NULL), WCT_OK);
  in[1] = 0;
  assert_memory_equal (in, out, sizeof in);
  wct_device_free (device, &block);
  assert_null (block);
  wct_device_free (device, &block);
}

static void
memory_that_was_not_written_is_not_a_number (void **state)
{
  float  out[3] = { 0 };
  float *block = new_block (sizeof out);

  (void)state;
  assert_int_equal (wct_device_download (device, block, sizeof out, out, NULL), WCT_OK);
  for (int i = 0; i < 3; i++)
    assert_true (isnan (out[i]));
  wct_device_free (device, &block);
}

static void
shared_memory_begins_with_zeros_and_is_reached_by_both (void **state)
{
  int *block = NULL;

  (void)state;
  assert_int_equal (wct_device_alloc_shared (device, 3 * sizeof *block, "parameters", &block, NULL), WCT_OK);
  for (int i = 0; i < 3; i++)
    assert_int_equal (block[i], 0);
  launch_write (1, block);
  assert_int_equal (wct_device_wait (device, NULL), WCT_OK);
  assert_int_equal (block[1], 1);
  wct_device_free_shared (device, &block);
}

static void
pointers_in_structs_are_the_devices_too (void **state)
{
  int  one = 0, other = 0;
  int *block = new_block (sizeof *block), *other_block = new_block (sizeof *block);

  (void)state;
  launch_write_both (block, other_block);
  wct_device_download (device, block, sizeof one, &one, NULL);
  wct_device_download (device, other_block, sizeof other, &other, NULL);
  assert_int_equal (one, 1);
  assert_int_equal (other, 2);
  wct_device_free (device, &block);
  wct_device_free (device, &other_block);
}

static void
a_full_card_is_told (void **state)
{
  WctDevice *small = NULL;
  void      *one = NULL, *other = NULL;
  WctError   err;

  (void)state;
  setenv ("WCT_DEVICE_LIMIT", "5000000", 1);
  assert_int_equal (wct_device_open (&small, NULL), WCT_OK);
  unsetenv ("WCT_DEVICE_LIMIT");
  assert_int_equal (wct_device_available (small), 5000000);
  assert_int_equal (wct_device_alloc (small, 3000000, "features", &one, NULL), WCT_OK);
  assert_int_equal (wct_device_available (small), 2000000);
  assert_int_equal (wct_device_alloc (small, 2000001, "weights", &other, &err), WCT_ERR_NO_MEMORY);
  assert_null (other);
  assert_non_null (strstr (err.message, "weights: the graphics card has 2.0 MB left"));
  assert_int_equal (wct_device_alloc (small, SIZE_MAX, "weights", &other, &err), WCT_ERR_NO_MEMORY);
  wct_device_free (small, &one);
  assert_int_equal (wct_device_available (small), 5000000);
  assert_int_equal (wct_device_alloc (small, 5000000, "weights", &other, NULL), WCT_OK);
  wct_device_free (small, &other);
  wct_device_close (&small);
  assert_null (small);
}

static void
a_lost_card_says_the_same_ever_after (void **state)
{
  WctDevice      *lost = NULL;
  WctConvolution *convolution = NULL;
  float          *block = NULL, value = 1;
  WctError        first, err;

  (void)state;
  setenv ("WCT_DEVICE_LOST_AFTER", "3", 1);
  assert_int_equal (wct_device_open (&lost, NULL), WCT_OK);
  unsetenv ("WCT_DEVICE_LOST_AFTER");
  assert_int_equal (wct_device_alloc (lost, sizeof value, "features", &block, NULL), WCT_OK);
  assert_int_equal (wct_device_upload (lost, &value, sizeof value, block, NULL), WCT_OK);
  assert_int_equal (wct_device_wait (lost, NULL), WCT_OK);
  assert_int_equal (wct_device_download (lost, block, sizeof value, &value, NULL), WCT_OK);
  assert_int_equal (wct_device_wait (lost, &first), WCT_ERR_DEVICE);
  assert_int_equal (wct_device_download (lost, block, sizeof value, &value, &err), WCT_ERR_DEVICE);
  assert_string_equal (err.message, first.message);
  assert_int_equal (wct_device_upload (lost, &value, sizeof value, block, NULL), WCT_ERR_DEVICE);
  assert_int_equal (wct_device_clear (lost, block, sizeof value, NULL), WCT_ERR_DEVICE);
  assert_int_equal (wct_convolution_new (lost, &(WctConvolutionShape){ .side = 1, .count = 1 }, &convolution, NULL),
                    WCT_ERR_DEVICE);
  wct_device_free (lost, &block);
  assert_int_equal (wct_device_alloc (lost, 1, "features", &block, NULL), WCT_ERR_DEVICE);
  wct_device_close (&lost);
}

/* ---- Convolutions and products --------------------------------------------------------------------------------- */

static void
plans_of_equal_shapes_are_one (void **state)
{
  WctConvolutionShape shape = { .side = 3, .count = 1, .rows = 2, .columns = 2, .in_lanes = 8, .out_lanes = 8 };
  WctConvolution     *one = NULL, *same = NULL, *other = NULL;

  (void)state;
  assert_int_equal (wct_convolution_new (device, &shape, &one, NULL), WCT_OK);
  assert_int_equal (wct_convolution_new (device, &shape, &same, NULL), WCT_OK);
  shape.relu = true;
  assert_int_equal (wct_convolution_new (device, &shape, &other, NULL), WCT_OK);
  assert_ptr_equal (one, same);
  assert_ptr_not_equal (one, other);
}

static void
products_are_right (void **state)
{
  const float a[2 * 3] = { 1, 2, 3, 4, 5, 6 }, b[2 * 3] = { 1, 0, -1, 2, 1, 0 };
  float      *on_device[3] = { new_block (sizeof a), new_block (sizeof b), new_block (4 * sizeof (float)) };
  float       c[4];

  (void)state;
  wct_device_upload (device, a, sizeof a, on_device[0], NULL);
  wct_device_upload (device, b, sizeof b, on_device[1], NULL);
  assert_int_equal (wct_device_multiply (device, 2, 2, 3, on_device[0], on_device[1], on_device[2], NULL), WCT_OK);
  assert_int_equal (wct_device_download (device, on_device[2], sizeof c, c, NULL), WCT_OK);
  assert_memory_equal (c, ((const float[]){ -2, 4, -2, 13 }), sizeof c);
  for (int i = 0; i < 3; i++)
    wct_device_free (device, &on_device[i]);
}

static void
eigen_decompositions_are_left_to_the_caller (void **state)
{
  double   a[4] = { 1, 0, 0, 2 }, values[2];
  WctError err;

  (void)state;
  assert_int_equal (wct_device_eigen (device, 2, a, values, &err), WCT_ERR_UNSUPPORTED);
  assert_true (a[0] == 1 && a[3] == 2);
}

/* ---- Mistakes -------------------------------------------------------------------------------------------------- */

static int *
new_integers (void)
{
  return new_block (10 * sizeof (int));
}

static void
write_behind_and_free (void)
{
  int *block = new_integers ();

  launch_write (10, block);
  wct_device_free (device, &block);
}

static void
write_behind_and_download (void)
{
  int *block = new_integers (), *other = new_integers (), value;

  launch_write (10, block);
  wct_device_download (device, other, sizeof value, &value, NULL);
}

static void
write_behind_and_close (void)
{
  launch_write (10, new_integers ());
  wct_device_close (&device);
}

static void
write_before_and_free (void)
{
  int *block = new_integers ();

  launch_write (-16, block);
  wct_device_free (device, &block);
}

static void
give_a_kernel_host_memory (void)
{
  int value = 0;

  launch_write (0, &value);
}

static void
download_too_much (void)
{
  float block[4], *small = new_block (2 * sizeof *small);

  wct_device_download (device, small + 1, 2 * sizeof *small, block, NULL);
}

static void
upload_to_the_host (void)
{
  float value = 1, other;

  wct_device_upload (device, &value, sizeof value, &other, NULL);
}

static void
use_after_free (void)
{
  int *block = new_integers (), *freed = block;

  wct_device_free (device, &block);
  launch_write (0, freed);
}

static volatile int sink;

/* A second device, as cmocka has taken the signal over since the first was opened. */
static void
touch_from_the_program (void)
{
  WctDevice *other = NULL;
  int       *block = new_integers ();

  wct_device_open (&other, NULL);
  launch_write (3, block);
  sink = block[3];
}

static void
give_another_devices_memory (void)
{
  WctDevice *other = NULL;

  wct_device_open (&other, NULL);
  launch_write_in (wct_device_stream (other), 0, new_integers ());
}

static void
forget_a_block (void)
{
  (void)new_integers ();
  wct_device_close (&device);
}

static void
convolve_too_little (void)
{
  const WctConvolutionShape shape = { .side = 3, .count = 1, .rows = 2, .columns = 2, .in_lanes = 8, .out_lanes = 8 };
  float                    *padded = new_block ((4 * 4 * 8 - 1) * sizeof *padded);
  WctConvolution           *convolution;

  wct_convolution_new (device, &shape, &convolution, NULL);
  wct_convolution_forward (device, convolution, padded, padded, padded, padded, NULL);
}

static void
mistakes_end_the_program_with_a_sentence (void **state)
{
  (void)state;
  assert_true (aborts_with (write_behind_and_free, CANARY_WORDS));
  assert_true (aborts_with (write_behind_and_download, CANARY_WORDS));
  assert_true (aborts_with (write_behind_and_close, CANARY_WORDS));
#if !TEST_ASAN
  assert_true (aborts_with (write_before_and_free, "\"features\": byte 64 before its beginning was overwritten"));
#else
  assert_true (aborts_with (write_before_and_free, CANARY_WORDS));
#endif
  assert_true (
    aborts_with (give_a_kernel_host_memory, "kernel write_at: argument 2 does not point into the device's memory"));
  assert_true (aborts_with (use_after_free, "argument 2 does not point into the device's memory"));
  assert_true (aborts_with (download_too_much, "\"features\": a download reaches 12 bytes far, and it has 8"));
  assert_true (aborts_with (upload_to_the_host, "\"an upload\": it is no memory of this device"));
  assert_true (aborts_with (give_another_devices_memory, "argument 2 does not point into the device's memory"));
  assert_true (aborts_with (touch_from_the_program,
                            "\"features\": the program touched it, at byte 12; the last kernel was write_at"));
  assert_true (aborts_with (forget_a_block, "\"features\": it was not freed before its device was closed"));
  assert_true (aborts_with (convolve_too_little, "what a convolution reads reaches 512 bytes far, and it has 508"));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (bytes_come_back_from_the_device),
    cmocka_unit_test (memory_that_was_not_written_is_not_a_number),
    cmocka_unit_test (shared_memory_begins_with_zeros_and_is_reached_by_both),
    cmocka_unit_test (pointers_in_structs_are_the_devices_too),
    cmocka_unit_test (a_full_card_is_told),
    cmocka_unit_test (a_lost_card_says_the_same_ever_after),
    cmocka_unit_test (plans_of_equal_shapes_are_one),
    cmocka_unit_test (products_are_right),
    cmocka_unit_test (eigen_decompositions_are_left_to_the_caller),
    cmocka_unit_test (mistakes_end_the_program_with_a_sentence),
  };

  return cmocka_run_group_tests (tests, open_device, close_device);
}
