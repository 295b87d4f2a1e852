// The types of grants. Kept by hand, as `index.d.ts`.

import type { AwsCredentials, IssuedSession, JudgeOptions, Prompter, SessionOptions, WaitOptions } from "./index.js";

/** How access is given: by sealed credentials, or by a policy with dates on the role that the person signs in to. */
export type GrantKind = "session" | "policy";

export type GrantState = "pending" | "denied" | "planned" | "live" | "ended" | "revoked" | "withdrawn";

/** What every grant has. */
export interface GrantOptions extends WaitOptions {
  /** The person; for a policy grant, their role session name at the identity provider. */
  to: string;
  /** The role: its ARN, `ACCOUNT/NAME`, or a name in the administrator's account. */
  role?: string | undefined;
  /** The policy, which narrows a session grant and is what a policy grant adds: an object, JSON, or the path of a JSON file. */
  policy?: string | object | undefined;
  /** How long access lasts: `40m`, or a number of seconds. */
  duration?: string | number | undefined;
  /** Networks that access is limited to, as CIDR blocks. */
  fromIp?: string | string[] | undefined;
  /** Why access is given. */
  reason: string;
  /** The preset of the configuration whose values and limits apply. */
  preset?: string | undefined;
  /** Whether to allow a policy that could undo the end of the grant. */
  allowEscape?: boolean | undefined;
}

/** A session grant. */
export interface SessionGrantOptions extends GrantOptions {
  /** Public keys that the credentials are sealed to, files of them, or names in the signers file. */
  sealTo?: string | URL | (string | URL)[] | undefined;
  /** ARNs of managed session policies. */
  policyArns?: string | string[] | undefined;
}

/** A policy grant. */
export interface PolicyGrantOptions extends GrantOptions {
  /** When access begins. Default: now. */
  from?: string | Date | undefined;
  /** When access ends, instead of a duration. */
  until?: string | Date | undefined;
  /** Whether to allow a role without a permissions boundary. */
  noCeiling?: boolean | undefined;
}

/** What a plan would give. Instants are RFC 3339 in UTC. */
export interface PlanSummary {
  id: string;
  action: "issue" | "permit" | "extend";
  kind: GrantKind;
  to: string;
  by: string;
  role_arn: string;
  allows: string;
  policy: string | null;
  policy_arns: string[];
  from_ip: string[];
  from: string;
  until: string;
  duration: string;
  reason: string;
  preset: string | null;
  sealed_to: string[];
  session: string | null;
  approved_by: string[];
  break_glass: boolean;
  iam_policy_name: string | null;
}

/** A line of JSON and its signature. */
export interface SignedLine {
  text: string;
  signature: string;
}

/** An event of a grant. What does not apply to it is left out. */
export interface GrantEvent {
  version: number;
  id: string;
  seq: number;
  at: string;
  event: "requested" | "approved" | "denied" | "issued" | "permitted" | "extended" | "revoked" | "restored" | "ended" | "reviewed";
  prev?: string | undefined;
  how: GrantKind;
  to: string;
  by: string;
  by_arn?: string | undefined;
  role_arn: string;
  role_id?: string | undefined;
  request?: SignedLine | undefined;
  approvals?: SignedLine[] | undefined;
  break_glass?: boolean | undefined;
  preset?: string | undefined;
  policy?: string | undefined;
  policy_sha256?: string | undefined;
  policy_arns?: string[] | undefined;
  from_ip?: string[] | undefined;
  from: string;
  until: string;
  reason: string;
  session?: string | undefined;
  access_key_id?: string | undefined;
  sts_request_id?: string | undefined;
  recipients?: string[] | undefined;
  recipient_keys?: string[] | undefined;
  issue?: number | undefined;
  iam_policy_name?: string | undefined;
  signature?: string | undefined;
}

/** A grant that was given or extended. */
export interface IssuedGrant {
  id: string;
  until: Date;
  /** The text to send to the person, who opens it with their private key. Empty for a policy grant. */
  sealed: string;
  /** The event that records it. */
  event: GrantEvent;
}

/** What the events of a grant say together. `defects` are the reasons why they cannot be trusted. */
export interface GrantSummary {
  id: string;
  state: GrantState;
  kind: GrantKind;
  to: string;
  by: string;
  role_arn: string;
  from: string;
  until: string;
  reason: string;
  preset: string | null;
  extensions: number;
  break_glass: boolean;
  needs_review: boolean;
  policy: string | null;
  policy_arns: string[];
  from_ip: string[];
  defects: string[];
}

/** A grant with its events, oldest first. */
export interface GrantDetails {
  grant: GrantSummary;
  events: GrantEvent[];
}

/** A grant in a list. What only a record knows is `null` if no record has the grant. */
export interface ListedGrant {
  id: string;
  to: string | null;
  kind: GrantKind;
  role_arn: string;
  state: GrantState | null;
  until: string | null;
  left: string;
  reason: string | null;
  by: string | null;
  problems: string[];
}

