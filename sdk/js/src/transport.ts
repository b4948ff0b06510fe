import { EventTransport, PollTransport } from "./http-transport.js";
import { SocketTransport } from "./socket-transport.js";

/** What carries a session: the same messages, one way or the other. */
export type TransportName = "websocket" | "events" | "poll";

/** Carries the frames of one connection. */
export interface Transport {
  /** Puts a frame in line. Before it is open, or after its end, nothing happens. */
  send(frame: string): void;
  /** Ends it without a word to whoever listens; 1000 tells the server that nobody comes back. */
  close(code: number): void;
}

/** What a transport tells. */
export interface Listener {
  /** Frames may be sent: the first one is the `hello`. */
  opened(): void;
  /** A frame: text, or what was parsed from it. */
  received(frame: unknown): void;
  /** It has ended, with a close code of the protocol, or 1006. Nothing follows. */
  ended(code: number): void;
}

/** Opens a transport. `url` is the WebSocket's; the other paths are beside it. */
export function openTransport(name: TransportName, url: string, listener: Listener): Transport {
  switch (name) {
    case "websocket":
      return new SocketTransport(url, listener);
    case "events":
      return new EventTransport(url, listener);
    case "poll":
      return new PollTransport(url, listener);
  }
}

/** Those that this environment has, the best one first. */
export function availableTransports(): TransportName[] {
  const has = (name: string) => typeof Reflect.get(globalThis, name) === "function";
  const all: [TransportName, boolean][] = [
    ["websocket", has("WebSocket")],
    ["events", has("EventSource") && has("fetch")],
    ["poll", has("fetch")],
  ];
  return all.filter(([, isThere]) => isThere).map(([name]) => name);
}

/**
 * Which transport the next connection is tried on: the one that worked, as long as it does not fail
 * twice; then all of them in turn.
 */
export class TransportChoice {
  readonly #all: readonly TransportName[];
  #worked: TransportName | undefined;
  #failures = 0;

  constructor(all: readonly TransportName[]) {
    this.#all = all;
  }

  /** `undefined` when there is none at all. */
  get next(): TransportName | undefined {
    if (this.#worked !== undefined && this.#failures < FAILURES_FORGIVEN) {
      return this.#worked;
    }
    const turn = this.#worked === undefined ? this.#failures : this.#failures - FAILURES_FORGIVEN;
    return this.#all[turn % this.#all.length];
  }

  /** A session is open on it. */
  worked(name: TransportName): void {
    this.#worked = name;
    this.#failures = 0;
  }

  /** It could not be opened, or carried nothing. */
  failed(): void {
    this.#failures += 1;
  }
}

const FAILURES_FORGIVEN = 2;
