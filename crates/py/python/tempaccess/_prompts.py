"""Who answers prompts."""

from __future__ import annotations

import getpass
import sys
import webbrowser
from collections.abc import Awaitable, Sequence
from typing import Protocol


class Prompter(Protocol):
    """Answers prompts. If a method raises an exception, the sign-in ends, and the exception is the cause of the error.

    A method runs on a thread of its own. If it is a coroutine, the event loop that waits runs it.
    """

    def text(self, question: str, /) -> str | Awaitable[str]:
        """Asks for a text that may be shown, such as a user name."""

    def secret(self, question: str, /) -> str | Awaitable[str]:
        """Asks for a text that must not be shown, such as a password or a code."""

    def choose(self, question: str, choices: list[str], /) -> int | Awaitable[int]:
        """Asks for one of the choices. Returns its index."""

    def notify(self, message: str, /) -> None | Awaitable[None]:
        """Shows a message that needs no answer, such as the number to tap on a phone."""


class Visitor(Prompter, Protocol):
    """A prompter that opens the page of a sign-in that the user finishes in a browser.

    For a prompter without `visit`, `notify` gets the address of the page.
    """

    def visit(self, url: str, code: str | None, /) -> None | Awaitable[None]:
        """Opens a page, which asks for this code or shows it."""


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
