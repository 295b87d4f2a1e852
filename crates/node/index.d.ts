// Kept by hand. Its tests compare it with what the package exports. `Buffer`, `URL` and streams are those of `@types/node`.

/// <reference types="node" />

export * from "./audit.js";
export * from "./grants.js";

/** A role that an assertion offers, and the SAML provider that offers it. */
export interface Role {
  roleArn: string;
  providerArn: string;
  partition: string;
  accountId: string;
  name: string;
}

/** Which role to choose. Each part narrows the choice. */
export interface RoleQuery {
  /** Its ARN, name, `ACCOUNT/NAME`, a glob over these, or its number in the list. */
  role?: string | undefined;
  /** The id or the name of its account, or a glob over these. */
  account?: string | undefined;
  /** The ARN or the name of its SAML provider, or a glob over these. */
  provider?: string | undefined;
  /** Names of accounts, by their ids. */
  accountNames?: Record<string, string> | undefined;
}

/** When to judge. */
export interface JudgeOptions {
  /** A date, or an instant in RFC 3339, such as `2026-11-24T12:00:00Z`. Default: now. */
  at?: string | Date | undefined;
}

/** Whom an assertion must be intended for, and which rules to loosen. */
export interface VerifierOptions {
  /** The entity ID of your own service. Requires `recipient`. */
  audience?: string | undefined;
  /** The address that the response was posted to. */
  recipient?: string | undefined;
  /** The id of the request that the response must answer. */
  inResponseTo?: string | undefined;
  allowSha1?: boolean | undefined;
  allowShortRsa?: boolean | undefined;
  allowExpiredCertificate?: boolean | undefined;
}

/** A role to assume from the session of the role before (role chaining). */
export interface NextRole {
  roleArn: string;
  sessionName?: string | undefined;
  sourceIdentity?: string | undefined;
  externalId?: string | undefined;
  tags?: Record<string, string> | undefined;
  transitiveTagKeys?: string[] | undefined;
}

export type Awaitable<T> = T | PromiseLike<T>;

