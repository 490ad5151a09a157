"""A tensor of a file: its shape is known, its values are read when they are asked for."""
import math

import numpy as np

from .refusal import Refusal

RANK_MAX = 8
VALUES_MAX = 1 << 31

BF16 = np.dtype([("bf16", "<u2")])  # numpy has none: the upper half of a float


class Tensor:
    """@load: a function that gives the values as an array of @shape, of any type of number."""

    def __init__(self, shape, dtype, load):
        self.shape, self.dtype, self.load = tuple(shape), dtype, load

    def floats(self, name):
        """As contiguous float32; all finite."""
        if self.dtype.kind not in "fV":
            raise Refusal(f"{name}: holds whole numbers ({self.dtype}), weights are floating-point")
        values = self.load()
        if self.dtype == BF16:
            values = (values["bf16"].astype("<u4") << 16).view("<f4")
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(values, np.float32)
        if not np.isfinite(values).all():
            raise Refusal(f"{name}: holds NaN or infinite values; the file is damaged or its training failed")
        return values


def checked_shape(shape):
    """@shape if it is one: few whole numbers, and not too many values. Else None."""
    if not isinstance(shape, (tuple, list)) or len(shape) > RANK_MAX:
        return None
    if any(type(side) is not int or side < 0 for side in shape) or math.prod(shape) > VALUES_MAX:
        return None
    return tuple(shape)


def strided(shape, stride, offset, storage_count, dtype, load):
    """A view of a storage, or None where it reaches beyond it, or shows values more than once.

    @load: gives the storage's values, one after the other
    """
    shape = checked_shape(shape)
    whole = all(type(step) is int and step >= 0 for step in (*stride, offset))
    if shape is None or len(stride) != len(shape) or not whole or math.prod(shape) > storage_count:
        return None
    end = offset + 1 + sum((side - 1) * step for side, step in zip(shape, stride))
    if math.prod(shape) > 0 and end > storage_count:
        return None

    def view():
        steps = tuple(step * dtype.itemsize for step in stride)
        return np.lib.stride_tricks.as_strided(load()[offset:], shape, steps, writeable=False)

    return Tensor(shape, dtype, view)
