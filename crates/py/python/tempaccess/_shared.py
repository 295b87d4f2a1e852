"""What sessions and grants share: values as JSON, waiting with and without asyncio, forks."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, NoReturn, Protocol, TypedDict, TypeVar, Union

from . import _tempaccess
from ._calls import Asked, Calls
from ._prompts import TERMINAL, Prompter
from ._settings import Settings
from ._tempaccess import AssertionRequest, Work

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack

_T = TypeVar("_T")
Response = Union[str, bytes, bytearray, memoryview]


class Callbacks(TypedDict):
    """The functions of the program, as the native half calls them."""

    prompter: Asked | None
    assertion_source: Callable[[AssertionRequest], Response] | None


class _Native(Protocol):
    def __init__(
        self,
        profile: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], Response] | None = None,
        password: str | None = None,
        settings: str = "{}",
    ) -> None: ...

    def forked(
        self: _N,
        *,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], Response] | None = None,
    ) -> _N: ...


_N = TypeVar("_N", bound=_Native)


def _seconds(value: float | timedelta) -> float:
    """A number of seconds, which is an integer if possible."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"a duration must be a text, a number of seconds or a timedelta, not {type(value).__name__}")
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"a duration cannot be {value} seconds")
    return int(seconds) if float(seconds).is_integer() else seconds


def flag(name: str, value: bool) -> bool:
    """An argument that is true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"argument {name!r} must be bool, not {type(value).__name__}")
    return value


def duration_text(value: str | float | timedelta) -> str:
    """A duration as core reads it."""
    return value if isinstance(value, str) else str(_seconds(value))


def _plain(name: str, value: object) -> object:
    """A setting as a value of JSON."""
    if isinstance(value, timedelta):
        return _seconds(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if name == "policy" and isinstance(value, Mapping):
        return json.dumps(value)
    if name == "policy" and not isinstance(value, str):
        raise TypeError(f"must be a dict, a JSON text or a path, not {type(value).__name__}")
    if name == "chain" and not isinstance(value, (list, tuple)):
        raise TypeError(f"must be a list of roles, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"must be str, not {type(value).__name__}")
    if not isinstance(value, (str, int, float, list, tuple, dict)):
        raise TypeError(f"cannot be {type(value).__name__}")
    return value


def settings_json(settings: Mapping[str, object]) -> str:
    """The arguments as JSON."""
    parts = []
    for name, value in settings.items():
        if value is None:
            continue
        try:
            parts.append(f"{json.dumps(name)}: {json.dumps(_plain(name, value), allow_nan=False)}")
        except (TypeError, ValueError) as error:
            raise TypeError(f"argument {name!r}: {error}") from None
    return f"{{{', '.join(parts)}}}"


def require_prompter(prompter: Prompter | None) -> None:
    """Refuses what cannot ask, before anybody signs in."""
    for name in ("text", "secret", "choose", "notify"):
        if prompter is not None and not callable(getattr(prompter, name, None)):
            raise TypeError(f"argument 'prompter' must have the methods of `Prompter`: {type(prompter).__name__} has no `{name}`")


def asked(prompter: Prompter | None, calls: Calls) -> Asked | None:
    """The prompter as the native half calls it. The terminal answers only if there is one."""
    if prompter is TERMINAL and not (sys.stdin is not None and sys.stdin.isatty()):
        return None
    return None if prompter is None else Asked(prompter, calls)


def wait(begin: Callable[[], Work[_T]], calls: Calls, timeout: float | timedelta | None) -> _T:
    """Waits for work, for this many seconds at most."""
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float, timedelta))):
        raise TypeError(f"argument 'timeout' must be a number of seconds or a timedelta, not {type(timeout).__name__}")
    with calls.during(begin) as work:
        return work.wait(None if timeout is None else _seconds(timeout))


async def wait_async(begin: Callable[[], Work[_T]], calls: Calls) -> _T:
    """Waits for work on the event loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(value: _T, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    with calls.during(begin, loop) as work:
        work.then(lambda value, error: loop.call_soon_threadsafe(settle, value, error))
        return await future


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_tempaccess.before_fork,
        after_in_parent=_tempaccess.after_fork,
        after_in_child=_tempaccess.after_fork,
    )


class Shared(Generic[_N]):
    """A native object, one for each process that uses it."""

    _native: type[_N]

    def __init_subclass__(cls, *, native: type[_N] | None = None) -> None:
        super().__init_subclass__()
        # A subclass of the program's has that of its base.
        if native is not None:
            cls._native = native

    def __init__(
        self,
        profile: str | None = None,
        *positional: NoReturn,
        config: str | os.PathLike[str] | None = None,
        prompter: Prompter | None = TERMINAL,
        assertion_source: Callable[[AssertionRequest], Response | Awaitable[Response]] | None = None,
        password: str | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        if positional:
            raise TypeError(f"{type(self).__name__}() takes the profile by position, and everything else by keyword")
        for name, value in (("profile", profile), ("password", password)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"argument {name!r} must be str, not {type(value).__name__}")
        require_prompter(prompter)
        if assertion_source is not None and not callable(assertion_source):
            raise TypeError(f"argument 'assertion_source' must be callable, which {type(assertion_source).__name__} is not")
        self._prompter = prompter
        self._assertion_source = assertion_source
        calls = Calls()
        native = self._native(
            profile, config=config, password=password, settings=settings_json(settings), **self._callbacks(calls)
        )
        # By process: a fork must not use the connections and the locks of its parent.
        self._states = {os.getpid(): (native, calls)}

    def _callbacks(self, calls: Calls) -> Callbacks:
        source = self._assertion_source
        return {
            "prompter": asked(self._prompter, calls),
            "assertion_source": None if source is None else calls.of(source),
        }

    def _state(self) -> tuple[_N, Calls]:
        """The native object of this process, and the calls of its callbacks."""
        process = os.getpid()
        state = self._states.get(process)
        if state is None:
            inherited, _ = next(iter(self._states.values()))
            calls = Calls()
            # Of several threads that get here at once, one wins.
            state = self._states.setdefault(process, (inherited.forked(**self._callbacks(calls)), calls))
        return state

    def _wait(self, begin: Callable[[_N], Work[_T]], timeout: float | timedelta | None) -> _T:
        native, calls = self._state()
        return wait(lambda: begin(native), calls, timeout)

    async def _wait_async(self, begin: Callable[[_N], Work[_T]]) -> _T:
        native, calls = self._state()
        return await wait_async(lambda: begin(native), calls)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} objects cannot be copied or pickled, because they have connections and may have a password "
            "and callbacks; create one in each process"
        )

    def __repr__(self) -> str:
        return repr(self._state()[0])
