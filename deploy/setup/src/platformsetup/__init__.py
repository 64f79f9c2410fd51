"""What the local stack and the cluster's jobs do once: databases and roles, the lake's bucket, the sign-in realm."""

__all__ = ["DATABASES"]

DATABASES = (
    "keycloak",
    "lumbung_catalog",
    "lumbung_ingest",
    "lumbung_compute",
    "lumbung_inference",
    "lumbung_lake",
)
"""One per service, and one each for the lake's tables and for Keycloak."""
