# SPDX-License-Identifier: Apache-2.0
"""A worker for tests of the server's side: the name of the signature says how it behaves.

Frames as in src/workers/frame.h, with nothing but Python's own library."""
import json
import mmap
import os
import shutil
import socket
import struct
import subprocess
import sys
import time

HEAD = struct.Struct("<IHHQIIIIQQ")
TENSOR = struct.Struct("<IIQQ8qQ")
HELLO, READY, ERROR, INFER, RESULT, GROW, ARENA, LOG, PING, PONG, SHUTDOWN = range(1, 12)
F32, F64, STRING, BOOL = 2, 3, 16, 15
INVALID_INPUT, INTERNAL = 1, 9
sock = socket.socket(fileno=3)
sock.setblocking(True)
arena = mmap.mmap(4, 0)
names = []
files = ""


def send(kind, request=0, status=0, tensors=(), text=b"", offset=0, space=0):
    frame = HEAD.pack(0x4E524946, 1, kind, request, 0, status, len(tensors), len(text), offset, space)
    sock.send(frame + b"".join(tensors) + text)


def tensor(dtype, dims, offset, size):
    return TENSOR.pack(dtype, len(dims), offset, size, *(list(dims) + [0] * (8 - len(dims))), 0)


def put(offset, payload, dtype=F32, dims=None):
    arena[offset : offset + len(payload)] = payload
    return tensor(dtype, dims if dims is not None else [len(payload) // 4], offset, len(payload))


def attempt(what):
    """1 when it could be done, 0 when it was refused."""
    try:
        what()
        return 1.0
    except (OSError, MemoryError, subprocess.SubprocessError):
        return 0.0


def read_other():
    """What every user may read, outside what was given to it."""
    if attempt(lambda: open("/etc/group").read()) or attempt(lambda: os.listdir("/var/lib")):
        return
    raise OSError("nothing to see")


def write_model():
    with open(os.path.join(files, "written"), "w") as f:
        f.write("x")


def write_temporary():
    with open(os.path.join(os.environ["TMPDIR"], "written"), "w") as f:
        f.write("x")


def read_model():
    with open(os.path.join(files, "weights.txt")) as f:
        assert f.read() == "weights"


def see_processes():
    if any(name.isdigit() and int(name) not in (1, os.getpid()) for name in os.listdir("/proc")):
        return
    raise OSError("nobody else")


def fork_children():
    for _ in range(5):
        if os.fork() == 0:
            os.setsid() if "keep" in names else None
            time.sleep(1000)


def talk():
    """To itself, by TCP."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5) as one:
        other, _ = server.accept()
        one.sendall(b"x")
        assert other.recv(1) == b"x"


def page_tables():
    """Memory that no account of a process has: 4 KiB for each 2 MiB of addresses that are only read."""
    m = mmap.mmap(-1, 1 << 41, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, mmap.PROT_READ)
    for at in range(0, 1 << 41, 2 << 20):
        m[at]


def burn(processes):
    """0.3 s of processor time, in each of so many processes; how many seconds they took."""
    begin = time.monotonic()
    children = []
    for _ in range(processes - 1):
        children.append(os.fork())
        if not children[-1]:
            spin()
            os._exit(0)
    spin()
    for pid in children:
        os.waitpid(pid, 0)
    return time.monotonic() - begin


def spin():
    begin = time.process_time()
    while time.process_time() - begin < 0.3:
        pass


def run_unpacked():
    """A program of its own making, as a Java machine maps libraries."""
    path = os.path.join(os.environ["TMPDIR"], "true")
    shutil.copy("/bin/true", path)
    subprocess.check_call([path])


ATTEMPTS = {
    "talk": talk,
    "talk_outside": lambda: socket.create_connection(("192.0.2.1", 9), 5),
    "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "socket_ipv6": lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),
    "socket_icmp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    "socket_netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "socket_mptcp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262),
    "run_unpacked": run_unpacked,
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix_socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "read_other": read_other,
    "read_model": read_model,
    "write_model": write_model,
    "write_temporary": write_temporary,
    "see_processes": see_processes,
    "kill_parent": lambda: os.kill(os.getppid() or -1, 0),
    "much_memory": lambda: bytearray(3 << 30),
    "run_program": lambda: subprocess.check_output(["/usr/bin/env"]),
    "threads": lambda: __import__("threading").Thread(target=time.sleep, args=(0,)).start(),
    "fork": fork_children,
}


def infer(name, request, tensors, offset, space):
    values = b""
    if tensors and tensors[0][0] == F32:
        start, size = tensors[0][2], tensors[0][3]
        values = arena[start : start + size]
    if name in ATTEMPTS:
        answer = struct.pack("<f", attempt(ATTEMPTS[name]))
        send(RESULT, request, tensors=[put(offset, answer)])
    elif name == "double":
        if len(values) > space:
            send(GROW, request, space=len(values))
            return
        numbers = struct.unpack("<%df" % (len(values) // 4), values)
        answer = struct.pack("<%df" % len(numbers), *[2 * x for x in numbers])
        send(RESULT, request, tensors=[put(offset, answer)])
    elif name == "echo":
        if len(values) > space:
            send(GROW, request, space=len(values))
            return
        send(RESULT, request, tensors=[put(offset, values)])
    elif name == "text":
        count = tensors[0][4]
        start = tensors[0][2]
        ends = struct.unpack("<%dQ" % count, arena[start : start + 8 * count])
        text, before, words = start + 8 * count, 0, []
        for end in ends:
            missing, end = end >> 63, end & (1 << 63) - 1
            words.append(None if missing else bytes(arena[text + before : text + end]).upper())
            before = end
        table, body = b"", b""
        for word in words:
            body += word or b""
            table += struct.pack("<Q", len(body) | (1 << 63 if word is None else 0))
        payload = table + body
        send(RESULT, request, tensors=[put(offset, payload, STRING, [count])])
    elif name == "exit":
        print("going away")
        sys.stdout.flush()
        os._exit(3)
    elif name == "die":
        os.kill(os.getpid(), 11) if os.getpid() != 1 else __import__("ctypes").string_at(0)
    elif name == "close":
        sock.close()
        time.sleep(1000)
    elif name == "hang":
        time.sleep(1000)
    elif name == "slow":
        time.sleep(0.3)
        send(RESULT, request, tensors=[put(offset, values)])
    elif name == "print":
        for _ in range(4096):
            print("x" * 1023)
        print("\x1b[31mcontrol\x00bytes\xff")
        sys.stdout.flush()
        send(LOG, request, text=b"said by frame")
        send(RESULT, request, tensors=[put(offset, values)])
    elif name == "garbage":
        sock.send(b"garbage")
    elif name == "empty":
        sock.send(b"")
    elif name == "oversize":
        sock.send(b"x" * 100000)
    elif name == "stale":
        send(RESULT, request - 1, tensors=[put(offset, values)])
    elif name == "unasked":
        send(PONG, request)
    elif name == "outside":
        send(RESULT, request, tensors=[tensor(F32, [4], len(arena) - 8, 16)])
    elif name == "before":
        send(RESULT, request, tensors=[tensor(F32, [4], 0, 16)])
    elif name == "overflow":
        send(RESULT, request, tensors=[tensor(F32, [1 << 40, 1 << 40], offset, 0)])
    elif name == "negative":
        send(RESULT, request, tensors=[tensor(F32, [-4], offset, 16)])
    elif name == "strings":
        table = struct.pack("<2Q", 1 << 40, 4)
        send(RESULT, request, tensors=[put(offset, table + b"abcd", STRING, [2])])
    elif name == "bools":
        send(RESULT, request, tensors=[put(offset, b"\x00\x01\x02\x01", BOOL, [4])])
    elif name == "dtype":
        send(RESULT, request, tensors=[tensor(F64, [2], offset, 16)])
    elif name == "shape":
        send(RESULT, request, tensors=[tensor(F32, [2, 2], offset, 16)])
    elif name == "length":
        send(RESULT, request, tensors=[tensor(F32, [3], offset, 12)])
    elif name == "fewer":
        send(RESULT, request)
    elif name == "grow_for_ever":
        send(GROW, request, space=space + 1)
    elif name == "grow_too_much":
        send(GROW, request, space=1 << 50)
    elif name == "take_memory":
        blocks = []
        while True:
            m = mmap.mmap(-1, 16 << 20)
            for at in range(0, 16 << 20, 4096):
                m[at] = 1
            blocks.append(m)
    elif name == "take_memory_in_children":
        for _ in range(8):
            if os.fork() == 0:
                block = mmap.mmap(-1, 64 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                for at in range(0, 64 << 20, 4096):
                    block[at] = 1
                time.sleep(1000)
        time.sleep(1000)
    elif name == "burn":
        answer = struct.pack("<f", burn(len(values) // 4))
        send(RESULT, request, tensors=[put(offset, answer)])
    elif name == "page_tables":
        page_tables()
    elif name == "page_tables_of_a_child":
        pid = os.fork()
        if pid == 0:
            page_tables()
        os.waitpid(pid, 0)
        time.sleep(1000)
    elif name == "refuse":
        send(ERROR, request, status=INVALID_INPUT, text=b"x must be positive")
    else:
        send(ERROR, request, status=999, text=b"ValueError: " + name.encode() * 3000)


def main():
    global arena, files
    while True:
        packet, control, _, _ = sock.recvmsg(1 << 16, socket.CMSG_SPACE(4))
        if not packet:
            return
        fields = HEAD.unpack_from(packet)
        kind, request, signature, count, text = fields[2], fields[3], fields[4], fields[6], fields[7]
        offset, space = fields[8], fields[9]
        if kind == HELLO:
            body = packet[48 : 48 + text] if text else arena[offset : offset + space]
            hello = json.loads(bytes(body).decode())
            files = hello["files"]
            names.extend(s["name"] for s in hello["contract"])
            adapter = hello["adapter"]
            if adapter == "unloadable":
                send(ERROR, request, status=5, text=b"ImportError: no module named 'x'")
            elif adapter == "exits":
                print("cannot go on")
                sys.exit(7)
            elif adapter == "never":
                time.sleep(1000)
            elif adapter == "babbles":
                sock.send(b"babble")
            else:
                send(READY, request, text=b'{"signatures":[]}')
        elif kind == ARENA:
            fd = struct.unpack("i", control[0][2])[0]
            arena = mmap.mmap(fd, 0)
            os.close(fd)
        elif kind == INFER:
            tensors = [TENSOR.unpack_from(packet, 48 + 96 * i) for i in range(count)]
            infer(names[signature], request, tensors, offset, space)
        elif kind == PING:
            send(PONG, request)
        elif kind == SHUTDOWN:
            return


main()
