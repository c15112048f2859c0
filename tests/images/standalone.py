#!/usr/bin/env python3
"""Standalone images of applications: pushed, unpacked by umoci, started without a library of the host, pulled back; as
users that are not root, without /tmp, in little memory; images that lie. The last line is
"standalone: N passed, N failed"."""
import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

from common import (EXAMPLES, FIRN, IRIS, STANDALONE, Count, Server, arguments, contained, digest, environment, firn, folder,
                    free_port, missing, registry, sha256, unpack, wait_for)
from layers import layer

count = Count("standalone")
SHOP = """kind: Application
name: shop
sticky: {header: X-User}
metadata: {team: shop}
pipeline:
  - - {model: iris:1, weight: 70}
    - {model: iris:2, weight: 30}
    - {model: iris:1, shadow: true}
"""


def refused(home, what, words, *arguments):
    done = firn(*arguments, home=home, check=False)
    count.check(what, done.returncode not in (0, 1) and words in done.stderr, f"exit {done.returncode}: {done.stderr}")


def ask(url, body=None, **headers):
    """(status, body) of any answer."""
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json",
                                                                             **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def stored(home, store):
    """A store with iris:1, iris:2, shop:1 and corner:1."""
    firn("upload", EXAMPLES / "iris.joblib", "--store", store, home=home)
    (home / "two.yaml").write_text("kind: Model\nname: iris\nmetadata: {run: 2}\n")
    firn("upload", EXAMPLES / "iris.joblib", "--manifest", home / "two.yaml", "--store", store, home=home)
    (home / "shop.yaml").write_text(SHOP + "---\nkind: Application\nname: corner\nsingular: {model: iris:2}\n")
    firn("apply", "-f", home / "shop.yaml", "--store", store, home=home)


def versions(home, store):
    """{"iris:1": digest, ...}"""
    found = {}
    for name in json.loads(firn("list", "--store", store, "--json", home=home).stdout):
        for row in json.loads(firn("list", name["name"], "--store", store, "--json", home=home).stdout):
            found[f"{row['name']}:{row['version']}"] = row["digest"]
    return found


def layers_of(home, place, pushed):
    manifest = json.loads((place / "blobs/sha256" / digest(pushed)[7:]).read_text())
    return [d["digest"] for d in manifest["layers"]]


def grpc(url, method, message):
    """(200, the answer's message) of Open Inference over HTTP/2."""
    done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-H", "content-type: application/grpc", "-H", "te: trailers",
                           "--data-binary", "@-", f"{url}/inference.GRPCInferenceService/{method}"],
                          input=b"\0" + len(message).to_bytes(4, "big") + message, capture_output=True, check=True)
    return (200 if done.stdout else 0), done.stdout


def answers(url):
    """What all wires say of the application, but for what a start decides."""
    got = {}
    for user in ("anna", "bert", "cleo", "dora"):
        got[user] = ask(url + "/v2/models/shop/infer", IRIS, **{"X-User": user})
    got["version"] = ask(url + "/v2/models/shop/versions/1/infer", IRIS, **{"X-User": "anna"})
    got["metadata"] = ask(url + "/v2/models/shop")
    got["ready"] = ask(url + "/v2/models/shop/ready")
    got["hydrosphere"] = ask(url + "/api/v1/applications/serve/shop/predict", {
        n["name"]: n["data"][0] for n in IRIS["inputs"]}, **{"X-User": "anna"})
    got["gateway"] = ask(url + "/gateway/application/shop", {n["name"]: n["data"][:1] for n in IRIS["inputs"]},
                         **{"X-User": "anna"})
    got["gRPC"] = grpc(url, "ModelReady", b"\n\4shop")
    return got


