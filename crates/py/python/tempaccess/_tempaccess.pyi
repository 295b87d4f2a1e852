"""The native half."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar, final

from ._calls import Asked

_T_co = TypeVar("_T_co", covariant=True)

__version__: str

class Error(Exception):
    """What went wrong: its message, and what to do about it."""

    kind: str
    stage: str
    fault: str
    message: str
    hint: str | None
    roles: list[str]
    """The ARNs of the roles that the person can choose from."""
    retry_after_seconds: int | None
    """How long to wait before trying again, if the other side has said so."""

class InvalidArgument(Error):
    """An argument or a setting does not make sense."""

class InvalidConfiguration(Error):
    """The configuration cannot be read or holds something unknown."""

class Io(Error):
    """The machine refused: a file, a directory or a program."""

class Network(Error):
    """The network refused: name, connection, TLS or a proxy."""

class DeadlineExceeded(Error):
    """Something did not answer in the time it was given."""

class InteractionRequired(Error):
    """A person is needed and none can be asked."""

class AuthenticationFailed(Error):
    """The identity provider does not accept the name and password."""

class FactorFailed(Error):
    """The second factor was wrong, refused or not answered."""

class FactorUnsupported(Error):
    """None of the second factors can be used from here."""

class AccountLocked(Error):
    """The account is locked."""

class AccountActionRequired(Error):
    """The identity provider wants the person to do something first: a new password, a factor to enrol."""

class IdentityProviderRefused(Error):
    """The identity provider refused for a reason of its own policy."""

class RateLimited(Error):
    """The identity provider limits how often it may be asked."""

class IdentityProviderError(Error):
    """The identity provider answered with something unexpected."""

class NoSamlResponse(Error):
    """There is no SAML response in what was given."""

class MalformedResponse(Error):
    """The SAML response is not well formed, or is not what SAML 2.0 says it should be."""

class ForbiddenConstruct(Error):
    """The SAML response holds something that no honest one needs, such as a DTD."""

class LimitExceeded(Error):
    """The SAML response is larger, deeper or more numerous than the limits allow."""

class MultipleAssertions(Error):
    """There is more than one assertion in the SAML response."""

class EncryptedAssertion(Error):
    """The assertion is encrypted for AWS, so that nobody else can read the roles."""

class UnsignedAssertion(Error):
    """Neither the response nor the assertion is signed."""

class SignatureInvalid(Error):
    """A signature was not made by a trusted key, or the document was changed afterwards."""

class AssertionNotAccepted(Error):
    """The assertion is genuine, but not meant for this audience or not valid now."""

class NoRoles(Error):
    """The assertion offers no role at all."""

class RoleNotOffered(Error):
    """The assertion does not offer the role that was asked for."""

class RoleAmbiguous(Error):
    """More than one role fits what was asked for."""

class InvalidScope(Error):
    """The duration or a session policy is outside what STS accepts."""

class AssertionExpired(Error):
    """STS: the assertion is too old (ExpiredTokenException)."""

class ClaimRejected(Error):
    """STS: the identity provider's claim was rejected (IDPRejectedClaim)."""

class InvalidIdentityToken(Error):
    """STS: the assertion is not valid (InvalidIdentityToken)."""

class MalformedPolicy(Error):
    """STS: the session policy is not valid (MalformedPolicyDocument)."""

class PackedPolicyTooLarge(Error):
    """STS: session policies and tags together are too large (PackedPolicyTooLarge)."""

class RegionDisabled(Error):
    """STS: not active in this region for this account (RegionDisabledException)."""

class AccessDenied(Error):
    """STS: not authorized to take this role (AccessDenied)."""

class StsValidation(Error):
    """STS: a parameter was refused (ValidationError)."""

class DurationAboveRoleMaximum(Error):
    """STS: the duration is above the role's maximum, even the shortest that was tried (ValidationError)."""

class StsThrottled(Error):
    """STS: too many requests (Throttling)."""

class StsUnavailable(Error):
    """STS: not available, or an answer that is not its own."""

class AuditFailed(Error):
    """The audit record could not be written, so nothing was handed out."""

