"""Grants from Python: an administrator gives, a contractor opens and uses, and access ends."""

import asyncio
import copy
import datetime
import json
import os
import pickle
import subprocess
import sys
import unittest

import tempaccess
from botocore.exceptions import ClientError
from offices import LEDGER, WithOffice
from sandbox import Person, faked_time
from test_readme import examples

UTC = datetime.timezone.utc


class SessionGrants(WithOffice):
    def assert_denied(self, call):
        with self.assertRaises(ClientError) as caught:
            call()
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 403)

    def test_a_contractor_uses_what_was_issued_until_it_is_revoked(self):
        issued = self.issue()
        self.assertEqual(issued.event["event"], "issued")
        self.assertEqual(issued.event["by"], "alan@example.com")
        self.assertGreater(issued.until, datetime.datetime.now(UTC))
        opened = self.open(f"Hello,\n\n{issued.sealed}\nAlan\n")
        self.assertEqual((opened.id, opened.until), (issued.id, issued.until))
        self.assertEqual(opened.header["session"].split("/")[-1], f"grace@example.com+{issued.id}")
        s3 = self.s3(opened)
        self.assertEqual(s3.get_object(Bucket="ledger", Key="README.txt")["Body"].read(), b"One file a month.\n")
        self.assert_denied(lambda: s3.get_object(Bucket="vault", Key="combination.txt"))
        plan = self.grants.revoke(issued.id, reason="done early", dry_run=True)
        self.assertEqual([step["id"] for step in plan["steps"]], [issued.id])
        self.assertEqual(s3.get_object(Bucket="ledger", Key="README.txt")["ContentLength"], 18)
        self.assertEqual(self.grants.revoke([issued.id], reason="done early"), plan)
        self.assert_denied(lambda: s3.get_object(Bucket="ledger", Key="README.txt"))
        self.assertTrue(self.grants.restore(issued.id, reason="was a mistake")["undo"])
        self.assertEqual(s3.get_object(Bucket="ledger", Key="README.txt")["ContentLength"], 18)
        shown = self.grants.show(issued.id)
        self.assertEqual([event["event"] for event in shown["events"]], ["issued", "revoked", "restored"])
        self.assertEqual((shown["grant"]["state"], shown["grant"]["defects"]), ("live", []))

    def test_a_plan_is_shown_and_carried_out_once(self):
        plan = self.grants.plan_issue(
            to="grace@example.com",
            role="ledger/Granted",
            policy=json.dumps(LEDGER),
            duration=datetime.timedelta(minutes=20),
            from_ip=["127.0.0.0/8"],
            reason="OPS-123",
            seal_to=[self.home / "grace.pub"],
        )
        self.assertEqual((plan.summary["action"], plan.summary["duration"]), ("issue", "20m"))
        self.assertEqual(plan.summary["from_ip"], ["127.0.0.0/8"])
        self.assertEqual(self.grants.list(ended=True)["grants"], [])
        self.assertIn("grace@example.com", repr(plan))
        issued = plan.carry_out()
        self.assertEqual(issued.id, plan.summary["id"])
        with self.assertRaisesRegex(RuntimeError, "carried out already"):
            plan.carry_out()
        extended = self.grants.plan_extend(issued.id, "10m", reason="OPS-123 again").carry_out()
        self.assertGreater(extended.until, issued.until)
        self.assertEqual(self.open(extended.sealed).header["issue"], 2)
        # An older copy is refused.
        with self.assertRaises(tempaccess.GrantEndedError):
            self.open(issued.sealed)
        self.assertEqual(self.grants.extend(issued.id, 60, reason="OPS-123").event["issue"], 3)

    def test_asyncio(self):
        async def given():
            values = {"to": "grace@example.com", "role": "ledger/Granted", "duration": 900, "reason": "OPS-1"}
            plan = await self.grants.plan_issue_async(**values, seal_to=self.home / "grace.pub")
            issued = await plan.carry_out_async()
            opened = await tempaccess.open_grant_async(
                issued.sealed, identity=self.home / "grace", config=self.config, prompter=None
            )
            listing, found = await asyncio.gather(self.grants.list_async(to="grace@example.com"), self.grants.check_async())
            self.assertEqual([grant["id"] for grant in listing["grants"]], [opened.id])
            self.assertEqual((found["findings"], found["roles"][0]["used"] > 0), ([], True))
            await self.grants.extend_async(issued.id, "5m", reason="OPS-1")
            revoked = await self.grants.revoke_async(to="grace@example.com", reason="done")
            self.assertEqual(len(revoked["steps"]), 1)
            shown = await self.grants.show_async(issued.id)
            self.assertEqual(shown["grant"]["extensions"], 1)
            self.assertEqual(await self.grants.clean_async(), [])

        asyncio.run(given())

    def test_the_command_line_reads_the_same_records(self):
        issued = self.issue()
        printed = self.run_program("grant", "show", issued.id, "--profile", "admin", "--config", self.config, "--output", "json")
        self.assertEqual(self.grants.show(issued.id)["events"], json.loads(printed)["events"])

    def test_what_is_not_genuine_or_for_somebody_else_is_refused(self):
        issued = self.issue()
        with self.assertRaises(tempaccess.GrantNotForYouError) as caught:
            self.open(issued.sealed, identity=[self.home / "eve"])
        self.assertIn("`identity=`", caught.exception.hint)
        with self.assertRaises(tempaccess.GrantNotGenuineError):
            self.open(issued.sealed.replace("OPS-123", "OPS-124"))
        # Eve trusts nobody, and knows no account.
        config = self.home / "other.toml"
        config.write_text("")
        with self.assertRaises(tempaccess.GrantNotGenuineError) as caught:
            self.open(issued.sealed, config=config)
        self.assertIn("which is not trusted", caught.exception.message)
        config.write_text('[grants]\nsigners = "access.signers"\n')
        with self.assertRaises(tempaccess.GrantElsewhereError) as caught:
            self.open(issued.sealed, config=config)
        self.assertIn('`accounts="111122223333"`', caught.exception.hint)
        self.assertEqual((caught.exception.stage, caught.exception.kind), ("grant", "grant_elsewhere"))
        self.assertEqual(self.open(issued.sealed, config=config, accounts="111122223333").id, issued.id)

    def test_who_signed_is_verified_without_a_key(self):
        issued = self.issue()
        signers = (self.home / "access.signers").read_text()
        header = tempaccess.inspect_grant(issued.sealed, signers)
        self.assertEqual((header["id"], header["by"]), (issued.id, "alan@example.com"))
        self.assertEqual(tempaccess.inspect_grant(issued.sealed, config=self.config), header)
        with self.assertRaises(tempaccess.GrantNotGenuineError):
            tempaccess.inspect_grant(issued.sealed, "")
        with self.assertRaises(tempaccess.InvalidArgumentError):
            tempaccess.inspect_grant("Hello", signers)

    def test_nothing_shows_a_secret(self):
        issued = self.issue()
        opened = self.open(issued.sealed)
        credentials = opened.credentials
        texts = [repr(opened), repr(credentials), json.dumps(opened.header), credentials.summary_json(), repr(self.grants)]
        for secret in (credentials.secret_access_key, credentials.session_token):
            self.assertFalse([text for text in texts if secret in text])
        with self.assertRaisesRegex(TypeError, "secrets"):
            pickle.dumps(opened)
        self.assertEqual(copy.deepcopy(opened).id, opened.id)
        self.assertIs(copy.deepcopy(issued), issued)
        with self.assertRaisesRegex(TypeError, "`event` and `sealed`"):
            pickle.dumps(issued)
        self.assertEqual(pickle.loads(pickle.dumps(issued.event)), issued.event)
        for copied in (copy.copy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "create one in each process"):
                copied(self.grants)

    def test_a_passphrase_is_asked_for(self):
        key = self.home / "grace"
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", key], check=True, capture_output=True)
        sealed = self.issue().sealed
        with self.assertRaises(tempaccess.InteractionRequiredError):
            self.open(sealed)

        class Awaited(Person):
            async def secret(self, question):
                self.heard.append(question)
                return super().secret(question)

        person = Awaited(secret="open sesame")
        self.assertEqual(self.open(sealed, prompter=person).header["to"], "grace@example.com")
        self.assertEqual(len(person.heard), 1)

    def test_wrong_arguments_are_named(self):
        def message(kind, call):
            with self.assertRaises(kind) as caught:
                call()
            return str(caught.exception)

        self.assertIn("Did you mean 'seal_to'?", message(TypeError, lambda: self.issue(seal_too="x")))
        self.assertIn("'seal_to'", message(TypeError, lambda: self.issue(seal_to=[1])))
        self.assertIn("argument 'role'", message(TypeError, lambda: self.issue(role=1)))
        self.assertIn("unexpected keyword argument 'rol'", message(TypeError, lambda: tempaccess.Grants("admin", rol="x")))
        naive = datetime.datetime(2030, 1, 1)
        permit = {"to": "grace@example.com", "role": "People", "policy": LEDGER, "reason": "OPS-1"}
        self.assertIn("time zone", message(ValueError, lambda: self.grants.permit(**permit, until=naive)))
        self.assertIn("`duration=`", message(tempaccess.InvalidArgumentError, lambda: self.grants.permit(**permit)) + self.hint(lambda: self.grants.permit(**permit)))
        self.assertIn("invalid grant id", message(tempaccess.InvalidArgumentError, lambda: self.grants.show("x")))
        self.assertIn("`older_role=`", self.hint(lambda: self.grants.revoke(reason="x")))
        with self.assertRaises(tempaccess.InvalidRecipientError):
            self.issue(seal_to="nobody")
        with self.assertRaises(tempaccess.GrantUnsafeError) as caught:
            self.issue(policy={"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        self.assertIn("`allow_escape=True`", caught.exception.hint)

    def hint(self, call):
        with self.assertRaises(tempaccess.Error) as caught:
            call()
        return caught.exception.hint or ""

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_a_fork_gives_grants_of_its_own(self):
        program = self.home / "program.py"
        program.write_text(f"""
import os, tempaccess
grants = tempaccess.Grants("admin", config={str(self.config)!r}, prompter=None)
grants.list()
child = os.fork()
if child == 0:
    code = 1
    try:
        issued = grants.issue(to="grace@example.com", role="Granted", duration="15m", reason="x", seal_to={str(self.home / "grace.pub")!r})
        code = 0 if issued.sealed else 1
    finally:
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
assert len(grants.list()["grants"]) == 1
""")
        environment = {**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}
        run = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)


ENDED = """
import os, pathlib, tempaccess

grants = tempaccess.Grants("admin", config="config.toml", prompter=None)
issued = grants.issue(
    to="grace@example.com", role="ledger/Granted", duration="40m", reason="OPS-123", seal_to="grace.pub"
)
open_again = lambda: tempaccess.open_grant(issued.sealed, identity="grace", config="config.toml", prompter=None)
opened = open_again()
s3 = opened.boto3_session(region_name="us-east-1").client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
read = lambda: s3.get_object(Bucket="ledger", Key="README.txt")
print(read()["ContentLength"])
# Within the time in which botocore would refresh them.
pathlib.Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).write_text("+39m")
print(read()["ContentLength"])
pathlib.Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).write_text("+41m")
for call in (read, lambda: opened.credentials, open_again):
    try:
        call()
    except tempaccess.GrantEndedError as error:
        print(error.hint.split("`")[1])
"""


class Ended(WithOffice):
    @classmethod
    def setUpClass(cls):
        cls.environment = faked_time(cls)
        super().setUpClass()

    def test_the_error_after_the_end_names_whom_to_ask(self):
        environment = {**os.environ, **self.environment}
        command = [sys.executable, "-c", ENDED]
        run = subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout.split(), ["18", "18", *["alan@example.com"] * 3])


