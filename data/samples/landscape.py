"""An evening at a mountain lake: a height field found by marching a ray for each pixel, lit by a low sun."""
import numpy as np

from noise import eroded, fbm, lattice, smoothstep

MAP_SIDE, MAP_SPAN = 3072, 16.0  # the height map: texels and units a side; x in [-8,8], depth y in [0,16]
SUN = np.array([-0.86, -0.10, 0.33])
SUN = SUN / np.linalg.norm(SUN)
EYE = np.array([0.15, 0.02, 0.20])
FOCAL, HORIZON = 1.18, 0.575  # in picture heights; the horizon's place from the top
SUN_COLOR = np.array([1.65, 1.08, 0.62])
SKY_LIGHT = np.array([0.13, 0.19, 0.34])
FAR = 15.5


def map_grid():
    side = np.linspace(0, 1, MAP_SIDE, dtype=np.float32)
    return np.meshgrid((side - 0.5) * MAP_SPAN, side * MAP_SPAN)


def height_map():
    """Valley with a lake, walls on both sides, a high range behind."""
    x, y = map_grid()
    wander = 0.9 * (fbm(11, x * 0.35, y * 0.35, 3) - 0.5)
    walls = smoothstep(0.9, 4.6, np.abs(x + wander - 0.25) + 0.12 * np.maximum(0, 3 - y))
    range_behind = smoothstep(6.0, 10.5, y + 1.2 * wander)
    peak = np.exp(-((x - 1.0) ** 2 + (y - 10.6) ** 2) / 6.0) + 0.5 * np.exp(-((x + 3.6) ** 2 + (y - 9.6) ** 2) / 4.0)
    rock = eroded(5, x * 0.40 + 3.1, y * 0.40 + 7.7, 12)
    lift = 0.80 * walls + 0.80 * range_behind * (1 - 0.4 * walls) + 1.75 * peak
    shore = 0.05 * (fbm(12, x * 2.2, y * 2.2, 6) - 0.5)
    return (lift * (0.25 + 1.15 * rock) - 0.085 + shore * (1 + lift)).astype(np.float32)


def add_forest(ground):
    """Conifers as small cones on gentle ground between shore and tree line: returns heights and how much is tree."""
    x, y = map_grid()
    gy, gx = np.gradient(ground, MAP_SPAN / MAP_SIDE)
    line = 0.62 + 0.35 * (fbm(21, x * 1.3, y * 1.3, 5) - 0.5)
    room = smoothstep(0.015, 0.05, ground) * smoothstep(line, line - 0.25, ground)
    room *= smoothstep(1.35, 0.8, np.hypot(gx, gy)) * smoothstep(0.36, 0.5, fbm(22, x * 1.7, y * 1.7, 5))
    cones = cone_pattern(23, x / 0.034, y / 0.034)
    cover = room * smoothstep(0.02, 0.2, cones)
    return ground + 0.062 * cones * room, cover


def cone_pattern(seed, x, y):
    """One cone a lattice cell, jittered: 1 at a tip, 0 between."""
    offset_x, offset_y, size = lattice(seed), lattice(seed + 100), lattice(seed + 200)
    best = np.zeros_like(x)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            cx, cy = np.floor(x) + dx, np.floor(y) + dy
            i, j = cx.astype(np.int64) % 256, cy.astype(np.int64) % 256
            d = np.hypot(x - cx - 0.15 - 0.7 * offset_x[j, i], y - cy - 0.15 - 0.7 * offset_y[j, i])
            best = np.maximum(best, (0.45 + 0.55 * size[j, i]) * np.clip(1 - d / 0.62, 0, 1))
    return best


def look_up(field, x, y):
    """Bilinear value of a map at points; its border goes on outside."""
    u = np.clip((x / MAP_SPAN + 0.5) * (MAP_SIDE - 1), 0, MAP_SIDE - 1.001)
    v = np.clip(y / MAP_SPAN * (MAP_SIDE - 1), 0, MAP_SIDE - 1.001)
    i, j = u.astype(np.int32), v.astype(np.int32)
    u, v = (u - i).astype(np.float32), (v - j).astype(np.float32)
    top = field[j, i] * (1 - u) + field[j, i + 1] * u
    bottom = field[j + 1, i] * (1 - u) + field[j + 1, i + 1] * u
    return top * (1 - v) + bottom * v


