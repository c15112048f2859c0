#!/usr/bin/env python3
"""Write the archives of this folder, with Python's own zipfile and tarfile, and the seeds of the
fuzz targets that read them. Run without arguments; the same bytes come out each time."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import struct
import tarfile
import zipfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
FUZZ = os.path.join(HERE, "..", "..", "fuzz", "corpus")
MEMBERS = [("a.txt", b"first\n"), ("dir/b.bin", bytes(range(256)) * 20), ("dir/empty", b"")]


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


class Unseekable(io.RawIOBase):
    """Makes zipfile write data descriptors."""

    def __init__(self, target):
        self.target = target

    def writable(self):
        return True

    def write(self, data):
        return self.target.write(data)


def zip_of(members, method=zipfile.ZIP_STORED, folders=(), stream=False, zip64=False,
           **info):
    target = io.BytesIO()
    with zipfile.ZipFile(Unseekable(target) if stream else target, "w", method) as archive:
        for name in folders:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o40755 << 16
            archive.writestr(entry, b"")
        for name, data in members:
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            entry.compress_type = method
            entry.external_attr = 0o100644 << 16
            for key, value in info.items():
                setattr(entry, key, value)
            with archive.open(entry, "w", force_zip64=zip64) as file:
                file.write(data)
    return target.getvalue()


def patched(data, signature, offset, value, last=False):
    """Replace bytes at `offset` behind the first (or last) `signature`."""
    at = (data.rindex if last else data.index)(signature) + offset
    return data[:at] + value + data[at + len(value):]


def zips():
    stored = zip_of(MEMBERS, folders=["dir/"])
    deflated = zip_of(MEMBERS, zipfile.ZIP_DEFLATED)
    one = zip_of([("only.txt", b"twelve bytes")])
    write("stored.zip", stored)
    write("deflated.zip", deflated)
    write("bzip2.zip", zip_of(MEMBERS, zipfile.ZIP_BZIP2))
    write("stream.zip", zip_of(MEMBERS, zipfile.ZIP_DEFLATED, stream=True))
    write("zip64.zip", zip_of(MEMBERS, zip64=True))
    write("empty.zip", zip_of([]))
    comment = io.BytesIO(stored)
    with zipfile.ZipFile(comment, "a") as archive:
        archive.comment = b"a comment with PK\5\6 in it"
    write("comment.zip", comment.getvalue())

    for name, path in [("dotdot", "dir/../../x"), ("absolute", "/x"), ("drive", "C:x"),
                       ("backslash", "dir\\x"), ("dot", "dir/./x"), ("double_slash", "dir//x"),
                       ("latin1", "x")]:
        data = zip_of([(path, b"x")])
        if name == "latin1":
            data = data.replace(b"x\x78PK", b"\xE9\x78PK").replace(b"\0\0\0\0x", b"\0\0\0\0\xE9")
        write("bad_%s.zip" % name, data)
    write("bad_symlink.zip", zip_of([("x", b"/etc/passwd")], external_attr=0o120777 << 16))
    write("bad_device.zip", zip_of([("x", b"")], external_attr=0o020644 << 16))
    write("bad_twice.zip", zip_of([("x", b"1"), ("x", b"2")]))
    write("bad_below_file.zip", zip_of([("x", b"1"), ("x/y", b"2")]))
    write("bad_method.zip", zip_of(MEMBERS).replace(b"\0\0\0\0\0\0\x21\0", b"\0\0\x63\0\0\0\x21\0"))
    encrypted = patched(one, b"PK\3\4", 6, b"\1\0")
    write("bad_encrypted.zip", patched(encrypted, b"PK\1\2", 8, b"\1\0"))
    write("bad_truncated.zip", stored[:-30])
    write("bad_trailing.zip", stored + b"more")
    write("bad_crc.zip", one.replace(b"twelve", b"eleven"))
    write("bad_local_name.zip", one.replace(b"only", b"0nly", 1))
    write("bad_local_size.zip", patched(one, b"PK\3\4", 22, struct.pack("<I", 11)))
    write("bad_offset.zip", patched(one, b"PK\1\2", 42, struct.pack("<I", 5)))
    write("bad_count.zip", patched(stored, b"PK\5\6", 8, struct.pack("<HH", 9, 9)))
    # Two central headers for the same local one: the second name differs, so it is put at the
    # same offset with the name of the first.
    two = zip_of([("aa", b"0123456789"), ("bb", b"0123456789")])
    write("bad_overlap.zip",
          patched(two, b"PK\1\2", 42, struct.pack("<I", 0), last=True)
          .replace(b"bbPK\5", b"aaPK\5"))
    big = zip_of([("zeros", bytes(100000))], zipfile.ZIP_DEFLATED)
    for name, size in [("bad_lie_small", 100), ("bad_bomb", 10 << 30)]:
        data = patched(big, b"PK\3\4", 22, struct.pack("<I", min(size, 0xFFFFFFFF)))
        data = patched(data, b"PK\1\2", 24, struct.pack("<I", min(size, 0xFFFFFFFF)))
        if size > 0xFFFFFFFF:
            data = zip64_sizes(size)
        write(name + ".zip", data)


def zip64_sizes(size):
    """A deflated member that announces `size` in zip64 fields, made by hand."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(100000)) + packer.flush()
    extra = struct.pack("<HHQQ", 1, 16, size, len(packed))
    crc = zlib.crc32(bytes(100000))
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 45, 0, 8, 0, 33, crc, 0xFFFFFFFF, 0xFFFFFFFF, 4,
                        len(extra)) + b"bomb" + extra
    central = struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, 0, 8, 0, 33, crc, 0xFFFFFFFF,
                          0xFFFFFFFF, 4, len(extra), 0, 0, 0, 0, 0) + b"bomb" + extra
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + end


