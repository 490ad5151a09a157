/* SHA-256 of a file. */
#ifndef WCT_CLI_DIGEST_H
#define WCT_CLI_DIGEST_H

#include <stdint.h>

#include <wct/status.h>

#define WCT_DIGEST_SIZE 65 /* in hexadecimals, with the zero at the end */

/* @text: (WCT_DIGEST_SIZE), written. @bytes: the file's size; may be NULL */
WctStatus wct_digest_file (const char *path, char *text, int64_t *bytes, WctError *err);

#endif