/** The grants that were found, and what could not be looked at. */
export interface GrantListing {
  grants: ListedGrant[];
  notes: string[];
}

/** What a comparison of the records with IAM found, and the room for policies that each role has left. */
export interface GrantCheck {
  findings: { id: string | null; role_arn: string; problem: string }[];
  roles: { role_arn: string; used: number; left: number }[];
  notes: string[];
}

/** A change of a role's policies. Without a `document`, the policy is deleted. */
export interface RevocationStep {
  id: string | null;
  kind: GrantKind | null;
  to: string | null;
  role_arn: string;
  policy_name: string;
  document: string | null;
  user_id: string | null;
}

/** What a revocation does, or what undoes it. */
export interface RevocationPlan {
  steps: RevocationStep[];
  reason: string;
  undo: boolean;
  /** The grants that fit, and whose records do not say what to revoke: why, a line each. */
  skipped: string[];
}

/** A policy that has no effect any more. */
export interface CleanedPolicy {
  role_arn: string;
  policy_name: string;
  id: string | null;
  until: string;
}

/** The facts of a sealed grant, which the administrator signed. */
export interface GrantHeader {
  version: number;
  id: string;
  issue: number;
  to: string;
  by: string;
  role: string;
  session: string;
  until: string;
  reason: string;
  policy_sha256?: string | undefined;
  recipients: string[];
  sealed_sha256: string;
}

/** Whose access to revoke: all of a person, all that an administrator gave, or all older sessions of a role. */
export type RevokeTarget = { to: string } | { by: string } | { olderRole: string };

/** Why, and whether only to return what would be done. */
export interface ChangeOptions extends WaitOptions {
  reason: string;
  dryRun?: boolean | undefined;
}

/** Why, for a step of a grant. */
export interface ReasonOptions extends WaitOptions {
  reason: string;
}

/** What an approval gives: as requested, for a shorter time, from fewer networks, or by a policy that allows less than that of the preset. */
export interface ApprovalOptions extends WaitOptions {
  duration?: string | number | undefined;
  fromIp?: string | string[] | undefined;
  policy?: string | URL | object | undefined;
}

/** A grant that was checked and not given yet. */
export class GrantPlan {
  private constructor();
  /** What would be given. */
  readonly summary: PlanSummary;
  /** Gives what was planned, once. The record is written before access is handed out. */
  carryOut(options?: WaitOptions): Promise<IssuedGrant>;
}

/**
 * Access that an administrator gives to others, extends, ends and accounts for. The trusted signers, the records and the presets
 * are those of the configuration. Nothing asks for a confirmation: the methods that begin with `plan` return what would be given,
 * and give nothing.
 */
export class Grants {
  constructor(profile?: string, options?: Omit<SessionOptions, "profile">);
  /** Checks a session grant and returns what would be given. */
  planIssue(grant: SessionGrantOptions): Promise<GrantPlan>;
  /** Gives a session grant, whose `sealed` text is sent to the person. */
  issue(grant: SessionGrantOptions): Promise<IssuedGrant>;
  /** Checks a policy grant and returns what would be given. */
  planPermit(grant: PolicyGrantOptions): Promise<GrantPlan>;
  /** Gives a policy grant. */
  permit(grant: PolicyGrantOptions): Promise<IssuedGrant>;
  /** Checks an extension and returns what would be given. */
  planExtend(id: string, duration: string | number, options: ReasonOptions): Promise<GrantPlan>;
  /** Extends a grant: a session grant by new sealed credentials, a policy grant by another date. */
  extend(id: string, duration: string | number, options: ReasonOptions): Promise<IssuedGrant>;
  /** Ends access early. Returns what was changed. */
  revoke(whose: string | string[] | RevokeTarget, options: ChangeOptions): Promise<RevocationPlan>;
  /** Undoes the revocations of these grants. Returns what was changed. */
  restore(ids: string | string[], options: ChangeOptions): Promise<RevocationPlan>;
  /** Lists grants: with `ended` also those that have ended, with `offline` from the records alone. */
  list(options?: { roles?: string | string[]; to?: string; by?: string; ended?: boolean; offline?: boolean } & WaitOptions): Promise<GrantListing>;
  /** Returns a grant with its events. */
  show(id: string, options?: WaitOptions): Promise<GrantDetails>;
  /** Compares the records with IAM. */
  check(options?: { roles?: string | string[] } & WaitOptions): Promise<GrantCheck>;
  /** Removes policies that have no effect any more. Returns them. */
  clean(options?: { roles?: string | string[]; dryRun?: boolean } & WaitOptions): Promise<CleanedPolicy[]>;
  /** Approves a request and returns what would be given. */
  planApprove(text: string, options?: ApprovalOptions): Promise<GrantPlan>;
  /** Approves a request and gives it. */
  approve(text: string, options?: ApprovalOptions): Promise<IssuedGrant>;
  /** Signs an approval, within narrower limits if given, and returns the request with it. Nothing is given. */
  signApproval(text: string, options?: ApprovalOptions): Promise<string>;
  /** Denies a request, so that nobody can approve it any more. */
  deny(text: string, options: ReasonOptions): Promise<GrantEvent>;
  /** Reviews a grant that was given in an emergency, without approvals. */
  review(id: string, options: ReasonOptions): Promise<GrantEvent>;
}

