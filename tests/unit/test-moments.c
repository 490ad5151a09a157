/* Room for moments: zero at first, freed whole. What is measured into it, checkop checks for each back end. */
#include "numbers.h"

#include <string.h>

#include "mem.h"
#include "moments.h"

static void
new_moments_are_of_nothing_and_all_zero (void **state)
{
  WctMoments *moments = NULL;

  (void)state;
  assert_int_equal (wct_moments_new (7, &moments, NULL), WCT_OK);
  assert_int_equal (moments->channels, 7);
  assert_true (moments->weight == 0);
  for (int i = 0; i < 7; i++)
    assert_true (moments->mean[i] == 0);
  for (int i = 0; i < 49; i++)
    assert_true (moments->covariance[i] == 0);
  wct_moments_free (&moments);
  assert_null (moments);
  wct_moments_free (&moments);
}

static void
each_failed_allocation_is_a_sentence_and_leaves_nothing (void **state)
{
  const size_t before = wct_mem_used ();
  WctMoments  *moments = NULL;

  (void)state;
  for (long n = 1; n <= 3; n++)
    {
      WctError err = { .status = WCT_OK };

      wct_mem_test_fail (n, false);
      assert_int_equal (wct_moments_new (5, &moments, &err), WCT_ERR_NO_MEMORY);
      wct_mem_test_fail (0, false);
      assert_null (moments);
      assert_true (strlen (err.message) > 0);
      assert_int_equal (wct_mem_used (), before);
    }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (new_moments_are_of_nothing_and_all_zero),
    cmocka_unit_test (each_failed_allocation_is_a_sentence_and_leaves_nothing),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
