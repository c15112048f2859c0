#!/usr/bin/env python3
"""Images that other tools make, in every form that they have: a model comes out of each as the version that an upload of
its file is; what cannot be read is refused by name, and leaves nothing. The last line is "others: N passed, N failed"."""
import gzip
import io
import json
import pathlib
import shutil
import subprocess
import tarfile

from common import EXAMPLES, Count, digest, environment, firn, folder, missing, sha256
from layers import layer
from layout import DOCKER, LINUX, OCI, Layout

count = Count("others")
MODEL = (EXAMPLES / "iris.joblib").read_bytes()
PLACE = "model/files/model.joblib"
SYMLINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def of_layers(*layers, **fields):
    """A case: an image of these layers, the lowest first."""
    return lambda place: (lambda made: made.tag(made.image(list(layers), **fields)))(Layout(place))


def one(*entries, packed=None):
    return of_layers(layer(list(entries), packed))


def platforms(*described, nested=False, kind=OCI + "index.v1+json"):
    """An index of images of `described` platforms; those of amd64 have the model, others none."""
    def make(place):
        made, entries = Layout(place), []
        for platform in described:
            good = not platform or platform == LINUX
            entries.append(made.image([layer([(PLACE if good else "other", MODEL)])]) | (
                {"platform": platform} if platform else {}))
        index = made.index(entries, kind)
        return made.tag(made.index([index]) if nested else index)
    return make


def tar_of(place, files, mode="w", name="x.tar"):
    """A tar of (name, bytes, or a link's (type, target))."""
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place / name, mode) as tar:
        for path, data in files:
            info = tarfile.TarInfo(path)
            if isinstance(data, tuple):
                info.type, info.linkname = data
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if not isinstance(data, tuple) else None)
    return place / name


def docker_saved(layers=None, tags=("shop/iris:7",), mode="w", change=None, files=None, images=1, reference=":7"):
    """What `docker save` wrote up to docker 24."""
    def make(place):
        made = [layer(entries)[0] for entries in layers or [[("etc/passwd", b"root")], [(PLACE, MODEL)]]]
        config = json.dumps({**LINUX, "rootfs": {"type": "layers", "diff_ids": [sha256(d) for d in made]}}).encode()
        paths = [f"{i:064x}/layer.tar" for i in range(len(made))]
        entry = {"Config": sha256(config)[7:] + ".json", "RepoTags": list(tags), "Layers": paths}
        manifest = [json.loads(json.dumps(entry)) for _ in range(images)]
        if change:
            manifest = change(manifest) or manifest
        whole = [(entry["Config"], config), *zip(paths, made), ("repositories", b"{}"),
                 ("manifest.json", json.dumps(manifest).encode())]
        return f"docker-archive:{tar_of(place, files(whole) if files else whole, mode)}{reference}"
    return make


def archived(make, mode="w", prefix="oci-archive", manifest=False):
    """The layout of another case as a tar; docker's since 25 has a manifest.json too, which says nothing new."""
    def archive(place):
        make(place / "layout")
        files = [(str(p.relative_to(place / "layout")), p.read_bytes()) for p in sorted((place / "layout").rglob("*"))
                 if p.is_file()]
        return f"{prefix}:{tar_of(place, files + ([('manifest.json', b'[]')] if manifest else []), mode)}:x"
    return archive


def copied(kind):
    """What skopeo makes of an OCI layout."""
    def make(place):
        place.mkdir(parents=True)
        source = one((PLACE, MODEL), packed="gzip")(place / "from")
        target = f"{kind}:{place}/x.tar:" + ("shop/iris:x" if kind == "docker-archive" else "x")
        subprocess.run(["skopeo", "copy", "-q", source, target], check=True, capture_output=True, env=environment(place))
        return f"{kind}:{place}/x.tar:x"
    return make


def put(key, value):
    def change(manifest):
        manifest[0][key] = value
    return change


def drop(key):
    return lambda manifest: [m.pop(key) for m in manifest] and None


