"""The shapes of what is returned as a dict, and the texts of errors."""

from __future__ import annotations

from typing import Literal, TypedDict

Kind = Literal[
    "invalid_argument",
    "invalid_configuration",
    "io",
    "network",
    "deadline_exceeded",
    "interaction_required",
    "callback_failed",
    "authentication_failed",
    "factor_failed",
    "factor_unsupported",
    "account_locked",
    "account_action_required",
    "identity_provider_refused",
    "rate_limited",
    "identity_provider_error",
    "no_saml_response",
    "malformed_response",
    "forbidden_construct",
    "limit_exceeded",
    "multiple_assertions",
    "encrypted_assertion",
    "unsigned_assertion",
    "signature_invalid",
    "assertion_not_accepted",
    "no_roles",
    "role_not_offered",
    "role_ambiguous",
    "invalid_scope",
    "assertion_expired",
    "claim_rejected",
    "invalid_identity_token",
    "malformed_policy",
    "packed_policy_too_large",
    "region_disabled",
    "access_denied",
    "sts_validation",
    "duration_above_role_maximum",
    "sts_throttled",
    "sts_unavailable",
    "iam_refused",
    "iam_limit",
    "iam_unavailable",
    "grant_changed",
    "audit_failed",
    "grant_not_found",
    "grant_ended",
    "grant_refused",
    "grant_unsafe",
    "grant_not_genuine",
    "grant_not_for_you",
    "grant_elsewhere",
    "invalid_recipient",
    "cancelled",
]
Stage = Literal[
    "configuration",
    "sign_in",
    "assertion",
    "verification",
    "role",
    "scope",
    "exchange",
    "store",
    "output",
    "audit",
    "grant",
]
Fault = Literal["caller", "identity_provider", "aws", "input", "environment"]


class InspectedRole(TypedDict):
    """A pair of role and provider."""

    role_arn: str
    provider_arn: str
    partition: str
    account_id: str
    name: str


class Signed(TypedDict):
    """Which parts contain a signature of their own."""

    response: bool
    assertion: bool


class Skipped(TypedDict):
    """A value that was skipped, and why."""

    value: str
    reason: str


class Problem(TypedDict):
    """What AWS would refuse."""

    code: str
    message: str
    hint: str | None


class Inspection(TypedDict):
    """The facts of a SAML response, and what AWS would refuse. Instants are RFC 3339 in UTC."""

    response_id: str | None
    assertion_id: str | None
    issuer: str | None
    subject: str | None
    subject_format: str | None
    session_name: str | None
    source_identity: str | None
    audiences: list[str]
    recipient: str | None
    destination: str | None
    issued_at: str | None
    not_before: str | None
    not_on_or_after: str | None
    session_not_on_or_after: str | None
    session_duration: int | None
    roles: list[InspectedRole]
    tags: dict[str, str]
    transitive_tag_keys: list[str]
    signed: Signed
    encrypted: bool
    skipped: list[Skipped]
    problems: list[Problem]


class VerifiedSignature(TypedDict):
    """A valid signature."""

    of: Literal["response", "assertion"]
    id: str
    algorithm: str
    digest: str
    key_subject: str | None
    key_sha256: str


class _ErrorReport(TypedDict, total=False):
    roles: list[str]
    retry_after_seconds: int
    limit: ExceededLimit


class ErrorReport(_ErrorReport):
    """An error as JSON."""

    kind: Kind
    stage: Stage
    fault: Fault
    message: str
    hint: str | None


class Verification(TypedDict):
    """The result of verification."""

    verified: bool
    signatures: list[VerifiedSignature]
    error: ErrorReport | None


class ExceededLimit(TypedDict):
    """A limit that an input exceeds: at most `maximum` of what `unit` says, such as `elements`."""

    maximum: int
    unit: str


class Examination(Inspection):
    """An inspection with the result of verification."""

    verification: Verification


class _Shortened(TypedDict, total=False):
    refused_seconds: int
    seconds: int


class Shortened(_Shortened):
    """Why a session is shorter than requested: `role_maximum` has `refused_seconds`, `session_duration_attribute` has `seconds`."""

    by: Literal["role_maximum", "session_not_on_or_after", "session_duration_attribute", "role_chaining", "sts"]


class _SessionSummary(TypedDict, total=False):
    duration_excess: int


class SessionSummary(_SessionSummary):
    """Everything that is known about an issued session but the secrets."""

    expiration: str
    account_id: str
    role_arn: str
    provider_arn: str
    chained_from: str | None
    assumed_role_arn: str | None
    duration_asked: int
    duration_granted: int
    shortened: list[Shortened]
    policy_sha256: str | None
    policy_arns: list[str]
    request_id: str | None


class _StatusEntry(TypedDict, total=False):
    session: str
    credentials: SessionSummary


class StatusEntry(_StatusEntry):
    """A cached entry without its secrets."""

    kind: Literal["credentials", "session", "tokens", "org", "grant"]
    source: str
    subject: str | None
    issued_at: str
    expiration: str | None


class Status(TypedDict):
    """The cached entries, and where they are stored."""

    store: str | None
    entries: list[StatusEntry]
