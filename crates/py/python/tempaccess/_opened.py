"""Grants as the person gets them: opening a sealed one, and asking for one."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from . import _tempaccess
from ._calls import Calls
from ._grant_types import GrantHeader, Texts
from ._grant_values import text_of, texts, values_json
from ._prompts import TERMINAL, Prompter
from ._shared import asked, settings_json, wait, wait_async
from ._tempaccess import IssuedSession, Work

if TYPE_CHECKING:
    import aiobotocore.session
    import boto3

_Timeout = float | timedelta | None
_Path = str | os.PathLike[str]


class OpenedGrant:
    """A sealed grant that was opened: its facts, and its credentials until it ends. Nothing renews them."""

    def __init__(self, native: _tempaccess.OpenedGrant) -> None:
        self._native = native

    @property
    def id(self) -> str:
        """The id of the grant."""
        return self._native.id

    @property
    def until(self) -> datetime:
        """When access ends, in UTC."""
        return self._native.until

    @property
    def header(self) -> GrantHeader:
        """The facts that the administrator signed."""
        return self._native.header

    @property
    def credentials(self) -> IssuedSession:
        """The credentials. Raises `GrantEndedError` when the grant has ended: its hint names whom to ask."""
        return self._native.credentials

    def boto3_session(self, *, region_name: str | None = None) -> boto3.session.Session:
        """Returns a boto3 session with these credentials. When the grant has ended, its requests raise `GrantEndedError`."""
        from ._boto import session_with

        return session_with(self._current, region_name or self._native.region)

    def aiobotocore_session(self, *, region_name: str | None = None) -> aiobotocore.session.AioSession:
        """As `boto3_session`, for aiobotocore."""
        from ._boto import aio_session_with

        return aio_session_with(self._current_async, region_name or self._native.region)

    def _current(self) -> IssuedSession:
        return self.credentials

    async def _current_async(self) -> IssuedSession:
        return self.credentials

    def __reduce__(self) -> NoReturn:
        raise TypeError("OpenedGrant objects cannot be pickled, because they contain secrets; pickle the `header`")

    def __copy__(self) -> OpenedGrant:
        return self

    def __deepcopy__(self, _memo: object) -> OpenedGrant:
        return self

    def __repr__(self) -> str:
        return repr(self._native)


def _opens(
    text: str | bytes,
    identity: Texts,
    accounts: str | list[str] | tuple[str, ...],
    config: _Path | None,
    prompter: Prompter | None,
    settings: dict[str, str | None],
    calls: Calls,
) -> Work[_tempaccess.OpenedGrant]:
    return _tempaccess.open_grant(
        text_of(text),
        texts("identity", identity),
        texts("accounts", accounts),
        config=config,
        prompter=asked(prompter, calls),
        settings=settings_json({name: value for name, value in settings.items() if value is not None}),
    )


def open_grant(
    text: str | bytes,
    *,
    identity: Texts = (),
    accounts: str | list[str] | tuple[str, ...] = (),
    config: _Path | None = None,
    prompter: Prompter | None = TERMINAL,
    store: str | None = None,
    region: str | None = None,
    sts_endpoint_url: str | None = None,
    timeout: _Timeout = None,
) -> OpenedGrant:
    """Opens a sealed grant: a file, a ticket or a mail that has one.

    Before anything is decrypted, the signature must be that of a trusted administrator. Then AWS is asked whose credentials
    they are. `identity` has the files of private keys; the default is the keys in `~/.ssh`. `accounts` has accounts that you
    expect access to, in addition to those of the configuration. A passphrase is asked for by the `prompter`.

        opened = tempaccess.open_grant(text, accounts=["111122223333"])
        opened.boto3_session().client("s3")
    """
    calls = Calls()
    settings = {"store": store, "region": region, "sts_endpoint_url": sts_endpoint_url}
    return OpenedGrant(wait(lambda: _opens(text, identity, accounts, config, prompter, settings, calls), calls, timeout))


async def open_grant_async(
    text: str | bytes,
    *,
    identity: Texts = (),
    accounts: str | list[str] | tuple[str, ...] = (),
    config: _Path | None = None,
    prompter: Prompter | None = TERMINAL,
    store: str | None = None,
    region: str | None = None,
    sts_endpoint_url: str | None = None,
) -> OpenedGrant:
    """As `open_grant`."""
    calls = Calls()
    settings = {"store": store, "region": region, "sts_endpoint_url": sts_endpoint_url}
    return OpenedGrant(
        await wait_async(lambda: _opens(text, identity, accounts, config, prompter, settings, calls), calls)
    )


def request_grant(
    *,
    preset: str,
    duration: str | float | timedelta,
    reason: str,
    to: str | None = None,
    seal_to: Texts | None = None,
    profile: str | None = None,
    config: _Path | None = None,
    prompter: Prompter | None = TERMINAL,
    timeout: _Timeout = None,
) -> str:
    """Returns a signed request for a preset of the configuration: the text for a ticket.

    `to` is the person who asks; the default is the user name of the profile. `seal_to` has the keys that credentials are sealed
    to; the default is the person's own key in `~/.ssh`.
    """
    calls = Calls()
    values = values_json({"preset": preset, "duration": duration, "reason": reason, "to": to, "seal_to": seal_to})
    return wait(
        lambda: _tempaccess.request_grant(values, profile=profile, config=config, prompter=asked(prompter, calls)),
        calls,
        timeout,
    )


async def request_grant_async(
    *,
    preset: str,
    duration: str | float | timedelta,
    reason: str,
    to: str | None = None,
    seal_to: Texts | None = None,
    profile: str | None = None,
    config: _Path | None = None,
    prompter: Prompter | None = TERMINAL,
) -> str:
    """As `request_grant`."""
    calls = Calls()
    values = values_json({"preset": preset, "duration": duration, "reason": reason, "to": to, "seal_to": seal_to})
    return await wait_async(
        lambda: _tempaccess.request_grant(values, profile=profile, config=config, prompter=asked(prompter, calls)), calls
    )
