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
  /**
   * It has ended, with a close code of the protocol, or 1006; and how long to wait, where the
   * server said so. Nothing follows.
   */
  ended(code: number, retryAfterMs?: number): void;
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
 *
 * A proxy may swallow what it does not know. So in the first round none is waited for long; in the
 * second, where perhaps all are slow, as long as it takes.
 */
export class TransportChoice {
  readonly #all: readonly TransportName[];
  #worked: TransportName | undefined;
  #failures = 0;
  /** Since none has worked. */
  #tried = 0;

  /** `first`: what worked at another time, if it is one of them. */
  constructor(all: readonly TransportName[], first?: TransportName) {
    this.#all =
      first !== undefined && all.includes(first)
        ? [first, ...all.filter((name) => name !== first)]
        : all;
  }

  /** How long the next one may take until a session is open. */
  get patienceMs(): number {
    const isLast = this.#tried >= this.#all.length - 1;
    return this.#worked === undefined && !isLast ? GLANCE_MS : PATIENCE_MS;
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
    this.#failures = this.#tried = 0;
  }

  /** It could not be opened, or carried nothing. */
  failed(): void {
    this.#failures += 1;
    this.#tried += 1;
  }
}

const FAILURES_FORGIVEN = 2;
/** Five round trips by satellite; where others are still to be tried. */
const GLANCE_MS = 4000;
const PATIENCE_MS = 10_000;
