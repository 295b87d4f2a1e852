"""Objects of Python's in the places where core asks: functions and coroutines, and what becomes of what they raise."""

import asyncio
import concurrent.futures
import signal
import threading
import unittest

import tempaccess
from sandbox import Person, WithSandbox

# A question that is not withdrawn fails its test, and does not hold up the others.
PATIENCE = 60


class Awaited(Person):
    """The same as coroutines."""

    async def text(self, question):
        return super().text(question)

    async def secret(self, question):
        await asyncio.sleep(0)
        return super().secret(question)

    async def choose(self, question, choices):
        return super().choose(question, choices)

    async def notify(self, message):
        super().notify(message)


ADA = {"text": "ada@example.com", "secret": "correct horse", "choose": lambda choices: 2}
ALAN = {"text": "alan@example.com", "secret": "bombe"}


class Prompters(WithSandbox):
    def test_coroutines_answer_all_who_wait(self):
        async def asked():
            return await tempaccess.Session(prompter=person).credentials_async()

        person = Awaited(**ADA)
        self.assertEqual(asyncio.run(asked()).account_id, "444455556666")
        self.assertTrue(any("42" in message for message in person.heard), person.heard)
        # Without asyncio too.
        alan = tempaccess.Session(prompter=Awaited(**ALAN)).renew(force=True)
        self.assertEqual(alan.account_id, "111122223333")

    def test_a_coroutine_runs_on_the_loop_that_waits(self):
        loops = []

        class Looking(Awaited):
            async def secret(self, question):
                loops.append(asyncio.get_running_loop())
                return await super().secret(question)

        async def asked():
            await tempaccess.Session(prompter=Looking(**ALAN)).roles_async()
            return asyncio.get_running_loop()

        self.assertEqual([asyncio.run(asked())], loops)

    def test_what_is_raised_is_the_cause(self):
        for kind in (Person, Awaited):
            with self.subTest(kind):
                with self.assertRaises(tempaccess.CallbackFailedError) as caught:
                    tempaccess.Session(prompter=kind(text="ada@example.com")).credentials()
                self.assertEqual(caught.exception.message, "`secret` raised KeyError: 'secret'")
                self.assertEqual(caught.exception.fault, "caller")
                self.assertIsInstance(caught.exception.__cause__, KeyError)
        for answers in ({"secret": 1}, {**ADA, "choose": len}, {**ADA, "choose": lambda choices: "1"}):
            with self.subTest(answers), self.assertRaises(tempaccess.CallbackFailedError) as caught:
                tempaccess.Session(prompter=Person(**{**ALAN, **answers})).credentials()
            self.assertIsInstance(caught.exception.__cause__, (TypeError, IndexError))

    def test_cancelling_is_not_a_fault(self):
        for raised in (EOFError(), asyncio.CancelledError(), concurrent.futures.CancelledError(), tempaccess.CancelledError("no")):

            class Leaving(Person):
                def secret(self, question):
                    raise raised

            # `asyncio.CancelledError` is not an `Exception`, and raised unchanged.
            expected = tempaccess.CancelledError if isinstance(raised, Exception) else type(raised)
            with self.subTest(type(raised)), self.assertRaises(expected):
                tempaccess.Session(prompter=Leaving(**ALAN)).credentials()

    def test_a_notification_that_fails_ends_the_sign_in(self):
        failed = BrokenPipeError("nobody reads this")

        class Deaf(Person):
            def notify(self, message):
                raise failed

        class DeafAwaited(Awaited):
            async def notify(self, message):
                raise failed

        for kind in (Deaf, DeafAwaited):
            session = tempaccess.Session(prompter=kind(**ADA))
            for call in (session.credentials, lambda: asyncio.run(session.credentials_async())):
                with self.subTest(kind), self.assertRaises(tempaccess.CallbackFailedError) as caught:
                    call()
                self.assertIs(caught.exception.__cause__, failed)
                self.assertIn("`notify` raised", caught.exception.message)

    def test_system_exit_ends_the_program(self):
        class Leaving(Person):
            def secret(self, question):
                raise SystemExit(3)

        with self.assertRaises(SystemExit):
            tempaccess.Session(prompter=Leaving(**ALAN)).credentials()

    def test_ctrl_c_ends_the_wait(self):
        never = threading.Event()
        self.addCleanup(never.set)
        # Python leaves the signal ignored where it is started so, as in the background of a script.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

        class Silent(Person):
            def secret(self, question):
                signal.raise_signal(signal.SIGINT)
                never.wait(PATIENCE)

        alan = {"username": "alan@example.com", "role": "ReadOnly"}
        with self.assertRaises(KeyboardInterrupt):
            tempaccess.Session(prompter=Silent(**ALAN), **alan).credentials()
        # The next caller does not wait for a question that nobody answers.
        self.assertEqual(tempaccess.Session(prompter=Person(**ALAN), **alan).credentials().account_id, "111122223333")

    def test_a_timeout_cancels_the_sign_in(self):
        never = threading.Event()
        self.addCleanup(never.set)
        alan = {"username": "alan@example.com", "role": "ReadOnly"}

        class Silent(Person):
            def secret(self, question):
                never.wait(PATIENCE)

        session = tempaccess.Session(prompter=Silent(**ALAN), **alan)
        for wait in (session.credentials, session.renew, session.roles, session.all_credentials):
            with self.assertRaisesRegex(TimeoutError, "timed out after 0.2 seconds"):
                wait(timeout=0.2)
        with self.assertRaises(ValueError):
            session.credentials(timeout=-1)
        self.assertEqual(tempaccess.Session(prompter=Person(**ALAN), **alan).credentials().account_id, "111122223333")

    def test_a_task_that_is_cancelled_withdraws_what_is_asked(self):
        withdrawn, never = [], threading.Event()
        self.addCleanup(never.set)
        alan = {"username": "alan@example.com", "role": "ReadOnly"}

        class Silent(Awaited):
            async def secret(self, question):
                self.asked.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    withdrawn.append(question)
                    raise

        class Blocking(Person):
            def secret(self, question):
                self.loop.call_soon_threadsafe(self.asked.set)
                never.wait(PATIENCE)

        async def cancelled(person):
            person.asked, person.loop = asyncio.Event(), asyncio.get_running_loop()
            task = asyncio.create_task(tempaccess.Session(prompter=person, **alan).credentials_async())
            await person.asked.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        async def both():
            await cancelled(Silent(**ALAN))
            await cancelled(Blocking(**ALAN))
            # The turn is free again.
            return await tempaccess.Session(prompter=Awaited(**ALAN), **alan).credentials_async()

        self.assertEqual(asyncio.run(both()).account_id, "111122223333")
        self.assertEqual(len(withdrawn), 1)


