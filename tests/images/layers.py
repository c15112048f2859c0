"""Layers of images, good and bad."""
import gzip
import io
import subprocess
import tarfile


def layer(entries, packed=None, mode=0o644):
    """A layer with these (name, bytes or None for a folder, link)."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data, *link in entries:
            info = tarfile.TarInfo(name)
            info.mode = mode
            if link:
                info.type, info.linkname = link
            elif data is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if data is not None and not link else None)
    data = raw.getvalue()
    if packed == "gzip":
        return gzip.compress(data), "application/vnd.oci.image.layer.v1.tar+gzip"
    if packed == "zstd":
        return subprocess.run(["zstd", "-qc"], input=data, capture_output=True,
                              check=True).stdout, "application/vnd.oci.image.layer.v1.tar+zstd"
    return data, "application/vnd.oci.image.layer.v1.tar"