class PolicyGrants(WithOffice):
    def test_a_policy_grant_has_dates_and_no_credentials(self):
        now = datetime.datetime.now(UTC)
        permitted = self.grants.permit(
            to="grace@example.com",
            role="People",
            policy=LEDGER,
            from_=now + datetime.timedelta(hours=1),
            until=(now + datetime.timedelta(hours=3)).astimezone(datetime.timezone(datetime.timedelta(hours=9))),
            reason="OPS-124",
        )
        self.assertEqual((permitted.sealed, permitted.event["how"]), ("", "policy"))
        listed = self.grants.list(roles="People")["grants"]
        self.assertEqual([(grant["kind"], grant["state"]) for grant in listed], [("policy", "planned")])
        self.assertEqual(self.grants.check(["People"])["findings"], [])
        self.assertEqual(self.grants.clean(dry_run=True), [])
        self.grants.revoke(by="alan@example.com", reason="left")
        self.assertEqual(self.grants.list()["grants"], [])
        self.assertEqual(self.grants.list(ended=True, offline=True)["grants"][0]["state"], "revoked")
        with self.assertRaises(tempaccess.GrantUnsafeError):
            self.grants.plan_permit(to="grace@example.com", role="Granted", policy=LEDGER, duration="1h", reason="OPS-1")
        with self.assertRaises(tempaccess.GrantNotFoundError):
            self.grants.plan_permit(to="grace@example.com", role="Nobody", policy=LEDGER, duration="1h", reason="OPS-1")


