import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Json, LeaveReason, Member, Room, Story, StoryEntry } from "kopru";
import { departureWords, Departures } from "../src/model/departures.js";
import {
  laneNames,
  pathWords,
  setupWords,
  stateWords,
  storyLines,
  timeWords,
  troubleWords,
  verdictTone,
} from "../src/model/story.js";
import { bytesWords } from "../src/model/story-words.js";

const STORY: Story = {
  id: "t_1",
  room: "lab",
  connection: "k1",
  members: [
    { member: "m_bo", name: "Bo", candidates: {} },
    { member: "m_me", name: "Ada", candidates: {} },
  ],
  state: "failed",
  began_unix_ms: 1795226400000,
  dropped: 0,
  timeline: [],
  verdict: {
    class: "credential_expired",
    whose: "m_bo",
    sure: "certain",
    cause: "Bo’s credential had expired.",
    cure: "Load the page again.",
  },
};

/** The only line of a timeline of one entry. */
function line(
  what: string,
  fields: { [field: string]: Json } = {},
  who: string | undefined = "m_bo",
) {
  const entry: StoryEntry = { at_ms: 2160, what, ...(who === undefined ? {} : { who }), ...fields };
  return storyLines({ ...STORY, timeline: [entry] }, "m_me")[0];
}

const RELAY = { type: "relay", protocol: "udp", relay_protocol: "tls" };
const HOST = { type: "host", protocol: "udp" };

test.each<[string, string, { [field: string]: Json }]>([
  ["Bo came into the room", "joined", {}],
  ["Bo lost the server and did not come back", "left", { reason: "timed_out" }],
  ["Bo left", "left", { reason: "left" }],
  ["Bo: an address at the relay", "candidate", { candidate: RELAY }],
  ["Bo: an address of the device (TCP)", "candidate", { candidate: { ...HOST, protocol: "tcp" } }],
  ["Bo: trying paths", "ice", { state: "checking" }],
  ["Bo: waiting for addresses", "ice", { state: "new" }],
  ["Bo: no path works", "ice", { state: "failed" }],
  ["Bo: a direct path", "pair", { pair: { local: HOST, remote: HOST } }],
  ["Bo: relayed over TLS", "pair", { pair: { local: RELAY, remote: HOST } }],
  ["Bo: relayed over TLS, at both ends", "pair", { pair: { local: RELAY, remote: RELAY } }],
  ["Bo: relayed at the other end", "pair", { pair: { local: HOST, remote: RELAY } }],
  ["Bo: no answer from stun:a", "error", { error: { url: "stun:a", code: 701, text: "" } }],
  [
    "Bo: refused with 401 (No) from a server",
    "error",
    { error: { url: "", code: 401, text: "No" } },
  ],
  ["The relay gave Bo an address over UDP", "turn", { turn: { allocated: "udp" } }],
  [
    "The relay gave Bo an address over TCP, which nobody outside can reach",
    "turn",
    { turn: { allocated: "tcp", relayed_private: true } },
  ],
  [
    "The relay refused Bo’s credential: its time is over (3 times)",
    "turn",
    { turn: { refused: 401, why: "expired" }, times: 3 },
  ],
  [
    "The relay may not send to 10.0.0.1 for Bo",
    "turn",
    { turn: { peer_refused: 403, peer: "10.0.0.1" } },
  ],
  [
    "The relay ended Bo’s address over TLS: taken back, 3.4 MB carried",
    "turn",
    {
      turn: {
        ended: "revoked",
        transport: "tls",
        to_peers_bytes: 3_000_000,
        to_client_bytes: 400_000,
      },
    },
  ],
  ["Bo: made tea", "made_tea", {}],
])("a timeline says: %s", (words, what, fields) => {
  expect(line(what, fields)?.words).toBe(words);
});

