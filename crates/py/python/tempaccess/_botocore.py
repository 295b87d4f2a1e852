"""What botocore needs, apart because it is not a dependency."""

from __future__ import annotations

from collections.abc import Callable

from botocore.credentials import CredentialProvider, DeferredRefreshableCredentials, RefreshableCredentials

from ._tempaccess import IssuedSession


# During botocore's own window of 15 minutes it would refresh short sessions before every request. The session refreshes its
# credentials by its own rules.
ADVISORY_REFRESH = 120
MANDATORY_REFRESH = 60


def metadata(issued: IssuedSession) -> dict[str, str]:
    """The credentials as botocore takes them."""
    return {
        "access_key": issued.access_key_id,
        "secret_key": issued.secret_access_key,
        "token": issued.session_token,
        "expiry_time": issued.expiration.isoformat(),
        "account_id": issued.account_id,
    }


class Credentials(DeferredRefreshableCredentials):
    """Requested when they are first needed, and again before they expire."""

    _advisory_refresh_timeout = ADVISORY_REFRESH
    _mandatory_refresh_timeout = MANDATORY_REFRESH

    def __init__(self, provide: Callable[[], IssuedSession]) -> None:
        super().__init__(refresh_using=lambda: metadata(provide()), method="tempaccess")


class Provider(CredentialProvider):
    """Provides the credentials that a function returns."""

    METHOD = "tempaccess"
    CANONICAL_NAME = "tempaccess"

    def __init__(self, provide: Callable[[], IssuedSession]) -> None:
        super().__init__()
        self._tempaccess_provide = provide

    def load(self) -> RefreshableCredentials:
        return Credentials(self._tempaccess_provide)
