"""OCI image archives: reading one, and writing one that holds several images with each layer once."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from platformimages.errors import ImageError

__all__ = ["ArchivedImage", "files_in", "read_archive", "write_archive"]

_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class ArchivedImage:
    """One image in an archive; `descriptor` is its entry in the index, `size` the bytes of its layers."""

    path: Path
    descriptor: dict[str, Any]
    config: dict[str, Any]
    layers: tuple[dict[str, Any], ...]
    blobs: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Digest of the manifest, by which an image is pinned."""
        return str(self.descriptor["digest"])

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(int(layer["size"]) for layer in self.layers)


def read_archive(path: Path) -> ArchivedImage:
    """The one image of an OCI layout in a tar. ImageError when there are none or several."""
    with tarfile.open(path) as archive:
        index = _json(archive, "index.json")
        manifests = index["manifests"]
        digests = {entry["digest"] for entry in manifests}
        if len(digests) != 1:
            raise ImageError(f"{path} holds {len(digests)} images, not one")
        descriptor = manifests[0]
        manifest = _json(archive, _blob(descriptor["digest"]))
        while manifest.get("mediaType") == _INDEX:
            descriptor = next(entry for entry in manifest["manifests"] if "platform" in entry)
            manifest = _json(archive, _blob(descriptor["digest"]))
        config = _json(archive, _blob(manifest["config"]["digest"]))
    layers = tuple(manifest["layers"])
    blobs = (descriptor["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in layers))
    return ArchivedImage(path, descriptor, config, layers, blobs)


def files_in(image: ArchivedImage, folder: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file below a folder of the image."""
    with tarfile.open(image.path) as archive:
        for layer in image.layers:
            with (
                _open(archive, _blob(layer["digest"])) as stream,
                tarfile.open(fileobj=stream, mode="r:*") as content,
            ):
                for member in content:
                    if member.isfile() and member.name.removeprefix("./").startswith(f"{folder}/"):
                        data = content.extractfile(member)
                        yield member.name, data.read() if data is not None else b""


def write_archive(images: Mapping[str, ArchivedImage], target: Path) -> None:
    """Writes one archive with every image by its full reference `…:VERSION-CONTENT`, and each blob once.

    Each image is also named by its version alone, as the chart's defaults have it, and by its digest, so that a pinned
    reference finds it after loading.
    """
    index: dict[str, Any] = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": []}
    for reference, image in images.items():
        repository, tag = reference.rsplit(":", 1)
        version = tag.split("-", 1)[0]
        for name in (reference, f"{repository}:{version}", f"{repository}@{image.digest}"):
            annotations = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
            entry = {key: image.descriptor[key] for key in ("mediaType", "digest", "size")}
            index["manifests"].append(
                {**entry, "annotations": annotations, "platform": {"architecture": "amd64", "os": "linux"}}
            )
    part = target.with_name(f"{target.name}.part")
    written: set[str] = set()
    with tarfile.open(part, "w") as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", json.dumps(index, sort_keys=True).encode())
        for image in images.values():
            with tarfile.open(image.path) as source:
                for digest in image.blobs:
                    if digest not in written:
                        written.add(digest)
                        _copy(source, archive, _blob(digest))
    part.replace(target)


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        stream = archive.extractfile(name)
    except KeyError:
        stream = None
    if stream is None:
        raise ImageError(f"{archive.name!s}: {name} is missing")
    return stream


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(archive: tarfile.TarFile, name: str) -> Any:
    with _open(archive, name) as stream:
        content = stream.read()
    if name.startswith("blobs/") and hashlib.sha256(content).hexdigest() != name.rsplit("/", 1)[1]:
        raise ImageError(f"{archive.name!s}: {name} does not have its digest")
    return json.loads(content)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _copy(source: tarfile.TarFile, target: tarfile.TarFile, name: str) -> None:
    with _open(source, name) as stream:
        member = tarfile.TarInfo(name)
        member.size = source.getmember(name).size
        target.addfile(member, stream)
