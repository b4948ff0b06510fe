// Why calls fail, staged with browsers behind NATs, and what kopru says of each to a back end. That
// a clock is wrong is staged with scripts, in `story`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { KNOWN, passwordOf, revoke, story, storiesOf } from '../rig/back_end.mjs';
import { BROWSERS, inEach } from '../rig/browsers.mjs';
import { Caller } from '../rig/caller.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { Lab } from '../rig/lab.mjs';
import { ADDRESS, HOST_NAME, noNamespace } from '../rig/namespace.mjs';
import { lacks } from '../rig/program.mjs';
import { assertVerdict, now } from '../rig/verdict.mjs';

const skip = noNamespace || lacks('nft', 'conntrack', 'ip', 'nsenter');

/** Pages, without TLS on port 443: a firewall that opens nothing else lets them through. */
const forBrowsers = ({ over = '', relays = ADDRESS, more = OPEN }) => (ports) => `
  [http]
  listen = ["${ADDRESS}:${ports.http}", "${ADDRESS}:443"]
  public_url = "${PAGE}"
  [turn]
  listen = ["${over}${ADDRESS}:3478"]
  public_host = "${HOST_NAME}"
  relay_addresses = "${relays}"
  ${more}
  ${KNOWN}
`;
const PAGE = `http://${HOST_NAME}:443`;
/** What stands for public addresses here is for documentation, and nobody may relay there. */
const OPEN = `[turn.peers]
  allow = ["198.51.100.0/24"]`;

/** Both ask at once, and one of them comes too late. */
const EITHER = 'either';

// Who is behind which NAT; what the server offers; what tokens grant Ada and Bo; with which
// credential Ada's page comes; what happens while they are being connected, or when they are; the
// verdict.
const NETWORKS = [
  {
    nats: ['full', 'full'],
    expect: { class: 'connected_direct', sure: 'certain' },
  },
  {
    nats: ['sym', 'sym'],
    expect: { class: 'connected_relayed', sure: 'certain' },
  },
  {
    nats: ['udpblock', 'port'],
    server: { over: 'udp:' },
    expect: { class: 'udp_blocked', whose: 'Ada' },
  },
  {
    nats: ['tls443', 'port'],
    expect: { class: 'only_443', whose: 'Ada' },
  },
  {
    nats: ['sym', 'sym'],
    relay: ['no', 'no'],
    expect: { class: 'symmetric_without_relay', sure: 'certain' },
  },
  {
    nats: ['sym', 'sym'],
    server: { relays: `10.9.9.9=${ADDRESS}` },
    relay: ['yes', 'no'],
    expect: { class: 'relay_address_private', whose: 'Ada' },
  },
  {
    nats: ['sym', 'sym'],
    server: { more: '' },
    relay: ['yes', 'no'],
    expect: { class: 'peer_forbidden', whose: 'Ada', sure: 'certain' },
  },
  {
    nats: ['port', 'port'],
    server: { over: 'udp:', more: `limits = { allocations_total = 1 }\n${OPEN}` },
    relay: ['only', 'only'],
    expect: { class: 'quota', whose: EITHER, sure: 'certain' },
  },
  {
    // The page hands something else to RTCPeerConnection than what came.
    nats: ['sym', 'sym'],
    relay: ['yes', 'no'],
    credential: () => ({ credential: 'guessed' }),
    expect: { class: 'credential_wrong', whose: 'Ada', sure: 'likely' },
  },
  {
    // Good when its page joined, and over when it is used.
    nats: ['sym', 'sym'],
    relay: ['yes', 'no'],
    credential: soonOver,
    expect: { class: 'credential_expired', whose: 'Ada', sure: 'certain' },
  },
  {
    nats: ['sym', 'sym'],
    relay: ['no', 'no'],
    meanwhile: ({ kopru }) => revoke(kopru, 'Ada'),
    expect: { class: 'revoked', whose: 'Ada', sure: 'certain' },
  },
  {
    nats: ['full', 'full'],
    connected: async ({ kopru, ada, bo }) => {
      await revoke(kopru, 'Ada');
      await ada.reads('The call could not go on');
      await bo.sees(0);
    },
    expect: { class: 'ended', sure: 'certain' },
    entry: { what: 'left', reason: 'revoked' },
  },
  {
    // Data channels connect all the same, so that is what it is called; the cause says the rest.
    nats: ['full', 'full'],
    first: [speakOnly('VP8'), speakOnly('VP9')],
    connected: ({ ada }) => ada.reads('No video codec in common'),
    expect: { class: 'connected_direct', sure: 'certain', cause: /nothing in common for video/ },
  },
  {
    // As when a telephone runs out of power: nobody says goodbye.
    nats: ['sym', 'sym'],
    relay: ['no', 'no'],
    server: { more: `${OPEN}\n[signaling.limits]\ngrace_s = 1` },
    meanwhile: ({ browsers }) => browsers[1].process().kill('SIGKILL'),
    isLast: true,
    expect: { class: 'partner_gone', whose: 'Bo', sure: 'certain' },
  },
];

