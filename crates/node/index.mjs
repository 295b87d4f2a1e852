import tempaccess from "./index.js";

export const { Assertion, TempAccessError, read } = tempaccess;
