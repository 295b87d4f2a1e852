"use strict";

const { Audit } = require("./audit.js");
const { TempAccessError } = require("./errors.js");
const { GrantPlan, Grants } = require("./grants.js");
const { IssuedSession } = require("./issued.js");
const { OpenedGrant, fromGrant, inspectGrant, inspectRequest, openGrant, requestGrant } = require("./opened.js");
const { Assertion, Verifier, read } = require("./reading.js");
const { Session, fromTempAccess, status } = require("./session.js");
const { terminal } = require("./terminal.js");

module.exports = {
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
};
