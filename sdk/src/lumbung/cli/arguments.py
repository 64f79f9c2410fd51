"""Lets the options of every command stand anywhere on the line."""

from lumbung.cli.context import OutputFormat, options

__all__ = ["hoist", "peek"]

_NAMES = ("--output", "-o", "--language", "--gateway")


def hoist(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Splits a line into the options of every command, and the rest. What follows `--` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        if argument == "--":
            rest += [argument, *left]
            break
        name, _, value = argument.partition("=")
        if argument in _NAMES:
            front += [argument, *left[:1]]
            del left[:1]
        elif name.startswith("--") and name in _NAMES:
            front += [name, value]
        elif argument.startswith("-o") and argument.lstrip("-o=") in set(OutputFormat):
            front += ["-o", argument.removeprefix("-o").removeprefix("=")]
        else:
            rest.append(argument)
    return front, rest


def peek(front: list[str]) -> None:
    """Sets what the options say before the line is parsed, so that a wrong line is reported in their form."""
    given = dict(zip(front[::2], front[1::2], strict=False))
    output = given.get("--output") or given.get("-o") or ""
    options.set_language(given.get("--language", ""))
    options.set_output(OutputFormat(output) if output in set(OutputFormat) else None)