class Cancelled(Error):
    """The person stopped it."""

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
    def __eq__(self, other: object, /) -> bool: ...
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

@final
class Verifier:
    """Verifies signatures against keys that were pinned beforehand.

    `keys` is the identity provider's SAML metadata, or PEM that holds its signing certificates or public keys. The
    assertion must be meant for AWS, or for the service whose `audience` and `recipient` are given.
    """

    def __new__(
        cls,
        keys: bytes | str,
        *,
        audience: str | None = None,
        recipient: str | None = None,
        in_response_to: str | None = None,
        allow_sha1: bool = False,
        allow_short_rsa: bool = False,
        allow_expired_certificate: bool = False,
    ) -> Verifier: ...
    def verify(self, response: bytes | str, *, at: str | None = None) -> Assertion:
        """The facts, read from beneath what a trusted key has signed. Raises Error where anything is wrong."""

    def examine(self, response: bytes | str, *, at: str | None = None) -> dict[str, Any]:
        """What is in it, whoever signed it, and under `verification` what verifying found."""

    def examine_json(self, response: bytes | str, *, at: str | None = None) -> str:
        """The same as the JSON text that `tempaccess inspect --verify --output json` prints, on one line."""

@final
class IssuedSession:
    """What was given: credentials, and all that is known of them. Its `repr` shows no secret."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...
    @property
    def expiration(self) -> datetime:
        """When AWS stops accepting them, in UTC."""

    @property
    def account_id(self) -> str: ...
    @property
    def role_arn(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    def summary_json(self) -> str:
        """All that is known of them but for the secrets, as `tempaccess login --output json` prints it."""

    def credentials_json(self) -> str:
        """The same with the secrets, as `tempaccess credentials --output json` prints it."""

    def credential_process(self) -> str:
        """What the AWS CLI and the SDKs expect of a `credential_process`."""

@final
class Exchanged:
    """What became of one role of many: `issued`, or the `error` that says why there is none."""

    @property
    def role(self) -> Role: ...
    @property
    def issued(self) -> IssuedSession | None: ...
    @property
    def error(self) -> Error | None: ...

@final
class AssertionRequest:
    """What an `assertion_source` is asked for."""

    @property
    def audience(self) -> str:
        """Whom the assertion is for: `urn:amazon:webservices`."""

    @property
    def force_authn(self) -> bool:
        """Whether the person shall sign in even where a session would do."""

def status(*, config: str | None = None, store: str | None = None) -> dict[str, Any]:
    """What is kept, for whom, how narrow, until when; nothing secret. As `tempaccess status --output json` prints it."""

@final
class Work(Generic[_T_co]):
    """Something that was begun. Whoever began it waits for it once, or aborts it."""

    def wait(self) -> _T_co:
        """Waits for it, and hears Ctrl-C meanwhile."""

    def then(self, done: Callable[[Any, BaseException | None], object]) -> None:
        """Calls `done(value, error)` from another thread when it is through, one of the two being `None`."""

    def abort(self) -> None:
        """Gives it up. What it asks is withdrawn."""

@final
class Session:
    """Temporary access: who signs in, which role is taken, for how long and how narrow."""

    def __new__(
        cls,
        profile: str | None = None,
        *,
        config: str | None = None,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], str | bytes] | None = None,
        password: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> Session: ...
    def credentials(self) -> Work[IssuedSession]:
        """Credentials: those that are kept as long as they are good for a while yet; else a sign-in."""

    def renew(self, *, force: bool = False) -> Work[IssuedSession]:
        """Credentials that are new, whatever is kept."""

    def cached(self) -> IssuedSession | None:
        """The credentials that are kept and good for a while yet."""

    def all_credentials(self) -> Work[list[Exchanged]]:
        """Credentials of every role that fits, by one sign-in."""

    def roles(self) -> Work[list[Role]]:
        """Signs in and lists the roles that are offered."""

    def console_url(self, *, destination: str | None = None, duration: str | None = None) -> Work[str]:
        """The address that signs a browser in to the console."""

    def sign_out(self) -> Work[int]:
        """Ends the session at the identity provider and forgets what came from it. Says how many credentials that were."""
