"""Styles: four pictures made as a painter, a carver, a glazier and a water-colorist would, in strokes and pieces."""
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from noise import fbm, lattice, smoothstep, value_noise

SIDE = 1024  # painted at twice the size that is kept


def grid():
    side = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    return np.meshgrid(side, side)


def noise_at(table, x, y):
    """Value noise at one point."""
    return float(value_noise(table, np.float32(x), np.float32(y)))


def ramp(colors, t):
    """Colors (n, 3) in 0..255 blended along t in [0,1]."""
    colors = np.asarray(colors, float)
    t = np.clip(t, 0, 1) * (len(colors) - 1)
    i = np.minimum(t.astype(int), len(colors) - 2)
    f = (t - i)[..., None]
    return colors[i] * (1 - f) + colors[i + 1] * f


# A night of thick paint: strokes follow whirls of the air, and the paint's own relief catches the light.

WHIRLS = (  # x, y, radius, sense
    (0.30, 0.30, 0.17, 1), (0.72, 0.22, 0.12, -1), (0.62, 0.58, 0.20, 1), (0.14, 0.70, 0.12, -1), (0.90, 0.80, 0.13, 1))
NIGHT = ((13, 22, 66), (22, 50, 118), (38, 92, 164), (82, 146, 196), (158, 200, 204))
WIND = lattice(60)
FIRE = ((214, 116, 28), (240, 176, 40), (250, 214, 84), (254, 242, 176))


def wind(x, y):
    """Direction of the strokes at a point: around the nearest whirls, else along slow waves."""
    angle = 0.5 * math.sin(5 * x) + 1.6 * (noise_at(WIND, x * 3, y * 3) - 0.5)
    vx, vy = math.cos(angle), math.sin(angle) * 0.8
    for cx, cy, radius, turn in WHIRLS:
        dx, dy = x - cx, y - cy
        pull = 3.2 * math.exp(-(dx * dx + dy * dy) / (1.15 * radius * radius))
        r = math.hypot(dx, dy) + 1e-6
        vx, vy = vx + pull * turn * -dy / r, vy + pull * turn * dx / r
    norm = math.hypot(vx, vy) + 1e-6
    return vx / norm, vy / norm


def night_color(rng, x, y):
    for cx, cy, radius, _ in WHIRLS:
        r = math.hypot(x - cx, y - cy) / radius
        if r < 0.62 or (r < 1.15 and math.sin(r * 15) > 0.25 and rng.rand() < 0.75):
            return ramp(FIRE, np.array(1 - r * 0.85 + rng.normal(0, 0.16)))
    deep = fbm(61, np.float32(x * 3.1), np.float32(y * 3.1), 3)
    t = (float(deep) - 0.28) * 1.9 + rng.normal(0, 0.16)
    if rng.rand() < 0.035:
        return ramp(FIRE, np.array(rng.rand() * 0.8))
    if rng.rand() < 0.06:
        return np.array([56, 126, 112]) + rng.normal(0, 14, 3)
    return ramp(NIGHT, np.array(t))


def stroke_path(x, y, length):
    path, step = [(x, y)], 0.006
    for _ in range(int(length / step)):
        vx, vy = wind(x, y)
        x, y = x + vx * step, y + vy * step
        path.append((x, y))
    return path


