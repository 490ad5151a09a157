"""Writes .safetensors files for tests, with nothing but Python's standard library."""
import json
import math
import pathlib
import struct

BYTES = {"F32": 4, "F16": 2, "BF16": 2}


def bf16(value):
    """The upper half of a float's bits, rounded to nearest, ties to even."""
    bits, = struct.unpack("<I", struct.pack("<f", value))
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF)


def encode(values, dtype):
    if dtype == "BF16":
        return b"".join(map(bf16, values))
    return struct.pack(f"<{len(values)}{'f' if dtype == 'F32' else 'e'}", *values)


def layout(tensors, dtype="F32"):
    """Header entries and data of {name: (shape, values)}."""
    entries, data = {}, b""
    for name, (shape, values) in tensors.items():
        assert math.prod(shape) == len(values), name
        encoded = encode(values, dtype)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(encoded)]}
        data += encoded
    return entries, data


def assemble(header, data):
    """@header: text, or what becomes JSON; padded with spaces, as the format's own writer does."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def write(path, metadata, tensors, dtype="F32"):
    entries, data = layout(tensors, dtype)
    pathlib.Path(path).write_bytes(assemble({"__metadata__": metadata, **entries}, data))
