"""What pictures of styles are laid out by: cells, flows, screens and ramps of color on arrays of points."""
import math

import numpy as np
from PIL import Image, ImageFilter

from noise import fbm, lattice, smoothstep
from paintings import SIDE, grid, noise_at, ramp

CELLS = 256


def cells(x, y, count, seed, jitter=1.0):
    """Cells around jittered points, @count to a side: the nearest point's number and place, the distance to it and to
    the border with the next, all in cells."""
    rng = np.random.RandomState(seed)
    places = 0.5 + jitter * (rng.rand(CELLS, CELLS, 2).astype(np.float32) - 0.5)
    gx, gy = x * count, y * count
    ix, iy = np.floor(gx).astype(int), np.floor(gy).astype(int)
    first = np.full(x.shape, 9, np.float32)
    second, number = first.copy(), np.zeros(x.shape, int)
    px, py = np.zeros_like(first), np.zeros_like(first)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            jx, jy = (ix + dx) % CELLS, (iy + dy) % CELLS
            cx, cy = ix + dx + places[jy, jx, 0], iy + dy + places[jy, jx, 1]
            d = np.hypot(gx - cx, gy - cy).astype(np.float32)
            closer = d < first
            second = np.where(closer, first, np.minimum(second, d))
            number = np.where(closer, jy * CELLS + jx, number)
            px, py = np.where(closer, cx, px), np.where(closer, cy, py)
            first = np.where(closer, d, first)
    return number, px / count, py / count, first, second - first


def random_of(number, seed, shape=()):
    """A random number in [0,1], or several, for each cell."""
    return np.random.RandomState(seed).rand(CELLS * CELLS, *shape)[number]


def warped(x, y, seed, scale, amount, octaves=4):
    return (x + amount * (fbm(seed, x * scale, y * scale, octaves) - 0.5),
            y + amount * (fbm(seed + 1, x * scale + 7, y * scale, octaves) - 0.5))


def turned_by(x, y, degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return c * x + s * y, c * y - s * x


def flow_line(table, x, y, length, scale=2.5, turns=1.3, step=0.006):
    """A walk along a smooth field of directions, in pixels."""
    points = []
    for _ in range(max(2, int(length / step))):
        points.append((x * SIDE, y * SIDE))
        angle = 2 * math.pi * turns * noise_at(table, x * scale, y * scale)
        x, y = x + math.cos(angle) * step, y + math.sin(angle) * step
    return points


def blurred(array, radius):
    """Of numbers in [0,1]."""
    image = Image.fromarray((np.clip(array, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def mixed(below, above, cover):
    """@above over @below where @cover (a map or a number) is 1."""
    return below + (above - below) * np.asarray(cover, np.float32)[..., None]


def paper(color, seed, tooth=0.05):
    """A sheet with fibers and grain."""
    x, y = grid()
    grain = fbm(seed, x * 170, y * 170, 3) - 0.5 + 0.6 * (fbm(seed + 1, x * 12, y * 40, 4) - 0.5)
    return np.asarray(color, np.float32) * (1 + tooth * 2 * grain)[..., None]


__all__ = ["CELLS", "Image", "SIDE", "blurred", "cells", "fbm", "flow_line", "grid", "lattice", "math", "mixed", "noise_at",
           "np", "paper", "ramp", "random_of", "smoothstep", "turned_by", "warped"]
