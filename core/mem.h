/* Allocation for the library: sizes are multiplied with care, blocks are aligned for vectors, and tests can make the
 * n-th allocation fail. */
#ifndef WCT_MEM_H
#define WCT_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include <wct/status.h>

#define WCT_ALIGNMENT 64 /* a cache line and the widest vector */

/* a * b, or false where that does not fit in size_t. */
bool wct_size_mul (size_t a, size_t b, size_t *product);

/* count * size bytes, aligned, zeroed; never NULL on WCT_OK, also for 0 bytes. @address_of_block is the address of any
 * object pointer, untouched on failure. @what names the thing in the sentence: "features of relu4_1". */
WctStatus wct_alloc (size_t count, size_t size, const char *what, void *address_of_block, WctError *err);

/* Frees *block, sets it to NULL; NULL is welcome. Takes the address of any object pointer. */
void wct_free (void *address_of_block);

/* A copy of a C string by wct_alloc. */
WctStatus wct_strdup (const char *text, char **out, WctError *err);

/* For tests: the @countdown-th allocation from now fails (1: the next), and, where @all_later, every one after it. 0
 * turns it off. Returns how many allocations happened since the last call. Not for use while threads allocate. */
long wct_mem_test_fail (long countdown, bool all_later);

/* Bytes that are allocated now, and the most that were since the last reset (which sets it to now's). */
size_t wct_mem_used (void);
size_t wct_mem_peak (bool reset);

#endif