def brush(draw_color, draw_height, rng, path, width, color):
    """A bundle of bristles side by side: each its own shade and thickness of paint."""
    bristles = max(3, int(width / 2.2))
    body = rng.uniform(95, 215)
    (x0, y0), (x1, y1) = path[0], path[-1]
    norm = math.hypot(x1 - x0, y1 - y0) + 1e-6
    nx, ny = -(y1 - y0) / norm, (x1 - x0) / norm
    for b in range(bristles):
        across = (b + 0.5) / bristles - 0.5
        shift = across * width / SIDE
        cut = rng.randint(0, max(1, len(path) // 4)), len(path) - rng.randint(0, max(1, len(path) // 4))
        line = [((px + nx * shift) * SIDE, (py + ny * shift) * SIDE) for px, py in path[cut[0]:cut[1]]]
        if len(line) < 2:
            continue
        shade = np.clip(color * rng.normal(1, 0.07) + rng.normal(0, 5), 0, 255)
        draw_color.line(line, fill=tuple(int(v) for v in shade), width=4, joint="curve")
        relief = body * (0.72 + 0.4 * math.cos(across * 3.0)) + rng.normal(0, 26)
        draw_height.line(line, fill=int(np.clip(relief, 0, 255)), width=3, joint="curve")


def swirls():
    rng = np.random.RandomState(8)
    canvas, relief = Image.new("RGB", (SIDE, SIDE), (24, 44, 96)), Image.new("L", (SIDE, SIDE), 60)
    tools = ImageDraw.Draw(canvas), ImageDraw.Draw(relief)
    for count, width, length in ((1500, 34, 0.15), (3600, 20, 0.10), (4200, 13, 0.06)):
        for _ in range(count):
            x, y = rng.uniform(-0.05, 1.05, 2)
            color, path = night_color(rng, x, y), stroke_path(x, y, length * rng.uniform(0.6, 1.3))
            brush(*tools, rng, path, width * rng.uniform(0.7, 1.2), color)
    return relight(canvas, relief)


def relight(canvas, relief, strength=0.020):
    """Light from the upper left over the relief of the paint."""
    height = np.asarray(relief.filter(ImageFilter.GaussianBlur(1.1)), np.float32)
    gy, gx = np.gradient(height)
    light = np.clip((gx + gy) * strength, -0.42, 0.5)
    color = np.asarray(canvas, np.float32)
    return color * (1 + np.minimum(light, 0))[..., None] + (255 - color) * (0.72 * np.maximum(light, 0))[..., None]


# Waves cut in wood: bands of sea with carved lines, foam that breaks into claws, a paper sky.

INDIGO = ((16, 38, 78), (30, 70, 122), (84, 134, 166), (170, 194, 190))
PAPER, LINE, FOAM = np.array([236, 222, 190.0]), np.array([18, 28, 52.0]), np.array([247, 242, 226.0])


def crest(x, row):
    """Height of a wave's edge: steep fronts that lean to the right."""
    phase = row * 2.399
    lean = x + 0.050 * np.sin(2 * math.pi * (x * (1.7 + 0.11 * row)) + phase)
    swell = np.abs(np.sin(math.pi * lean * (1.7 + 0.11 * row) + phase * 0.5)) ** 1.5
    return (0.115 + 0.008 * row) * swell + 0.012 * np.sin(15 * x + phase)


def add_wave(picture, x, y, row, base):
    """One band of sea: gradient, carved lines that follow the crest, a dark edge and foam along it."""
    edge = base - crest(x, row)
    below = y - edge
    sea = below > 0
    warp = 0.010 * (fbm(70 + row, x * 7, y * 7, 4) - 0.5)
    lines = np.sin((below + warp) * 2 * math.pi / (0.0165 + 0.05 * np.clip(below, 0, 0.2)))
    depth = smoothstep(0.0, 0.17, below + 2 * warp)
    color = ramp(INDIGO, 0.95 - 0.95 * depth + 0.10 * np.sin(row))
    carved = smoothstep(0.55, 0.75, lines) * smoothstep(0.012, 0.05, below) * (fbm(75 + row, x * 22, y * 9, 3) > 0.40)
    color = color + (FOAM - color) * (0.88 * carved)[..., None]
    picture[sea] = color[sea]
    foam = smoothstep(0.034, 0.020, below + 0.055 * (fbm(80 + row, x * 24, y * 24, 3) - 0.38)) * (below > 0)
    picture[:] = picture + (FOAM - picture) * foam[..., None]
    rim = smoothstep(0.0058, 0.0036, np.abs(below)) + smoothstep(0.16, 0.1, np.abs(foam - 0.5)) * (below > 0.004)
    picture[:] = picture + (LINE - picture) * np.clip(rim, 0, 1)[..., None]


def add_claws(draw, rng, row, base):
    """Foam thrown off the crests: curls and drops, each with its cut edge."""
    x = np.linspace(0, 1, 400)
    high = crest(x, row)
    for i in np.flatnonzero(high > 0.66 * high.max())[::3]:
        px, py = x[i] * SIDE, (base - high[i]) * SIDE
        for _ in range(3):
            cx, cy, r = px + rng.normal(12, 13), py + rng.normal(-2, 9), abs(rng.normal(0, 6)) + 2.5
            drop(draw, cx, cy, r, fill=tuple(FOAM.astype(int)), outline=tuple(LINE.astype(int)), width=2)
        if rng.rand() < 0.8:
            cx, cy, r = px + rng.uniform(0, 60), py - rng.uniform(5, 42), rng.uniform(1.5, 4.5)
            drop(draw, cx, cy, r, fill=tuple(FOAM.astype(int)))


def drop(draw, x, y, radius, **look):
    draw.ellipse([x - radius, y - radius, x + radius, y + radius], **look)


def woodcut():
    rng = np.random.RandomState(4)
    x, y = grid()
    sky = smoothstep(0.0, 0.42, y)
    picture = ramp(((112, 142, 160), (206, 200, 178), (240, 222, 182), (233, 186, 138)), sky)
    sun = np.hypot(x - 0.70, y - 0.19)
    picture[sun < 0.105] = (204, 66, 44)
    cloud = np.sin((y + 0.05 * fbm(69, x * 2.2, y * 5, 4)) * 100) > 0.62
    picture[cloud & (fbm(68, x * 2.6, y * 11, 4) > 0.53) & (y < 0.36)] = (246, 238, 214)
    for row, base in enumerate(np.linspace(0.40, 1.10, 8)):
        add_wave(picture, x, y, row, base)
        layer = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
        add_claws(ImageDraw.Draw(layer), rng, row, base)
        picture = np.asarray(layer).astype(float)
    grain = fbm(67, x * 6, y * 160, 4) - 0.5
    return picture * (1 + 0.16 * grain)[..., None] + 9 * (fbm(66, x * 200, y * 200, 2) - 0.5)[..., None]


# Leaded glass: cells around scattered seeds, each its own melt of color, light through the middle.

GLASS = ((168, 24, 36), (222, 92, 24), (246, 186, 44), (60, 140, 74), (18, 122, 138), (24, 62, 150), (92, 38, 122),
         (220, 222, 206))
RINGS = (  # of a rosette: radius, panes, index of the main color
    (0.055, 6, 7), (0.11, 12, 1), (0.17, 18, 0), (0.235, 24, 5), (0.30, 30, 4), (0.365, 36, 2), (0.43, 42, 5),
    (0.50, 48, 6), (0.57, 52, 3), (0.64, 56, 5), (0.71, 60, 0))


def nearest_two(points, x, y):
    """Index of the nearest seed and the distance to the border with the next."""
    first = np.full(x.shape, 9.0, np.float32)
    second, index = first.copy(), np.zeros(x.shape, int)
    for i, (px, py) in enumerate(points):
        d = np.hypot(x - px, y - py)
        closer = d < first
        second = np.where(closer, first, np.minimum(second, d))
        index[closer] = i
        first = np.where(closer, d, first)
    return index, second - first


def rosette():
    """Seeds on rings around the middle, like a window's tracery, and the index of each one's color."""
    rng = np.random.RandomState(3)
    points, hues = [(0.5, 0.5)], [2]
    for ring, (radius, count, hue) in enumerate(RINGS):
        for i in range(count):
            a = 2 * math.pi * (i + 0.5 * (ring % 2)) / count
            r = radius + rng.normal(0, 0.006)
            points.append((0.5 + r * math.cos(a), 0.5 + r * math.sin(a)))
            hues.append((hue, 2, 5, hue)[i % 4] if rng.rand() < 0.75 else rng.randint(len(GLASS)))
    return points, hues


def glass():
    x, y = grid()
    bend = 0.012
    wx, wy = x + bend * (fbm(91, x * 5, y * 5, 3) - 0.5), y + bend * (fbm(92, x * 5, y * 5, 3) - 0.5)
    points, hues = rosette()
    cell, border = nearest_two(points, wx, wy)
    rng = np.random.RandomState(9)
    pane = np.asarray(GLASS, float)[hues] * rng.uniform(0.62, 1.12, (len(points), 1))
    pane += rng.normal(0, 12, (len(points), 3))
    melt = fbm(93, x * 26 + 9 * fbm(94, x * 9, y * 9, 3), y * 26, 5) - 0.5
    ripple = np.sin(x * 210 + 16 * fbm(95, x * 8, y * 8, 4)) * 0.05
    color = pane[cell] * (0.80 + 0.95 * melt + ripple + 4.5 * np.clip(border, 0, 0.05))[..., None]
    glow = smoothstep(0.75, 0.0, np.hypot(x - 0.44, y - 0.40))
    color = color * (0.72 + 0.55 * glow)[..., None] + 42 * (smoothstep(0.60, 0.72, melt + 0.5) * glow)[..., None]
    lead = smoothstep(0.0095, 0.0065, border)
    round_light = smoothstep(0.0048, 0.0, np.abs(border - 0.003)) * 58
    metal = np.array([26, 25, 30.0]) + (round_light * (0.5 + fbm(96, x * 60, y * 60, 3)))[..., None]
    return color + (metal - color) * lead[..., None]


# Ink and water: washes with a dark drying edge and grain, under quick pen lines.

WASHES = ((206, 74, 52), (232, 150, 52), (70, 132, 128), (40, 84, 138), (122, 66, 112), (150, 158, 62), (226, 116, 120))


def add_wash(paper, x, y, seed, rng):
    """One transparent pool of paint on the paper (which it multiplies)."""
    cx, cy, size = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.06, 0.17)
    stretch = rng.uniform(0.6, 1.6)
    d = np.hypot((x - cx) * stretch, (y - cy) / stretch) / size
    d = d + 1.15 * (fbm(seed, x * 4.5, y * 4.5, 6) - 0.5) + 0.25 * (fbm(seed + 1, x * 26, y * 26, 3) - 0.5)
    pool = smoothstep(1.0, 0.955, d)
    edge = np.exp(-((d - 0.94) / 0.035) ** 2) + 0.35 * np.exp(-((d - 0.70) / 0.03) ** 2)
    bloom = fbm(seed + 2, x * 6, y * 6, 6)
    grain = fbm(seed + 3, x * 95, y * 95, 3)
    strength = pool * (0.30 + 0.55 * bloom + 0.42 * edge + 0.38 * (grain - 0.5))
    pigment = 1 - np.array(WASHES[rng.randint(len(WASHES))]) / 255.0
    return paper * np.exp(-1.2 * np.clip(strength, 0, 2)[..., None] * pigment)


def pen_line(draw, points, rng, ink):
    """A line whose pressure changes along it."""
    pressure = rng.rand() * 6
    for i, (a, b) in enumerate(zip(points, points[1:])):
        width = 2.4 + 1.7 * math.sin(i * 0.19 + pressure)
        draw.line([a, b], fill=ink, width=max(1, round(width)))


def relief_at(table, x, y):
    return noise_at(table, x * 6, y * 6) + 0.35 * noise_at(table, x * 15 + 7, y * 15)


def contour(x, y, table, length):
    """A walk along the level lines of a noise: hills and leaves as a pen would outline them."""
    points, e = [], 0.002
    for _ in range(length):
        points.append((x * SIDE, y * SIDE))
        gx = relief_at(table, x + e, y) - relief_at(table, x - e, y)
        gy = relief_at(table, x, y + e) - relief_at(table, x, y - e)
        norm = math.hypot(gx, gy) + 1e-9
        x, y = x - gy / norm * 0.005, y + gx / norm * 0.005
    return points


def watercolor():
    rng = np.random.RandomState(12)
    x, y = grid()
    paper = np.ones((SIDE, SIDE, 3)) * np.array([250, 244, 230]) / 255
    for i in range(26):
        paper = add_wash(paper, x, y, 200 + 4 * i, rng)
    tooth = fbm(98, x * 150, y * 150, 3) - 0.5
    picture = Image.fromarray((np.clip(paper * (1 + 0.10 * tooth)[..., None], 0, 1) * 255).astype(np.uint8))
    draw, table = ImageDraw.Draw(picture), lattice(97)
    for _ in range(150):
        pen_line(draw, contour(*rng.rand(2), table, rng.randint(18, 90)), rng, (28, 26, 40))
    for _ in range(95):
        hatch(draw, rng)
    for _ in range(260):
        cx, cy, r = *(rng.rand(2) * SIDE), abs(rng.normal(0, 2.6)) + 0.8
        drop(draw, cx, cy, r, fill=(30, 28, 44))
    return np.asarray(picture).astype(float)


def hatch(draw, rng):
    """A patch of parallel pen strokes."""
    cx, cy, angle = rng.rand() * SIDE, rng.rand() * SIDE, rng.choice((0.7, 0.9, 2.3))
    ux, uy = math.cos(angle), math.sin(angle)
    half = rng.uniform(10, 34)
    for i in range(rng.randint(6, 18)):
        ox, oy = cx - uy * i * 7 + rng.normal(0, 1.5), cy + ux * i * 7 + rng.normal(0, 1.5)
        a, b = half * rng.uniform(0.7, 1.2), half * rng.uniform(0.7, 1.2)
        draw.line([ox - ux * a, oy - uy * a, ox + ux * b, oy + uy * b], fill=(34, 30, 46), width=2)
