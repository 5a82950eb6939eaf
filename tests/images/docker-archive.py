#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docker-archive.py NAME FOLDER OUT.tar [CMD...]: packs a root file system as an image of one layer, without any engine. CMD: /bin/sh."""
import hashlib
import io
import json
import sys
import tarfile


def add(tar, name, data):
    """Adds a member with these bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def main(name, folder, out, *cmd):
    """Writes the archive; the layer is built in memory (a minimal Debian has 200 MB)."""
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w") as layer:
        layer.add(folder, arcname=".", filter=lambda i: None if i.isdev() else i)
    layer = buf.getvalue()
    config = json.dumps({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": list(cmd) or ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        # buildah counts: each layer must have one.
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "docker-archive.py"}],
    }).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [f"localhost/{name}:latest"], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(out, "w") as tar:
        add(tar, config_name, config)
        add(tar, "layer.tar", layer)
        add(tar, "manifest.json", manifest)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
