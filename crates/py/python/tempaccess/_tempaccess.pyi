"""The native half."""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar, final

from ._audit_types import RecordsVerification, ReportFacts, TrailAnswer
from ._calls import Asked
from ._grant_types import (
    CleanedPolicy,
    GrantCheck,
    GrantDetails,
    GrantEvent,
    GrantHeader,
    VerifiedRequest,
    GrantListing,
    PlanSummary,
    RevocationPlan,
)
from ._types import ExceededLimit, Examination, Fault, Inspection, Kind, SessionSummary, Stage, Status

_Data: TypeAlias = str | bytes | bytearray | memoryview
_T_co = TypeVar("_T_co", covariant=True)

__version__: str

class Error(Exception):
    """An error: its message, and what to do next."""

    kind: Kind
    stage: Stage
    fault: Fault
    message: str
    hint: str | None
    roles: list[str]
    """The ARNs of the roles to choose from."""
    retry_after_seconds: int | None
    """How many seconds to wait before trying again, if known."""
    limit: ExceededLimit | None
    """The limit that the input exceeds, if it does."""

class InvalidArgumentError(Error, ValueError):
    """An argument or a setting is not valid."""

class InvalidConfigurationError(Error):
    """The configuration cannot be read or has an unknown key."""

class IoError(Error):
    """The machine refused: a file, a directory or a program."""

class NetworkError(Error):
    """The network refused: name, connection, TLS or a proxy."""

class DeadlineExceededError(Error):
    """The time limit for an answer has passed."""

class InteractionRequiredError(Error):
    """A person is needed and none can be asked."""

class CallbackFailedError(Error):
    """A function that the program provided, such as a prompter or a source, has failed."""

class AuthenticationFailedError(Error):
    """The identity provider does not accept the name and password."""

class FactorFailedError(Error):
    """The second factor was wrong, refused or not answered."""

class FactorUnsupportedError(Error):
    """None of the second factors can be used here."""

class AccountLockedError(Error):
    """The account is locked."""

class AccountActionRequiredError(Error):
    """The identity provider requires an action of the person first: a new password, enrolling a factor."""

class IdentityProviderRefusedError(Error):
    """A policy of the identity provider refused the sign-in."""

class RateLimitedError(Error):
    """The identity provider limits the rate of requests."""

class IdentityProviderError(Error):
    """The identity provider's answer is not what its protocol requires."""

class NoSamlResponseError(Error):
    """The input has no SAML response."""

class MalformedResponseError(Error):
    """The SAML response is not well-formed XML, or violates SAML 2.0."""

class ForbiddenConstructError(Error):
    """The SAML response has a construct that genuine ones never need, such as a DTD."""

class LimitExceededError(Error):
    """The SAML response exceeds a limit on size, depth or number of parts."""

class MultipleAssertionsError(Error):
    """There is more than one assertion in the SAML response."""

class EncryptedAssertionError(Error):
    """The assertion is encrypted for AWS, so its roles cannot be read here."""

class UnsignedAssertionError(Error):
    """Neither the response nor the assertion is signed."""

class SignatureInvalidError(Error):
    """A signature was not made by a trusted key, or the document was changed afterwards."""

class AssertionNotAcceptedError(Error):
    """The assertion is genuine, but not for this audience or not valid now."""

class NoRolesError(Error):
    """The assertion offers no role at all."""

class RoleNotOfferedError(Error):
    """The assertion does not offer the requested role."""

class RoleAmbiguousError(Error):
    """More than one role matches the request."""

class InvalidScopeError(Error, ValueError):
    """The duration or a session policy is outside what STS accepts."""

class AssertionExpiredError(Error):
    """STS: the assertion is too old (ExpiredTokenException)."""

class ClaimRejectedError(Error):
    """STS: the identity provider's claim was rejected (IDPRejectedClaim)."""

class InvalidIdentityTokenError(Error):
    """STS: the assertion is not valid (InvalidIdentityToken)."""

class MalformedPolicyError(Error):
    """STS: the session policy is not valid (MalformedPolicyDocument)."""

class PackedPolicyTooLargeError(Error):
    """STS: session policies and tags together are too large (PackedPolicyTooLarge)."""

class RegionDisabledError(Error):
    """STS: not enabled in this region for this account (RegionDisabledException)."""

class AccessDeniedError(Error):
    """STS: not authorized to assume this role (AccessDenied)."""

class StsValidationError(Error):
    """STS: a parameter was refused (ValidationError)."""

