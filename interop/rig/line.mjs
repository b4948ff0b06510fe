// A session's client on any transport: `websocket`, `events` or `poll`.

import { LinkClient } from './link_client.mjs';
import { SignalingClient } from './signaling_client.mjs';

export const TRANSPORTS = ['websocket', 'events', 'poll'];

/** Opens one; `ca` vouches for a server at an https URL. */
export async function openLine(transport, url, { ca } = {}) {
  if (transport !== 'websocket') return new LinkClient(url, transport, { ca });
  return SignalingClient.open(url, { ca });
}
