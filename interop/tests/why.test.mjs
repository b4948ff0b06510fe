// Why a connection is as it is, told on kopru's own page in Chromium and Firefox.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { BROWSERS, launch } from '../rig/browsers.mjs';
import { Caller, DESKTOP, PHONE } from '../rig/caller.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { ADDRESS, noNamespace } from '../rig/namespace.mjs';

/** Its relay has UDP alone, and is said to be where nobody is. */
const unreachable = (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [turn]
  listen = "udp:${ADDRESS}:${ports.turn}"
  public_host = "198.51.100.99"
  relay_addresses = "${ADDRESS}"
  [turn.auth]
  secrets = ["stories"]
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
`;

for (const browserKind of Object.values(BROWSERS)) {
  const { title, executable } = browserKind;
  const skip = noNamespace || (!executable && `${title} is not installed here`);
  describe(title, { skip }, () => {
    let browser;
    let kopru;
    let callers = [];

    before(async () => (browser = await launch(browserKind)));
    after(() => browser?.close());
    afterEach(async () => {
      for (const caller of callers) {
        assert.deepEqual(caller.errors, [], 'nothing broke on the page');
        await caller.close();
      }
      callers = [];
      await kopru?.stop();
      kopru = undefined;
    });

    async function meet(options, { viewport, invited = false } = {}) {
      for (const name of ['Ada', 'Bo']) {
        const url = invited ? await kopru.invitation(name, 'bridge') : kopru.url;
        const caller = await Caller.open(browser, url, { viewport });
        callers.push(caller);
        await caller.join({ ...options, name, room: 'bridge' });
      }
      return callers;
    }

    /** The timeline in the panel, line by line: time, then words. */
    async function timeline({ page }) {
      return page.$$eval('.timeline li', (lines) =>
        lines.map((line) => line.innerText.replaceAll(/\s+/g, ' ').trim()),
      );
    }

    for (const [size, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
      test(`direct, at ${size} size`, async () => {
        kopru = await Kopru.development();
        const [ada, bo] = await meet({}, { viewport });
        for (const caller of [ada, bo]) await caller.sees(1, 'direct');
        await ada.asksWhy('Bo');
        await ada.reads('They are connected, without a relay.');
        await ada.reads('Bo: a direct path');
        await ada.reads('You: a direct path');
        const lines = await timeline(ada);
        for (const words of ['offered a connection', 'answered', 'connected']) {
          assert.ok(
            lines.some((line) => line.endsWith(words)),
            `${words}: ${lines.join('\n')}`,
          );
        }
        assert.match(await ada.visibleText(), /Set up in \d+ ms/);
        await ada.screenshot(`${browserKind.browser}-why-${size}`);
        const [content, room] = await ada.page.$eval('dialog', (dialog) => [
          dialog.scrollWidth,
          dialog.clientWidth,
        ]);
        assert.ok(content <= room, `${content} of ${room} pixels`);
        await ada.page.keyboard.press('Escape');
        await ada.readsNoMore('They are connected');
      });
    }

    test('relayed, as both sides see it', async () => {
      kopru = await Kopru.development();
      const pair = await meet({ relayOnly: true });
      for (const [caller, other] of [pair, pair.toReversed()]) {
        await caller.sees(1, 'relayed');
        await caller.asksWhy(other.name);
        await caller.reads('They are connected, through a relay.');
        for (const who of ['You', other.name]) {
          const path = new RegExp(`${who}: relayed over (UDP|TCP), at both ends`);
          await caller.text((text) => path.test(text), `${path} on the page`);
        }
      }
      await pair[0].screenshot(`${browserKind.browser}-why-relayed-desktop`);
    });

    test('no way through: the picture says why; so does the panel, of who is gone', async () => {
      kopru = await Kopru.configured(unreachable, ADDRESS);
      const [ada, bo] = await meet({ relayOnly: true }, { invited: true });
      await ada.reads('No UDP comes through', 60_000);
      await ada.screenshot(`${browserKind.browser}-why-blocked-desktop`);
      await bo.press('Leave');
      await ada.reads('Bo left');
      await ada.press('Why?');
      await ada.reads('You and Bo');
      await ada.reads('Bo left');
      await ada.screenshot(`${browserKind.browser}-why-gone-desktop`);
    });
  });
}
