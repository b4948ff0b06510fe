// Signaling behind proxies: those that pass everything, those that know no WebSocket, and those
// that hold answers back until they are whole.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';

import { BROWSERS, inEach, launch } from '../rig/browsers.mjs';
import { Caller } from '../rig/caller.mjs';
import { certificate } from '../rig/certificate.mjs';
import { PATIENCE_MS, within } from '../rig/deadline.mjs';
import { Kopru, command } from '../rig/kopru.mjs';
import { openLine } from '../rig/line.mjs';
import { noNamespace } from '../rig/namespace.mjs';
import { Proxy } from '../rig/proxy.mjs';
import { SignalingClient } from '../rig/signaling_client.mjs';

const files = certificate();
after(files.remove);

let kopru;
let proxy;
afterEach(async () => {
  proxy?.stop();
  await kopru?.stop();
});

const belowPath = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  base_path = "/kopru"
  trusted_proxies = "127.0.0.1"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  public_host = "127.0.0.1"
  relay_addresses = "127.0.0.1"
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
`;

test('a proxy that passes everything, and a path: each transport says welcome', async () => {
  kopru = await Kopru.configured(belowPath);
  proxy = await Proxy.start(kopru.url);
  const url = `${proxy.url}/kopru`;
  const args = ['token', '--config', kopru.file.path, '--subject', 'ada'];
  const token = (await command(args)).stdout.trim();

  const client = await SignalingClient.open(url);
  assert.equal((await client.hello(token)).type, 'welcome');
  client.close();

  const connect = async () => {
    const body = JSON.stringify({ type: 'hello', v: 1, token });
    return (await fetch(`${url}/v1/connect`, { method: 'POST', body })).json();
  };
  // It arrives while the stream goes on.
  const { ticket } = await connect();
  const events = await fetch(`${url}/v1/events?ticket=${ticket}`);
  assert.equal(events.headers.get('content-type'), 'text/event-stream');
  await within(PATIENCE_MS, 'welcome in the stream', reads(events.body, '"type":"welcome"'));

  const headers = { authorization: `Bearer ${(await connect()).connection}` };
  const polled = await fetch(`${url}/v1/poll`, { method: 'POST', headers });
  assert.equal((await polled.json()).frames[0].type, 'welcome');
});

test('over HTTPS at a proxy, below a path: a session moves and nothing is lost', async () => {
  kopru = await Kopru.configured(belowPath);
  const { chain, key, authority } = files;
  const read = (path) => readFileSync(path);
  proxy = await Proxy.start(kopru.url, { tls: { cert: read(chain), key: read(key) } });
  const url = `${proxy.url}/kopru`;
  const ca = read(authority);
  const args = ['token', '--config', kopru.file.path, '--subject', 'ada'];
  const token = (await command(args)).stdout.trim();

  const bo = await SignalingClient.open(url, { ca });
  await bo.hello(token);
  await bo.ask({ type: 'join', room: 'lab' });
  let ada = await openLine('websocket', url, { ca });
  let welcome = await ada.hello(token);
  let { seq } = await ada.ask({ type: 'join', room: 'lab' });
  const heard = [];
  const hear = async (until) => {
    while (heard.length < until) {
      const frame = await ada.frame(`number ${heard.length}`, () => true);
      assert.equal(frame.seq, (seq += 1));
      if (frame.type === 'message') heard.push(frame.data);
    }
  };
  let said = 0;
  const say = (count) => {
    for (const end = said + count; said < end; said += 1) {
      bo.send({ type: 'message', id: `n${said}`, room: 'lab', data: said });
    }
  };
  for (const transport of ['events', 'poll', 'websocket', 'poll', 'events', 'websocket']) {
    // Some of them are heard before it moves, the others are on their way meanwhile. All together
    // are fewer than anybody may say at once (messages_burst).
    say(15);
    await hear(said - 8);
    const former = ada;
    ada = await openLine(transport, url, { ca });
    welcome = await ada.hello(token, { resume: welcome.resume, ack: seq });
    const { resumed, complete } = welcome;
    assert.deepEqual([resumed, complete, welcome.seq], [true, true, seq], transport);
    assert.equal((await within(PATIENCE_MS, 'the end of the former', former.closed)).code, 4409);
  }
  await hear(said);
  assert.deepEqual(heard, [...Array(said).keys()]);
  for (const one of [ada, bo]) one.close();
});

async function reads(stream, words) {
  let text = '';
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes(words)) return;
  }
  throw new Error(`the stream ended with ${text}`);
}

inEach(noNamespace, inBrowser);

function inBrowser(browserKind) {
  let browser;
  before(async () => (browser = await launch(browserKind)));
  after(() => browser?.close());

  async function leave(callers) {
    for (const caller of callers) {
      assert.deepEqual(caller.errors, []);
      await caller.close();
    }
  }

  const blocked = [
    ['events', 'a proxy that knows no WebSocket', { upgrades: false }],
    // Of no interest to a browser: one shows what the SDK makes of it.
    ...(browserKind === BROWSERS.chromium
      ? [['events', 'a proxy that swallows WebSocket', { upgrades: 'swallowed' }]]
      : []),
    ['poll', 'a proxy that holds back streams as well', { upgrades: false, streams: false }],
  ];
  for (const [transport, title, habits] of blocked) {
    test(`${title}: two tabs meet and chat`, async () => {
      kopru = await Kopru.development('--http', '127.0.0.1:8080');
      proxy = await Proxy.start(kopru.url, habits);
      const pair = [];
      for (const name of ['Ada', 'Bo']) {
        const caller = await Caller.open(browser, proxy.url, { type: 'tab' });
        pair.push(caller);
        await caller.join({ name, room: 'bridge' });
      }
      // The time that it takes to find out what works.
      for (const caller of pair) await caller.reads('Leave');
      const [ada, bo] = pair;
      for (const caller of pair) {
        await caller.sees(1, 'direct');
        assert.equal(await caller.page.evaluate(() => window.kopru.client.transport), transport);
      }
      await ada.says('through whatever is in between');
      await bo.page.bringToFront();
      await bo.press('Chat');
      await bo.reads('through whatever is in between');
      await bo.screenshot(`${browserKind.browser}-blocked-${transport}`);
      await leave(pair);
    });
  }
}
