"use strict";

const { Audit } = require("./audit.js");
const { TempAccessError } = require("./errors.js");
const { GrantPlan, Grants } = require("./grants.js");
const { IssuedSession } = require("./issued.js");
const {
  OpenedGrant,
  fromGrant,
  inspectGrant,
  inspectGrantAsync,
  inspectRequest,
  inspectRequestAsync,
  openGrant,
  requestGrant,
} = require("./opened.js");
const { Assertion, Verifier, read } = require("./reading.js");
const { Session, fromTempAccess, status, statusAsync } = require("./session.js");
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
  inspectGrantAsync,
  inspectRequest,
  inspectRequestAsync,
  openGrant,
  read,
  requestGrant,
  status,
  statusAsync,
  terminal,
};