def application(home, host, store):
    """Pushed twice with one digest, unpacked, started: the same answers on every wire."""
    pushed = firn("push", "shop", f"{host}/apps/shop:1", "--standalone", "--store", store, home=home).stdout
    again = firn("push", "shop", f"oci:{home}/layout:shop", "--standalone", "--store", store, home=home).stdout
    count.check("an application's image is the same each time", digest(pushed) == digest(again), pushed + again)
    alone = firn("push", "iris:1", f"oci:{home}/layout:iris", "--standalone", "--store", store, home=home).stdout
    corner = firn("push", "corner", f"oci:{home}/layout:corner", "--standalone", "--store", store, home=home).stdout
    shop, iris, both = (layers_of(home, home / "layout", p) for p in (again, alone, corner))
    count.check("it has the server's layer of every image", shop[0] == iris[0] == both[0])
    count.check("a version's layer is the same in other applications", set(shop[1:]) & set(both[1:]), f"{shop} {both}")
    count.check("it has a layer for each version, one for the application, one for the index", len(shop) == 5, str(shop))
    mounted = firn("push", "corner", f"{host}/apps/corner:1", "--standalone", "--store", store, home=home).stdout
    count.check("what another application has is mounted", "2 of 5 blobs were there" in mounted, mounted)
    bundle, config = unpack(home, home / "layout", "shop")
    shared, port = free_port(), free_port()
    with Server([FIRN, "serve", "--store", store, "--http", f"127.0.0.1:{shared}"], f"http://127.0.0.1:{shared}",
                environment(home)) as url:
        wait_for(url + "/v2/models/shop/ready")
        want = answers(url)
    with Server(contained(bundle, config, port), f"http://127.0.0.1:{port}", environment(home)) as url:
        wait_for(url + "/v2/models/shop/ready")
        got = answers(url)
        for wire, said in want.items():
            count.check(f"the image answers as the server: {wire}", got[wire] == said, f"{got[wire]} is not {said}")
        count.check("those are answers", all(s == 200 for s, _ in want.values()), str(want))
        index = json.loads(ask(url + "/v2/repository/index", {})[1])
        count.check("it serves the application alone", [m["name"] for m in index] == ["shop"], str(index))
        for what, arguments in [("upload", ["upload", EXAMPLES / "iris.joblib"]), ("delete", ["delete", "shop"]),
                                ("alias", ["alias", "shop:1", "x"]), ("apply", ["apply", "-f", home / "shop.yaml"]),
                                ("gc", ["gc"])]:
            done = firn(*arguments, "--server", url, home=home, check=False)
            count.check(f"nothing changes it: {what}", done.returncode not in (0, 1), done.stdout + done.stderr)
        count.check("and it goes on", answers(url)["anna"] == want["anna"])


