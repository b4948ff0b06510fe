import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Session } from "../src/session.js";
import type { SessionEnd } from "../src/session.js";
import { FakeSocket } from "./fake-socket.js";

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.install();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function open(options: { token?: string; former?: Session } = {}) {
  const session = new Session({
    url: "ws://test/v1/ws",
    transport: "websocket",
    capabilities: { rollback: true },
    ...options,
  });
  const ends: SessionEnd[] = [];
  session.on("end", (end) => ends.push(end));
  return { session, socket: FakeSocket.last, ends };
}

async function opened() {
  const all = open();
  await all.socket.welcomes();
  return all;
}

test("says hello with what it has", () => {
  const { socket } = open({ token: "t" });
  socket.open();
  expect(socket.takes("hello")).toEqual({
    type: "hello",
    v: 1,
    token: "t",
    capabilities: { rollback: true },
  });
});

test("an answer finds its request, whatever the order", async () => {
  const { session, socket } = await opened();
  const first = session.request("message", { room: "lab", data: 1 });
  const second = session.request("update", { room: "lab", name: "Ada" });
  const { id: firstId } = socket.takes("message");
  const { id: secondId } = socket.takes("update");
  await socket.says({ type: "ok", re: secondId, version: 7 });
  await socket.says({ type: "ok", re: firstId });
  expect(await second).toMatchObject({ version: 7 });
  expect(await first).toMatchObject({ type: "ok", re: firstId });
});

test("acknowledges what it has seen", async () => {
  const { session, socket } = await opened();
  void session.request("ping", {});
  expect(socket.takes("ping")).toEqual({ type: "ping", id: "1", ack: 1 });
  await socket.says({ type: "pong", re: "1" });
  await socket.says({ type: "go_away_in_a_newer_language" });
  void session.request("ping", {});
  expect(socket.takes("ping")).toEqual({ type: "ping", id: "2", ack: 3 });
});

test("acknowledges what came meanwhile, long before the server forgets it", async () => {
  const { session, socket } = await opened();
  const hear = async (count: number, data: unknown = 1) => {
    for (let one = 0; one < count; one += 1) {
      await socket.says({ type: "message", room: "lab", from: "m_bo", data });
    }
  };
  await hear(62); // and the welcome
  expect(socket.sent).toEqual([]);
  await hear(1);
  expect(socket.takes("ping")).toMatchObject({ id: "1", ack: 64 });
  // One at a time: a server that answers slowly is not asked more often.
  await hear(64);
  expect(socket.sent).toEqual([]);
  await socket.says({ type: "pong", re: "1" });
  await hear(1);
  expect(socket.takes("ping")).toMatchObject({ id: "2", ack: 130 });
  await socket.says({ type: "pong", re: "2" });
  // Whatever else is said does as well.
  await hear(40);
  void session.request("message", { room: "lab", data: 1 });
  expect(socket.takes("message")).toMatchObject({ ack: 171 });
  await hear(40);
  expect(socket.sent).toEqual([]);
  await hear(4, "x".repeat(16_384));
  expect(socket.takes("ping")).toMatchObject({ ack: 215 });
});

test("a receipt tells what became of a message, also where the session was taken up", async () => {
  const { session: former, socket: lost } = await opened();
  const said = { room: "lab", to: "m_bo", data: 1 };
  const [first, second, third] = [1, 2, 3].map(() => former.receipt("message", said));
  expect(lost.takes("message")).toMatchObject({ id: "1", receipt: true });
  await lost.says({ type: "ok", re: "1" });
  await lost.says({ type: "ok", re: "2" });
  await lost.says({ type: "receipt", of: "1", status: "delivered" });
  expect(await first).toBe("delivered");
  await lost.says({ type: "error", re: "3", code: "no_such_member", message: "" });
  await expect(third).rejects.toMatchObject({ code: "no_such_member" });
  await lost.ends(1006);
  const { socket } = open({ former });
  await socket.resumes();
  await socket.says({ type: "receipt", of: "2", status: "expired" });
  expect(await second).toBe("expired");
});

