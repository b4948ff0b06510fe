// Bad STUN and TURN over the wire: each gets its stated answer or its counted silence, and the
// server goes on.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import { embeddings } from '../rig/addresses.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { ADDRESS, ADDRESS_V6, noNamespace } from '../rig/namespace.mjs';
import { ATTRIBUTE, CLASS, METHOD, encode, errorCode } from '../rig/stun.mjs';
import { isIntact, longTermKey } from '../rig/stun.mjs';
import { TurnClient } from '../rig/turn_client.mjs';

const REALM = 'kopru.example';
const SECRET = 'wire';
const ALICE = { username: 'alice', password: 'secret1' };
const BOB = { username: 'bob', password: 'secret2' };
const RELAY = noNamespace ? '127.0.0.2' : ADDRESS;
const RELAYS = noNamespace ? [RELAY] : [RELAY, ADDRESS_V6];

const configuration = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  public_host = "localhost"
  realm = "${REALM}"
  relay_addresses = ${JSON.stringify(RELAYS)}
  [turn.auth]
  secrets = ["${SECRET}"]
  users = { alice = "${ALICE.password}", bob = "${BOB.password}" }
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

/** The TURN REST convention: who mints it knows the secret. */
function timeLimited(expiry, name = 'ada', secret = SECRET) {
  const username = `${expiry}:${name}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}

const nowS = () => Math.floor(Date.now() / 1000);
const attributes = (...list) => ({ method: METHOD.ALLOCATE, attributes: list });
const UDP = [ATTRIBUTE.REQUESTED_TRANSPORT, [17, 0, 0, 0]];

let kopru;
before(async () => (kopru = await Kopru.configured(configuration)));
after(() => kopru?.stop());

/** A client of `user`, closed with the test. */
async function open(t, user = ALICE) {
  const client = await TurnClient.open(kopru.ports.turn, user);
  t.after(() => client.close());
  return client;
}

/** What the sample `name` has grown by since `before`, once it has grown at all. */
async function counts(name, before) {
  const since = before.get(name) ?? 0;
  const now = async () => (await kopru.metrics()).get(name) ?? 0;
  return until(PATIENCE_MS, `counted as ${name}`, async () => (await now()) - since);
}

const replies = (method, code) =>
  `kopru_turn_replies_total{method="${LABEL[method]}",code="${code}"}`;
const dropped = (reason) => `kopru_dropped_packets_total{reason="${reason}"}`;

const LABEL = {
  [METHOD.ALLOCATE]: 'allocate',
  [METHOD.REFRESH]: 'refresh',
  [METHOD.CREATE_PERMISSION]: 'create_permission',
  [METHOD.CHANNEL_BIND]: 'channel_bind',
};

describe('requests that are refused', () => {
  const cases = {
    'no credentials': [401, (client) => client.challenge()],
    'a wrong password': [401, (client) => client.allocate({ password: 'wrong' })],
    'an unknown user': [401, (client) => client.allocate({ username: 'mallory' })],
    'a foreign realm': [401, (client) => client.allocate({ realm: 'elsewhere.example' })],
    'an expired credential': [401, (client) => client.allocate(timeLimited(nowS() - 1))],
    'a credential of another secret': [
      401,
      (client) => client.allocate(timeLimited(nowS() + 600, 'ada', 'another')),
    ],
    'a nonce that was never given': [438, (client) => client.allocate({ nonce: 'obMatJos2AAAA' })],
    'a password without a user': [
      400,
      (client) => client.ask(encode({ ...attributes(UDP), key: randomBytes(16) })),
    ],
    'no transport': [400, (client) => client.request(METHOD.ALLOCATE, [])],
    'TCP as transport of the relay': [
      442,
      (client) => client.request(METHOD.ALLOCATE, [[UDP[0], [6, 0, 0, 0]]]),
    ],
    'an address family that is none': [
      440,
      (client) =>
        client.request(METHOD.ALLOCATE, [UDP, [ATTRIBUTE.REQUESTED_ADDRESS_FAMILY, [9, 0, 0, 0]]]),
    ],
    'Refresh without an allocation': [437, (client) => client.release()],
    'CreatePermission without an allocation': [
      437,
      (client) => client.createPermission('192.0.2.1'),
    ],
    'ChannelBind without an allocation': [
      437,
      (client) => client.channelBind(0x4000, '192.0.2.1', 9),
    ],
  };
  for (const [title, [code, act]] of Object.entries(cases)) {
    test(`${title}: ${code}`, async (t) => {
      const client = await open(t);
      await client.challenge();
      const before = await kopru.metrics();
      const response = await act(client);
      assert.equal(response.cls, CLASS.ERROR);
      assert.equal(errorCode(response), code);
      await counts(replies(response.method, code), before);
      const challenges = code === 401 || code === 438;
      assert.equal(response.attributes.has(ATTRIBUTE.NONCE), challenges, 'a nonce to go on with');
      assert.equal((await client.binding()).cls, CLASS.SUCCESS, 'the server goes on');
    });
  }

  test('a nonce of another client: 438, and with the new one it works', async (t) => {
    const [client, other] = [await open(t), await open(t)];
    await other.challenge();
    const refused = await client.allocate({ nonce: other.nonce });
    assert.equal(errorCode(refused), 438);
    client.nonce = refused.attributes.get(ATTRIBUTE.NONCE).toString();
    assert.equal((await client.allocate()).cls, CLASS.SUCCESS);
    assert.equal((await client.release()).cls, CLASS.SUCCESS);
  });

  test('an unknown required attribute: 420, which names it', async (t) => {
    const client = await open(t);
    const response = await client.request(METHOD.ALLOCATE, [UDP, [0x7abc, [1, 2, 3]]]);
    assert.equal(errorCode(response), 420);
    const unknown = response.attributes.get(ATTRIBUTE.UNKNOWN_ATTRIBUTES);
    assert.equal(unknown.toString('hex'), '7abc');
  });

  test('a second allocation: 437; by somebody else: 441', async (t) => {
    const client = await open(t);
    assert.equal((await client.allocate()).cls, CLASS.SUCCESS);
    assert.equal(errorCode(await client.allocate()), 437);
    const foreign = await client.request(METHOD.REFRESH, [], BOB);
    assert.equal(errorCode(foreign), 441);
    assert.equal((await client.release()).cls, CLASS.SUCCESS);
  });

  test('a response to good credentials is signed with them', async (t) => {
    const client = await open(t, timeLimited(nowS() + 600));
    const response = await client.allocate();
    const { username, password } = client.user;
    assert.ok(isIntact(response, longTermKey(username, REALM, password)));
    assert.equal((await client.release()).cls, CLASS.SUCCESS);
  });

});

describe('datagrams that are dropped', () => {
  const good = encode({ method: METHOD.BINDING, fingerprint: true });
  const patched = (at, byte) => Buffer.from(good).fill(byte, at, at + 1);
  const cases = {
    'nothing STUN': ['not_stun', Buffer.from([0x80, 1, 2, 3])],
    'the first half of a header': ['malformed', good.subarray(0, 10)],
    'a message without its last attribute': ['malformed', good.subarray(0, 20)],
    'four bytes more than it says': ['malformed', Buffer.concat([good, Buffer.alloc(4)])],
    'a length that is no multiple of four': ['malformed', patched(3, 7)],
    'an attribute that is longer than the message': [
      'malformed',
      Buffer.from(good).fill(0xff, 22, 24),
    ],
    'no magic cookie': ['malformed', patched(4, 0)],
    'a wrong fingerprint': ['bad_fingerprint', patched(good.length - 1, good.at(-1) ^ 1)],
    'a response': ['unexpected_class', encode({ method: METHOD.BINDING, cls: CLASS.SUCCESS })],
    'an unknown method': ['unknown_method', encode({ method: 0x0ff })],
    'ChannelData of nobody': ['no_allocation', Buffer.from('4000000474657374', 'hex')],
    'a Send indication of nobody': ['no_allocation', encode({ method: METHOD.SEND, cls: 1 })],
  };
  for (const [title, [reason, bytes]] of Object.entries(cases)) {
    test(`${title}: ${reason}`, async (t) => {
      const client = await open(t);
      const before = await kopru.metrics();
      client.send(bytes);
      assert.equal((await client.binding()).cls, CLASS.SUCCESS, 'the server goes on');
      assert.equal(await counts(dropped(reason), before), 1);
      assert.deepEqual(client.unexpected, [], 'no answer');
    });
  }
});

describe('peers that are out of reach', () => {
  const forbidden = ['127.0.0.1', '169.254.169.254', '10.0.0.1', '192.168.1.1', '0.0.0.0'];

  for (const peer of forbidden) {
    test(`${peer}: 403`, async (t) => {
      const client = await open(t);
      assert.equal((await client.allocate()).cls, CLASS.SUCCESS);
      assert.equal(errorCode(await client.createPermission(peer)), 403);
      assert.equal(errorCode(await client.channelBind(0x4000, peer, 80)), 403);
      await client.release();
    });
  }

  test('every IPv6 form of them: 403', { skip: noNamespace }, async (t) => {
    const client = await open(t);
    assert.equal((await client.allocate({ family: 6 })).cls, CLASS.SUCCESS);
    for (const v4 of forbidden.slice(0, 4)) {
      for (const [form, peer] of Object.entries(embeddings(v4))) {
        const code = errorCode(await client.createPermission(peer));
        assert.equal(code, 403, `${form} of ${v4}: ${peer}`);
        const bound = errorCode(await client.channelBind(0x4000, peer, 80));
        assert.equal(bound, 403, `${form} of ${v4}: ${peer}, by a channel`);
      }
    }
    for (const peer of ['::1', '::', 'fe80::1', 'fd00:ec2::254', 'fc00::1']) {
      assert.equal(errorCode(await client.createPermission(peer)), 403, peer);
    }
    await client.release();
  });

  test('a peer of the other family: 443', async (t) => {
    const client = await open(t);
    assert.equal((await client.allocate()).cls, CLASS.SUCCESS);
    assert.equal(errorCode(await client.createPermission('2001:db8:1::1')), 443);
    await client.release();
  });

  test('a service of this host, on the relay address itself', async (t) => {
    const service = createSocket('udp4');
    t.after(() => service.close());
    const heard = [];
    service.on('message', (bytes) => heard.push(bytes));
    service.bind(0, RELAY);
    await once(service, 'listening');

    const client = await open(t);
    assert.equal((await client.allocate()).cls, CLASS.SUCCESS);
    assert.equal(errorCode(await client.channelBind(0x4000, RELAY, 22)), 403, 'own ip:22');
    const { port } = service.address();
    assert.equal(errorCode(await client.channelBind(0x4000, RELAY, port)), 403);

    // The IP address is granted, since other clients of this relay are there; the port is not.
    assert.equal((await client.createPermission(RELAY)).cls, CLASS.SUCCESS);
    for (const forbidden of [port, 22, kopru.ports.turn]) {
      const before = await kopru.metrics();
      client.sendTo(RELAY, forbidden, 'knock');
      assert.equal(await counts(dropped('peer_forbidden'), before), 1, `port ${forbidden}`);
    }
    assert.deepEqual(heard, []);
    await client.release();
  });

  test('another allocation of this server is reached', async (t) => {
    const [ada, bo] = [await open(t, ALICE), await open(t, BOB)];
    assert.equal((await ada.allocate()).cls, CLASS.SUCCESS);
    assert.equal((await bo.allocate()).cls, CLASS.SUCCESS);
    assert.equal((await ada.createPermission(RELAY)).cls, CLASS.SUCCESS);
    assert.equal((await bo.createPermission(RELAY)).cls, CLASS.SUCCESS);
    ada.sendTo(RELAY, bo.relayed.port, 'hello');
    await until(PATIENCE_MS, 'received', () => bo.unexpected.length > 0);
    assert.ok(bo.unexpected[0].includes('hello'));
    await ada.release();
    await bo.release();
  });
});

describe('quantities', () => {
  test('ten thousand requests of strangers leave nothing behind', async (t) => {
    const client = await open(t);
    for (let i = 0; i < 10_000; i += 1) {
      client.send(encode(attributes(UDP)));
      if (i % 100 === 99) await client.binding();
    }
    const live = (await kopru.metrics()).get('kopru_turn_allocations');
    assert.equal(live, 0);
  });
});