def back(home, host, store):
    """Pulled into other stores."""
    want, empty, used = versions(home, store), home / "empty", home / "used"
    del want["corner:1"]
    done = firn("pull", f"{host}/apps/shop:1", "--store", empty, home=home).stdout
    count.check("pull gives the application", "shop:1" in done, done)
    count.check("and its versions, with their digests", versions(home, empty) == want, str(versions(home, empty)))
    count.check("the store is whole", "agrees" in firn("verify", "--store", empty, home=home).stdout)
    first = firn("push", "shop", f"oci:{home}/layout:shop", "--standalone", "--store", store, home=home).stdout
    second = firn("push", "shop", f"oci:{home}/layout:again", "--standalone", "--store", empty, home=home).stdout
    count.check("its image is the same from there", digest(first) == digest(second))
    again = firn("pull", f"{host}/apps/shop:1", "--store", empty, home=home).stdout
    count.check("a second pull changes nothing", "unchanged" in again and len(versions(home, empty)) == 3, again)
    named = firn("pull", f"{host}/apps/shop:1", "--name", "kiosk", "--store", empty, home=home).stdout
    count.check("under another name", "kiosk:1" in named and len(versions(home, empty)) == 4, named)
    (home / "other.yaml").write_text("kind: Model\nname: iris\nmetadata: {run: 9}\n")
    firn("upload", EXAMPLES / "iris.joblib", "--manifest", home / "other.yaml", "--store", used, home=home)
    firn("pull", f"{host}/apps/shop:1", "--store", used, home=home)
    shown = firn("apps", "--store", used, home=home).stdout
    count.check("versions get the numbers that are free", "iris:2 70 %, iris:3 30 %, iris:2 shadow" in shown, shown)
    asked = ["predict", "shop", "--input", EXAMPLES / "iris.csv", "--signature", "predict", "--json"]
    count.check("the application answers the same", firn(*asked, "--store", used, home=home).stdout == firn(
        *asked, "--store", store, home=home).stdout)
    taken = home / "taken"
    firn("upload", EXAMPLES / "iris.joblib", "--name", "shop", "--store", taken, home=home)
    before = versions(home, taken)
    refused(home, "a model has its name", 'a model "shop"', "pull", f"{host}/apps/shop:1", "--store", taken)
    (home / "is.yaml").write_text("kind: Application\nname: iris\nsingular: {model: shop:1}\n")
    firn("apply", "-f", home / "is.yaml", "--store", taken, home=home)
    refused(home, "an application has a version's name", 'an application "iris"', "pull", f"{host}/apps/shop:1", "--store",
            taken)
    count.check("then nothing of it is there", set(versions(home, taken)) == set(before) | {"iris:1"})
    subprocess.run(["skopeo", "copy", "-q", f"oci:{home}/layout:shop", f"oci:{home}/packed:shop"], check=True,
                   capture_output=True, env=environment(home))
    packed = home / "from-packed"
    firn("pull", f"oci:{home}/packed:shop", "--store", packed, home=home)
    count.check("layers may have been compressed on the way", versions(home, packed) == want)


MEMORY = 24 << 20  # bytes of the control group: weights and requests of these models need little of it
STRANGER = "1000660000:0"  # as OpenShift starts containers: a user that nobody knows, group 0


def memory_group():
    """A control group with little memory, of whichever version this machine has; None without the right to make it."""
    for parent, limit in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]:
        place = pathlib.Path(parent, f"firn-test-{os.getpid()}")
        try:
            place.mkdir()
            (place / limit).write_text(str(MEMORY))
            return place
        except OSError:
            if place.is_dir():
                place.rmdir()
    return None


def stranger(home):
    """As a user that is not root and nobody knows, without capabilities, on a read-only root without /tmp, /proc or
    /dev, in little memory."""
    if os.geteuid() or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        print("SKIPPED other users: not root, or no mount namespaces")
        return
    group = memory_group()
    if not group:
        print("SKIPPED little memory: no control group can be made")
    for tag, name in (("shop", "shop"), ("iris", "iris")):
        bundle, config = (home / f"bundle-{tag}", json.loads((home / f"bundle-{tag}/config.json").read_text())["process"]) \
            if (home / f"bundle-{tag}").exists() else unpack(home, home / "layout", tag)
        port = free_port()
        root, url = bundle / "rootfs", f"http://127.0.0.1:{port}"
        script = (f"echo $$ > {group}/cgroup.procs; " if group else "") + (
            f"mount --bind {root} {root} && mount -o remount,bind,ro {root} && exec env -i {' '.join(config['env'])} "
            f"{shutil.which('setpriv')} --no-new-privs --bounding-set=-all --inh-caps=-all -- "
            f"{shutil.which('chroot')} --userspec={STRANGER} {root} {' '.join(arguments(config, port))}")
        # chroot itself needs its capability; the bounding set takes all of them away at the server's execve
        script = script.replace("--bounding-set=-all", "--bounding-set=-all,+sys_chroot,+setuid,+setgid")
        with Server(["unshare", "--mount", "sh", "-c", script], url, environment(home)):
            wait_for(f"{url}/v2/models/{name}/ready")
            for _ in range(200):
                status, body = ask(f"{url}/v2/models/{name}/infer", IRIS)
            count.check(f"{tag} answers a stranger's start", status == 200 and b"virginica" in body, body)
            pid = [int(p) for p in (group / "cgroup.procs").read_text().split()] if group else []
            for process in pid:
                said = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{process}/status").read_text(
                    ).splitlines() if ":\t" in line)
                count.check(f"{tag} runs as nobody's user", said["Uid"].split() == ["1000660000"] * 4 and said[
                    "CapEff"].strip("0") == "" and said["NoNewPrivs"] == "1", str(said))
                print(f"standalone image of {tag}: {int(said['VmHWM'].split()[0]) / 1024:.0f} MiB at most")
            large = b'{"inputs":[' + b" " * (80 << 20)
            try:
                got = urllib.request.urlopen(urllib.request.Request(f"{url}/v2/models/{name}/infer", large), timeout=20).status
            except (urllib.error.HTTPError, OSError) as error:
                got = getattr(error, "code", str(error))
            count.check(f"{tag} refuses what it has no memory for", got != 200, str(got))
            count.check(f"{tag} goes on", ask(f"{url}/v2/models/{name}/infer", IRIS)[0] == 200)
    if group:
        end = time.time() + 5
        while group.exists() and time.time() < end:
            try:
                group.rmdir()
            except OSError:
                time.sleep(0.1)


