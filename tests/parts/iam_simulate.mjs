// Judges the cases on standard input with @cloud-copilot/iam-simulate: one line of JSON each, and one line of output each.
// The argument is the folder that the package is installed in.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { runSimulation } = createRequire(`${process.argv[2]}/`)("@cloud-copilot/iam-simulate");
const named = (policies) => policies.map((policy, number) => ({ name: `policy${number}`, policy }));

for await (const line of createInterface({ input: process.stdin })) {
  const { identity, scps = [], boundary, session, trust, principal, action, resource, context } = JSON.parse(line);
  const result = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: "111122223333" }, contextVariables: context },
      identityPolicies: named(identity),
      serviceControlPolicies: scps.length ? [{ orgIdentifier: "r-root", policies: named(scps) }] : [],
      resourceControlPolicies: [],
      permissionBoundaryPolicies: boundary ? named([boundary]) : undefined,
      sessionPolicy: session ?? undefined,
      resourcePolicy: trust ?? undefined,
    },
    {},
  );
  console.log(JSON.stringify(result.resultType === "error" ? result.errors : result.overallResult));
}
