// What kopru says of a call that failed, against what was staged.

import assert from 'node:assert/strict';

/** `whose` is the member id of the side on which it has to lie, if on one. */
export function assertVerdict({ verdict }, expect, whose) {
  const text = JSON.stringify(verdict);
  assert.equal(verdict.class, expect.class, text);
  assert.equal(verdict.whose, whose, text);
  if (expect.sure) assert.equal(verdict.sure, expect.sure, text);
  if (expect.cause) assert.match(verdict.cause, expect.cause);
  assert.ok(verdict.cause && verdict.cure, text);
}

/** The time as credentials have it. */
export function now() {
  return Math.floor(Date.now() / 1000);
}
