import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Report } from "../src/protocol.js";
import { Reporter } from "../src/report.js";
import { FakePeer } from "./fake-peer.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakePeer.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function watch(configuration: RTCConfiguration = {}) {
  const peer = new FakePeer(configuration);
  const sent: Report[] = [];
  const send = (report: Report) => sent.push(report);
  const reporter = new Reporter(peer as unknown as RTCPeerConnection, send);
  const after = async (ms: number): Promise<Report[]> => {
    await vi.advanceTimersByTimeAsync(ms);
    return sent.splice(0);
  };
  return { peer, reporter, after };
}

const LOCAL = {
  id: "L",
  type: "local-candidate",
  candidateType: "relay",
  protocol: "udp",
  relayProtocol: "tls",
  address: "198.51.100.1",
  port: 49152,
};
const REMOTE = {
  id: "R",
  type: "remote-candidate",
  candidateType: "host",
  address: "192.0.2.9",
  port: 5000,
};
const PAIR = {
  id: "P",
  type: "candidate-pair",
  localCandidateId: "L",
  remoteCandidateId: "R",
  selected: true,
};

test("the states of a moment are one report, with what it took and what there is", async () => {
  const { peer, reporter, after } = watch();
  reporter.negotiationBegan();
  peer.gathers({ candidate: "1" }, "host");
  peer.gathers({ candidate: "2" }, "relay");
  peer.gathers({ candidate: "3" }, "host");
  peer.gathers(null);
  await after(300);
  peer.becomes("connecting");
  expect(await after(100)).toEqual([]);
  peer.statistics = [LOCAL, REMOTE, PAIR];
  peer.becomes("connected");
  expect(await after(100)).toEqual([
    {
      state: "connected",
      setup_ms: 400,
      candidates: { host: 2, relay: 1 },
      pair: {
        local: {
          type: "relay",
          protocol: "udp",
          relay_protocol: "tls",
          address: "198.51.100.1",
          port: 49152,
        },
        remote: { type: "host", address: "192.0.2.9", port: 5000 },
      },
    },
  ]);
});

test("through relays only, no address but a relay's is told", async () => {
  const { peer, after } = watch({ iceTransportPolicy: "relay" });
  peer.statistics = [LOCAL, REMOTE, PAIR];
  peer.becomes("connected");
  const [report] = await after(200);
  expect(report?.pair?.local.address).toBe("198.51.100.1");
  expect(report?.pair?.remote).toEqual({ type: "host" });
});

test("one report a second at most, and none without news", async () => {
  const { peer, after } = watch();
  peer.becomes("connecting");
  expect(await after(200)).toMatchObject([{ state: "checking" }]);
  peer.becomes("connected");
  peer.becomes("disconnected");
  expect(await after(999)).toEqual([]);
  peer.becomes("connected");
  expect(await after(1)).toMatchObject([{ state: "connected" }]);
  peer.becomes("disconnected");
  peer.becomes("connected");
  expect(await after(60_000)).toEqual([]);
});

test("the set-up time is that of the first connection", async () => {
  const { peer, reporter, after } = watch();
  reporter.negotiationBegan();
  peer.becomes("connecting");
  await after(1500);
  reporter.negotiationBegan();
  peer.becomes("connected");
  expect(await after(200)).toMatchObject([{ setup_ms: 1500 }]);
  peer.becomes("failed");
  expect(await after(2000)).toMatchObject([{ state: "failed", setup_ms: 1500 }]);
  peer.becomes("connected");
  expect(await after(2000)).toMatchObject([{ state: "connected", setup_ms: 1500 }]);
});

test("a candidate that is told late may show that the other end is a relay", async () => {
  const { peer, reporter, after } = watch();
  reporter.candidateCame();
  expect(await after(2000)).toEqual([]);
  peer.statistics = [LOCAL, { ...REMOTE, candidateType: "prflx" }, PAIR];
  peer.becomes("connected");
  expect(await after(200)).toMatchObject([{ pair: { remote: { type: "prflx" } } }]);
  const sdp = "a=candidate:1 1 udp 1 192.0.2.9 5000 typ relay raddr 0.0.0.0 rport 0\r\n";
  peer.remoteDescription = { type: "answer", sdp };
  reporter.candidateCame();
  expect(await after(1000)).toMatchObject([{ pair: { remote: { type: "relay" } } }]);
});

test("a better pair in the same state is told", async () => {
  const { peer, after } = watch();
  const iceTransport = new EventTarget();
  peer.getReceivers = () => [{ transport: { iceTransport } }, { transport: null }];
  peer.statistics = [LOCAL, REMOTE, PAIR];
  peer.becomes("connected");
  await after(200);
  peer.statistics = [{ ...LOCAL, candidateType: "host" }, REMOTE, PAIR];
  iceTransport.dispatchEvent(new Event("selectedcandidatepairchange"));
  expect(await after(1000)).toMatchObject([{ pair: { local: { type: "host" } } }]);
});

test("what could not be gathered is told once, and not without end", async () => {
  const { peer, after } = watch();
  const url = "turn:turn.example.org:3478?transport=udp";
  peer.failsToGather(401, url, "Unauthorized");
  peer.failsToGather(401, url, "Unauthorized");
  peer.failsToGather(701, "", "x".repeat(1000));
  expect(await after(200)).toEqual([
    {
      state: "new",
      errors: [
        { url, code: 401, text: "Unauthorized" },
        { code: 701, text: "x".repeat(256) },
      ],
    },
  ]);
  for (let server = 0; server < 100; server += 1) {
    peer.failsToGather(701, `stun:${server}`, "");
  }
  const [rest] = await after(1000);
  expect(rest?.errors).toHaveLength(14);
  expect(await after(60_000)).toEqual([]);
});

test("where ICE waits without end, giving up is a failure", async () => {
  const { peer, reporter, after } = watch();
  reporter.gaveUp();
  expect(await after(1000)).toEqual([{ state: "failed" }]);
  peer.failsToGather(701, "stun:a", "");
  expect(await after(1000)).toMatchObject([{ state: "failed", errors: [{ code: 701 }] }]);
  peer.becomes("connecting");
  expect(await after(1000)).toEqual([{ state: "checking" }]);
});

test("its end is told at once, if it ever began, and nothing after it", async () => {
  const { peer, reporter, after } = watch();
  reporter.negotiationBegan();
  peer.becomes("connecting");
  reporter.close();
  expect(await after(0)).toEqual([{ state: "closed" }]);
  reporter.close();
  peer.becomes("closed");
  expect(await after(60_000)).toEqual([]);

  const unused = watch();
  unused.reporter.close();
  expect(await unused.after(60_000)).toEqual([]);
});
