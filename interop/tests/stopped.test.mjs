// A client whose process is stopped (SIGSTOP) in the midst of a session, on each transport: nobody
// waits for it, it costs so much and no more, and when it runs again it learns what it missed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { certificate } from '../rig/certificate.mjs';
import { PATIENCE_MS, until } from '../rig/deadline.mjs';
import { Kopru, command } from '../rig/kopru.mjs';
import { TRANSPORTS } from '../rig/line.mjs';
import { Program } from '../rig/program.mjs';
import { SignalingClient } from '../rig/signaling_client.mjs';

const files = certificate();
after(files.remove);

const QUEUE_BYTES = 400_000;
const REPLAY_BYTES = 262_144;
const SESSIONS = 3;
/** Less than fits into the queue of one who runs. */
const AT_ONCE = 10;

const configuration = (ports) => `
  [http]
  listen = "127.0.0.1:${ports.http}"
  [https]
  listen = "127.0.0.1:${ports.https}"
  certificate = "${files.chain}"
  key = "${files.key}"
  [turn]
  listen = "127.0.0.1:${ports.turn}"
  relay_addresses = "127.0.0.1"
  [signaling.limits]
  queue_bytes_max = ${QUEUE_BYTES}
  replay_bytes_max = ${REPLAY_BYTES}
  messages_per_second = 0
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
  [admin]
  listen = "127.0.0.1:${ports.admin}"
`;

const HELD = 'kopru_signaling_memory_bytes';
const TOO_SLOW = 'kopru_signaling_closes_total{reason="too_slow"}';

let kopru;
let listener;
afterEach(async () => {
  if (listener?.running) await listener.stop('SIGKILL');
  await kopru?.stop();
});

for (const scheme of ['http', 'https']) {
  for (const transport of TRANSPORTS) {
    test(`${transport} over ${scheme}: one is stopped, the others go on`, async () => {
      await stopsOne(scheme, transport);
    });
  }
}

async function stopsOne(scheme, transport) {
  kopru = await Kopru.configured(configuration);
  const args = ['token', '--config', kopru.file.path, '--subject', 'ada'];
  const token = (await command(args)).stdout.trim();
  const talkers = [];
  for (let one = 0; one < 2; one += 1) {
    const talker = await SignalingClient.open(kopru.url);
    await talker.hello(token);
    await talker.ask({ type: 'join', room: 'lab' });
    talkers.push(talker);
  }
  const url = `${scheme}://127.0.0.1:${kopru.ports[scheme]}`;
  const program = fileURLToPath(new URL('../rig/listener.mjs', import.meta.url));
  listener = new Program(process.execPath, [program, url, transport, token, files.authority]);
  await until(PATIENCE_MS, 'the listener in the room', () => listener.stdout.includes('ready\n'));

  const before = { held: (await kopru.metrics()).get(HELD), resident: resident(kopru.pid) };
  listener.child.kill('SIGSTOP');
  let most = 0;
  let said = 0;
  for (let metrics = new Map(); !metrics.get(TOO_SLOW); metrics = await kopru.metrics()) {
    assert.ok(said < 4000, 'it is never sent away');
    said = await converse(talkers, said);
    most = Math.max(most, (await kopru.metrics()).get(HELD));
  }
  said = await converse(talkers, said);
  const bound = QUEUE_BYTES + SESSIONS * REPLAY_BYTES + 100_000;
  assert.ok(most - before.held < bound, `${most - before.held} bytes were held`);
  const grown = resident(kopru.pid) - before.resident;
  assert.ok(grown < 24 * 1024 * 1024, `${grown} bytes more are resident`);
  const isAway = ({ type, member }) => type === 'member_updated' && member.reconnecting;
  await talkers[0].frame('the stopped one away', isAway);

  listener.child.kill('SIGCONT');
  const words = () => /\{.*\}\n/.exec(listener.stdout)?.[0];
  const back = await until(PATIENCE_MS, 'the listener back', words);
  const { resumed, complete, told } = JSON.parse(back);
  assert.deepEqual({ resumed, complete, told }, { resumed: true, complete: false, told: true });
  const isBack = ({ type, member }) => type === 'member_updated' && !member.reconnecting;
  await talkers[0].frame('the stopped one back', isBack);
  for (const talker of talkers) talker.close();
}

/** Each says some things that everybody hears who runs; how many were said until then. */
async function converse(talkers, said) {
  const data = 'x'.repeat(15_000);
  for (const [speaker, hearer] of [talkers, [...talkers].reverse()]) {
    for (const end = said + AT_ONCE; said < end; said += 1) {
      speaker.send({ type: 'message', id: `n${said}`, room: 'lab', data: [said, data] });
    }
    const last = said - 1;
    await hearer.frame(`number ${last} heard`, (frame) => frame.data?.[0] === last);
    const acked = hearer.frames.reduce((seq, frame) => Math.max(seq, frame.seq), 0);
    // What else came is of no interest, but for who comes and goes.
    hearer.frames = hearer.frames.filter(({ type }) => type === 'member_updated');
    hearer.send({ type: 'ping', id: `p${said}`, ack: acked });
  }
  return said;
}

/** The bytes of a process that are in memory. */
function resident(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}
