// A capture of good exchanges, read by Wireshark: it finds nothing wrong with them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Capture } from '../rig/capture.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { freePorts } from '../rig/ports.mjs';
import { Program, lacks } from '../rig/program.mjs';
import { METHOD } from '../rig/stun.mjs';

const configuration = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  public_host = "localhost"
  relay_addresses = ["127.0.0.1", "::1"]
  rfc5766_channels = true
  [turn.auth]
  users = { alice = "secret1" }
  secrets = ["hush"]
  [turn.peers]
  allow = ["127.0.0.0/8", "::1/128"]
`;

/** What turnutils_uclient is told to do, all at once. */
const EXCHANGES = [
  ['-c', '-X', '-e', '127.0.0.1'], // channels
  ['-c', '-X', '-e', '127.0.0.1', '-s'], // Send and Data indications
  ['-X', '-e', '127.0.0.1'], // EVEN-PORT and RESERVATION-TOKEN
  ['-c', '-Z', '-e', '127.0.0.1'], // ADDITIONAL-ADDRESS-FAMILY
  ['-c', '-X', '-y', '-s'], // client to client
  ['-c', '-t', '-X', '-e', '127.0.0.1'], // over TCP
  ['-c', '-t', '-X', '-e', '127.0.0.1', '-s'],
];

const skip = lacks('tshark', 'turnutils_uclient', 'turnutils_peer');
describe('Wireshark reads', { skip }, () => {
  let kopru;
  let capture;

  before(async () => {
    kopru = await Kopru.configured(configuration);
    capture = await Capture.begin(kopru.ports.turn);
    const [peerPort] = await freePorts(1);
    const peer = new Program('turnutils_peer', ['-L', '127.0.0.1', '-p', `${peerPort}`]);
    const common = ['-u', 'alice', '-w', 'secret1', '-n', '5', '-m', '1', '-l', '170'];
    const ports = ['-p', `${kopru.ports.turn}`, '-r', `${peerPort}`];
    const clients = EXCHANGES.map((args) => {
      const words = [...common, ...ports, ...args, '127.0.0.1'];
      return new Program('turnutils_uclient', words);
    });
    for (const client of clients) assert.equal(await client.exit(30_000), 0, client.output);
    await peer.stop('SIGKILL');
    await capture.end();
  });

  after(async () => {
    await capture?.remove();
    await kopru?.stop();
  });

  test('every kind of message, over UDP and TCP', async () => {
    for (const transport of ['udp', 'tcp']) {
      const rows = await capture.find(`${transport} && stun`, ['stun.type.method', 'stun.channel']);
      const methods = new Set(rows.flatMap(([method]) => method.split(',')).map(Number));
      const { BINDING, ...used } = METHOD;
      for (const [name, method] of Object.entries(used)) {
        assert.ok(methods.has(method), `${name} over ${transport}`);
      }
      assert.equal(methods.has(BINDING), transport === 'udp', 'where the capture is marked');
      assert.ok(rows.some(([, channel]) => channel), `ChannelData over ${transport}`);
    }
  });

  test('no malformed packet', async () => {
    const found = await capture.find(MALFORMED, ['frame.number', '_ws.expert.message']);
    assert.deepEqual(found, []);
  });

  test('no bad fingerprint', async () => {
    const statuses = await capture.find('stun', ['stun.att.crc32.status']);
    const counted = statuses.flatMap(([status]) => status.split(',')).filter(Boolean);
    assert.ok(counted.length > 0);
    assert.ok(counted.every((status) => status === GOOD), `${counted}`);
  });

  test('no request without its answer', async () => {
    const answered = await capture.find('stun.response-in', ['frame.number']);
    assert.ok(answered.length > 0);
    const unanswered = await capture.find(UNANSWERED, ['frame.number', 'stun.type.method']);
    assert.deepEqual(unanswered, []);
  });
});

const MALFORMED = '_ws.malformed || stun.short_packet || stun.wrong_msglen || stun.long_attribute';
const GOOD = '1';

// turnutils_uclient closes its connection right behind its last Refresh, and waits for no answer.
const LAST_WORDS = 'tcp && stun.att.lifetime == 0';
const UNANSWERED = `stun.type.class == 0 && !stun.response-in && !(${LAST_WORDS})`;
