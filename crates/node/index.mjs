import tempaccess from "./index.js";

export const {
  Assertion,
  Audit,
  GrantPlan,
  Grants,
  IssuedSession,
  OpenedGrant,
  Session,
  TempAccessError,
  Verifier,
  fromGrant,
  fromTempAccess,
  inspectGrant,
  inspectRequest,
  openGrant,
  read,
  requestGrant,
  status,
  terminal,
} = tempaccess;
