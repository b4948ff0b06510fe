import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "../src/client.js";
import type { Call } from "../src/call.js";
import { FakePeer } from "./fake-peer.js";
import { FakeSocket, settle } from "./fake-socket.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const BO = { member: "m_bo", identity: "bo", name: "Bo", meta: {}, polite: false };
const LAB = { room: "lab", kind: "mesh", capacity: 16, member: "m_1", members: [BO], version: 7 };

/** In the room "lab" as m_1 beside Bo. */
async function joined(options: object = { connect: false }) {
  const client = new Client("ws://test/v1/ws");
  void client.connect();
  await settle();
  const socket = FakeSocket.last;
  await socket.welcomes();
  const joining = client.join("lab", options);
  await settle();
  const { id } = socket.takes("join");
  await socket.says({ type: "joined", re: id, ...LAB });
  const room = await joining;
  const calls: Call[] = [];
  room.on("call", (call) => calls.push(call));
  return { room, socket, calls };
}

/** A call between m_1 and Bo, as the server tells it. */
function call(caller: "m_1" | "m_bo", state: string, [own, bo]: [string, string], reason?: string) {
  const part = (member: string, its: string) =>
    its === "ended" ? { member, state: its, reason: reason ?? "hung_up" } : { member, state: its };
  const members = [part("m_1", own), part("m_bo", bo)];
  const why = state === "ended" ? { reason } : {};
  return { type: "call", call: "call_1", room: "lab", caller, state, ...why, members };
}

test("calls somebody, and follows what comes of it", async () => {
  const { room, socket, calls } = await joined();
  const calling = room.call({ to: "m_bo", data: { video: true }, timeoutS: 30 });
  const asked = socket.takes("call");
  expect(asked).toMatchObject({ room: "lab", to: "m_bo", data: { video: true }, timeout_s: 30 });
  await socket.says({ ...call("m_1", "inviting", ["accepted", "inviting"]), re: asked["id"] });
  const own = await calling;
  expect(own).toMatchObject({ id: "call_1", incoming: false, wholeRoom: false, state: "inviting" });

  const told: string[] = [];
  own.on("state", (state) => told.push(state));
  own.on("ended", (reason) => told.push(reason));
  await socket.says(call("m_1", "ringing", ["accepted", "ringing"]));
  await socket.says(call("m_1", "accepted", ["accepted", "accepted"]));
  expect(own.members.get("m_bo")).toEqual({ member: "m_bo", state: "accepted" });
  void own.report("connected");
  expect(socket.takes("call_state")).toMatchObject({ call: "call_1", state: "connected" });
  await socket.says(call("m_1", "connected", ["connected", "connected"]));
  expect(room.calls).toEqual([own]);
  void own.hangUp();
  expect(socket.takes("hang_up")).toMatchObject({ call: "call_1", reason: "hung_up" });
  await socket.says(call("m_1", "ended", ["ended", "ended"], "hung_up"));
  expect(told).toEqual(["ringing", "accepted", "connected", "ended", "hung_up"]);
  expect([room.calls, calls]).toEqual([[], []]);
});

test("a call that is refused is an error", async () => {
  const { room, socket } = await joined();
  const refused = expect(room.call({ identity: "cy" })).rejects.toMatchObject({
    code: "no_such_member",
  });
  const { id } = socket.takes("call");
  await socket.says({ type: "error", re: id, code: "no_such_member", message: "" });
  await refused;
  expect(room.calls).toEqual([]);
});

test("rings, and is answered elsewhere", async () => {
  const { room, socket, calls } = await joined();
  await socket.says({ ...call("m_bo", "inviting", ["inviting", "accepted"]), data: "hi" });
  const [incoming] = calls;
  expect(incoming).toMatchObject({ incoming: true, data: "hi", state: "inviting" });
  void incoming?.ringing();
  void incoming?.accept();
  void incoming?.reject("busy");
  expect(socket.takes("ringing")).toMatchObject({ call: "call_1" });
  expect(socket.takes("accept")).toMatchObject({ call: "call_1" });
  expect(socket.takes("reject")).toMatchObject({ call: "call_1", reason: "busy" });
  await socket.says(call("m_bo", "accepted", ["ended", "accepted"], "answered_elsewhere"));
  // It goes on, but not here.
  expect(incoming).toMatchObject({ state: "ended", reason: "answered_elsewhere" });
  expect([room.calls, calls.length]).toEqual([[], 1]);
});

test("after a loss the calls are those that the room has now", async () => {
  const { room, socket, calls } = await joined();
  await socket.says(call("m_bo", "inviting", ["inviting", "accepted"]));
  await socket.ends(1006);
  await vi.advanceTimersByTimeAsync(5000);
  await FakeSocket.last.resumes({ complete: false });
  const other = { ...call("m_bo", "ringing", ["ringing", "accepted"]), call: "call_2" };
  await FakeSocket.last.says({ type: "joined", ...LAB, calls: [other] });
  expect(calls.map(({ id, state }) => [id, state])).toEqual([
    ["call_1", "ended"],
    ["call_2", "ringing"],
  ]);
  room.leave();
  expect(calls[1]).toMatchObject({ state: "ended", reason: "left" });
});

test("says by itself how the connection of a call is getting on", async () => {
  FakePeer.install();
  const { socket, calls } = await joined({});
  await socket.says(call("m_bo", "inviting", ["inviting", "accepted"]));
  const states = () =>
    socket.sent.splice(0).flatMap(({ type, state }) => (type === "call_state" ? [state] : []));
  expect([calls.length, states()]).toEqual([1, []]);
  await socket.says(call("m_bo", "accepted", ["accepted", "accepted"]));
  expect(states()).toEqual(["connecting"]);
  FakePeer.last.becomes("connected");
  expect(states()).toEqual(["connected"]);
  FakePeer.last.becomes("failed");
  expect(states()).toEqual(["reconnecting"]);
  FakePeer.last.becomes("connected");
  expect(states()).toEqual(["connected"]);
});
