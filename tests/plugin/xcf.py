"""GIMP's own files, as far as tests look at them: layers with their pixels, bit for bit, masks, offsets and parasites.

Layout: GIMP's devel-docs/xcf.txt.
"""
import struct

import numpy as np

TILE = 64
PROPERTY_END, PROPERTY_SELECTION, PROPERTY_OFFSETS, PROPERTY_COMPRESSION, PROPERTY_PARASITES = 0, 4, 15, 17, 21
COMPRESSION_NONE, COMPRESSION_RLE = 0, 1
KINDS = {100: "u1", 150: "u1", 200: "u2", 250: "u2", 300: "u4", 350: "u4", 500: "f2", 550: "f2", 600: "f4", 650: "f4"}


class Layer:
    """pixels: (height, width, channels), alpha last; mask: (height, width) or None; parasites: name to bytes."""

    def __init__(self, name, offsets, pixels, mask, parasites):
        self.name, self.offsets, self.pixels, self.mask, self.parasites = name, offsets, pixels, mask, parasites

    @property
    def bits(self):
        return self.pixels.view(f"u{self.pixels.dtype.itemsize}")


class _Reader:
    def __init__(self, data, at=0, version=0):
        self.data, self.at, self.version = data, at, version

    def numbers(self, count=1, kind="I"):
        size = struct.calcsize(">" + kind) * count
        values = struct.unpack_from(f">{count}{kind}", self.data, self.at)
        self.at += size
        return values if count > 1 else values[0]

    def pointer(self):
        return self.numbers(kind="Q" if self.version >= 11 else "I")

    def pointers(self):
        found = []
        while pointer := self.pointer():
            found.append(pointer)
        return found

    def text(self):
        length = self.numbers()
        self.at += length
        return self.data[self.at - length:self.at - 1].decode() if length else ""

    def properties(self):
        found = {}
        while True:
            kind, size = self.numbers(2)
            if kind == PROPERTY_END:
                return found
            found[kind] = self.data[self.at:self.at + size]
            self.at += size

    def run_length_tile(self, count, pixel_bytes):
        planes = np.empty((pixel_bytes, count), "u1")
        data, at = self.data, self.at
        for plane in planes:
            done = 0
            while done < count:
                code, at = data[at], at + 1
                length = 256 - code if code >= 128 else code + 1
                if length == 128:
                    (length,), at = struct.unpack_from(">H", data, at), at + 2
                if code >= 128:
                    plane[done:done + length] = np.frombuffer(data, "u1", length, at)
                    at += length
                else:
                    plane[done:done + length] = data[at]
                    at += 1
                done += length
        return planes.T

    def hierarchy(self, pointer, kind, compression):
        self.at = pointer
        width, height, pixel_bytes = self.numbers(3)
        self.at = self.pointer()
        self.numbers(2)
        raw = np.empty((height, width, pixel_bytes), "u1")
        across = -(-width // TILE)
        for i, tile in enumerate(self.pointers()):
            y, x = i // across * TILE, i % across * TILE
            tile_height, tile_width = min(TILE, height - y), min(TILE, width - x)
            count, self.at = tile_height * tile_width, tile
            if compression == COMPRESSION_RLE:
                flat = self.run_length_tile(count, pixel_bytes)
            else:
                flat = np.frombuffer(self.data, "u1", count * pixel_bytes, tile)
            raw[y:y + tile_height, x:x + tile_width] = flat.reshape(tile_height, tile_width, pixel_bytes)
        return raw.view(np.dtype(kind).newbyteorder(">" if self.version >= 12 else "<"))

    def parasites(self, data):
        found, reader = {}, _Reader(data)
        while reader.at < len(reader.data):
            name = reader.text()
            _, size = reader.numbers(2)
            found[name] = reader.data[reader.at:reader.at + size]
            reader.at += size
        return found

    def layer(self, pointer, kind, compression):
        self.at = pointer
        self.numbers(3)
        name = self.text()
        properties = self.properties()
        pixels, mask = self.pointer(), self.pointer()
        return Layer(name, struct.unpack(">2i", properties[PROPERTY_OFFSETS]), self.hierarchy(pixels, kind, compression),
                     self.channel(mask, kind, compression) if mask else None,
                     self.parasites(properties.get(PROPERTY_PARASITES, b"")))

    def channel(self, pointer, kind, compression, only_selection=False):
        self.at = pointer
        self.numbers(2)
        self.text()
        properties = self.properties()
        if only_selection and PROPERTY_SELECTION not in properties:
            return None
        return self.hierarchy(self.pointer(), kind, compression)[..., 0]


def read(path):
    """All layers of a file, the uppermost first, and the selection: (height, width) or None."""
    data = path.read_bytes()
    magic, version = data[:9], data[9:13]
    assert magic == b"gimp xcf ", magic
    reader = _Reader(data, 14, 0 if version == b"file" else int(version[1:]))
    reader.numbers(3)
    kind = KINDS[reader.numbers()] if reader.version >= 4 else "u1"
    compression = reader.properties().get(PROPERTY_COMPRESSION, b"\0")[0]
    assert compression in (COMPRESSION_NONE, COMPRESSION_RLE), compression
    layers, channels = reader.pointers(), reader.pointers()
    found = [reader.layer(pointer, kind, compression) for pointer in layers]
    selections = [mask for mask in (reader.channel(pointer, kind, compression, True) for pointer in channels) if mask is not None]
    return found, selections[0] if selections else None
