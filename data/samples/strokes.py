"""Styles of brush, knife, chalk and coal: thousands of strokes over a field of color."""
from PIL import ImageDraw, ImageFilter

from fields import *
from paintings import brush, relight


def pixel(field, x, y):
    """Of an array, at a point in [0,1]."""
    side = len(field) - 1
    return field[int(np.clip(y, 0, 1) * side), int(np.clip(x, 0, 1) * side)]


# Slabs of paint, laid on with a knife.

HARBOR = ((26, 36, 64), (30, 92, 118), (110, 170, 168), (240, 226, 196), (240, 176, 70), (214, 82, 44), (126, 28, 40))


def palette_knife():
    x, y = grid()
    rng, table = np.random.RandomState(510), lattice(514)
    field = ramp(HARBOR, np.clip(2.0 * (fbm(511, *[v * 3.0 for v in warped(x, y, 512, 2, 0.2)], 3) - 0.5) + 0.5, 0, 1))
    canvas, relief = Image.new("RGB", (SIDE, SIDE), (70, 60, 64)), Image.new("L", (SIDE, SIDE), 60)
    tools = ImageDraw.Draw(canvas), ImageDraw.Draw(relief)
    for width, count, length in ((150, 420, 0.22), (110, 420, 0.17), (64, 260, 0.10)):
        for _ in range(count):
            cx, cy = rng.uniform(-0.03, 1.03, 2)
            angle = 2.6 * (noise_at(table, cx * 2.2, cy * 2.2) - 0.5) + rng.choice((0.2, 0.2, 1.7)) + rng.normal(0, 0.15)
            half = length * rng.uniform(0.4, 1) / 2
            path = [(cx + math.cos(angle) * t, cy + math.sin(angle) * t) for t in np.linspace(-half, half, 12)]
            color = np.clip(pixel(field, cx, cy) + rng.normal(0, 20, 3), 0, 255)
            brush(*tools, rng, path, width * rng.uniform(0.7, 1.2), color)
    return relight(canvas, relief.filter(ImageFilter.GaussianBlur(2)), 0.032)


# Chalk on gray paper: it catches the tooth and leaves the hollows.

CHALKS = ((244, 176, 170), (250, 220, 170), (172, 206, 222), (146, 132, 190), (166, 208, 172), (240, 238, 228), (206, 92, 110),
          (66, 92, 142))


def pastel():
    x, y = grid()
    rng, table = np.random.RandomState(520), lattice(521)
    tooth = fbm(522, x * 150, y * 150, 3)
    picture = paper((104, 104, 122), 523, 0.06)
    field = fbm(524, *[v * 2.6 for v in warped(x, y, 525, 2, 0.3)], 3)
    for count, width, reach in ((420, 54, 0.62), (520, 34, 0.40), (460, 18, 0.34), (160, 9, 0.5)):
        color, cover = Image.new("RGB", (SIDE, SIDE)), Image.new("L", (SIDE, SIDE))
        for _ in range(count):
            cx, cy = rng.rand(2)
            tone = np.clip((pixel(field, cx, cy) - 0.28) * 2.1 + rng.normal(0, 0.09), 0, 0.999)
            chalk = np.array(CHALKS[int(tone * len(CHALKS))]) + rng.normal(0, 9, 3)
            line = flow_line(table, cx, cy, rng.uniform(0.05, 0.17), 1.5, 0.8)
            fill = tuple(int(v) for v in np.clip(chalk, 0, 255))
            chalk_line(color, line, fill, width * rng.uniform(0.7, 1.2))
            chalk_line(cover, line, int(rng.uniform(130, 255)), width * rng.uniform(0.6, 0.9))
        pressure = np.asarray(cover.filter(ImageFilter.GaussianBlur(width / 9)), np.float32) / 255
        lies = smoothstep(0.30, 0.78, pressure * (0.62 + reach) + 1.15 * (tooth - 0.5))
        picture = mixed(picture, np.asarray(color.filter(ImageFilter.GaussianBlur(2)), np.float32), 0.92 * lies * (pressure > 0.02))
    return picture


