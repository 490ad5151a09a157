"""Styles made of things: tiles, threads, stitches, stone, gold, cut paper."""
from PIL import ImageDraw, ImageFilter

from fields import *

# Small stones set along arcs: a sea with a sun, as on the floor of a villa.

STONES = ((24, 60, 92), (44, 118, 138), (120, 176, 168), (232, 218, 184), (214, 150, 74), (164, 62, 42), (92, 34, 40))


def mosaic():
    x, y = grid()
    wx, wy = warped(x, y, 300, 3, 0.16)
    number, px, py, _, border = cells(wx, wy, 46, 301, 0.62)
    ring = np.hypot(px - 0.62, py - 0.36)
    layout = 0.5 + 0.32 * np.sin(ring * 34 + 3 * fbm(302, px * 3, py * 3, 3)) + 0.5 * (fbm(303, px * 4, py * 4, 3) - 0.5)
    layout = layout + 0.22 * (random_of(number, 304) - 0.5)
    stone = ramp(STONES, layout) * (0.82 + 0.34 * random_of(number, 305))[..., None]
    stone = stone * (1 + 0.24 * (fbm(306, x * 60, y * 60, 3) - 0.5))[..., None]
    light = np.clip(((px - wx) + (py - wy)) * 9, -0.35, 0.4) * smoothstep(0.34, 0.12, border)
    stone = stone + light[..., None] * 120
    grout = np.array([74, 66, 60.0]) * (0.8 + 0.5 * fbm(307, x * 120, y * 120, 3))[..., None]
    return mixed(grout, stone, smoothstep(0.07, 0.15, border))


# A kilim: diamonds in madder, indigo and ivory, and every thread of it.

WOOLS = ((122, 24, 32), (196, 66, 40), (226, 156, 62), (238, 222, 188), (38, 62, 104), (28, 94, 92), (62, 26, 44))


def weave():
    x, y = grid()
    period = 1 / 78
    column, row = np.floor(x / period), np.floor(y / period)
    cx, cy = column * period, row * period
    diamond = np.abs((cx * 3.0) % 1 - 0.5) + np.abs((cy * 2.25) % 1 - 0.5)
    band = (np.floor(diamond * 13) + 3 * np.floor(cy * 2.25) + 2 * (np.floor(cx * 3.0) % 2)).astype(int) % len(WOOLS)
    color = np.asarray(WOOLS, float)[band]
    stripe = (np.floor(cy * 9) % 9) == 4
    color[stripe] = np.asarray(WOOLS, float)[(3 + (column + row).astype(int) % 2 * 3)[stripe]]
    over = (column + row) % 2 == 0
    u, v = (x / period) % 1 - 0.5, (y / period) % 1 - 0.5
    across, along = np.where(over, u, v), np.where(over, v, u)
    ridge = np.sqrt(np.clip(1 - (across * 2.05) ** 2, 0, 1)) * np.sqrt(np.clip(1 - (along * 1.55) ** 2, 0, 1))
    fiber = np.sin((along * 7 + across * 11) * math.pi + 3 * fbm(311, x * 90, y * 90, 2))
    tone = 0.30 + 0.86 * ridge + 0.09 * fiber + 0.16 * (fbm(312, x * 4, y * 60, 3) - 0.5)
    dye = 1 + 0.30 * (fbm(313, x * 3, y * 30, 3) - 0.5)
    return color * (tone * dye)[..., None] + 26 * (ridge ** 6)[..., None]


# Satin stitch: threads that lie side by side along the petals, with the light on each.

SILKS = ((190, 30, 66), (236, 98, 96), (250, 194, 108), (248, 236, 214), (78, 142, 96), (32, 88, 96), (74, 58, 128))


