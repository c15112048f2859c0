"""A base image out of this machine's own Python and numpy: a root that runs, with nothing else in it."""
import os
import pathlib
import re
import subprocess
import tarfile

from layers import layer

HOME = "opt/py"
NOT_NEEDED = {"test", "tests", "idlelib", "tkinter", "ensurepip", "lib2to3", "turtledemo", "site-packages", "dist-packages",
              "__pycache__", "_examples", "f2py", "include", "pydoc_data"}
ASK = """if True:
    import numpy, os, sys, sysconfig
    print(os.path.realpath(sys.executable)); print(sysconfig.get_path("stdlib")); print(os.path.dirname(numpy.__file__))
    print("python%d.%d" % sys.version_info[:2])"""


def files_below(folder, into):
    """(name in the image, path here) of what a Python needs of a folder."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not NOT_NEEDED & set(parts) and not parts[0].startswith("config-") and path.suffix not in (
                ".a", ".pyi", ".pyc", ".exe"):
            yield "/".join((into, *parts)), path


def libraries(paths):
    """What those programs and libraries are linked with, where the loader found it."""
    said = subprocess.run(["ldd", *map(str, paths)], capture_output=True, text=True).stdout
    return sorted({os.path.normpath(name) for name in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", said, re.M)})


def python_base(layout, venv):
    """The reference of the image in `layout`: libraries and Python in one layer, numpy in one above it."""
    program, standard, numpy, version = subprocess.run([f"{venv}/bin/python3", "-c", ASK], check=True, capture_output=True,
                                                       text=True).stdout.split("\n")[:4]
    lib, site = f"{HOME}/lib/{version}", pathlib.Path(numpy).parent
    low = [(f"{HOME}/bin/{version}", pathlib.Path(program)), *files_below(pathlib.Path(standard), lib)]
    above = []
    for folder in sorted(site.glob("numpy*")):
        # Debian's own Python looks in another place than all others
        for place in (f"{lib}/site-packages", f"{HOME}/lib/python3/dist-packages")[:2 if "/usr/lib" in standard else 1]:
            above += files_below(folder, f"{place}/{folder.name}")
    known = {path for _, path in low + above}
    linked = libraries(path for _, path in low + above if ".so" in path.name or path == pathlib.Path(program))
    # where the loader looks by itself, and where workers may read
    low += [(name.lstrip("/") if name.startswith(("/lib", "/usr/lib")) else f"usr/lib/{pathlib.Path(name).name}",
             pathlib.Path(name)) for name in linked if pathlib.Path(name) not in known]

    def made(rows, *more):
        return layer([(name, path.read_bytes()) for name, path in rows] + list(more), mode=0o755)

    link = (f"{HOME}/bin/python3", None, tarfile.SYMTYPE, version)
    return layout.tag(layout.image([made(low, link, ("tmp/", None)), made(above)], config={"config": {"Env": [
        f"PATH=/usr/bin:/{HOME}/bin", "LANG=C.UTF-8"]}}))
