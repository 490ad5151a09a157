/* Text for sentences. */
#ifndef WCT_TEXT_H
#define WCT_TEXT_H

#include <stddef.h>

/* A stranger's text as a sentence can carry it: control characters become '?', and what is too long for @out loses its
 * start (a path says most at its end). */
void wct_text_for_sentence (const char *text, char *out, size_t size);

#endif