def march(field, origin, direction, first=0.02, growth=1.011, steps=420):
    """Distance along each ray to the height field; infinity where it is not met. All arrays (rays, 3)."""
    count = len(direction)
    hit = np.full(count, np.inf, np.float32)
    live, t, before = np.arange(count), np.full(count, first, np.float32), np.full(count, 0.0, np.float32)
    top = float(field.max())
    for _ in range(steps):
        p = origin[live] + direction[live] * t[live, None]
        gap = p[:, 2] - look_up(field, p[:, 0], p[:, 1])
        under = gap < 0
        met = live[under]
        hit[met] = crossing(field, origin[met], direction[met], before[met], t[met])
        stay = ~under & (t[live] < FAR * 1.3) & ((p[:, 2] < top) | (direction[live, 2] < 0))
        live = live[stay]
        if not len(live):
            break
        before[live] = t[live]
        t[live] = t[live] * growth + np.maximum(0.0025, 0.22 * gap[stay]) * 0.8
    return hit


def crossing(field, origin, direction, above, below):
    """Where each ray goes under the ground between two distances, by halving."""
    for _ in range(7):
        middle = 0.5 * (above + below)
        p = origin + direction * middle[:, None]
        under = p[:, 2] < look_up(field, p[:, 0], p[:, 1])
        above, below = np.where(under, above, middle), np.where(under, middle, below)
    return below


def sun_shadow(field, points):
    """Soft: 1 in the sun, 0 where a ridge stands in its way."""
    light, t = np.ones(len(points), np.float32), 0.02
    while t < 5:
        p = points + SUN * t
        light = np.minimum(light, np.clip(0.5 + 14 * (p[:, 2] - look_up(field, p[:, 0], p[:, 1])) / t, 0, 1))
        t = t * 1.09 + 0.008
    return light


def sky(direction):
    """Evening gradient with two layers of clouds that the sun lights from below."""
    up = np.clip(direction[:, 2], 0, 1)
    toward = np.clip(direction @ SUN, 0, 1)
    low, middle, high = np.array([0.98, 0.47, 0.20]), np.array([0.50, 0.36, 0.42]), np.array([0.055, 0.13, 0.34])
    a, b = smoothstep(0.0, 0.20, up)[:, None], smoothstep(0.10, 0.62, up)[:, None]
    color = low * (1 - a) + middle * a
    color = color * (1 - b) + high * b
    color += (toward ** 6)[:, None] * np.array([0.55, 0.30, 0.10])
    for seed, scale, stretch, floor in ((31, 0.55, 2.0, 0.50), (32, 1.4, 3.2, 0.54)):
        color = add_clouds(color, direction, up, seed, scale, stretch, floor)
    return color


def add_clouds(color, direction, up, seed, scale, stretch, floor):
    reach = 1 / (up + 0.09)
    x, y = direction[:, 0] * reach * scale, direction[:, 1] * reach * scale * stretch

    def density(x, y):
        warp = fbm(seed + 5, x * 0.7, y * 0.7, 3) - 0.5
        return smoothstep(floor, floor + 0.24, fbm(seed, x + 1.6 * warp, y + 1.2 * warp, 8, 0.54))

    here, sunward = density(x, y), density(x + 0.16 * SUN[0] / 0.8, y + 0.10 * SUN[1])
    lit = np.clip(0.42 + 1.1 * (here - sunward) + 0.35 * (1 - here), 0, 1)[:, None]
    shade = np.array([0.20, 0.17, 0.27]) * (1 - lit) + np.array([1.35, 0.58, 0.30]) * lit
    cover = (0.88 * here * smoothstep(0.015, 0.10, up))[:, None]
    return color * (1 - cover) + shade * cover


def ground_color(normal, points, cover):
    """Rock with bands, grass where it is gentle, snow high up, conifers where there is forest."""
    x, y, z = points.T
    grain = fbm(41, x * 14, y * 14 + z * 9, 5)[:, None]
    band = fbm(42, x * 1.5, z * 16 + 0.5 * x, 4)[:, None]
    flat = normal[:, 2:3]
    rock = np.array([0.19, 0.165, 0.155]) * (0.35 + 0.9 * grain + 0.5 * band)
    grass = np.array([0.22, 0.23, 0.09]) * (0.6 + 0.9 * grain)
    color = rock + (grass - rock) * smoothstep(0.72, 0.86, flat) * smoothstep(1.0, 0.5, z[:, None])
    snow = smoothstep(0.86, 1.30, z + 0.7 * (grain[:, 0] - 0.5))[:, None] * smoothstep(0.42, 0.66, flat)
    color = color + (np.array([0.86, 0.89, 0.96]) - color) * snow
    autumn = smoothstep(0.52, 0.70, fbm(43, x * 7, y * 7, 4))[:, None]
    tree = np.array([0.055, 0.095, 0.050]) * (1 - autumn) + np.array([0.34, 0.17, 0.035]) * autumn
    wet = smoothstep(0.03, 0.0, z)[:, None]
    color = color + (tree * (0.7 + 0.6 * grain) - color) * cover[:, None]
    return color * (1 - 0.45 * wet)


