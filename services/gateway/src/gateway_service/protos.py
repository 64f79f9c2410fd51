"""The methods that the protos declare, with their access rule and their REST mapping."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from google.rpc import error_details_pb2, status_pb2

from lumbung.annotations.v1 import access_pb2

__all__ = ["HttpBinding", "Method", "ProtoSet", "load_protos"]

EDGE_ROLES_EXCLUDED = frozenset({"service"})


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """One REST form of a method: `verb` GET, POST …; `template` such as `/v1/{name=datasets/*}`."""

    verb: str
    template: str
    body: str


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. Without `ruled`, nobody may call it."""

    service: str
    name: str
    input_type: str
    ruled: bool
    roles: frozenset[str]
    internal: bool
    anonymous: bool
    client_streaming: bool
    server_streaming: bool
    bindings: tuple[HttpBinding, ...]

    @property
    def path(self) -> str:
        """The path on the wire, `/package.Service/Method`."""
        return f"/{self.service}/{self.name}"

    @property
    def streaming(self) -> bool:
        """Whether requests or responses are a stream."""
        return self.client_streaming or self.server_streaming

    @property
    def public_roles(self) -> frozenset[str]:
        """Roles that may call from outside: the services' own role may not."""
        return self.roles - EDGE_ROLES_EXCLUDED

    @property
    def routed(self) -> bool:
        """Whether the gateway lets anybody call it at all."""
        return self.ruled and not self.internal and (self.anonymous or bool(self.public_roles))


@dataclass(frozen=True, slots=True)
class ProtoSet:
    """All methods, and the messages by full name (`package.Message`)."""

    methods: tuple[Method, ...]
    messages: dict[str, descriptor_pb2.DescriptorProto]
    descriptor_set: bytes

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of services, each once, in order."""
        return tuple(dict.fromkeys(method.service for method in self.methods))


def load_protos(descriptors: bytes | None = None) -> ProtoSet:
    """Reads a serialised FileDescriptorSet; without one, the set that was built with the stubs."""
    if descriptors is None:
        descriptors = (files("lumbung.openinference") / "descriptors.binpb").read_bytes()
    declared = descriptor_pb2.FileDescriptorSet.FromString(descriptors)
    methods: list[Method] = []
    messages: dict[str, descriptor_pb2.DescriptorProto] = {}
    for file in declared.file:
        for message in file.message_type:
            _collect(messages, file.package, message)
        if not file.package.startswith(("google.", "grpc.")):
            for service in file.service:
                name = f"{file.package}.{service.name}"
                methods.extend(_method(name, method) for method in service.method)
    return ProtoSet(tuple(methods), messages, _for_transcoder(declared))


def _collect(
    into: dict[str, descriptor_pb2.DescriptorProto], prefix: str, message: descriptor_pb2.DescriptorProto
) -> None:
    name = f"{prefix}.{message.name}"
    into[name] = message
    for nested in message.nested_type:
        _collect(into, name, nested)


def _method(service: str, method: descriptor_pb2.MethodDescriptorProto) -> Method:
    options: Any = method.options
    access = options.Extensions[access_pb2.access]
    rule = options.Extensions[annotations_pb2.http]
    rules = [rule, *rule.additional_bindings] if options.HasExtension(annotations_pb2.http) else []
    return Method(
        service=service,
        name=method.name,
        input_type=method.input_type.lstrip("."),
        ruled=options.HasExtension(access_pb2.access),
        roles=frozenset(access.roles),
        internal=access.internal,
        anonymous=access.anonymous,
        client_streaming=method.client_streaming,
        server_streaming=method.server_streaming,
        bindings=tuple(_binding(each) for each in rules),
    )


def _binding(rule: Any) -> HttpBinding:
    verb = rule.WhichOneof("pattern")
    if verb == "custom":
        return HttpBinding(rule.custom.kind, rule.custom.path, rule.body)
    return HttpBinding(verb.upper(), getattr(rule, verb), rule.body)


def _for_transcoder(declared: descriptor_pb2.FileDescriptorSet) -> bytes:
    """The set without comments, and with the error details that answers may carry."""
    slim = descriptor_pb2.FileDescriptorSet()
    slim.CopyFrom(declared)
    for file in slim.file:
        file.ClearField("source_code_info")
    known = {file.name for file in slim.file}
    for module in (error_details_pb2, status_pb2):
        for wanted in (*module.DESCRIPTOR.dependencies, module.DESCRIPTOR):
            if wanted.name not in known:
                wanted.CopyToProto(slim.file.add())
                known.add(wanted.name)
    return slim.SerializeToString(deterministic=True)
