/* What a golden case keeps in files: pictures, and numpy arrays of expected values. */
#ifndef GOLDEN_FILES_H
#define GOLDEN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <wct/image.h>

/* pictures-vips.c, or pictures-plain.c where the build has no libvips. */
bool open_pictures (const char *program);
void close_pictures (void);

/* Both return false and print why. */

/* @channels: 3 (gray is repeated) or 1. 8 bit values become value / 255. @out: pixels are the caller's, to be freed. */
bool read_picture (const char *path, int channels, WctImage *out);

/* A .npy of float32 in (3, height, width), as an interleaved picture. */
bool read_expected (const char *path, WctImage *out);

/* Of 1 or 3 bands. */
void     convert_bytes (const uint8_t *bytes, int bands, const WctImage *out);
WctImage new_picture (int32_t width, int32_t height, int32_t channels);

#endif
