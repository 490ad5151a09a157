"""A still life by a window: fruit, a jug and a bottle as signed distances, found by sphere tracing, lit by a large soft light."""
import numpy as np

from noise import fbm, smoothstep

EYE = np.array([0.25, -6.6, 2.35])
LOOK_AT = np.array([0.12, 0.0, 0.98])
FOCAL = 1.62  # in picture heights
LIGHT = np.array([-0.62, -0.46, 0.64]) / np.linalg.norm([-0.62, -0.46, 0.64])
LIGHT_COLOR = np.array([1.45, 1.24, 0.96])
ROOM_LIGHT = np.array([0.115, 0.135, 0.175])
WALL_Y, FAR = 2.6, 16.0
CLOTH, WALL, ORANGE, APPLE, PEAR, JUG, BOTTLE, STALK, LEMON = range(9)
ORANGES = ((-1.18, -0.62, 0.43), (-0.42, -1.02, 0.40), (-1.92, -0.12, 0.42))
APPLES = ((0.55, -1.12, 0.42), (1.22, -0.62, 0.46))
LEMONS = ((1.98, -1.02, 0.33),)


def length(*parts):
    return np.sqrt(sum(part * part for part in parts))


def blend(a, b, radius):
    """Union with a fillet."""
    h = np.maximum(radius - np.abs(a - b), 0) / radius
    return np.minimum(a, b) - h * h * radius / 4


def turned_profile(p, center, heights, radii):
    """A vessel: distance to a surface of revolution whose radius goes smoothly through the given points."""
    r, z = length(p[0] - center[0], p[1] - center[1]), p[2]
    radius = np.interp(np.clip(z, heights[0], heights[-1]), PROFILE_STEPS * heights[-1], smooth_profile(heights, radii))
    side = (r - radius) * 0.72
    return np.maximum(side, np.maximum(z - heights[-1], heights[0] - z))


PROFILE_STEPS = np.linspace(0, 1, 160)


def smooth_profile(heights, radii):
    """Linear through the points, then rounded."""
    values = np.interp(PROFILE_STEPS, np.array(heights) / heights[-1], radii)
    kernel = np.hanning(17) / np.hanning(17).sum()
    return np.convolve(np.pad(values, 8, "edge"), kernel, "valid")


def jug(p):
    center = (-0.62, 0.52)
    body = turned_profile(p, center, (0, .10, .55, 1.05, 1.45, 1.78, 1.95), (.46, .52, .72, .66, .42, .38, .47))
    hollow = turned_profile((p[0], p[1], p[2] - 0.12), center, (0, .50, 1.05, 1.45, 1.78, 1.95),
                            (.38, .64, .58, .34, .31, .41))
    ring = length(p[0] - center[0] + 0.58, p[2] - 1.28) - 0.40
    handle = length(ring, p[1] - center[1]) - 0.075
    return blend(np.maximum(body, -hollow), np.maximum(handle, p[0] - center[0] + 0.30), 0.08)


def bottle(p):
    return turned_profile(p, (0.82, 0.62), (0, .06, 1.25, 1.62, 1.86, 2.52, 2.54, 2.66),
                          (.37, .42, .42, .34, .15, .125, .165, .165))


def apple(p, center):
    x, y, z = p[0] - center[0], p[1] - center[1], p[2] - center[2] * 0.94
    r = length(x, y)
    dimple = 0.17 * np.exp(-(r / (0.30 * center[2] / 0.44)) ** 2) * (z > 0)
    return (length(r, z + dimple * 0.9) - center[2] * (1 + 0.05 * z)) * 0.8


def stalk(p, center):
    x, y, z = p[0] - center[0], p[1] - center[1], p[2] - center[2] * 1.78
    return np.maximum(length(x - 0.35 * (z + 0.1) ** 2, y) - 0.022, np.abs(z) - 0.16)


def pear(p):
    x, y, z = p[0] - 0.18, p[1] + 0.22, p[2]
    low, high = length(x, y, z - 0.44) - 0.44, length(x - 0.05, y, z - 1.0) - 0.21
    return blend(low, high, 0.55) * 0.85


def lemon(p, center):
    x, y, z = p[0] - center[0], p[1] - center[1], p[2] - center[2] * 0.92
    along, across = 0.92 * x + 0.39 * y, -0.39 * x + 0.92 * y
    body = (length(along / 1.28, across, z) - center[2]) * 0.78
    return blend(body, length(np.abs(along) - 0.40, across, z) - 0.09, 0.12)


