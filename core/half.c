#include "half.h"

#include <string.h>

float
wct_float_of_half (uint16_t half)
{
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1Fu, fraction = half & 0x3FFu;
  const uint32_t bits =
    exponent == 0x1F ? sign | 0x7F800000u | fraction << 13 : sign | (exponent + (127 - 15)) << 23 | fraction << 13;
  float value;

  if (exponent == 0) /* zero and what is below the smallest normal number: fraction · 2^-24 */
    return sign != 0 ? -(float)fraction * 0x1p-24f : (float)fraction * 0x1p-24f;
  memcpy (&value, &bits, sizeof value);
  return value;
}

uint16_t
wct_half_of_float (float value)
{
  uint32_t       bits;
  const uint32_t round_to_even = 0xfffu;
  uint16_t       sign;

  memcpy (&bits, &value, sizeof bits);
  sign = (uint16_t)(bits >> 16 & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) /* NaN */
    return sign | 0x7e00u;
  if (bits >= 0x477ff000u) /* what rounds to more than 65504 */
    return sign | 0x7c00u;
  if (bits < 0x38800000u) /* subnormal: let the processor round, by adding what has its last place there */
    {
      float small;

      memcpy (&small, &bits, sizeof small);
      small += 0.5f;
      memcpy (&bits, &small, sizeof bits);
      return (uint16_t)(sign | (bits - 0x3f000000u));
    }
  bits += round_to_even + (bits >> 13 & 1u);
  return (uint16_t)(sign | ((bits - 0x38000000u) >> 13));
}
