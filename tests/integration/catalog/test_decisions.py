"""Decisions with the treasury's policies, asked as the other services ask."""

import json

import grpc
import pytest

from lumbung.catalog.v1 import audit_service_pb2, policy_service_pb2

from support.catalog_server import TREASURY

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL = [f"datasets/{name}" for name in ("apbd_by_province", "apbd_national", "apbd_panel", "province")]


async def test_a_provincial_viewer_sees_the_rows_of_the_province(shared_catalog):
    panel, national, quarantine = await shared_catalog.decide(
        "analis-kanwil-32", "datasets/apbd_panel", "datasets/apbd_national", "quarantines/apbd_panel"
    )
    assert panel.allowed
    assert [(c.column, list(c.values)) for c in panel.row_filter] == [("province_code", ["32"])]
    assert [(m.column, m.kind) for m in panel.masks] == [("submission", "hash")]
    assert any("regional_viewers" in reason for reason in panel.reasons)
    assert panel.ask == "steward-pusat"
    assert national.allowed
    assert not national.row_filter
    assert not quarantine.allowed


async def test_a_derived_dataset_without_provenance_has_nothing_to_mask(shared_catalog):
    (decision,) = await shared_catalog.decide("analis-kanwil-32", "datasets/apbd_by_province")
    assert [(c.column, list(c.values)) for c in decision.row_filter] == [("province_code", ["32"])]
    assert not decision.masks


async def test_a_steward_sees_everything_open_and_writes_nothing(shared_catalog):
    for decision in await shared_catalog.decide("steward-pusat", *ALL, "quarantines/apbd_panel"):
        assert decision.allowed
        assert not decision.row_filter
        assert not decision.masks
    for decision in await shared_catalog.decide("steward-pusat", *ALL, action="write"):
        assert not decision.allowed


async def test_a_contributor_writes_intake_only(shared_catalog):
    outcome = [
        decision.allowed
        for decision in await shared_catalog.decide("kontributor-pusat", *ALL, action="write")
    ]
    assert outcome == [False, True, True, True]
    (panel,) = await shared_catalog.decide("kontributor-pusat", "datasets/apbd_panel")
    assert not panel.row_filter
    assert [m.column for m in panel.masks] == ["submission"]


async def test_a_viewer_without_an_office_sees_national_tables_only(shared_catalog):
    outcome = [decision.allowed for decision in await shared_catalog.decide("viewer-without-office", *ALL)]
    assert outcome == [False, True, False, True]


async def test_an_engineer_writes_what_pipelines_derive(shared_catalog):
    outcome = [
        decision.allowed for decision in await shared_catalog.decide("perekayasa-pusat", *ALL, action="write")
    ]
    assert outcome == [True, False, False, False]


async def test_services_read_and_write_everything(shared_catalog):
    for action in ("read", "write"):
        assert all(
            decision.allowed for decision in await shared_catalog.decide("svc-compute", *ALL, action=action)
        )


async def test_hidden_and_unknown_look_the_same(shared_catalog):
    hidden, unknown = await shared_catalog.decide(
        "viewer-without-office", "datasets/apbd_panel", "datasets/no_such_dataset"
    )
    for decision in (hidden, unknown):
        decision.ClearField("resource")
    assert hidden == unknown
    assert not hidden.allowed
    assert hidden.ask == "steward"


async def test_every_decision_is_recorded_with_its_real_reason(shared_catalog):
    await shared_catalog.decide("viewer-without-office", "datasets/apbd_panel", "datasets/no_such_dataset")
    answer = await shared_catalog.audit.ListAuditEntries(
        audit_service_pb2.ListAuditEntriesRequest(username="viewer-without-office"),
        metadata=shared_catalog.by("auditor-pusat"),
    )
    assert [(e.action, e.resource, e.outcome) for e in answer.entries[:2]] == [
        ("decide", "datasets/no_such_dataset", "denied"),
        ("decide", "datasets/apbd_panel", "denied"),
    ]
    detail = json.loads(answer.entries[0].detail)
    assert detail["service"] == "svc-compute"
    assert detail["detail"] == "SELECT 1"
    assert "there is no such dataset" in detail["reasons"]
    assert answer.entries[0].policy_version


async def test_a_new_deny_holds_at_once(shared_catalog):
    (before,) = await shared_catalog.decide("ilmuwan-pusat", "datasets/province")
    await shared_catalog.apply_policy(
        "{kind: Policy, name: closed, description: d, owner: steward-pusat, effect: deny, "
        "subjects: {roles: [scientist]}, resources: {datasets: [province]}}"
    )
    (after,) = await shared_catalog.decide("ilmuwan-pusat", "datasets/province")
    assert before.allowed
    assert not after.allowed
    assert before.policy_version != after.policy_version


async def test_only_a_service_may_ask(shared_catalog):
    request = policy_service_pb2.DecideAccessRequest(
        caller=policy_service_pb2.CallerIdentity(subject="s", username="u", roles=["steward"]),
        resources=["datasets/province"],
        action="read",
        door="sql",
    )
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_catalog.policies.DecideAccess(request, metadata=shared_catalog.by("steward-pusat"))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    "resource", ["province", "datasets/", "datasets/A", "tables/province", "datasets/a/b"]
)
async def test_a_misspelt_resource_is_refused(shared_catalog, resource):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await shared_catalog.decide("steward-pusat", resource)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.asyncio(loop_scope="function")
async def test_who_answers_for_policies_lists_them_and_nobody_else(catalog):
    async def listed(account, **page):
        return await catalog.policies.ListPolicies(
            policy_service_pb2.ListPoliciesRequest(**page), metadata=catalog.by(account)
        )

    files = sorted((TREASURY / "policies").glob("*.yaml"))
    for account in ("steward-pusat", "auditor-pusat"):
        found = (await listed(account)).policies
        assert [policy.name for policy in found] == [f"policies/{path.stem}" for path in files]
        assert [policy.declaration for policy in found] == [path.read_text() for path in files]
    first = await listed("steward-pusat", page_size=2)
    second = await listed("steward-pusat", page_size=2, page_token=first.next_page_token)
    assert [policy.name for policy in (*first.policies, *second.policies)] == [p.name for p in found[:4]]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listed("analis-kanwil-32")
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
