"""The catalog as a real server on real PostgreSQL, with tokens that the test makes itself."""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from catalog_service.app import start
from catalog_service.settings import AuditSettings, CatalogSettings
from lumbung.catalog.v1 import (
    audit_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    glossary_service_pb2,
    glossary_service_pb2_grpc,
    lineage_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
    search_service_pb2_grpc,
)
from servicekit.settings import AuthSettings, ListenSettings, PostgresSettings

from support.ports import free_port
from support.servers import Database

ISSUER = "http://127.0.0.1:1/realms/lumbung"
TREASURY = Path(__file__).parents[2] / "treasury"
# Account → roles and office, as in the realm.
ACCOUNTS: dict[str, tuple[list[str], str | None]] = {
    "steward-pusat": (["steward", "viewer"], "pusat"),
    "kontributor-pusat": (["contributor", "viewer"], "pusat"),
    "analis-kanwil-32": (["viewer"], "32"),
    "perekayasa-pusat": (["engineer", "viewer"], "pusat"),
    "ilmuwan-pusat": (["scientist", "viewer"], "pusat"),
    "auditor-pusat": (["auditor"], "pusat"),
    "admin-pusat": (["admin"], "pusat"),
    "viewer-without-office": (["viewer"], None),
    "engineer-in-province": (["engineer"], "32"),
    "svc-compute": (["service"], None),
}


class Issuer:
    """Signs tokens and answers for its keys."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        document = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        self.keys = {"keys": [document | {"kid": "k1", "use": "sig"}]}

    def transport(self) -> httpx.MockTransport:
        """Answers every request with the key set."""
        return httpx.MockTransport(lambda _request: httpx.Response(200, json=self.keys))

    def token(self, account: str) -> str:
        """A token for one of `ACCOUNTS`."""
        roles, office = ACCOUNTS[account]
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "lumbung-api",
            "azp": account if account.startswith("svc-") else "lumbung-cli",
            "sub": f"s-{account}",
            "typ": "Bearer",
            "preferred_username": account,
            "iat": now,
            "exp": now + 300,
            "realm_access": {"roles": roles},
        } | ({} if office is None else {"office": office})
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": "k1"})


class Catalog:
    """Stubs and call metadata of a running catalog."""

    def __init__(self, channel: grpc.aio.Channel, issuer: Issuer) -> None:
        self.channel = channel
        self._issuer = issuer
        self.datasets = dataset_service_pb2_grpc.DatasetServiceStub(channel)
        self.policies = policy_service_pb2_grpc.PolicyServiceStub(channel)
        self.audit = audit_service_pb2_grpc.AuditServiceStub(channel)
        self.lineage = lineage_service_pb2_grpc.LineageServiceStub(channel)
        self.search = search_service_pb2_grpc.SearchServiceStub(channel)
        self.glossary = glossary_service_pb2_grpc.GlossaryServiceStub(channel)

    def by(self, account: str, language: str = "en") -> Sequence[tuple[str, str]]:
        """Call metadata of an account."""
        return (("authorization", f"Bearer {self._issuer.token(account)}"), ("accept-language", language))

    async def apply_dataset(
        self, declaration: str, account: str = "steward-pusat"
    ) -> dataset_service_pb2.Dataset:
        """Applies one dataset."""
        request = dataset_service_pb2.ApplyDatasetRequest(
            dataset=dataset_service_pb2.Dataset(declaration=declaration)
        )
        answer: dataset_service_pb2.Dataset = await self.datasets.ApplyDataset(
            request, metadata=self.by(account)
        )
        return answer

    async def apply_policy(
        self, declaration: str, account: str = "steward-pusat"
    ) -> policy_service_pb2.Policy:
        """Applies one policy."""
        request = policy_service_pb2.ApplyPolicyRequest(
            policy=policy_service_pb2.Policy(declaration=declaration)
        )
        answer: policy_service_pb2.Policy = await self.policies.ApplyPolicy(
            request, metadata=self.by(account)
        )
        return answer

    async def apply_term(self, declaration: str) -> glossary_service_pb2.GlossaryTerm:
        """Applies one term."""
        request = glossary_service_pb2.ApplyGlossaryTermRequest(
            glossary_term=glossary_service_pb2.GlossaryTerm(declaration=declaration)
        )
        answer: glossary_service_pb2.GlossaryTerm = await self.glossary.ApplyGlossaryTerm(
            request, metadata=self.by("steward-pusat")
        )
        return answer

    async def apply_treasury(self) -> None:
        """Applies the real declarations."""
        for path in sorted((TREASURY / "policies").glob("*.yaml")):
            await self.apply_policy(path.read_text())
        for path in sorted((TREASURY / "datasets").glob("*.yaml")):
            await self.apply_dataset(path.read_text())
        for path in sorted((TREASURY / "glossary").glob("*.yaml")):
            await self.apply_term(path.read_text())

    async def decide(
        self, account: str, *resources: str, action: str = "read", door: str = "sql"
    ) -> list[policy_service_pb2.AccessDecision]:
        """Decisions for an account, asked by a service."""
        roles, office = ACCOUNTS[account]
        request = policy_service_pb2.DecideAccessRequest(
            caller=policy_service_pb2.CallerIdentity(
                subject=f"s-{account}", username=account, roles=roles, office=office or ""
            ),
            resources=resources,
            action=action,
            door=door,
            purpose="test",
            detail="SELECT 1",
        )
        answer = await self.policies.DecideAccess(request, metadata=self.by("svc-compute"))
        return list(answer.decisions)


def postgres_settings(database: Database) -> PostgresSettings:
    """The settings of a test database."""
    return PostgresSettings(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.user,
        password=database.password,
        pool_max=4,
    )


@contextlib.asynccontextmanager
async def run_catalog(
    database: Database, issuer: Issuer, key: str | None = "test key"
) -> AsyncIterator[Catalog]:
    """Starts a catalog and stops it at the end."""
    settings = CatalogSettings(
        listen=ListenSettings(port=free_port(), metrics_port=free_port(), stop_grace_seconds=0.5),
        auth=AuthSettings(issuer=ISSUER, jwks_url="http://keys.test/"),
        postgres=postgres_settings(database),
        audit=AuditSettings(checkpoint_key=key),
    )
    async with httpx.AsyncClient(transport=issuer.transport()) as http:
        stoppers = await start(settings, http)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
                yield Catalog(channel, issuer)
        finally:
            for stopper in stoppers:
                await stopper()