/** What a prompt gets in addition to its question. */
export interface PromptContext {
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** Answers prompts. If a method throws, the sign-in ends, and what it threw is the `cause` of the error. */
export interface Prompter {
  /** Asks for a text that may be shown, such as a user name. */
  text(question: string, context: PromptContext): Awaitable<string>;
  /** Asks for a text that must not be shown, such as a password or a code. */
  secret(question: string, context: PromptContext): Awaitable<string>;
  /** Asks for one of the choices. Returns its index. */
  choose(question: string, choices: string[], context: PromptContext): Awaitable<number>;
  /** Opens the page of a sign-in that the user finishes in a browser. Without it, `notify` gets the address. */
  visit?(page: { url: string; code?: string }, context: PromptContext): unknown;
  /** Shows a message that needs no answer, such as the number to tap on a phone. */
  notify(message: string): unknown;
}

/** Returns a prompter that asks on the terminal, and opens pages in the person's browser. */
export function terminal(streams?: {
  input?: NodeJS.ReadableStream | undefined;
  output?: NodeJS.WritableStream | undefined;
}): Prompter;

/** The request that a function used as `source` answers. */
export interface AssertionRequest {
  /** The intended service provider: `urn:amazon:webservices`. */
  audience: string;
  /** Whether the user must sign in even if there is a session. */
  forceAuthn: boolean;
  /** Aborted when nobody waits for the response any more. */
  signal: AbortSignal;
}

/** Returns a SAML response in any form. */
export type AssertionSource = (request: AssertionRequest) => Awaitable<string | Uint8Array>;

/** Where credentials are cached. */
export type Store = "auto" | "file" | "keyring" | "kernel" | "none";

/** The settings of a session. Precedence: these options, the environment, the profile. */
export interface SessionOptions {
  /** The profile in the configuration file. */
  profile?: string | undefined;
  /** Another configuration file. */
  config?: string | URL | undefined;
  /** Answers prompts. Default: none, and a prompt is an error. */
  prompter?: Prompter | undefined;
  /** The password at the identity provider. */
  password?: string | undefined;
  /** Where the SAML response comes from: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`, `file:PATH`, `command:PROGRAM ARGUMENTS`, or a function. */
  source?: string | AssertionSource | undefined;
  /** How to sign in at Okta: `auto`, `classic`, `device`, `browser` or `idx`. */
  auth?: "auto" | "classic" | "device" | "browser" | "idx" | undefined;
  /** The client id of the native app in Okta, for device authorization. */
  clientId?: string | undefined;
  /** The user name at the identity provider. */
  username?: string | undefined;
  /** A program that prints the password, quoted as in a shell. */
  passwordCommand?: string | undefined;
  /** The second factor: `push`, `code`, `sms`, `call`, `email` or `question`. */
  factor?: "push" | "code" | "sms" | "call" | "email" | "question" | undefined;
  /** Whether to ask Okta to skip the second factor on this machine for a while. */
  rememberDevice?: boolean | undefined;
  /** The browser to control, with its arguments, quoted as in a shell. */
  browser?: string | undefined;
  /** Whether the browser runs without a window. */
  headless?: boolean | undefined;
  /** The address that the identity provider of a `saml:` source sends the response to. */
  acsUrl?: string | undefined;
  /** The ARN or the name of the role, `ACCOUNT/NAME`, or a glob over these. */
  role?: string | undefined;
  /** The id or the name of the account, or a glob over these. */
  account?: string | undefined;
  /** The SAML provider, if several offer the role. */
  provider?: string | undefined;
  /** Roles to assume after that, each from the session of the one before. */
  chain?: NextRole[] | undefined;
  /** How long the session lasts: `45m`, `1h30m`, or a number of seconds. */
  duration?: string | number | undefined;
  /** An inline session policy: an object, JSON, or the path of a JSON file. */
  policy?: string | object | undefined;
  /** ARNs of managed session policies. */
  policyArns?: string[] | undefined;
  /** The AWS region. */
  region?: string | undefined;
  /** Another address of STS. */
  stsEndpointUrl?: string | undefined;
  /** Another address of IAM, which grants need. */
  iamEndpointUrl?: string | undefined;
  /** Another address of S3, which can have the records of grants. */
  s3EndpointUrl?: string | undefined;
  /** Another address of CloudTrail, which has what was done with a grant. */
  cloudtrailEndpointUrl?: string | undefined;
  /** Another address of CloudWatch Logs, which can have the events of CloudTrail. */
  logsEndpointUrl?: string | undefined;
  /** Another address of Athena, which can have the events of CloudTrail. */
  athenaEndpointUrl?: string | undefined;
  /** Another address of the federation endpoint, which opens the console. */
  federationEndpointUrl?: string | undefined;
  /** Where to cache credentials: `auto`, `file`, `keyring`, `kernel` or `none`. */
  store?: Store | undefined;
  /** The reason for access, for the audit record. */
  reason?: string | undefined;
  /** The file to append audit records to. */
  auditLog?: string | URL | undefined;
}

/**
 * How long to wait. When the signal is aborted or the timeout has passed, the promise rejects with the reason of the signal, or
 * with a `TimeoutError`. If nobody else waits for the same credentials, the sign-in is cancelled and its prompts are aborted.
 */
export interface WaitOptions {
  signal?: AbortSignal | undefined;
  /** In milliseconds. Default: as long as a sign-in may take, 15 minutes. */
  timeout?: number | undefined;
}

/** One role of many: `issued`, or the `error` that explains why not. */
export type Exchanged =
  | { role: Role; issued: IssuedSession; error?: undefined }
  | { role: Role; issued?: undefined; error: TempAccessError };

/** What AWS would refuse. */
export interface Problem {
  code: string;
  message: string;
  hint: string | null;
}

/** The facts of a SAML response, and what AWS would refuse. Instants are RFC 3339 in UTC. */
export interface Inspection {
  response_id: string | null;
  assertion_id: string | null;
  issuer: string | null;
  subject: string | null;
  subject_format: string | null;
  session_name: string | null;
  source_identity: string | null;
  audiences: string[];
  recipient: string | null;
  destination: string | null;
  issued_at: string | null;
  not_before: string | null;
  not_on_or_after: string | null;
  session_not_on_or_after: string | null;
  session_duration: number | null;
  roles: { role_arn: string; provider_arn: string; partition: string; account_id: string; name: string }[];
  tags: Record<string, string>;
  transitive_tag_keys: string[];
  signed: { response: boolean; assertion: boolean };
  encrypted: boolean;
  skipped: { value: string; reason: string }[];
  problems: Problem[];
}

/** An error as JSON. */
export interface ErrorReport {
  kind: ErrorCode;
  stage: Stage;
  fault: "caller" | "identity_provider" | "aws" | "input" | "environment";
  message: string;
  hint: string | null;
  roles?: string[];
  retry_after_seconds?: number;
  limit?: { maximum: number; unit: string };
}

/** A valid signature. */
export interface VerifiedSignature {
  of: "response" | "assertion";
  id: string;
  algorithm: string;
  digest: string;
  key_subject: string | null;
  key_sha256: string;
}

/** An inspection with the result of verification. */
export interface Examination extends Inspection {
  verification: { verified: boolean; signatures: VerifiedSignature[]; error: ErrorReport | null };
}

/** Why a session is shorter than requested. */
export type Shortened =
  | { by: "role_maximum"; refused_seconds: number }
  | { by: "session_duration_attribute"; seconds: number }
  | { by: "session_not_on_or_after" | "role_chaining" | "sts" };

/** Everything that is known about an issued session but the secrets. */
export interface SessionSummary {
  expiration: string;
  account_id: string;
  role_arn: string;
  provider_arn: string;
  chained_from: string | null;
  assumed_role_arn: string | null;
  duration_asked: number;
  duration_granted: number;
  shortened: Shortened[];
  duration_excess?: number | undefined;
  policy_sha256: string | null;
  policy_arns: string[];
  request_id: string | null;
}

/** A cached entry without its secrets. */
export interface StatusEntry {
  kind: "credentials" | "session" | "tokens" | "org" | "grant";
  source: string;
  session?: string | undefined;
  subject: string | null;
  issued_at: string;
  expiration: string | null;
  credentials?: SessionSummary | undefined;
}

/** The cached entries, and where they are stored. */
export interface Status {
  store: string | null;
  entries: StatusEntry[];
}

/** Credentials as the AWS SDK for JavaScript takes them. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
  accountId: string;
}

/** The facts read from a SAML response: not verified, unless they come from a `Verifier`. */
export class Assertion {
  private constructor();
  /** The offered roles, in document order. Throws if there are none. */
  get roles(): Role[];
  /** Returns the one role that matches. Throws if none or several do. */
  choose(query?: RoleQuery): Role;
  /** Returns the facts, and what AWS would refuse, as `tempaccess inspect --output json` prints them, on one line. */
  inspectJson(options?: JudgeOptions): string;
  /** Returns the same as an object. */
  inspect(options?: JudgeOptions): Inspection;
}

/** Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope. */
export function read(response: Uint8Array | string): Assertion;

/**
 * Verifies signatures with keys that you provide. The assertion must be intended for AWS, or for the service of `audience` and
 * `recipient`.
 */
export class Verifier {
  /** @param keys The SAML metadata of the identity provider, or its signing certificates or keys in PEM or DER. */
  constructor(keys: Uint8Array | string, options?: VerifierOptions);
  /** Returns the facts that a trusted key has signed. Throws if anything is wrong. */
  verify(response: Uint8Array | string, options?: JudgeOptions): Assertion;
  /** Returns the facts and the result of verification, as `tempaccess inspect --verify --output json` prints them, on one line. */
  examineJson(response: Uint8Array | string, options?: JudgeOptions): string;
  /** Returns the same as an object. */
  examine(response: Uint8Array | string, options?: JudgeOptions): Examination;
}

/** An issued session. `console.log` and `JSON.stringify` show no secret of it. */
export class IssuedSession {
  private constructor();
  readonly accessKeyId: string;
  readonly accountId: string;
  readonly roleArn: string;
  readonly region: string | undefined;
  /** When AWS stops accepting the credentials. */
  readonly expiration: Date;
  get secretAccessKey(): string;
  get sessionToken(): string;
  /** Returns everything but the secrets, as `tempaccess login --output json` prints it. */
  summaryJson(): string;
  /** The same as an object. */
  get summary(): SessionSummary;
  /** Returns everything, as `tempaccess credentials --output json` prints it. */
  credentialsJson(): string;
  /** Returns what the AWS CLI and the SDKs expect from a `credential_process`. */
  credentialProcess(): string;
}

/** Temporary access: who signs in, which role to assume, for how long and with which permissions. */
export class Session {
  /** With text, these are the options of that profile alone. */
  constructor(options?: SessionOptions | string);
  /** The AWS region: of the options, the profile, or else of `AWS_REGION` or `AWS_DEFAULT_REGION`. */
  get region(): string | undefined;
  /** Returns cached credentials while they are fresh, and signs in otherwise. Simultaneous callers share one sign-in. */
  credentials(options?: WaitOptions): Promise<IssuedSession>;
  /** Returns new credentials, even if the cached ones are fresh. `force`: sign in again, ignoring the session at the identity provider. */
  renew(options?: { force?: boolean | undefined } & WaitOptions): Promise<IssuedSession>;
  /** Returns cached credentials that are fresh, without a sign-in, a wait or network requests. */
  cached(): IssuedSession | undefined;
  /** As `cached`, without keeping the event loop waiting for files and the keyring. */
  cachedAsync(): Promise<IssuedSession | undefined>;
  /**
   * Returns the settings of a client of the AWS SDK for JavaScript: `new S3Client(session.clientConfig())`. The region is there if the
   * session has one. The `WaitOptions` apply to each request for credentials.
   */
  clientConfig(waitOptions?: WaitOptions): { credentials: () => Promise<AwsCredentials>; region?: string };
  /** Returns credentials of every matching role, with one sign-in. If one role fails, the others are still returned. */
  allCredentials(options?: WaitOptions): Promise<Exchanged[]>;
  /** Signs in and lists the offered roles. */
  roles(options?: WaitOptions): Promise<Role[]>;
  /**
   * Returns the address that signs a browser in to the AWS console. It is as secret as the credentials. `destination` is a page
   * of the console or a service, such as `s3`; `duration` is how long the console stays signed in, such as `2h` or a number of seconds.
   */
  consoleUrl(options?: { destination?: string | undefined; duration?: string | number | undefined } & WaitOptions): Promise<string>;
  /** Ends the session at the identity provider and removes what came from it from the cache. Returns how many credentials that were. */
  signOut(options?: WaitOptions): Promise<number>;
}

/** The kind of an error. */
export type ErrorCode =
  | "invalid_argument"
  | "invalid_configuration"
  | "io"
  | "network"
  | "deadline_exceeded"
  | "interaction_required"
  | "callback_failed"
  | "authentication_failed"
  | "factor_failed"
  | "factor_unsupported"
  | "account_locked"
  | "account_action_required"
  | "identity_provider_refused"
  | "rate_limited"
  | "identity_provider_error"
  | "no_saml_response"
  | "malformed_response"
  | "forbidden_construct"
  | "limit_exceeded"
  | "multiple_assertions"
  | "encrypted_assertion"
  | "unsigned_assertion"
  | "signature_invalid"
  | "assertion_not_accepted"
  | "no_roles"
  | "role_not_offered"
  | "role_ambiguous"
  | "invalid_scope"
  | "assertion_expired"
  | "claim_rejected"
  | "invalid_identity_token"
  | "malformed_policy"
  | "packed_policy_too_large"
  | "region_disabled"
  | "access_denied"
  | "sts_validation"
  | "duration_above_role_maximum"
  | "sts_throttled"
  | "sts_unavailable"
  | "iam_refused"
  | "iam_limit"
  | "iam_unavailable"
  | "grant_changed"
  | "audit_failed"
  | "grant_not_found"
  | "grant_ended"
  | "grant_refused"
  | "grant_unsafe"
  | "grant_not_genuine"
  | "grant_not_for_you"
  | "grant_elsewhere"
  | "invalid_recipient"
  | "cancelled";

/** The stage of an error. */
export type Stage =
  | "configuration"
  | "sign_in"
  | "assertion"
  | "verification"
  | "role"
  | "scope"
  | "exchange"
  | "store"
  | "output"
  | "audit"
  | "grant";

/** An error. What a function of yours threw is the `cause` of an error with the code `callback_failed`. */
export class TempAccessError extends Error {
  private constructor();
  readonly code: ErrorCode;
  readonly stage: Stage;
  /** Whose fault it is. */
  readonly fault: "caller" | "identity_provider" | "aws" | "input" | "environment";
  /** What to do next. */
  readonly hint: string | undefined;
  /** The ARNs of the roles to choose from. */
  readonly roles: string[];
  /** How many seconds to wait before trying again, if known. */
  readonly retryAfterSeconds: number | undefined;
  /** The limit that the input exceeds, if it does: at most `maximum` of what `unit` says, such as `elements`. */
  readonly limit: { maximum: number; unit: string } | undefined;
  /** The same as properties of an object, so that `JSON.stringify` has the message. */
  toJSON(): Record<string, unknown>;
}

/**
 * Returns a credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromTempAccess({ … }) })`. Clients that
 * share it sign in once. The `WaitOptions` apply to each of its calls. A provider cannot set the region of a client:
 * `Session.clientConfig` returns both.
 */
export function fromTempAccess(options?: SessionOptions | Session | string, waitOptions?: WaitOptions): () => Promise<AwsCredentials>;

/** Which entries to list. */
export interface StatusOptions {
  config?: string | URL | undefined;
  store?: Store | undefined;
}

/** Lists the cached entries, without secrets, as `tempaccess status --output json` prints them. */
export function status(options?: StatusOptions): Status;

/** As `status`, without keeping the event loop waiting for files and the keyring. */
export function statusAsync(options?: StatusOptions): Promise<Status>;
