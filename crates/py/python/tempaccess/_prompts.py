"""Who answers prompts."""

from __future__ import annotations

import asyncio
import getpass
import os
import select
import sys
import webbrowser
from collections.abc import Awaitable, Sequence
from typing import Protocol

try:
    import termios
except ImportError:
    # On Windows, `getpass` changes nothing of the console.
    termios = None  # type: ignore[assignment]


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

    def __repr__(self) -> str:
        return "Terminal()"

    def text(self, question: str) -> str | Awaitable[str]:
        """Asks for a text that others may see."""
        if _is_terminal():
            return _read_line(f"{question}: ", echo=True)
        print(f"{question}: ", end="", file=sys.stderr, flush=True)
        return input()

    def secret(self, question: str) -> str | Awaitable[str]:
        """Asks for a secret, which is not shown."""
        return _read_line(f"{question}: ", echo=False) if _is_terminal() else getpass.getpass(f"{question}: ")

    def choose(self, question: str, choices: Sequence[str]) -> int | Awaitable[int]:
        """Lets the person choose one by its number. Returns its index."""
        for number, choice in enumerate(choices, 1):
            print(f"{number:>3}  {choice}", file=sys.stderr)
        prompt = f"{question} (1-{len(choices)})"
        answer = self.text(prompt)
        if not isinstance(answer, str):
            return self._chosen(answer, prompt, len(choices))
        while (chosen := _index(answer, len(choices))) is None:
            answer = self.text(prompt)
            assert isinstance(answer, str)
        return chosen

    async def _chosen(self, answer: str | Awaitable[str], prompt: str, count: int) -> int:
        while True:
            given = answer if isinstance(answer, str) else await answer
            if (chosen := _index(given, count)) is not None:
                return chosen
            answer = self.text(prompt)

    def visit(self, url: str, code: str | None) -> None:
        """Shows the address of a page, and opens it in the browser."""
        shown = "" if code is None else f"; the code there is {code}"
        print(f"Sign in at {url}{shown}", file=sys.stderr)
        webbrowser.open(url)

    def notify(self, message: str) -> None:
        """Shows a message that needs no answer."""
        print(message, file=sys.stderr)


def _index(answer: str, count: int) -> int | None:
    """The index of a number from 1, if it is one."""
    answer = answer.strip()
    return int(answer) - 1 if answer.isdecimal() and 1 <= int(answer) <= count else None


def _is_terminal() -> bool:
    """Whether standard input is a terminal that can be read without blocking. Notebooks have an input of their own."""
    return termios is not None and sys.stdin is sys.__stdin__ and sys.stdin is not None and sys.stdin.isatty()


async def _read_line(question: str, *, echo: bool) -> str:
    """Reads a line of the terminal. Cancelling ends it at once, and leaves the terminal as it was."""
    assert termios is not None and sys.stdin is not None
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    if not echo:
        hidden = termios.tcgetattr(file)
        hidden[3] &= ~termios.ECHO
        termios.tcsetattr(file, termios.TCSAFLUSH, hidden)
    try:
        # Once nothing is shown any more: a program may answer at once.
        print(question, end="", file=sys.stderr, flush=True)
        ready = select.poll()
        ready.register(file, select.POLLIN)
        while not ready.poll(0):
            await asyncio.sleep(0.05)
        line = os.read(file, 4096)
    finally:
        if not echo:
            # What was typed of a secret must not answer the next question.
            termios.tcsetattr(file, termios.TCSAFLUSH, before)
            print(file=sys.stderr, flush=True)
    if not line:
        raise EOFError
    return line.decode(sys.stdin.encoding, "surrogateescape").rstrip("\r\n")


TERMINAL: Prompter = Terminal()
