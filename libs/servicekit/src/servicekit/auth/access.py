"""Access rules of methods, read from the options in the protos. No rule means no access."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from servicekit.auth.principal import Principal
from servicekit.errors import PermissionDeniedError, Text

__all__ = ["AccessRule", "AccessRules"]

OPEN_PREFIXES = ("/grpc.health.v1.Health/",)
REFLECTION_PREFIX = "/grpc.reflection.v1"
REFLECTION_ROLES = frozenset({"engineer", "admin"})


@dataclass(frozen=True, slots=True)
class AccessRule:
    """What a method asks of its caller. `audit` is "none", "read" or "write"."""

    roles: frozenset[str]
    audit: str = "none"
    anonymous: bool = False
    internal: bool = False


class AccessRules:
    """The rules of every method of a server, by full method name `/package.Service/Method`."""

    def __init__(self, rules: dict[str, AccessRule]) -> None:
        self._rules = rules

    @classmethod
    def from_protos(cls, modules: Iterable[ModuleType], access_option: Any) -> "AccessRules":
        """Reads the option `access_option` of every method of the services in generated modules.

        A method without the option, or whose option does not state the audit level, gets no rule and is denied.
        """
        rules: dict[str, AccessRule] = {}
        for module in modules:
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    options = method.GetOptions()
                    if not options.HasExtension(access_option):
                        continue
                    access = options.Extensions[access_option]
                    if not access.audit:
                        continue  # how it is audited is not stated, so it is denied
                    level = access.DESCRIPTOR.fields_by_name["audit"].enum_type.values_by_number[access.audit]
                    rules[f"/{service.full_name}/{method.name}"] = AccessRule(
                        roles=frozenset(access.roles),
                        audit=level.name.removeprefix("AUDIT_LEVEL_").lower(),
                        anonymous=access.anonymous,
                        internal=access.internal,
                    )
        return cls(rules)

    def rule(self, method: str) -> AccessRule:
        """The rule of a method.

        Raises:
            PermissionDeniedError: the method states none.
        """
        if method.startswith(OPEN_PREFIXES):
            return AccessRule(roles=frozenset(), anonymous=True)
        if method.startswith(REFLECTION_PREFIX):
            return AccessRule(roles=REFLECTION_ROLES)
        rule = self._rules.get(method)
        if rule is None:
            raise PermissionDeniedError(
                Text(
                    en=f"Nobody may call {method}: it states no access rule.",
                    id=f"{method} tidak boleh dipanggil: aturan aksesnya tidak ada.",
                )
            )
        return rule

    def require(self, method: str, rule: AccessRule, principal: Principal) -> None:
        """Checks the caller's roles.

        Raises:
            PermissionDeniedError: the caller has none of the roles that the method asks for.
        """
        if principal.is_service if rule.internal else rule.roles & principal.roles:
            return
        wanted = ", ".join(sorted(rule.roles - {"service"})) or "service"
        has = ", ".join(sorted(principal.roles)) or "-"
        raise PermissionDeniedError(
            Text(
                en=f"{principal.username} may not call {method}: it needs one of the roles {wanted}; the token has {has}.",
                id=f"{principal.username} tidak berhak memanggil {method}: perlu salah satu peran {wanted}; token berisi {has}.",
            ),
            Text(
                en="Ask an administrator for the role.",
                id="Mintalah peran itu kepada administrator.",
            ),
            reason="ROLE_MISSING",
        )
