// Generated from index.js: UPDATE_TYPES=1 node --test crates/node/test/types.test.js
/**
 * One role that an assertion offers, and the SAML provider through which it does.
 */
export type Role = {
    roleArn: string;
    providerArn: string;
    partition: string;
    accountId: string;
    name: string;
};
/**
 * Which role is wanted. Each part narrows.
 */
export type RoleQuery = {
    /**
     * Its ARN, name, `ACCOUNT/NAME`, a glob over these, or its number in the list.
     */
    role?: string;
    /**
     * Its account's id or name, or a glob over these.
     */
    account?: string;
    /**
     * Its SAML provider's ARN or name, or a glob over these.
     */
    provider?: string;
    /**
     * Names of accounts, by their ids.
     */
    accountNames?: Record<string, string>;
};
/**
 * The instant to judge at.
 */
export type JudgeOptions = {
    /**
     * RFC 3339; now unless said otherwise.
     */
    at?: string;
};
/**
 * Whom an assertion must be meant for, and which rules are loosened.
 */
export type VerifierOptions = {
    /**
     * The entity ID of a service of your own; given together with `recipient`.
     */
    audience?: string;
    /**
     * The address that the response was posted to.
     */
    recipient?: string;
    /**
     * The id of the request that must be answered.
     */
    inResponseTo?: string;
    allowSha1?: boolean;
    allowShortRsa?: boolean;
    allowExpiredCertificate?: boolean;
};
/**
 * A role to go on to from the session of the one before.
 */
export type NextRole = {
    role_arn: string;
    session_name?: string;
    source_identity?: string;
    external_id?: string;
    tags?: Record<string, string>;
    transitive_tag_keys?: string[];
};
export type Awaitable<T> = T | PromiseLike<T>;
/**
 * Asks the person. What a method throws ends the sign-in, and is the `cause` of the error. The `signal` says that nobody
 * waits for the answer any more.
 */
export type Prompter = {
    /**
     * A text that may be seen, such as a user name.
     */
    text: (question: string, context: {
        signal: AbortSignal;
    }) => Awaitable<string>;
    /**
     * A text that nobody else may see, such as a password or a code.
     */
    secret: (question: string, context: {
        signal: AbortSignal;
    }) => Awaitable<string>;
    /**
     * The answer is an index.
     */
    choose: (question: string, choices: string[], context: {
        signal: AbortSignal;
    }) => Awaitable<number>;
    /**
     * Sends the person to the page of a sign-in that they finish in their own browser; without it they are told the address.
     */
    visit?: (page: {
        url: string;
        code?: string;
    }, context: {
        signal: AbortSignal;
    }) => unknown;
    /**
     * Something that needs no answer, such as the number to tap on a telephone.
     */
    notify: (message: string) => unknown;
};
/**
 * What a source of your own is asked for.
 */
export type AssertionRequest = {
    /**
     * Whom the assertion is for: `urn:amazon:webservices`.
     */
    audience: string;
    /**
     * Whether the person must sign in even if there is a session.
     */
    forceAuthn: boolean;
    /**
     * Says that nobody waits for the answer any more.
     */
    signal: AbortSignal;
};
/**
 * Gives a SAML response in any form.
 */
export type AssertionSource = (request: AssertionRequest) => Awaitable<string | Uint8Array>;
/**
 * Settings of a profile, over the environment, over the profile.
 */
export type SessionOptions = {
    /**
     * The profile of the configuration.
     */
    profile?: string;
    /**
     * Another configuration file.
     */
    config?: string;
    /**
     * Who can be asked; nobody unless said otherwise.
     */
    prompter?: Prompter;
    /**
     * The password at the identity provider.
     */
    password?: string;
    /**
     * Where the SAML response comes from: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`, `file:PATH`, `command:PROGRAM ARGUMENTS`, or a function.
     */
    source?: string | AssertionSource;
    /**
     * How to sign in at Okta: `auto`, `classic`, `device`, `browser` or `idx`.
     */
    auth?: string;
    /**
     * The client id of the native app in Okta, for device authorization.
     */
    clientId?: string;
    /**
     * The user name at the identity provider.
     */
    username?: string;
    /**
     * A program that prints the password, quoted like a shell.
     */
    passwordCommand?: string;
    /**
     * The second factor: `push`, `code`, `sms`, `call`, `email`, `question`.
     */
    factor?: string;
    /**
     * Whether Okta shall not ask for the second factor on this machine again for a while.
     */
    rememberDevice?: boolean;
    /**
     * The browser to drive, with its arguments, quoted like a shell.
     */
    browser?: string;
    /**
     * Whether the browser shows no window.
     */
    headless?: boolean;
    /**
     * Where the response of a `saml:` source comes, as the identity provider has it.
     */
    acsUrl?: string;
    /**
     * Its ARN, name, `ACCOUNT/NAME`, or a glob over these.
     */
    role?: string;
    /**
     * Its id, its name, or a glob over these.
     */
    account?: string;
    /**
     * The SAML provider, where a role is offered through several.
     */
    provider?: string;
    /**
     * Roles to go on to, each from the session of the one before.
     */
    then?: NextRole[];
    /**
     * `45m`, `1h30m`, or seconds.
     */
    duration?: string | number;
    /**
     * An inline session policy: JSON, or the path of a file that holds it.
     */
    policy?: string;
    /**
     * Managed session policies, by ARN.
     */
    policyArns?: string[];
    /**
     * The region whose STS is asked.
     */
    region?: string;
    /**
     * Another address for STS.
     */
    stsEndpointUrl?: string;
    /**
     * Another address for the federation endpoint of AWS sign-in.
     */
    federationEndpointUrl?: string;
    /**
     * `auto`, `file`, `keyring`, `kernel` or `none`.
     */
    store?: string;
    /**
     * Why access is wanted, for the audit record.
     */
    reason?: string;
    /**
     * The file that audit records are appended to.
     */
    auditLog?: string;
};
/**
 * How long to wait.
 */