gzipped, zstd = layer([(PLACE, MODEL)], "gzip"), layer([(PLACE, MODEL)], "zstd") if shutil.which("zstd") else None
LOW = [("model/files/old.joblib", b"old"), ("model/files/a/b/c", b"c"), ("model/files/d", b"d")]
GOOD = [
    ("a plain layer", one((PLACE, MODEL))),
    ("a gzip layer", of_layers(gzipped)),
    ("a gzip layer in two members", of_layers((gzip.compress(layer([(PLACE, MODEL)])[0][:700]) + gzip.compress(
        layer([(PLACE, MODEL)])[0][700:]), OCI + "layer.v1.tar+gzip"))),
    ("a layer that is gzip, called plain", of_layers((gzipped[0], OCI + "layer.v1.tar"))),
    ("names with ./", one(("./model/files/", None), ("./" + PLACE, MODEL))),
    ("names with /", one(("/" + PLACE, MODEL))),
    ("docker's schema 2", of_layers((gzipped[0], DOCKER + "image.rootfs.diff.tar.gzip"), kind=DOCKER)),
    ("an index with Windows and ARM", platforms({"os": "windows", "architecture": "amd64"}, {
        "os": "linux", "architecture": "arm64"}, LINUX)),
    ("an index with buildkit's attestation", platforms(LINUX, {"os": "unknown", "architecture": "unknown"})),
    ("an index without platforms", platforms(None)),
    ("docker's list of manifests", platforms({"os": "linux", "architecture": "arm64"}, LINUX,
                                             kind=DOCKER + "distribution.manifest.list.v2+json")),
    ("whiteouts", of_layers(layer(LOW), layer([("model/files/.wh.old.joblib", b""), ("model/files/.wh.a", b""), (
        "model/files/.wh.d", b""), (PLACE, MODEL)]))),
    ("an opaque folder", of_layers(layer(LOW), layer([("model/files/.wh..wh..opq", b""), (PLACE, MODEL)]))),
    ("an opaque folder, marked last", of_layers(layer(LOW), layer([(PLACE, MODEL), ("model/files/.wh..wh..opq", b"")]))),
    ("an opaque folder far above", of_layers(layer(LOW), layer([(".wh..wh..opq", b""), (PLACE, MODEL)]))),
    ("what was whited out and came again", of_layers(layer([(PLACE, b"old")]), layer([(
        "model/files/.wh.model.joblib", b"")]), layer([(PLACE, MODEL)]))),
    ("a folder where a file was", of_layers(layer([("model/files", b"file")]), layer([(PLACE, MODEL)]))),
    ("a file over a file", of_layers(layer([(PLACE, b"old")]), layer([(PLACE, MODEL)]))),
    ("the same layer twice", of_layers(gzipped, gzipped)),
    ("an empty layer above", of_layers(gzipped, layer([]))),
    ("links and devices elsewhere", one(("bin/sh", None, SYMLINK, "../../../../bin/busybox"), (
        "etc/mtab", None, SYMLINK, "/proc/mounts"), ("bin/ls", b"x"), ("bin/dir", None, HARD, "bin/ls"), (
            "dev/null", None, tarfile.CHRTYPE, ""), (PLACE, MODEL))),
    ("docker save", docker_saved()),
    ("docker save without a tag", docker_saved(tags=(), reference="")),
    ("docker save of a layer that it has twice", docker_saved(layers=[[(PLACE, MODEL)]] * 2, files=lambda f: [
        (n, (SYMLINK, f"../{0:064x}/layer.tar") if n.endswith("1/layer.tar") else d) for n, d in f])),
    ("docker save with more than it names", docker_saved(files=lambda f: f + [("../../x", b"x"), ("y", (SYMLINK, "/etc"))])),
    ("docker save | gzip", docker_saved(mode="w:gz")),
    ("docker save of two images", docker_saved(images=2, change=lambda m: m[1].update(
        RepoTags=["shop/iris:8"], Layers=m[1]["Layers"][:1]))),
    ("docker save since 25", archived(one((PLACE, MODEL)), prefix="docker-archive", manifest=True)),
    ("an OCI archive", archived(one((PLACE, MODEL), packed="gzip"))),
    ("an OCI archive with gzip", archived(one((PLACE, MODEL)), mode="w:gz")),
    ("an OCI archive of an index", archived(platforms({"os": "windows", "architecture": "amd64"}, LINUX))),
] + ([("a zstd layer", of_layers(zstd)), ("an OCI archive of a zstd layer", archived(of_layers(zstd)))] if zstd else []) + (
    [("skopeo's docker-archive", copied("docker-archive")), ("skopeo's oci-archive", copied("oci-archive"))]
    if not missing("skopeo") else [])

