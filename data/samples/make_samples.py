#!/usr/bin/env python3
"""Paints the sample pictures of this folder: a photo-like landscape and still life, and four styles to try on them.

  make_samples.py [FOLDER]        into this folder, or FOLDER; takes some minutes

Everything is computed; nothing comes from another picture, so the results are the project's own. Needs numpy and
Pillow. Equal versions of those give equal files.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

import foreground
import landscape
import paintings
import stilllife

HERE = pathlib.Path(__file__).resolve().parent
STYLES = (paintings.swirls, paintings.woodcut, paintings.glass, paintings.watercolor)


def save(pixels, size, path, quality):
    """Pixels in 0..255, twice as large as @size, which smooths edges on the way down."""
    picture = Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
    picture.resize(size, Image.LANCZOS).save(path, quality=quality, optimize=True, subsampling=0)
    print(f"{path.name}: {size[0]}x{size[1]}, {path.stat().st_size // 1024} KiB", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    for paint in STYLES:
        save(paint(), (512, 512), folder / f"style-{paint.__name__}.jpg", 88)
    lake = foreground.paint(landscape.develop(landscape.render(1920, 1280)))
    save(lake * 255, (960, 640), folder / "lake.jpg", 90)
    save(landscape.develop(stilllife.render(1920, 1280)) * 255, (960, 640), folder / "still-life.jpg", 90)


if __name__ == "__main__":
    main()