class Requests(WithOffice):
    def request(self, **more):
        config = self.home / "grace.toml"
        config.write_text(self.config.read_text().replace('sign_with = "alan"', 'sign_with = "grace"'))
        values = {"preset": "count-objects", "duration": "40m", "reason": "OPS-123", "to": "grace@example.com"}
        return tempaccess.request_grant(**{**values, "seal_to": self.home / "grace.pub", "config": config, "prompter": None, **more})

    def barbara(self):
        config = self.home / "barbara.toml"
        config.write_text(self.config.read_text().replace('sign_with = "alan"', 'sign_with = "barbara"'))
        who = {"username": "barbara@example.com", "password": "abstraction"}
        return tempaccess.Grants("admin", config=config, prompter=None, **who)

    def test_a_request_is_approved_and_given(self):
        text = self.request()
        plan = self.grants.plan_approve(text, duration="20m")
        self.assertEqual((plan.summary["duration"], plan.summary["approved_by"]), ("20m", ["alan@example.com"]))
        listing = {"Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ledger"}]}
        narrower = self.grants.plan_approve(text, policy=listing)
        self.assertEqual(json.loads(narrower.summary["policy"]), listing)
        with self.assertRaisesRegex(TypeError, "policy"):
            self.grants.plan_approve(text, polcy=listing)
        signed = self.barbara().sign_approval(text)
        request = tempaccess.inspect_request(signed, config=self.config)
        self.assertEqual((request["to"], request["approved_by"]), ("grace@example.com", ["barbara@example.com"]))
        issued = self.grants.approve(signed, from_ip="127.0.0.0/8")
        self.assertEqual(issued.event["request"]["text"] in text.replace("\n", ""), True)
        self.assertEqual(self.open(issued.sealed).header["to"], "grace@example.com")
        with self.assertRaises(tempaccess.GrantChangedError):
            asyncio.run(self.grants.approve_async(text))

    def test_a_request_is_denied(self):
        text = asyncio.run(self.requested_async())
        denied = self.grants.deny(text, reason="not needed")
        self.assertEqual(denied["event"], "denied")
        with self.assertRaises(tempaccess.GrantChangedError):
            self.grants.approve(text)
        with self.assertRaises(tempaccess.InvalidArgumentError):
            self.request(preset="nothing")

    async def requested_async(self):
        text = self.request()
        listing = {"Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::ledger"}]}
        signed = await self.barbara().sign_approval_async(text, duration=900, policy=listing, from_ip="127.0.0.0/8")
        request = tempaccess.inspect_request(signed, config=self.config)
        narrowed = request["narrowed"][0]
        self.assertEqual((request["agreed_seconds"], narrowed["by"]), (900, "barbara@example.com"))
        self.assertEqual((json.loads(narrowed["policy"]), narrowed["from_ip"]), (listing, ["127.0.0.0/8"]))
        with self.assertRaisesRegex(tempaccess.GrantRefusedError, "did not approve the network"):
            await self.grants.plan_approve_async(signed, from_ip="10.0.0.0/8")
        return text

    def test_an_emergency_is_reviewed_by_somebody_else(self):
        issued = self.grants.issue(
            to="grace@example.com", preset="emergency", reason="OPS-1", seal_to=self.home / "grace.pub"
        )
        self.assertTrue(issued.event["break_glass"])
        with self.assertRaises(tempaccess.GrantRefusedError):
            self.grants.review(issued.id, reason="fine")
        reviewed = self.barbara().review(issued.id, reason="looked at CloudTrail")
        self.assertEqual((reviewed["event"], reviewed["by"]), ("reviewed", "barbara@example.com"))
        with self.assertRaises(tempaccess.GrantRefusedError):
            self.issue(preset="count-objects", role="ledger/Granted", policy=None)


