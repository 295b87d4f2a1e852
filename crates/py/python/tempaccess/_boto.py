"""boto3 with credentials that renew themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._session import Session

if TYPE_CHECKING:
    import boto3
    import botocore.credentials


def botocore_credentials(session: Session) -> botocore.credentials.DeferredRefreshableCredentials:
    """Credentials for botocore, asked for when they are first needed and again before they end."""
    from botocore.credentials import DeferredRefreshableCredentials

    def refresh() -> dict[str, str]:
        issued = session.credentials()
        return {
            "access_key": issued.access_key_id,
            "secret_key": issued.secret_access_key,
            "token": issued.session_token,
            "expiry_time": issued.expiration.isoformat(),
            "account_id": issued.account_id,
        }

    return DeferredRefreshableCredentials(refresh_using=refresh, method="tempaccess")


def boto3_session(profile: str | None = None, *, region_name: str | None = None, **settings: Any) -> boto3.session.Session:
    """A boto3 session with temporary access: `boto3_session(role="ledger/ReadOnly").client("s3")`.

    Takes what `Session` takes.
    """
    import boto3.session
    import botocore.session

    inner = botocore.session.get_session()
    inner._credentials = botocore_credentials(Session(profile, **settings))
    return boto3.session.Session(botocore_session=inner, region_name=region_name or settings.get("region"))