/** What Firefox is asked as well, as Ada's: what a browser has a part in. */
const OF_FIREFOX = ['connected_relayed', 'symmetric_without_relay', 'credential_wrong'];

let lab;
if (!skip) {
  before(async () => (lab = await Lab.build()));
  after(() => lab?.raze());
}

inEach(skip, inBrowser);

function inBrowser(kind) {
  const browsers = [];
  const isFirefox = kind === BROWSERS.firefox;
  const rows = NETWORKS.filter((row) => !isFirefox || OF_FIREFOX.includes(row.expect.class));

  before(async () => {
    const { chromium } = BROWSERS;
    browsers.push(await lab.launch('a', kind));
    browsers.push(await lab.launch('b', chromium.executable ? chromium : kind));
  });

  for (const row of rows) {
    const { nats: [a, b], server = {}, expect, entry } = row;
    test(`${a} and ${b}: ${expect.class}`, async (t) => {
      lab.nat({ a, b });
      const kopru = await Kopru.configured(forBrowsers(server), ADDRESS);
      t.after(() => kopru.stop());
      const [ada, bo] = [await enter(t, kopru, row, 0), await enter(t, kopru, row, 1)];
      const staged = { kopru, ada, bo, browsers };
      if (row.meanwhile) {
        await found(kopru, 'connecting');
        await row.meanwhile(staged);
      }
      if (row.connected) {
        for (const caller of [ada, bo]) await caller.sees(1, 'direct');
        await row.connected(staged);
      }
      const { id } = await found(kopru, expect.class);
      const told = await story(kopru, id);
      const is = ({ name, member }) =>
        expect.whose === EITHER ? member === told.verdict.whose : name === expect.whose;
      assertVerdict(told, expect, told.members.find(is)?.member);
      if (entry) {
        const isThere = told.timeline.some((one) =>
          Object.entries(entry).every(([key, value]) => one[key] === value),
        );
        assert.ok(isThere, JSON.stringify(told.timeline));
      }
    });
  }

  /** Ada (0) or Bo (1) joins, Ada with another credential than it was given, if so staged. */
  async function enter(t, kopru, { relay = [], credential, first = [], isLast }, at) {
    const name = ['Ada', 'Bo'][at];
    const context = await browsers[at].createBrowserContext();
    // The last one does not outlive its browser.
    if (!isLast) t.after(() => context.close());
    const link = await kopru.invitation(name, 'lab', PAGE, relay[at]);
    const changes = credential && at === 0;
    const caller = await Caller.open(context, link, {
      first: changes ? replaceCredentials : first[at],
    });
    await caller.join({ name, room: 'lab' });
    await caller.isIn();
    if (changes) {
      const other = await credential(kopru, link);
      await caller.page.evaluate((other) => void (window.otherCredential = other), other);
    }
    return caller;
  }
}

/** Waits for a story with this verdict. */
async function found(kopru, verdictClass) {
  return until(PATIENCE_MS, verdictClass, async () => {
    const stories = await storiesOf(kopru, 'lab');
    const one = stories.find(({ verdict }) => verdict.class === verdictClass);
    if (one) return one;
    throw new Error(JSON.stringify(stories.map(({ verdict }) => verdict)));
  });
}

/** A credential of whom this link invites that is over now, and was not a moment ago. */
async function soonOver(kopru, link) {
  const token = new URLSearchParams(new URL(link).hash.slice(1)).get('token');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${kopru.url}/v1/ice-servers`, { headers });
  const { iceServers } = await answer.json();
  const [, id] = iceServers.find(({ username }) => username).username.split(/:(.*)/);
  const over = now() + 1;
  const username = `${over}:${id}`;
  await until(PATIENCE_MS, 'a credential that is over', () => now() > over);
  return { username, credential: passwordOf(username) };
}

/** Runs inside the page: connections get `window.otherCredential` for every TURN server. */
function replaceCredentials() {
  const changed = ({ iceServers = [], ...configuration } = {}) => ({
    ...configuration,
    iceServers: iceServers.map((server) =>
      server.username ? { ...server, ...window.otherCredential } : server,
    ),
  });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(changed(configuration));
    }

    setConfiguration(configuration) {
      super.setConfiguration(changed(configuration));
    }
  };
}

/** What runs inside a page so that it knows one codec for video and no other. */
function speakOnly(codec) {
  const limit = (codec) => {
    const known = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
    const isKnown = ({ mimeType }) => mimeType === 'audio/opus' || mimeType === `video/${codec}`;
    RTCRtpReceiver.getCapabilities = (kind) => ({
      ...known(kind),
      codecs: known(kind).codecs.filter(isKnown),
    });
    const describe = RTCPeerConnection.prototype.setLocalDescription;
    RTCPeerConnection.prototype.setLocalDescription = function (...description) {
      for (const transceiver of this.getTransceivers()) {
        const { kind } = transceiver.receiver.track;
        transceiver.setCodecPreferences(RTCRtpReceiver.getCapabilities(kind).codecs);
      }
      return describe.apply(this, description);
    };
  };
  return `(${limit})(${JSON.stringify(codec)})`;
}
