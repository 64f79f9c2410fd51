"""`python -m platformimages build [NAME…] | bundle | fill NAME FOLDER`."""

import argparse
import sys
from pathlib import Path

from platformimages.build import build, fill
from platformimages.bundle import bundle
from platformimages.errors import ImageError
from platformimages.recipes import IMAGES


def main() -> int:
    """Runs one command; 1 with a message when it cannot."""
    names = [image.name for image in IMAGES]
    parser = argparse.ArgumentParser(prog="python -m platformimages")
    commands = parser.add_subparsers(dest="command", required=True)
    some = commands.add_parser("build", help="build the images that changed into build/images")
    some.add_argument("names", nargs="*", choices=[[], *names], metavar="NAME", help="default: all but minio")
    commands.add_parser("bundle", help="one tar with every image and the charts")
    one = commands.add_parser("fill", help="write the layers of an image: the step of the Dockerfiles")
    one.add_argument("name", choices=names)
    one.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        if given.command == "build":
            build(given.names)
        elif given.command == "bundle":
            bundle()
        else:
            fill(given.name, given.folder)
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
