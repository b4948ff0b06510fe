/** The few lines of a session description that have to be read here. */

/** The certificate fingerprints of a description (RFC 8122 §5): who is at the other end. */
export function fingerprints(sdp: string): Set<string> {
  return values(sdp, "fingerprint");
}

/** The ICE user name fragments of a description (RFC 8839 §5.4): change with every ICE restart. */
export function userNameFragments(sdp: string): Set<string> {
  return values(sdp, "ice-ufrag");
}

/** `address port` of the relayed candidates of a description (RFC 8839 §5.1). */
export function relayedAddresses(sdp: string): Set<string> {
  const lines = sdp.matchAll(/^a=candidate:\S+ \d+ \S+ \d+ (\S+ \d+) typ relay\b/gm);
  return new Set(Array.from(lines, (line) => line[1] ?? ""));
}

function values(sdp: string, attribute: string): Set<string> {
  const lines = sdp.matchAll(new RegExp(`^a=${attribute}:(.+?)\\s*$`, "gm"));
  return new Set(Array.from(lines, (line) => line[1] ?? ""));
}
