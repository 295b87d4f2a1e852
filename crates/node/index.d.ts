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
