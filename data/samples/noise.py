"""Smooth noise on arrays of points, the raw material of every sample picture."""
import numpy as np

TABLE = 256
OCTAVE_TURN = np.array([[0.8, 0.6], [-0.6, 0.8]])  # turns each octave, so that the lattice does not show


def lattice(seed):
    return np.random.RandomState(seed).rand(TABLE, TABLE).astype(np.float32)


def value_noise(table, x, y, slopes=False):
    """Value noise in [0,1] with quintic blending; with slopes also its derivatives in x and y."""
    x0, y0 = np.floor(x), np.floor(y)
    u, v = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    i, j = x0.astype(np.int64) % TABLE, y0.astype(np.int64) % TABLE
    k, l = (i + 1) % TABLE, (j + 1) % TABLE
    a, b, c, d = table[j, i], table[j, k], table[l, i], table[l, k]
    su, sv = u * u * u * (u * (u * 6 - 15) + 10), v * v * v * (v * (v * 6 - 15) + 10)
    mix = a - b - c + d
    value = a + (b - a) * su + (c - a) * sv + mix * su * sv
    if not slopes:
        return value
    du, dv = 30 * u * u * (u * (u - 2) + 1), 30 * v * v * (v * (v - 2) + 1)
    return value, du * (b - a + mix * sv), dv * (c - a + mix * su)


def fbm(seed, x, y, octaves=6, gain=0.5):
    """Fractal sum of value noise, in [0,1], around 0.5."""
    table, total, weight, amplitude = lattice(seed), 0.0, 0.0, 1.0
    for _ in range(octaves):
        total = total + amplitude * value_noise(table, x, y)
        weight += amplitude
        amplitude *= gain
        x, y = turned(x, y)
    return total / weight


def eroded(seed, x, y, octaves):
    """Fractal sum whose detail fades on slopes (after Inigo Quilez): ridges and gullies as water leaves them."""
    table, total, amplitude = lattice(seed), 0.0, 1.0
    dx = dy = 0.0
    for _ in range(octaves):
        value, sx, sy = value_noise(table, x, y, slopes=True)
        dx, dy = dx + sx, dy + sy
        total = total + amplitude * value / (1 + dx * dx + dy * dy)
        amplitude *= 0.5
        x, y = turned(x, y)
    return total


def turned(x, y):
    (a, b), (c, d) = OCTAVE_TURN * 2
    return a * x + b * y, c * x + d * y


def smoothstep(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
