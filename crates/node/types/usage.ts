// What `tsc --strict` must accept, and what it must not.
import { STSClient } from "@aws-sdk/client-sts";
import {
  Audit,
  type GrantHeader,
  Grants,
  type IssuedSession,
  type Prompter,
  Session,
  TempAccessError,
  Verifier,
  fromGrant,
  fromTempAccess,
  inspectGrant,
  openGrant,
  read,
  requestGrant,
} from "tempaccess";

export async function grants(text: string): Promise<GrantHeader> {
  const grants = new Grants("admin", { iamEndpointUrl: "https://iam.example" });
  const issued = await grants.issue({ to: "grace@example.com", role: "ledger/Granted", duration: 2400, reason: "OPS-1", sealTo: ["grace.pub"] });
  const plan = await grants.planPermit({ to: "grace@example.com", role: "People", policy: {}, until: new Date(), reason: "OPS-1" });
  const ends: Date[] = [issued.until, (await plan.carryOut({ timeout: 1000 })).until];
  await grants.revoke({ to: issued.event.to }, { reason: plan.summary.reason, dryRun: true });
  const opened = await openGrant(issued.sealed, { identity: new URL("file:///id_ed25519"), accounts: ["111122223333"] });
  new STSClient({ credentials: fromGrant(opened), region: opened.credentials.region ?? "us-east-1" });
  new STSClient({ credentials: fromGrant(text, { identity: "id_ed25519", signal: AbortSignal.timeout(1000) }) });
  await requestGrant({ preset: "count-objects", duration: "40m", reason: `until ${ends[0]}` });
  // @ts-expect-error: a grant has a reason
  await grants.issue({ to: "grace@example.com" });
  // @ts-expect-error: one thing is revoked, for a reason
  await grants.revoke(issued.id);
  return inspectGrant(text, { signers: "", at: new Date() });
}

export async function audits(): Promise<string[]> {
  const audit = new Audit("admin");
  const { events, findings } = await audit.query({ to: "grace@example.com", from: new Date(), files: "s3://acme-trail/AWSLogs", timeout: 1000 });
  const refused = findings.filter((finding) => finding.finding === "denied").map(({ call, count }) => `${call} ${count}`);
  const page = await audit.report({ until: "2026-12-01", files: new URL("file:///trail") });
  // @ts-expect-error: it is not a format
  await audit.export("xml");
  return [...refused, ...events.map(({ name }) => name), page.html, await audit.export("ocsf", { ids: "k7q3m5xw2p4a" })];
}

export async function usage(): Promise<Date> {
  const session = new Session({ role: "ledger/ReadOnly", duration: "40m", policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
  new STSClient({ credentials: fromTempAccess(session, { signal: new AbortController().signal, timeout: 60_000 }) });
  const issued: IssuedSession = await session.credentials({ signal: AbortSignal.timeout(1000) });
  new STSClient({ credentials: fromTempAccess({ profile: "work", chain: [{ roleArn: "arn:aws:iam::444455556666:role/Deploy" }] }) });
  const names: string[] = read(new Uint8Array()).roles.map((role) => role.name);
  try {
    await session.roles();
  } catch (error) {
    if (error instanceof TempAccessError) names.push(error.code, error.stage, error.hint ?? "");
  }
  const prompter: Prompter = { text: async () => "ada", secret: () => "…", choose: () => 0, notify: console.log };
  const source = async ({ signal }: { signal: AbortSignal }) => new Uint8Array(signal.aborted ? 0 : 1);
  const [first] = await new Session({ prompter, source }).allCredentials();
  names.push(first?.issued?.roleArn ?? first?.error?.code ?? "", new Verifier("…").verify("…", { at: "…" }).inspectJson());
  new STSClient({ region: session.region ?? "us-east-1" });
  new Session({ config: new URL("file:///config.toml"), policy: { Version: "2012-10-17", Statement: [] }, auth: "browser" });
  read("…").inspect({ at: new Date() });
  // @ts-expect-error: there is no such method
  new Session({ auth: "brower" });
  // @ts-expect-error: a source gives a response
  new Session({ source: () => 1 });
  // @ts-expect-error: there is no such option
  new Session({ rol: "ReadOnly" });
  // @ts-expect-error: what was given is not to be made by hand
  new (await import("tempaccess")).IssuedSession();
  return issued.expiration;
}