def cloth_height(x, y):
    """Folds, and where the table ends in front it hangs down."""
    folds = 0.055 * np.sin(2.1 * x + 0.9 * np.sin(1.7 * y) + 0.4) * smoothstep(-0.4, -2.2, y)
    edge = np.maximum(-1.62 - y + 0.08 * np.sin(2.6 * x), 0)
    return folds - 0.9 * edge ** 1.35


def distances(p):
    """(distance to the nearest surface, which one) at points (3, n)."""
    parts = [(CLOTH, (p[2] - cloth_height(p[0], p[1])) * 0.62), (WALL, WALL_Y - p[1]), (JUG, jug(p)), (BOTTLE, bottle(p)),
             (PEAR, pear(p)), (STALK, stalk(p, (0.235, -0.22, 0.72)))]
    parts += [(ORANGE, length(p[0] - x, p[1] - y, p[2] - r) - r) for x, y, r in ORANGES]
    parts += [(APPLE, apple(p, center)) for center in APPLES] + [(STALK, stalk(p, center)) for center in APPLES[:1]]
    parts += [(LEMON, lemon(p, center)) for center in LEMONS]
    nearest, kind = np.full(p.shape[1], np.inf), np.zeros(p.shape[1], np.int8)
    for number, distance in parts:
        closer = distance < nearest
        nearest[closer], kind[closer] = distance[closer], number
    return nearest, kind


def trace(origin, direction, steps=150):
    """Distance along each ray to a surface; FAR where there is none."""
    t, live = np.full(direction.shape[1], 0.02), np.arange(direction.shape[1])
    for _ in range(steps):
        gap = distances(origin[:, live] + direction[:, live] * t[live])[0]
        t[live] += gap
        live = live[(gap > 6e-4) & (t[live] < FAR)]
        if not len(live):
            break
    return np.minimum(t, FAR)


def normals(p):
    e, out = 1.2e-3, np.zeros_like(p)
    for axis in range(3):
        step = np.zeros((3, 1))
        step[axis] = e
        out[axis] = distances(p + step)[0] - distances(p - step)[0]
    return out / np.maximum(np.linalg.norm(out, axis=0), 1e-9)


def soft_shadow(p):
    """1 in the light, 0 behind something; the light is large."""
    light, t = np.ones(p.shape[1]), 0.03
    for _ in range(42):
        gap = distances(p + LIGHT[:, None] * t)[0]
        light = np.minimum(light, 0.5 + 4.2 * gap / t)
        t += 0.035 + 0.06 * t
    light = np.clip(light, 0, 1)
    return light * light * (3 - 2 * light)


def crevices(p, n):
    """How open the surroundings are, from 0 to 1."""
    closed = 0
    for i, reach in enumerate((0.05, 0.14, 0.30, 0.55)):
        closed = closed + (reach - distances(p + n * reach)[0]) * 0.62 ** i / reach * 0.42
    return np.clip(1 - closed, 0.08, 1)


def wall_color(p):
    plaster = fbm(71, p[0] * 1.3, p[2] * 1.3, 6)
    glow = np.exp(-((p[0] + 0.2) ** 2 + (p[2] - 2.1) ** 2) / 5.5)
    return np.array([[.155], [.135], [.125]]) * (0.35 + 0.55 * plaster + 1.15 * glow)


def cloth_color(p):
    weave = 0.90 + 0.10 * np.sin(p[0] * 150) * np.sin(p[1] * 150)
    across = np.abs((p[0] * 0.94 + p[1] * 0.34) * 1.25 % 1 - 0.5)
    stripe = smoothstep(0.115, 0.095, across) + smoothstep(0.022, 0.012, np.abs(across - 0.19))
    linen, blue = np.array([[.80], [.745], [.63]]), np.array([[.07], [.155], [.33]])
    return (linen + (blue - linen) * np.minimum(stripe, 1) * 0.92) * weave


def apple_color(p):
    streaks = fbm(72, np.arctan2(p[1] + 0.85, p[0] - 0.9) * 7, p[2] * 2.4, 5)
    blush = smoothstep(0.30, 0.62, streaks + 0.22 * (p[2] - 0.35))
    green, red = np.array([[.48], [.47], [.08]]), np.array([[.56], [.035], [.03]])
    return green + (red - green) * blush


def pear_color(p):
    spots = smoothstep(0.62, 0.74, fbm(73, p[0] * 22, p[2] * 22 + p[1] * 9, 3))
    base = np.array([[.62], [.55], [.12]]) + np.array([[.12], [-.22], [-.06]]) * smoothstep(0.4, 0.9, fbm(74, p[0] * 2 + 5, p[2] * 2, 3))
    return base * (1 - 0.45 * spots)


