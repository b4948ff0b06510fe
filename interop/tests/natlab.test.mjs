// Two browsers behind two NATs, of every kind that RFC 4787 tells apart, and behind firewalls.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { BROWSERS } from '../rig/browsers.mjs';
import { Caller } from '../rig/caller.mjs';
import { certificate } from '../rig/certificate.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru } from '../rig/kopru.mjs';
import { Lab } from '../rig/lab.mjs';
import { ADDRESS, HOST_NAME, OTHER_ADDRESS, noNamespace } from '../rig/namespace.mjs';
import { lacks } from '../rig/program.mjs';

const { chromium, firefox } = BROWSERS;
const BYTES = 30_000;
const PAGE = `https://${HOST_NAME}`;

// What a public server would have. The addresses that stand for public ones here are from a range
// for documentation, which the built-in table refuses.
const configuration =
  ({ chain, key }) =>
  (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [https]
  listen = "${ADDRESS}:443"
  certificate = "${chain}"
  key = "${key}"
  [turn]
  listen = "${ADDRESS}:3478"
  nat_discovery = ["${ADDRESS}", "${OTHER_ADDRESS}"]
  public_host = "${HOST_NAME}"
  relay_addresses = "${ADDRESS}"
  [turn.auth]
  secrets = ["nat-lab"]
  [turn.peers]
  allow = ["198.51.100.0/24"]
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
`;

// NAT of a, NAT of b, and how they connect.
const PAIRS = [
  ['full', 'full', 'direct'],
  ['addr', 'port', 'direct'],
  ['port', 'port', 'direct'],
  ['full', 'sym', 'direct'],
  ['addr', 'sym', 'direct'],
  ['port', 'sym', 'relayed'],
  ['sym', 'sym', 'relayed'],
  ['udpblock', 'port', 'relayed'],
  ['udpblock', 'udpblock', 'relayed'],
  ['tls443', 'full', 'relayed'],
  ['tls443', 'sym', 'relayed'],
  ['tls443', 'udpblock', 'relayed'],
  ['tls443', 'tls443', 'relayed'],
];
const ALIKE = PAIRS.filter(([a, b]) => a === b);

/** What can be between a host and its relay, where not everything can. */
const OPEN = { udpblock: ['tcp', 'tls'], tls443: ['tls'] };

// RFC 4787 §4.1, §5, in the words of turnutils_natdiscovery; and how many reflexive ports a browser
// sees that asks two ports of the server from one of its own.
const KINDS = {
  full: ['Endpoint Independent Mapping', 'Endpoint Independent Filtering', 1],
  addr: ['Endpoint Independent Mapping', 'Address Dependent Filtering', 1],
  port: ['Endpoint Independent Mapping', 'Address and Port Dependent Filtering', 1],
  sym: ['Address and Port Dependent Mapping', 'Address and Port Dependent Filtering', 2],
};

/** What the page finds out of its NAT by two ports of two addresses. */
const dependent = (kind) => kind === 'sym';
const blocks = (kind) => kind in OPEN;

const absent = [chromium, firefox].filter(({ executable }) => !executable);
const skip =
  noNamespace ||
  (absent.length > 0 && `${absent.map(({ title }) => title).join(', ')} not installed here`) ||
  lacks('nft', 'conntrack', 'ip', 'nsenter', 'openssl', 'certutil', 'turnutils_natdiscovery');

describe('NAT lab', { skip }, () => {
  const browsers = {};
  let files;
  let lab;
  let kopru;

  before(async () => {
    files = certificate();
    lab = await Lab.build();
    kopru = await Kopru.configured(configuration(files), ADDRESS);
    const { authority } = files;
    browsers.ada = await lab.launch('a', chromium, { authority });
    browsers.Chromium = await lab.launch('b', chromium, { authority });
    browsers.Firefox = await lab.launch('b', firefox, { authority });
  });

  after(async () => {
    await lab?.raze();
    await kopru?.stop();
    files?.remove();
  });

  for (const [kind, [mapping, filtering, ports]] of Object.entries(KINDS)) {
    test(`${kind}: RFC 5780 names its mapping and its filtering`, async () => {
      lab.nat({ a: kind });
      // Each from a port of its own: what the first asks would open the NAT for the second.
      for (const [option, words] of [
        ['-m', mapping],
        ['-f', filtering],
      ]) {
        const program = lab.hosts.a.start('turnutils_natdiscovery', option, ADDRESS);
        assert.equal(await program.exit(30_000), 0, program.output);
        assert.ok(program.output.includes(`NAT with ${words}!`), program.output);
      }
    });

    test(`${kind}: Chromium sees its mapping by two Binding ports`, async (t) => {
      lab.nat({ a: kind });
      const context = await browsers.ada.createBrowserContext();
      t.after(() => context.close());
      const page = await context.newPage();
      await page.goto(PAGE);
      const urls = [3478, 3479].map((port) => `stun:${ADDRESS}:${port}`);
      const reflexive = await page.evaluate(gatherReflexivePorts, urls);
      assert.equal(reflexive.length, ports, `${reflexive}`);
    });
  }

  for (const [title, pairs] of Object.entries({ Chromium: PAIRS, Firefox: ALIKE })) {
    for (const [a, b, way] of pairs) {
      test(`${a} and ${b}, Chromium and ${title}: ${way}`, async (t) => {
        lab.nat({ a, b });
        const room = `${a}-${b}-${title}`;
        const { callers, ms } = await settle(t, [browsers.ada, browsers[title]], [room, way]);
        for (const caller of callers) assert.equal(await caller.echoes(BYTES), 1);
        const connections = await Promise.all(callers.map((caller) => caller.connections()));
        t.diagnostic(`${ms} ms after the click: ${connections.flat().map(ownEnd).join(' ⇄ ')}`);
        assertWay(connections.flat(), [a, b], way);
        await assertPredicted(callers, [a, b]);
      });
    }
  }

  /**
   * A call that takes the way it should. Which of the pairs that work is nominated, and after what
   * wait, is up to the browser (RFC 8445 §8.1.1): on a busy machine one may settle for the relay
   * before its direct checks are through. So it may choose once more, and no more than that.
   */
  async function settle(t, browsers, [room, way]) {
    try {
      return await call(t, browsers, [room, way]);
    } catch (error) {
      if (way !== 'direct') throw error;
      t.diagnostic(`once more: ${error.message}`);
      return call(t, browsers, [`${room}-again`, way]);
    }
  }

  /**
   * Ada is in the room when Bo joins; the milliseconds are from his click on. Each pair has a room
   * of its own: whoever was behind the NATs before may not have got through with a goodbye.
   */
  async function call(t, browsers, [room, way]) {
    const callers = [];
    for (const [at, name] of ['Ada', 'Bo'].entries()) {
      const context = await browsers[at].createBrowserContext();
      t.after(() => context.close());
      callers.push(await Caller.open(context, await kopru.invitation(name, room, PAGE)));
    }
    const [ada, bo] = callers;
    await ada.join({ name: 'Ada', room });
    await ada.sees(0);
    await bo.join({ name: 'Bo', room });
    const clicked = performance.now();
    const states = way === 'direct' ? ['direct'] : ['relayed', 'direct'];
    for (const caller of callers) await caller.sees(1, ...states);
    return { callers, ms: Math.round(performance.now() - clicked) };
  }
});

/** Runs inside the page: the different ports that the servers see. */
async function gatherReflexivePorts(urls) {
  const peer = new RTCPeerConnection({ iceServers: [{ urls }] });
  const ports = new Set();
  const gathered = new Promise((resolve) => {
    peer.onicecandidate = ({ candidate }) => {
      if (!candidate) return resolve();
      if (candidate.type === 'srflx') ports.add(candidate.port);
    };
  });
  peer.createDataChannel('probe');
  await peer.setLocalDescription();
  await gathered;
  peer.close();
  return [...ports];
}

/**
 * Each sees the other's mapping, and both the same path. What decides between a mapping that is
 * dependent and one that is not, the filtering, no browser can tell: that is a guess.
 */
async function assertPredicted(callers, kinds) {
  const expected = predictionOf(kinds);
  for (const [at, caller] of callers.entries()) {
    await until(PATIENCE_MS, `${caller.name}'s prediction`, async () => {
      const { nat, prediction } = await caller.member();
      assert.deepEqual(prediction, expected, JSON.stringify(nat));
      const other = kinds[1 - at];
      assert.equal(nat.udp, blocks(other) ? false : undefined);
      if (!blocks(other)) assert.equal(nat.mapping, mappingOf(other));
      return true;
    });
  }
}

function mappingOf(kind) {
  return dependent(kind) ? 'address_and_port_dependent' : 'endpoint_independent';
}

function predictionOf(kinds) {
  if (kinds.some(blocks)) return { path: 'relay', sure: 'likely' };
  const count = kinds.filter(dependent).length;
  if (count === 1) return { path: 'relay', sure: 'guess' };
  return { path: count === 0 ? 'direct' : 'relay', sure: 'certain' };
}

function ownEnd({ local, relayProtocol }) {
  return relayProtocol ? `${local} over ${relayProtocol}` : local;
}

/**
 * Each knows of its own candidate whether it is relayed. Of the other's it may not: where a check
 * arrives before the candidate is told, that one is peer-reflexive. And for a moment each may send
 * to the other's relay from no relay of its own.
 */
function assertWay(connections, kinds, way) {
  const text = JSON.stringify(connections);
  const isRelayed = connections.some(({ local, remote }) => [local, remote].includes('relay'));
  assert.equal(isRelayed, way === 'relayed', text);
  for (const [at, { relayProtocol }] of connections.entries()) {
    const open = OPEN[kinds[at]];
    assert.ok(!open || open.includes(relayProtocol), text);
  }
}