class Image:
    """An image in an OCI layout, to be changed layer by layer."""

    def __init__(self, place, tag):
        self.place = place
        index = json.loads((place / "index.json").read_text())
        entry = [m for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] == tag][0]
        self.manifest = json.loads(self.blob(entry["digest"]))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))
        self.layers = [self.entries(self.blob(d["digest"])) for d in self.manifest["layers"]]

    def blob(self, digest):
        return (self.place / "blobs/sha256" / digest[7:]).read_bytes()

    @staticmethod
    def entries(data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(m.name, tar.extractfile(m).read() if m.isfile() else None) for m in tar]

    def write(self, place):
        blobs = place / "blobs/sha256"
        blobs.mkdir(parents=True)

        def put(data):
            (blobs / sha256(data)[7:]).write_bytes(data)
            return {"digest": sha256(data), "size": len(data)}

        made = [put(layer(entries)[0]) for entries in self.layers]
        self.config["rootfs"]["diff_ids"] = [m["digest"] for m in made]
        config = put(json.dumps(self.config).encode())
        kind = self.manifest["layers"][0]["mediaType"]
        manifest = put(json.dumps({**self.manifest, "config": {**self.manifest["config"], **config}, "layers": [
            {"mediaType": kind, **m} for m in made]}).encode())
        (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": self.manifest["mediaType"], **manifest,
             "annotations": {"org.opencontainers.image.ref.name": "x"}}]}))
        return f"oci:{place}:x"


STORE = "model/store/"