class DurationAboveRoleMaximumError(Error):
    """STS: the duration exceeds the role's maximum, even the shortest that was tried (ValidationError)."""

class StsThrottledError(Error):
    """STS: too many requests (Throttling)."""

class StsUnavailableError(Error):
    """STS: not available, or the answer is not from STS."""

class IamRefusedError(Error):
    """IAM: not authorized for this action (AccessDenied), or the role cannot be changed (UnmodifiableEntity)."""

class IamLimitError(Error):
    """IAM: the policies of the role would exceed a limit (LimitExceeded)."""

class IamUnavailableError(Error):
    """IAM: not available, too many requests, or the answer is not from IAM."""

class GrantChangedError(Error):
    """Somebody else changed the grant at the same time, or its policy is not what was written."""

class AuditFailedError(Error):
    """The audit record could not be written, so nothing was handed out."""

class GrantNotFoundError(Error):
    """There is no grant with this id, or no role of this name."""

class GrantEndedError(Error):
    """The grant has ended or was revoked."""

class GrantRefusedError(Error):
    """A rule of the configuration refuses the grant: a preset, the ticket pattern, a check."""

class GrantUnsafeError(Error):
    """The grant could undo its own end, or others could use it."""

class GrantNotGenuineError(Error):
    """The sealed grant was not signed by a trusted administrator, or was changed afterwards."""

class GrantNotForYouError(Error):
    """The grant is sealed to other keys."""

class GrantElsewhereError(Error):
    """The credentials belong to another account, role or session than the grant says."""

class InvalidRecipientError(Error):
    """A key that nothing can be sealed to."""

class CancelledError(Error):
    """The person stopped it."""

@final
class Role:
    """A role that an assertion offers, and the SAML provider that offers it."""

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
    def __copy__(self) -> Role: ...
    def __deepcopy__(self, _memo: Any) -> Role: ...

def restore_role(role_arn: str, provider_arn: str) -> Role:
    """Restores a pickled role."""

@final
class Assertion:
    """The facts read from a SAML response: not verified, unless they come from a `Verifier`."""

    @property
    def roles(self) -> list[Role]:
        """The offered roles, in document order. Raises Error if there are none."""

    def choose(
        self,
        *,
        role: str | None = None,
        account: str | None = None,
        provider: str | None = None,
        account_names: Mapping[str, str] | None = None,
    ) -> Role:
        """Returns the one role that matches. Raises Error if none or several do."""

    def inspect(self, *, at: str | datetime | None = None) -> Inspection:
        """Returns the facts and what AWS would refuse, judged at this instant (RFC 3339) or now."""

    def inspect_json(self, *, at: str | datetime | None = None) -> str:
        """Returns the same as the JSON text that `tempaccess inspect --output json` prints, on one line."""

def read(response: _Data) -> Assertion:
    """Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope."""

@final
class Verifier:
    """Verifies signatures with keys that the caller provides.

    `keys` is the SAML metadata of the identity provider, or its signing certificates or public keys in PEM or DER. The assertion
    must be intended for AWS, or for the service of `audience` and `recipient`.
    """

    def __new__(
        cls,
        keys: _Data,
        *,
        audience: str | None = None,
        recipient: str | None = None,
        in_response_to: str | None = None,
        allow_sha1: bool = False,
        allow_short_rsa: bool = False,
        allow_expired_certificate: bool = False,
    ) -> Verifier: ...
    def verify(self, response: _Data, *, at: str | datetime | None = None) -> Assertion:
        """Returns the facts that a trusted key has signed. Raises Error if anything is wrong."""

    def examine(self, response: _Data, *, at: str | datetime | None = None) -> Examination:
        """Returns the facts, signed or not, and the result of verification."""

    def examine_json(self, response: _Data, *, at: str | datetime | None = None) -> str:
        """Returns the same as the JSON text that `tempaccess inspect --verify --output json` prints, on one line."""

