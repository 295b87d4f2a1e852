/** What went wrong: its message, and what to do about it. */
export declare class TempAccessError extends Error {
  /** The stable name of the kind, such as `role_not_offered`. */
  readonly code: string;
  /** Where it went wrong, such as `role`. */
  readonly stage: string;
  /** Whose fault it is: `caller`, `identity_provider`, `aws`, `input` or `environment`. */
  readonly fault: string;
  /** What to do next. */
  readonly hint?: string;
}

/** One role that an assertion offers, and the SAML provider through which it does. */
export interface Role {
  readonly roleArn: string;
  readonly providerArn: string;
  readonly partition: string;
  readonly accountId: string;
  readonly name: string;
}

/** Which role is wanted. Each part narrows. */
export interface RoleQuery {
  /** Its ARN, name, `ACCOUNT/NAME`, a glob over these, or its number in the list. */
  role?: string;
  /** Its account's id or name, or a glob over these. */
  account?: string;
  /** Its SAML provider's ARN or name, or a glob over these. */
  provider?: string;
  /** Names of accounts, by their ids. */
  accountNames?: Record<string, string>;
}

/** The facts read from a SAML response: untrusted and unverified. */
export declare class Assertion {
  private constructor();
  /** The roles that are offered, in document order. Throws where there are none. */
  get roles(): Role[];
  /** The one role that fits. Throws where none does, or several do. */
  choose(query?: RoleQuery): Role;
  /** The facts and what AWS would refuse, judged at the instant `at` (RFC 3339) or now. */
  inspect(options?: { at?: string }): Record<string, unknown>;
  /** The same as the JSON text that `tempaccess inspect --output json` prints, on one line. */
  inspectJson(options?: { at?: string }): string;
}

/** Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope. */
export declare function read(response: Uint8Array | string): Assertion;

/** A role to go on to from the session of the one before. */
export interface NextRole {
  role_arn: string;
  session_name?: string;
  source_identity?: string;
  external_id?: string;
  tags?: Record<string, string>;
  transitive_tag_keys?: string[];
}

/** Settings of a profile, over the environment, over the profile. */
export interface SessionOptions {
  /** The profile of the configuration. */
  profile?: string;
  /** Another configuration file. */
  config?: string;
  /** The password at the identity provider. */
  password?: string;
  /** Where the SAML response comes from: the link of Okta's AWS app, `file:PATH`, `command:PROGRAM ARGUMENTS`. */
  source?: string;
  username?: string;
  factor?: string;
  role?: string;
  account?: string;
  provider?: string;
  then?: NextRole[];
  /** `45m`, `1h30m`, or seconds. */
  duration?: string;
  /** An inline session policy: JSON, or the path of a file that holds it. */
  policy?: string;
  policyArns?: string[];
  region?: string;
  stsEndpointUrl?: string;
  /** `auto`, `file`, `keyring`, `kernel` or `none`. */
  store?: string;
  /** Why access is wanted, for the audit record. */
  reason?: string;
  auditLog?: string;
}

/** What was given. Printed, it shows no secret. */
export declare class Grant {
  private constructor();
  readonly accessKeyId: string;
  get secretAccessKey(): string;
  get sessionToken(): string;
  /** When AWS stops accepting it. */
  readonly expiration: Date;
  readonly accountId: string;
  readonly roleArn: string;
  readonly region?: string;
  /** All that is known of it but for the secrets, as `tempaccess login --output json` prints it. */
  get summary(): Record<string, unknown>;
}

/** Temporary access: who signs in, which role is taken, for how long and how narrow. */
export declare class Session {
  constructor(options?: SessionOptions);
  /** Credentials: those that are kept as long as they are good for a while yet; else by a sign-in. */
  credentials(options?: { signal?: AbortSignal }): Promise<Grant>;
  /** Credentials that are new, whatever is kept. */
  renew(options?: { anew?: boolean; signal?: AbortSignal }): Promise<Grant>;
  /** Signs in and lists the roles that are offered. */
  roles(options?: { signal?: AbortSignal }): Promise<Role[]>;
  /** Ends the session at the identity provider and forgets what came from it: how many credentials that were. */
  signOut(options?: { signal?: AbortSignal }): Promise<number>;
}

/** A credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromTempAccess({ … }) })`. */
export declare function fromTempAccess(options?: SessionOptions): () => Promise<{
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  expiration: Date;
  accountId: string;
}>;
