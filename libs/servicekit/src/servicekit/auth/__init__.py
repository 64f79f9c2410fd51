"""Who calls, and what the method asks of them."""

from servicekit.auth.access import AccessRule, AccessRules
from servicekit.auth.identity import ServiceIdentity
from servicekit.auth.principal import Principal, current_principal
from servicekit.auth.tokens import TokenVerifier

__all__ = ["AccessRule", "AccessRules", "Principal", "ServiceIdentity", "TokenVerifier", "current_principal"]
