// The types of audits. Kept by hand, as `index.d.ts`.

import type { GrantEvent } from "./grants.js";
import type { SessionOptions, WaitOptions } from "./index.js";

/** A period: instants, or dates, which mean 0:00 UTC. The end does not belong to it. */
export interface PeriodOptions {
  from?: string | Date | undefined;
  until?: string | Date | undefined;
}

/** Where the files of a trail are. */
export interface TrailFilesOptions {
  /** A folder, or `s3://BUCKET/PREFIX`. */
  files?: string | URL | undefined;
  /** The regions to ask: of the bucket, the event history, or the query engine. */
  regions?: string | string[] | undefined;
}

/**
 * Events of CloudTrail that are wanted: those of a grant, a person, a role, an access key or an assertion. They are in the event
 * history of the account, unless `files`, `logs`, `athena` or `lake` says where. The period is that of the grant or the sign-in, or
 * the last seven days.
 */
export interface TrailQuery extends PeriodOptions, TrailFilesOptions {
  /** The id of a grant. */
  id?: string | undefined;
  /** A person: their role session name. */
  to?: string | undefined;
  /** The name of a role. */
  role?: string | undefined;
  accessKey?: string | undefined;
  /** The id of a SAML assertion: events of the sessions that it got. */
  assertion?: string | undefined;
  /** Audit logs of people, whose sign-ins the events are compared with. */
  auditLogs?: string | URL | (string | URL)[] | undefined;
  /** A log group of CloudWatch Logs. */
  logs?: string | undefined;
  /** A table of Athena: `TABLE`, or `DATABASE.TABLE`. */
  athena?: string | undefined;
  /** An event data store of CloudTrail Lake. */
  lake?: string | undefined;
  /** The workgroup of Athena. */
  workgroup?: string | undefined;
  /** Where Athena stores results: `s3://BUCKET/PREFIX`. */
  results?: string | undefined;
}

/** An event of CloudTrail, as far as it concerns access. */
export interface TrailEvent {
  time: string;
  id: string;
  source: string;
  name: string;
  region: string;
  principal: string | null;
  access_key_id: string | null;
  source_identity: string | null;
  source_address: string | null;
  user_agent: string | null;
  error_code: string | null;
  error_message: string | null;
  /** What the call was about, most precise first. */
  resources: string[];
  role: string | null;
  policy_name: string | null;
  session_name: string | null;
  assertion_id: string | null;
  tags: Record<string, string>;
  issued_key: string | null;
}

/** What a finding is about: a grant, or a sign-in by the access key of its session. */
export type TrailSubject = { id: string; access_key_id?: never } | { access_key_id: string; id?: never };

/** A point in which the records and CloudTrail do not agree, or what the scope of a session lacked. */
export type TrailFinding = TrailSubject &
  (
    | { finding: "issued_without_record"; by: string | null; at: string }
    | { finding: "record_without_issuance"; at: string }
    | { finding: "used_after_end"; call: string; at: string; denied: boolean }
    | { finding: "several_addresses"; addresses: string[] }
    | { finding: "denied"; call: string; count: number; resources: string[] }
  );

/** A sign-in of an audit log, and the calls of its session. */
export interface SessionCalls {
  at: string;
  reason: string | null;
  source: string;
  session_name: string | null;
  assertion_id: string | null;
  /** The principal whose session assumed the role, if it is chained. */
  chained_from: string | null;
  role_arn: string | null;
  policy_sha256: string | null;
  policy_arns: string[];
  access_key_id: string;
  expiration: string;
  /** With their counts. */
  calls: Record<string, number>;
}

/** Events of CloudTrail, compared with the records. */
export interface TrailAnswer {
  events: TrailEvent[];
  findings: TrailFinding[];
  /** How many lines of the audit logs are not records. */
  unreadable: number;
  /** The calls of each grant, with their counts. */
  calls: Record<string, Record<string, number>>;
  /** The sign-ins of the audit logs that the events are of. */
  sign_ins: SessionCalls[];
}

/** The result of a check of the records. */
export interface RecordsVerification {
  records: string;
  grants: number;
  events: number;
  defects: { id: string; defect: string }[];
}

/** Which events of grants to export. */
export interface ExportOptions extends PeriodOptions, WaitOptions {
  /** The grants. Default: all. */
  ids?: string | string[] | undefined;
}

/** A page that shows who had access to what, when and why. */
export interface GrantReport {
  /** The page, which needs nothing but a browser. It names people, reasons and policies. */
  html: string;
  grants: number;
  /** How many of the grants have records that cannot be trusted. */
  untrusted: number;
  /** How many everyday sign-ins it shows. */
  signIns: number;
  /** How many lines of the audit logs are not records. */
  unreadableLines: number;
}

/** What a report shows besides the records of grants. */
export interface ReportOptions extends PeriodOptions, TrailFilesOptions, WaitOptions {
  /** Audit logs of people, for everyday sign-ins. */
  auditLogs?: string | URL | (string | URL)[] | undefined;
}

/**
 * Who had access to what, when and why, and what they did with it.
 *
 * The arguments are those of `Grants`. Nothing is signed in to unless the records are in S3 or CloudTrail is asked.
 */
export class Audit {
  constructor(profile?: string, options?: Omit<SessionOptions, "profile">);
  /** Checks every record: its signature, the digests that chain them, and that none is missing. */
  verify(options?: WaitOptions): Promise<RecordsVerification>;
  /** Returns events of CloudTrail, oldest first, compared with the records. */
  query(query: TrailQuery & WaitOptions): Promise<TrailAnswer>;
  /** Returns the query that `query` runs in the engine of `logs`, `athena` or `lake`. Nothing is run. */
  queryText(query: TrailQuery & WaitOptions): Promise<string>;
  /** Returns the events of grants as text for a spreadsheet, a program or a SIEM. */
  export(format: "csv" | "json" | "ocsf", options?: ExportOptions): Promise<string>;
  /** Returns the events of grants. */
  events(options?: ExportOptions): Promise<GrantEvent[]>;
  /** Returns the page that shows who had access to what, when and why; with `files`, also what was done. */
  report(options?: ReportOptions): Promise<GrantReport>;
}
