"""A file that is read from front to back, never past its end, and never on a length's word alone."""
import os
import stat
import struct

import numpy as np

from .refusal import Refusal

FILE_MAX = 4 << 30  # the largest published network is a seventh of this
LINE_MAX = 4096


class Source:
    """@label: what sentences call the file."""

    def __init__(self, label, file, size):
        self.label, self.file, self.size = label, file, size

    def close(self):
        self.file.close()

    def refuse(self, fact):
        raise Refusal(f"{self.label}: {fact}")

    # ---- what pickletools needs ---------------------------------------------------------------------------------

    def tell(self):
        return self.file.tell()

    def seek(self, place):
        self.file.seek(place)

    def left(self):
        return self.size - self.file.tell()

    def read(self, count):
        """Up to @count bytes: memory is taken for what is there, not for what a pickle announces."""
        return self.file.read(max(0, min(count, self.left())))

    def readline(self):
        return self.file.readline(LINE_MAX)

    # ---- exact reading ------------------------------------------------------------------------------------------

    def take(self, count):
        if count < 0 or count > self.left():
            self.refuse(f"is truncated or damaged: {count} bytes are announced where {self.left()} are left")
        data = self.file.read(count)
        if len(data) != count:
            self.refuse("became shorter while it was read")
        return data

    def skip(self, count):
        """The place where the @count bytes began."""
        place = self.tell()
        if count < 0 or count > self.left():
            self.refuse(f"is truncated or damaged: {count} bytes are announced where {self.left()} are left")
        self.seek(place + count)
        return place

    def number(self, form):
        """One little-endian number of struct's @form."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def values(self, place, dtype, count):
        self.seek(place)
        return np.frombuffer(self.take(count * dtype.itemsize), dtype)


def open_source(path):
    """Raises Refusal where there is no such file, or none that can be read in one piece."""
    try:
        # Without O_NONBLOCK, a named pipe would make us wait for somebody to write into it.
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise Refusal(f"{path}: cannot be read: {error.strerror}") from error
    about = os.fstat(file.fileno())
    source = Source(str(path), file, about.st_size)
    if not stat.S_ISREG(about.st_mode):
        source.refuse("is no file; name the files themselves")
    if source.size > FILE_MAX:
        source.refuse(f"has {source.size} bytes; up to {FILE_MAX} are read")
    return source
