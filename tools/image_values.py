"""Values that name the built images: `build/images/images.json` as a values file for the chart, on standard output.

python tools/image_values.py > build/images/values.yaml
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
# Which parts of the chart run each image.
_PARTS = {
    "gateway": ("gateway",),
    "portal": ("portal",),
    "catalog": ("catalog",),
    "ingest": ("ingest",),
    "compute": ("compute", "dask"),
    "inference": ("inference",),
    "postgres": ("postgres",),
    "objectstore": ("objectstore",),
    "keycloak": ("keycloak",),
    "setup": ("setup", "test"),
}


def image_values(images: list[dict[str, Any]]) -> dict[str, Any]:
    """The values; `images` are the entries of images.json with `name`, `repository` and `tag`.

    Raises:
        KeyError: an image of the chart was not built.
    """
    built = {image["name"]: image for image in images}
    return {
        part: {"image": {"repository": built[name]["repository"], "tag": built[name]["tag"]}}
        for name, parts in _PARTS.items()
        for part in parts
    }


def main() -> None:
    """Prints the values."""
    listed = json.loads((ROOT / "build" / "images" / "images.json").read_text(encoding="utf-8"))
    sys.stdout.write(yaml.safe_dump(image_values(listed["images"]), sort_keys=True))


if __name__ == "__main__":
    main()
