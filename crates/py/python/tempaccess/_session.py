"""What a script needs around the native session: a person at the terminal, asyncio."""

from __future__ import annotations

import asyncio
import getpass
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypedDict, TypeVar

from . import _tempaccess
from ._calls import Asked, Calls
from ._tempaccess import AssertionRequest, Exchanged, IssuedSession, Role, Work

if TYPE_CHECKING:
    from typing_extensions import Unpack

_T = TypeVar("_T")


class Prompter(Protocol):
    """Asks the person. What a method raises ends the sign-in, and is the cause of the error.

    A method runs on a thread of its own, or is a coroutine, which the waiting event loop runs.
    """

    def text(self, question: str, /) -> str | Awaitable[str]:
        """Asks for a text that may be seen, such as a user name."""

    def secret(self, question: str, /) -> str | Awaitable[str]:
        """Asks for a text that nobody else may see, such as a password or a code."""

    def choose(self, question: str, choices: Sequence[str], /) -> int | Awaitable[int]:
        """Lets the person choose; the answer is an index."""

    def notify(self, message: str, /) -> None | Awaitable[None]:
        """Tells the person something that needs no answer, such as the number to tap on a telephone."""


class Visitor(Prompter, Protocol):
    """Asks the person, and sends them to the page of a sign-in that they finish in their own browser.

    A prompter without `visit` is told the address of the page.
    """

    def visit(self, url: str, code: str | None, /) -> None | Awaitable[None]:
        """Sends the person to a page, which asks for this code or shows it."""


class Terminal:
    """Asks on the terminal."""

    def text(self, question: str) -> str:
        print(f"{question}: ", end="", file=sys.stderr, flush=True)
        return input()

    def secret(self, question: str) -> str:
        return getpass.getpass(f"{question}: ")

    def choose(self, question: str, choices: Sequence[str]) -> int:
        for number, choice in enumerate(choices, 1):
            print(f"{number:>3}  {choice}", file=sys.stderr)
        while True:
            answer = self.text(f"{question} (1-{len(choices)})")
            if answer.isdecimal() and 1 <= int(answer) <= len(choices):
                return int(answer) - 1

    def visit(self, url: str, code: str | None) -> None:
        shown = "" if code is None else f"; the code there is {code}"
        print(f"Sign in at {url}{shown}", file=sys.stderr)
        webbrowser.open(url)

    def notify(self, message: str) -> None:
        print(message, file=sys.stderr)


TERMINAL: Prompter = Terminal()


class NextRole(TypedDict, total=False):
    """A role to go on to from the session of the one before."""

    role_arn: str
    session_name: str
    source_identity: str
    external_id: str
    tags: dict[str, str]
    transitive_tag_keys: list[str]


class Settings(TypedDict, total=False):
    """What can be set: over the environment, over the profile."""

    source: str
    auth: str
    client_id: str
    username: str
    password_command: str
    factor: str
    remember_device: bool
    browser: str
    headless: bool
    acs_url: str
    role: str
    account: str
    provider: str
    then: list[NextRole]
    duration: str | int
    policy: str
    policy_arns: list[str]
    region: str
    sts_endpoint_url: str
    federation_endpoint_url: str
    store: str
    reason: str
    audit_log: str


class Session:
    """Temporary access: who signs in, which role is taken, for how long and how narrow.

    Settings are those of a profile (see `Settings`), over the environment, over the profile. What was given is kept where
    the command line keeps it, so that a sign-in by either serves the other.

        session = tempaccess.Session(role="ledger/ReadOnly", duration="40m")
        issued = session.credentials()

    `assertion_source` is a callable, or a coroutine function, that returns a SAML response in any form, in place of a
    source. Without a `prompter`, the person is asked on the terminal where there is one; `prompter=None` asks nobody.

    Each method that may wait has a twin for asyncio, `..._async`. Whoever cancels it gives the sign-in up, and what is asked
    then is withdrawn; so does Ctrl-C.
    """

    def __init__(
        self,
        profile: str | None = None,
        *,
        config: str | None = None,
        prompter: Prompter | None = TERMINAL,
        assertion_source: Callable[[AssertionRequest], str | bytes | Awaitable[str | bytes]] | None = None,
        password: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        if prompter is TERMINAL and not (sys.stdin is not None and sys.stdin.isatty()):
            prompter = None
        self._calls = Calls()
        self._native = _tempaccess.Session(
            profile,
            config=config,
            prompter=None if prompter is None else Asked(prompter, self._calls),
            assertion_source=None if assertion_source is None else self._calls.of(assertion_source),
            password=password,
            settings=dict(settings) or None,
        )

    def credentials(self) -> IssuedSession:
        """Credentials: those that are kept as long as they are good for a while yet; else by a sign-in.

        Of any number of callers, threads and processes that need the same at once, one signs in.
        """
        return self._native.credentials().wait()

    async def credentials_async(self) -> IssuedSession:
        """As `credentials`."""
        return await self._awaited(self._native.credentials())

    def renew(self, *, force: bool = False) -> IssuedSession:
        """Returns new credentials, also if the cached ones are fresh; `force` makes the person sign in again even if there is a session."""
        return self._native.renew(force=force).wait()

    async def renew_async(self, *, force: bool = False) -> IssuedSession:
        """As `renew`."""
        return await self._awaited(self._native.renew(force=force))

    def cached(self) -> IssuedSession | None:
        """The credentials that are kept and good for a while yet: without a sign-in, a wait or any network."""
        return self._native.cached()

    def all_credentials(self) -> list[Exchanged]:
        """Credentials of every role that fits, by one sign-in. One role's failure is no other's."""
        return self._native.all_credentials().wait()

    async def all_credentials_async(self) -> list[Exchanged]:
        """As `all_credentials`."""
        return await self._awaited(self._native.all_credentials())

    def roles(self) -> list[Role]:
        """Signs in and lists the roles that are offered."""
        return self._native.roles().wait()

    async def roles_async(self) -> list[Role]:
        """As `roles`."""
        return await self._awaited(self._native.roles())

    def console_url(self, *, destination: str | None = None, duration: str | None = None) -> str:
        """The address that signs a browser in to the AWS console, as secret as the credentials.

        `destination` is a page of the console or a service, such as `s3`; `duration` how long the console stays signed in.
        """
        return self._native.console_url(destination=destination, duration=duration).wait()

    async def console_url_async(self, *, destination: str | None = None, duration: str | None = None) -> str:
        """As `console_url`."""
        return await self._awaited(self._native.console_url(destination=destination, duration=duration))

    def sign_out(self) -> int:
        """Ends the session at the identity provider and forgets what came from it: how many credentials that were."""
        return self._native.sign_out().wait()

    async def sign_out_async(self) -> int:
        """As `sign_out`."""
        return await self._awaited(self._native.sign_out())

    async def _awaited(self, work: Work[_T]) -> _T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def settle(value: _T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)

        with self._calls.on(loop):
            work.then(lambda value, error: loop.call_soon_threadsafe(settle, value, error))
            try:
                return await future
            finally:
                work.abort()

    def __repr__(self) -> str:
        return repr(self._native)
