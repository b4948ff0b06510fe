// Why calls fail, staged one by one by scripts, and what kopru says of each: in band, to a member,
// and over HTTP, to a back end.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { KNOWN, passwordOf, story, token } from '../rig/back_end.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { Member } from '../rig/member.mjs';
import { ADDRESS, noNamespace } from '../rig/namespace.mjs';
import { errorCode } from '../rig/stun.mjs';
import { assertVerdict, now } from '../rig/verdict.mjs';

/** A server for scripts; the addresses that stand for public ones are for documentation. */
const forScripts = (more) => (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [turn]
  listen = "${ADDRESS}:${ports.turn}"
  ${more}
  [turn.peers]
  allow = ["198.51.100.0/24"]
  ${KNOWN}
`;

describe('told of scripts', { skip: noNamespace }, () => {
  let kopru;
  let narrow;

  before(async () => {
    kopru = await Kopru.configured(forScripts(`relay_addresses = "${ADDRESS}"`), ADDRESS);
    const behindNat = `relay_addresses = "10.9.9.9=${ADDRESS}"
      limits = { allocations_total = 1 }`;
    narrow = await Kopru.configured(forScripts(behindNat), ADDRESS);
  });

  after(async () => {
    await kopru?.stop();
    await narrow?.stop();
  });

  test('a wrong password', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    await refuse(await ada.turn(t, { password: 'guessed' }), 401);
    await ada.report(bo, 'failed');
    // Whoever has seen the user name can guess: it is no proof.
    await explained(kopru, [ada, bo], { class: 'credential_wrong', whose: ada, sure: 'likely' });
  });

  test('a credential that expired while the page was open', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    const [, id] = ada.expiryAndId;
    // Good for so short that it is over before it is used.
    const username = `${now() + 1}:${id}`;
    const client = await ada.turn(t, { username, password: passwordOf(username) });
    await until(PATIENCE_MS, 'expired', async () => {
      const code = errorCode(await client.allocate());
      if (!code) await client.release();
      return code === 401;
    });
    await ada.report(bo, 'failed');
    const expect = { class: 'credential_expired', whose: ada, sure: 'certain' };
    const { timeline } = await explained(kopru, [ada, bo], expect);
    const refusals = timeline.filter(({ turn }) => turn?.refused);
    assert.deepEqual(refusals.map(({ turn }) => turn), [{ refused: 401, why: 'expired' }]);
  });

  // With scripts only: a browser has no part in it, and one machine has one clock.
  test('a back end whose clock is an hour behind', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    const [expiry, id] = ada.expiryAndId;
    const username = `${expiry - 3600}:${id}`;
    await refuse(await ada.turn(t, { username, password: passwordOf(username) }), 401);
    await ada.report(bo, 'failed');
    await explained(kopru, [ada, bo], { class: 'clock_skew', whose: ada });
  });

  test('a quota', async (t) => {
    const [ada, bo] = await meet(t, narrow);
    await hold(await bo.turn(t));
    await refuse(await ada.turn(t), 486);
    await ada.report(bo, 'failed');
    await explained(narrow, [bo, ada], { class: 'quota', whose: ada, sure: 'certain' });
  });

  test('a relay that announces a private address', async (t) => {
    const [ada, bo] = await meet(t, narrow);
    const relay = await hold(await ada.turn(t));
    assert.deepEqual([...relay.relayed.ip], [10, 9, 9, 9]);
    await ada.announce(bo, 'relay', ['10.9.9.9', relay.relayed.port], ['198.51.100.21', 4000]);
    await bo.announce(ada, 'srflx', ['198.51.100.22', 4000], ['10.77.2.2', 4000]);
    await ada.report(bo, 'failed');
    await explained(narrow, [ada, bo], { class: 'relay_address_private', whose: ada });
  });

  test('a peer that the relay must not reach', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    const relay = await hold(await ada.turn(t));
    await bo.announce(ada, 'host', ['10.77.2.2', 4000]);
    assert.equal(errorCode(await relay.createPermission('10.77.2.2')), 403);
    await ada.report(bo, 'failed');
    const expect = { class: 'peer_forbidden', whose: ada, sure: 'certain' };
    const { timeline } = await explained(kopru, [ada, bo], expect);
    const seen = timeline.find(({ turn }) => turn?.peer_refused);
    assert.deepEqual(seen.turn, { peer_refused: 403, peer: '10.77.2.2' });
    const toAda = await ada.why(bo);
    const turns = toAda.timeline.filter(({ turn }) => turn?.peer_refused);
    assert.deepEqual(turns.map(({ turn }) => turn), [{ peer_refused: 403 }], 'not where Bo is');
  });

  test('two symmetric NATs and no relay', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    for (const [who, other, wan] of [
      [ada, bo, '198.51.100.21'],
      [bo, ada, '198.51.100.22'],
    ]) {
      // One socket, seen at two ports: each destination gets another one.
      await who.announce(other, 'srflx', [wan, 4001], ['10.77.1.2', 4000]);
      await who.announce(other, 'srflx', [wan, 4002], ['10.77.1.2', 4000]);
      await who.report(other, 'failed');
    }
    await explained(kopru, [ada, bo], { class: 'symmetric_without_relay', sure: 'certain' });
  });

  test('no common codec', async (t) => {
    const media = [{ audio: ['opus'] }, { audio: ['PCMU'] }];
    const [ada, bo] = await join(t, kopru, media);
    const { verdict } = await ada.why(bo);
    assert.equal(verdict.class, 'no_common_codec', 'before there is anything to be found again');
    await ada.describe(bo, 'offer');
    await bo.client.ask({ type: 'leave', room: bo.room });
    await explained(kopru, [ada, bo], { class: 'no_common_codec', sure: 'certain' });
  });

  test('a partner who is gone', async (t) => {
    const [ada, bo] = await join(t, kopru);
    await ada.describe(bo, 'offer');
    await bo.client.ask({ type: 'leave', room: bo.room });
    await explained(kopru, [ada, bo], { class: 'partner_gone', whose: bo, sure: 'certain' });
  });

  test('a token that was taken back', async (t) => {
    const [ada, bo] = await meet(t, kopru);
    const elsewhere = await token(kopru, { subject: 'Bo', rooms: ['elsewhere'] });
    await bo.client.ask({ type: 'token', token: elsewhere });
    await explained(kopru, [ada, bo], { class: 'revoked', whose: bo, sure: 'certain' });
  });
});

/** Ada and Bo in a room of their own. */
async function join(t, kopru, media = []) {
  const room = t.name;
  const ada = await Member.join(t, kopru, { name: 'Ada', room, media: media[0] });
  const bo = await Member.join(t, kopru, { name: 'Bo', room, media: media[1] });
  return [ada, bo];
}

/** The same, with an offer and its answer. */
async function meet(t, kopru) {
  const [ada, bo] = await join(t, kopru);
  await ada.describe(bo, 'offer');
  await bo.client.frame('offer', ({ type }) => type === 'description');
  await bo.describe(ada, 'answer');
  return [ada, bo];
}

/** TURN does not take what this client shows it. */
async function refuse(client, code) {
  assert.equal(errorCode(await client.allocate()), code);
}

/** TURN takes it, and keeps a relayed address for it until the test ends. */
async function hold(client) {
  assert.equal(errorCode(await client.allocate()), undefined);
  return client;
}

/** The story comes to this verdict, whoever asks. What TURN saw may come a little later. */
async function explained(kopru, [asker, other], expect) {
  const { id } = await until(PATIENCE_MS, expect.class, async () => {
    const story = await asker.why(other);
    if (story.verdict.class === expect.class) return story;
    throw new Error(JSON.stringify(story));
  });
  const told = await story(kopru, id);
  assertVerdict(told, expect, expect.whose?.id);
  return told;
}
