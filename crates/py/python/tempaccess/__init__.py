"""Temporary AWS access: sign in at your identity provider, get credentials that end by themselves."""

from . import _tempaccess
from ._boto import boto3_session, botocore_credentials
from ._session import Prompter, Session, Terminal
from ._tempaccess import Assertion, Error, Grant, Role, __version__, read

# One exception for each kind of error, under `Error`.
_kinds = {name: value for name, value in vars(_tempaccess).items() if isinstance(value, type) and issubclass(value, Error)}
globals().update(_kinds)

__all__ = [
    "Assertion",
    "Grant",
    "Prompter",
    "Role",
    "Session",
    "Terminal",
    "__version__",
    "boto3_session",
    "botocore_credentials",
    "read",
    *_kinds,
]
