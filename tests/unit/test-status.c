/* Statuses have names; sentences are cut at a character's boundary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wct/wct.h>

static void
every_status_has_a_name_of_its_own (void **state)
{
  (void)state;
  for (int i = WCT_OK; i <= WCT_CANCELED; i++)
    {
      assert_true (strlen (wct_status_name ((WctStatus)i)) > 0);
      for (int k = WCT_OK; k < i; k++)
        assert_string_not_equal (wct_status_name ((WctStatus)i), wct_status_name ((WctStatus)k));
    }
  assert_string_equal (wct_status_name ((WctStatus)1000), "unknown status");
  assert_string_equal (wct_status_name ((WctStatus)-1), "unknown status");
}

static void
setting_an_error_returns_its_status_with_and_without_room (void **state)
{
  WctError err;

  (void)state;
  assert_int_equal (wct_error_set (&err, WCT_ERR_IO, "%s: %d", "file", 7), WCT_ERR_IO);
  assert_int_equal (err.status, WCT_ERR_IO);
  assert_string_equal (err.message, "file: 7");
  assert_int_equal (wct_error_set (NULL, WCT_ERR_DEVICE, "lost"), WCT_ERR_DEVICE);
}

/* @filler times "x", then @character often enough to overflow: what is left must be whole characters. */
static void
assert_cut_at_a_boundary (const char *character, size_t filler)
{
  char         text[2 * WCT_MESSAGE_SIZE] = "";
  const size_t size = strlen (character);
  WctError     err;

  memset (text, 'x', filler);
  for (size_t at = filler; at + size < sizeof text; at += size)
    memcpy (text + at, character, size + 1);
  wct_error_set (&err, WCT_ERR_FORMAT, "%s", text);

  const size_t length = strlen (err.message);
  assert_in_range (length, WCT_MESSAGE_SIZE - size, WCT_MESSAGE_SIZE - 1);
  assert_int_equal ((length - filler) % size, 0);
  assert_memory_equal (err.message, text, length);
}

static void
long_sentences_are_cut_between_characters (void **state)
{
  const char *const characters[] = { "x", "ö", "€", "🎨" };

  (void)state;
  for (int i = 0; i < 4; i++)
    for (size_t filler = 0; filler < 8; filler++)
      assert_cut_at_a_boundary (characters[i], filler);
}

static void
sentences_that_just_fit_are_whole (void **state)
{
  char     text[WCT_MESSAGE_SIZE] = "";
  WctError err;

  (void)state;
  memset (text, 'x', WCT_MESSAGE_SIZE - 3);
  memcpy (text + WCT_MESSAGE_SIZE - 3, "ö", 3);
  wct_error_set (&err, WCT_ERR_FORMAT, "%s", text);
  assert_string_equal (err.message, text);
}

static void
the_version_is_three_numbers (void **state)
{
  (void)state;
  assert_true (strspn (wct_version (), "0123456789.") == strlen (wct_version ()));
  assert_true (strlen (wct_version ()) >= 5);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_status_has_a_name_of_its_own),
    cmocka_unit_test (setting_an_error_returns_its_status_with_and_without_room),
    cmocka_unit_test (long_sentences_are_cut_between_characters),
    cmocka_unit_test (sentences_that_just_fit_are_whole),
    cmocka_unit_test (the_version_is_three_numbers),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