def shade_ground(maps, points, distance, direction):
    field, cover_map = maps
    e = np.maximum(0.004, 0.0011 * distance)
    slope_x = look_up(field, points[:, 0] + e, points[:, 1]) - look_up(field, points[:, 0] - e, points[:, 1])
    slope_y = look_up(field, points[:, 0], points[:, 1] + e) - look_up(field, points[:, 0], points[:, 1] - e)
    normal = np.stack([-slope_x, -slope_y, 2 * e], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    color = ground_color(normal, points, look_up(cover_map, points[:, 0], points[:, 1]))
    direct = np.clip(normal @ SUN, 0, 1) * sun_shadow(field, points + normal * 0.01)
    ambient = 0.45 + 0.55 * normal[:, 2]
    lit = color * (direct[:, None] * SUN_COLOR * 1.75 + ambient[:, None] * SKY_LIGHT)
    return add_haze(lit, distance, points[:, 2], direction)


def add_haze(color, distance, z, direction):
    """Air between: thicker low down, warm toward the sun, blue away from it."""
    thick = 1 - np.exp(-0.026 * distance * np.exp(-0.75 * np.maximum(z, 0)) - 0.0009 * distance ** 2)
    toward = (np.clip(direction @ SUN + 0.35, 0, 1) ** 2)[:, None]
    air = np.array([0.28, 0.33, 0.50]) * (1 - toward) + np.array([0.95, 0.52, 0.28]) * toward
    return color + (air - color) * thick[:, None]


def scene(maps, origin, direction):
    """What a ray sees of land and sky."""
    color = sky(direction)
    distance = march(maps[0], origin, direction)
    met = np.isfinite(distance)
    points = origin[met] + direction[met] * distance[met, None]
    color[met] = shade_ground(maps, points, distance[met], direction[met])
    return color


def water(maps, origin, direction, distance):
    """The lake: ripples bend the mirrored ray; less is mirrored where one looks down."""
    p = origin + direction * distance[:, None]
    calm = np.clip(0.5 / (0.35 + distance), 0.03, 1)
    wind = smoothstep(0.35, 0.7, fbm(53, p[:, 0] * 1.2, p[:, 1] * 0.9, 3))
    sx, sy = (fbm(s, p[:, 0] * 20, p[:, 1] * 42, 4) - 0.5 for s in (51, 52))
    strength = (0.035 + 0.10 * wind) * calm
    normal = np.stack([0.5 * sx * strength, sy * strength, np.ones_like(sx)], 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    facing = np.sum(direction * normal, 1, keepdims=True)
    mirrored = direction - 2 * facing * normal
    mirrored[:, 2] = np.abs(mirrored[:, 2]) + 0.002
    start = p + np.array([0, 0, 0.002])
    seen = scene(maps, start, mirrored)
    fresnel = np.clip(0.10 + 0.90 * (1 + facing) ** 3.2, 0, 1)
    deep = np.array([0.035, 0.085, 0.105])
    bed = smoothstep(-0.05, -0.004, look_up(maps[0], p[:, 0], p[:, 1]))[:, None]
    body = deep + (np.array([0.16, 0.14, 0.10]) - deep) * bed
    return add_haze(seen * fresnel * 0.93 + body * (1 - fresnel), distance * 0.5, np.zeros(len(p)), direction)


def render(width, height):
    """The picture in linear light, (height, width, 3)."""
    ground = height_map()
    maps = add_forest(ground)
    px, py = np.meshgrid((np.arange(width) + 0.5 - width / 2) / height, HORIZON - (np.arange(height) + 0.5) / height)
    direction = np.stack([px.ravel(), np.full(px.size, FOCAL), py.ravel()], 1)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    origin = np.broadcast_to(EYE, direction.shape)
    color = scene(maps, origin, direction)
    to_land = march(maps[0], origin, direction)
    to_lake = np.where(direction[:, 2] < -1e-4, EYE[2] / np.maximum(-direction[:, 2], 1e-4), np.inf)
    wet = (to_lake < to_land) & (to_lake < 40)
    color[wet] = water(maps, origin[wet], direction[wet], to_lake[wet])
    return color.reshape(height, width, 3)


def develop(linear):
    """Linear light to a print: filmic curve, slight vignette, gamma, some contrast."""
    x = np.maximum(linear * 0.86, 0)
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    h, w = x.shape[:2]
    v, u = np.mgrid[0:h, 0:w]
    x = x * (1 - 0.22 * (((u / w - 0.5) ** 2 + (v / h - 0.5) ** 2) / 0.5) ** 1.2)[..., None]
    x = np.clip(x, 0, 1) ** (1 / 2.2)
    return x + 0.30 * (x * x * (3 - 2 * x) - x)
