"""Sessions after a fork: in programs of their own, with a deadline, because what goes wrong there hangs."""

import os
import subprocess
import sys
import unittest

from sandbox import WithSandbox

DEADLINE = 120

PREAMBLE = """
import asyncio, multiprocessing, os, sys, threading
import tempaccess

def session(**more):
    return tempaccess.Session(prompter=None, **{"username": "alan@example.com", "password": "bombe", "role": "ReadOnly", **more})

def forked(run):
    '''Runs in a child, and fails if that fails.'''
    child = os.fork()
    if child == 0:
        code = 1
        try:
            run()
            code = 0
        finally:
            sys.excepthook(*sys.exc_info()) if code else None
            os._exit(code)
    return lambda: os.waitpid(child, 0)[1] and sys.exit("the child failed")
"""


@unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
class Forks(WithSandbox):
    def run_program(self, program):
        environment = {**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}
        file = self.home / "program.py"
        file.write_text(PREAMBLE + program)
        run = subprocess.run([sys.executable, file], env=environment, capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    def test_a_child_uses_inherited_and_new_sessions(self):
        self.run_program("""
inherited, unused = session(), session(duration="20m")
first = inherited.credentials()

def child():
    assert inherited.cached().access_key_id == first.access_key_id
    assert inherited.credentials().access_key_id == first.access_key_id
    assert inherited.renew().access_key_id != first.access_key_id
    assert unused.credentials().account_id == "111122223333"
    assert session(duration="25m").credentials().account_id == "111122223333"
    assert len(asyncio.run(session().roles_async())) == 1
    assert "okta" in repr(inherited)
    forked(lambda: inherited.renew())()

for wait in [forked(child) for _ in range(4)]:
    wait()
inherited.renew()
""")

    def test_threads_that_sign_in_during_a_fork_do_no_harm(self):
        self.run_program("""
asked, answer = threading.Event(), threading.Event()
page = open("page.html").read()

def source(request):
    if os.getpid() == parent:
        asked.set()
        answer.wait()
    return page

parent = os.getpid()
shared = tempaccess.Session(prompter=None, assertion_source=source, store="none")
thread = threading.Thread(target=shared.credentials)
thread.start()
asked.wait()

def child():
    # Neither the turn of the parent's thread nor its locks.
    assert shared.credentials().account_id == "111122223333"
    assert session().credentials().account_id == "111122223333"

waits = [forked(child) for _ in range(3)]
for wait in waits:
    wait()
answer.set()
thread.join()
""")

    def test_many_threads_and_many_forks(self):
        self.run_program("""
stop = threading.Event()
shared = session()
shared.credentials()

def busy():
    while not stop.is_set():
        session(duration="30m").renew()
        shared.cached()

threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads:
    thread.start()
try:
    for _ in range(25):
        forked(lambda: (shared.credentials(), session(store="none").roles()))()
finally:
    stop.set()
    for thread in threads:
        thread.join()
""")

    def test_locks_end_with_the_sign_in_that_took_them(self):
        """A child inherits the descriptors of lock files, and must not hold up others with them."""
        self.run_program("""
asked, answer = threading.Event(), threading.Event()

class Slow:
    def text(self, question): ...
    def choose(self, question, choices): ...
    def notify(self, message): ...
    def secret(self, question):
        asked.set()
        answer.wait()
        return "bombe"

slow = tempaccess.Session(prompter=Slow(), username="alan@example.com", role="ReadOnly")
thread = threading.Thread(target=slow.credentials)
thread.start()
asked.wait()
reading, writing = os.pipe()

def child():
    os.close(writing)
    os.read(reading, 1)

wait = forked(child)
answer.set()
thread.join()
# The child is still there.
slow.renew()
os.close(writing)
wait()
""")

    def test_multiprocessing(self):
        for method in ("fork", "spawn", "forkserver"):
            with self.subTest(method):
                printed = self.run_program(f"""
shared = None

def child(number):
    return (shared or session()).credentials().access_key_id

if __name__ == "__main__":
    shared = session()
    key = shared.credentials().access_key_id
    with multiprocessing.get_context({method!r}).Pool(3) as pool:
        print(set(pool.map(child, range(12))) == {{key}})
""")
                self.assertEqual(printed, "True\n")

    def test_a_child_that_ends_as_programs_do(self):
        """The interpreter of the child frees what it inherited."""
        self.run_program("""
shared = session()
shared.credentials()
child = os.fork()
if child == 0:
    shared.cached()
    del shared
    sys.exit(0)
sys.exit(os.waitpid(child, 0)[1])
""")

    def setUp(self):
        super().setUp()
        (self.home / "page.html").write_bytes(self.page())
        before = os.getcwd()
        os.chdir(self.home)
        self.addCleanup(os.chdir, before)


if __name__ == "__main__":
    unittest.main()
