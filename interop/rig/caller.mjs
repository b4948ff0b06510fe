// Somebody on kopru's page: what a person does there and sees, and what the browser says of it.

import { fileURLToPath } from 'node:url';

import { PATIENCE_MS, until } from './deadline.mjs';

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

const SERVER_IS_AWAY = /establish a connection|was interrupted while the page was loading/;
const OUT = fileURLToPath(new URL('../out/', import.meta.url));

export class Caller {
  /**
   * Opens the page; `type` is `tab` or `window`. Only the foremost tab of a window is visible.
   * `first` runs inside it before anything else does.
   */
  static async open(browser, url, { type = 'window', viewport = DESKTOP, first } = {}) {
    const page = await browser.newPage({ type });
    const caller = new Caller(page);
    await page.setViewport(viewport);
    if (first) await page.evaluateOnNewDocument(first);
    await page.goto(url);
    return caller;
  }

  constructor(page) {
    this.page = page;
    this.errors = [];
    page.on('pageerror', ({ message }) => {
      // Firefox reports a server that is away, or silent, as if it were a mistake of the page.
      if (!SERVER_IS_AWAY.test(message)) this.errors.push(message);
    });
  }

  /** Fills in the form and presses Join, as a person does. */
  async join({ name, room, camera = false, relayOnly = false }) {
    this.name = name;
    await this.page.bringToFront(); // nobody clicks in a tab that is hidden
    await this.press(camera ? 'Camera and microphone' : 'No camera');
    await this.write('Your name', name);
    await this.write('Room', room);
    if (relayOnly) await this.press('Relay only');
    await this.page.locator('form button[type=submit]').click();
  }

  /** Waits until the server has let it into the room. */
  async isIn() {
    await until(PATIENCE_MS, `${this.name} in the room`, () =>
      this.page.evaluate(() => window.kopru.room?.status === 'joined'),
    );
  }

  /** Types over what the field of that label holds. */
  async write(label, text) {
    const path = `//label[span[text()="${label}"]]/input`;
    const field = await this.page.locator(`::-p-xpath(${path})`).waitHandle();
    await field.evaluate((input) => {
      input.focus();
      input.select();
    });
    await this.page.keyboard.type(text);
  }

  /** Presses the button or label that says `words`. */
  async press(words) {
    const path = `//*[self::button or self::label][contains(normalize-space(), "${words}")]`;
    await this.page.locator(`::-p-xpath(${path})`).click();
  }

  /** Calls this one of the others, as a person does. */
  async rings(name) {
    await this.page.bringToFront();
    await this.page.locator(`[aria-label="Ring ${name}"]`).click();
  }

  /** Asks why the connection with this one of the others is as it is. */
  async asksWhy(name) {
    await this.page.bringToFront();
    await this.page.locator(`[aria-label^="Why?"][aria-label$=" ${name}"]`).click();
  }

  /** Writes to everybody, as a person does. */
  async says(words) {
    await this.page.bringToFront();
    await this.press('Chat');
    const field = await this.page.locator('[aria-label="Write to everybody"]').waitHandle();
    await field.type(words);
    await field.press('Enter');
  }

  /** Waits until the page shows `count` others, each in one of `states`: `direct`, `relayed`, … */
  async sees(count, ...states) {
    await until(40_000, `${this.name} seeing ${count} ${states.join(' or ')}`, async () => {
      const seen = await this.page.$$eval('.tile-state', (all) =>
        all.map((tile) => tile.dataset.state),
      );
      if (seen.length === count && seen.every((it) => states.includes(it))) return true;
      throw new Error(`sees ${JSON.stringify(seen)}`);
    }).catch(async (error) => {
      throw new Error(`${error.message}; reads "${await this.visibleText()}"`);
    });
  }

  /** Waits until the page says `words`. */
  async reads(words, ms = PATIENCE_MS) {
    await this.text((text) => text.includes(words), `"${words}" on the page`, ms);
  }

  /** Waits until the page has stopped saying `words`. */
  async readsNoMore(words) {
    await this.text((text) => !text.includes(words), `no "${words}" on the page`);
  }

  /** Waits until the page's text is as it should be. */
  async text(isRight, what, ms = PATIENCE_MS) {
    await until(ms, what, async () => {
      const text = await this.visibleText();
      if (isRight(text)) return true;
      throw new Error(`it says "${text}"`);
    });
  }

  async visibleText() {
    return this.page.$eval('body', (body) => body.innerText.replaceAll(/\s+/g, ' '));
  }

  /** What the browser's statistics say of each connection (not what the page makes of them). */
  async connections() {
    return this.page.evaluate(readConnections);
  }

  /** The other one's NAT and what is predicted of it, as the server tells. */
  async member() {
    return this.page.evaluate(() => {
      const [{ nat, prediction } = {}] = window.kopru.room.members.values();
      return { nat, prediction };
    });
  }

  /** Waits until every picture has moved on, decoded and shown. */
  async seesMovement() {
    const before = await this.connections();
    await until(PATIENCE_MS, `${this.name} seeing pictures move`, async () => {
      const now = await this.connections();
      const grown = now.map((it, at) => it.framesDecoded - (before[at]?.framesDecoded ?? 0));
      if (now.length > 0 && grown.every((frames) => frames >= 2)) return true;
      throw new Error(`frames decoded: ${JSON.stringify(grown)}`);
    });
  }

  /** Sends bytes over the data channel to each of the others and gets them back. */
  async echoes(bytes) {
    const names = (await this.connections()).map(({ name }) => name);
    for (const name of names) {
      await until(PATIENCE_MS, `open data channel to ${name}`, () =>
        this.page.evaluate((bytes, name) => window.kopru.echo(bytes, name), bytes, name),
      );
    }
    return names.length;
  }

  async screenshot(name) {
    await this.page.screenshot({ path: `${OUT}${name}.png` });
  }

  async close() {
    await this.page.close();
  }
}

/** Runs inside the page. */
async function readConnections() {
  const all = [];
  for (const { member, peer } of window.kopru.connections) {
    const entries = [...(await peer.getStats()).values()];
    const byId = (id) => entries.find((entry) => entry.id === id);
    const ofType = (type) => entries.filter((entry) => entry.type === type);
    // Chromium names the pair in the transport, Firefox marks the pair itself.
    const pairs = ofType('candidate-pair');
    const pair =
      byId(ofType('transport')[0]?.selectedCandidatePairId) ??
      pairs.find((it) => it.selected) ??
      pairs.find((it) => it.nominated && it.state === 'succeeded');
    const video = ofType('inbound-rtp').filter((it) => it.kind === 'video');
    all.push({
      name: member.name,
      local: byId(pair?.localCandidateId)?.candidateType,
      remote: byId(pair?.remoteCandidateId)?.candidateType,
      relayProtocol: byId(pair?.localCandidateId)?.relayProtocol,
      offered: [...new Set(ofType('local-candidate').map((it) => it.candidateType))],
      framesDecoded: video.reduce((sum, it) => sum + (it.framesDecoded ?? 0), 0),
    });
  }
  return all;
}
