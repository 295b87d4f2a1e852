"""boto3 and aiobotocore with credentials that are refreshed before they expire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ._session import Session
from ._tempaccess import IssuedSession

if TYPE_CHECKING:
    import aiobotocore.session
    import boto3
    import botocore.credentials
    from typing_extensions import Unpack

    from ._settings import SessionArguments


def botocore_credentials(session: Session) -> botocore.credentials.RefreshableCredentials:
    """Returns credentials for botocore, which requests them when they are first needed, and again before they expire."""
    from ._botocore import Credentials

    if not isinstance(session, Session):
        raise TypeError(f"argument 'session' must be a tempaccess.Session, not {type(session).__name__}")
    return Credentials(session._refreshable_credentials)


def _region(name: str | None, session: Session) -> str | None:
    if name is not None and not isinstance(name, str):
        raise TypeError(f"argument 'region_name' must be str, not {type(name).__name__}")
    return name or session.region


def boto3_session(
    profile: str | None = None, *, region_name: str | None = None, **arguments: Unpack[SessionArguments]
) -> boto3.session.Session:
    """Returns a boto3 session with temporary access: `boto3_session(role="ledger/ReadOnly").client("s3")`.

    Takes the arguments of `Session`. The region is `region_name`, or else that of the session.
    """
    session = Session(profile, **arguments)
    return session_with(session._refreshable_credentials, _region(region_name, session))


def session_with(provide: Callable[[], IssuedSession], region_name: str | None) -> boto3.session.Session:
    """Returns a boto3 session whose only provider calls this."""
    import boto3.session
    import botocore.session
    from botocore.credentials import CredentialResolver

    from ._botocore import Provider

    inner = botocore.session.get_session()
    # The only provider: credentials of another source must not take precedence.
    inner.register_component("credential_provider", CredentialResolver([Provider(provide)]))
    return boto3.session.Session(botocore_session=inner, region_name=region_name)


def aiobotocore_session(
    profile: str | None = None, *, region_name: str | None = None, **arguments: Unpack[SessionArguments]
) -> aiobotocore.session.AioSession:
    """Returns an aiobotocore session with temporary access: `aiobotocore_session(role="ledger/ReadOnly").create_client("s3")`.

    Takes the arguments of `Session`. The region is `region_name`, or else that of the session. aioboto3 takes it as
    well: `aioboto3.Session(botocore_session=...)`.
    """
    session = Session(profile, **arguments)
    return aio_session_with(session._refreshable_credentials_async, _region(region_name, session))


def aio_session_with(
    provide: Callable[[], Awaitable[IssuedSession]], region_name: str | None
) -> aiobotocore.session.AioSession:
    """Returns an aiobotocore session whose only provider calls this."""
    import aiobotocore.session
    from aiobotocore.credentials import AioCredentialResolver

    from ._aiobotocore import Provider

    session = aiobotocore.session.get_session()
    session.register_component("credential_provider", AioCredentialResolver([Provider(provide)]))
    if region_name is not None:
        session.set_config_variable("region", region_name)
    return session
