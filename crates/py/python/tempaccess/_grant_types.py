"""The shapes of what grants take and return as dicts. Instants are RFC 3339 in UTC."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict, Union

Texts = Union[str, "os.PathLike[str]", Sequence[Union[str, "os.PathLike[str]"]]]
GrantKind = Literal["session", "policy"]
GrantState = Literal["pending", "denied", "planned", "live", "ended", "revoked", "withdrawn"]


class _Grant(TypedDict):
    to: str
    reason: str


class _Scope(_Grant, total=False):
    role: str
    policy: str | Mapping[str, Any] | os.PathLike[str]
    duration: str | int | timedelta
    from_ip: Texts
    preset: str
    allow_escape: bool


class ApprovalLimits(TypedDict, total=False):
    """What an approval gives less of than was requested.

    `policy` allows less than that of the preset: a dict, JSON, or the path of a JSON file. `from_ip` has CIDR blocks.
    """

    duration: str | float | timedelta
    from_ip: Texts
    policy: str | Mapping[str, Any] | os.PathLike[str]


class SessionGrant(_Scope, total=False):
    """Session grant: credentials of a role, sealed to keys of the person.

    `to` is the person, `role` an ARN, `ACCOUNT/NAME` or a name in the administrator's account. `policy` narrows the role: a
    dict, JSON, or the path of a JSON file. `seal_to` has public keys, files of them, or names in the signers file. `from_ip` has
    CIDR blocks. `allow_escape` allows a policy with which the person could keep access after the grant ends.
    """

    policy_arns: Texts
    seal_to: Texts


class PolicyGrant(_Scope, total=False):
    """Policy grant: a policy with dates on the role that the person signs in to.

    `to` is the person's role session name. The grant lasts for a `duration` or until a time. `no_ceiling` allows a role without
    a permissions boundary.
    """

    from_: str | datetime
    until: str | datetime
    no_ceiling: bool


# `from` is a word of the language.
_Begins = TypedDict("_Begins", {"from": str})


class PlanSummary(_Begins):
    """What a plan would give."""

    id: str
    action: Literal["issue", "permit", "extend"]
    kind: GrantKind
    to: str
    by: str
    role_arn: str
    allows: str
    policy: str | None
    policy_arns: list[str]
    from_ip: list[str]
    until: str
    duration: str
    reason: str
    preset: str | None
    sealed_to: list[str]
    session: str | None
    approved_by: list[str]
    break_glass: bool
    iam_policy_name: str | None


class SignedLine(TypedDict):
    """A line of JSON and its signature."""

    text: str
    signature: str


class _GrantEvent(TypedDict, total=False):
    prev: str
    by_arn: str
    role_id: str
    request: SignedLine
    approvals: list[SignedLine]
    break_glass: bool
    preset: str
    policy: str
    policy_sha256: str
    policy_arns: list[str]
    from_ip: list[str]
    session: str
    access_key_id: str
    sts_request_id: str
    recipients: list[str]
    recipient_keys: list[str]
    issue: int
    iam_policy_name: str
    signature: str


class GrantEvent(_Begins, _GrantEvent):
    """An event of a grant. What does not apply to it is left out."""

    version: int
    id: str
    seq: int
    at: str
    event: Literal[
        "requested",
        "approved",
        "denied",
        "issued",
        "permitted",
        "extended",
        "revoked",
        "restored",
        "ended",
        "reviewed",
    ]
    how: GrantKind
    to: str
    by: str
    role_arn: str
    until: str
    reason: str


class GrantSummary(_Begins):
    """What the events of a grant say together. `defects` are the reasons why they cannot be trusted."""

    id: str
    state: GrantState
    kind: GrantKind
    to: str
    by: str
    role_arn: str
    until: str
    reason: str
    preset: str | None
    extensions: int
    break_glass: bool
    needs_review: bool
    policy: str | None
    policy_arns: list[str]
    from_ip: list[str]
    defects: list[str]


class GrantDetails(TypedDict):
    """A grant with its events, oldest first."""

    grant: GrantSummary
    events: list[GrantEvent]


class ListedGrant(TypedDict):
    """A grant in a list. What only a record knows is `None` if no record has the grant."""

    id: str
    to: str | None
    kind: GrantKind
    role_arn: str
    state: GrantState | None
    until: str | None
    left: str
    reason: str | None
    by: str | None
    problems: list[str]


class GrantListing(TypedDict):
    """The grants that were found, and what could not be looked at."""

    grants: list[ListedGrant]
    notes: list[str]


class GrantFinding(TypedDict):
    """A point in which the records and IAM do not agree."""

    id: str | None
    role_arn: str
    problem: str


class RoleRoom(TypedDict):
    """The characters of the inline policies of a role, and how many more it can have."""

    role_arn: str
    used: int
    left: int


class GrantCheck(TypedDict):
    """What a comparison of the records with IAM found."""

    findings: list[GrantFinding]
    roles: list[RoleRoom]
    notes: list[str]


class RevocationStep(TypedDict):
    """A change of a role's policies. Without a `document`, the policy is deleted."""

    id: str | None
    kind: GrantKind | None
    to: str | None
    role_arn: str
    policy_name: str
    document: str | None
    user_id: str | None


class RevocationPlan(TypedDict):
    """What a revocation does, or what undoes it."""

    steps: list[RevocationStep]
    reason: str
    undo: bool
    skipped: list[str]


class CleanedPolicy(TypedDict):
    """A policy that has no effect any more."""

    role_arn: str
    policy_name: str
    id: str | None
    until: str


class _GrantHeader(TypedDict, total=False):
    policy_sha256: str


class GrantHeader(_GrantHeader):
    """The facts of a sealed grant, which the administrator signed."""

    version: int
    id: str
    issue: int
    to: str
    by: str
    role: str
    session: str
    until: str
    reason: str
    recipients: list[str]
    sealed_sha256: str


class _NarrowedApproval(TypedDict):
    by: str


class NarrowedApproval(_NarrowedApproval, total=False):
    """An approval of less than the preset allows. What it leaves to the preset is missing."""

    from_ip: list[str]
    policy: str


class _VerifiedRequest(TypedDict, total=False):
    seal_to: list[str]
    narrowed: list[NarrowedApproval]


class VerifiedRequest(_VerifiedRequest):
    """A request whose signature is that of a person who may ask, with approvals of people who may give."""

    version: int
    id: str
    to: str
    preset: str
    duration_seconds: int
    reason: str
    at: str
    nonce: str
    approved_by: list[str]
    agreed_seconds: int
