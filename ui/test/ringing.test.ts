import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KopruError } from "kopru";
import type { Call as RoomCall, CallReason, CallState, Room } from "kopru";
import { Ringing } from "../src/model/ringing.js";
import { callEndWords } from "../src/model/ring-words.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A call of the room, with the test as its server. */
class FakeCall {
  readonly asked: string[] = [];
  readonly members = new Map<string, { state: CallState }>();
  readonly wholeRoom: boolean;
  readonly incoming: boolean;
  state: CallState = "inviting";
  readonly #listeners: { [event: string]: (payload: unknown) => void } = {};

  constructor(
    readonly caller: string,
    called: string[],
  ) {
    this.incoming = caller !== "m_me";
    this.wholeRoom = called.length > 1;
    this.members.set(caller, { state: "accepted" });
    called.forEach((member) => this.members.set(member, { state: "inviting" }));
  }

  on(event: string, listener: (payload: unknown) => void): void {
    this.#listeners[event] = listener;
  }

  becomes(state: CallState, own: CallState = state): void {
    this.state = state;
    this.members.set("m_me", { state: own });
    this.#listeners["state"]?.(state);
  }

  ends(reason: CallReason): void {
    this.becomes("ended");
    this.#listeners["ended"]?.(reason);
  }

  readonly ringing = this.#ask("ringing");
  readonly accept = this.#ask("accept");
  readonly hangUp = this.#ask("hang up");
  readonly reject = async (reason = "rejected"): Promise<void> => void this.asked.push(reason);

  #ask(what: string): () => Promise<void> {
    return async () => void this.asked.push(what);
  }
}

/** In a room with Bo and Cy. */
function inRoom(...calls: FakeCall[]) {
  let came: (call: RoomCall) => void = () => undefined;
  const answers: (FakeCall | KopruError)[] = [];
  const called: unknown[] = [];
  const room = {
    member: "m_me",
    members: new Map([
      ["m_bo", { name: "Bo" }],
      ["m_cy", { name: "Cy" }],
    ]),
    calls,
    on: (_: string, listener: typeof came) => (came = listener),
    call: async (options: unknown) => {
      called.push(options);
      const answer = answers.shift();
      return answer instanceof FakeCall ? answer : Promise.reject(answer);
    },
  };
  const ringing = new Ringing(room as unknown as Room, () => undefined);
  return {
    ringing,
    room,
    answers,
    called,
    comes: (call: FakeCall) => came(call as unknown as RoomCall),
  };
}

test("calls somebody, who takes it; either hangs up", async () => {
  const { ringing, answers, called } = inRoom();
  const call = new FakeCall("m_me", ["m_bo"]);
  answers.push(call);
  const asking = ringing.ring("m_bo");
  expect(ringing.isTaken).toBe(true);
  await asking;
  expect(called).toEqual([{ to: "m_bo" }]);
  expect(ringing.current).toMatchObject({ asks: false, waits: true, name: "Bo" });
  await ringing.ring("m_cy");
  expect(called).toHaveLength(1);
  call.becomes("accepted");
  expect(ringing.current).toMatchObject({ waits: false });
  ringing.hangUp();
  expect(call.asked).toEqual(["hang up"]);
  call.ends("hung_up");
  expect([ringing.current, ringing.said?.title]).toEqual([undefined, "The call is over"]);
  vi.advanceTimersByTime(8000);
  expect([ringing.said, ringing.isTaken]).toEqual([undefined, false]);
});

test("somebody calls: it rings, and is taken or not", () => {
  const { ringing, comes } = inRoom();
  const call = new FakeCall("m_bo", ["m_me"]);
  comes(call);
  expect(ringing.current).toMatchObject({ asks: true, waits: false, name: "Bo" });
  call.becomes("ringing");
  expect(ringing.current?.asks).toBe(true);
  ringing.accept();
  call.becomes("accepted");
  expect(ringing.current?.asks).toBe(false);
  ringing.reject();
  expect(call.asked).toEqual(["ringing", "accept", "rejected"]);
});

test("one call at a time: who calls meanwhile is told that it is busy", () => {
  const { ringing, comes } = inRoom();
  const first = new FakeCall("m_bo", ["m_me"]);
  const second = new FakeCall("m_cy", ["m_me"]);
  comes(first);
  comes(second);
  expect(second.asked).toEqual(["busy"]);
  expect(ringing.current?.name).toBe("Bo");
  expect(ringing.said?.title).toBe("Cy called");
});

test("two who call each other: the call that counts takes the place of one's own", async () => {
  const { ringing, comes, answers } = inRoom();
  const own = new FakeCall("m_me", ["m_bo"]);
  answers.push(own);
  await ringing.ring("m_bo");
  const theirs = new FakeCall("m_bo", ["m_me"]);
  theirs.becomes("accepted");
  comes(theirs);
  own.ends("glare");
  expect(theirs.asked).toEqual([]);
  expect(ringing.current).toMatchObject({ call: theirs, asks: false, waits: false });
  expect(ringing.said).toBeUndefined();
});

test("a call for everybody names nobody; who left keeps the name", async () => {
  const { ringing, answers, room } = inRoom();
  const all = new FakeCall("m_me", ["m_bo", "m_cy"]);
  answers.push(all);
  await ringing.ring();
  expect(ringing.current?.name).toBeUndefined();
  all.ends("timeout");
  expect(ringing.said?.title).toBe("Nobody answered");

  const one = new FakeCall("m_me", ["m_bo"]);
  answers.push(one);
  await ringing.ring("m_bo");
  room.members.delete("m_bo");
  one.ends("left");
  expect(ringing.said?.text).toBe("Bo left the room.");
});

test("a call that rang before the page listened rings", () => {
  const { ringing } = inRoom(new FakeCall("m_bo", ["m_me"]));
  expect(ringing.current?.asks).toBe(true);
});

test("a call that is refused is told in words", async () => {
  const { ringing, answers } = inRoom();
  answers.push(new KopruError("no_such_member", ""));
  await ringing.ring("m_bo");
  expect(ringing.said?.text).toContain("they have left");
  expect(ringing.isTaken).toBe(false);
});

test.each<[CallReason, boolean, string | undefined]>([
  ["rejected", false, "Bo can’t take the call now"],
  ["busy", false, "Bo is busy"],
  ["timeout", false, "Bo did not answer"],
  ["cancelled", false, undefined],
  ["glare", false, undefined],
  ["failed", false, "The call did not come about"],
  ["cancelled", true, "You missed a call from Bo"],
  ["timeout", true, "You missed a call from Bo"],
  ["answered_elsewhere", true, "Answered elsewhere"],
  ["rejected", true, undefined],
  ["hung_up", true, "The call is over"],
])("ended by %s, incoming %s: %s", (reason, incoming, title) => {
  expect(callEndWords(reason, incoming, "Bo")?.title).toBe(title);
});
