"""Grants with what Python adds: values, waiting, asyncio, boto3."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from . import _tempaccess
from ._grant_types import (
    ApprovalLimits,
    CleanedPolicy,
    GrantCheck,
    GrantDetails,
    GrantEvent,
    GrantListing,
    PlanSummary,
    PolicyGrant,
    RevocationPlan,
    SessionGrant,
    Texts,
)
from ._grant_values import optional_duration, texts, values_json
from ._shared import Shared, duration_text
from ._tempaccess import IssuedGrant

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack

_Timeout = float | timedelta | None
_Duration = str | float | timedelta
# `Grants.list` hides the type.
_Cleaned = list[CleanedPolicy]


class GrantPlan:
    """A grant that was checked and not given yet. It can be carried out once."""

    def __init__(self, grants: Grants, plan: _tempaccess.GrantPlan) -> None:
        self._grants = grants
        self._plan = plan

    @property
    def summary(self) -> PlanSummary:
        """What would be given."""
        return self._plan.summary

    def carry_out(self, *, timeout: _Timeout = None) -> IssuedGrant:
        """Gives what was planned. The record is written before access is handed out."""
        return self._grants._wait(lambda native: native.carry_out(self._plan), timeout)

    async def carry_out_async(self) -> IssuedGrant:
        """As `carry_out`."""
        return await self._grants._wait_async(lambda native: native.carry_out(self._plan))

    def __repr__(self) -> str:
        summary = self.summary
        return f"GrantPlan(action={summary['action']!r}, to={summary['to']!r}, role_arn={summary['role_arn']!r})"


class Grants(Shared[_tempaccess.Grants], native=_tempaccess.Grants):
    """Access that an administrator gives to others, extends, ends and accounts for.

        grants = tempaccess.Grants("admin")
        issued = grants.issue(
            to="grace@example.com", role="ledger/Granted", duration="40m", seal_to="grace.pub", reason="OPS-123"
        )
        print(issued.sealed)
        grants.revoke(issued.id, reason="done early")

    The arguments are those of `Session`, for the administrator's own sign-in. The trusted signers, the records and the presets
    are those of the configuration. Nothing asks for a confirmation: `plan_issue`, `plan_permit`, `plan_extend` and
    `plan_approve` return what would be given, and give nothing.

    Methods that wait take a `timeout` in seconds, and each has a variant for asyncio, `..._async`.
    """

    def plan_issue(self, *, timeout: _Timeout = None, **grant: Unpack[SessionGrant]) -> GrantPlan:
        """Checks a session grant (see `SessionGrant`) and returns what would be given."""
        values = values_json(grant)
        return GrantPlan(self, self._wait(lambda native: native.plan_issue(values), timeout))

    async def plan_issue_async(self, **grant: Unpack[SessionGrant]) -> GrantPlan:
        """As `plan_issue`."""
        values = values_json(grant)
        return GrantPlan(self, await self._wait_async(lambda native: native.plan_issue(values)))

    def issue(self, *, timeout: _Timeout = None, **grant: Unpack[SessionGrant]) -> IssuedGrant:
        """Gives a session grant (see `SessionGrant`), whose `sealed` text is sent to the person."""
        values = values_json(grant)
        return self._wait(lambda native: native.issue(values), timeout)

    async def issue_async(self, **grant: Unpack[SessionGrant]) -> IssuedGrant:
        """As `issue`."""
        values = values_json(grant)
        return await self._wait_async(lambda native: native.issue(values))

    def plan_permit(self, *, timeout: _Timeout = None, **grant: Unpack[PolicyGrant]) -> GrantPlan:
        """Checks a policy grant (see `PolicyGrant`) and returns what would be given."""
        values = values_json(grant)
        return GrantPlan(self, self._wait(lambda native: native.plan_permit(values), timeout))

    async def plan_permit_async(self, **grant: Unpack[PolicyGrant]) -> GrantPlan:
        """As `plan_permit`."""
        values = values_json(grant)
        return GrantPlan(self, await self._wait_async(lambda native: native.plan_permit(values)))

    def permit(self, *, timeout: _Timeout = None, **grant: Unpack[PolicyGrant]) -> IssuedGrant:
        """Gives a policy grant (see `PolicyGrant`)."""
        values = values_json(grant)
        return self._wait(lambda native: native.permit(values), timeout)

    async def permit_async(self, **grant: Unpack[PolicyGrant]) -> IssuedGrant:
        """As `permit`."""
        values = values_json(grant)
        return await self._wait_async(lambda native: native.permit(values))

    def plan_extend(self, id: str, duration: _Duration, *, reason: str, timeout: _Timeout = None) -> GrantPlan:
        """Checks an extension and returns what would be given."""
        length = duration_text(duration)
        return GrantPlan(self, self._wait(lambda native: native.plan_extend(id, length, reason), timeout))

    async def plan_extend_async(self, id: str, duration: _Duration, *, reason: str) -> GrantPlan:
        """As `plan_extend`."""
        length = duration_text(duration)
        return GrantPlan(self, await self._wait_async(lambda native: native.plan_extend(id, length, reason)))

    def extend(self, id: str, duration: _Duration, *, reason: str, timeout: _Timeout = None) -> IssuedGrant:
        """Extends a grant: a session grant by new sealed credentials, a policy grant by another date."""
        length = duration_text(duration)
        return self._wait(lambda native: native.extend(id, length, reason), timeout)

    async def extend_async(self, id: str, duration: _Duration, *, reason: str) -> IssuedGrant:
        """As `extend`."""
        length = duration_text(duration)
        return await self._wait_async(lambda native: native.extend(id, length, reason))

    def revoke(
        self,
        ids: str | Sequence[str] = (),
        *,
        to: str | None = None,
        by: str | None = None,
        older_role: str | None = None,
        reason: str,
        dry_run: bool = False,
        timeout: _Timeout = None,
    ) -> RevocationPlan:
        """Ends access early: these grants, all to a person, all by an administrator, or all older sessions of a role.

        Returns what was changed. With `dry_run`, nothing is changed.
        """
        named = texts("ids", ids)
        return self._wait(lambda native: native.revoke(named, to, by, older_role, reason, dry_run), timeout)

    async def revoke_async(
        self,
        ids: str | Sequence[str] = (),
        *,
        to: str | None = None,
        by: str | None = None,
        older_role: str | None = None,
        reason: str,
        dry_run: bool = False,
    ) -> RevocationPlan:
        """As `revoke`."""
        named = texts("ids", ids)
        return await self._wait_async(lambda native: native.revoke(named, to, by, older_role, reason, dry_run))

    def restore(
        self, ids: str | Sequence[str], *, reason: str, dry_run: bool = False, timeout: _Timeout = None
    ) -> RevocationPlan:
        """Undoes the revocations of these grants. Returns what was changed."""
        named = texts("ids", ids)
        return self._wait(lambda native: native.restore(named, reason, dry_run), timeout)

    async def restore_async(self, ids: str | Sequence[str], *, reason: str, dry_run: bool = False) -> RevocationPlan:
        """As `restore`."""
        named = texts("ids", ids)
        return await self._wait_async(lambda native: native.restore(named, reason, dry_run))

    def list(
        self,
        *,
        roles: str | Sequence[str] = (),
        to: str | None = None,
        by: str | None = None,
        ended: bool = False,
        offline: bool = False,
        timeout: _Timeout = None,
    ) -> GrantListing:
        """Lists grants: with `ended` also those that have ended, with `offline` from the records alone."""
        named = texts("roles", roles)
        return self._wait(lambda native: native.list(named, to, by, ended, offline), timeout)

    async def list_async(
        self,
        *,
        roles: str | Sequence[str] = (),
        to: str | None = None,
        by: str | None = None,
        ended: bool = False,
        offline: bool = False,
    ) -> GrantListing:
        """As `list`."""
        named = texts("roles", roles)
        return await self._wait_async(lambda native: native.list(named, to, by, ended, offline))

    def show(self, id: str, *, timeout: _Timeout = None) -> GrantDetails:
        """Returns a grant with its events."""
        return self._wait(lambda native: native.show(id), timeout)

    async def show_async(self, id: str) -> GrantDetails:
        """As `show`."""
        return await self._wait_async(lambda native: native.show(id))

    def check(self, roles: str | Sequence[str] = (), *, timeout: _Timeout = None) -> GrantCheck:
        """Compares the records with IAM."""
        named = texts("roles", roles)
        return self._wait(lambda native: native.check(named), timeout)

    async def check_async(self, roles: str | Sequence[str] = ()) -> GrantCheck:
        """As `check`."""
        named = texts("roles", roles)
        return await self._wait_async(lambda native: native.check(named))

    def clean(self, roles: str | Sequence[str] = (), *, dry_run: bool = False, timeout: _Timeout = None) -> _Cleaned:
        """Removes policies that have no effect any more. Returns them. With `dry_run`, nothing is removed."""
        named = texts("roles", roles)
        return self._wait(lambda native: native.clean(named, dry_run), timeout)

    async def clean_async(self, roles: str | Sequence[str] = (), *, dry_run: bool = False) -> _Cleaned:
        """As `clean`."""
        named = texts("roles", roles)
        return await self._wait_async(lambda native: native.clean(named, dry_run))

    def plan_approve(self, text: str, *, timeout: _Timeout = None, **limits: Unpack[ApprovalLimits]) -> GrantPlan:
        """Approves a request and returns what would be given: as requested, or within narrower limits (see `ApprovalLimits`)."""
        values = values_json(limits)
        return GrantPlan(self, self._wait(lambda native: native.plan_approve(text, values), timeout))

    async def plan_approve_async(self, text: str, **limits: Unpack[ApprovalLimits]) -> GrantPlan:
        """As `plan_approve`."""
        values = values_json(limits)
        return GrantPlan(self, await self._wait_async(lambda native: native.plan_approve(text, values)))

    def approve(self, text: str, *, timeout: _Timeout = None, **limits: Unpack[ApprovalLimits]) -> IssuedGrant:
        """Approves a request and gives it: as requested, or within narrower limits (see `ApprovalLimits`)."""
        values = values_json(limits)
        return self._wait(lambda native: native.approve(text, values), timeout)

    async def approve_async(self, text: str, **limits: Unpack[ApprovalLimits]) -> IssuedGrant:
        """As `approve`."""
        values = values_json(limits)
        return await self._wait_async(lambda native: native.approve(text, values))

    def sign_approval(self, text: str, *, timeout: _Timeout = None, **limits: Unpack[ApprovalLimits]) -> str:
        """Signs an approval, within narrower limits if given, and returns the request with it. Nothing is given."""
        values = values_json(limits)
        return self._wait(lambda native: native.sign_approval(text, values), timeout)

    async def sign_approval_async(self, text: str, **limits: Unpack[ApprovalLimits]) -> str:
        """As `sign_approval`."""
        values = values_json(limits)
        return await self._wait_async(lambda native: native.sign_approval(text, values))

    def deny(self, text: str, *, reason: str, timeout: _Timeout = None) -> GrantEvent:
        """Denies a request, so that nobody can approve it any more."""
        return self._wait(lambda native: native.deny(text, reason), timeout)

    async def deny_async(self, text: str, *, reason: str) -> GrantEvent:
        """As `deny`."""
        return await self._wait_async(lambda native: native.deny(text, reason))

    def review(self, id: str, *, reason: str, timeout: _Timeout = None) -> GrantEvent:
        """Reviews a grant that was given in an emergency, without approvals."""
        return self._wait(lambda native: native.review(id, reason), timeout)

    async def review_async(self, id: str, *, reason: str) -> GrantEvent:
        """As `review`."""
        return await self._wait_async(lambda native: native.review(id, reason))
