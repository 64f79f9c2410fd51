"""`python -m gateway_service --output envoy.yaml` writes the configuration; `-` is standard output."""

import argparse
import os
import sys
from pathlib import Path

from gateway_service.bootstrap import render
from gateway_service.settings import GatewaySettings
from servicekit.settings import load_settings


def main() -> None:
    """Writes the file in one step, so that a reader never sees half of it."""
    parser = argparse.ArgumentParser(prog="python -m gateway_service", description=__doc__)
    parser.add_argument("--output", default="-", help="file to write (default: standard output)")
    output = parser.parse_args().output
    text = render(load_settings(GatewaySettings))
    if output == "-":
        sys.stdout.write(text)
        return
    target = Path(output)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(target)


if __name__ == "__main__":
    main()
