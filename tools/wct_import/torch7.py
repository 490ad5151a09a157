"""Torch7's binary .t7 files: tables, numbers, texts, tensors, and objects, which are tables with a class name.

After torch7's File.lua: each object begins with its type; tables and objects have a number, by which later ones refer
back to them. A long takes 8 bytes, or 4 where a 32-bit machine (or Windows) wrote it; the file does not say which.
Functions, which are Lua bytecode, are stepped over.
"""
import numpy as np

from .refusal import Refusal, shown
from .tensor import RANK_MAX, strided

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN, FUNCTION, OLD_FUNCTION, RECURSIVE_FUNCTION = 0, 1, 2, 3, 4, 5, 6, 7, 8
MAGICS = tuple(bytes([kind, 0, 0, 0, 1, 0, 0, 0]) for kind in (TABLE, OBJECT))
DEPTH_MAX = 60
TEXT_MAX = 1 << 16
CLASSES_READ_AS_TABLES = ("nn.", "cudnn.", "cunn.")
CUDA_PREFIX = "Cuda"

ELEMENTS = {"Float": "<f4", "Double": "<f8", "Half": "<f2", "Byte": "u1", "Char": "i1", "Short": "<i2", "Int": "<i4"}


class Object(dict):
    """@kind: the class name; its fields are the items."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind


class Storage:
    def __init__(self, source, place, dtype, count):
        self.dtype, self.count = dtype, count
        self.load = lambda: source.values(place, dtype, count)


def split_class(name):
    """("torch.CudaDoubleTensor") to ("Double", "Tensor"); None for anything else."""
    for ending in ("Tensor", "Storage"):
        if name.startswith("torch.") and name.endswith(ending):
            element = name[len("torch."):-len(ending)]
            if element.startswith(CUDA_PREFIX):
                element = element[len(CUDA_PREFIX):] or "Float"
            return element, ending
    return None


class Reader:
    def __init__(self, source, long):
        self.source, self.long, self.known, self.depth = source, long, {}, 0

    def int(self):
        return self.source.number("i")

    def longs(self, count):
        return [self.source.number(self.long) for _ in range(count)]

    def text(self):
        length = self.int()
        if length > TEXT_MAX:
            self.source.refuse(f"is damaged: a text of {length} bytes")
        return self.source.take(length).decode("latin1")

    def object(self):
        self.depth += 1
        if self.depth > DEPTH_MAX:
            self.source.refuse(f"nests its objects more than {DEPTH_MAX} deep")
        kind = self.int()
        readers = {NIL: lambda: None, NUMBER: lambda: self.source.number("d"), STRING: self.text,
                   BOOLEAN: lambda: self.int() == 1, FUNCTION: self.function, TABLE: self.table, OBJECT: self.instance,
                   OLD_FUNCTION: self.numbered_function, RECURSIVE_FUNCTION: self.numbered_function}
        if kind not in readers:
            self.source.refuse(f"is no binary Torch7 file, or damaged: an object of type {kind}")
        value = readers[kind]()
        self.depth -= 1
        return value

    def numbered(self, fill, make):
        """An object that may have been met before. It is known before it is filled: it may contain itself."""
        number = self.int()
        if number not in self.known:
            self.known[number] = make()
            fill(self.known[number])
        return self.known[number]

    def function(self, _=None):
        self.source.skip(self.int())
        self.object()  # its upvalues

    def numbered_function(self):
        return self.numbered(self.function, lambda: None)

    def table(self):
        return self.numbered(self.fill_table, dict)

    def fill_table(self, table):
        count = self.int()
        if count < 0 or count > self.source.left() // 8:  # a key and a value take 4 bytes at least, each
            self.source.refuse(f"is truncated or damaged: a table of {count} entries where {self.source.left()} bytes "
                               "are left")
        for _ in range(count):
            key, value = self.object(), self.object()
            if isinstance(key, (str, float)):
                table[key] = value

    def instance(self):
        number = self.int()
        if number not in self.known:
            self.known[number] = self.new_instance(number)
        return self.known[number]

    def class_name(self):
        """Files of the first years have no version before it."""
        first = self.text()
        return self.text() if first.startswith("V ") else first

    def new_instance(self, number):
        name = self.class_name()
        parts = split_class(name)
        if parts is not None:
            return self.tensor() if parts[1] == "Tensor" else self.storage(parts[0], name)
        if not name.startswith(CLASSES_READ_AS_TABLES):
            self.source.refuse(f"holds an object of class {shown(name)}, which is not read; only nn modules, tables and "
                               "tensors are")
        module = self.known[number] = Object(name)
        fields = self.object()
        if not isinstance(fields, dict):
            self.source.refuse(f"is damaged: {shown(name)} has no table of fields")
        module.update(fields)
        return module

    def storage(self, element, name):
        dtype = np.dtype("<i8" if self.long == "q" else "<i4") if element == "Long" else ELEMENTS.get(element)
        if dtype is None:
            self.source.refuse(f"holds a {shown(name)}, which is not read")
        dtype, count = np.dtype(dtype), self.longs(1)[0]
        if count < 0:
            self.source.refuse(f"is damaged: a storage of {count} values")
        return Storage(self.source, self.source.skip(count * dtype.itemsize), dtype, count)

    def tensor(self):
        rank = self.int()
        if not 0 <= rank <= RANK_MAX:
            self.source.refuse(f"is damaged: a tensor of {rank} dimensions")
        shape, stride, offset = self.longs(rank), self.longs(rank), self.longs(1)[0] - 1
        storage = self.object()
        if storage is None:
            return None  # an empty tensor
        if not isinstance(storage, Storage):
            self.source.refuse("is damaged: a tensor without storage")
        view = strided(shape, stride, max(offset, 0), storage.count, storage.dtype, storage.load)
        if view is None:
            self.source.refuse(f"is damaged: a tensor of {shown(shape)} reaches beyond its storage of {storage.count} "
                               "values")
        return view


def read_with(source, long):
    source.seek(0)
    root = Reader(source, long).object()
    if source.left() != 0:
        source.refuse(f"has {source.left()} bytes after its end; it is damaged")
    return root


def read(source):
    """The object of the file. The size of a long is the one with which the file can be read to its end."""
    try:
        return read_with(source, "q")
    except Refusal as first:
        try:
            return read_with(source, "i")
        except Refusal:
            raise first from None
