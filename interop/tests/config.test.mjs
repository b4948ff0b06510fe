// Configurations that are refused: exit 2, with file, line, key, and what would be right.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';

import { command, configFile } from '../rig/kopru.mjs';
import { freePorts } from '../rig/ports.mjs';

// One key to a line; `line` is where the mistake is.
const MISTAKES = [
  { text: '[turn]\nrealmm = "x"', line: 2, says: /turn\.realmm.*did you mean "realm"/ },
  { text: '[tern]\nrealm = "x"', line: 1, says: /tern.*unknown/ },
  { text: '[turn.peers]\nallow = ["10.0.0.0/33"]', line: 2, says: /turn\.peers\.allow.*0-32/ },
  {
    text: '[turn.peers]\nallow = [\n  "10.0.0.0/8",\n  "everything",\n]',
    line: 4,
    says: /turn\.peers\.allow\[1\]/,
  },
  { text: '[turn]\nlisten = "localhost:3478"', line: 2, says: /turn\.listen/ },
  { text: '[turn]\nworkers = "two"', line: 2, says: /turn\.workers/ },
  { text: '[turn]\nmax_session = "forever"', line: 2, says: /turn\.max_session/ },
  { text: '[turn]\nrelay_ports = "60000-50000"', line: 2, says: /turn\.relay_ports/ },
  { text: '[turn]\nrealm = ', line: 2, says: /not TOML/ },
];

for (const { text, line, says } of MISTAKES) {
  test(`refused: ${text.replaceAll('\n', ' ')}`, async (t) => {
    const file = configFile(text);
    t.after(file.remove);
    for (const args of [['check', file.path], ['--config', file.path]]) {
      const { code, output } = await command(args);
      assert.equal(code, 2, output);
      assert.ok(output.includes(`${file.path}:${line}`), output);
      assert.match(output, says);
    }
  });
}

test('a file that is not there', async () => {
  const { code, output } = await command(['--config', '/nonexistent/kopru.toml']);
  assert.equal(code, 2, output);
  assert.match(output, /\/nonexistent\/kopru\.toml/);
});

test('kopru check prints what takes effect, and no secret', async (t) => {
  const file = configFile('[turn.auth]\nsecrets = ["hush"]\nusers = { alice = "silence" }');
  t.after(file.remove);
  const { code, output } = await command(['check', file.path]);
  assert.equal(code, 0, output);
  assert.match(output, /relay_ports = "49152-65535"/);
  assert.doesNotMatch(output, /hush|silence/);
});

const listening = (ports) => `
  [http]
  listen = "127.0.0.1:${ports[0]}"
  [turn]
  listen = "127.0.0.1:${ports[1]}"
  public_host = "localhost"
  relay_addresses = "127.0.0.1"
`;

test('a UDP port that another program holds', async (t) => {
  const ports = await freePorts(2);
  const holder = createSocket({ type: 'udp4', reuseAddr: true });
  t.after(() => holder.close());
  holder.bind(ports[1], '127.0.0.1');
  await once(holder, 'listening');
  await refusesToStart(t, ports, ports[1]);
});

test('a TCP port that another program holds', async (t) => {
  const ports = await freePorts(2);
  const holder = createServer();
  t.after(() => holder.close());
  holder.listen(ports[0], '127.0.0.1');
  await once(holder, 'listening');
  await refusesToStart(t, ports, ports[0]);
});

async function refusesToStart(t, ports, taken) {
  const file = configFile(listening(ports));
  t.after(file.remove);
  const { code, output } = await command(['--config', file.path]);
  assert.equal(code, 2, output);
  assert.ok(output.includes(`127.0.0.1:${taken}`), output);
  assert.match(output, /in use/i);
}
