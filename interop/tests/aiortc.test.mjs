// aiortc: a WebRTC stack that is no browser's, relayed with the answer of GET /v1/ice-servers.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Kopru, command } from '../rig/kopru.mjs';
import { Program } from '../rig/program.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const python = join(folder, '.venv', 'bin', 'python');
const skip = !existsSync(python) && 'aiortc not installed here (cargo xtask setup)';
const BYTES = 30_000;

const configuration = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  public_host = "127.0.0.1"
  relay_addresses = ["127.0.0.1"]
  workers = 2
  [turn.auth]
  secrets = ["aiortc"]
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

for (const transport of ['udp', 'tcp']) {
  const title = `two aiortc peers echo 30 kB through the relay, over ${transport}`;
  test(title, { skip }, (t) => echoes(t, transport));
}

async function echoes(t, transport) {
  const kopru = await Kopru.configured(configuration);
  t.after(() => kopru.stop());

  const closed = await fetch(`${kopru.url}/v1/ice-servers`);
  assert.equal(closed.status, 401, 'credentials are for those who show a token');

  const args = ['token', '--config', kopru.file.path, '--subject', 'ada', '--room', 'lab'];
  const { code, output, stdout } = await command(args);
  assert.equal(code, 0, output);
  const authorization = `Bearer ${stdout.trim()}`;
  const answer = await fetch(`${kopru.url}/v1/ice-servers`, { headers: { authorization } });
  assert.equal(answer.status, 200);
  const { iceServers, ttl } = await answer.json();
  assert.ok(ttl > 0);

  const pair = new Program(python, [join(folder, 'aiortc_pair.py')]);
  // Of several URLs it takes the first that it understands.
  const urls = iceServers[1].urls.filter((url) => url.endsWith(`?transport=${transport}`));
  assert.equal(urls.length, 1);
  const turn = { ...iceServers[1], urls };
  pair.child.stdin.end(JSON.stringify({ iceServers: [turn], bytes: BYTES }));
  assert.equal(await pair.exit(60_000), 0, pair.output);
  const result = JSON.parse(pair.stdout);
  assert.deepEqual([result.intact, result.bytes], [true, BYTES]);
  for (const side of [result.caller, result.callee]) {
    assert.deepEqual([side.local, side.remote], ['relay', 'relay'], pair.stdout);
    assert.equal(side.relayed, '127.0.0.1');
  }
}
