// What `tsc --strict` must accept, and what it must not.
import { STSClient } from "@aws-sdk/client-sts";
import { type IssuedSession, type Prompter, Session, TempAccessError, Verifier, fromTempAccess, read } from "tempaccess";

export async function usage(): Promise<Date> {
  const session = new Session({ role: "ledger/ReadOnly", duration: "40m", policyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"] });
  const issued: IssuedSession = await session.credentials({ signal: AbortSignal.timeout(1000) });
  new STSClient({ credentials: fromTempAccess({ profile: "work", then: [{ role_arn: "arn:aws:iam::444455556666:role/Deploy" }] }) });
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
  // @ts-expect-error: a source gives a response
  new Session({ source: () => 1 });
  // @ts-expect-error: there is no such option
  new Session({ rol: "ReadOnly" });
  // @ts-expect-error: what was given is not to be made by hand
  new (await import("tempaccess")).IssuedSession();
  return issued.expiration;
}
