import tempaccess from "./index.js";

export const { Assertion, Grant, Session, TempAccessError, Verifier, fromTempAccess, read, status } = tempaccess;
