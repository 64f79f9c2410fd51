"""Builds what changed, and says what there is: archives, bills of material and `images.json` in build/images."""

import hashlib
import json
import shutil
import sys
import time
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from platformimages.archive import files_in, read_archive, write_archive
from platformimages.builders import BUILDER, assemble, build_with, find_tool
from platformimages.chartvalues import chart_values
from platformimages.commands import ROOT
from platformimages.dockerfile import read_dockerfile
from platformimages.errors import ImageError
from platformimages.layers import fill_layer, layer_key
from platformimages.recipes import IMAGES, Image, find_image
from platformimages.requirements import LayerContent, contents
from platformimages.sbom import SBOM_DIR, merged

__all__ = ["Built", "build", "fill", "full_reference", "known"]

OUTPUT = ROOT / "build" / "images"
_LAYERS = OUTPUT / "layers"
_LISTING = OUTPUT / "images.json"


@dataclass(frozen=True)
class Built:
    """A built image. `size` is that of its layers in bytes; `archive` and `sbom` are file names in build/images."""

    name: str
    repository: str
    tag: str
    reference: str
    digest: str
    size: int
    archive: str
    sbom: str
    user: str
    entrypoint: list[str]
    command: list[str]
    layers: list[dict[str, object]]


def full_reference(reference: str) -> str:
    """The name that a container runtime gives an image whose registry is not named."""
    return f"docker.io/{reference}"


def fill(name: str, target: Path) -> None:
    """Writes every layer of an image below `target`, each in a folder of its name: the step of a Dockerfile."""
    for content in contents(find_image(name)):
        fill_layer(content, target / content.layer.name)


def known() -> dict[str, Built]:
    """What builds wrote and nobody has removed since, by name."""
    if not _LISTING.exists():
        return {}
    listed = [Built(**entry) for entry in json.loads(_LISTING.read_text())["images"]]
    return {built.name: built for built in listed if (OUTPUT / built.archive).exists()}


def build(names: Collection[str] = ()) -> list[Built]:
    """Builds the named images (those by default, when none is named) where something changed; returns them."""
    wanted = [find_image(name) for name in names] or [image for image in IMAGES if image.by_default]
    everything = not names
    if wanted[0].name != "base":
        wanted.insert(0, find_image("base"))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    tool = ""
    done = known()
    base: Built | None = None
    for image in wanted:
        begin = time.monotonic()
        layers = contents(image)
        _compare(image, layers)
        reference = f"lumbung/{image.name}:{_tag(image, layers, base)}"
        before = done.get(image.name)
        fresh = before is None or before.reference != reference or not (OUTPUT / before.archive).exists()
        if fresh:
            tool = tool or find_tool()
            _make(tool, image, layers, reference, base)
        built = _describe(image, reference) if fresh or before is None else before
        done[image.name] = built
        base = built if image.name == "base" else base
        _write(_LISTING, json.dumps({"images": [asdict(entry) for entry in _ordered(done)]}, indent=1) + "\n")
        what = f"built in {time.monotonic() - begin:.0f} s" if fresh else "unchanged"
        sys.stdout.write(f"{built.size / 1e6:7.0f} MB  {reference}  {what}\n")
        sys.stdout.flush()
    _write_chart_values(done.values())
    if everything:
        _forget_old_layers()
    return [done[image.name] for image in wanted]


def _write_chart_values(built: Iterable[Built]) -> None:
    defaults = yaml.safe_load((ROOT / "charts/lumbung/values.yaml").read_text(encoding="utf-8"))
    values = chart_values(defaults, {image.repository: image.tag for image in built})
    _write(OUTPUT / "values.yaml", yaml.safe_dump(values))


def _write(path: Path, text: str) -> None:
    """Writes a new file: another checkout's copy of the folder may be made of links to the old one."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    part.replace(path)


def _ordered(done: dict[str, Built]) -> list[Built]:
    return [done[image.name] for image in IMAGES if image.name in done]


def _tag(image: Image, layers: tuple[LayerContent, ...], base: Built | None) -> str:
    digest = hashlib.sha256((ROOT / image.dockerfile).read_bytes())
    for content in layers:
        digest.update(layer_key(content).encode())
    digest.update((base.tag if base else "").encode())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return f"{version}-{digest.hexdigest()[:12]}"


def _compare(image: Image, layers: tuple[LayerContent, ...]) -> None:
    """The Dockerfile takes exactly the layers of the recipe, in its order."""
    filled = [content.layer.name for content in layers]
    taken = read_dockerfile(ROOT / image.dockerfile).layers
    if filled != taken:
        raise ImageError(
            f"{image.dockerfile} copies the layers {taken}, the recipe of {image.name} has {filled}"
        )


def _make(
    tool: str, image: Image, layers: tuple[LayerContent, ...], reference: str, base: Built | None
) -> None:
    raw = OUTPUT / f".{image.name}.raw.tar"
    full = full_reference(reference)
    try:
        if tool == "mkimage":
            runtime = read_dockerfile(ROOT / image.dockerfile)
            folders = [_filled(content) for content in layers]
            assemble(folders, runtime, full, OUTPUT / base.archive if base else None, raw)
        else:
            arguments = {"BUILDER": BUILDER} | ({"BASE": base.reference} if base else {})
            build_with(tool)(ROOT / image.dockerfile, reference, arguments, raw)
        write_archive({full: read_archive(raw)}, OUTPUT / f"{image.name}.tar")
    finally:
        raw.unlink(missing_ok=True)


def _filled(content: LayerContent) -> Path:
    """Folder of the layer; filled once for all images that have it."""
    target = _LAYERS / f"{content.layer.name}-{layer_key(content)}"
    if not target.exists():
        work = target.with_name(f".{target.name}")
        shutil.rmtree(work, ignore_errors=True)
        fill_layer(content, work)
        work.rename(target)
    return target


def _describe(image: Image, reference: str) -> Built:
    archived = read_archive(OUTPUT / f"{image.name}.tar")
    runtime = archived.config.get("config", {})
    repository, tag = reference.rsplit(":", 1)
    bills = [content for name, content in files_in(archived, str(SBOM_DIR)) if name.endswith(".cdx.json")]
    _write(OUTPUT / f"{image.name}.cdx.json", merged(image.name, tag, bills))
    return Built(
        name=image.name,
        repository=repository,
        tag=tag,
        reference=reference,
        digest=archived.digest,
        size=archived.size,
        archive=f"{image.name}.tar",
        sbom=f"{image.name}.cdx.json",
        user=runtime.get("User", ""),
        entrypoint=runtime.get("Entrypoint") or [],
        command=runtime.get("Cmd") or [],
        layers=[{"digest": layer["digest"], "size": layer["size"]} for layer in archived.layers],
    )


def _forget_old_layers() -> None:
    """Removes folders of layers that no recipe has any more."""
    used = {f"{content.layer.name}-{layer_key(content)}" for image in IMAGES for content in contents(image)}
    for path in _LAYERS.glob("*"):
        if path.name not in used:
            shutil.rmtree(path)
