"""The native session with what Python adds: settings, waiting, asyncio."""

from __future__ import annotations

from datetime import timedelta

from . import _tempaccess
from ._shared import Shared, duration_text, flag
from ._tempaccess import FailedRole, IssuedRole, IssuedSession, Role

Exchanged = IssuedRole | FailedRole
"""One role of many: with `issued` credentials, or with the `error` that explains why not."""


class Session(Shared[_tempaccess.Session], native=_tempaccess.Session):
    """Temporary access: who signs in, which role to assume, for how long and with which permissions.

    The settings are those of a profile (see `Settings`). Precedence: arguments, the environment, the profile. The command line
    uses the same cache, so that a sign-in of one serves the other.

        session = tempaccess.Session(role="ledger/ReadOnly", duration="40m")
        issued = session.credentials()

    `assertion_source` is a callable or a coroutine function that returns a SAML response in any form, instead of a `source`.
    Without a `prompter`, prompts appear on the terminal, if there is one. With `prompter=None`, a prompt is an error.

    Methods that wait take a `timeout` in seconds, after which they raise `TimeoutError`. Each has a variant for asyncio,
    `..._async`. A timeout, Ctrl-C or cancelling the task cancels the sign-in and its prompts.

    A session can be used by many threads, and after a fork by parent and child.
    """

    @property
    def region(self) -> str | None:
        """The AWS region: of the arguments, the profile, or else of `AWS_REGION` or `AWS_DEFAULT_REGION`."""
        return self._state()[0].region

    def credentials(self, *, timeout: float | timedelta | None = None) -> IssuedSession:
        """Returns cached credentials while they are fresh, and signs in otherwise.

        If several threads and processes need the same credentials at the same time, one of them signs in and the others wait for it.
        Where nothing is stored (`store="none"`), this holds for the threads that share this session.
        """
        return self._wait(lambda native: native.credentials(), timeout)

    async def credentials_async(self) -> IssuedSession:
        """As `credentials`."""
        return await self._wait_async(lambda native: native.credentials())

    def _refreshable_credentials(self) -> IssuedSession:
        """As `credentials`, for a program that calls this before each of its requests."""
        return self._wait(lambda native: native.refreshable_credentials(), None)

    async def _refreshable_credentials_async(self) -> IssuedSession:
        """As `_refreshable_credentials`."""
        return await self._wait_async(lambda native: native.refreshable_credentials())

    def renew(self, *, force: bool = False, timeout: float | timedelta | None = None) -> IssuedSession:
        """Returns new credentials, even if the cached ones are fresh.

        With `force`, the user signs in again, even if there is a session at the identity provider.
        """
        return self._wait(lambda native: native.renew(force=flag("force", force)), timeout)

    async def renew_async(self, *, force: bool = False) -> IssuedSession:
        """As `renew`."""
        return await self._wait_async(lambda native: native.renew(force=flag("force", force)))

    def cached(self) -> IssuedSession | None:
        """Returns cached credentials that are fresh, without a sign-in, a wait or network requests."""
        return self._state()[0].cached()

    def all_credentials(self, *, timeout: float | timedelta | None = None) -> list[Exchanged]:
        """Returns credentials of every matching role, with one sign-in. If one role fails, the others are still returned: each is an
        `IssuedRole` or a `FailedRole`, whose `error` is not `None`."""
        return self._wait(lambda native: native.all_credentials(), timeout)

    async def all_credentials_async(self) -> list[Exchanged]:
        """As `all_credentials`."""
        return await self._wait_async(lambda native: native.all_credentials())

    def roles(self, *, timeout: float | timedelta | None = None) -> list[Role]:
        """Signs in and lists the offered roles."""
        return self._wait(lambda native: native.roles(), timeout)

    async def roles_async(self) -> list[Role]:
        """As `roles`."""
        return await self._wait_async(lambda native: native.roles())

    def console_url(
        self,
        *,
        destination: str | None = None,
        duration: str | int | timedelta | None = None,
        timeout: float | timedelta | None = None,
    ) -> str:
        """Returns the address that signs a browser in to the AWS console. It is as secret as the credentials.

        `destination` is a page of the console or a service, such as `s3`. `duration` is how long the console stays signed in.
        """
        length = None if duration is None else duration_text(duration)
        return self._wait(lambda native: native.console_url(destination=destination, duration=length), timeout)

    async def console_url_async(
        self, *, destination: str | None = None, duration: str | int | timedelta | None = None
    ) -> str:
        """As `console_url`."""
        length = None if duration is None else duration_text(duration)
        return await self._wait_async(lambda native: native.console_url(destination=destination, duration=length))

    def sign_out(self, *, timeout: float | timedelta | None = None) -> int:
        """Ends the session at the identity provider and removes what came from it from the cache.

        Returns how many credentials that were.
        """
        return self._wait(lambda native: native.sign_out(), timeout)

    async def sign_out_async(self) -> int:
        """As `sign_out`."""
        return await self._wait_async(lambda native: native.sign_out())
