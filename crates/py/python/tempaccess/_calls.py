"""Calls the functions that a session was given, and waits for those that are coroutines."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._prompts import Prompter
    from ._tempaccess import Work

_T = TypeVar("_T")


async def _awaited(answer: Awaitable[_T]) -> _T:
    return await answer


class _Run:
    """A coroutine on an event loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, task: asyncio.Future[Any]) -> None:
        self._loop = loop
        self._task = task
        self.ended = threading.Event()

    def cancel(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)


class Calls:
    """Runs a coroutine on the event loop that waits for the session, or on a new one if none does.

    Core calls from its own threads, so that waiting here blocks no event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: list[Work[Any]] = []
        self._loops: list[asyncio.AbstractEventLoop] = []
        self._running: set[Future[Any]] = set()
        self._runs: set[_Run] = set()

    @contextmanager
    def during(
        self, begin: Callable[[], Work[_T]], loop: asyncio.AbstractEventLoop | None = None
    ) -> Iterator[Work[_T]]:
        """Begins work that this caller, on this event loop, waits for. Open prompts are cancelled with the last one that waits."""
        # With the lock, so that a callback cannot fail before its work is listed.
        with self._lock:
            work = begin()
            self._works.append(work)
            if loop is not None:
                self._loops.append(loop)
        try:
            yield work
        finally:
            work.abort()
            with self._lock:
                self._works.remove(work)
                if loop is not None:
                    self._loops.remove(loop)
                left = [] if self._loops else list(self._running)
                runs = [] if self._works else list(self._runs)
            for future in left:
                future.cancel()
            for run in runs:
                run.cancel()
            # A prompt may have to leave the terminal as it found it before the program ends.
            for run in runs:
                run.ended.wait(1)

    def of(self, function: Callable[..., _T | Awaitable[_T]]) -> Callable[..., _T]:
        """Returns the function as one that waits for its result."""

        def called(*arguments: Any) -> _T:
            answer = function(*arguments)
            if not inspect.isawaitable(answer):
                return answer
            future = self._begin(answer)
            result: _T = self._run(answer) if future is None else future.result()
            return result

        return called

    def _run(self, answer: Awaitable[_T]) -> _T:
        """Runs it on an event loop of its own, until nobody waits any more."""
        run: _Run | None = None

        async def cancellable() -> _T:
            nonlocal run
            task = asyncio.ensure_future(_awaited(answer))
            run = _Run(asyncio.get_running_loop(), task)
            with self._lock:
                self._runs.add(run)
                if not self._works:
                    task.cancel()
            return await task

        try:
            return asyncio.run(cancellable())
        finally:
            if run is not None:
                with self._lock:
                    self._runs.discard(run)
                run.ended.set()

    def start(self, name: str, function: Callable[..., None | Awaitable[None]], *arguments: Any) -> None:
        """Calls a function whose result is not needed. If it fails, so does all work that is waited for."""

        def ended(future: Future[None]) -> None:
            if not future.cancelled() and (error := future.exception()) is not None:
                self._fail(name, error)

        try:
            answer = function(*arguments)
            if inspect.isawaitable(answer):
                future = self._begin(answer)
                if future is None:
                    asyncio.run(_awaited(answer))
                else:
                    future.add_done_callback(ended)
        except BaseException as error:
            self._fail(name, error)

    def _fail(self, name: str, error: BaseException) -> None:
        with self._lock:
            works = list(self._works)
        for work in works:
            work.fail(name, error)

    def _begin(self, answer: Awaitable[_T]) -> Future[_T] | None:
        """Runs it on a loop that waits, if there is one."""
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

    def visit(self, url: str, code: str | None, message: str) -> None:
        visit = getattr(self._prompter, "visit", None)
        if visit is None:
            self._calls.of(self._prompter.notify)(message)
        else:
            self._calls.of(visit)(url, code)

    def notify(self, message: str) -> None:
        self._calls.start("notify", lambda: self._prompter.notify(message))
