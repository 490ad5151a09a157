/* The table of parameters: complete, consistent, and the only way in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wct/params.h>

static size_t
size_of_kind (WctParamKind kind)
{
  return kind == WCT_PARAM_DOUBLE ? sizeof (double) : sizeof (int32_t);
}

static void
every_row_is_complete_and_its_default_is_in_range (void **state)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  (void)state;
  assert_true (count > 0);
  for (size_t i = 0; i < count; i++)
    {
      const WctParamInfo *row = &table[i];

      assert_true (strlen (row->name) > 0
                   && strspn (row->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (row->name));
      assert_true (strlen (row->label) > 0);
      assert_true (strlen (row->help) > 0 && row->help[strlen (row->help) - 1] == '.');
      assert_non_null (row->unit);
      assert_true (row->min < row->max);
      assert_true (row->step > 0);
      assert_true (row->def >= row->min && row->def <= row->max);
      for (size_t k = 0; k < i; k++)
        assert_string_not_equal (row->name, table[k].name);
    }
}

static void
the_rows_cover_every_field_once (void **state)
{
  unsigned char       covered[sizeof (WctParams)] = { 0 };
  size_t              count, sum = 0;
  const WctParamInfo *table = wct_params_table (&count);

  (void)state;
  for (size_t i = 0; i < count; i++)
    for (size_t byte = 0; byte < size_of_kind (table[i].kind); byte++)
      {
        assert_int_equal (covered[table[i].offset + byte], 0);
        covered[table[i].offset + byte] = 1;
        sum++;
      }

  /* The rest is padding, of less than one double for each place where kinds change. */
  assert_in_range (sum, sizeof (WctParams) - 2 * sizeof (int32_t), sizeof (WctParams));
}

static void
defaults_are_five_levels_at_strength_0_6_and_pass_the_check (void **state)
{
  WctParams params;

  (void)state;
  wct_params_init (&params);
  assert_int_equal (wct_params_check (&params, NULL), WCT_OK);
  for (int i = 0; i < WCT_LEVELS; i++)
    {
      assert_int_equal (params.level_on[i], 1);
      assert_true (params.alpha[i] == 0.6);
    }
  assert_true (params.eigenvalue_floor == 1e-5);
  assert_true (params.damping == 0);
  assert_int_equal (params.passes, 1);
}

static void
what_is_set_is_what_is_got (void **state)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  (void)state;
  for (size_t i = 0; i < count; i++)
    {
      const double values[] = { table[i].min, table[i].max, table[i].def, table[i].min + table[i].step };

      for (int k = 0; k < 4; k++)
        {
          WctParams params;

          wct_params_init (&params);
          if (values[k] > table[i].max)
            continue;
          assert_int_equal (wct_param_set (&params, &table[i], values[k], NULL), WCT_OK);
          assert_true (wct_param_get (&params, &table[i]) == values[k]);
          for (size_t other = 0; other < count; other++)
            if (other != i)
              assert_true (wct_param_get (&params, &table[other]) == table[other].def);
        }
    }
}

static void
values_out_of_range_are_refused_by_name_and_change_nothing (void **state)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  (void)state;
  for (size_t i = 0; i < count; i++)
    {
      const double bad[] = { table[i].min - 1, table[i].max + 1, NAN, INFINITY, -INFINITY };

      for (int k = 0; k < 5; k++)
        {
          WctParams params, before;
          WctError  err = { .status = WCT_OK };

          wct_params_init (&params);
          before = params;
          assert_int_equal (wct_param_set (&params, &table[i], bad[k], &err), WCT_ERR_ARGUMENT);
          assert_memory_equal (err.message, table[i].name, strlen (table[i].name));
          assert_memory_equal (&params, &before, sizeof params);
        }
    }
}

static void
whole_numbers_must_be_whole (void **state)
{
  size_t              count;
  const WctParamInfo *table = wct_params_table (&count);

  (void)state;
  for (size_t i = 0; i < count; i++)
    if (table[i].kind != WCT_PARAM_DOUBLE)
      {
        WctParams params;

        wct_params_init (&params);
        assert_int_equal (wct_param_set (&params, &table[i], table[i].min + 0.5, NULL), WCT_ERR_ARGUMENT);
      }
}

static void
the_check_finds_values_that_were_written_past_it (void **state)
{
  WctParams params;
  WctError  err;

  (void)state;
  wct_params_init (&params);
  params.alpha[3] = NAN;
  assert_int_equal (wct_params_check (&params, &err), WCT_ERR_ARGUMENT);
  assert_memory_equal (err.message, "relu4-alpha is ", 15);

  wct_params_init (&params);
  params.level_on[0] = 2;
  assert_int_equal (wct_params_check (&params, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "relu1 is 2; it goes from 0 to 1");

  wct_params_init (&params);
  params.passes = 0;
  assert_int_equal (wct_params_check (&params, &err), WCT_ERR_ARGUMENT);
}

static void
a_job_without_levels_is_refused (void **state)
{
  WctParams params;
  WctError  err;

  (void)state;
  wct_params_init (&params);
  memset (params.level_on, 0, sizeof params.level_on);
  assert_int_equal (wct_params_check (&params, &err), WCT_ERR_ARGUMENT);
  assert_string_equal (err.message, "no level is on; turn on at least one of relu1 to relu5");
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_row_is_complete_and_its_default_is_in_range),
    cmocka_unit_test (the_rows_cover_every_field_once),
    cmocka_unit_test (defaults_are_five_levels_at_strength_0_6_and_pass_the_check),
    cmocka_unit_test (what_is_set_is_what_is_got),
    cmocka_unit_test (values_out_of_range_are_refused_by_name_and_change_nothing),
    cmocka_unit_test (whole_numbers_must_be_whole),
    cmocka_unit_test (the_check_finds_values_that_were_written_past_it),
    cmocka_unit_test (a_job_without_levels_is_refused),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
