"""The near bank: conifers, bushes and reeds, painted with strokes and lit from the same side as the land."""
import math

import numpy as np
from PIL import Image, ImageDraw

DARK, LIT = np.array([13, 21, 22]), np.array([142, 98, 44])


def tone(rng, light):
    """A color between shade and evening sun, as a tuple for Pillow."""
    light = float(np.clip(light + rng.normal(0, 0.07), 0, 1)) ** 1.4
    return tuple(int(v) for v in DARK + (LIT - DARK) * light + rng.normal(0, 2, 3).clip(-4, 4))


def needle_branch(draw, rng, x, y, length, side, sag, light):
    """One drooping branch: needles hang from a curved twig."""
    count = max(5, int(length / 1.6))
    for i in range(count):
        t = (i + rng.rand()) / count
        px, py = x + side * length * t, y + sag * length * (t ** 1.5 - 0.25 * t)
        hang = length * (0.10 + 0.20 * (1 - t)) * (0.5 + rng.rand())
        lean = side * hang * rng.uniform(-0.2, 0.9)
        draw.line([px, py, px + lean, py + hang], fill=tone(rng, light * (0.6 + 0.6 * t)), width=2)


def conifer(draw, rng, foot_x, foot_y, height):
    lean = rng.uniform(-0.015, 0.015)
    trunk = [foot_x, foot_y, foot_x + lean * height, foot_y - height]
    draw.line(trunk, fill=(24, 20, 20), width=max(2, int(height / 70)))
    whorls = int(16 + height / 11)
    for i in range(whorls):
        up = 1 - (i / whorls) ** 1.05 * 0.93
        reach = height * 0.205 * (1 - up) ** 0.82 * rng.uniform(0.62, 1.18) + height * 0.006
        x, y = foot_x + lean * height * up, foot_y - height * up
        for side in (-1, 1):
            light = 0.60 if side < 0 else 0.10
            needle_branch(draw, rng, x, y, reach * rng.uniform(0.75, 1.1), side, rng.uniform(0.22, 0.5), light)
        for _ in range(3):
            needle_branch(draw, rng, x, y, reach * rng.uniform(0.2, 0.6), rng.choice((-1, 1)), 0.7, 0.22)


def bank(draw, rng, outline, bottom=1290):
    """Dark ground under an outline, with grass along it."""
    draw.polygon(outline + [(outline[-1][0], bottom), (outline[0][0], bottom)], fill=(15, 19, 18))
    for (x0, y0), (x1, y1) in zip(outline, outline[1:]):
        for _ in range(int(abs(x1 - x0) * 6)):
            t = rng.rand()
            x, y = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + rng.exponential(38)
            blade(draw, rng, x, min(y, bottom), rng.uniform(6, 22), rng.uniform(0.05, 0.75))


def blade(draw, rng, x, y, length, light):
    bend = rng.normal(0.15, 0.3)
    middle = (x + 0.35 * bend * length, y - 0.6 * length)
    draw.line([(x, y), middle, (x + bend * length, y - length)], fill=tone(rng, light), width=1)


def reeds(draw, rng, x0, x1, y, count):
    for _ in range(count):
        x, length = rng.uniform(x0, x1), rng.uniform(28, 95)
        blade(draw, rng, x, y + rng.uniform(-4, 12), length, rng.uniform(0.1, 0.9))


LEFT_TREES = ((236, 300), (300, 210), (72, 560), (160, 690), (10, 780), (120, 400), (352, 150))  # place, height
RIGHT_TREES = ((60, 430), (128, 260), (12, 330), (190, 150))  # from the right edge


def left_rise(x):
    return 1090 + 150 * (max(x, 0) / 620) ** 1.6 + 9 * math.sin(x / 37) + 6 * math.sin(x / 17)


def left_bank(draw, rng):
    for x, tall in LEFT_TREES:
        conifer(draw, rng, x, left_rise(x) + 16, tall)
    bank(draw, rng, [(x, left_rise(x)) for x in range(-10, 660, 22)])
    reeds(draw, rng, 420, 700, 1262, 150)


def right_bank(draw, rng, right):
    for x, tall in RIGHT_TREES:
        conifer(draw, rng, right - x, 1240, tall)
    places = range(int(right) - 420, int(right) + 20, 20)
    bank(draw, rng, [(x, 1278 - 70 * (x - right + 420) / 420 + 7 * math.sin(x / 29)) for x in places])
    reeds(draw, rng, right - 520, right - 330, 1275, 90)


def paint(picture, seed=7):
    """Draws onto a float picture in [0,1] of any size; coordinates are for a height of 1280."""
    rng = np.random.RandomState(seed)
    unit = picture.shape[0] / 1280
    layer = Image.fromarray((picture * 255 + 0.5).astype(np.uint8))
    draw = Scaled(ImageDraw.Draw(layer), unit)
    left_bank(draw, rng)
    right_bank(draw, rng, picture.shape[1] / unit)
    return np.asarray(layer, np.float32) / 255


class Scaled:
    """A drawing whose coordinates are multiplied on the way."""

    def __init__(self, draw, unit):
        self.draw, self.unit = draw, unit

    def points(self, points):
        flat = [c for p in points for c in p] if isinstance(points[0], tuple) else points
        return [c * self.unit for c in flat]

    def line(self, points, fill, width):
        self.draw.line(self.points(points), fill=fill, width=max(1, round(width * self.unit)))

    def polygon(self, points, fill):
        self.draw.polygon(self.points(points), fill=fill)
