// Two peers of one stack, relay only, echo 30 kB over a data channel; over every transport that the
// stack has between itself and a relay.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { certificate } from '../../rig/certificate.mjs';
import { Kopru, command } from '../../rig/kopru.mjs';
import { ADDRESS, HOST_NAME, noNamespace } from '../../rig/namespace.mjs';
import { Program, lacks } from '../../rig/program.mjs';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const BYTES = 30_000;

const configuration =
  ({ chain, key }) =>
  (ports) => `
  [http]
  listen = "${ADDRESS}:${ports.http}"
  [https]
  listen = "${ADDRESS}:${ports.https}"
  certificate = "${chain}"
  key = "${key}"
  [turn]
  listen = "${ADDRESS}:${ports.turn}"
  public_host = "${HOST_NAME}"
  relay_addresses = "${ADDRESS}"
  [turn.auth]
  secrets = ["more"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

const URLS = {
  udp: /^turn:.*transport=udp$/,
  tcp: /^turn:.*transport=tcp$/,
  tls: /^turns:/,
};

// Both build without a network: the namespace has none. Debian's packages of Go modules are made
// for GOPATH.
const GO = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOCACHE: `${FOLDER}out/go` };
const GO_BUILD = ['go', 'build', '-o', 'out/pion', './pion'];
const CARGO = { CARGO_TARGET_DIR: `${FOLDER}out/webrtc-rs` };
const CARGO_BUILD = ['cargo', 'build', '--frozen', '--manifest-path', 'webrtc-rs/Cargo.toml'];
const isModule = (name) => existsSync(`${FOLDER}node_modules/${name}`);

const STACKS = {
  pion: {
    transports: ['udp', 'tcp', 'tls'],
    skip: lacks('go'),
    build: [GO_BUILD, GO],
    program: ['out/pion'],
  },
  'webrtcbin (libnice)': {
    transports: ['udp', 'tcp', 'tls'],
    skip: !hasWebrtcbin() && 'webrtcbin, libnice and Python for GStreamer not installed here',
    program: ['/usr/bin/python3', 'webrtcbin_pair.py'],
  },
  werift: {
    transports: ['udp', 'tcp'],
    skip: !isModule('werift') && 'werift not installed here',
    program: [process.execPath, 'w3c_pair.mjs', 'werift'],
  },
  '@roamhq/wrtc': {
    transports: ['udp', 'tcp'],
    skip: !isModule('@roamhq/wrtc') && '@roamhq/wrtc not installed here',
    program: [process.execPath, 'w3c_pair.mjs', '@roamhq/wrtc'],
  },
  // Its TURN client alone: datagrams in place of a data channel.
  'webrtc-rs': {
    transports: ['udp'],
    skip: lacks('cargo'),
    build: [CARGO_BUILD, CARGO],
    program: ['out/webrtc-rs/debug/kopru-interop-webrtc-rs'],
  },
};

function hasWebrtcbin() {
  const words = `import gi; gi.require_version('GstWebRTC', '1.0')
from gi.repository import Gst; Gst.init(None)
assert all(map(Gst.ElementFactory.find, ['webrtcbin', 'nicesrc', 'sctpenc', 'dtlsenc']))`;
  return spawnSync('/usr/bin/python3', ['-c', words]).status === 0;
}

for (const [title, { transports, skip, build, program }] of Object.entries(STACKS)) {
  describe(title, { skip: noNamespace || skip }, () => {
    let files;
    let kopru;
    let turn;

    before(async () => {
      if (build) run(...build);
      files = certificate();
      kopru = await Kopru.configured(configuration(files), ADDRESS);
      const args = ['credentials', '--config', kopru.file.path, '--user', 'ada', '--ttl', '600'];
      const { stdout } = await command(args);
      turn = JSON.parse(stdout).iceServers.find(({ username }) => username);
    });

    after(async () => {
      await kopru?.stop();
      files?.remove();
    });

    for (const transport of transports) {
      test(`30 kB and back, relayed over ${transport}`, async () => {
        const urls = turn.urls.filter((url) => URLS[transport].test(url));
        assert.equal(urls.length, 1, `${turn.urls}`);
        const before = await relayedBytes(kopru);
        const env = { ...process.env, SSL_CERT_FILE: files.authority };
        const pair = new Program(program[0], program.slice(1), { cwd: FOLDER, env });
        pair.child.stdin.end(JSON.stringify({ iceServers: [{ ...turn, urls }], bytes: BYTES }));
        assert.equal(await pair.exit(40_000), 0, pair.output);
        assert.deepEqual(JSON.parse(pair.stdout), { intact: true }, pair.output);
        assert.ok((await relayedBytes(kopru)) - before >= 2 * BYTES, 'all of it through the relay');
      });
    }
  });
}

async function relayedBytes(kopru) {
  return (await kopru.metrics()).get('kopru_turn_relayed_bytes_total{direction="to_clients"}');
}

function run([program, ...args], env) {
  const options = { cwd: FOLDER, env: { ...process.env, ...env }, encoding: 'utf8' };
  const { status, stderr } = spawnSync(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