def tar_of(members, form=tarfile.PAX_FORMAT, folders=(), prefix="", **info):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name in folders:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        for name, data in members:
            entry = tarfile.TarInfo(prefix + name)
            entry.size = len(data)
            for key, value in info.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(data))
    return target.getvalue()[: -(len(target.getvalue()) % 512) or None]


def shorter(tar):
    """Two blocks of zeros at the end instead of ten kilobytes."""
    return tar.rstrip(b"\0").ljust(-(-len(tar.rstrip(b"\0")) // 512) * 512, b"\0") + bytes(1024)


def tars():
    plain = shorter(tar_of(MEMBERS, tarfile.USTAR_FORMAT, ["dir"]))
    deep = "/".join(["long" * 10] * 6) + "/\u00e9.txt"
    write("ustar.tar", plain)
    write("dot.tar", shorter(tar_of(MEMBERS, folders=["./", "./dir/"], prefix="./")))
    write("pax.tar", shorter(tar_of([(deep, b"deep")])))
    write("gnu.tar", shorter(tar_of([(deep, b"deep")], tarfile.GNU_FORMAT)))
    prefix = "/".join(["part" * 10] * 5) + "/a.txt"
    write("prefix.tar", shorter(tar_of([(prefix, b"deep")], tarfile.USTAR_FORMAT)))
    write("packed.tar.gz", gzip.compress(plain, mtime=0))
    write("packed.tar.xz", lzma.compress(plain))
    write("packed.tar.bz2", bz2.compress(plain))

    write("bad_dotdot.tar", shorter(tar_of([("../x", b"x")])))
    write("bad_absolute.tar", shorter(tar_of([("/x", b"x")])))
    write("bad_twice.tar", shorter(tar_of([("x", b"1"), ("x", b"2")])))
    for name, kind in [("symlink", tarfile.SYMTYPE), ("hardlink", tarfile.LNKTYPE),
                       ("device", tarfile.CHRTYPE), ("fifo", tarfile.FIFOTYPE)]:
        write("bad_%s.tar" % name, shorter(tar_of([("x", b"")], type=kind, linkname="/etc/passwd")))
    write("bad_sparse.tar", shorter(tar_of([("x", b"")], type=b"S")))
    write("bad_truncated.tar", plain[:1200])
    write("bad_no_end.tar", plain[:-1024])
    write("bad_trailing.tar", plain + b"x" * 512)
    write("bad_checksum.tar", plain[:512] + b"b" + plain[513:])
    write("bad_pax.tar", shorter(tar_of([("\u00e9" * 60, b"x")])).replace(b" path=", b" pat\n=", 1)
          .replace(b"130 ", b"930 ", 1))
    write("bad_gzip.tar.gz", gzip.compress(plain, mtime=0)[:-20])


def streams():
    data = b"the same words, again and again " * 40
    alone = lzma.compress(data, format=lzma.FORMAT_ALONE)
    write("words.zlib", zlib.compress(data, 9))
    write("words.gz", gzip.compress(data[:640], mtime=0) + gzip.compress(data[640:], mtime=0))
    write("words.bz2", bz2.compress(data[:640]) + bz2.compress(data[640:]))
    write("words.xz", lzma.compress(data[:640]) + lzma.compress(data[640:]))
    write("words.lzma", alone)
    write("words.zf", b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data))


def seeds():
    for target, endings in [("zip", [".zip"]), ("tar", [".tar", ".tar.gz"]),
                            ("compression", [".zlib", ".gz", ".bz2", ".xz", ".lzma", ".zf"])]:
        folder = os.path.join(FUZZ, target)
        os.makedirs(folder, exist_ok=True)
        for name in sorted(os.listdir(HERE)):
            if any(name.endswith(ending) for ending in endings) and \
                    os.path.getsize(os.path.join(HERE, name)) < 10000:
                shutil.copyfile(os.path.join(HERE, name), os.path.join(folder, name))


os.environ["SOURCE_DATE_EPOCH"] = "0"
zips()
tars()
streams()
seeds()
