// Bad input to the signaling side: the error that docs/protocol.md states, its counter, and a
// server that goes on.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru, command } from '../rig/kopru.mjs';
import { freePorts } from '../rig/ports.mjs';
import { SignalingClient } from '../rig/signaling_client.mjs';

const SECRET = 'a secret of at least thirty-two bytes';
const configuration = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  public_host = "127.0.0.1"
  relay_addresses = "127.0.0.1"
  [turn.auth]
  secrets = ["signaling"]
  [signaling]
  allowed_origins = ["https://app.example"]
  [signaling.limits]
  members_per_room_max = 2
  [signaling.auth.jwt]
  secrets = ["${SECRET}"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

let kopru;
before(async () => (kopru = await Kopru.configured(configuration)));
after(() => kopru?.stop());

async function token(subject, ...options) {
  const args = ['token', '--config', kopru.file.path, '--subject', subject, ...options];
  const { code, output, stdout } = await command(args);
  assert.equal(code, 0, output);
  return stdout.trim();
}

/** A token as anybody can write one (RFC 7519). */
function forged(claims, secret) {
  const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function connect(t, options) {
  const client = await SignalingClient.open(kopru.url, options);
  t.after(() => client.close());
  return client;
}

/** A client that has said hello. */
async function member(t, subject, ...options) {
  const client = await connect(t);
  const welcome = await client.hello(await token(subject, ...options));
  assert.equal(welcome.type, 'welcome', JSON.stringify(welcome));
  return client;
}

async function counted(name, act) {
  const count = async () => (await kopru.metrics()).get(name) ?? 0;
  const before = await count();
  await act();
  return until(PATIENCE_MS, `counted as ${name}`, async () => (await count()) > before);
}

const refusals = (code) => `kopru_signaling_refusals_total{code="${code}"}`;
const closes = (reason) => `kopru_signaling_closes_total{reason="${reason}"}`;

describe('frames that are refused, on a connection that goes on', () => {
  const cases = [
    ['broken JSON', '{"type":"join",', 'bad_json'],
    ['no object', '["join"]', 'bad_json'],
    ['a field twice', '{"type":"ping","id":"x","id":"y"}', 'bad_json'],
    ['deep nesting', '['.repeat(20_000), 'bad_json'],
    ['an unknown type', { type: 'dance', id: 'x' }, 'unknown_type'],
    ['no id', { type: 'join', room: 'lab' }, 'missing_field'],
    ['no room', { type: 'join', id: 'x' }, 'missing_field'],
    ['an empty room', { type: 'join', id: 'x', room: '' }, 'bad_field'],
    ['a room of nothing visible', { type: 'join', id: 'x', room: '\u200b' }, 'bad_field'],
    ['a room with a control character', { type: 'join', id: 'x', room: 'a\nb' }, 'bad_field'],
    ['meta that is no object', { type: 'join', id: 'x', room: 'lab', meta: 1 }, 'bad_field'],
    [
      'meta that is too large',
      { type: 'join', id: 'x', room: 'lab', meta: { a: 'x'.repeat(5000) } },
      'field_too_large',
    ],
    ['an ack of the future', { type: 'ping', id: 'x', ack: 1000 }, 'bad_ack'],
    ['a second hello', { type: 'hello', v: 1 }, 'already_greeted'],
    ['a room that one is not in', { type: 'leave', id: 'x', room: 'lab' }, 'not_in_room'],
    ['a frame of 70 kB', `"${'x'.repeat(70_000)}"`, 'frame_too_large'],
  ];
  for (const [title, frame, code] of cases) {
    test(`${title}: ${code}`, async (t) => {
      const client = await member(t, 'ada');
      await counted(refusals(code), async () => {
        const error = await client.refusal(frame);
        assert.equal(error.code, code, JSON.stringify(error));
        assert.ok(error.message.length > 0);
      });
      assert.equal((await client.ask({ type: 'ping' })).type, 'pong');
    });
  }

  test('a message to nobody: no_such_member', async (t) => {
    const client = await member(t, 'ada');
    await client.ask({ type: 'join', room: 'empty' });
    const error = await client.ask({ type: 'message', room: 'empty', to: 'm_nobody', data: 1 });
    assert.equal(error.code, 'no_such_member');
  });

  test('a full room: room_full, until somebody leaves', async (t) => {
    const [ada, bo, cy] = [await member(t, 'ada'), await member(t, 'bo'), await member(t, 'cy')];
    const join = { type: 'join', room: 'small' };
    assert.equal((await ada.ask(join)).type, 'joined');
    assert.equal((await bo.ask(join)).type, 'joined');
    const error = await cy.ask(join);
    assert.equal(error.code, 'room_full');
    assert.ok(error.retry_after_s > 0);
    assert.equal((await bo.ask({ type: 'leave', room: 'small' })).type, 'ok');
    assert.equal((await cy.ask(join)).type, 'joined');
  });

  test('a room that the token does not open: room_not_allowed', async (t) => {
    const client = await member(t, 'ada', '--room', 'lab');
    assert.equal((await client.ask({ type: 'join', room: 'elsewhere' })).code, 'room_not_allowed');
    assert.equal((await client.ask({ type: 'join', room: 'lab' })).type, 'joined');
  });
});

describe('what ends a connection', () => {
  const tokens = {
    'no token': () => undefined,
    'a token of another secret': () => forged({ sub: 'eve', exp: 4e9 }, 'x'.repeat(40)),
    'a token that is none': () => 'ada',
  };
  for (const [title, make] of Object.entries(tokens)) {
    test(`${title}: unauthorized, 4401`, async (t) => {
      const client = await connect(t);
      await counted(refusals('unauthorized'), async () => {
        assert.equal((await client.hello(make())).code, 'unauthorized');
      });
      assert.equal((await client.end()).code, 4401);
    });
  }

  test('an expired token: token_expired, 4401', async (t) => {
    const client = await connect(t);
    const error = await client.hello(forged({ sub: 'ada', exp: 1_000_000_000 }, SECRET));
    assert.equal(error.code, 'token_expired');
    assert.equal((await client.end()).code, 4401);
  });

  test('a language of the future: unsupported_version, 4406', async (t) => {
    const client = await connect(t);
    const error = await client.refusal({ type: 'hello', v: 2 });
    assert.equal(error.code, 'unsupported_version');
    assert.equal((await client.end()).code, 4406);
  });

  test('something other than hello first: hello_first, then hello is welcome', async (t) => {
    const client = await connect(t);
    const error = await client.refusal({ type: 'join', id: '1', room: 'lab' });
    assert.equal(error.code, 'hello_first');
    assert.equal((await client.hello(await token('ada'))).type, 'welcome');
  });

  test('a binary frame: 1003', async (t) => {
    const client = await member(t, 'ada');
    await counted(closes('text_only'), () => client.send(Buffer.from('{"type":"ping","id":"1"}')));
    assert.equal((await client.end()).code, 1003);
  });

  test('a frame of 10 MB: 1009, and the others notice nothing', async (t) => {
    const [ada, bo] = [await member(t, 'ada'), await member(t, 'bo')];
    await counted(closes('frame_too_large'), () => ada.send('x'.repeat(10_000_000)));
    assert.equal((await ada.end()).code, 1009);
    assert.equal((await bo.ask({ type: 'ping' })).type, 'pong');
  });

  test('one refusal after the other: too_many_refusals, 4429', async (t) => {
    const client = await member(t, 'ada');
    for (let i = 0; i < 200; i += 1) client.send('{');
    assert.deepEqual(await client.end(), { code: 4429, reason: 'too_many_refusals' });
  });
});

describe('who may ask', () => {
  test('a page of a foreign origin: 403', async () => {
    await counted('kopru_http_refusals_total{code="foreign_origin"}', async () => {
      const origin = 'https://evil.example';
      const { status, body } = await SignalingClient.refused(kopru.url, { origin });
      assert.equal(status, 403);
      assert.equal(JSON.parse(body).code, 'foreign_origin');
    });
  });

  test('a page of an origin that the configuration names', async (t) => {
    const client = await connect(t, { origin: 'https://app.example' });
    assert.equal((await client.hello(await token('ada'))).type, 'welcome');
  });

  test('a name that somebody pointed at this machine, in development mode: 421', async (t) => {
    const [http, turn] = await freePorts(2);
    const args = ['--http', `127.0.0.1:${http}`, '--turn', `127.0.0.1:${turn}`];
    const open = await Kopru.development(...args);
    t.after(() => open.stop());
    const headers = { host: `rebind.example:${http}` };
    const { status, body } = await SignalingClient.refused(open.url, { headers });
    assert.equal(status, 421);
    assert.equal(JSON.parse(body).code, 'wrong_host');
    const client = await SignalingClient.open(open.url);
    t.after(() => client.close());
    assert.equal((await client.hello()).type, 'welcome');
  });

  test('ICE servers without a token: 401', async () => {
    assert.equal((await fetch(`${kopru.url}/v1/ice-servers`)).status, 401);
  });

  test('the server goes on', async () => {
    assert.ok((await fetch(`${kopru.url}/readyz`)).ok);
    assert.ok(kopru.program.running);
  });
});