def jug_color(p):
    angle = np.arctan2(p[1] - 0.52, p[0] + 0.62)
    band = smoothstep(0.035, 0.02, np.abs(p[2] - 1.47)) + smoothstep(0.035, 0.02, np.abs(p[2] - 0.36))
    leaf = smoothstep(0.10, 0.03, np.abs(p[2] - 0.92 - 0.20 * np.sin(7 * angle))) \
        + smoothstep(0.12, 0.02, length((angle * 7 / np.pi % 2 - 1) * 0.32, p[2] - 0.92))
    glaze, cobalt = np.array([[.78], [.76], [.70]]), np.array([[.05], [.11], [.36]])
    return glaze + (cobalt - glaze) * np.clip(band + leaf, 0, 1) * 0.9


def surface(p, kind):
    """(color, gloss) of points."""
    color, gloss = np.zeros_like(p), np.zeros(p.shape[1])
    looks = {CLOTH: (cloth_color, .02), WALL: (wall_color, .0), APPLE: (apple_color, .55), PEAR: (pear_color, .18),
             JUG: (jug_color, .60), ORANGE: (lambda q: np.array([[.82], [.235], [.012]]) * pits_of(q), .22),
             LEMON: (lambda q: np.array([[.86], [.66], [.06]]) * pits_of(q), .25),
             BOTTLE: (lambda q: np.array([[.022], [.085], [.035]]) + 0 * q, 1.0),
             STALK: (lambda q: np.array([[.16], [.10], [.05]]) + 0 * q, .05)}
    for number, (paint, shine) in looks.items():
        here = kind == number
        if here.any():
            color[:, here], gloss[here] = paint(p[:, here]), shine
    return color, gloss


def pits_of(p):
    """The skin of citrus fruit."""
    return 0.82 + 0.36 * fbm(75, p[0] * 34, p[2] * 34 + p[1] * 34, 2)


def shade(p, direction, kind):
    n = normals(p)
    color, gloss = surface(p, kind)
    start = p + n * 4e-3
    sun = np.clip(LIGHT @ n, 0, 1) * soft_shadow(start)
    open_ = crevices(p, n)
    bounce = np.clip(-n[2], 0, 1) * 0.25 + np.clip(-(n.T @ LIGHT), 0, 1) * 0.12
    lit = color * (LIGHT_COLOR[:, None] * sun + ROOM_LIGHT[:, None] * open_ * (0.75 + 0.5 * n[2]) * 1.9
                   + np.array([[.26], [.19], [.115]]) * bounce * open_)
    half = LIGHT[:, None] - direction
    half = half / np.linalg.norm(half, axis=0)
    shine = np.clip(np.sum(half * n, 0), 0, 1)
    spark = (shine ** 26 * 0.35 + shine ** 240 * 2.6) * gloss * (sun > 0.02)
    return lit + LIGHT_COLOR[:, None] * spark, n, gloss


def mirrored_light(direction):
    """What a glossy thing reflects of the room: a window with a cross, a dark floor, a warm wall."""
    facing = direction.T @ LIGHT
    side = np.array([LIGHT[1], -LIGHT[0], 0]) / np.hypot(LIGHT[0], LIGHT[1])
    u, v = direction.T @ side, direction.T @ np.cross(side, LIGHT)
    pane = smoothstep(0.30, 0.27, np.abs(u)) * smoothstep(0.36, 0.33, np.abs(v)) * (facing > 0)
    cross = np.maximum(smoothstep(0.025, 0.035, np.abs(u)), 0) * smoothstep(0.025, 0.035, np.abs(v))
    room = 0.10 + 0.12 * np.clip(direction[2], 0, 1)
    return np.array([[1.0], [.92], [.82]]) * room + np.array([[2.3], [2.35], [2.5]]) * pane * cross


def render(width, height):
    """The picture in linear light, (height, width, 3)."""
    px, py = np.meshgrid((np.arange(width) + 0.5 - width / 2) / height, 0.5 - (np.arange(height) + 0.5) / height)
    ahead = (LOOK_AT - EYE) / np.linalg.norm(LOOK_AT - EYE)
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    direction = ahead[:, None] * FOCAL + right[:, None] * px.ravel() + up[:, None] * py.ravel()
    direction /= np.linalg.norm(direction, axis=0)
    origin = np.broadcast_to(EYE[:, None], direction.shape)
    p = origin + direction * trace(origin, direction)
    kind = distances(p)[1]
    color, n, gloss = shade(p, direction, kind)
    mirror = direction - 2 * np.sum(direction * n, 0) * n
    fresnel = (0.04 + 0.96 * np.clip(1 + np.sum(direction * n, 0), 0, 1) ** 4) * gloss
    color += mirrored_light(mirror) * fresnel
    return color.T.reshape(height, width, 3)
