"""What a script needs around the native session: a person at the terminal, asyncio."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from . import _tempaccess
from ._tempaccess import Grant, Role


class Prompter(Protocol):
    """Asks the person. Each method runs on a thread of its own, and what it raises ends the sign-in."""

    def text(self, question: str) -> str:
        """Asks for a text that may be seen, such as a user name."""

    def secret(self, question: str) -> str:
        """Asks for a text that nobody else may see, such as a password or a code."""

    def choose(self, question: str, choices: Sequence[str]) -> int:
        """Lets the person choose; the answer is an index."""

    def tell(self, message: str) -> None:
        """Tells the person something that needs no answer, such as the number to tap on a telephone."""


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

    def tell(self, message: str) -> None:
        print(message, file=sys.stderr)


TERMINAL: Prompter = Terminal()


class Session:
    """Temporary access: who signs in, which role is taken, for how long and how narrow.

    Settings are those of a profile (`source`, `username`, `role`, `account`, `duration`, `policy`, `policy_arns`, `region`,
    `store`, `reason`, ...), over the environment, over the profile. What was given is kept where the command line keeps it,
    so that a sign-in by either serves the other.

        session = tempaccess.Session(role="ledger/ReadOnly", duration="40m")
        grant = session.credentials()

    `assertion_source` is a callable that returns a SAML response in any form, in place of a source. Without a `prompter`,
    the person is asked on the terminal where there is one; `prompter=None` asks nobody.
    """

    def __init__(
        self,
        profile: str | None = None,
        *,
        config: str | None = None,
        prompter: Prompter | None = TERMINAL,
        assertion_source: Callable[[], str | bytes] | None = None,
        password: str | None = None,
        **settings: Any,
    ) -> None:
        if prompter is TERMINAL and not (sys.stdin is not None and sys.stdin.isatty()):
            prompter = None
        self._native = _tempaccess.Session(
            profile,
            config=config,
            prompter=prompter,
            assertion_source=assertion_source,
            password=password,
            settings=settings or None,
        )

    def credentials(self) -> Grant:
        """Credentials: those that are kept as long as they are good for a while yet; else by a sign-in.

        Of any number of callers, threads and processes that need the same at once, one signs in.
        """
        return self._native.credentials()

    def renew(self, *, anew: bool = False) -> Grant:
        """Credentials that are new, whatever is kept; `anew` makes the person sign in even where a session would do."""
        return self._native.renew(anew=anew)

    def roles(self) -> list[Role]:
        """Signs in and lists the roles that are offered."""
        return self._native.roles()

    def sign_out(self) -> int:
        """Ends the session at the identity provider and forgets what came from it: how many credentials that were."""
        return self._native.sign_out()

    async def credentials_async(self) -> Grant:
        """As `credentials`, for asyncio."""
        return await asyncio.to_thread(self.credentials)

    async def roles_async(self) -> list[Role]:
        """As `roles`, for asyncio."""
        return await asyncio.to_thread(self.roles)

    def __repr__(self) -> str:
        return repr(self._native)
