import { Emitter } from "./emitter.js";
import { KopruError } from "./errors.js";
import { PROTOCOL_VERSION, readServerMessage } from "./protocol.js";
import type {
  Answers,
  Hello,
  IceServers,
  JsonObject,
  Refusal,
  Requests,
  RoomMessage,
  ServerMessage,
  Welcome,
} from "./protocol.js";

/** What a session is opened with. */
export interface SessionOptions {
  url: string;
  token?: string | undefined;
  resume?: string | undefined;
  capabilities: JsonObject;
}

/** How a session ended. */
export interface SessionEnd {
  /** The WebSocket close code; 1006 when the connection was lost. */
  code: number;
  /** Why, when the server or this client said so. */
  error?: KopruError;
}

interface SessionEvents {
  welcome: Welcome;
  /** Something the server said without being asked. */
  message: RoomMessage | IceServers;
  end: SessionEnd;
}

interface Pending {
  type: keyof Requests;
  frame: (ack: number) => string;
  resolve: (answer: ServerMessage) => void;
  reject: (error: KopruError) => void;
  deadline: ReturnType<typeof setTimeout>;
}

/**
 * One WebSocket, from `hello` to its end: sequence and acknowledgement, requests and their
 * answers, the heartbeat. What comes after its end is the business of `Client`.
 *
 * ```text
 *  opening ── welcome ──▶ open ── end ──▶ ended
 *     └───────────── end ───────────────────▲
 * ```
 */
export class Session extends Emitter<SessionEvents> {
  readonly #socket: WebSocket;
  readonly #pending = new Map<string, Pending>();
  #nextId = 1;
  #lastSeq = 0;
  #lastRefusal: Refusal | undefined;
  #open = false;
  #ended = false;
  #heartbeatMs = 25_000;
  #pingAt: ReturnType<typeof setTimeout> | undefined;
  #openingDeadline: ReturnType<typeof setTimeout>;

  constructor(options: SessionOptions) {
    super();
    this.#socket = new WebSocket(options.url);
    this.#openingDeadline = setTimeout(
      () => this.#end(CLOSE_LOST, new KopruError("timeout", "the server did not answer")),
      OPENING_TIMEOUT_MS,
    );
    this.#socket.onopen = () => this.#socket.send(JSON.stringify(hello(options)));
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code }) => this.#end(code);
  }

  /** `welcome` came, and the end did not. */
  get isOpen(): boolean {
    return this.#open && !this.#ended;
  }

  /** Sends a request and waits for its answer; waits and repeats when it came too soon. */
  request<T extends keyof Requests>(
    type: T,
    fields: Requests[T],
    timeoutMs: number = ANSWER_TIMEOUT_MS,
  ): Promise<Answers[T]> {
    if (!this.isOpen) {
      return Promise.reject(new KopruError("disconnected", "not connected to the server"));
    }
    const id = String(this.#nextId++);
    return new Promise<Answers[T]>((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#pending.delete(id);
        reject(new KopruError("timeout", `no answer to ${type}`));
      }, timeoutMs);
      const frame = (ack: number) => JSON.stringify({ type, id, ack, ...fields });
      const answered = (answer: ServerMessage) => resolve(answer as Answers[T]);
      this.#pending.set(id, { type, frame, resolve: answered, reject, deadline });
      this.#send(frame);
    });
  }

  /** Asks the server whether it is still there; without an answer in time the session ends. */
  probe(timeoutMs: number): void {
    this.request("ping", {}, timeoutMs).catch((error: KopruError) => {
      if (error.code === "timeout") {
        this.#end(CLOSE_LOST, new KopruError("disconnected", "the server fell silent"));
      }
    });
  }

  /** Ends the session because the server said something that can't be. */
  fail(what: string): void {
    this.#end(CLOSE_LOST, new KopruError("disconnected", `the server sent ${what}`));
  }

  /** Ends the session. The server lets its members leave. */
  close(): void {
    this.#end(CLOSE_NORMAL);
  }

  #receive(data: unknown): void {
    const message = typeof data === "string" ? readServerMessage(data) : undefined;
    if (message === undefined) {
      return this.fail("a frame that is not of this protocol");
    }
    if (message.seq !== undefined && message.seq !== ++this.#lastSeq) {
      return this.fail("a gap in the sequence");
    }
    switch (message.type) {
      case "unknown":
        return;
      case "welcome":
        return this.#welcome(message);
      case "error":
        return this.#refused(message);
      case "joined":
      case "ok":
      case "pong":
        return this.#settle(message.re)?.resolve(message);
      case "ice_servers":
        this.#settle(message.re)?.resolve(message);
        return this.emit("message", message);
      default:
        return this.emit("message", message);
    }
  }

  #welcome(welcome: Welcome): void {
    clearTimeout(this.#openingDeadline);
    this.#open = true;
    this.#heartbeatMs = welcome.heartbeat_s * 1000;
    this.#schedulePing();
    this.emit("welcome", welcome);
  }

  #refused(refusal: Refusal): void {
    this.#lastRefusal = refusal;
    const pending = refusal.re === undefined ? undefined : this.#pending.get(refusal.re);
    if (pending === undefined) {
      return;
    }
    if (refusal.code === "rate_limited") {
      // Same id: a refused message was not done, and the server takes the repetition for it.
      const pauseMs = (refusal.retry_after_s ?? 1) * 1000;
      setTimeout(() => this.#pending.has(refusal.re ?? "") && this.#send(pending.frame), pauseMs);
      return;
    }
    this.#settle(refusal.re)?.reject(KopruError.refused(refusal));
  }

  #settle(id: string | undefined): Pending | undefined {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id !== undefined && pending !== undefined) {
      this.#pending.delete(id);
      clearTimeout(pending.deadline);
    }
    return pending;
  }

  #send(frame: (ack: number) => string): void {
    if (this.isOpen && this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(frame(this.#lastSeq));
      this.#schedulePing();
    }
  }

  #schedulePing(): void {
    clearTimeout(this.#pingAt);
    this.#pingAt = setTimeout(() => this.probe(this.#heartbeatMs), this.#heartbeatMs * 0.8);
  }

  #end(code: number, cause?: KopruError): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    clearTimeout(this.#openingDeadline);
    clearTimeout(this.#pingAt);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    if (this.#socket.readyState <= WebSocket.OPEN) {
      this.#socket.close(CLOSE_NORMAL);
    }
    const lost = new KopruError("disconnected", "the connection to the server ended");
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(lost);
    }
    const refusal = this.#open ? undefined : this.#lastRefusal;
    const error = cause ?? (refusal && KopruError.refused(refusal));
    this.emit("end", error === undefined ? { code } : { code, error });
  }
}

function hello(options: SessionOptions): Hello {
  return {
    type: "hello",
    v: PROTOCOL_VERSION,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.resume === undefined ? {} : { resume: options.resume }),
    capabilities: options.capabilities,
  };
}

const CLOSE_NORMAL = 1000;
/** What browsers call a connection that was cut without a close frame. */
const CLOSE_LOST = 1006;
const OPENING_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 15_000;
