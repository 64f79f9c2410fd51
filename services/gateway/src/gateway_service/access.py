"""Who may pass: the token first (JWT), then what it was issued for, then the role per method."""

from gateway_service.clusters import KEYCLOAK
from gateway_service.protos import Method, ProtoSet
from gateway_service.routes import HEALTH_PATH, PORTAL_PAGES, PORTAL_PREFIX, PREDICTION_ROOT
from gateway_service.settings import GatewaySettings
from gateway_service.templates import regex
from gateway_service.xds import Config, duration, typed

__all__ = ["POLICY_HEADER", "POLICY_TOKEN", "header_rules", "jwt_rules", "role_rules", "token_rules"]

PROVIDER = "keycloak"
JWT_FILTER = "envoy.filters.http.jwt_authn"
PAYLOAD = "jwt"
POLICY_HEADER = "authorization_header"
POLICY_TOKEN = "token_not_for_us"  # noqa: S105 (a policy's name)

_ONE_BEARER = r"(?i:bearer) [A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
_RBAC = "extensions.filters.http.rbac.v3.RBAC"


def jwt_rules(protos: ProtoSet, settings: GatewaySettings) -> Config:
    """Everything needs a good token but what is listed before the last rule."""
    auth = settings.auth
    provider = {
        "issuer": auth.issuer,
        "audiences": [auth.audience],
        "require_expiration": True,
        "clock_skew_seconds": int(auth.leeway_seconds),
        "forward": True,  # services verify it again
        "payload_in_metadata": PAYLOAD,
        "jwt_cache_config": {"jwt_cache_size": 1000},
        # Only here: the default would also take a token from the query, where logs would keep it.
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "remote_jwks": {
            "http_uri": {"uri": auth.jwks_url, "cluster": KEYCLOAK, "timeout": "5s"},
            "cache_duration": duration(60),
            # The listener waits for the first answer, so that a gateway which is ready has keys; without an answer it opens.
            "async_fetch": {"fast_listener": False, "failed_refetch_duration": "1s"},
        },
    }
    open_matches: list[Config] = [{"path": path} for path in (HEALTH_PATH, *PORTAL_PAGES)]
    open_matches.append({"prefix": PORTAL_PREFIX})
    for method in protos.methods:
        if method.routed and method.anonymous:
            open_matches.append({"path": method.path})
            open_matches.extend(
                {
                    "safe_regex": {"regex": regex(binding.template)},
                    "headers": [{"name": ":method", "string_match": {"exact": binding.verb}}],
                }
                for binding in method.bindings
            )
    rules: list[Config] = [{"match": match} for match in open_matches]
    rules.append({"match": {"prefix": "/"}, "requires": {"provider_name": PROVIDER}})
    return typed(
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication", providers={PROVIDER: provider}, rules=rules
    )


def header_rules() -> Config:
    """An authorization header is one bearer token or is not there: two of them could be read in two ways."""
    present = {"header": {"name": "authorization", "present_match": True}}
    good = {"header": {"name": "authorization", "string_match": {"safe_regex": {"regex": _ONE_BEARER}}}}
    refused = {"and_rules": {"rules": [present, {"not_rule": good}]}}
    policy = {"permissions": [refused], "principals": [{"any": True}]}
    return typed(_RBAC, rules={"action": "DENY", "policies": {POLICY_HEADER: policy}})


def token_rules(protos: ProtoSet, settings: GatewaySettings) -> Config:
    """A token that holds, but is no access token of a client that may call the platform."""
    parties = [party for party in settings.auth.authorized_parties if not party.startswith("svc-")]
    good = {
        "and_ids": {
            "ids": [
                _claim(["azp"], {"or_match": {"value_matchers": [_exactly(party) for party in parties]}}),
                _claim(["typ"], _exactly("Bearer")),
                _claim(["sub"], {"string_match": {"safe_regex": {"regex": ".+"}}}),
            ]
        }
    }
    paths = [HEALTH_PATH, *(method.path for method in protos.methods if method.routed and method.anonymous)]
    needs_token = {"not_rule": {"or_rules": {"rules": [_path(path) for path in paths]}}}
    policy = {"permissions": [needs_token], "principals": [{"not_id": good}]}
    return typed(_RBAC, rules={"action": "DENY", "policies": {POLICY_TOKEN: policy}})


def role_rules(protos: ProtoSet) -> Config:
    """One policy per set of roles; a method that is in none is refused."""
    routed = [method for method in protos.methods if method.routed]
    by_roles: dict[tuple[str, ...], list[Config]] = {}
    for method in routed:
        if not method.anonymous:
            by_roles.setdefault(tuple(sorted(method.public_roles)), []).append(_path(method.path))
    for roles, permission in _prediction_permissions(routed):
        by_roles.setdefault(roles, []).append(permission)
    anonymous = [_path(HEALTH_PATH), *(_path(method.path) for method in routed if method.anonymous)]
    policies = {"anybody": {"permissions": anonymous, "principals": [{"any": True}]}}
    for roles, permissions in sorted(by_roles.items()):
        wanted = {"or_match": {"value_matchers": [_exactly(role) for role in roles]}}
        principal = _claim(["realm_access", "roles"], {"list_match": {"one_of": wanted}})
        policies["+".join(roles)] = {"permissions": permissions, "principals": [principal]}
    return typed(_RBAC, rules={"action": "ALLOW", "policies": policies})


def _prediction_permissions(routed: list[Method]) -> list[tuple[tuple[str, ...], Config]]:
    """REST predictions ask for the roles of the RPC that does the same."""
    by_name = {method.name: method for method in routed if method.service.startswith("inference.")}
    found = []
    for verb, rpc in (("GET", "ModelMetadata"), ("POST", "ModelInfer")):
        if rpc in by_name:
            rules = [
                {"url_path": {"path": {"safe_regex": {"regex": f"{PREDICTION_ROOT}(/.*)?"}}}},
                {"header": {"name": ":method", "string_match": {"exact": verb}}},
            ]
            found.append((tuple(sorted(by_name[rpc].public_roles)), {"and_rules": {"rules": rules}}))
    return found


def _path(path: str) -> Config:
    return {"url_path": {"path": {"exact": path}}}


def _exactly(value: str) -> Config:
    return {"string_match": {"exact": value}}


def _claim(path: list[str], value: Config) -> Config:
    keys = [{"key": key} for key in (PAYLOAD, *path)]
    matcher = {"filter": JWT_FILTER, "path": keys, "value": value}
    return {"sourced_metadata": {"metadata_source": "DYNAMIC", "metadata_matcher": matcher}}
