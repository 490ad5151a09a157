/* Two sums of 64 bits over words and bytes: for names and damage, not against malice. */
#ifndef WCT_FINGERPRINT_H
#define WCT_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "network.h"

#define WCT_FINGERPRINT_TEXT 33 /* hexadecimal digits, and the end */

typedef struct
{
  uint64_t words[2]; /* from any two different numbers on */
} WctFingerprint;

void wct_fingerprint_word (WctFingerprint *sum, uint64_t word);
void wct_fingerprint_bytes (WctFingerprint *sum, const void *bytes, size_t size);

/* The kinds of its layers, and their weights. */
void wct_fingerprint_network (WctFingerprint *sum, const WctNetwork *network);

/* @text: WCT_FINGERPRINT_TEXT bytes */
void wct_fingerprint_print (const WctFingerprint *sum, char *text);

#endif
