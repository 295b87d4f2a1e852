"""What aiobotocore needs, apart because it is not a dependency."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiobotocore.credentials import AioDeferredRefreshableCredentials
from botocore.credentials import CredentialProvider

from ._botocore import ADVISORY_REFRESH, MANDATORY_REFRESH, metadata
from ._tempaccess import IssuedSession


class Credentials(AioDeferredRefreshableCredentials):
    """Requested when they are first needed, and again before they expire, as those of botocore."""

    _advisory_refresh_timeout = ADVISORY_REFRESH
    _mandatory_refresh_timeout = MANDATORY_REFRESH

    def __init__(self, provide: Callable[[], Awaitable[IssuedSession]]) -> None:
        async def refresh() -> dict[str, str]:
            return metadata(await provide())

        super().__init__(refresh_using=refresh, method="tempaccess")


class Provider(CredentialProvider):
    """Provides the credentials that a coroutine function returns."""

    METHOD = "tempaccess"
    CANONICAL_NAME = "tempaccess"

    def __init__(self, provide: Callable[[], Awaitable[IssuedSession]]) -> None:
        super().__init__()
        self._tempaccess_provide = provide

    async def load(self) -> Credentials:
        return Credentials(self._tempaccess_provide)
