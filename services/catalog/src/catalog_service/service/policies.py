"""Policies, and the decision that every door asks for."""

import json
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from catalog_service.domain.audit import Entry, shorten
from catalog_service.domain.document import digest
from catalog_service.domain.names import TableName, parse_table
from catalog_service.domain.policy import Decision, Table, parse_policy
from catalog_service.domain.policy.model import READ, WRITE
from catalog_service.errors import ResourceNameInvalidError
from catalog_service.service.appender import AuditAppender
from catalog_service.service.directory import Directory
from catalog_service.service.paging import decode_token, encode_token, page_size
from catalog_service.service.requester import requester_of
from catalog_service.storage.ports import Declaration, DeclarationStore, Kind
from servicekit.auth import Principal
from servicekit.telemetry import current_trace_id

__all__ = ["AccessQuestion", "PolicyService", "ResourceDecision"]

MAX_RESOURCES = 200
STEWARD = "steward"
MAX_PURPOSE = 500
MAX_DETAIL = 4_000


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """May `caller` do `action` on each of `resources`, through which door and why."""

    caller: Principal
    resources: Sequence[str]
    action: str
    door: str
    purpose: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ResourceDecision:
    """The decision on one resource; `ask` is who can give access."""

    resource: str
    decision: Decision
    ask: str


class PolicyService:
    """Keeps policies and decides by them."""

    def __init__(self, store: DeclarationStore, directory: Directory, appender: AuditAppender) -> None:
        self._store = store
        self._directory = directory
        self._appender = appender

    async def apply_policy(self, principal: Principal, declaration: str) -> Declaration:
        """Creates or replaces a policy; decisions of this replica follow it at once, of others within a second.

        Raises:
            DeclarationInvalidError: it does not follow the language.
        """
        policy, document = parse_policy(declaration)
        kept = await self._store.apply_declaration(
            Kind.POLICY, policy.name, declaration, digest(document), principal.username
        )
        await self._directory.refresh()
        return kept

    async def list_policies(self, *, size: int, token: str) -> tuple[list[Declaration], str]:
        """A page of policies by name, and the token of the next page."""
        self._directory.check_fresh()
        names = sorted(self._directory.policy_declarations)
        start = bisect_right(names, decode_token(token))
        page = names[start : start + page_size(size)]
        more = start + len(page) < len(names)
        return [self._directory.policy_declarations[name] for name in page], encode_token(
            page[-1]
        ) if more else ""

    async def decide_access(self, asking: Principal, question: AccessQuestion) -> list[ResourceDecision]:
        """One decision per resource, in the order asked; all are in the audit log before this returns.

        Raises:
            ResourceNameInvalidError: a resource or the action has the wrong form.
            DirectoryStaleError: the policies may be out of date.
        """
        if question.action not in {READ, WRITE}:
            raise ResourceNameInvalidError("action", question.action, "read or write")
        if len(question.resources) > MAX_RESOURCES:
            raise ResourceNameInvalidError(
                "resources", str(len(question.resources)), f"at most {MAX_RESOURCES} resources"
            )
        names = [parse_table(resource) for resource in question.resources]
        await self._directory.look_up(name.dataset for name in names)
        self._directory.check_fresh()
        decided = [self._decide(question, name, self._directory.table(name)) for name in names]
        await self._appender.append(
            [
                _entry(asking, question, resource, decision)
                for resource, (decision, _ask) in zip(question.resources, decided, strict=True)
            ]
        )
        return [
            ResourceDecision(resource, *self._tell(question, name, *outcome))
            for resource, name, outcome in zip(question.resources, names, decided, strict=True)
        ]

    def _decide(self, question: AccessQuestion, name: TableName, table: Table | None) -> tuple[Decision, str]:
        policies = self._directory.policies
        if table is None:
            # Decided over an empty table, so that it takes the same way as a hidden one.
            table = Table(name.zone, name.dataset, frozenset(), {})
            decision = policies.decide(requester_of(question.caller), table, question.action)
            reasons = (*decision.reasons, "there is no such dataset")
            return Decision(allowed=False, reasons=reasons, policy_version=policies.version), STEWARD
        known = self._directory.datasets[name.dataset]
        decision = policies.decide(requester_of(question.caller), table, question.action)
        return decision, known.dataset.owner or STEWARD

    def _tell(
        self, question: AccessQuestion, name: TableName, decision: Decision, ask: str
    ) -> tuple[Decision, str]:
        """What the caller hears: a dataset that they may not know looks like one that does not exist."""
        if decision.allowed or name.dataset in self._directory.audience(requester_of(question.caller)):
            return decision, ask
        return replace(decision, reasons=(f"no policy allows {question.action}",)), STEWARD


def _entry(asking: Principal, question: AccessQuestion, resource: str, decision: Decision) -> Entry:
    detail = {
        "action": question.action,
        "door": question.door,
        "service": asking.username,
        "purpose": shorten(question.purpose, MAX_PURPOSE),
        "reasons": decision.reasons,
        "detail": shorten(question.detail, MAX_DETAIL),
    }
    return Entry(
        uid=str(uuid.uuid4()),
        time=datetime.now(UTC),
        username=question.caller.username,
        authorized_party=question.caller.authorized_party,
        action="decide",
        resource=resource,
        outcome="allowed" if decision.allowed else "denied",
        detail=json.dumps(detail, ensure_ascii=False),
        policy_version=decision.policy_version,
        trace_id=current_trace_id(),
    )
