"""PyTorch's .pth files, both kinds: a zip archive (since 1.6) and a row of pickles with the data behind them.

In both, a pickle holds the containers and says of each tensor which part of which storage it is.
"""
import io
import zipfile

import numpy as np

from . import pickles
from .refusal import Refusal, shown
from .source import Source
from .tensor import BF16, strided

LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")  # the pickle of 0x1950a86a20f9469cfc6c
LEGACY_PROTOCOL = 1001
ZIP_MAGIC = b"PK\x03\x04"
ARCHIVE_PICKLE_MAX = 64 << 20

STORAGES = {"FloatStorage": np.dtype("<f4"), "DoubleStorage": np.dtype("<f8"), "HalfStorage": np.dtype("<f2"),
            "BFloat16Storage": BF16, "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4"),
            "ShortStorage": np.dtype("<i2"), "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1"),
            "BoolStorage": np.dtype("?")}


class StorageType:
    """Stands in for torch.FloatStorage and its like."""

    def __init__(self, dtype):
        self.dtype = dtype


class Storage:
    """@load: gives its values; known once the file has said where they are."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.load = dtype, count, None


def rebuild_tensor(storage, offset, shape, stride, *_):
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    tensor = strided(shape, stride, offset, storage.count, storage.dtype, lambda: storage.load())
    if tensor is None:
        raise ValueError(f"a tensor of {shown(shape)} reaches beyond its storage of {storage.count} values")
    return tensor


def rebuild_parameter(data, *_):
    return data


GLOBALS = {("collections", "OrderedDict"): pickles.Ordered,
           ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
           ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
           ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
           **{("torch", name): StorageType(dtype) for name, dtype in STORAGES.items()}}


class Storages(dict):
    """The storages that a pickle speaks of, by key. Called with each persistent id."""

    def __call__(self, pid):
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage" or pid[5:] not in ((), (None,)):
            raise ValueError("a storage of an unknown kind")
        _, kind, key, _, count = pid[:5]
        if not isinstance(kind, StorageType) or type(key) is not str or type(count) is not int or count < 0:
            raise ValueError("a storage's description is wrong")
        storage = self.setdefault(key, Storage(kind.dtype, count))
        if (storage.dtype, storage.count) != (kind.dtype, count):
            raise ValueError(f"storage {shown(key)} is described in two ways")
        return storage


# ---- zip ------------------------------------------------------------------------------------------------------------

def read_member(source, archive, member, size):
    """A stored member's bytes; the archive's checksum is compared."""
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        source.refuse(f"{shown(member.filename)} is compressed or encrypted; PyTorch writes neither")
    if member.file_size != size:
        source.refuse(f"{shown(member.filename)} has {member.file_size} bytes, its tensors need {size}")
    try:
        return archive.read(member)
    except Exception as error:  # zipfile meets a damaged archive with many kinds of them
        raise Refusal(f"{source.label}: {shown(member.filename)} is damaged ({shown(error)})") from error


def open_archive(source):
    """The archive, its members by name, and the folder in it that everything is in."""
    try:
        archive = zipfile.ZipFile(source.file)
        members = {member.filename: member for member in archive.infolist()}
    except Exception as error:
        raise Refusal(f"{source.label}: is truncated or damaged ({shown(error)})") from error
    roots = [name[:-len("data.pkl")] for name in members if name.endswith("/data.pkl")]
    if any(name.endswith("/constants.pkl") for name in members):
        source.refuse("is a TorchScript program, not a state_dict; save the module's state_dict")
    if len(roots) != 1 or len(members) != len(archive.infolist()):
        source.refuse("is a zip archive, but not PyTorch's: it needs one data.pkl and no name twice")
    return archive, members, roots[0]


def check_byte_order(source, archive, members, root):
    member = members.get(root + "byteorder")
    if member is not None and read_member(source, archive, member, min(member.file_size, 16)) != b"little":
        source.refuse("was written by a big-endian machine, which is not read")


def read_zip(source):
    archive, members, root = open_archive(source)
    check_byte_order(source, archive, members, root)
    member = members[root + "data.pkl"]
    if member.file_size > ARCHIVE_PICKLE_MAX:
        source.refuse(f"its data.pkl has {member.file_size} bytes, up to {ARCHIVE_PICKLE_MAX} are read")
    data = read_member(source, archive, member, member.file_size)
    storages = Storages()
    tree = pickles.load(Source(source.label, io.BytesIO(data), len(data)), GLOBALS, storages)
    for key, storage in storages.items():
        member = members.get(f"{root}data/{key}")
        if member is None:
            source.refuse(f"has no data/{shown(key)}, which its tensors need; it is incomplete")
        if member.file_size != storage.count * storage.dtype.itemsize:
            source.refuse(f"data/{shown(key)} has {member.file_size} bytes, its tensors need "
                          f"{storage.count * storage.dtype.itemsize}")
        storage.load = lambda s=storage, m=member: np.frombuffer(
            read_member(source, archive, m, s.count * s.dtype.itemsize), s.dtype)
    return tree


# ---- legacy ---------------------------------------------------------------------------------------------------------

def locate(source, storages):
    """Behind the pickles, in the order of a list of keys: a count and the values of each storage."""
    keys = pickles.load(source, {})
    if not isinstance(keys, list) or any(type(key) is not str for key in keys) or len(set(keys)) != len(keys) \
            or set(keys) != set(storages):
        source.refuse("its list of storages is not that of its tensors; it is damaged")
    for key in keys:
        storage, count = storages[key], source.number("q")
        if count != storage.count:
            source.refuse(f"storage {shown(key)} has {count} values, its tensors need {storage.count}")
        place = source.skip(count * storage.dtype.itemsize)
        storage.load = lambda s=storage, p=place: source.values(p, s.dtype, s.count)
    if source.left() != 0:
        source.refuse(f"has {source.left()} bytes after its last storage; it is damaged")


def read_legacy(source):
    pickles.load(source, {})  # the magic number, which is known already
    protocol, system = pickles.load(source, {}), pickles.load(source, {})
    if protocol != LEGACY_PROTOCOL or not isinstance(system, dict):
        source.refuse(f"is of PyTorch's protocol {shown(protocol)}, only {LEGACY_PROTOCOL} is read")
    if system.get("little_endian") is not True:
        source.refuse("was written by a big-endian machine, which is not read")
    storages = Storages()
    tree = pickles.load(source, GLOBALS, storages)
    locate(source, storages)
    return tree
