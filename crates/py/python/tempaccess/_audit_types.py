"""The shapes of what audits take and return as dicts. Instants are RFC 3339 in UTC."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Literal, TypedDict

from ._grant_types import Texts


class TrailQuery(TypedDict, total=False):
    """Events of CloudTrail that are wanted: those of a grant (`id`), a person (`to`), a `role`, an `access_key`, or the sessions that
    an `assertion` got. `audit_logs` are the logs of people, whose sign-ins the events are compared with.

    They are in the event history of the account, unless `files` names a folder or `s3://BUCKET/PREFIX` with the files of a trail,
    `logs` a log group of CloudWatch Logs, `athena` a table, or `lake` an event data store, whose engine then runs the query. The
    period is that of the grant or the sign-in, or the last seven days. `workgroup` and `results` are those of Athena.
    """

    id: str
    to: str
    role: str
    access_key: str
    assertion: str
    audit_logs: Texts
    from_: str | datetime
    until: str | datetime
    regions: Texts
    files: str | os.PathLike[str]
    logs: str
    athena: str
    lake: str
    workgroup: str
    results: str


class TrailEvent(TypedDict):
    """An event of CloudTrail, as far as it concerns access."""

    time: str
    id: str
    source: str
    name: str
    region: str
    principal: str | None
    access_key_id: str | None
    source_identity: str | None
    source_address: str | None
    user_agent: str | None
    error_code: str | None
    error_message: str | None
    resources: list[str]
    role: str | None
    policy_name: str | None
    session_name: str | None
    assertion_id: str | None
    tags: dict[str, str]
    issued_key: str | None


class _TrailFinding(TypedDict, total=False):
    id: str
    access_key_id: str
    by: str | None
    at: str
    call: str
    denied: bool
    addresses: list[str]
    count: int
    resources: list[str]


class TrailFinding(_TrailFinding):
    """A point in which the records and CloudTrail do not agree, or what the scope of a session lacked. It is about a grant (`id`) or
    a sign-in (`access_key_id`)."""

    finding: Literal[
        "issued_without_record", "record_without_issuance", "used_after_end", "several_addresses", "denied"
    ]


class SessionCalls(TypedDict):
    """A sign-in of an audit log, and the calls of its session, with their counts."""

    at: str
    reason: str | None
    source: str
    session_name: str | None
    assertion_id: str | None
    chained_from: str | None
    role_arn: str | None
    policy_sha256: str | None
    policy_arns: list[str]
    access_key_id: str
    expiration: str
    calls: dict[str, int]


class TrailAnswer(TypedDict):
    """Events of CloudTrail, compared with the records. `calls` has the calls of each grant, with their counts; `unreadable` is the
    number of lines of the audit logs that are not records."""

    events: list[TrailEvent]
    unreadable: int
    findings: list[TrailFinding]
    calls: dict[str, dict[str, int]]
    sign_ins: list[SessionCalls]


class RecordDefect(TypedDict):
    """Why the records of a grant cannot be trusted."""

    id: str
    defect: str


class RecordsVerification(TypedDict):
    """The result of a check of the records."""

    records: str
    grants: int
    events: int
    defects: list[RecordDefect]


class UnreadableGrant(TypedDict):
    """A grant with a record that cannot be parsed."""

    id: str
    reason: str


class ReportFacts(TypedDict):
    """An export or a report, and what cannot be trusted of it."""

    text: str
    grants: int
    untrusted: int
    sign_ins: int
    unreadable_lines: int
    unreadable: list[UnreadableGrant]
