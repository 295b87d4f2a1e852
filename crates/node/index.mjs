import tempaccess from "./index.js";

export const { Assertion, IssuedSession, Session, TempAccessError, Verifier, fromTempAccess, read, status } = tempaccess;
