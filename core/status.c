/* Names of statuses, and the sentence of a failure. */
#include <wct/status.h>
#include <wct/wct.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* vsnprintf may have cut a multi-byte character in two: take its first bytes away too. */
static void
drop_partial_character (char *text)
{
  size_t end = strlen (text);
  size_t start = end;

  while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
    start--;
  if (start == 0 || ((unsigned char)text[start - 1] & 0x80) == 0)
    {
      text[start < end ? start : end] = '\0';
      return;
    }

  const unsigned char lead = (unsigned char)text[start - 1];
  const size_t        need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;

  if (end - (start - 1) < need)
    text[start - 1] = '\0';
}

WctStatus
wct_error_set (WctError *err, WctStatus status, const char *format, ...)
{
  if (err != NULL)
    {
      va_list arguments;

      err->status = status;
      va_start (arguments, format);
      int length = vsnprintf (err->message, sizeof err->message, format, arguments);
      va_end (arguments);
      if (length < 0)
        err->message[0] = '\0';
      else if ((size_t)length >= sizeof err->message)
        drop_partial_character (err->message);
    }
  return status;
}

const char *
wct_status_name (WctStatus status)
{
  static const char *const names[] = {
    [WCT_OK] = "done",
    [WCT_ERR_ARGUMENT] = "bad argument",
    [WCT_ERR_NO_MEMORY] = "no memory",
    [WCT_ERR_IO] = "input or output failed",
    [WCT_ERR_FORMAT] = "bad format",
    [WCT_ERR_UNSUPPORTED] = "not supported",
    [WCT_ERR_DEVICE] = "device failed",
    [WCT_ERR_NUMERIC] = "numbers are not finite",
    [WCT_CANCELED] = "canceled",
  };

  if ((size_t)status >= sizeof names / sizeof names[0])
    return "unknown status";
  return names[status];
}

const char *
wct_version (void)
{
  return WCT_VERSION;
}