test("who reads it is you, on the left; kopru is in the middle", () => {
  expect(line("offer", {}, "m_me")).toEqual({
    at: "2.16 s",
    lane: 0,
    to: 2,
    words: "You offered a connection",
    tone: "plain",
  });
  expect(line("answer")).toMatchObject({ lane: 2, to: 0 });
  expect(line("joined")).toMatchObject({ lane: 2, to: undefined });
  expect(line("turn", { turn: { refused: 401 } }, "m_me")).toMatchObject({
    lane: 1,
    to: 0,
    words: "The relay refused your credential: error 401",
    tone: "bad",
  });
  const both = storyLines(
    { ...STORY, timeline: [{ at_ms: 0, what: "nothing_in_common", kinds: ["video"] }] },
    "m_me",
  );
  expect(both[0]).toMatchObject({ lane: 1, words: "No video codec in common", tone: "bad" });
  expect(laneNames(STORY, "m_me")).toEqual(["You", "kopru", "Bo"]);
});

test.each([
  ["credential_expired", "bad", "Bo’s credential had expired."],
  ["unknown", "bad", "Bo’s credential had expired."],
  ["connected_direct", "good", undefined],
  ["connecting", "plain", undefined],
])("a verdict %s is %s", (name, tone, words) => {
  const story = { ...STORY, verdict: { ...STORY.verdict, class: name } };
  expect([verdictTone(story), troubleWords(story)]).toEqual([tone, words]);
});

test("another pair of the same kind is not told again, another kind is", () => {
  const pair = (who: string, local: Json) => ({
    at_ms: 0,
    who,
    what: "pair",
    pair: { local, remote: HOST },
  });
  const entries = [pair("m_bo", RELAY), pair("m_me", RELAY), pair("m_bo", RELAY)];
  const timeline = [...entries, pair("m_bo", HOST), pair("m_bo", RELAY)];
  const words = storyLines({ ...STORY, timeline }, "m_me").map((one) => one.words);
  expect(words).toEqual([
    "Bo: relayed over TLS",
    "You: relayed over TLS",
    "Bo: a direct path",
    "Bo: relayed over TLS",
  ]);
});

test("what is over says how long it was, and that there was nothing", () => {
  expect([pathWords(STORY), setupWords(STORY)]).toEqual(["None", "Never"]);
  const now: Story = { ...STORY, state: "connecting" };
  expect([pathWords(now), setupWords(now)]).toEqual(["None yet", "Not yet"]);
  const then: Story = { ...STORY, state: "ended", path: "relayed", setup_ms: 412 };
  expect([pathWords(then), setupWords(then)]).toEqual(["Relayed", "in 412 ms"]);
  expect(stateWords(STORY)).toBe("No way through");
  expect(stateWords({ ...STORY, state: "ended", lasted_ms: 125_000 })).toBe("Over, after 2:05 min");
});

test.each([
  [-50, "−0.05 s"],
  [0, "0.00 s"],
  [412, "0.41 s"],
  [12_500, "12.5 s"],
  [125_000, "2:05 min"],
])("%i ms are %s", (ms, words) => {
  expect(timeWords(ms)).toBe(words);
});

test.each([
  [0, "0 bytes"],
  [812, "812 bytes"],
  [3_400_000, "3.4 MB"],
  [250_000_000_000, "250 GB"],
])("%i are %s", (bytes, words) => {
  expect(bytesWords(bytes)).toBe(words);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("who went last is remembered for a while, or until they are back", () => {
  const listeners: { [event: string]: (payload: unknown) => void } = {};
  const room = {
    on: (event: string, listener: (payload: unknown) => void) => (listeners[event] = listener),
  };
  const departures = new Departures(room as unknown as Room, () => undefined);
  const bo = { id: "m_bo", name: "Bo" };
  listeners["member_left"]?.({ member: bo, reason: "left" });
  listeners["member_joined"]?.({ id: "m_cy" });
  expect(departures.last?.member).toBe(bo);
  listeners["member_joined"]?.(bo);
  expect(departures.last).toBeUndefined();
  listeners["member_left"]?.({ member: bo, reason: "left" });
  vi.advanceTimersByTime(12_000);
  expect(departures.last).toBeUndefined();
});

test.each<[LeaveReason, string]>([
  ["left", "Bo left"],
  ["timed_out", "Bo is gone"],
  ["replaced", "Bo left"],
])("gone because %s: %s", (reason, title) => {
  const member = { id: "m_bo", name: "Bo" } as Member;
  expect(departureWords({ member, reason }).title).toBe(title);
});
