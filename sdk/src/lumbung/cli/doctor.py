"""`lumbung doctor`."""

from typing import Annotated

import typer

from lumbung.cli.context import options

__all__ = ["register"]


def _doctor(
    namespace: Annotated[str, typer.Option(help="Look by kubectl at the release in this namespace.")] = "",
    release: Annotated[str, typer.Option(help="Its name.")] = "lumbung",
) -> None:
    """Explains what is wrong: what, where, and what to do. Ends with 1 when something is."""
    from lumbung.cli.printing import note, print_lines, print_rows  # noqa: PLC0415
    from lumbung.config import find_endpoints, stack_description  # noqa: PLC0415
    from lumbung.doctor.cluster import Cluster  # noqa: PLC0415
    from lumbung.doctor.examine import examine  # noqa: PLC0415
    from lumbung.doctor.site import Site  # noqa: PLC0415
    from lumbung.texts import say  # noqa: PLC0415

    site = Site(
        endpoints=find_endpoints(options.gateway or None),
        stack=None if namespace or options.gateway else stack_description(),
        cluster=Cluster(namespace, release) if namespace else None,
    )
    found = [finding.told(options.language) for finding in examine(site)]
    if options.json:
        print_rows(found)
    elif not found:
        note(say("nothing_wrong"))
    for finding in () if options.json else found:
        print_lines(
            [f"{finding['check']}: {finding['place']}", f"  {finding['what']}", f"  -> {finding['remedy']}"]
        )
    if found:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("doctor")(_doctor)