class Sources(WithSandbox):
    def given(self, source):
        return tempaccess.Session(prompter=None, store="none", assertion_source=source)

    def test_a_function_or_a_coroutine_is_a_source(self):
        requests = []

        def function(request):
            requests.append(request)
            return self.page()

        async def coroutine(request):
            return function(request).decode()

        self.assertEqual(self.given(function).credentials().account_id, "111122223333")
        self.assertEqual(self.given(coroutine).renew(force=True).account_id, "111122223333")
        self.assertEqual(len(asyncio.run(self.given(coroutine).roles_async())), 1)
        asked = [(request.audience, request.force_authn) for request in requests]
        self.assertEqual(asked, [("urn:amazon:webservices", force) for force in (False, True, False)])
        self.assertIn("force_authn=False", repr(requests[0]))

    def test_what_it_gives_is_read_and_what_it_raises_is_the_cause(self):
        with self.assertRaises(tempaccess.NoSamlResponseError):
            self.given(lambda request: b"<html><form></form></html>").credentials()
        failed = LookupError("no browser")

        def fails(request):
            raise failed

        with self.assertRaises(tempaccess.CallbackFailedError) as caught:
            self.given(fails).credentials()
        self.assertIs(caught.exception.__cause__, failed)
        with self.assertRaises(tempaccess.CallbackFailedError) as caught:
            self.given(lambda request: 1).credentials()
        self.assertIsInstance(caught.exception.__cause__, TypeError)


if __name__ == "__main__":
    unittest.main()
