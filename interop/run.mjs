// Runs the rows: `node run.mjs [BEGINNING-OF-A-FILE-NAME…] [options of node --test]`. With `--more`
// those in more/tests/ instead; with `--at-once=N` so many files at once.
//
// Each file has a network namespace to itself, where the machine allows one (rig/apart): so files
// don't meet, and several run at once: one with browsers for each core, and beside them one of
// those that wait most of their time. What a file printed is shown when it has ended, in one
// piece; files that failed come last.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { wayApart } from './rig/apart.mjs';
import { IN_NAMESPACE } from './rig/namespace.mjs';

// What takes longest begins first, so that no core is idle in the end.
const WITH_BROWSERS = 'browsers midcall natlab story_browsers transports why ringing'.split(' ');
const LONG = 'uclient tcp_relay stopped wireshark'.split(' ');

const here = dirname(fileURLToPath(import.meta.url));
const words = process.argv.slice(2);
const OWN = ['--more', '--at-once'];
const options = words.filter((word) => word.startsWith('-') && !OWN.includes(word.split('=')[0]));
const more = words.includes('--more');
const folder = more ? join('more', 'tests') : 'tests';
const names = words.filter((word) => !word.startsWith('-'));
const files = readdirSync(join(here, folder))
  .filter((file) => file.endsWith('.test.mjs'))
  .filter((file) => names.length === 0 || names.some((name) => file.startsWith(name)))
  .sort((one, other) => rank(one) - rank(other));
const isBusy = (file) => WITH_BROWSERS.includes(nameOf(file));
const [busy, waiting] = [files.filter(isBusy), files.filter((file) => !isBusy(file))];
if (files.length === 0) {
  console.error(`no test file begins with ${names.join(' or ')}`);
  process.exit(2);
}

function nameOf(file) {
  return file.split('.')[0];
}

function rank(file) {
  const order = [...WITH_BROWSERS, ...LONG];
  const at = order.indexOf(nameOf(file));
  return at < 0 ? order.length : at;
}

mkdirSync(join(here, 'out'), { recursive: true });
// What is being killed may still write.
const REMOVAL = { recursive: true, force: true, maxRetries: 5 };
const TMPDIR = mkdtempSync(join(tmpdir(), 'kopru-run-'));
process.on('exit', () => rmSync(TMPDIR, REMOVAL));
const apart = wayApart(TMPDIR);
const env = { ...process.env, TMPDIR, ...(apart && { [IN_NAMESPACE]: '1' }) };

const running = new Set();
// `unshare` ignores what is gentler.
const killAll = () => running.forEach((program) => program.kill('SIGKILL'));
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    busy.length = 0;
    waiting.length = 0;
    killAll();
  });
}

/** Runs a file to its end; whether it passed, and what it printed unless that is on the screen. */
async function take(file, stdio) {
  const node = [process.execPath, '--test', '--test-reporter=spec', ...options, join(folder, file)];
  const [program, ...args] = apart ? apart(node) : node;
  const child = spawn(program, args, { cwd: here, env, stdio });
  running.add(child);
  const output = [];
  const keep = (part) => output.push(part);
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', keep);
  const code = await new Promise((resolve) => child.on('close', resolve));
  running.delete(child);
  return { passed: code === 0, output: Buffer.concat(output) };
}

const failures = [];

/** Takes one file after the other, as long as there are any: only such as wait, if told so. */
async function lane(onlyWaiting) {
  const next = () => (!onlyWaiting && busy.shift()) || waiting.shift();
  for (let file = next(); file; file = next()) {
    const began = performance.now();
    const { passed, output } = await take(file, ['ignore', 'pipe', 'pipe']);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const headed = [`\n${file}, ${seconds} s\n`, output];
    if (passed) print(headed);
    else failures.push({ file, headed });
  }
}

function print(parts) {
  for (const part of parts) process.stdout.write(part);
}

if (files.length === 1) {
  const { passed } = await take(files[0], 'inherit');
  process.exitCode = passed ? 0 : 1;
} else {
  const chosen = words.find((word) => word.startsWith('--at-once='))?.split('=')[1];
  // Without namespaces they would want the same ports; those in more/ want all cores to compile.
  const lanes = apart && !more ? Number(chosen ?? availableParallelism() + 1) : 1;
  const isLast = (at) => at > 0 && at === lanes - 1;
  await Promise.all(Array.from({ length: lanes }, (_, at) => lane(isLast(at))));
  for (const { headed } of failures) print(headed);
  if (failures.length > 0) {
    console.log(`\nfailed: ${failures.map(({ file }) => file).join(' ')}`);
    process.exitCode = 1;
  }
}
