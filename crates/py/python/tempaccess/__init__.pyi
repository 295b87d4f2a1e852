from collections.abc import Mapping
from typing import Any, final

__version__: str

class Error(Exception):
    """What went wrong: its message, and what to do about it."""

    kind: str
    stage: str
    fault: str
    message: str
    hint: str | None

@final
class Role:
    """One role that an assertion offers, and the SAML provider through which it does."""

    @property
    def role_arn(self) -> str: ...
    @property
    def provider_arn(self) -> str: ...
    @property
    def partition(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    def __eq__(self, other: object) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Assertion:
    """The facts read from a SAML response: untrusted and unverified."""

    @property
    def roles(self) -> list[Role]:
        """The roles that are offered, in document order. Raises Error where there are none."""

    def choose(
        self,
        *,
        role: str | None = None,
        account: str | None = None,
        provider: str | None = None,
        account_names: Mapping[str, str] | None = None,
    ) -> Role:
        """The one role that fits. Raises Error where none does, or several do."""

    def inspect(self, *, at: str | None = None) -> dict[str, Any]:
        """The facts and what AWS would refuse, judged at the instant `at` (RFC 3339) or now."""

    def inspect_json(self, *, at: str | None = None) -> str:
        """The same as the JSON text that `tempaccess inspect --output json` prints, on one line."""

def read(response: bytes | str) -> Assertion:
    """Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope."""