BAD = [
    ("a symbolic link", "is a symbolic link", one((PLACE, None, SYMLINK, "real"), ("model/files/real", MODEL))),
    ("a symbolic link that leaves", "is a symbolic link", one((PLACE, None, SYMLINK, "../../../etc/passwd"))),
    ("a symbolic link above", "give the path that it leads to", one(("model", None, SYMLINK, "srv"), (
        "srv/files/model.joblib", MODEL))),
    ("a hard link", "is a hard link", one(("model/files/a", MODEL), (PLACE, None, HARD, "model/files/a"))),
    ("a hard link to what is elsewhere", "is a hard link", one((PLACE, None, HARD, "etc/shadow"))),
    ("a device", "is a device", one((PLACE, None, tarfile.BLKTYPE, ""))),
    ("a socket's kin", "is a device", one((PLACE, None, tarfile.FIFOTYPE, ""))),
    ("a sparse file", "sparse file", one((PLACE, None, b"S", ""))),
    ("names that leave", "leaves the root", one(("model/files/../../../x", MODEL))),
    ("everything whited out", "no file at /model/files", of_layers(gzipped, layer([("model/.wh.files", b"")]))),
    ("an opaque root", "no file at /model/files", of_layers(gzipped, layer([(".wh..wh..opq", b"")]))),
    ("a file where the folder was", "known format", of_layers(gzipped, layer([("model/files", b"not a model")]))),
    ("a bomb in a bomb", "broken tar", of_layers((gzip.compress(gzip.compress(b"\0" * (64 << 20), 9), 9), OCI +
                                                "layer.v1.tar+gzip"))),
    ("no layers", "no file at /model/files", of_layers()),
    ("an index for Windows alone", "no image for Linux", platforms({"os": "windows", "architecture": "amd64"})),
    ("an index without entries", "no image for Linux", platforms()),
    ("an index in an index in an index", "index within an index", lambda place: (lambda made: made.tag(made.index([
        made.index([made.index([made.image([gzipped])])])])))(Layout(place))),
    ("an index of 300", "more than 256", platforms(*[{"os": "linux", "architecture": "arm64", "variant": str(
        i)} for i in range(300)])),
    ("docker's schema 1", "schema version 2", lambda place: (lambda made: made.tag(made.blob(
        b'{"schemaVersion":1,"fsLayers":[]}', "application/vnd.docker.distribution.manifest.v1+json")))(Layout(place))),
    ("an artifact without layers", "no list of layers", of_layers(layers=None)),
    ("a layer that is cut off", "gzip", of_layers((gzipped[0][:-30], OCI + "layer.v1.tar+gzip"))),
    ("a layer that is no tar", "broken tar", of_layers((b"x" * 4096, OCI + "layer.v1.tar"))),
    ("an encrypted layer", "broken tar", of_layers((bytes(range(256)) * 16, OCI + "layer.v1.tar+gzip+encrypted"))),
    ("a layer kept elsewhere", "cannot open", lambda place: (lambda made: (made.blob(b"", ""), made.tag(made.image([], layers=[
        {"mediaType": OCI + "layer.nondistributable.v1.tar+gzip", "digest": "sha256:" + "1" * 64, "size": 5,
         "urls": ["file:///etc/passwd"]}])))[1])(Layout(place))),
    ("a folder that is no layout", "index.json", lambda place: (place.mkdir(parents=True), f"oci:{place}:x")[1]),
    ("a tag that is not there", 'no tag "y"', lambda place: one((PLACE, MODEL))(place)[:-1] + "y"),
    ("two images and no tag", "name a tag", lambda place: (lambda made: made.tag(made.image([gzipped]), made.image(
        [layer([])])))(Layout(place)).rsplit(":", 1)[0]),
    ("docker save without its layer", "has no \"0", docker_saved(files=lambda f: [x for x in f if not x[0].endswith(
        "1/layer.tar")])),
    ("docker save with a layer outside", 'has no "../../etc/passwd"', docker_saved(change=put("Layers", ["../../etc/passwd"]))),
    ("docker save with an absolute layer", 'has no "/etc/passwd"', docker_saved(change=put("Layers", ["/etc/passwd"]))),
    ("docker save with a layer that is a number", "no name", docker_saved(change=put("Layers", [7]))),
    ("docker save without layers", "no list of layers", docker_saved(change=drop("Layers"))),
    ("docker save with 200 layers", "more than 128", docker_saved(change=lambda m: m[0].update(Layers=m[0]["Layers"] * 100))),
    ("docker save without a configuration", "no name", docker_saved(change=drop("Config"))),
    ("docker save with a model for a configuration", "configuration", docker_saved(change=lambda m: m[0].update(
        Config=m[0]["Layers"][0]))),
    ("docker save without a manifest", "it is no image", docker_saved(files=lambda f: f[:-1])),
    ("docker save with a manifest of another kind", "lists no images", docker_saved(change=lambda m: {"a": 1})),
    ("docker save with another tag", 'no tag "8"', docker_saved(reference=":8")),
    ("docker save with a part of a tag", 'no tag "7"', docker_saved(tags=("shop/iris:17",))),
    ("docker save of two images without a tag", "it has 2 images", docker_saved(images=2, reference="")),
    ("docker save of two images with one tag", "with that tag", docker_saved(images=2)),
    ("docker save with a layer that is a link outside", 'has no "0', docker_saved(files=lambda f: [
        (n, (SYMLINK, "../../../../etc/passwd") if n.endswith("1/layer.tar") else d) for n, d in f])),
    ("docker save with a layer that is a link to itself", 'has no "0', docker_saved(files=lambda f: [
        (n, (SYMLINK, "layer.tar") if n.endswith("1/layer.tar") else d) for n, d in f])),
    ("docker save with a layer that is a hard link", 'has no "0', docker_saved(files=lambda f: [
        (n, (HARD, "/etc/passwd") if n.endswith("1/layer.tar") else d) for n, d in f])),
    ("docker save that is cut off", "tar", lambda place: cut(docker_saved()(place))),
    ("an archive that is a folder", "not a regular file", lambda place: (place.mkdir(parents=True), f"oci-archive:{place}")[1]),
    ("an archive that is a model", "broken tar", lambda place: f"docker-archive:{EXAMPLES / 'iris.joblib'}"),
    ("an archive that is not there", "not found", lambda place: f"docker-archive:{place}.tar"),
    ("an OCI archive with a blob of other bytes", "other bytes", archived(lambda place: lie(one((PLACE, MODEL)), place))),
    ("an OCI archive without a blob", "has no blob", archived(lambda place: lose(one((PLACE, MODEL)), place))),
]


