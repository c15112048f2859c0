# SPDX-License-Identifier: Apache-2.0
"""The memory that server and worker share."""
import mmap
import os

POPULATE = getattr(mmap, "MAP_POPULATE", 0x8000)


class Arena:
    def __init__(self, fd):
        self.fd = fd
        self.size = os.fstat(fd).st_size
        self.copies = False  # the model keeps its inputs: it gets copies
        self._map()

    def _map(self):
        self.map = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED | POPULATE, mmap.PROT_READ | mmap.PROT_WRITE)
        self.memory = memoryview(self.map)

    def close(self):
        """What the model still looks at stays mapped until it lets go."""
        self.memory = self.map = None
        os.close(self.fd)

    def holds(self, offset, size):
        return offset <= self.size and size <= self.size - offset

    def detach(self):
        """The model kept a view of its input beyond the call. The view gets memory of its own, at the same address;
        what comes next lies in a new mapping, and is copied for a model that does this."""
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        data = bytes(self.map)
        hold = ctypes.c_char.from_buffer(self.map)
        address = ctypes.addressof(hold)
        private_fixed_anonymous = 0x02 | 0x10 | 0x20
        if libc.mmap(address, self.size, mmap.PROT_READ | mmap.PROT_WRITE, private_fixed_anonymous, -1, 0) != address:
            raise OSError(ctypes.get_errno(), "mmap")
        ctypes.memmove(address, data, self.size)
        del hold
        self.copies = True
        self._map()
