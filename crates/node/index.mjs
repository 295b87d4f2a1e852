import tempaccess from "./index.js";

export const { Assertion, Grant, Session, TempAccessError, fromTempAccess, read } = tempaccess;
