"""The settings of a session."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from ._prompts import Prompter
    from ._shared import Response
    from ._tempaccess import AssertionRequest


class NextRole(TypedDict, total=False):
    """A role to assume from the session of the role before (role chaining)."""

    role_arn: str
    session_name: str
    source_identity: str
    external_id: str
    tags: dict[str, str]
    transitive_tag_keys: list[str]


class Settings(TypedDict, total=False):
    """The settings of a session. Precedence: arguments, the environment, the profile. One that is `None` is not given."""

    source: str | None
    auth: Literal["auto", "classic", "device", "browser", "idx"] | None
    client_id: str | None
    username: str | None
    password_command: str | None
    factor: Literal["push", "code", "sms", "call", "email", "question"] | None
    remember_device: bool | None
    browser: str | None
    headless: bool | None
    acs_url: str | None
    role: str | None
    account: str | None
    provider: str | None
    chain: list[NextRole] | None
    duration: str | int | timedelta | None
    policy: str | Mapping[str, Any] | os.PathLike[str] | None
    policy_arns: list[str] | None
    region: str | None
    sts_endpoint_url: str | None
    iam_endpoint_url: str | None
    s3_endpoint_url: str | None
    cloudtrail_endpoint_url: str | None
    logs_endpoint_url: str | None
    athena_endpoint_url: str | None
    federation_endpoint_url: str | None
    store: Literal["auto", "file", "keyring", "kernel", "none"] | None
    reason: str | None
    audit_log: str | os.PathLike[str] | None


class SessionArguments(Settings, total=False):
    """The keyword arguments of `Session`."""

    config: str | os.PathLike[str] | None
    prompter: Prompter | None
    assertion_source: Callable[[AssertionRequest], Response | Awaitable[Response]] | None
    password: str | None
