"""PolicyService."""

from catalog_service.converters.policies import decision_to_proto, policy_to_proto, question_from_proto
from catalog_service.service.policies import PolicyService
from catalog_service.servicer.language import Context
from lumbung.catalog.v1 import policy_service_pb2 as pb
from lumbung.catalog.v1 import policy_service_pb2_grpc as pb_grpc
from servicekit.auth import current_principal

__all__ = ["PolicyServicer"]


class PolicyServicer(pb_grpc.PolicyServiceServicer):  # type: ignore[misc]
    """lumbung.catalog.v1.PolicyService."""

    def __init__(self, service: PolicyService) -> None:
        self._service = service

    async def ApplyPolicy(self, request: pb.ApplyPolicyRequest, context: Context) -> pb.Policy:  # noqa: N802
        """See the proto."""
        del context
        kept = await self._service.apply_policy(current_principal(), request.policy.declaration)
        return policy_to_proto(kept)

    async def ListPolicies(  # noqa: N802
        self, request: pb.ListPoliciesRequest, context: Context
    ) -> pb.ListPoliciesResponse:
        """See the proto."""
        del context
        policies, token = await self._service.list_policies(size=request.page_size, token=request.page_token)
        return pb.ListPoliciesResponse(
            policies=[policy_to_proto(policy) for policy in policies], next_page_token=token
        )

    async def DecideAccess(  # noqa: N802
        self, request: pb.DecideAccessRequest, context: Context
    ) -> pb.DecideAccessResponse:
        """See the proto."""
        del context
        decided = await self._service.decide_access(current_principal(), question_from_proto(request))
        return pb.DecideAccessResponse(decisions=[decision_to_proto(decision) for decision in decided])
