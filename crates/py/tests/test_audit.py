"""Audits from Python: who had access, what was recorded, and what CloudTrail has."""

import asyncio
import csv
import io
import json
import stat
import unittest

import tempaccess
from offices import WithOffice


class Audits(WithOffice):
    def setUp(self):
        super().setUp()
        self.audit = tempaccess.Audit("admin", config=self.config, prompter=None)

    def test_records_are_verified_and_exported(self):
        issued = self.issue()
        self.grants.revoke(issued.id, reason="done early")
        sound = self.audit.verify()
        self.assertEqual((sound["grants"], sound["events"], sound["defects"]), (1, 2, []))
        self.assertEqual([event["event"] for event in self.audit.events()], ["issued", "revoked"])
        rows = list(csv.DictReader(io.StringIO(self.audit.export("csv", issued.id))))
        self.assertEqual([row["event"] for row in rows], ["issued", "revoked"])
        lines = self.audit.export("ocsf", from_="2020-01-01").splitlines()
        self.assertEqual({json.loads(line)["metadata"]["correlation_uid"] for line in lines}, {issued.id})
        self.assertEqual(asyncio.run(self.audit.events_async(until="2020-01-01")), [])
        record = self.home / "records" / issued.id / "0002.json"
        record.write_text(record.read_text().replace("done early", "done later"))
        [defect] = asyncio.run(self.audit.verify_async())["defects"]
        self.assertEqual(defect["id"], issued.id)
        with self.assertRaises(tempaccess.GrantNotFoundError):
            self.audit.export("json", "aaaaaaaaaaaa")
        with self.assertRaisesRegex(tempaccess.InvalidArgumentError, "csv, json or ocsf"):
            self.audit.export("xml")

    def test_cloudtrail_says_what_was_done(self):
        issued = self.issue()
        answer = self.audit.query(id=issued.id, timeout=60)
        self.assertEqual(set(answer), {"events", "findings", "calls", "sign_ins", "unreadable"})
        self.assertEqual({event["name"] for event in answer["events"]} - {"AssumeRole"}, set())
        text = self.audit.query_text(to="grace@example.com", athena="trail", from_="2026-11-24")
        self.assertIn("LIKE '%:assumed-role/%/grace@example.com+%'", text)
        with self.assertRaisesRegex(TypeError, "unexpected keyword argument 'form'. Did you mean 'from'"):
            self.audit.query(form="2026-11-24")
        with self.assertRaises(tempaccess.InvalidArgumentError):
            self.audit.query(files="trail", athena="trail", to="grace@example.com")
        with self.assertRaises(tempaccess.IoError):
            self.audit.query(files=self.home / "nothing", to="grace@example.com")

    def test_sign_ins_of_an_audit_log_are_compared(self):
        self.issue()
        log = self.home / ".local/state/tempaccess/audit.jsonl"
        records = [json.loads(line) for line in log.read_text().splitlines()]
        [signed_in] = [record for record in records if record.get("assertion_id")]
        answer = self.audit.query(assertion=signed_in["assertion_id"], audit_logs=log)
        self.assertLessEqual({found["access_key_id"] for found in answer["sign_ins"]}, {signed_in["access_key_id"]})
        self.assertEqual(answer["unreadable"], 0)
        with self.assertRaisesRegex(tempaccess.IoError, "the audit log"):
            self.audit.query(assertion="id-1", audit_logs=[self.home / "missing.jsonl"])

    def test_a_report_is_a_page_and_the_value_of_a_cell(self):
        self.issue()
        report = self.audit.report(from_="2020-01-01")
        self.assertEqual((report.grants, report.untrusted), (1, 0))
        self.assertTrue(report.html.startswith("<!doctype html>"))
        page = self.home / "report.html"
        report.save(page)
        self.assertEqual(page.read_text(), report.html)
        self.assertEqual(stat.S_IMODE(page.stat().st_mode), 0o600)
        self.assertEqual([file.name for file in self.home.glob("report.html*")], ["report.html"])
        cell = report._repr_html_()
        self.assertTrue(cell.startswith("<iframe") and "<script" not in cell)
        self.assertEqual(repr(report), "GrantReport(grants=1, untrusted=0)")
        log = self.home / ".local/state/tempaccess/audit.jsonl"
        with_sign_ins = self.audit.report(audit_logs=[log])
        sessions = [json.loads(line) for line in log.read_text().splitlines()]
        self.assertEqual((with_sign_ins.sign_ins, with_sign_ins.unreadable_lines), (len(sessions), 0))
        self.assertIn(sessions[0]["access_key_id"], with_sign_ins.html)


if __name__ == "__main__":
    unittest.main()