test.each([
  ["the session is over", { resumed: false }],
  ["a receipt may be among what was lost", { complete: false }],
])("nobody waits for a receipt for ever: %s", async (_, fields) => {
  const { session: former, socket: lost } = await opened();
  const fate = former.receipt("message", { room: "lab", to: "m_bo", data: 1 });
  await lost.says({ type: "ok", re: lost.takes("message")["id"] });
  const told = expect(fate).rejects.toMatchObject({ code: "disconnected" });
  await lost.ends(1006);
  const { socket } = open({ former });
  await socket.resumes(fields);
  await told;
});

test("a refusal is an error with the server's code", async () => {
  const { session, socket } = await opened();
  const refused = session.request("join", { room: "lab" });
  const told = expect(refused).rejects.toMatchObject({
    code: "room_full",
    message: "full",
    retryAfterMs: 3000,
  });
  const { id } = socket.takes("join");
  await socket.says({
    type: "error",
    re: id,
    code: "room_full",
    message: "full",
    retry_after_s: 3,
  });
  await told;
});

test("what came too soon is said again under the same id", async () => {
  const { session, socket } = await opened();
  const answer = session.request("message", { room: "lab", data: 1 });
  const { id } = socket.takes("message");
  await socket.says({ type: "error", re: id, code: "rate_limited", message: "", retry_after_s: 2 });
  await vi.advanceTimersByTimeAsync(1999);
  expect(socket.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(socket.takes("message")).toMatchObject({ id, data: 1 });
  await socket.says({ type: "ok", re: id });
  expect(await answer).toMatchObject({ type: "ok" });
});

test("no answer in time is an error", async () => {
  const { session } = await opened();
  const late = session.request("message", { room: "lab", data: 1 });
  const told = expect(late).rejects.toMatchObject({ code: "timeout" });
  await vi.advanceTimersByTimeAsync(15_000);
  await told;
});

test("pings when it has said nothing for long, and ends without an answer", async () => {
  const { session, socket, ends } = await opened();
  await vi.advanceTimersByTimeAsync(19_999);
  expect(socket.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  const { id } = socket.takes("ping");
  await socket.says({ type: "pong", re: id });
  await vi.advanceTimersByTimeAsync(20_000);
  socket.takes("ping");
  await vi.advanceTimersByTimeAsync(25_000);
  expect(ends).toMatchObject([{ code: 1006, error: { code: "disconnected" } }]);
  expect(session.isOpen).toBe(false);
  expect(socket.closedWith).toBe(4000);
});

test.each([
  ["a gap in the sequence", '{"type":"ok","seq":3}'],
  ["something that is not JSON", "what?"],
  ["something that is not text", new ArrayBuffer(4)],
])("%s ends it", async (_, frame) => {
  const { socket, ends } = await opened();
  await socket.saysRaw(frame);
  expect(ends).toMatchObject([{ code: 1006 }]);
  expect(socket.closedWith).toBe(1000);
});

test("a server that never answers hello is given up", async () => {
  const { socket, ends } = open();
  socket.open();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(ends).toMatchObject([{ code: 1006, error: { code: "timeout" } }]);
});

test("a refused hello says why, once", async () => {
  const { socket, ends } = open();
  socket.open();
  await socket.saysRaw('{"type":"error","code":"unauthorized","message":"a token is needed"}');
  await socket.ends(4401);
  expect(ends).toMatchObject([{ code: 4401, error: { code: "unauthorized" } }]);
});

test("what was lost is taken up: its sequence, its ids, and what had no answer", async () => {
  const { session: former, socket: lost } = await opened();
  const first = former.request("message", { room: "lab", data: 1 });
  await lost.says({ type: "pong" }); // 2
  await lost.ends(1006);
  const second = former.request("message", { room: "lab", data: 2 });
  expect(former.isLost).toBe(true);

  const { session, socket } = open({ former });
  const hello = await socket.resumes({ resume: "r_2" });
  expect(hello).toMatchObject({ resume: "r_1", ack: 2 });
  // Behind the answer to this stand those that were missed.
  expect(socket.takes("ping")).toEqual({ type: "ping", id: "3", ack: 2 });
  const third = session.request("message", { room: "lab", data: 3 });
  expect(socket.sent).toEqual([]);
  await socket.says({ type: "pong", re: "3" });
  expect(socket.takes("message")).toMatchObject({ id: "1", data: 1, ack: 3 });
  expect(socket.takes("message")).toMatchObject({ id: "2", data: 2 });
  expect(socket.takes("message")).toMatchObject({ id: "4", data: 3 });
  for (const re of ["1", "2", "4"]) {
    await socket.says({ type: "ok", re });
  }
  expect(await Promise.all([first, second, third])).toMatchObject([
    { re: "1", seq: 4 },
    { re: "2", seq: 5 },
    { re: "4", seq: 6 },
  ]);
});

test("what was answered while the line was down is not said again", async () => {
  const { session: former, socket: lost } = await opened();
  const first = former.request("leave", { room: "lab" });
  const second = former.request("join", { room: "lab" });
  const told = expect(first).rejects.toMatchObject({ code: "not_in_room" });
  await lost.ends(1006);
  const { socket } = open({ former });
  await socket.resumes();
  const { id } = socket.takes("ping");
  // Said again, the first would be tried again, and undo the second.
  await socket.says({ type: "error", re: "1", code: "not_in_room", message: "not there" });
  await told;
  const joined = { room: "lab", member: "m_1", members: [], version: 1 };
  await socket.says({ type: "joined", re: "2", ...joined });
  expect(await second).toMatchObject({ member: "m_1" });
  await socket.says({ type: "pong", re: id });
  expect(socket.sent).toEqual([]);
});

test("no more is under way than the server knows when it is repeated", async () => {
  const { session, socket } = await opened();
  const asked = Array.from({ length: 70 }, (_, data) =>
    session.request("message", { room: "lab", data }),
  );
  expect(socket.sent).toHaveLength(64);
  for (let re = 1; re <= 6; re += 1) {
    await socket.says({ type: "ok", re: String(re) });
  }
  expect(socket.sent.map(({ data }) => data)).toEqual(Array.from(asked.keys()));
});

test("frames that were missed follow, whatever their number", async () => {
  const { session: former, socket: lost } = await opened();
  await lost.ends(1006);
  const { session, socket } = open({ former });
  const heard: unknown[] = [];
  session.on("message", (message) => heard.push(message.type));
  await socket.resumes({ complete: false, seq: 400 });
  const joined = { room: "lab", member: "m_1", members: [], version: 9 };
  await socket.saysRaw(JSON.stringify({ type: "joined", seq: 401, ...joined }));
  expect(heard).toEqual(["joined"]);
  expect(session.isOpen).toBe(true);
});

test("a server that has no such session any more answers nothing", async () => {
  const { session: former, socket: lost } = await opened();
  const waiting = former.request("leave", { room: "lab" });
  const told = expect(waiting).rejects.toMatchObject({ code: "disconnected" });
  await lost.ends(1006);
  const { session, socket } = open({ former });
  await socket.welcomes({ complete: false });
  await told;
  expect(former.isLost).toBe(false);
  void session.request("ping", {});
  expect(socket.takes("ping")).toMatchObject({ id: "1", ack: 1 });
});

test("a lost session keeps so much to ask and no more", async () => {
  const { session, socket } = await opened();
  await socket.ends(1006);
  const asked = Array.from({ length: 257 }, () => session.request("ping", {}));
  const ends = Promise.allSettled(asked);
  await expect(asked[256]).rejects.toMatchObject({ code: "disconnected" });
  session.abandon();
  expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
});

test.each([
  ["close", 1000],
  ["fail", 1000],
] as const)("%s is for good: the server hears it, and nothing more is asked", async (how, code) => {
  const { session, socket } = await opened();
  const waiting = session.request("leave", { room: "lab" });
  const told = expect(waiting).rejects.toMatchObject({ code: "disconnected" });
  session[how]("nonsense");
  await told;
  expect(socket.closedWith).toBe(code);
  await expect(session.request("ping", {})).rejects.toMatchObject({ code: "disconnected" });
});
