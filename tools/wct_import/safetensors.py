"""Reads and writes .safetensors files. docs/WEIGHTS.md has the bytes."""
import json
import math

import numpy as np

from .refusal import Refusal, shown
from .tensor import BF16, Tensor, checked_shape

HEADER_MAX = 100_000_000
ALIGNMENT = 64  # of the first value
DTYPES = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BF16,
          "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
          "U8": np.dtype("u1"), "BOOL": np.dtype("?")}


def looks_like_one(head, size):
    """@head: the file's first 9 bytes."""
    return len(head) == 9 and 2 <= int.from_bytes(head[:8], "little") <= min(HEADER_MAX, size - 8) and head[8:] == b"{"


def without_duplicates(pairs):
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a key occurs twice")
    return names


def read_header(source):
    text = source.take(source.number("Q"))
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{source.label}: its header is no proper JSON ({shown(error)})") from error


def entry(source, name, description):
    """A header's entry, taken apart: its numbers agree with each other."""
    if not isinstance(description, dict) or set(description) != {"dtype", "shape", "data_offsets"}:
        source.refuse(f"{shown(name)}: needs exactly dtype, shape and data_offsets")
    dtype, shape, offsets = DTYPES.get(str(description["dtype"])), checked_shape(description["shape"]), \
        description["data_offsets"]
    if dtype is None:
        source.refuse(f"{shown(name)}: is of type {shown(description['dtype'])}, which is not read")
    if shape is None or not isinstance(offsets, list) or len(offsets) != 2 or any(type(o) is not int for o in offsets) \
            or offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
        source.refuse(f"{shown(name)}: its shape and its place in the file do not fit")
    return dtype, shape, offsets


def read(source):
    """({name: Tensor}, {key: text} of the metadata)."""
    header = read_header(source)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(text, str) for text in metadata.values()):
        source.refuse("its metadata is no object of texts")
    begin, end, tensors = source.tell(), 0, {}
    entries = {name: entry(source, name, description) for name, description in header.items()}
    for name, (dtype, shape, offsets) in sorted(entries.items(), key=lambda item: item[1][2]):
        if offsets[0] != end:
            source.refuse(f"{shown(name)}: begins at {offsets[0]}, the tensor before it ends at {end}")
        end = offsets[1]
        load = (lambda p=begin + offsets[0], d=dtype, s=shape: source.values(p, d, math.prod(s)).reshape(s))
        tensors[name] = Tensor(shape, dtype, load)
    if end != source.left():
        source.refuse(f"its tensors have {end} bytes, the file has {source.left()}; it is truncated or damaged")
    return tensors, metadata


def encode(metadata, tensors):
    """The file's bytes, in pieces. @tensors: {name: array of float32 or float16}, written in this order."""
    header, end = {"__metadata__": metadata}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": {"f4": "F32", "f2": "F16"}[values.dtype.str[1:]], "shape": list(values.shape),
                        "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    yield len(text).to_bytes(8, "little") + text
    for values in tensors.values():
        yield np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
