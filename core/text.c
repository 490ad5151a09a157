/* What strangers wrote, where our sentences carry it. */
#include "text.h"

#include <string.h>

void
wct_text_for_sentence (const char *text, char *out, size_t size)
{
  const size_t length = strlen (text);
  const char  *from = length < size ? text : text + (length - size + 1);

  if (from > text)
    {
      memcpy (out, "…", strlen ("…")); /* in place of as many bytes */
      out += strlen ("…");
      from += strlen ("…");
      while (((unsigned char)*from & 0xC0) == 0x80) /* not in the middle of a character */
        from++;
    }
  for (; *from != '\0'; from++)
    *out++ = (unsigned char)*from < ' ' || *from == 0x7F ? '?' : *from;
  *out = '\0';
}
