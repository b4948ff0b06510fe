// node-datachannel, whose ICE and TURN are libjuice's. Both peers are behind symmetric NATs: where
// it can, it goes direct although it was told to relay only.
//
// libjuice 1.7 knows the attributes of RFC 8489, and as a server it serves SHA-256. As a client it
// reads PASSWORD-ALGORITHMS in a 401 and chooses nothing, whichever way round the security feature
// bits of the nonce are counted: it signs with MESSAGE-INTEGRITY and an MD5 key.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Capture } from '../rig/capture.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { Lab } from '../rig/lab.mjs';
import { ADDRESS, noNamespace } from '../rig/namespace.mjs';
import { lacks } from '../rig/program.mjs';

const PEER = fileURLToPath(new URL('../datachannel_peer.mjs', import.meta.url));
const BYTES = 30_000;

const configuration = (auth) => (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [turn]
  listen = "${ADDRESS}:${ports.turn}"
  relay_addresses = "${ADDRESS}"
  [turn.auth]
  ${auth}
  [turn.peers]
  allow = ["198.51.100.0/24"]
`;

const USERS = 'users = { alice = "secret1" }';
const AUTHS = {
  'users, who are offered SHA-256 and USERHASH': USERS,
  'users beside a shared secret, who are offered SHA-256': `${USERS}\nsecrets = ["hush"]`,
};

const skip = noNamespace || lacks('nft', 'conntrack', 'ip', 'nsenter', 'tshark');
describe('node-datachannel', { skip }, () => {
  let lab;
  before(async () => {
    lab = await Lab.build();
    lab.nat({ a: 'sym', b: 'sym' });
  });
  after(() => lab?.raze());

  for (const [title, auth] of Object.entries(AUTHS)) {
    test(`relays 30 kB and back for ${title}, and takes SHA-1`, async (t) => {
      const kopru = await Kopru.configured(configuration(auth), ADDRESS);
      t.after(() => kopru.stop());
      const capture = await Capture.begin(kopru.ports.turn, { address: ADDRESS, link: 'any' });
      t.after(() => capture.remove());
      const user = { username: 'alice', password: 'secret1' };
      const turn = { hostname: ADDRESS, port: kopru.ports.turn, ...user };
      const { echoed, pair } = await untilServed(() => echo(lab, turn));
      assert.ok(echoed);
      assert.ok([pair.local.type, pair.remote.type].includes('relay'), JSON.stringify(pair));

      await capture.end();
      const offers = await capture.find('stun.att.error == 1', ['stun.att.pw_alg']);
      assert.deepEqual(new Set(offers.flat()), new Set(['2,1']), 'SHA-256, and if need be MD5');
      const signed = await capture.find(SIGNED, ['stun.att.type']);
      const signatures = signed.flatMap(([types]) => types.split(',')).filter(isSignature);
      assert.deepEqual(new Set(signatures), new Set([MESSAGE_INTEGRITY]));
    });
  }
});

const SIGNED = 'stun.type.class == 0 && stun.att.nonce';
const [MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256] = ['0x0008', '0x001c'];
const isSignature = (type) => [MESSAGE_INTEGRITY, MESSAGE_INTEGRITY_SHA256].includes(type);

/**
 * libjuice authenticates with the transaction id of the request that was refused. Where the machine
 * is so busy that it had sent that one twice, it takes the second 401 for a wrong password.
 */
async function untilServed(attempt) {
  for (let attempts = 1; ; attempts += 1) {
    const result = await attempt();
    if (!result.refused || attempts === 3) return result;
  }
}

/** What the caller says in the end, or `refused`. */
async function echo(lab, turn) {
  const callee = lab.hosts.b.start(process.execPath, PEER);
  const caller = lab.hosts.a.start(process.execPath, PEER);
  const peers = [caller, callee];
  let answer;
  converse(caller, callee, (last) => (answer = last));
  callee.child.stdin.write(`${JSON.stringify({ turn })}\n`);
  caller.child.stdin.write(`${JSON.stringify({ turn, bytes: BYTES })}\n`);
  const isRefused = () => peers.some(({ output }) => output.includes(REFUSED));
  try {
    return await until(PATIENCE_MS, 'echoed', () => answer ?? (isRefused() && { refused: true }));
  } finally {
    for (const peer of peers) await peer.stop('SIGKILL');
  }
}

const REFUSED = 'TURN authentication failed';

/** What each peer says the other hears, but for the caller's last line. */
function converse(caller, callee, last) {
  for (const [one, other] of [
    [caller, callee],
    [callee, caller],
  ]) {
    createInterface({ input: one.child.stdout }).on('line', (line) => {
      if (line.includes('"echoed"')) last(JSON.parse(line));
      else other.child.stdin.write(`${line}\n`);
    });
  }
}
