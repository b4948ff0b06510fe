import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recovery } from "../src/recovery.js";
import { FakePeer } from "./fake-peer.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function watch({ polite = false } = {}) {
  const peer = new FakePeer();
  const told: string[] = [];
  const recovery = new Recovery(peer as unknown as RTCPeerConnection, polite, {
    restart: () => told.push("restart"),
    phaseChanged: (phase) => told.push(phase),
  });
  const takeTold = () => told.splice(0);
  return { peer, recovery, takeTold };
}

test("connects, and nothing is restarted", () => {
  const { peer, recovery, takeTold } = watch();
  expect(recovery.phase).toBe("connecting");
  peer.becomes("connecting");
  peer.becomes("connected");
  vi.advanceTimersByTime(3_600_000);
  expect(takeTold()).toEqual(["connected"]);
  expect(recovery.wasConnected).toBe(true);
});

test("a short silence is waited out, a longer one restarts", () => {
  const { peer, takeTold } = watch();
  peer.becomes("connected");
  peer.becomes("disconnected");
  vi.advanceTimersByTime(2999);
  peer.becomes("connected");
  vi.advanceTimersByTime(60_000);
  expect(takeTold()).toEqual(["connected", "reconnecting", "connected"]);
  peer.becomes("disconnected");
  vi.advanceTimersByTime(3000);
  expect(takeTold()).toEqual(["reconnecting", "restart"]);
  peer.becomes("connected");
  expect(takeTold()).toEqual(["connected"]);
});

test("the polite side leaves the first restart to the other", () => {
  const { peer, takeTold } = watch({ polite: true });
  peer.becomes("connected");
  peer.becomes("failed");
  vi.advanceTimersByTime(2999);
  expect(takeTold()).toEqual(["connected", "reconnecting"]);
  vi.advanceTimersByTime(1);
  expect(takeTold()).toEqual(["restart"]);
});

test("what never connects is restarted three times, then called failed", () => {
  const { recovery, takeTold } = watch();
  vi.advanceTimersByTime(15_000);
  expect(takeTold()).toEqual(["reconnecting", "restart"]);
  vi.advanceTimersByTime(30_000);
  expect(takeTold()).toEqual(["restart", "restart"]);
  vi.advanceTimersByTime(15_000);
  expect(takeTold()).toEqual(["failed"]);
  vi.advanceTimersByTime(60_000);
  expect(takeTold()).toEqual([]);
  expect(recovery.wasConnected).toBe(false);
});

test("asked for, it tries once more; success is forgiven everything", () => {
  const { peer, recovery, takeTold } = watch();
  vi.advanceTimersByTime(60_000);
  takeTold();
  recovery.restart();
  expect(takeTold()).toEqual(["reconnecting", "restart"]);
  peer.becomes("connected");
  peer.becomes("failed");
  vi.advanceTimersByTime(0);
  expect(takeTold()).toEqual(["connected", "reconnecting", "restart"]);
});

test("closed is the end", () => {
  const { peer, recovery, takeTold } = watch();
  recovery.close();
  peer.becomes("failed");
  vi.advanceTimersByTime(60_000);
  recovery.restart();
  expect(takeTold()).toEqual(["closed"]);
});
