import type { Client, Connection, ConnectionState, Room, Story } from "kopru";
import type { Call } from "./call.js";

/** What of somebody's picture arrived. */
export interface ReceivedVideo {
  framesDecoded: number;
  width: number;
  height: number;
}

/**
 * `window.kopru`: the running call, for the browser's console and for tests. Members are named by
 * their id or display name; without one it is the first connection.
 */
export interface ConsoleApi {
  /** The SDK objects of the running call; `undefined` outside one. */
  readonly client: Client | undefined;
  readonly room: Room | undefined;
  readonly connections: Connection[];
  /** Phase and path (direct or relayed, candidate types, round-trip time). */
  state(member?: string): Promise<ConnectionState>;
  /** Sends random bytes over a data channel and back, and compares them. */
  echo(bytes?: number, member?: string): Promise<{ bytes: number; ms: number }>;
  /** Why the connection is as it is: what the server tells of it. */
  why(member?: string): Promise<Story>;
  /** What was decoded of their picture so far. */
  video(member?: string): Promise<ReceivedVideo>;
}

declare global {
  interface Window {
    kopru: ConsoleApi;
  }
}

/** Puts the console API on the page. `call` says which call runs. */
export function exposeConsole(call: () => Call | undefined): void {
  const connection = (member?: string): Connection => {
    const all = call()?.room?.connections ?? [];
    const found = all.find(
      (one) => member === undefined || one.member.id === member || one.member.name === member,
    );
    if (found === undefined) {
      throw new Error(member === undefined ? "no connection" : `no connection with ${member}`);
    }
    return found;
  };
  window.kopru = {
    get client() {
      return call()?.client;
    },
    get room() {
      return call()?.room;
    },
    get connections() {
      return call()?.room?.connections ?? [];
    },
    state: async (member) => connection(member).state(),
    echo: async (bytes = ECHO_BYTES, member) => {
      const running = call();
      const ms = running && (await running.echo(connection(member), bytes));
      return { bytes, ms: ms ?? 0 };
    },
    why: async (member) => connection(member).why(),
    video: async (member) => receivedVideo(await connection(member).peer.getStats()),
  };
}

/** Reads it out of a statistics report. */
export function receivedVideo(report: RTCStatsReport): ReceivedVideo {
  const received: ReceivedVideo = { framesDecoded: 0, width: 0, height: 0 };
  report.forEach((entry: RTCInboundRtpStreamStats) => {
    if (entry.type === "inbound-rtp" && entry.kind === "video") {
      received.framesDecoded += entry.framesDecoded ?? 0;
      received.width = Math.max(received.width, entry.frameWidth ?? 0);
      received.height = Math.max(received.height, entry.frameHeight ?? 0);
    }
  });
  return received;
}

/** What an echo carries unless told otherwise. */
export const ECHO_BYTES = 30_000;