def lies(home):
    """Images of applications that are not what they say."""
    store = home / "lied-to"
    firn("list", "--store", store, home=home, check=False)

    def replace(image, end, change):
        """Change the files whose names end so; None removes them."""
        found = 0
        for entries in image.layers[1:]:
            for i, (name, data) in list(enumerate(entries))[::-1]:
                if data is not None and name.endswith(end):
                    changed = change(data)
                    entries[i:i + 1] = [] if changed is None else [(name, changed)]
                    found += 1
        assert found, end

    def index_with(change):
        def changed(data):
            index = json.loads(data)
            change(index["manifests"])
            return json.dumps(index).encode()
        return lambda image: replace(image, "index.json", changed)

    def annotate(**changes):
        return index_with(lambda rows: rows[0]["annotations"].update({k.replace("_", "."): v
                                                                      for k, v in changes.items()}))

    rows = json.loads(dict(Image(home / "layout", "shop").layers[-1])[STORE + "index.json"])["manifests"]
    first, last = rows[0], rows[-1]
    cases = [
        ("no index", "no index.json", lambda i: replace(i, "index.json", lambda _: None)),
        ("an index that is no JSON", "index.json", lambda i: replace(i, "index.json", lambda _: b"{")),
        ("an empty index", "has no versions", index_with(lambda r: r.clear())),
        ("101 versions", "more than 100", index_with(lambda r: r.extend([dict(r[0])] * 98))),
        ("one version twice", "twice", index_with(lambda r: r.insert(0, r[0]))),
        ("a version without a digest", "digest", index_with(lambda r: r[0].pop("digest"))),
        ("a digest that leaves the store", "no sha256 digest", index_with(lambda r: r[0].update(
            digest="sha256:../../../../etc/passwd"))),
        ("a version called ../x", "no model name", annotate(io_firn_model="../x")),
        ("version 0", "io.firn.version", annotate(io_firn_version="0")),
        ("version 1e9", "io.firn.version", annotate(io_firn_version="1e9")),
        ("another name for a version", "uses iris:1, which its image has not", annotate(io_firn_model="other")),
        ("a version that is missing", "uses iris:1, which its image has not", index_with(lambda r: r.pop(0))),
        ("the application missing", "no application", index_with(lambda r: r.pop())),
        ("the application first", "not the last", index_with(lambda r: r.reverse())),
        ("a blob that is missing", first["digest"], lambda i: replace(i, first["digest"][7:], lambda _: None)),
        ("a blob of other bytes", "other bytes", lambda i: replace(
            i, first["annotations"]["io.firn.layer"][7:], lambda d: d[:-1] + b"x")),
        ("a shorter blob", first["annotations"]["io.firn.layer"], lambda i: replace(
            i, first["annotations"]["io.firn.layer"][7:], lambda d: d[:-512])),
        ("a manifest of other bytes", "other bytes", lambda i: replace(
            i, last["digest"][7:], lambda d: d.replace(b"firn", b"fern") if b"firn" in d else d[:-1] + b" ")),
        ("a configuration that is missing", "has no blob", lambda i: replace(
            i, last["annotations"]["io.firn.config"][7:], lambda _: None)),
    ]
    for number, (what, words, change) in enumerate(cases):
        image = Image(home / "layout", "shop")
        change(image)
        refused(home, f"an image with {what}", words, "pull", image.write(home / f"lie-{number}"), "--store", store)
    empty = json.loads(firn("list", "--store", store, "--json", home=home).stdout)
    count.check("nothing of them is stored", not empty, str(empty))
    count.check("nor left behind", not any((store / "tmp").iterdir()))
    broken = home / "broken"
    shutil.copytree(home / "bundle-shop" / "rootfs" / "model", broken)
    (broken / "store/blobs/sha256" / first["annotations"]["io.firn.layer"][7:]).unlink()
    done = firn("serve", "--image-root", broken, "--http", "127.0.0.1:0", home=home, check=False, timeout=20)
    count.check("the server names the blob that is not there", done.returncode not in (0, 1) and first["annotations"][
        "io.firn.layer"] in done.stderr, done.stderr)


def main():
    absent = missing("docker-registry", "skopeo", "umoci", "bwrap") + ([] if STANDALONE.exists() else [STANDALONE.name])
    if absent:
        print("SKIPPED standalone images: no " + ", ".join(absent))
        print("standalone: 0 passed, 0 failed")
        return
    with folder() as name, registry(pathlib.Path(name, "registry")) as host:
        home = pathlib.Path(name)
        store = home / "store"
        stored(home, store)
        for step in (lambda: application(home, host, store), lambda: back(home, host, store), lambda: stranger(home), lambda: lies(
                home)):
            try:
                step()
            except (AssertionError, subprocess.SubprocessError, OSError) as error:
                count.check("a step", False, repr(error)[:3000])
    count.done()


main()
