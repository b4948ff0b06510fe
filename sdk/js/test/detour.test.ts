import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Detour, isDetour } from "../src/detour.js";
import { FakePeer } from "./fake-peer.js";

const local = (type: string) => ({ id: `L-${type}`, type: "local-candidate", candidateType: type });
const remote = (type: string) => ({
  id: `R-${type}`,
  type: "remote-candidate",
  candidateType: type,
});
const CANDIDATES = [
  ...["host", "srflx", "relay"].map(local),
  ...["host", "srflx", "prflx", "relay"].map(remote),
];
const pair = (localType: string, remoteType: string, marks: object = {}) => ({
  id: `P-${localType}-${remoteType}`,
  type: "candidate-pair",
  localCandidateId: `L-${localType}`,
  remoteCandidateId: `R-${remoteType}`,
  state: "succeeded",
  ...marks,
});

function report(...pairs: { id: string }[]): RTCStatsReport {
  const entries = [...CANDIDATES, ...pairs].map((entry) => [entry.id, entry] as const);
  return new Map(entries) as unknown as RTCStatsReport;
}

const RELAYED = pair("host", "relay", { selected: true });
const NEEDLESS = report(RELAYED, pair("srflx", "srflx"));
const DIRECT = report(pair("srflx", "srflx", { selected: true }), pair("host", "relay"));

test("relayed while a direct pair answers", () => {
  expect(isDetour(NEEDLESS)).toBe(true);
  expect(isDetour(report(pair("relay", "srflx", { selected: true }), pair("host", "host")))).toBe(
    true,
  );
});

test("relayed for good reason, direct, or nothing yet", () => {
  expect(isDetour(DIRECT)).toBe(false);
  expect(isDetour(report(RELAYED, pair("srflx", "srflx", { state: "in-progress" })))).toBe(false);
  expect(isDetour(report(RELAYED, pair("relay", "srflx"), pair("relay", "relay")))).toBe(false);
  expect(isDetour(report())).toBe(false);
});

test("what answers under no name that was told may be the other's relay", () => {
  expect(isDetour(report(RELAYED, pair("host", "prflx")))).toBe(false);
});

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function watch(report: RTCStatsReport) {
  const peer = new FakePeer();
  const seen = { report, restarts: 0 };
  peer.getStats = () => Promise.resolve(seen.report as unknown as Map<string, unknown>);
  peer.connectionState = "connected";
  const detour = new Detour(peer as unknown as RTCPeerConnection, () => (seen.restarts += 1));
  return { peer, detour, seen };
}

test("a needless detour restarts ICE until the way is direct", async () => {
  const { detour, seen } = watch(NEEDLESS);
  detour.connected(false);
  await vi.advanceTimersByTimeAsync(1999);
  expect(seen.restarts).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen.restarts).toBe(1);
  seen.report = DIRECT;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(seen.restarts).toBe(1);
});

test("three restarts in vain are enough", async () => {
  const { detour, seen } = watch(NEEDLESS);
  detour.connected(false);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(seen.restarts).toBe(3);
});

test("the polite side leaves the first look to the other", async () => {
  const { detour, seen } = watch(NEEDLESS);
  detour.connected(true);
  await vi.advanceTimersByTimeAsync(4999);
  expect(seen.restarts).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(seen.restarts).toBe(1);
});

test("what is not connected any more, or closed, is left to others", async () => {
  const { peer, detour, seen } = watch(NEEDLESS);
  detour.connected(false);
  peer.connectionState = "disconnected";
  await vi.advanceTimersByTimeAsync(600_000);
  expect(seen.restarts).toBe(0);
  peer.connectionState = "connected";
  detour.connected(false);
  detour.close();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(seen.restarts).toBe(0);
});
