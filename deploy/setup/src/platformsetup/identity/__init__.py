"""Keycloak: the distribution, the realm and its reconciliation."""
