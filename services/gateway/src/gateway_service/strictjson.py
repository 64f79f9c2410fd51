"""Refuses JSON requests with unknown fields; the transcoder alone would drop them without a word."""

from importlib.resources import files

from google.protobuf import descriptor_pb2

from gateway_service.protos import ProtoSet
from gateway_service.templates import lua_pattern

__all__ = ["strict_json_source"]

_Field = descriptor_pb2.FieldDescriptorProto
_FREE = frozenset(
    {"google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.Any", "google.protobuf.ListValue"}
)
_SCALAR_JSON = frozenset(
    {"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask"}
)


def strict_json_source(protos: ProtoSet) -> str:
    """Lua source: the tables of known fields, then the check."""
    bodies: list[tuple[str, str, str]] = []
    needed: dict[str, None] = {}
    for method in protos.methods:
        for binding in method.bindings if method.routed else ():
            if binding.body:
                message = _body_message(protos, method.input_type, binding.body)
                bodies.append((binding.verb, lua_pattern(binding.template), message))
                _reach(protos, message, needed)
    lines = ["local BODIES = {"]
    lines += [
        f"  {{{_text(verb)}, {_text(pattern)}, {_text(message)}}}," for verb, pattern, message in bodies
    ]
    lines += ["}", "local FIELDS = {"]
    for message in needed:
        lines.append(f"  [{_text(message)}] = {{")
        lines += [
            f"    [{_text(key)}] = {value},"
            for key, value in _fields(protos, protos.messages[message]).items()
        ]
        lines.append("  },")
    lines.append("}")
    check = (files("gateway_service") / "strict_json.lua").read_text(encoding="utf-8")
    return "\n".join(lines) + "\n" + check


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _body_message(protos: ProtoSet, request: str, body: str) -> str:
    if body == "*":
        return request
    field = next(field for field in protos.messages[request].field if field.name == body)
    return field.type_name.lstrip(".")


def _entry(protos: ProtoSet, field: descriptor_pb2.FieldDescriptorProto) -> str | None:
    """The message type of a field's values, or None where anything may stand."""
    name = field.type_name.lstrip(".")
    if field.type != _Field.TYPE_MESSAGE or name in _FREE | _SCALAR_JSON or name not in protos.messages:
        return None
    return name


def _is_map(protos: ProtoSet, name: str) -> bool:
    return protos.messages[name].options.map_entry


def _fields(protos: ProtoSet, message: descriptor_pb2.DescriptorProto) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in message.field:
        name = _entry(protos, field)
        kind = "true"
        if name is not None:
            kind = _text(name) if not _is_map(protos, name) else f"{{map = {_map_value(protos, name)}}}"
        found[field.name] = kind
        found[field.json_name or field.name] = kind
    return found


def _map_value(protos: ProtoSet, entry: str) -> str:
    value = next(field for field in protos.messages[entry].field if field.name == "value")
    name = _entry(protos, value)
    return "true" if name is None else _text(name)


def _reach(protos: ProtoSet, message: str, seen: dict[str, None]) -> None:
    if message in seen:
        return
    if not _is_map(protos, message):
        seen[message] = None
    for field in protos.messages[message].field:
        name = _entry(protos, field)
        if name is not None:
            _reach(protos, name, seen)