/** How to open a sealed grant. */
export interface OpenOptions extends WaitOptions {
  /** Files of private keys. Default: the keys in `~/.ssh`. */
  identity?: string | URL | (string | URL)[] | undefined;
  /** Accounts that you expect access to, in addition to those of the configuration. */
  accounts?: string | string[] | undefined;
  /** Another configuration file. */
  config?: string | URL | undefined;
  /** Asks for the passphrase of a key. Default: none, and a prompt is an error. */
  prompter?: Prompter | undefined;
  /** Where to cache credentials. */
  store?: SessionOptions["store"] | undefined;
  /** The AWS region. */
  region?: string | undefined;
  /** Another address of STS. */
  stsEndpointUrl?: string | undefined;
}

/** A sealed grant that was opened. `console.log` and `JSON.stringify` show no secret of it. */
export class OpenedGrant {
  private constructor();
  readonly id: string;
  /** When access ends. */
  readonly until: Date;
  /** The facts that the administrator signed. */
  readonly header: GrantHeader;
  /** The credentials, which nothing renews. Throws `grant_ended` when the grant has ended: its `hint` names whom to ask. */
  get credentials(): IssuedSession;
}

/**
 * Opens a sealed grant: a file, a ticket or a mail that has one. Before anything is decrypted, the signature must be that of a
 * trusted administrator. Then AWS is asked whose credentials they are.
 */
export function openGrant(text: string | Uint8Array, options?: OpenOptions): Promise<OpenedGrant>;

/**
 * Returns a credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromGrant(text, { identity }) })`. It
 * opens the grant when credentials are first needed. When the grant has ended, requests fail with `grant_ended`.
 */
export function fromGrant(grant: string | OpenedGrant, options?: OpenOptions): () => Promise<AwsCredentials>;

/** A request for a preset of the configuration. */
export interface RequestOptions extends WaitOptions {
  preset: string;
  /** How long access is wanted: `40m`, or a number of seconds. */
  duration: string | number;
  reason: string;
  /** The person who asks. Default: the user name of the profile. */
  to?: string | undefined;
  /** Keys that credentials are sealed to. Default: the person's own key in `~/.ssh`. */
  sealTo?: string | URL | (string | URL)[] | undefined;
  profile?: string | undefined;
  config?: string | URL | undefined;
  prompter?: Prompter | undefined;
}

/** Returns a signed request: the text for a ticket. */
export function requestGrant(options: RequestOptions): Promise<string>;

/** Whose signatures are trusted, and when. */
export interface SignersOptions extends JudgeOptions {
  /** The text of a signers file. Default: the file of the configuration. */
  signers?: string | undefined;
  config?: string | URL | undefined;
}

/**
 * Verifies who signed a sealed grant, at this instant or now, and returns the facts that are signed. `signers` is the text of a
 * signers file; the default is that of the configuration. Nothing is decrypted, and the end of the grant is not judged.
 */
export function inspectGrant(text: string | Uint8Array, options?: SignersOptions): GrantHeader;

/** As `inspectGrant`, without keeping the event loop waiting for files. */
export function inspectGrantAsync(text: string | Uint8Array, options?: SignersOptions): Promise<GrantHeader>;

/** A request whose signature is that of a person who may ask, with approvals of people who may give. */
export interface VerifiedRequest {
  version: number;
  /** The grant that it can become. */
  id: string;
  to: string;
  preset: string;
  duration_seconds: number;
  reason: string;
  seal_to?: string[] | undefined;
  at: string;
  nonce: string;
  approved_by: string[];
  /** How long all who signed agree to. */
  agreed_seconds: number;
  /** The approvals of less than the preset allows. What they leave to the preset is missing. */
  narrowed?: { by: string; from_ip?: string[] | undefined; policy?: string | undefined }[] | undefined;
}

/**
 * Verifies who signed a request and its approvals, at this instant or now. Returns what is asked for, and who has approved it.
 * `signers` is the text of a signers file; the default is that of the configuration. Whether the request was granted or denied already
 * is in the records.
 */
export function inspectRequest(text: string | Uint8Array, options?: SignersOptions): VerifiedRequest;

/** As `inspectRequest`, without keeping the event loop waiting for files. */
export function inspectRequestAsync(text: string | Uint8Array, options?: SignersOptions): Promise<VerifiedRequest>;
