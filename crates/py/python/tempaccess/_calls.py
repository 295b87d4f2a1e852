"""Calls what a session was given, and waits where a coroutine comes of it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._session import Prompter

_T = TypeVar("_T")


async def _awaited(answer: Awaitable[_T]) -> _T:
    return await answer


class Calls:
    """A coroutine runs on the event loop that waits for the session; where none does, on one of its own.

    Core calls from threads of its own, so that waiting here blocks no event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loops: list[asyncio.AbstractEventLoop] = []
        self._running: set[Future[Any]] = set()

    @contextmanager
    def on(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """This loop waits. When the last one has stopped, nobody needs an answer any more."""
        with self._lock:
            self._loops.append(loop)
        try:
            yield
        finally:
            with self._lock:
                self._loops.remove(loop)
                left = [] if self._loops else list(self._running)
            for future in left:
                future.cancel()

    def of(self, function: Callable[..., _T | Awaitable[_T]]) -> Callable[..., _T]:
        """The function, whose answer is waited for."""

        def called(*words: Any) -> _T:
            answer = function(*words)
            if not inspect.isawaitable(answer):
                return answer
            future = self._begin(answer)
            given: _T = asyncio.run(_awaited(answer)) if future is None else future.result()
            return given

        return called

    def start(self, answer: None | Awaitable[None]) -> None:
        """Starts a call whose result is not needed; without a running loop, runs it."""
        if inspect.isawaitable(answer) and self._begin(answer) is None:
            asyncio.run(_awaited(answer))

    def _begin(self, answer: Awaitable[_T]) -> Future[_T] | None:
        """Lets it run where a loop waits."""
        with self._lock:
            if not self._loops:
                return None
            future = asyncio.run_coroutine_threadsafe(_awaited(answer), self._loops[-1])
            self._running.add(future)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)


class Asked:
    """A prompter whose answers are waited for."""

    def __init__(self, prompter: Prompter, calls: Calls) -> None:
        self._prompter = prompter
        self._calls = calls

    def text(self, question: str) -> str:
        return self._calls.of(self._prompter.text)(question)

    def secret(self, question: str) -> str:
        return self._calls.of(self._prompter.secret)(question)

    def choose(self, question: str, choices: Sequence[str]) -> int:
        return self._calls.of(self._prompter.choose)(question, choices)

    def visit(self, url: str, code: str | None, words: str) -> None:
        visit = getattr(self._prompter, "visit", None)
        if visit is None:
            self.notify(words)
        else:
            self._calls.of(visit)(url, code)

    def notify(self, message: str) -> None:
        self._calls.start(self._prompter.notify(message))
