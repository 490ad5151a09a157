"""Styles of the press and the pen: screens, cuts, hatching, light on sensitive paper."""
from PIL import ImageDraw, ImageFilter

from fields import *


def hills(x, y, seed):
    """Light and dark of rolling country, in [0,1]."""
    wx, wy = warped(x, y, seed, 2.5, 0.25)
    relief = fbm(seed + 2, wx * 3.2, wy * 3.2, 4)
    gy, gx = np.gradient(relief)
    return np.clip(0.52 + (gx + 0.7 * gy) * 95 + 0.5 * (relief - 0.5), 0, 1)


# A comic's page under the lens: four screens of dots, turned against each other.

POP = ((246, 214, 40), (240, 96, 44), (222, 30, 92), (60, 46, 150), (24, 150, 216), (250, 244, 226))


def halftone():
    x, y = grid()
    number, _, _, _, border = cells(*warped(x, y, 400, 3, 0.12), 6, 401)
    shade = fbm(402, x * 4, y * 4, 3)
    color = ramp(POP, random_of(number, 403)) / 255 * (0.72 + 0.75 * shade)[..., None]
    color = mixed(color, np.array([0.06, 0.05, 0.09]), smoothstep(0.05, 0.03, border))
    ink = 1 - np.clip(color, 0, 1)
    black = 0.75 * ink.min(-1)
    plates = [np.clip(ink[..., i] - black * 0.9, 0, 1) for i in range(3)] + [black]
    page = np.ones((SIDE, SIDE, 3)) * np.array([252, 246, 228]) / 255
    inks = ((0.02, 0.62, 0.88), (0.90, 0.05, 0.48), (1.0, 0.88, 0.05), (0.09, 0.08, 0.11))
    for plate, pigment, angle in zip(plates, inks, (15, 75, 0, 45)):
        u, v = turned_by(x, y, angle)
        screen = 0.5 + 0.25 * (np.cos(u * 2 * math.pi * 46) + np.cos(v * 2 * math.pi * 46))
        dots = smoothstep(-0.06, 0.06, plate ** 0.9 - screen)
        page = page * (1 - dots[..., None] * (1 - np.array(pigment)))
    return page * 255 * (1 + 0.05 * (fbm(404, x * 160, y * 160, 2) - 0.5))[..., None]


# Pen and sepia ink: the darker it is, the more directions the lines take.

def crosshatch():
    x, y = grid()
    tone = 1 - hills(x, y, 410)
    wx, wy = warped(x, y, 414, 4, 0.035)
    sheet, ink = paper((244, 232, 206), 415), np.zeros((SIDE, SIDE), np.float32)
    for angle, floor, lines in ((38, 0.16, 86), (-42, 0.40, 92), (84, 0.58, 98), (6, 0.74, 104)):
        u, v = turned_by(wx, wy, angle)
        line = 0.5 + 0.5 * np.cos(u * 2 * math.pi * lines + 1.4 * fbm(416, u * 9, v * 3, 3))
        width = np.clip((tone - floor) * 1.5, 0, 0.66)
        broken = smoothstep(0.22, 0.34, fbm(417 + angle % 7, u * 70, v * 9, 3))
        ink = np.maximum(ink, smoothstep(1 - width - 0.10, 1 - width + 0.14, line) * broken * (width > 0.015))
    wash = np.array([156, 104, 62.0])
    sheet = mixed(sheet, wash, 0.34 * smoothstep(0.45, 0.9, tone))
    return mixed(sheet, np.array([44, 26, 20.0]), 0.94 * ink)


# Linoleum: what the gouge leaves, in black, and a second block in red.

def linocut():
    x, y = grid()
    wx, wy = warped(x, y, 420, 2.0, 0.30)
    form = fbm(422, wx * 2.6, wy * 2.6, 3)
    direction = fbm(423, x * 1.7, y * 1.7, 2) * 180
    c, s = np.cos(direction * math.pi / 90), np.sin(direction * math.pi / 90)
    u, v = form * 1.6 + 0.15 * (c * x + s * y), c * y - s * x
    gouge = 0.5 + 0.5 * np.sin(u * 2 * math.pi * 26 + 1.2 * fbm(424, x * 16, y * 16, 3))
    light = smoothstep(0.36, 0.64, form)
    ends = fbm(425, x * 26, y * 26, 3)
    cut = smoothstep(-0.05, 0.05, gouge * (0.55 + 0.55 * ends) - (0.66 - 0.50 * light))
    sheet = paper((238, 226, 198), 426)
    red = smoothstep(0.49, 0.50, fbm(427, wx * 2.2 + 5, wy * 2.2, 3)) * (0.86 + 0.2 * fbm(428, x * 80, y * 80, 2))
    sheet = mixed(sheet, np.array([206, 52, 38.0]), np.clip(red, 0, 1))
    salt = smoothstep(0.30, 0.24, fbm(429, x * 110, y * 110, 3))
    return mixed(sheet, np.array([24, 22, 26.0]), (1 - cut) * (1 - 0.7 * salt))