export type WaitOptions = {
    /**
     * Aborted, the promise rejects at once, and what is asked by then is withdrawn.
     */
    signal?: AbortSignal;
};
/**
 * What became of one role of many: `issued`, or the `error` that says why there is none.
 */
export type Exchanged = {
    role: Role;
    issued?: IssuedSession;
    error?: TempAccessError;
};
/**
 * What the AWS SDK for JavaScript takes.
 */
export type AwsCredentials = {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
    expiration: Date;
    accountId: string;
};
/** The facts read from a SAML response: untrusted and unverified, unless a `Verifier` gave them. */
export class Assertion {
    /** @private */
    private constructor();
    /**
     * The roles that are offered, in document order. Throws where there are none.
     * @returns {Role[]}
     */
    get roles(): Role[];
    /**
     * The one role that fits. Throws where none does, or several do.
     * @param {RoleQuery} [query]
     * @returns {Role}
     */
    choose({ role, account, provider, accountNames }?: RoleQuery): Role;
    /**
     * The facts and what AWS would refuse, as the JSON text that `tempaccess inspect --output json` prints, on one line.
     * @param {JudgeOptions} [options]
     * @returns {string}
     */
    inspectJson({ at }?: JudgeOptions): string;
    /**
     * The same as an object.
     * @param {JudgeOptions} [options]
     * @returns {Record<string, unknown>}
     */
    inspect(options?: JudgeOptions): Record<string, unknown>;
    #private;
}
/** What was given. Printed, it shows no secret. */
export class IssuedSession {
    /** @private */
    private constructor();
    /**
     * @type {string}
     * @readonly
     */
    readonly accessKeyId: string;
    /**
     * @type {string}
     * @readonly
     */
    readonly accountId: string;
    /**
     * @type {string}
     * @readonly
     */
    readonly roleArn: string;
    /**
     * @type {string | undefined}
     * @readonly
     */
    readonly region: string | undefined;
    /**
     * When AWS stops accepting it.
     * @type {Date}
     * @readonly
     */
    readonly expiration: Date;
    /** @returns {string} */
    get secretAccessKey(): string;
    /** @returns {string} */
    get sessionToken(): string;
    /**
     * All that is known of it but for the secrets, as `tempaccess login --output json` prints it.
     * @returns {string}
     */
    summaryJson(): string;
    /**
     * The same as an object.
     * @returns {Record<string, unknown>}
     */
    get summary(): Record<string, unknown>;
    /**
     * The same with the secrets, as `tempaccess credentials --output json` prints it.
     * @returns {string}
     */
    credentialsJson(): string;
    /**
     * What the AWS CLI and the SDKs expect of a `credential_process`.
     * @returns {string}
     */
    credentialProcess(): string;
    #private;
}
/** Temporary access: who signs in, which role is taken, for how long and how narrow. */
export class Session {
    /** @param {SessionOptions} [options] */
    constructor({ profile, config, password, prompter, source, ...given }?: SessionOptions);
    /**
     * Credentials: those that are kept as long as they are good for a while yet; else by a sign-in.
     * @param {WaitOptions} [options]
     * @returns {Promise<IssuedSession>}
     */
    credentials({ signal }?: WaitOptions): Promise<IssuedSession>;
    /**
     * Returns new credentials, also if the cached ones are fresh; `force` makes the person sign in again even if there is a session.
     * @param {{ force?: boolean } & WaitOptions} [options]
     * @returns {Promise<IssuedSession>}
     */
    renew({ force, signal }?: {
        force?: boolean;
    } & WaitOptions): Promise<IssuedSession>;
    /**
     * The credentials that are kept and good for a while yet: without a sign-in, a wait or any network.
     * @returns {IssuedSession | undefined}
     */
    cached(): IssuedSession | undefined;
    /**
     * Credentials of every role that fits, by one sign-in. One role's failure is no other's.
     * @param {WaitOptions} [options]
     * @returns {Promise<Exchanged[]>}
     */
    allCredentials({ signal }?: WaitOptions): Promise<Exchanged[]>;
    /**
     * Signs in and lists the roles that are offered.
     * @param {WaitOptions} [options]
     * @returns {Promise<Role[]>}
     */
    roles({ signal }?: WaitOptions): Promise<Role[]>;
    /**
     * The address that signs a browser in to the AWS console, as secret as the credentials. `destination` is a page of the
     * console or a service, such as `s3`; `duration` how long the console stays signed in.
     * @param {{ destination?: string, duration?: string } & WaitOptions} [options]
     * @returns {Promise<string>}
     */
    consoleUrl({ destination, duration, signal }?: {
        destination?: string;
        duration?: string;
    } & WaitOptions): Promise<string>;
    /**
     * Ends the session at the identity provider and forgets what came from it: how many credentials that were.
     * @param {WaitOptions} [options]
     * @returns {Promise<number>}
     */
    signOut({ signal }?: WaitOptions): Promise<number>;
    #private;
}
/** What went wrong: its message, and what to do about it. What a function of yours threw is its `cause`. */
export class TempAccessError extends Error {
    /** @private */
    private constructor();
    /**
     * The stable name of the kind, such as `role_not_offered`.
     * @type {string}
     * @readonly
     */
    readonly code: string;
    /**
     * Where it went wrong, such as `role`.
     * @type {string}
     * @readonly
     */
    readonly stage: string;
    /**
     * Whose fault it is: `caller`, `identity_provider`, `aws`, `input` or `environment`.
     * @type {string}
     * @readonly
     */
    readonly fault: string;
    /**
     * What to do next.
     * @type {string | undefined}
     * @readonly
     */
    readonly hint: string | undefined;
    /**
     * The ARNs of the roles that the person can choose from.
     * @type {string[]}
     * @readonly
     */
    readonly roles: string[];
    /**
     * How many seconds to wait before trying again, if the other side has said so.
     * @type {number | undefined}
     * @readonly
     */
    readonly retryAfterSeconds: number | undefined;
}
/**
 * Verifies signatures against keys that were pinned beforehand. The assertion must be meant for AWS, or for the service
 * whose `audience` and `recipient` are given.
 */
