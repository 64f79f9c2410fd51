import hashlib
import io
import json
import tarfile

import pytest

from platformimages.archive import files_in, read_archive, write_archive
from platformimages.errors import ImageError


def blob(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}", content


def layer(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def write(path, *layers, spoil=False):
    blobs = dict(blob(content) for content in layers)
    config, text = blob(json.dumps({"config": {"User": "1"}}).encode())
    blobs[config] = text
    described = [{"digest": blob(content)[0], "size": len(content)} for content in layers]
    manifest, text = blob(json.dumps({"config": {"digest": config}, "layers": described}).encode())
    blobs[manifest] = text + b" " if spoil else text
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": len(text)}
    with tarfile.open(path, "w") as archive:
        for name, content in {
            "index.json": json.dumps({"manifests": [entry]}).encode(),
            **{f"blobs/{digest.replace(':', '/')}": content for digest, content in blobs.items()},
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_images_that_share_a_layer_hold_it_once(tmp_path):
    shared = layer({"usr/lib/shared": b"x" * 5000})
    one = read_archive(write(tmp_path / "one.tar", shared, layer({"app/one": b"1"})))
    two = read_archive(write(tmp_path / "two.tar", shared, layer({"app/two": b"2"})))
    both = tmp_path / "both.tar"
    write_archive({"r/one:1.0-abc": one, "r/two:1.0-def": two}, both)
    with tarfile.open(both) as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile("index.json"))
    assert len(names) == len(set(names)) == 2 + 3 + 2 + 1, (
        "two files, three layers, two manifests, one config"
    )
    given = [entry["annotations"]["io.containerd.image.name"] for entry in index["manifests"]]
    assert given == [
        name
        for image, short, tag in ((one, "one", "1.0-abc"), (two, "two", "1.0-def"))
        for name in (f"r/{short}:{tag}", f"r/{short}:1.0", f"r/{short}@{image.digest}")
    ]


def test_what_is_written_is_read_again(tmp_path):
    image = read_archive(write(tmp_path / "raw.tar", layer({"a/b": b"1", "a/c/d": b"2", "e": b"3"})))
    write_archive({"r/x:1": image}, tmp_path / "x.tar")
    again = read_archive(tmp_path / "x.tar")
    assert (again.digest, again.size, again.config) == (image.digest, image.size, image.config)
    assert dict(files_in(again, "a")) == {"a/b": b"1", "a/c/d": b"2"}


def test_a_spoilt_archive_is_refused(tmp_path):
    with pytest.raises(ImageError, match="does not have its digest"):
        read_archive(write(tmp_path / "x.tar", layer({"a": b"1"}), spoil=True))


def test_half_an_archive_is_named(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("other")
        archive.addfile(member)
    with pytest.raises(ImageError, match=r"index\.json is missing"):
        read_archive(path)
