"""Accounting for grants: their records, and what CloudTrail has."""

from __future__ import annotations

import html
import json
import os
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, cast

from . import _tempaccess
from ._audit_types import ReportFacts, TrailAnswer, TrailQuery, RecordsVerification
from ._grant_types import GrantEvent, Texts
from ._grant_values import instant, texts, values_json
from ._shared import Shared

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack

_Timeout = float | timedelta | None
_Instant = str | date | None
_Ids = str | Sequence[str]


class GrantReport:
    """A page that shows who had access to what, when and why. A notebook shows it as the value of a cell."""

    def __init__(self, facts: ReportFacts) -> None:
        self.html = facts["text"]
        """The page, which needs nothing but a browser."""
        self.grants = facts["grants"]
        """How many grants it shows."""
        self.untrusted = facts["untrusted"]
        """How many of them have records that cannot be trusted."""
        self.sign_ins = facts["sign_ins"]
        """How many everyday sign-ins it shows."""
        self.unreadable_lines = facts["unreadable_lines"]
        """How many lines of the audit logs are not records."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file that only this user can read: it names people, reasons and policies."""
        _tempaccess.write_private(path, self.html)

    def _repr_html_(self) -> str:
        # In a frame of its own, the page cannot reach the notebook.
        frame = 'sandbox="allow-scripts allow-popups" width="100%" height="720" style="border: 0"'
        return f'<iframe title="Grants" {frame} srcdoc="{html.escape(self.html)}"></iframe>'

    def __repr__(self) -> str:
        return f"GrantReport(grants={self.grants}, untrusted={self.untrusted})"


class Audit(Shared[_tempaccess.Audit], native=_tempaccess.Audit):
    """Who had access to what, when and why, and what they did with it.

        audit = tempaccess.Audit("admin")
        for event in audit.query(to="grace@example.com", from_="2026-11-24", files="s3://acme-trail/AWSLogs")["events"]:
            print(event["time"], event["source"], event["name"])
        audit.report(from_="2026-11-01").save("november.html")

    The arguments are those of `Grants`. Nothing is signed in to unless the records are in S3 or CloudTrail is asked.

    Methods that wait take a `timeout` in seconds, and each has a variant for asyncio, `..._async`.
    """

    def verify(self, *, timeout: _Timeout = None) -> RecordsVerification:
        """Checks every record: its signature, the digests that chain them, and that none is missing."""
        return self._wait(lambda native: native.verify(), timeout)

    async def verify_async(self) -> RecordsVerification:
        """As `verify`."""
        return await self._wait_async(lambda native: native.verify())

    def query(self, *, timeout: _Timeout = None, **query: Unpack[TrailQuery]) -> TrailAnswer:
        """Returns events of CloudTrail (see `TrailQuery`), oldest first, compared with the records."""
        values = values_json(query)
        return self._wait(lambda native: native.query(values), timeout)

    async def query_async(self, **query: Unpack[TrailQuery]) -> TrailAnswer:
        """As `query`."""
        values = values_json(query)
        return await self._wait_async(lambda native: native.query(values))

    def query_text(self, *, timeout: _Timeout = None, **query: Unpack[TrailQuery]) -> str:
        """Returns the query that `query` runs in the engine of `logs`, `athena` or `lake`. Nothing is run."""
        values = values_json(query)
        return self._wait(lambda native: native.query_text(values), timeout)

    async def query_text_async(self, **query: Unpack[TrailQuery]) -> str:
        """As `query_text`."""
        values = values_json(query)
        return await self._wait_async(lambda native: native.query_text(values))

    def export(
        self,
        format: Literal["csv", "json", "ocsf"],
        ids: _Ids = (),
        *,
        from_: _Instant = None,
        until: _Instant = None,
        timeout: _Timeout = None,
    ) -> str:
        """Returns the events of these grants, or of all, as text for a spreadsheet, a program or a SIEM."""
        named, begin, end = texts("ids", ids), instant("from_", from_), instant("until", until)
        return self._wait(lambda native: native.export(format, named, begin, end), timeout)["text"]

    async def export_async(
        self,
        format: Literal["csv", "json", "ocsf"],
        ids: _Ids = (),
        *,
        from_: _Instant = None,
        until: _Instant = None,
    ) -> str:
        """As `export`."""
        named, begin, end = texts("ids", ids), instant("from_", from_), instant("until", until)
        return (await self._wait_async(lambda native: native.export(format, named, begin, end)))["text"]

    def events(
        self, ids: _Ids = (), *, from_: _Instant = None, until: _Instant = None, timeout: _Timeout = None
    ) -> list[GrantEvent]:
        """Returns the events of these grants, or of all."""
        text = self.export("json", ids, from_=from_, until=until, timeout=timeout)
        return cast("list[GrantEvent]", json.loads(text))

    async def events_async(
        self, ids: _Ids = (), *, from_: _Instant = None, until: _Instant = None
    ) -> list[GrantEvent]:
        """As `events`."""
        text = await self.export_async("json", ids, from_=from_, until=until)
        return cast("list[GrantEvent]", json.loads(text))

    def report(
        self,
        *,
        from_: _Instant = None,
        until: _Instant = None,
        files: str | os.PathLike[str] | None = None,
        regions: _Ids = (),
        audit_logs: Texts = (),
        timeout: _Timeout = None,
    ) -> GrantReport:
        """Returns the page that shows who had access to what, when and why.

        With `files`, a folder or `s3://BUCKET/PREFIX` with the files of a trail, it shows what was done as well; with `audit_logs`,
        the logs of people, everyday sign-ins.
        """
        begin, end = instant("from_", from_), instant("until", until)
        place, named = None if files is None else os.fsdecode(files), texts("regions", regions)
        logs = texts("audit_logs", audit_logs)
        return GrantReport(self._wait(lambda native: native.report(begin, end, place, named, logs), timeout))

    async def report_async(
        self,
        *,
        from_: _Instant = None,
        until: _Instant = None,
        files: str | os.PathLike[str] | None = None,
        regions: _Ids = (),
        audit_logs: Texts = (),
    ) -> GrantReport:
        """As `report`."""
        begin, end = instant("from_", from_), instant("until", until)
        place, named = None if files is None else os.fsdecode(files), texts("regions", regions)
        logs = texts("audit_logs", audit_logs)
        return GrantReport(await self._wait_async(lambda native: native.report(begin, end, place, named, logs)))
