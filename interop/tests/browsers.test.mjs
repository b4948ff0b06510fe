// Chromium and Firefox, as they come, on kopru's own page.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { BROWSERS, launch } from '../rig/browsers.mjs';
import { certificate } from '../rig/certificate.mjs';
import { Caller, DESKTOP, PHONE } from '../rig/caller.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { ADDRESS, HOST_NAME, noNamespace } from '../rig/namespace.mjs';
import { lacks } from '../rig/program.mjs';

const BYTES = 30_000;

const files = certificate();
after(files.remove);

/** Plain HTTP on an address that is not loopback: no camera, no crypto.randomUUID there. */
const invitingOnly = (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [turn]
  listen = "${ADDRESS}:${ports.turn}"
  public_host = "${ADDRESS}"
  relay_addresses = "${ADDRESS}"
  [turn.auth]
  secrets = ["browsers"]
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
`;

/** The same with one transport between client and relay. */
const NARROW = {
  tcp: (ports) => invitingOnly(ports).replace(/(\[turn\]\s+listen = ")/, '$1tcp:'),
  // TCP where no browser can reach it leaves `turns:` on the port of HTTPS. By name: Firefox
  // gathers nothing from a `turns:` URL with an address in it.
  tls: (ports) => `
    ${invitingOnly(ports)
      .replace(/(\[turn\]\s+listen = ")[^:]*/, '$1tcp:127.0.0.1')
      .replace(/(public_host = ")[^"]*/, `$1${HOST_NAME}`)}
    [https]
    listen = "${ADDRESS}:${ports.https}"
    certificate = "${files.chain}"
    key = "${files.key}"
  `,
};

for (const browserKind of Object.values(BROWSERS)) {
  const { title, executable } = browserKind;
  const isAbsent = !executable && `${title} is not installed here`;
  const skip = noNamespace || isAbsent || lacks('certutil');
  describe(title, { skip }, () => {
    let browser;
    let kopru;
    let callers = [];

    before(async () => (browser = await launch(browserKind, { authority: files.authority })));
    after(() => browser?.close());
    afterEach(async () => {
      for (const caller of callers) await caller.close();
      callers = [];
      await kopru?.stop();
      kopru = undefined;
    });

    async function open(options, url = kopru.url) {
      const caller = await Caller.open(browser, url, options);
      callers.push(caller);
      return caller;
    }

    /** Ada and Bo meet in a room. */
    async function meet(options, { url = kopru.url, type = 'window' } = {}) {
      const [ada, bo] = [await open({ type }, url), await open({ type }, url)];
      await ada.join({ ...options, name: 'Ada', room: 'bridge' });
      await bo.join({ ...options, name: 'Bo', room: 'bridge' });
      return [ada, bo];
    }

    /** All see the others move, and the data channels carry. */
    async function assertCall(pair, state) {
      const others = pair.length - 1;
      await Promise.all(pair.map((caller) => caller.sees(others, state)));
      await Promise.all(pair.map((caller) => caller.seesMovement()));
      const echoed = await Promise.all(pair.map((caller) => caller.echoes(BYTES)));
      assert.deepEqual(new Set(echoed), new Set([others]));
      for (const { errors } of pair) assert.deepEqual(errors, [], 'nothing broke on the page');
    }

    async function assertRelayed(pair) {
      for (const caller of pair) {
        for (const { local, remote, offered } of await caller.connections()) {
          assert.equal(local, 'relay');
          // A check may be here before the candidate it comes from: that one is told last.
          assert.ok(['relay', 'prflx'].includes(remote), remote);
          assert.deepEqual(offered, ['relay'], 'nothing but relayed addresses was offered');
        }
      }
    }

    test('two tabs, relay only', async () => {
      kopru = await Kopru.development();
      const pair = await meet({ relayOnly: true }, { type: 'tab' });
      await assertCall(pair, 'relayed');
      await assertRelayed(pair);
      const relayed = 'kopru_turn_relayed_packets_total{direction="to_clients"}';
      assert.ok((await kopru.metrics()).get(relayed) > 0, 'it went through this server');
    });

    test('two tabs, by themselves: direct', async () => {
      kopru = await Kopru.development();
      const pair = await meet({}, { type: 'tab' });
      await assertCall(pair, 'direct');
      for (const caller of pair) {
        const [{ local, remote }] = await caller.connections();
        assert.ok(local !== 'relay' && remote !== 'relay', `${local}, ${remote}`);
      }
    });

    test('relay only, switched on while the call runs', async () => {
      kopru = await Kopru.development();
      const [ada, bo] = await meet({});
      await assertCall([ada, bo], 'direct');
      await ada.press('Relay only');
      await assertCall([ada, bo], 'relayed');
    });

    test('a mesh of four; the fifth is told that the room is full', async () => {
      kopru = await Kopru.development();
      const names = ['Ada', 'Bo', 'Cy', 'Dee'];
      const all = [];
      for (const _ of names) all.push(await open());
      for (const [at, name] of names.entries()) await all[at].join({ name, room: 'square' });
      await assertCall(all, 'direct');
      await all[0].screenshot(`${browserKind.browser}-mesh-desktop`);
      const fifth = await open();
      await fifth.join({ name: 'Eve', room: 'square' });
      await fifth.reads('This room is full');
      await all[3].press('Leave');
      await all[0].sees(2, 'direct');
    });

    test('the server goes away and comes back: the call outlives it', async () => {
      kopru = await Kopru.development();
      const pair = await meet({});
      await assertCall(pair, 'direct');
      await kopru.stop('SIGKILL');
      for (const caller of pair) {
        await caller.reads('Trying again in');
        await caller.seesMovement();
      }
      await pair[0].screenshot(`${browserKind.browser}-server-lost-desktop`);
      kopru = await Kopru.development();
      for (const caller of pair) await caller.readsNoMore('Trying again in');
      await assertCall(pair, 'direct');
    });

    test('the server goes away with the relay in it: the call finds a new one', async () => {
      kopru = await Kopru.development();
      const pair = await meet({ relayOnly: true });
      await assertCall(pair, 'relayed');
      await kopru.stop('SIGKILL');
      for (const caller of pair) await caller.reads('Trying again in');
      kopru = await Kopru.development();
      await assertCall(pair, 'relayed');
      await assertRelayed(pair);
    });

    test('kopru --lan: HTTPS with a certificate of its own making', async () => {
      kopru = await Kopru.development('--lan');
      const url = kopru.program.output.match(/https:\/\/\S+/)[0];
      assert.ok(url.startsWith(`https://${ADDRESS}:8443`), url);
      const pair = await meet({ relayOnly: true }, { url });
      await assertCall(pair, 'relayed');
      await assertRelayed(pair);
    });

    test('an invitation, on a page that is no secure context', async () => {
      kopru = await Kopru.configured(invitingOnly, ADDRESS);
      const stranger = await open();
      await stranger.join({ name: 'Mallory', room: 'lab' });
      await stranger.reads('You need an invitation');
      const pair = [];
      for (const name of ['Ada', 'Bo']) {
        const caller = await open({}, await kopru.invitation(name, 'lab'));
        await caller.reads('HTTPS');
        await caller.join({ name, room: 'lab' });
        pair.push(caller);
      }
      await assertCall(pair, 'direct');
    });

    for (const transport of Object.keys(NARROW)) {
      test(`relayed over ${transport}, where nothing else goes`, () => narrowly(transport));
    }

    async function narrowly(transport) {
      kopru = await Kopru.configured(NARROW[transport], ADDRESS);
      const pair = [];
      for (const name of ['Ada', 'Bo']) {
        const caller = await open({}, await kopru.invitation(name, 'lab'));
        await caller.join({ name, room: 'lab', relayOnly: true });
        pair.push(caller);
      }
      await assertCall(pair, 'relayed');
      await assertRelayed(pair);
      for (const caller of pair) {
        const [{ relayProtocol }] = await caller.connections();
        assert.equal(relayProtocol, transport);
      }
    }

    for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      test(`the page at ${size} size fits, without anything to scroll sideways`, async () => {
        kopru = await Kopru.development();
        const bo = await open();
        const ada = await open({ viewport });
        await ada.screenshot(`${browserKind.browser}-lobby-${size}`);
        await assertFits(ada);
        await ada.join({ name: 'Ada', room: 'bridge', camera: browserKind.hasCamera });
        await bo.join({ name: 'Bo', room: 'bridge', camera: browserKind.hasCamera });
        await assertCall([ada, bo], 'direct');
        await ada.screenshot(`${browserKind.browser}-call-${size}`);
        await assertFits(ada);
      });
    }
  });
}

async function assertFits({ page }) {
  const [content, room] = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return [scrollWidth, clientWidth];
  });
  assert.ok(content <= room, `${content} of ${room} pixels`);
}