class GrantExamples(WithOffice):
    def test_every_example_of_grants_runs(self):
        (self.home / "one-bucket.json").write_text(json.dumps(LEDGER))
        (self.home / ".ssh").mkdir()
        for name, content in (("id_ed25519", "grace"), ("id_ed25519.pub", "grace.pub")):
            (self.home / ".ssh" / name).write_bytes((self.home / content).read_bytes())
        # What Grace asks is signed with her key.
        asks = self.home / "grace.toml"
        asks.write_text(self.config.read_text().replace('sign_with = "alan"', 'sign_with = "grace"'))
        request = {"preset": "count-objects", "to": "grace@example.com", "reason": "OPS-126", "duration": "40m"}
        (self.home / "tickets").mkdir()
        (self.home / "tickets/OPS-126.txt").write_text(tempaccess.request_grant(**request, config=asks, prompter=None))
        for file, least in (("docs/cookbook/python.md", 8), ("crates/py/README.md", 1)):
            found = [example for example in examples(file) if "rant" in example]
            self.assertGreaterEqual(len(found), least, file)
            for example in found:
                if "tickets" in example:
                    self.grants.revoke(to="grace@example.com", reason="she has one grant at a time")
                config = asks if "request_grant" in example else self.config
                environment = {**os.environ, "TEMPACCESS_CONFIG": str(config), "AWS_DEFAULT_REGION": "us-east-1"}
                with self.subTest(file=file, example=example):
                    command = [sys.executable, "-c", example]
                    run = subprocess.run(command, env=environment, cwd=self.home, capture_output=True, text=True)
                    self.assertEqual(run.returncode, 0, run.stderr)
            self.grants.revoke(to="grace@example.com", reason="the next page")
        # The bot has approved what was in its folder, and the report is a page.
        self.assertIn("BEGIN AGE", (self.home / "tickets/OPS-126.grant").read_text())
        self.assertIn("<!doctype html>", (self.home / "grants.html").read_text())


