"""Filters rescaled so that their mean activation over photos is 1, as Gatys et al. (2016, section 2) and the original release
did with VGG-19. Each channel is scaled by a positive factor that the next layer divides by again, which ReLU, pooling and
padding let pass: the network computes the same, and features of every level have comparable size."""
import os

import numpy as np

from .network import is_convolution, position
from .refusal import Refusal, shown

PHOTOS_MAX = 64
CROP = 256      # pixels; larger photos are cut to it
SIDE_MULTIPLE = 16
MEAN_MIN = 1e-3  # a filter that hardly ever fires is not blown up


def photo_paths(folder):
    """Up to PHOTOS_MAX files of a folder, from all over it."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise Refusal(f"{folder}: cannot be read: {error.strerror}; --normalize takes a folder of photos") from error
    return [os.path.join(folder, name) for name in names[::max(1, len(names) // PHOTOS_MAX)][:PHOTOS_MAX]]


def load_photo(path):
    """(3, height, width) in [0,1], sides multiples of 16 by reflection; None where it is no picture."""
    try:
        from PIL import Image
    except ImportError as error:
        raise Refusal("--normalize reads photos with Pillow, which is not installed (python3-pil)") from error
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"), np.float32)[:CROP, :CROP] / 255
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    rows, columns = (-side % SIDE_MULTIPLE for side in pixels.shape[:2])
    if rows >= pixels.shape[0] or columns >= pixels.shape[1]:
        return None
    return np.pad(pixels, ((0, rows), (0, columns), (0, 0)), "reflect").transpose(2, 0, 1)


def convolve(x, layer):
    """3×3 after reflection padding of 1, or 1×1; one product of matrices for each place of the kernel."""
    out_c, in_c, side, _ = layer.weight.shape
    height, width = x.shape[1:]
    kernel = np.ascontiguousarray(layer.weight.transpose(2, 3, 0, 1))  # numpy multiplies others without BLAS
    x = np.pad(x, ((0, 0), (1, 1), (1, 1)), "reflect") if side == 3 else x
    result = np.repeat(layer.bias, height * width).reshape(out_c, -1)
    for dy in range(side):
        for dx in range(side):
            seen = x[:, dy:dy + height, dx:dx + width].reshape(in_c, -1)
            result += kernel[dy, dx] @ seen
    return result.reshape(out_c, height, width)


def pool(x):
    channels, height, width = x.shape
    return x.reshape(channels, height // 2, 2, width // 2, 2).max((2, 4))


def activations(encoder, x):
    """(part, features) of each convolution in order."""
    if "conv0" in encoder.layers:
        x = convolve(x, encoder.layers["conv0"])
    for part in encoder.convolutions():
        if part.endswith("_1") and part != "conv1_1":
            x = pool(x)
        x = np.maximum(convolve(x, encoder.layers[part]), 0)
        yield part, x


def mean_activations(encoder, folder):
    """{part: (channels)}, over all positions of all photos."""
    sums, positions = {}, {}
    for path in photo_paths(folder):
        photo = load_photo(path)
        for part, features in activations(encoder, photo) if photo is not None else ():
            sums[part] = sums.get(part, 0) + features.sum((1, 2), dtype=np.float64)
            positions[part] = positions.get(part, 0) + features[0].size
    if not sums:
        raise Refusal(f"{shown(folder)}: holds no photos that can be read; --normalize takes a folder of them")
    return {part: sums[part] / positions[part] for part in sums}


def scale_inputs(layer, factors):
    layer.weight = (layer.weight / factors[None, :, None, None]).astype(np.float32)


def rescale(encoder, factors):
    """@factors: {part: what its channels are multiplied by}"""
    before = None
    for part in encoder.convolutions():
        layer, factor = encoder.layers[part], factors[part]
        layer.weight = (layer.weight * factor[:, None, None, None]).astype(np.float32)
        layer.bias = (layer.bias * factor).astype(np.float32)
        if before is not None:
            scale_inputs(layer, factors[before])
        before = part
    for part, layer in encoder.layers.items():
        if not is_convolution(part) and part != "conv0":
            scale_inputs(layer, factors[f"conv{position(part)[1]}_1"])


def normalize(model, folder):
    """Changes @model: its encoders, and its decoders so that they undo it."""
    for encoder in model.encoders.values():
        factors = {part: 1 / np.maximum(mean, MEAN_MIN) for part, mean in mean_activations(encoder, folder).items()}
        rescale(encoder, factors)
        for level, decoder in model.decoders.items():
            if model.encoder_of(level) is encoder:
                first = f"conv{level}_1"
                scale_inputs(decoder.layers[first], factors[first])
