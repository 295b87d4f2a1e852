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
    """The settings of a session. Precedence: arguments, the environment, the profile."""

    source: str
    auth: Literal["auto", "classic", "device", "browser", "idx"]
    client_id: str
    username: str
    password_command: str
    factor: Literal["push", "code", "sms", "call", "email", "question"]
    remember_device: bool
    browser: str
    headless: bool
    acs_url: str
    role: str
    account: str
    provider: str
    then: list[NextRole]
    duration: str | int | timedelta
    policy: str | Mapping[str, Any] | os.PathLike[str]
    policy_arns: list[str]
    region: str
    sts_endpoint_url: str
    iam_endpoint_url: str
    s3_endpoint_url: str
    cloudtrail_endpoint_url: str
    logs_endpoint_url: str
    athena_endpoint_url: str
    federation_endpoint_url: str
    store: Literal["auto", "file", "keyring", "kernel", "none"]
    reason: str
    audit_log: str | os.PathLike[str]


class SessionArguments(Settings, total=False):
    """The keyword arguments of `Session`."""

    config: str | os.PathLike[str] | None
    prompter: Prompter | None
    assertion_source: Callable[[AssertionRequest], Response | Awaitable[Response]] | None
    password: str | None
