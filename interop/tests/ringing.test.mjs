// People in a room ring each other, on kopru's own page in Chromium.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { BROWSERS, launch } from '../rig/browsers.mjs';
import { Caller, PHONE } from '../rig/caller.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { noNamespace } from '../rig/namespace.mjs';

const { executable } = BROWSERS.chromium;
const skip = noNamespace || (!executable && 'Chromium is not installed here');

describe('ringing', { skip }, () => {
  let browser;
  let kopru;
  let callers = [];

  before(async () => {
    browser = await launch(BROWSERS.chromium);
    kopru = await Kopru.development();
  });
  after(async () => {
    await browser?.close();
    await kopru?.stop();
  });
  afterEach(async () => {
    for (const caller of callers) {
      assert.deepEqual(caller.errors, [], 'nothing broke on the page');
      await caller.close();
    }
    callers = [];
  });

  /** They meet in a room of that kind. */
  async function meet(room, names, options) {
    for (const name of names) {
      const caller = await Caller.open(browser, kopru.url, options);
      callers.push(caller);
      await caller.join({ name, room });
    }
    for (const caller of callers) await caller.sees(names.length - 1, 'direct');
    return callers;
  }

  test('ring, accept, hang up', async () => {
    const [ada, bo] = await meet('porch', ['Ada', 'Bo']);
    await ada.rings('Bo');
    await ada.reads('It rings at Bo’s');
    await bo.reads('Ada is calling');
    assert.equal(await bo.page.title(), 'Ada is calling');
    await bo.screenshot('chrome-ringing-desktop');
    await bo.press('Accept');
    await ada.reads('In a call with Bo');
    await bo.reads('In a call with Ada');
    assert.equal(await bo.page.title(), 'köprü');
    await ada.screenshot('chrome-ringing-accepted-desktop');
    await bo.press('Hang up');
    await ada.reads('The call is over');
    await ada.sees(1, 'direct');
  });

  test('reject; cancel', async () => {
    const [ada, bo] = await meet('hall', ['Ada', 'Bo'], { viewport: PHONE });
    await ada.rings('Bo');
    await bo.reads('Ada is calling');
    await bo.screenshot('chrome-ringing-phone');
    await bo.press('Decline');
    await ada.reads('Bo can’t take the call now');
    await bo.readsNoMore('Ada is calling');

    await bo.rings('Ada');
    await ada.reads('Bo is calling');
    await bo.press('Cancel');
    await ada.reads('You missed a call from Bo');
    await bo.readsNoMore('Calling Ada');
    await ada.screenshot('chrome-ringing-missed-phone');
  });

  test('everybody; who is in a call is busy', async () => {
    const [ada, bo, cy] = await meet('market', ['Ada', 'Bo', 'Cy']);
    await ada.press('Ring all');
    await bo.reads('Ada is calling');
    await bo.press('Accept');
    await cy.reads('Ada is calling');
    await cy.press('Decline');
    await ada.reads('In a call with everybody');

    await cy.rings('Bo');
    await cy.reads('Bo is busy');
    await bo.reads('Cy called');
    await bo.press('Hang up');
    await ada.reads('The call is over');
  });
});