def cut(reference):
    path = pathlib.Path(reference.split(":")[1])
    path.write_bytes(path.read_bytes()[:3000])
    return reference


def largest(place):
    return max((place / "blobs/sha256").iterdir(), key=lambda p: p.stat().st_size)


def lie(make, place):
    reference, blob = make(place), largest(place)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    return reference


def lose(make, place):
    reference = make(place)
    largest(place).unlink()
    return reference


def main():
    with folder() as name:
        home = pathlib.Path(name)
        store, want = home / "store", home / "want"
        firn("upload", EXAMPLES / "iris.joblib", "--store", want, home=home)
        want = digest(firn("show", "iris", "--store", want, home=home).stdout)
        for i, (what, make) in enumerate(GOOD):
            done = firn("upload", "--image", make(home / f"good-{i}"), "--name", "iris", "--store", store, home=home,
                        check=False)
            count.check(f"{what}: the version of an upload", done.returncode == 0 and digest(done.stdout) == want,
                        done.stdout + done.stderr)
        for i, (what, words, make) in enumerate(BAD):
            done = firn("pull", make(home / f"bad-{i}"), "--name", "bad", "--store", store, home=home, check=False)
            count.check(f"{what} is refused", done.returncode not in (0, 1) and words in done.stderr,
                        f"exit {done.returncode}: {done.stdout}{done.stderr}")
        elsewhere = of_layers(layer([("srv/m/old.joblib", b"old"), ("srv/m/a/x", b"x"), ("srv/gone/m", b"gone")]), layer([
            ("srv/m/.wh.old.joblib", b""), ("srv/m/a/.wh..wh..opq", b""), ("srv/.wh.gone", b"")], "gzip"), layer([(
                "./srv/m/churn.joblib", MODEL)]))(home / "elsewhere")
        for path in ("/srv/m/", "srv/m/churn.joblib"):
            done = firn("upload", "--image", elsewhere, "--path", path, "--name", "iris", "--store", home / path.strip(
                "/").replace("/", "-"), "--json", home=home)
            count.check(f"--path {path}", json.loads(done.stdout)["bytes"] == len(MODEL), done.stdout)
        for words, path in [("no file at /srv/gone", "srv/gone"), ("no file at /etc", "/etc"), ("say with --path", None)]:
            done = firn("upload", "--image", elsewhere, *(["--path", path] if path else []), "--store", store, home=home,
                        check=False)
            count.check(f"--path {path} is refused", done.returncode == 3 and words in done.stderr, done.stderr)
        listed = json.loads(firn("list", "--store", store, "--json", home=home).stdout)
        count.check("there is one version of all that", [m["name"] for m in listed] == ["iris"], str(listed))
        count.check("nothing is left behind", not any((store / "tmp").iterdir()))
        done = firn("push", "iris", f"docker-archive:{home}/new.tar", "--store", store, home=home, check=False)
        count.check("an archive is only read", done.returncode == 6 and "only read" in done.stderr, done.stderr)
    count.done()


main()
