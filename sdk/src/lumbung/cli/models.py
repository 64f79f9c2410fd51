"""`lumbung models`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lumbung.cli.context import open_client

__all__ = ["app"]

app = typer.Typer(name="models", help="Models: register, deploy, predict.", no_args_is_help=True)


@app.command("list")
def _list(model: Annotated[str, typer.Argument()] = "-") -> None:
    """Lists the versions of a model, or of all."""
    from lumbung.cli.printing import message_dict, print_rows  # noqa: PLC0415

    with open_client() as client:
        rows = [message_dict(version) for version in client.models.list_versions(model)]
    print_rows(rows, ["name", "deployed", "size_bytes", "metrics", "creator", "create_time"])


@app.command("register")
def _register(
    model: Annotated[str, typer.Argument()],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="An ONNX file.")],
    description: Annotated[str, typer.Option()] = "",
    snapshot: Annotated[
        list[str] | None, typer.Option(help="datasets/D/snapshots/S it was trained on.")
    ] = None,
    metrics: Annotated[str, typer.Option(help='JSON, for example {"wape": 0.04}.')] = "{}",
) -> None:
    """Registers an ONNX file as the next version of a model."""
    from lumbung.cli.printing import message_dict, print_record  # noqa: PLC0415
    from lumbung.cli.progress import Progress  # noqa: PLC0415

    try:
        measured = {str(name): float(value) for name, value in json.loads(metrics).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise typer.BadParameter(f"not a JSON object of numbers: {error}", param_hint="--metrics") from error
    onnx = file.read_bytes()
    with open_client() as client, Progress(f"register {model}"):
        version = client.models.register(
            model,
            onnx,
            description=description,
            training_snapshots=snapshot or [],
            metrics=measured,
        )
    print_record(message_dict(version))


@app.command("deploy")
def _deploy(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="models/NAME/versions/N")],
) -> None:
    """Serves a version; returns when it answers."""
    from lumbung.cli.printing import message_dict, print_record  # noqa: PLC0415
    from lumbung.cli.progress import Progress  # noqa: PLC0415

    with open_client() as client, Progress(f"deploy {version}"):
        deployment = client.models.deploy(version)
    print_record(message_dict(deployment))


@app.command("predict")
def _predict(
    model: Annotated[str, typer.Argument()],
    inputs: Annotated[
        str,
        typer.Argument(
            metavar="JSON",
            help='[{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}] or @FILE',
        ),
    ],
) -> None:
    """Asks the deployed version of a model."""
    from lumbung.cli.printing import print_rows  # noqa: PLC0415
    from lumbung.models import Tensor  # noqa: PLC0415

    text = Path(inputs[1:]).read_text(encoding="utf-8") if inputs.startswith("@") else inputs
    try:
        tensors = [
            Tensor(entry["name"], entry["datatype"], tuple(entry["shape"]), entry["data"])
            for entry in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise typer.BadParameter(f"not a list of tensors: {error!r}", param_hint="JSON") from error
    with open_client() as client:
        outputs = client.models.predict(model, tensors)
    print_rows(
        [
            {"name": out.name, "datatype": out.datatype, "shape": list(out.shape), "data": list(out.values)}
            for out in outputs
        ]
    )
