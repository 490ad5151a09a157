/* Buffers with canaries, random numbers, and claims that remember where they failed. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkop.h"

#define CANARIES     16
#define VALUES_MAX   300000
#define CANARY_VALUE -1.2345e30f

/* ---- Random numbers ----------------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t
next_random (Checker *checker)
{
  uint64_t z = checker->random += 0x9E3779B97F4A7C15u;

  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

int32_t
random_integer (Checker *checker, int32_t low, int32_t high)
{
  return low + (int32_t)(next_random (checker) % (uint64_t)(high - low + 1));
}

double
random_number (Checker *checker, double low, double high)
{
  return low + (high - low) * (double)(next_random (checker) >> 11) * 0x1p-53;
}

int32_t
random_channels (Checker *checker)
{
  const int32_t counts[] = { 1, 3, 5, 8, 16, 24, 31, 64, 129 };

  return counts[random_integer (checker, 0, (int32_t)(sizeof counts / sizeof counts[0]) - 1)];
}

/* Ones often: they are where reflection has nothing to reflect. Some long ones: they are cut into several pieces. */
int32_t
random_side (Checker *checker)
{
  switch (random_integer (checker, 0, 11))
    {
    case 0:
    case 1:
      return random_integer (checker, 1, 2);
    case 2:
      return random_integer (checker, 71, 500);
    default:
      return random_integer (checker, 1, 70);
    }
}

WctShape
random_shape (Checker *checker)
{
  WctShape shape = { random_channels (checker), random_side (checker), random_side (checker) };

  while (count_floats (shape) > VALUES_MAX)
    {
      int32_t *longer = shape.h > shape.w ? &shape.h : &shape.w;

      *longer /= 2;
    }
  return shape;
}

/* ---- Buffers ------------------------------------------------------------------------------------------------ */

size_t
count_floats (WctShape shape)
{
  return (size_t)shape.c * (size_t)shape.h * (size_t)shape.w;
}

Buffer
buffer_new (size_t count)
{
  float *raw = calloc (count + 2 * CANARIES, sizeof (float));

  if (raw == NULL)
    abort ();
  for (size_t i = 0; i < CANARIES; i++)
    raw[i] = raw[CANARIES + count + i] = CANARY_VALUE;
  return (Buffer){ raw + CANARIES, count };
}

Buffer
buffer_copy (const Buffer *buffer)
{
  Buffer copy = buffer_new (buffer->count);

  memcpy (copy.values, buffer->values, buffer->count * sizeof (float));
  return copy;
}

void
buffer_free (Buffer *buffer)
{
  if (buffer->values != NULL)
    free (buffer->values - CANARIES);
  buffer->values = NULL;
}

void
buffer_fill (Checker *checker, Buffer *buffer, double low, double high)
{
  for (size_t i = 0; i < buffer->count; i++)
    buffer->values[i] = (float)random_number (checker, low, high);
}

void
check_canaries (Checker *checker, const Buffer *buffer, const char *what)
{
  for (size_t i = 0; i < CANARIES; i++)
    {
      const float before = buffer->values[-1 - (ptrdiff_t)i], after = buffer->values[buffer->count + i];

      if (memcmp (&before, &(float){ CANARY_VALUE }, sizeof before) != 0)
        fail_case (checker, "%s: %zu floats before it were overwritten with %g", what, i + 1, (double)before);
      if (memcmp (&after, &(float){ CANARY_VALUE }, sizeof after) != 0)
        fail_case (checker, "%s: %zu floats behind it were overwritten with %g", what, i + 1, (double)after);
    }
}

/* ---- Claims ------------------------------------------------------------------------------------------------- */

void
fail_case (Checker *checker, const char *format, ...)
{
  va_list arguments;

  if (checker->failed)
    return;
  checker->failed = true;
  va_start (arguments, format);
  vsnprintf (checker->failure, sizeof checker->failure, format, arguments);
  va_end (arguments);
}

void
skip_case (Checker *checker, const char *reason)
{
  snprintf (checker->skipped, sizeof checker->skipped, "%s", reason);
}

void
check_status (Checker *checker, WctStatus status, const WctError *err)
{
  if (status != WCT_OK)
    fail_case (checker, "%s: %s", wct_status_name (status), err->message);
}

void
note_share (Checker *checker, double difference, double allowed)
{
  if (allowed > 0 && !(difference / allowed <= checker->worst_share))
    checker->worst_share = difference / allowed;
}

void
check_close (Checker *checker, WctShape shape, const float *got, const float *expected, double allowed,
             const char *why_allowed)
{
  for (size_t i = 0; i < count_floats (shape); i++)
    {
      const double difference = fabs ((double)got[i] - (double)expected[i]);
      const size_t plane = (size_t)shape.h * (size_t)shape.w;

      note_share (checker, difference, allowed);
      if (!(difference <= allowed))
        fail_case (checker, "channel %zu, row %zu, column %zu: expected %.9g, got %.9g, allowed difference %.3g (%s)",
                   i / plane, i % plane / (size_t)shape.w, i % (size_t)shape.w, (double)expected[i], (double)got[i],
                   allowed, why_allowed);
    }
}

void
check_number (Checker *checker, const char *what, double got, double expected, double allowed, const char *why_allowed)
{
  note_share (checker, fabs (got - expected), allowed);
  if (!(fabs (got - expected) <= allowed))
    fail_case (checker, "%s: expected %.17g, got %.17g, allowed difference %.3g (%s)", what, expected, got, allowed,
               why_allowed);
}

void
check_same_bits (Checker *checker, const void *got, const void *expected, size_t bytes, const char *what)
{
  const unsigned char *a = got, *b = expected;

  for (size_t i = 0; i < bytes; i++)
    if (a[i] != b[i])
      {
        fail_case (checker, "%s: other bits, first at byte %zu of %zu: expected 0x%02x, got 0x%02x, allowed none", what,
                   i, bytes, b[i], a[i]);
        return;
      }
}
