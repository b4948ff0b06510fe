import { vi } from "vitest";
import { Client } from "../src/client.js";
import type { ClientState } from "../src/client.js";
import type { Room } from "../src/room.js";
import type { JoinOptions } from "../src/room-events.js";
import { FakeSocket, settle } from "./fake-socket.js";
import type { Frame } from "./fake-socket.js";

/** Somebody else, as the server describes them. */
export const BO = { member: "m_bo", identity: "bo", name: "Bo", meta: {}, polite: false };

interface Connected {
  client: Client;
  hello: Frame;
  takeStates: () => ClientState["status"][];
}

/** A client with an open session. */
export async function connected(options = {}): Promise<Connected> {
  const client = new Client("http://test/v1/ws", options);
  const states: ClientState["status"][] = [];
  client.on("state", ({ status }) => states.push(status));
  const open = client.connect();
  await settle();
  const hello = await FakeSocket.last.welcomes();
  await open;
  return { client, hello, takeStates: () => states.splice(0) };
}

/** In the room "lab" as m_1, at version 7, with these members. */
export async function joined(
  members: object[] = [BO],
  options: JoinOptions = {},
  fields = {},
): Promise<Connected & { room: Room; join: Frame }> {
  const all = await connected();
  const joining = all.client.join("lab", { connect: false, ...options });
  await settle();
  const join = FakeSocket.last.takes("join");
  await FakeSocket.last.says({
    type: "joined",
    re: join["id"],
    room: "lab",
    member: "m_1",
    members,
    version: 7,
    ...fields,
  });
  return { ...all, room: await joining, join };
}

/** The next connection after the last one was lost, in a new session. */
export async function reconnected(): Promise<FakeSocket> {
  await vi.advanceTimersByTimeAsync(5000);
  await FakeSocket.last.welcomes({ complete: false });
  return FakeSocket.last;
}
