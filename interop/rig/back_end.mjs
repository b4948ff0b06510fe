// The back end of an application: it has an API key, and the secret that TURN credentials are made
// with.

import { createHmac } from 'node:crypto';

import { PATIENCE_MS, within } from './deadline.mjs';

const API_KEY = 'the key of a back end';
const TURN_SECRET = 'shared with a back end';

/** What a configuration needs to know it by. */
export const KNOWN = `
  [turn.auth]
  secrets = ["${TURN_SECRET}"]
  [signaling.auth]
  api_keys = ["${API_KEY}"]
  [signaling.auth.jwt]
  secrets = ["a secret of at least thirty-two bytes"]
`;

/** A token of these claims, `{ subject, rooms, relay, … }`. */
export async function token(kopru, claims) {
  const body = JSON.stringify(claims);
  return (await ask(kopru, '/v1/tokens', { method: 'POST', body })).token;
}

/** The story with this id, whole. */
export async function story(kopru, id) {
  return ask(kopru, `/v1/calls/${id}`);
}

/** The newest stories of a room, newest first, without timelines. */
export async function storiesOf(kopru, room) {
  const { calls } = await ask(kopru, '/v1/calls');
  return calls.filter((story) => story.room === room);
}

/** Ends all sessions of somebody, and takes their tokens back. */
export async function revoke(kopru, identity) {
  await ask(kopru, '/v1/revoke', { method: 'POST', body: JSON.stringify({ identity }) });
}

/** TURN REST: the password of a user name `expiry:id`, as whoever has the secret makes it. */
export function passwordOf(username) {
  return createHmac('sha1', TURN_SECRET).update(username).digest('base64');
}

async function ask(kopru, path, options = {}) {
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
  const url = `${kopru.url}${path}`;
  const response = await within(PATIENCE_MS, path, fetch(url, { headers, ...options }));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
