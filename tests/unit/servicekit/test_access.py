from types import SimpleNamespace

import pytest

from lumbung.annotations.v1 import access_pb2
from lumbung.catalog.v1 import audit_service_pb2, policy_service_pb2
from lumbung.ingest.v1 import upload_service_pb2
from servicekit.auth import AccessRule, AccessRules, Principal
from servicekit.errors import PermissionDeniedError

RULES = AccessRules.from_protos(
    [audit_service_pb2, policy_service_pb2, upload_service_pb2], access_pb2.access
)
DECIDE = "/lumbung.catalog.v1.PolicyService/DecideAccess"


def _principal(*roles):
    return Principal("s", "somebody", frozenset(roles))


def test_rules_are_those_of_the_protos():
    rule = RULES.rule("/lumbung.ingest.v1.UploadService/CreateUpload")
    assert rule.roles == {"contributor", "admin"}
    assert rule.audit == "write"


def test_a_method_without_a_rule_is_denied():
    with pytest.raises(PermissionDeniedError):
        RULES.rule("/lumbung.ingest.v1.UploadService/DropEverything")


def test_an_option_that_does_not_state_the_audit_level_is_no_rule():
    options = upload_service_pb2.DESCRIPTOR.services_by_name["UploadService"].methods[0].GetOptions()
    options.Extensions[access_pb2.access].audit = access_pb2.AUDIT_LEVEL_UNSPECIFIED
    method = SimpleNamespace(name="Create", GetOptions=lambda: options)
    service = SimpleNamespace(full_name="x.Service", methods=[method])
    module = SimpleNamespace(DESCRIPTOR=SimpleNamespace(services_by_name={"Service": service}))
    with pytest.raises(PermissionDeniedError):
        AccessRules.from_protos([module], access_pb2.access).rule("/x.Service/Create")


def test_internal_is_for_services_only_whatever_roles_are_named():
    rule = RULES.rule(DECIDE)
    RULES.require(DECIDE, rule, _principal("service"))
    loose = AccessRule(roles=frozenset({"admin", "service"}), internal=True)
    with pytest.raises(PermissionDeniedError, match="somebody may not call"):
        RULES.require(DECIDE, loose, _principal("admin"))


def test_reflection_is_for_engineers():
    rule = RULES.rule("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
    with pytest.raises(PermissionDeniedError):
        RULES.require("/grpc.reflection", rule, _principal("viewer"))