class Shapes(WithOffice):
    def test_dicts_have_the_declared_keys(self):
        def keys(found, declared):
            self.assertEqual(declared.__required_keys__ - set(found), set())
            self.assertEqual(set(found) - set(declared.__annotations__), set())

        plan = self.grants.plan_issue(
            to="grace@example.com", role="Granted", duration="20m", reason="OPS-1", seal_to=self.home / "grace.pub"
        )
        keys(plan.summary, tempaccess.PlanSummary)
        issued = plan.carry_out()
        keys(issued.event, tempaccess.GrantEvent)
        keys(self.open(issued.sealed).header, tempaccess.GrantHeader)
        shown = self.grants.show(issued.id)
        keys(shown, tempaccess.GrantDetails)
        keys(shown["grant"], tempaccess.GrantSummary)
        listing = self.grants.list()
        keys(listing, tempaccess.GrantListing)
        keys(listing["grants"][0], tempaccess.ListedGrant)
        revoked = self.grants.revoke(issued.id, reason="x")
        keys(revoked, tempaccess.RevocationPlan)
        keys(revoked["steps"][0], tempaccess.RevocationStep)
        (self.home / "records").rename(self.home / "gone")
        permitted = tempaccess.Grants("admin", config=self.config, prompter=None)
        found = permitted.check(["Granted"])
        keys(found, tempaccess.GrantCheck)
        keys(found["roles"][0], tempaccess.RoleRoom)
        for finding in found["findings"]:
            keys(finding, tempaccess.GrantFinding)


if __name__ == "__main__":
    unittest.main()
