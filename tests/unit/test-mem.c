/* Allocation: aligned, zeroed, counted, refused where sizes overflow, failing on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mem.h"

static void
products_that_fit_are_computed_and_others_are_refused (void **state)
{
  size_t product = 0;

  (void)state;
  assert_true (wct_size_mul (6, 7, &product));
  assert_int_equal (product, 42);
  assert_true (wct_size_mul (SIZE_MAX, 1, &product));
  assert_true (wct_size_mul (SIZE_MAX, 0, &product));
  assert_int_equal (product, 0);
  assert_false (wct_size_mul (SIZE_MAX / 2 + 1, 2, &product));
  assert_false (wct_size_mul ((size_t)1 << 32, (size_t)1 << 32, &product));
}

static void
blocks_of_any_size_are_aligned_and_zero (void **state)
{
  (void)state;
  for (size_t size = 0; size < 300; size++)
    {
      unsigned char *block = NULL;

      assert_int_equal (wct_alloc (size, 1, "block", &block, NULL), WCT_OK);
      assert_non_null (block);
      assert_int_equal ((uintptr_t)block % WCT_ALIGNMENT, 0);
      for (size_t i = 0; i < size; i++)
        assert_int_equal (block[i], 0);
      memset (block, 0xFF, size);
      wct_free (&block);
      assert_null (block);
    }
}

static void
freeing_nothing_is_welcome (void **state)
{
  float *nothing = NULL;

  (void)state;
  wct_free (&nothing);
  assert_null (nothing);
}

static void
sizes_that_no_machine_has_are_refused_with_a_sentence (void **state)
{
  const size_t counts[] = { SIZE_MAX, SIZE_MAX / 2, SIZE_MAX - 64, SIZE_MAX / 4 + 1 };
  const size_t sizes[] = { 1, 2, 1, 4 };

  (void)state;
  for (int i = 0; i < 4; i++)
    {
      char    *block = (char *)state;
      WctError err = { .status = WCT_OK };

      assert_int_equal (wct_alloc (counts[i], sizes[i], "features of relu4_1", &block, &err), WCT_ERR_NO_MEMORY);
      assert_ptr_equal (block, state);
      assert_int_equal (err.status, WCT_ERR_NO_MEMORY);
      assert_memory_equal (err.message, "features of relu4_1: ", 21);
    }
}

static void
used_and_peak_follow_the_blocks (void **state)
{
  const size_t before = wct_mem_used ();
  char        *a = NULL, *b = NULL;

  (void)state;
  wct_mem_peak (true);
  assert_int_equal (wct_mem_peak (false), before);
  assert_int_equal (wct_alloc (1000, 1, "a", &a, NULL), WCT_OK);
  assert_in_range (wct_mem_used () - before, 1000, 1000 + 2 * WCT_ALIGNMENT);
  assert_int_equal (wct_alloc (5000, 1, "b", &b, NULL), WCT_OK);
  wct_free (&a);
  assert_in_range (wct_mem_used () - before, 5000, 5000 + 2 * WCT_ALIGNMENT);
  wct_free (&b);
  assert_int_equal (wct_mem_used (), before);
  assert_in_range (wct_mem_peak (true) - before, 6000, 6000 + 4 * WCT_ALIGNMENT);
  assert_int_equal (wct_mem_peak (false), before);
}

static WctStatus
allocate_and_free (void)
{
  char           *block = NULL;
  const WctStatus status = wct_alloc (1, 1, "block", &block, NULL);

  wct_free (&block);
  return status;
}

static void
only_the_nth_allocation_fails (void **state)
{
  (void)state;
  wct_mem_test_fail (3, false);
  assert_int_equal (allocate_and_free (), WCT_OK);
  assert_int_equal (allocate_and_free (), WCT_OK);
  assert_int_equal (allocate_and_free (), WCT_ERR_NO_MEMORY);
  assert_int_equal (allocate_and_free (), WCT_OK);
  assert_int_equal (wct_mem_test_fail (0, false), 4);
  assert_int_equal (allocate_and_free (), WCT_OK);
}

static void
all_allocations_from_the_nth_on_fail (void **state)
{
  (void)state;
  wct_mem_test_fail (2, true);
  assert_int_equal (allocate_and_free (), WCT_OK);
  for (int i = 0; i < 5; i++)
    assert_int_equal (allocate_and_free (), WCT_ERR_NO_MEMORY);
  wct_mem_test_fail (0, false);
  assert_int_equal (allocate_and_free (), WCT_OK);
}

static void
a_copied_string_is_equal_and_ones_own (void **state)
{
  const char *const texts[] = { "", "relu4_1", "Möwe" };

  (void)state;
  for (int i = 0; i < 3; i++)
    {
      char *copy = NULL;

      assert_int_equal (wct_strdup (texts[i], &copy, NULL), WCT_OK);
      assert_string_equal (copy, texts[i]);
      assert_ptr_not_equal (copy, texts[i]);
      wct_free (&copy);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (products_that_fit_are_computed_and_others_are_refused),
    cmocka_unit_test (blocks_of_any_size_are_aligned_and_zero),
    cmocka_unit_test (freeing_nothing_is_welcome),
    cmocka_unit_test (sizes_that_no_machine_has_are_refused_with_a_sentence),
    cmocka_unit_test (used_and_peak_follow_the_blocks),
    cmocka_unit_test (only_the_nth_allocation_fails),
    cmocka_unit_test (all_allocations_from_the_nth_on_fail),
    cmocka_unit_test (a_copied_string_is_equal_and_ones_own),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
