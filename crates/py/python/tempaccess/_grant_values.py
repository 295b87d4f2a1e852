"""Values of grants as core reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from ._grant_types import Texts
from ._shared import duration_text, settings_json

_INSTANTS = ("from_", "until")
_LISTS = ("audit_logs", "from_ip", "policy_arns", "regions", "seal_to")


def texts(name: str, value: Texts | None) -> list[str]:
    """One text or path, or several."""
    values = [value] if isinstance(value, (str, os.PathLike)) else value or ()
    if isinstance(value, (bytes, bytearray)):
        raise TypeError(f"argument {name!r} must be str or a sequence of str, not {type(value).__name__}")
    try:
        return [os.fsdecode(text) for text in values]
    except TypeError:
        raise TypeError(f"argument {name!r} must be str, os.PathLike or a sequence of them") from None


def instant(name: str, value: str | date | None) -> str | None:
    """An instant as core reads it. A date is one at 0:00 UTC where core takes dates."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, date):
        raise TypeError(f"argument {name!r} must be str, date or datetime, not {type(value).__name__}")
    if not isinstance(value, datetime):
        return value.isoformat()
    if value.tzinfo is None:
        raise ValueError(f"argument {name!r}: a datetime without a time zone; add `tzinfo`")
    return value.isoformat()


def values_json(values: Mapping[str, object]) -> str:
    """The values of a grant as JSON. What is `None` is left out."""

    def plain(name: str, value: object) -> object:
        if name in _LISTS:
            return texts(name, value)  # type: ignore[arg-type]
        if name == "duration":
            return duration_text(value)  # type: ignore[arg-type]
        return instant(name, value) if name in _INSTANTS else value  # type: ignore[arg-type]

    given = {name: plain(name, value) for name, value in values.items() if value is not None}
    return settings_json({name.removesuffix("_"): value for name, value in given.items()})


def text_of(value: str | bytes | bytearray) -> str:
    """The text of a grant or a request."""
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError(f"argument 'text' must be str or bytes, not {type(value).__name__}")
    return value


def optional_duration(value: str | float | timedelta | None) -> str | None:
    """A duration as core reads it, if there is one."""
    return None if value is None else duration_text(value)
