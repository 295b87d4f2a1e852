"""Questions on a terminal: they leave it as it was, however they end."""

import os
import select
import signal
import sys
import termios
import unittest

from sandbox import WithSandbox

PROGRAM = """
import sys
import tempaccess
session = tempaccess.Session(username="alan@example.com", role="ReadOnly", store="none")
try:
    print("role", session.{call}.role_arn, flush=True)
except BaseException as error:
    print("ended by", type(error).__name__, flush=True)
print("line", input("more? "), flush=True)
"""


@unittest.skipUnless(hasattr(os, "forkpty"), "there are no terminals of Unix")
class OnATerminal(WithSandbox):
    def start(self, call="credentials()"):
        process, terminal = os.forkpty()
        if process == 0:
            # Where the tests run in the background of a shell, they inherit that it is ignored.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, "-c", PROGRAM.replace("{call}", call)])
        self.addCleanup(os.close, terminal)
        self.addCleanup(os.waitpid, process, 0)
        self.addCleanup(lambda: os.kill(process, signal.SIGKILL))
        return terminal

    def until(self, terminal, words):
        text = b""
        while words.encode() not in text:
            self.assertTrue(select.select([terminal], [], [], 120)[0], f"no {words!r} in {text!r}")
            text += os.read(terminal, 4096)
        return text.decode()

    def shows_what_is_typed(self, terminal):
        return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)

    def test_a_password_is_not_shown_and_signs_in(self):
        terminal = self.start()
        self.until(terminal, "Password of alan@example.com: ")
        os.write(terminal, b"bombe\n")
        said = self.until(terminal, "more? ")
        self.assertIn(":role/ReadOnly", said)
        self.assertNotIn("bombe", said)
        os.write(terminal, b"the next line\n")
        self.until(terminal, "line the next line")

    def test_ctrl_c_and_a_timeout_leave_the_terminal_as_it_was(self):
        for call, key, ending in (
            ("credentials()", b"\x03", "KeyboardInterrupt"),
            ("credentials(timeout=0.5)", b"", "TimeoutError"),
        ):
            with self.subTest(call):
                terminal = self.start(call)
                self.until(terminal, "Password of alan@example.com: ")
                os.write(terminal, b"bom" + key)
                self.assertIn(f"ended by {ending}", self.until(terminal, "more? "))
                self.assertTrue(self.shows_what_is_typed(terminal))
                # Nobody waits for a password any more, and what was typed of it is gone.
                os.write(terminal, b"the next line\n")
                self.until(terminal, "line the next line")


if __name__ == "__main__":
    unittest.main()