export class Verifier {
    /**
     * @param {Uint8Array | string} keys The identity provider's SAML metadata, or its signing certificates or keys in PEM.
     * @param {VerifierOptions} [options]
     */
    constructor(keys: Uint8Array | string, options?: VerifierOptions);
    /**
     * The facts, read from beneath what a trusted key has signed. Throws where anything is wrong.
     * @param {Uint8Array | string} response
     * @param {JudgeOptions} [options]
     * @returns {Assertion}
     */
    verify(response: Uint8Array | string, { at }?: JudgeOptions): Assertion;
    /**
     * What is in it, whoever signed it, and what verifying found, as the JSON text that
     * `tempaccess inspect --verify --output json` prints, on one line.
     * @param {Uint8Array | string} response
     * @param {JudgeOptions} [options]
     * @returns {string}
     */
    examineJson(response: Uint8Array | string, { at }?: JudgeOptions): string;
    /**
     * The same as an object.
     * @param {Uint8Array | string} response
     * @param {JudgeOptions} [options]
     * @returns {Record<string, unknown>}
     */
    examine(response: Uint8Array | string, options?: JudgeOptions): Record<string, unknown>;
    #private;
}
/**
 * A credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromTempAccess({ … }) })`.
 * @param {SessionOptions} [options]
 * @returns {() => Promise<AwsCredentials>}
 */
export function fromTempAccess(options?: SessionOptions): () => Promise<AwsCredentials>;
/**
 * Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope.
 * @param {Uint8Array | string} response
 * @returns {Assertion}
 */
export function read(response: Uint8Array | string): Assertion;
/**
 * What is kept, for whom, how narrow, until when; nothing secret. As `tempaccess status --output json` prints it.
 * @param {{ config?: string, store?: string }} [options]
 * @returns {Record<string, unknown>}
 */
export function status({ config, store }?: {
    config?: string;
    store?: string;
}): Record<string, unknown>;
