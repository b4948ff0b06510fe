// coturn's own client, turnutils_uclient: every way to relay, with one worker and with two.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { lacks } from '../rig/program.mjs';
import {
  ALICE,
  CLIENTS,
  MESSAGES,
  SHARED_SECRET,
  Uclient,
  V4,
  V6,
  counted,
} from '../rig/uclient.mjs';

const ROWS = [
  // title, arguments, server
  ['channels', [...ALICE, ...V4], '127.0.0.1'],
  ['Send and Data indications', [...ALICE, ...V4, '-s'], '127.0.0.1'],
  ['DONT-FRAGMENT', [...ALICE, ...V4, '-g'], '127.0.0.1'],
  ['channels with padding', [...ALICE, ...V4, '-D', '-l', '171'], '127.0.0.1'],
  ['client to client, both relayed here', [...ALICE, '-X', '-y'], '127.0.0.1'],
  ['client to client by indications', [...ALICE, '-X', '-y', '-s'], '127.0.0.1'],
  ['IPv6', [...ALICE, ...V6], '::1'],
  ['IPv6 client to client', [...ALICE, '-x', '-y'], '::1'],
  ['an IPv4 peer of an IPv6 client', [...ALICE, ...V4], '::1'],
  ['an IPv6 peer of an IPv4 client', [...ALICE, ...V6], '127.0.0.1'],
  ['extra CreatePermission and ChannelBind', [...ALICE, ...V4, '-G'], '127.0.0.1'],
  ['time-limited credentials', [...SHARED_SECRET, ...V4], '127.0.0.1'],
  ['dual allocation, an IPv4 peer', [...ALICE, '-Z', '-e', '127.0.0.1'], '127.0.0.1'],
  ['dual allocation, an IPv6 peer', [...ALICE, '-Z', '-e', '::1'], '127.0.0.1'],
  ['dual allocation, indications', [...ALICE, '-Z', '-e', '::1', '-s'], '127.0.0.1'],
  ['dual allocation, client to client', [...ALICE, '-Z', '-y'], '127.0.0.1'],
];

// For RTCP it asks EVEN-PORT with the R bit, and shows the RESERVATION-TOKEN in a second Allocate
// request. Between clients it then sends RTCP too.
const WITH_RTCP = [
  // title, arguments, messages that each client sends
  ['an even port and the next one', [...ALICE, ...V4], MESSAGES],
  ['an even port and the next one, client to client', [...ALICE, '-X', '-y'], 2 * MESSAGES],
];

// The same, for the transports that are streams.
const STREAM_ROWS = [
  ['channels', [...ALICE, ...V4], '127.0.0.1'],
  ['Send and Data indications', [...ALICE, ...V4, '-s'], '127.0.0.1'],
  ['channels with padding', [...ALICE, ...V4, '-l', '171'], '127.0.0.1'],
  ['client to client, both relayed here', [...ALICE, '-X', '-y'], '127.0.0.1'],
  ['client to client by indications', [...ALICE, '-X', '-y', '-s'], '127.0.0.1'],
  ['IPv6', [...ALICE, ...V6], '::1'],
  ['time-limited credentials', [...SHARED_SECRET, ...V4], '127.0.0.1'],
];

const STREAMS = [
  // title, arguments, the port it is served on
  ['TCP', ['-t'], 'turn'],
  ['TCP on the port of HTTPS', ['-t'], 'https'],
  ['TLS on the port of HTTPS', ['-t', '-S'], 'https'],
];

const REFUSED = [
  ['a wrong password', ['-u', 'alice', '-w', 'wrong', ...V4]],
  ['an unknown user', ['-u', 'mallory', '-w', 'secret1', ...V4]],
  ['a wrong shared secret', ['-u', 'bob', '-W', 'wrong', ...V4]],
];

for (const workers of [1, 2]) {
  const skip = lacks('turnutils_uclient', 'turnutils_peer', 'openssl');
  // Most of its time uclient waits, so eight at a time.
  describe(`turnutils_uclient, workers = ${workers}`, { skip, concurrency: 8 }, () => {
    let rig;

    // It draws channel numbers up to 0x7FFF, as RFC 5766 had them.
    before(async () => {
      rig = await Uclient.with(workers, 'rfc5766_channels = true');
    });

    after(() => rig?.stop());

    for (const [title, args, server] of ROWS) {
      test(title, async () => {
        const program = rig.run(args, server);
        assert.equal(await program.exit(30_000), 0, program.output);
        assertAllReceived(program);
      });
    }

    for (const [transport, flags, port] of STREAMS) {
      for (const [title, args, server] of STREAM_ROWS) {
        test(`${transport}: ${title}`, async () => {
          const program = rig.run([...flags, ...args], server, { port });
          assert.equal(await program.exit(30_000), 0, program.output);
          assertAllReceived(program);
        });
      }
    }

    for (const [title, args, messages] of WITH_RTCP) {
      test(title, async () => {
        const program = rig.run(args, '127.0.0.1', { rtcp: true });
        assert.equal(await program.exit(30_000), 0, program.output);
        assertAllReceived(program, messages);
      });
    }

    for (const [title, args] of REFUSED) {
      test(`${title} relays nothing`, async () => {
        const program = rig.run(args, '127.0.0.1');
        assert.notEqual(await program.exit(30_000), 0, program.output);
        assert.match(program.output, /Cannot complete Allocation/);
      });
    }

    test('corrupted packets among the good ones harm nobody', async (t) => {
      const corrupting = [1, 2, 3, 4].map(() => rig.run([...ALICE, ...V4, '-R'], '127.0.0.1'));
      t.after(() => Promise.all(corrupting.map((program) => program.stop('SIGKILL'))));
      // It spoils by chance, and waits for ever for the answer to what it has spoiled.
      await until(PATIENCE_MS, 'corrupted', async () => {
        const samples = [...(await rig.kopru.metrics())];
        const dropped = samples.some(([name, count]) => name.includes('_dropped_') && count > 0);
        return dropped || corrupting.every((program) => !program.running);
      });
      const honest = rig.run([...ALICE, ...V4], '127.0.0.1');
      assert.equal(await honest.exit(30_000), 0, honest.output);
      assertAllReceived(honest);
    });
  });
}

function assertAllReceived(program, messages = MESSAGES) {
  const [sent, received] = counted(program);
  assert.equal(sent, messages * CLIENTS, program.output);
  assert.equal(received, sent, program.output);
}
