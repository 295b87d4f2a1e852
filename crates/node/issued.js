// An issued session, whose secrets are printed nowhere.
"use strict";

/** An issued session. Its secrets are behind a private field, so that printing it does not show them. */
class IssuedSession {
  #given;

  constructor(given) {
    this.#given = given;
    this.accessKeyId = given.accessKeyId;
    this.accountId = given.accountId;
    this.roleArn = given.roleArn;
    this.region = given.region ?? undefined;
    this.expiration = new Date(given.expiration);
  }

  get secretAccessKey() {
    return this.#given.secretAccessKey;
  }

  get sessionToken() {
    return this.#given.sessionToken;
  }

  summaryJson() {
    return this.#given.summaryJson;
  }

  get summary() {
    return JSON.parse(this.#given.summaryJson);
  }

  credentialsJson() {
    return this.#given.credentialsJson;
  }

  credentialProcess() {
    return this.#given.credentialProcess;
  }
}

/** The credentials as the AWS SDK for JavaScript has them. */
function forSdk({ accessKeyId, secretAccessKey, sessionToken, expiration, accountId }) {
  return { accessKeyId, secretAccessKey, sessionToken, expiration, accountId };
}

module.exports = { IssuedSession, forSdk };
