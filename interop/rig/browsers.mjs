// Chromium and Firefox, as they come: one process for many checks.

import puppeteer from 'puppeteer-core';

import { find } from './program.mjs';

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

export const BROWSERS = {
  chromium: {
    title: 'Chromium',
    browser: 'chrome',
    executable: CHROMIUM,
    flags: CHROMIUM_FLAGS,
    hasCamera: true,
  },
  // A made-up camera would need a changed preference here; the page's own picture needs none.
  firefox: { title: 'Firefox', browser: 'firefox', executable: FIREFOX, flags: [] },
};

/** Starts a browser without a window. The certificate of `kopru --lan` vouches for itself. */
export async function launch({ executable, flags, browser }) {
  return puppeteer.launch({
    browser,
    executablePath: executable,
    args: flags,
    headless: true,
    acceptInsecureCerts: true,
    protocolTimeout: 60_000,
  });
}