# Ferns on paper that the sun turned to Prussian blue.

def frond(draw, rng, x, y, angle, size, tone):
    """A stem, with leaflets that shorten to its tip and bend with it."""
    bend = rng.normal(0, 0.9)
    steps = 30
    for i in range(steps):
        t = i / steps
        a = angle + bend * t
        nx, ny = x + math.cos(a) * size / steps, y + math.sin(a) * size / steps
        draw.line([x, y, nx, ny], fill=tone, width=max(2, int(7 * (1 - t))))
        for side in (-1, 1):
            lean, length = a + side * (1.25 - 0.45 * t), size * 0.26 * (1 - t) ** 0.7 * min(1, 0.3 + 5 * t)
            leaflet(draw, nx, ny, lean, length, size / steps * 0.27, tone)
        x, y = nx, ny


def leaflet(draw, x, y, lean, length, width, tone):
    ux, uy = math.cos(lean), math.sin(lean)
    points = [(x + ux * length * t - uy * width * s * math.sin(math.pi * min(1, t * 0.9 + 0.1)),
               y + uy * length * t + ux * width * s * math.sin(math.pi * min(1, t * 0.9 + 0.1)))
              for s in (-1, 1) for t in (np.linspace(0, 1, 8) if s < 0 else np.linspace(1, 0, 8))]
    draw.polygon(points, fill=tone)


def cyanotype():
    x, y = grid()
    rng = np.random.RandomState(430)
    shade = Image.new("L", (SIDE, SIDE), 0)
    for blur, count, tone in ((7, 22, 110), (2.5, 20, 175), (0.8, 22, 244)):
        draw = ImageDraw.Draw(shade)
        for _ in range(count):
            frond(draw, rng, *(rng.uniform(-0.05, 1.05, 2) * SIDE), rng.rand() * 6.28, rng.uniform(230, 520), tone)
        shade = shade.filter(ImageFilter.GaussianBlur(blur))
    exposed = np.asarray(shade, np.float32) / 255
    brush = fbm(432, x * 3, y * 60, 4) - 0.5 + 0.8 * (fbm(433, x * 5, y * 5, 5) - 0.5)
    tone = np.clip(exposed * 0.92 + 0.16 * brush + 0.10 * (fbm(434, x * 150, y * 150, 3) - 0.5) + 0.05, 0, 1)
    return ramp(((8, 26, 62), (14, 54, 110), (40, 106, 164), (142, 190, 212), (240, 244, 236)), tone)


# Light drawn in the dark: tubes that glow, and what they shine on.

TUBES = ((255, 40, 150), (60, 220, 255), (150, 80, 255), (255, 190, 60), (70, 255, 160))


def neon():
    x, y = grid()
    rng, table = np.random.RandomState(440), lattice(441)
    tubes, cores = Image.new("RGB", (SIDE, SIDE)), Image.new("RGB", (SIDE, SIDE))
    for _ in range(150):
        line = flow_line(table, *rng.uniform(-0.05, 1.05, 2), rng.uniform(0.12, 0.5), 2.2, 1.6)
        color = np.array(TUBES[rng.randint(len(TUBES))])
        ImageDraw.Draw(tubes).line(line, fill=tuple(int(v) for v in color), width=9, joint="curve")
        ImageDraw.Draw(cores).line(line, fill=tuple(int(v) for v in color * 0.3 + 178), width=4, joint="curve")
    glow = sum(weight * np.asarray(tubes.filter(ImageFilter.GaussianBlur(radius)), np.float32)
               for weight, radius in ((0.9, 5), (1.1, 20), (1.3, 60)))
    wall = np.array([15, 12, 34.0]) * (0.5 + fbm(442, x * 20, y * 20, 4))[..., None]
    cores = np.asarray(cores.filter(ImageFilter.GaussianBlur(1)), np.float32)
    light = wall + glow * (0.72 + 0.4 * fbm(443, x * 40, y * 40, 3))[..., None] + cores
    return 255 * (1 - np.exp(-light / 190))
