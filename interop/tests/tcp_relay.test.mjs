// TCP allocations (RFC 6062) by coturn's own client, turnutils_uclient: the client connects to a
// peer, and is connected to, with one worker and with two.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { lacks } from '../rig/program.mjs';
import {
  ALICE,
  BYTES,
  CLIENTS,
  MESSAGES,
  SHARED_SECRET,
  Uclient,
  V4,
  V6,
  counted,
} from '../rig/uclient.mjs';

// What it sends over each connection to the peer comes back.
const ROWS = [
  // title, arguments, server
  ['an IPv4 peer', [...ALICE, ...V4], '127.0.0.1'],
  ['an IPv6 peer', [...ALICE, ...V6], '::1'],
  ['an IPv6 peer of an IPv4 client', [...ALICE, ...V6], '127.0.0.1'],
  ['time-limited credentials', [...SHARED_SECRET, ...V4], '127.0.0.1'],
];

const STREAMS = [
  // title, arguments, the port it is served on
  ['TCP', ['-t'], 'turn'],
  ['TLS on the port of HTTPS', ['-t', '-S'], 'https'],
];

for (const workers of [1, 2]) {
  const skip = lacks('turnutils_uclient', 'turnutils_peer', 'openssl');
  // Most of its time uclient waits.
  describe(`TCP allocations, workers = ${workers}`, { skip, concurrency: 8 }, () => {
    let rig;

    before(async () => {
      rig = await Uclient.with(workers, 'tcp_relay = true');
    });

    after(() => rig?.stop());

    for (const [transport, flags, port] of STREAMS) {
      for (const [title, args, server] of ROWS) {
        test(`${transport}: ${title}`, async () => {
          const program = rig.run(['-T', ...flags, ...args], server, { port });
          assert.equal(await program.exit(60_000), 0, program.output);
          const [sent, received] = counted(program);
          assert.equal(sent, MESSAGES * CLIENTS, program.output);
          assert.equal(received, sent, program.output);
        });
      }
    }
  });

  // By itself, since what the server has relayed is counted.
  describe(`clients that are connected to, workers = ${workers}`, { skip }, () => {
    let rig;

    before(async () => {
      rig = await Uclient.with(workers, 'tcp_relay = true');
    });

    after(() => rig?.stop());

    // `-P`: each client with an allocation is connected to by one without, and half of the messages
    // go from either side. It counts those as received that come out of the relay at a client with
    // an allocation; what went the other way the server has counted. Over TLS it would speak TLS
    // to the relayed address too, where nobody does: with coturn's own server it fails as well.
    test('TCP: who is permitted connects, and both sides send', async () => {
      const before = await rig.kopru.metrics();
      const program = rig.run(['-T', '-t', ...ALICE, ...V4, '-P'], '127.0.0.1');
      assert.equal(await program.exit(60_000), 0, program.output);
      const [sent, received] = counted(program);
      assert.equal(sent, MESSAGES * CLIENTS, program.output);
      assert.equal(received, sent / 2, program.output);
      const after = await rig.kopru.metrics();
      for (const direction of ['to_peers', 'to_clients']) {
        const name = `kopru_turn_relayed_bytes_total{direction="${direction}"}`;
        assert.equal(after.get(name) - before.get(name), (sent / 2) * BYTES, direction);
      }
    });
  });
}

describe('TCP allocations, off', { skip: lacks('turnutils_uclient', 'openssl') }, () => {
  test('are refused', async () => {
    const rig = await Uclient.with(1, '');
    try {
      const program = rig.run(['-T', '-t', ...ALICE, ...V4], '127.0.0.1');
      assert.notEqual(await program.exit(60_000), 0, program.output);
      const metrics = await rig.kopru.metrics();
      const name = 'kopru_turn_replies_total{method="allocate",code="442"}';
      assert.ok(metrics.get(name) > 0, program.output);
    } finally {
      await rig.stop();
    }
  });
});
