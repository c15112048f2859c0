"""OCI layouts, made blob by blob."""
import json

from common import sha256

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
LINUX = {"os": "linux", "architecture": "amd64"}


class Layout:
    """An OCI layout on disk, made blob by blob."""

    def __init__(self, place):
        self.place = place
        (place / "blobs/sha256").mkdir(parents=True)
        (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data, kind, **more):
        (self.place / "blobs/sha256" / sha256(data)[7:]).write_bytes(data)
        return {"mediaType": kind, "digest": sha256(data), "size": len(data), **more}

    def image(self, parts, kind=OCI, config=None, **fields):
        described = [self.blob(data, media) for data, media in parts]
        config = self.blob(json.dumps({**LINUX, "config": {}, "rootfs": {
            "type": "layers", "diff_ids": [d["digest"] for d in described]}, **(config or {})}).encode(), kind + (
                "config.v1+json" if kind == OCI else "container.image.v1+json"))
        manifest = {"schemaVersion": 2, "mediaType": kind + ("manifest.v1+json" if kind == OCI else
                                                             "distribution.manifest.v2+json"),
                    "config": config, "layers": described, **fields}
        return self.blob(json.dumps(manifest).encode(), manifest["mediaType"])

    def index(self, entries, kind=OCI + "index.v1+json"):
        return self.blob(json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).encode(), kind)

    def tag(self, *described, name="x"):
        (self.place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            {**d, "annotations": {"org.opencontainers.image.ref.name": name}} for d in described]}))
        return f"oci:{self.place}:{name}"
