"""Pickles without their danger. A pickle is a program that may call anything; here its opcodes are looked at first, and
then a pickle.Unpickler runs it that knows nothing but containers and our own stand-ins for tensors and arrays.

Looking first keeps it bounded: unknown opcodes, memo numbers that would make the unpickler allocate for numbers up to
them, and tuples that contain each other many times over (hashing one takes forever) are no part of what anybody saves.
"""
import collections
import io
import math
import pickle
import pickletools

import numpy as np

from .refusal import Refusal, shown
from .tensor import Tensor, checked_shape

OPCODES_MAX = 100_000
PICKLE_MAX = 1 << 30

TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
PUTS = {"BINPUT", "LONG_BINPUT", "MEMOIZE"}
GETS = {"BINGET", "LONG_BINGET"}
ALLOWED = TUPLES | PUTS | GETS | {
    "PROTO", "FRAME", "STOP", "MARK", "POP", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1",
    "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "GLOBAL",
    "STACK_GLOBAL", "REDUCE", "BUILD", "BINPERSID"}


class Ordered(collections.OrderedDict):
    """state_dict() hangs attributes on its dictionary: they are let fall."""

    def __setstate__(self, state):
        pass


def check_opcodes(source):
    """Walks to the end of the pickle that begins at @source's place, runs nothing. Returns the pickle's bytes."""
    start, puts, tuples, before = source.tell(), 0, set(), ""
    for count, (opcode, argument, _) in enumerate(pickletools.genops(source)):
        if opcode.name not in ALLOWED:
            raise Refusal(f"{source.label}: its pickle does more than hold numbers (it uses {opcode.name}): not read")
        if count == OPCODES_MAX:
            raise Refusal(f"{source.label}: its pickle has over {OPCODES_MAX} steps; a state_dict alone has fewer")
        if opcode.name in PUTS:
            if argument is not None and argument > puts:
                raise Refusal(f"{source.label}: its pickle is damaged, or made to harm: it skips numbers of its memory")
            if before in TUPLES:
                tuples.add(puts if argument is None else argument)
            puts += 1
        elif opcode.name in GETS and argument in tuples:
            raise Refusal(f"{source.label}: its pickle uses a tuple twice, which no saved network does: not read")
        before = opcode.name
    end = source.tell()
    if end - start > PICKLE_MAX:
        raise Refusal(f"{source.label}: its pickle has {end - start} bytes; up to {PICKLE_MAX} are read")
    source.seek(start)
    return source.take(end - start)


class Unpickler(pickle.Unpickler):
    def __init__(self, data, label, globals_, persistent=None):
        super().__init__(io.BytesIO(data), encoding="latin1")
        self.label, self.globals, self.persistent = label, globals_, persistent

    def find_class(self, module, name):
        if (module, name) not in self.globals:
            raise Refusal(f"{self.label}: its pickle asks for {shown(module)}.{shown(name)}, which is not allowed; only "
                          "tensors and plain containers are read (of a whole module, save its state_dict)")
        return self.globals[module, name]

    def persistent_load(self, pid):
        if self.persistent is None:
            raise Refusal(f"{self.label}: its pickle refers to data outside itself, which only PyTorch's files have")
        return self.persistent(pid)


def load(source, globals_, persistent=None):
    """The object of the pickle that begins at @source's place, which is left after the pickle.

    @globals_: {(module, name): our stand-in}; anything else that the pickle names is refused.
    @persistent: our function for persistent ids.
    """
    try:
        data = check_opcodes(source)
        return Unpickler(data, source.label, globals_, persistent).load()
    except Refusal:
        raise
    except Exception as error:  # a damaged pickle can raise anything: it is a program, and a wrong one
        raise Refusal(f"{source.label}: holds a damaged pickle ({shown(error) or type(error).__name__})") from error


# ---- pickled numpy arrays ---------------------------------------------------------------------------------------------

class Dtype:
    """Stands in for numpy.dtype."""

    def __init__(self, name, *_):
        self.name, self.order = name, ""

    def __setstate__(self, state):
        self.order = state[1] if state[1] in ("<", ">") else ""

    def resolve(self):
        if self.name not in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"):
            raise ValueError(f"arrays of {shown(self.name)} are not read")
        return np.dtype(self.order + self.name)


class Array(Tensor):
    """Stands in for numpy.ndarray. Its state comes later, by BUILD."""

    def __init__(self):  # what it was called with is empty in every pickle of an array
        super().__init__((0,), np.dtype("u1"), lambda: np.zeros(0, "u1"))

    def __setstate__(self, state):
        _, shape, dtype, fortran, data = state
        dtype, shape = dtype.resolve(), checked_shape(shape)
        if shape is None or not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
            raise ValueError("an array's shape and its data do not fit")
        values = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        super().__init__(shape, dtype, lambda: values)


def latin1(text, encoding):
    """Stands in for _codecs.encode: how Python 3 writes bytes into a pickle of protocol 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("bytes in an encoding that no pickle has")
    return text.encode("latin1")


NUMPY_GLOBALS = {("collections", "OrderedDict"): Ordered, ("_codecs", "encode"): latin1, ("numpy", "dtype"): Dtype, ("numpy", "ndarray"): Array}
for core in ("numpy.core", "numpy._core"):  # before and since numpy 2
    NUMPY_GLOBALS[f"{core}.multiarray", "_reconstruct"] = lambda *_: Array()


def read_arrays(source):
    """Containers of arrays, pickled with protocols 2 to 4."""
    tree = load(source, NUMPY_GLOBALS)
    if source.left() != 0:
        source.refuse(f"has {source.left()} bytes after the end of its pickle; it is damaged")
    return tree
