import { expect, test } from "vitest";
import { KopruError } from "kopru";
import type { Member, Path } from "kopru";
import type { Peer } from "../src/model/call.js";
import type { MediaProblem } from "../src/model/media.js";
import {
  endWords,
  mediaWords,
  peerWords,
  predictionWords,
  serverWords,
} from "../src/model/words.js";

const PATH: Path = {
  kind: "direct",
  rttMs: 12.4,
  local: "host",
  remote: "srflx",
  protocol: "udp",
  relayProtocol: undefined,
};

const MEMBER = { nothingInCommon: [] } as unknown as Member;

test.each<[string, Partial<Peer>]>([
  ["Connecting", { phase: "connecting" }],
  ["Connected", { phase: "connected" }],
  ["Direct · 12 ms", { phase: "connected", path: PATH }],
  ["Direct · under 1 ms", { phase: "connected", path: { ...PATH, rttMs: 0.4 } }],
  ["Relayed · 34 ms", { phase: "connected", path: { ...PATH, kind: "relayed", rttMs: 34 } }],
  ["Relayed", { phase: "connected", path: { ...PATH, kind: "relayed", rttMs: undefined } }],
  ["Looking for another way", { phase: "reconnecting" }],
  ["No way through", { phase: "failed" }],
  [
    "No video codec in common",
    { phase: "connected", path: PATH, member: { ...MEMBER, nothingInCommon: ["video"] } },
  ],
  ["Coming back", { phase: "connected", path: PATH, present: false }],
])("a state line says %s", (words, state) => {
  const peer = { present: true, path: undefined, member: MEMBER, ...state };
  expect(peerWords(peer as Peer)).toBe(words);
});

test("the server is not mentioned while all is well", () => {
  expect(serverWords({ status: "open" }, 0)).toBeUndefined();
  expect(serverWords({ status: "connecting", attempt: 1 }, 0)).toBeUndefined();
});

test("a lost server and one that never answered are told apart, and the wait is counted", () => {
  const cause = new KopruError("disconnected", "");
  const waiting = { status: "waiting", retryAt: 4200, cause } as const;
  expect(serverWords({ ...waiting, attempt: 0 }, 1000)).toEqual({
    title: "Connection to the server lost",
    text: "Trying again in 4 s.",
  });
  expect(serverWords({ ...waiting, attempt: 2 }, 4200)).toEqual({
    title: "The server does not answer",
    text: "Trying again in 1 s.",
  });
});

test("every refusal of a room has words of its own", () => {
  const codes = [
    ...["room_full", "unauthorized", "token_expired", "room_not_allowed", "bad_field"],
    ...["replaced", "not_allowed", "identity_in_room"],
  ];
  const titles = codes.map((code) => endWords(new KopruError(code, "")).title);
  expect(new Set(titles).size).toBe(codes.length);
  expect(endWords(new KopruError("novel", "no such thing")).text).toContain("no such thing");
});

test("every want of a camera has words of its own", () => {
  const problems: MediaProblem[] = ["insecure", "denied", "no_camera", "no_devices", "busy"];
  expect(new Set(problems.map((problem) => mediaWords(problem).title)).size).toBe(problems.length);
});

test.each([
  ["direct", "certain", "direct"],
  ["direct", "likely", "direct, most likely"],
  ["relay", "guess", "relayed, perhaps"],
  ["unknown", "guess", "can't be told"],
] as const)("expected: %s, %s", (path, sure, words) => {
  expect(predictionWords({ path, sure })).toBe(words);
});
