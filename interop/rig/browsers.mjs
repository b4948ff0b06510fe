// Chromium and Firefox, as they come: one process for many checks.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'node:test';

import puppeteer from 'puppeteer-core';

import { PATIENCE_MS } from './deadline.mjs';
import { find } from './program.mjs';

/** A browser takes seconds to start on an idle machine. */
const START_PATIENCE_MS = 3 * PATIENCE_MS;

const CHROMIUM = find('chromium', 'chromium-browser', 'google-chrome');
const FIREFOX = find('firefox-esr', 'firefox');

// No flag here concerns WebRTC but the two that put a made-up camera where there is none.
const CHROMIUM_FLAGS = [
  '--no-sandbox', // tests may run as root, whom it refuses to sandbox
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

/** `home` is what a browser finds its certificate store through. */
export const BROWSERS = {
  chromium: {
    title: 'Chromium',
    browser: 'chrome',
    executable: CHROMIUM,
    flags: CHROMIUM_FLAGS,
    hasCamera: true,
    store: (home) => join(home, '.pki', 'nssdb'),
    options: (home) => ({ env: { ...process.env, HOME: home } }),
  },
  // A made-up camera would need a changed preference here; the page's own picture needs none.
  firefox: {
    title: 'Firefox',
    browser: 'firefox',
    executable: FIREFOX,
    flags: [],
    store: (home) => home,
    options: (home) => ({ userDataDir: home }),
  },
};

/**
 * Starts a browser without a window. Pages may have a certificate that vouches for itself, as that
 * of `kopru --lan` does; `turns:` may not, so `authority` becomes one that the browser knows.
 */
export async function launch(kind, { authority, ...more } = {}) {
  const { executable, flags, browser, store, options } = kind;
  const home = mkdtempSync(join(tmpdir(), 'kopru-browser-'));
  process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  if (authority) trust(authority, store(home));
  return puppeteer.launch({
    browser,
    executablePath: executable,
    args: flags,
    headless: true,
    acceptInsecureCerts: true,
    timeout: START_PATIENCE_MS,
    protocolTimeout: START_PATIENCE_MS,
    ...options(home),
    ...more,
  });
}

/** The same tests in each browser; `cannotRun`: why they can't, or `false`. */
export function inEach(cannotRun, inBrowser) {
  for (const kind of Object.values(BROWSERS)) {
    const isAbsent = !kind.executable && `${kind.title} is not installed here`;
    describe(kind.title, { skip: cannotRun || isAbsent }, () => inBrowser(kind));
  }
}

function trust(authority, store) {
  mkdirSync(store, { recursive: true });
  for (const args of [
    ['-N', '--empty-password'],
    ['-A', '-n', 'interop', '-t', 'C,,', '-i', authority],
  ]) {
    const { status, stderr } = spawnSync('certutil', ['-d', `sql:${store}`, ...args]);
    if (status !== 0) throw new Error(`certutil: ${stderr}`);
  }
}
