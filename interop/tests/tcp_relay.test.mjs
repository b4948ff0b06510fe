// TCP allocations (RFC 6062) by coturn's own client, turnutils_uclient: the client connects to a
// peer, and is connected to, with one worker and with two.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { certificate } from '../rig/certificate.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { freePorts } from '../rig/ports.mjs';
import { Program, lacks } from '../rig/program.mjs';

const MESSAGES = 20;
const CLIENTS = 2;
const BYTES = 170;

const configuration = (workers, tcpRelay, { chain, key }) => (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [https]
  listen = ["127.0.0.1:${ports.https}", "[::1]:${ports.https}"]
  certificate = "${chain}"
  key = "${key}"
  [turn]
  listen = ["127.0.0.1:${ports.turn}", "[::1]:${ports.turn}"]
  public_host = "localhost"
  relay_addresses = ["127.0.0.1", "::1"]
  tcp_relay = ${tcpRelay}
  workers = ${workers}
  [turn.auth]
  secrets = ["north-of-the-wall"]
  users = { alice = "secret1" }
  [turn.peers]
  allow = ["127.0.0.0/8", "::1/128"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

const ALICE = ['-u', 'alice', '-w', 'secret1'];
const SHARED_SECRET = ['-u', 'bob', '-W', 'north-of-the-wall'];
const V4 = ['-X', '-e', '127.0.0.1'];
const V6 = ['-x', '-e', '::1'];

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
      rig = await Rig.started(workers, true);
    });

    after(() => rig?.stop());

    for (const [transport, flags, port] of STREAMS) {
      for (const [title, args, server] of ROWS) {
        test(`${transport}: ${title}`, async () => {
          const program = rig.uclient([...flags, ...args], server, port);
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
      rig = await Rig.started(workers, true);
    });

    after(() => rig?.stop());

    // `-P`: each client with an allocation is connected to by one without, and half of the messages
    // go from either side. It counts those as received that come out of the relay at a client with
    // an allocation; what went the other way the server has counted. Over TLS it would speak TLS
    // to the relayed address too, where nobody does: with coturn's own server it fails as well.
    test('TCP: who is permitted connects, and both sides send', async () => {
      const before = await rig.kopru.metrics();
      const program = rig.uclient(['-t', ...ALICE, ...V4, '-P'], '127.0.0.1', 'turn');
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
    const rig = await Rig.started(1, false);
    try {
      const program = rig.uclient(['-t', ...ALICE, ...V4], '127.0.0.1', 'turn');
      assert.notEqual(await program.exit(60_000), 0, program.output);
      const metrics = await rig.kopru.metrics();
      const name = 'kopru_turn_replies_total{method="allocate",code="442"}';
      assert.ok(metrics.get(name) > 0, program.output);
    } finally {
      await rig.stop();
    }
  });
});

/** A server, and a peer that sends back what it receives. */
class Rig {
  static async started(workers, tcpRelay) {
    const rig = new Rig();
    rig.files = certificate();
    rig.kopru = await Kopru.configured(configuration(workers, tcpRelay, rig.files));
    [rig.peerPort] = await freePorts(1);
    const args = ['-L', '127.0.0.1', '-L', '::1', '-p', `${rig.peerPort}`];
    rig.peer = new Program('turnutils_peer', args);
    return rig;
  }

  uclient(args, server, port) {
    const load = ['-n', `${MESSAGES}`, '-m', `${CLIENTS}`, '-l', `${BYTES}`, '-c', '-T'];
    const ports = ['-p', `${this.kopru.ports[port]}`, '-r', `${this.peerPort}`];
    return new Program('turnutils_uclient', [...load, ...ports, ...args, server]);
  }

  async stop() {
    await this.kopru.stop();
    this.files.remove();
    await this.peer.stop('SIGKILL');
  }
}

/** Its exit status is 0 even where messages are lost; what it counted is not. */
function counted({ output }) {
  const [, sent, received] = output.match(TOTALS) ?? [];
  return [Number(sent), Number(received)];
}

const TOTALS = /start_mclient: tot_send_msgs=(\d+), tot_recv_msgs=(\d+)$/m;