def chalk_line(image, line, fill, width):
    """With round ends."""
    draw, r = ImageDraw.Draw(image), width / 2
    draw.line(line, fill=fill, width=int(width), joint="curve")
    for cx, cy in (line[0], line[-1]):
        draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=fill)


# Burnt willow: lines, smears of the thumb, and the white of a chalk.

def charcoal():
    x, y = grid()
    rng, table = np.random.RandomState(530), lattice(531)
    tooth = fbm(532, x * 130, y * 130, 3)
    smear = Image.new("L", (SIDE, SIDE))
    line, white = Image.new("L", (SIDE, SIDE)), Image.new("L", (SIDE, SIDE))
    for _ in range(120):
        ImageDraw.Draw(smear).line(flow_line(table, *rng.rand(2), rng.uniform(0.1, 0.3), 1.6, 1.0), int(rng.uniform(60, 230)), 60)
    for _ in range(420):
        width = int(abs(rng.normal(0, 7))) + 3
        ImageDraw.Draw(line).line(flow_line(table, *rng.rand(2), rng.uniform(0.05, 0.34), 1.6, 1.0), int(rng.uniform(150, 255)), width)
    for _ in range(70):
        chalk_line(white, flow_line(table, *rng.rand(2), rng.uniform(0.04, 0.16), 1.6, 1.0), 240, rng.uniform(7, 15))
    sheet = paper((206, 192, 168), 533, 0.05)
    soft = np.asarray(smear.filter(ImageFilter.GaussianBlur(22)), np.float32) / 255
    sheet = mixed(sheet, np.array([58, 54, 54.0]), 0.85 * soft * (0.75 + 0.5 * tooth))
    for layer, color in ((line, (24, 22, 24)), (white, (250, 246, 236))):
        pressure = np.asarray(layer.filter(ImageFilter.GaussianBlur(1.6)), np.float32) / 255
        lies = smoothstep(0.36, 0.60, tooth + 0.46 * pressure - 0.14) * pressure
        sheet = mixed(sheet, np.array(color, float), np.clip(1.3 * lies, 0, 0.97))
    return sheet


# A guitar taken to pieces: planes in earth and smoke, each lit from its own side.

EARTH = ((36, 34, 40), (92, 72, 58), (152, 112, 74), (206, 172, 120), (232, 216, 182), (124, 138, 138), (66, 88, 98))


def facets():
    x, y = grid()
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    number, px, py, _, border = cells(*warped(x, y, 540, 1.5, 0.05), 9, 541)
    angle = random_of(number, 542) * 2 * math.pi
    across = (x - px) * np.cos(angle) + (y - py) * np.sin(angle)
    side = (across + 0.04 * (random_of(number, 543) - 0.5)) > 0
    layout = np.clip(2.1 * (fbm(544, px * 4, py * 4, 3) - 0.5) + 0.5 + 0.5 * (random_of(number, 545) - 0.5) + 0.18 * side, 0, 1)
    shade = 1 + np.where(side, 1, -1) * 0.12 + across * 8.5
    picture = ramp(EARTH, layout) * np.clip(shade, 0.35, 1.5)[..., None]
    grain = fbm(546, *turned_by(x * 12, y * 120, 20), 4) - 0.5
    picture = picture * (1 + 0.42 * grain)[..., None]
    dark = np.maximum(smoothstep(0.055, 0.025, border), smoothstep(0.0035, 0.0015, np.abs(across)))
    picture = mixed(picture, np.array([26, 22, 24.0]), 0.85 * dark)
    light = smoothstep(0.03, 0.0, np.abs(border - 0.085)) * (fbm(547, x * 30, y * 30, 3) > 0.5)
    return mixed(picture, np.array([246, 236, 212.0]), 0.7 * light)