@final
class IssuedSession:
    """An issued session: credentials, and what is known about them. Its `repr` shows no secret."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...
    @property
    def expiration(self) -> datetime:
        """When AWS stops accepting the credentials, in UTC."""

    @property
    def account_id(self) -> str: ...
    @property
    def role_arn(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    @property
    def summary(self) -> SessionSummary:
        """Everything but the secrets. Unlike the session, it can be pickled."""

    def summary_json(self) -> str:
        """Returns everything but the secrets, as `tempaccess login --output json` prints it."""

    def credentials_json(self) -> str:
        """Returns everything, as `tempaccess credentials --output json` prints it."""

    def credential_process(self) -> str:
        """Returns what the AWS CLI and the SDKs expect from a `credential_process`."""

    def __copy__(self) -> IssuedSession: ...
    def __deepcopy__(self, _memo: Any) -> IssuedSession: ...

@final
class IssuedRole:
    """One role of many that credentials were issued for."""

    # Attributes, so that type checkers can tell both classes by them.
    role: Role
    issued: IssuedSession
    error: None
    def __copy__(self) -> IssuedRole: ...
    def __deepcopy__(self, _memo: Any) -> IssuedRole: ...

@final
class FailedRole:
    """One role of many that no credentials were issued for."""

    role: Role
    issued: None
    error: Error
    def __copy__(self) -> FailedRole: ...
    def __deepcopy__(self, _memo: Any) -> FailedRole: ...

def restore_failed_role(role: Role, error: Error) -> FailedRole:
    """Restores a pickled role without credentials."""

@final
class AssertionRequest:
    """The request that an `assertion_source` answers."""

    @property
    def audience(self) -> str:
        """The intended service provider: `urn:amazon:webservices`."""

    @property
    def force_authn(self) -> bool:
        """Whether the user must sign in even if there is a session."""

def write_private(path: str | os.PathLike[str], text: str) -> None:
    """Writes a file whole, for its owner alone."""

def before_fork() -> None:
    """Waits until no other thread holds a lock that a child would inherit."""

def after_fork() -> None:
    """Releases the lock again, in the parent and in the child."""

def status(*, config: str | os.PathLike[str] | None = None, store: Literal["auto", "file", "keyring", "kernel", "none"] | None = None) -> Status:
    """Lists the cached entries, without secrets, as `tempaccess status --output json` prints them."""

@final
class Work(Generic[_T_co]):
    """A running task. The caller that began it waits for it once, or aborts it."""

    def wait(self, timeout: float | None = None) -> _T_co:
        """Waits for the result, until Ctrl-C or for this many seconds."""

    def then(self, done: Callable[[Any, BaseException | None], object]) -> None:
        """Calls `done(value, error)` from another thread when the task has ended, one of the two being `None`."""

    def fail(self, callback: str, raised: BaseException) -> None:
        """Ends the task with what a callback raised whose result it does not wait for."""

    def abort(self) -> None:
        """Aborts the task and its prompts."""

@final
class Session:
    """Temporary access: who signs in, which role to assume, for how long and with which permissions."""

    def __new__(
        cls,
        profile: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
        password: str | None = None,
        settings: str = "{}",
    ) -> Session: ...
    def forked(
        self,
        *,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
    ) -> Session:
        """Returns the same session for this process, which is a fork of the one that made it."""

    @property
    def region(self) -> str | None:
        """The region of the settings, or else of the environment."""

    def credentials(self) -> Work[IssuedSession]:
        """Returns cached credentials while they are fresh, and signs in otherwise."""

    def refreshable_credentials(self) -> Work[IssuedSession]:
        """Returns credentials for a program that requests them for every call."""

    def renew(self, *, force: bool = False) -> Work[IssuedSession]:
        """Returns new credentials, even if the cached ones are fresh."""

    def cached(self) -> IssuedSession | None:
        """Returns cached credentials that are fresh."""

    def all_credentials(self) -> Work[list[IssuedRole | FailedRole]]:
        """Returns credentials of every matching role, with one sign-in."""

    def roles(self) -> Work[list[Role]]:
        """Signs in and lists the offered roles."""

    def console_url(self, *, destination: str | None = None, duration: str | None = None) -> Work[str]:
        """Returns the address that signs a browser in to the console."""

    def sign_out(self) -> Work[int]:
        """Ends the session at the identity provider and removes what came from it. Returns how many credentials that were."""

@final
class GrantPlan:
    """A grant that was checked and not given yet."""

    @property
    def summary(self) -> PlanSummary:
        """What would be given."""

@final
class IssuedGrant:
    """A grant that was given or extended."""

    @property
    def id(self) -> str: ...
    @property
    def until(self) -> datetime:
        """When access ends, in UTC."""

    @property
    def sealed(self) -> str:
        """The text to send to the person, who opens it with their private key. Empty for a policy grant."""

    @property
    def event(self) -> GrantEvent:
        """The event that records it."""

    def __copy__(self) -> IssuedGrant: ...
    def __deepcopy__(self, _memo: Any) -> IssuedGrant: ...

@final
class OpenedGrant:
    """A sealed grant that was opened."""

    @property
    def id(self) -> str: ...
    @property
    def until(self) -> datetime: ...
    @property
    def header(self) -> GrantHeader: ...
    @property
    def region(self) -> str | None: ...
    @property
    def credentials(self) -> IssuedSession: ...

_Cleaned: TypeAlias = list[CleanedPolicy]

@final
class Grants:
    """Access that an administrator gives, extends, ends and accounts for."""

    def __new__(
        cls,
        profile: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
        password: str | None = None,
        settings: str = "{}",
    ) -> Grants: ...
    def forked(
        self,
        *,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
    ) -> Grants:
        """Returns the same grants for this process, which is a fork of the one that made them."""

    def plan_issue(self, input: str) -> Work[GrantPlan]: ...
    def issue(self, input: str) -> Work[IssuedGrant]: ...
    def plan_permit(self, input: str) -> Work[GrantPlan]: ...
    def permit(self, input: str) -> Work[IssuedGrant]: ...
    def plan_extend(self, id: str, duration: str, reason: str) -> Work[GrantPlan]: ...
    def extend(self, id: str, duration: str, reason: str) -> Work[IssuedGrant]: ...
    def plan_approve(self, text: str, limits: str) -> Work[GrantPlan]: ...
    def approve(self, text: str, limits: str) -> Work[IssuedGrant]: ...
    def carry_out(self, plan: GrantPlan) -> Work[IssuedGrant]: ...
    def sign_approval(self, text: str, limits: str) -> Work[str]: ...
    def deny(self, text: str, reason: str) -> Work[GrantEvent]: ...
    def review(self, id: str, reason: str) -> Work[GrantEvent]: ...
    def revoke(
        self, ids: Sequence[str], to: str | None, by: str | None, older_role: str | None, reason: str, dry_run: bool
    ) -> Work[RevocationPlan]: ...
    def restore(self, ids: Sequence[str], reason: str, dry_run: bool) -> Work[RevocationPlan]: ...
    def list(
        self, roles: Sequence[str], to: str | None, by: str | None, ended: bool, offline: bool
    ) -> Work[GrantListing]: ...
    def show(self, id: str) -> Work[GrantDetails]: ...
    def check(self, roles: Sequence[str]) -> Work[GrantCheck]: ...
    def clean(self, roles: Sequence[str], dry_run: bool) -> Work[_Cleaned]: ...

@final
class Audit:
    """Accounts for grants."""

    def __new__(
        cls,
        profile: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
        password: str | None = None,
        settings: str = "{}",
    ) -> Audit: ...
    def forked(
        self,
        *,
        prompter: Asked | None = None,
        assertion_source: Callable[[AssertionRequest], _Data] | None = None,
    ) -> Audit:
        """Returns the same audit for this process, which is a fork of the one that made it."""

    def verify(self) -> Work[RecordsVerification]: ...
    def query(self, input: str) -> Work[TrailAnswer]: ...
    def query_text(self, input: str) -> Work[str]: ...
    def export(
        self, format: str, ids: Sequence[str], from_: str | None, until: str | None, /
    ) -> Work[ReportFacts]: ...
    def report(
        self, from_: str | None, until: str | None, files: str | None, regions: Sequence[str], audit_logs: Sequence[str], /
    ) -> Work[ReportFacts]: ...

def open_grant(
    text: str,
    identities: Sequence[str],
    accounts: Sequence[str],
    *,
    config: str | os.PathLike[str] | None = None,
    prompter: Asked | None = None,
    settings: str = "{}",
) -> Work[OpenedGrant]:
    """Opens a sealed grant."""

def request_grant(
    input: str,
    *,
    profile: str | None = None,
    config: str | os.PathLike[str] | None = None,
    prompter: Asked | None = None,
) -> Work[str]:
    """Asks for a grant."""

def inspect_grant(
    text: str,
    signers: str | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    at: str | datetime | None = None,
) -> GrantHeader:
    """Verifies who signed a sealed grant at this instant or now, and returns the facts that are signed.

    `signers` is the text of a signers file; the default is that of the configuration. Nothing is decrypted, and the end of the
    grant is not judged.
    """

def inspect_request(
    text: str,
    signers: str | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    at: str | datetime | None = None,
) -> VerifiedRequest:
    """Verifies who signed a request and its approvals, at this instant or now. Returns what is asked for, and who has approved it.

    `signers` is the text of a signers file; the default is that of the configuration. Whether the request was granted or denied
    already is in the records.
    """