def embroidery():
    x, y = grid()
    rng = np.random.RandomState(320)
    number, px, py, distance, _ = cells(x, y, 5, 321, 0.8)
    linen = np.array([42, 50, 78.0]) * (0.8 + 0.25 * np.sin(x * 900) * np.sin(y * 900) + 0.1 * rng.rand(SIDE, SIDE))[..., None]
    cloth = Image.fromarray(np.clip(linen, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(cloth)
    for _ in range(15000):
        stitch(draw, rng, number, px, py, distance)
    return np.asarray(cloth.filter(ImageFilter.UnsharpMask(1.5, 60, 0)), float)


def stitch(draw, rng, number, px, py, distance):
    """One thread of a flower: petals point away from its heart, leaves lie around."""
    i, j = rng.randint(0, SIDE, 2)
    dx, dy = (i + 0.5) / SIDE - px[j, i], (j + 0.5) / SIDE - py[j, i]
    radius, angle = math.hypot(dx, dy) * 5, math.atan2(dy, dx)
    hue = number[j, i] % 5
    petals = 0.36 + 0.10 * math.cos(angle * (5 + hue))
    if radius < 0.11:
        color, lean = SILKS[2], angle + 1.57
    elif radius < petals:
        color, lean = np.asarray(SILKS[(0, 1, 3, 6, 2)[hue]]) * (0.55 + 1.25 * radius), angle
    else:
        color, lean = SILKS[4 + (hue + int(distance[j, i] * 9)) % 2], angle * 2 + 0.9
    shade = np.clip(np.asarray(color, float) * rng.normal(1, 0.12), 0, 255)
    length = rng.uniform(12, 27)
    ux, uy = math.cos(lean) * length, math.sin(lean) * length
    draw.line([i - ux + 2, j - uy + 3, i + ux + 2, j + uy + 3], fill=tuple(int(v * 0.34) for v in shade), width=8)
    draw.line([i - ux, j - uy, i + ux, j + uy], fill=tuple(int(v) for v in shade), width=6)
    draw.line([i - ux * 0.8 - 1, j - uy * 0.8 - 1, i + ux * 0.8 - 1, j + uy * 0.8 - 1],
              fill=tuple(int(v) for v in np.minimum(shade * 1.25 + 28, 255)), width=2)


# Paint that floats on water, combed, and lifted with a sheet of paper.

INKS = ((22, 30, 66), (150, 32, 44), (238, 226, 200), (208, 146, 58), (30, 104, 116), (238, 226, 200), (92, 24, 52),
        (70, 142, 146))


def marble():
    x, y = grid()
    wx, wy = warped(x, y, 330, 2.2, 0.42, 3)
    comb = wy + 0.055 * np.abs(((wx * 7) % 1) * 2 - 1) * (0.6 + fbm(332, x * 2, y * 2, 2))
    comb = comb + 0.020 * np.sin(wx * 2 * math.pi * 16 + 5 * wy)
    level = comb * 30 + 1.6 * fbm(333, wx * 9, wy * 9, 4)
    band = np.floor(level).astype(int)
    edge = np.abs(level % 1 - 0.5) * 2
    color = np.asarray(INKS, float)[band % len(INKS)]
    color = color * (0.86 + 0.25 * fbm(334, x * 8, y * 8, 4))[..., None]
    color = mixed(color, np.array([18, 20, 38.0]), 0.75 * smoothstep(0.86, 0.98, edge))
    _, _, _, drop_at, _ = cells(wx, wy, 17, 335)
    color = mixed(color, np.array([244, 236, 214.0]), smoothstep(0.17, 0.13, drop_at) * (fbm(336, x * 5, y * 5, 3) > 0.5))
    return color * (1 + 0.05 * (fbm(337, x * 150, y * 150, 2) - 0.5))[..., None]


# Agate: bands around hollows, milky and translucent, rust at their edges.

QUARTZ = ((236, 240, 232), (150, 196, 200), (38, 122, 146), (14, 58, 96), (72, 150, 160), (244, 238, 220), (206, 128, 72),
          (116, 44, 36))


def agate():
    x, y = grid()
    wx, wy = warped(x, y, 340, 2.6, 0.36, 5)
    depth = fbm(342, wx * 3.2, wy * 3.2, 4)
    level = depth * 8.5 + 0.16 * fbm(343, x * 24, y * 24, 4)
    fine = 0.5 + 0.5 * np.sin(level * 2 * math.pi * 4.2)
    color = ramp(QUARTZ, (level % 2) / 2) * (0.70 + 0.40 * fine)[..., None]
    number, _, _, near, border = cells(wx, wy, 64, 344)
    crystal = np.array([206, 222, 228.0]) * (0.55 + 0.6 * random_of(number, 345) - 0.3 * near)[..., None]
    hollow = smoothstep(0.66, 0.70, depth)
    vein = smoothstep(0.93, 1.0, 1 - np.abs((level % 1) - 0.5) * 2)
    color = mixed(color, np.array([250, 248, 240.0]), 0.55 * vein)
    return mixed(color, crystal, hollow) + 16 * (fbm(346, x * 90, y * 90, 3) - 0.5)[..., None]


# Gold leaf with spirals, eyes and small enamel tiles.

ENAMEL = ((20, 34, 84), (156, 28, 52), (18, 110, 104), (244, 236, 212), (30, 22, 20), (216, 96, 44))


def gilded():
    x, y = grid()
    rng = np.random.RandomState(350)
    number, _, _, _, border = cells(x, y, 26, 351, 0.7)
    leaf = np.array([214, 164, 60.0]) * (0.70 + 0.38 * random_of(number, 352) + 0.40 * fbm(353, x * 30, y * 30, 4))[..., None]
    leaf = mixed(leaf, np.array([120, 72, 24.0]), 0.5 * smoothstep(0.05, 0.0, border))
    leaf = leaf + 66 * (smoothstep(0.62, 0.76, fbm(354, x * 60, y * 60, 3)))[..., None]
    picture = Image.fromarray(np.clip(leaf, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(240):
        tile(draw, rng)
    for _ in range(64):
        spiral(draw, rng)
    for _ in range(110):
        eye(draw, rng)
    return np.asarray(picture, float) * (0.94 + 0.14 * fbm(355, x * 120, y * 120, 2))[..., None]


def tile(draw, rng):
    cx, cy, w, h = *(rng.rand(2) * SIDE), rng.uniform(9, 24), rng.uniform(14, 52)
    draw.rectangle([cx - w, cy - h, cx + w, cy + h], fill=ENAMEL[rng.randint(len(ENAMEL))], outline=(86, 50, 16), width=4)
    if rng.rand() < 0.6:
        draw.rectangle([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], fill=ENAMEL[rng.randint(len(ENAMEL))])


def spiral(draw, rng):
    cx, cy, size, turn = *(rng.rand(2) * SIDE), rng.uniform(34, 88), rng.choice((-1, 1))
    start = rng.rand() * 6
    points = [(cx + size * t * math.cos(start + turn * 17 * t), cy + size * t * math.sin(start + turn * 17 * t))
              for t in np.linspace(0.04, 1, 90)]
    draw.line(points, fill=(70, 38, 14), width=11, joint="curve")
    draw.line(points, fill=(250, 216, 120), width=5, joint="curve")


def eye(draw, rng):
    cx, cy, r = *(rng.rand(2) * SIDE), rng.uniform(9, 26)
    for part, color in ((1, (70, 38, 14)), (0.8, ENAMEL[rng.randint(len(ENAMEL))]), (0.45, (250, 222, 140)), (0.22, (24, 18, 18))):
        draw.ellipse([cx - r * part, cy - r * part, cx + r * part, cy + r * part], fill=color)


# Sheets of colored paper, cut along the heights of a valley, each with its shadow on the next.

SHEETS = ((28, 34, 74), (74, 44, 108), (158, 54, 110), (226, 88, 90), (246, 150, 88), (252, 208, 140), (250, 240, 216))


def shifted(array, down, right):
    """Moved, with its first row and column drawn out to the edge."""
    return np.pad(array, ((down, 0), (right, 0)), "edge")[:SIDE, :SIDE]


def papercut():
    x, y = grid()
    wx, wy = warped(x, y, 360, 2.2, 0.22, 3)
    height = fbm(362, wx * 3.4, wy * 3.4, 3) + 0.16 * (y - 0.5)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * np.array(SHEETS[0])
    for i, color in enumerate(SHEETS[1:], 1):
        cut = (height > 0.22 + 0.078 * i).astype(np.float32)
        shadow = shifted(blurred(cut, 9), 13, 9) * (1 - cut)
        picture = picture * (1 - 0.62 * shadow)[..., None]
        sheet = np.array(color) * (1 + 0.12 * (fbm(363 + i, x * 130, y * 130, 3) - 0.5))[..., None]
        rim = np.clip(cut - shifted(cut, 3, 3), 0, 1)
        picture = mixed(picture, np.minimum(sheet + 34 * rim[..., None], 255), cut)
    return picture
