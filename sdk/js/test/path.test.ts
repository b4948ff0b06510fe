import { expect, test } from "vitest";
import { selectedPath } from "../src/path.js";

const HOST = { id: "L1", type: "local-candidate", candidateType: "host", protocol: "udp" };
const RELAY = { ...HOST, id: "L2", candidateType: "relay", relayProtocol: "tcp" };
const REMOTE = { id: "R1", type: "remote-candidate", candidateType: "srflx", protocol: "udp" };
const REMOTE_RELAY = { ...REMOTE, id: "R2", candidateType: "relay" };
const pair = (id: string, local: string, remote: string, marks: object) => ({
  id,
  type: "candidate-pair",
  localCandidateId: local,
  remoteCandidateId: remote,
  ...marks,
});

function report(...entries: { id: string }[]): RTCStatsReport {
  return new Map(entries.map((entry) => [entry.id, entry])) as unknown as RTCStatsReport;
}

test("no pair yet", () => {
  expect(selectedPath(report(HOST, REMOTE))).toBeUndefined();
});

test("Chromium names the pair in the transport", () => {
  const path = selectedPath(
    report(
      HOST,
      RELAY,
      REMOTE,
      pair("P1", "L1", "R1", { nominated: true, state: "succeeded", currentRoundTripTime: 0.5 }),
      pair("P2", "L2", "R1", { currentRoundTripTime: 0.034 }),
      { id: "T", type: "transport", selectedCandidatePairId: "P2" } as { id: string },
    ),
  );
  expect(path).toEqual({
    kind: "relayed",
    rttMs: 34,
    local: "relay",
    remote: "srflx",
    protocol: "udp",
    relayProtocol: "tcp",
  });
});

test("Firefox marks the pair itself", () => {
  const path = selectedPath(
    report(
      HOST,
      REMOTE,
      REMOTE_RELAY,
      pair("P1", "L1", "R2", { nominated: true, state: "succeeded" }),
      pair("P2", "L1", "R1", { selected: true, state: "succeeded" }),
    ),
  );
  expect(path).toMatchObject({ kind: "direct", rttMs: undefined, remote: "srflx" });
});

test("a relay at the other end is a relay too", () => {
  const nominated = pair("P1", "L1", "R2", { nominated: true, state: "succeeded" });
  expect(selectedPath(report(HOST, REMOTE_RELAY, nominated))?.kind).toBe("relayed");
});

const CHECK = { ...REMOTE, candidateType: "prflx", address: "192.0.2.7", port: 49152 };
const told = (type: string, address = "192.0.2.7 49152") =>
  `v=0\r\na=candidate:7 1 udp 8331263 ${address} typ ${type} raddr 0.0.0.0 rport 0\r\n`;

test.each([
  ["a relay that was told", told("relay"), "relayed", "relay"],
  ["another port of that relay", told("relay", "192.0.2.7 49153"), "direct", "prflx"],
  ["an address of another kind", told("srflx"), "direct", "prflx"],
  ["nothing that was told", "", "direct", "prflx"],
])("a check that came before its candidate, from %s", (_, sdp, kind, remote) => {
  const nominated = pair("P1", "L1", "R1", { nominated: true, state: "succeeded" });
  expect(selectedPath(report(HOST, CHECK, nominated), sdp)).toMatchObject({ kind, remote });
});
