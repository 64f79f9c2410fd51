"""Keycloak: sign-in, with its data in our PostgreSQL."""

import os
from pathlib import Path

from localstack.environment import base_environment
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault
from localstack.web import expect_ok
from platformsetup.identity.distribution import built_distribution, java_arguments
from platformsetup.identity.realm import REALM, realm_document
from platformsetup.identity.reconcile import KeycloakAdmin
from platformsetup.java import find_java

_ADMIN_CLIENT = "lumbung-stack"
_JVM = (
    # Small and quick to start rather than fast: a laptop's sign-ins are few.
    "-Xms48m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=200m",
    "-XX:ReservedCodeCacheSize=64m",
    "-Xss512k",
    "-XX:-UsePerfData",
)


def keycloak_part(settings: StackSettings) -> Part:
    """Sign-in; ready when the realm's discovery document is served."""
    server = Keycloak(settings)
    return Part(
        name="keycloak",
        title="Keycloak 26.7",
        launch=server.launch,
        probe=server.probe,
        setup=server.ensure_realm,
        needs=("postgres",),
        ports=(settings.ports["keycloak"], settings.ports["keycloak_management"]),
        # The first start makes the whole schema; on a busy machine that takes minutes, and ended in the middle it
        # begins again.
        start_seconds=600.0,
        probe_every=10.0,
        metrics_url=f"{settings.ports.url('keycloak_management')}/metrics",
        urls={"issuer": f"{settings.ports.url('keycloak')}/realms/{REALM}"},
    )


class Keycloak:
    """Starts and questions the stack's Keycloak."""

    def __init__(self, settings: StackSettings) -> None:
        self._settings = settings
        self._layout = Layout(settings.data_dir)
        self._vault = Vault(self._layout.secrets)
        self._url = settings.ports.url("keycloak")
        self._management = settings.ports.url("keycloak_management")
        self._discovery = f"{self._url}/realms/{REALM}/.well-known/openid-configuration"
        self._realm_made = False

    def launch(self) -> Launch:
        """Fetch and build the distribution if needed; say how to run it with a home folder of our own."""
        java = find_java()
        home = self._home(built_distribution(self._settings.cache_dir, java, self._settings.keycloak_archive))
        tmp = self._layout.tmp
        argv = [str(java), *_JVM, f"-Djava.io.tmpdir={tmp}", *java_arguments(home), "start", "--optimized"]
        ports = self._settings.ports
        env = base_environment(self._layout) | {
            "KC_DB_URL": f"jdbc:postgresql://{HOST}:{ports['postgres']}/keycloak",
            "KC_DB_USERNAME": "keycloak",
            "KC_DB_PASSWORD": self._vault.table("databases")["keycloak"],
            "KC_DB_POOL_INITIAL_SIZE": "1",
            "KC_DB_POOL_MIN_SIZE": "1",
            "KC_DB_POOL_MAX_SIZE": "12",
            "KC_CACHE": "local",
            "KC_HTTP_ENABLED": "true",
            "KC_HTTP_HOST": HOST,
            "KC_HTTP_PORT": str(ports["keycloak"]),
            "KC_HTTP_MANAGEMENT_HOST": HOST,
            "KC_HTTP_MANAGEMENT_PORT": str(ports["keycloak_management"]),
            "KC_HTTP_MANAGEMENT_SCHEME": "http",
            "KC_HTTP_POOL_MAX_THREADS": "16",
            "KC_HOSTNAME": self._url,
            "KC_BOOTSTRAP_ADMIN_CLIENT_ID": _ADMIN_CLIENT,
            "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": self._vault.read("keycloak-admin"),
        }
        return Launch(tuple(argv), env, self._layout.root, stamp=os.fspath(home))

    def probe(self) -> None:
        """Ask for the realm once it is made; before that, for Keycloak's own health."""
        expect_ok(self._discovery if self._realm_made else f"{self._management}/health/ready")

    def ensure_realm(self) -> None:
        """Create or mend the realm, then ask for its discovery document."""
        realm = realm_document(
            self._vault.table("clients"),
            self._vault.table("accounts"),
            gateway_url=self._settings.ports.url("gateway"),
        )
        secret = self._vault.read("keycloak-admin")
        KeycloakAdmin(self._url, secret, client_id=_ADMIN_CLIENT).reconcile(realm)
        expect_ok(self._discovery)
        self._realm_made = True

    def _home(self, distribution: Path) -> Path:
        """A home folder of this stack whose programs are links into the shared distribution."""
        home = self._layout.data / "keycloak"
        (home / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("bin", "conf", "lib", "providers", "themes"):
            link = home / name
            if link.is_symlink() and link.readlink() == distribution / name:
                continue
            link.unlink(missing_ok=True)
            link.symlink_to(distribution / name)
        return home
