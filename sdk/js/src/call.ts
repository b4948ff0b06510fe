import { Emitter } from "./emitter.js";
import type { CallObject, CallPart, CallReason, CallState, Json } from "./protocol.js";
import type { Session } from "./session.js";

/** What a call tells. */
export interface CallEvents {
  /** It, or one of its members, has come further. */
  state: CallState;
  /** It is over for this device. */
  ended: CallReason;
}

/** Whom to call; with neither of the first two, everybody in the room. */
export interface CallOptions {
  /** The member of this id. */
  to?: string;
  /** All devices of this identity: the first to accept is the one. */
  identity?: string;
  /** What to tell them about it. */
  data?: Json;
  /** How long it may ring. */
  timeoutS?: number;
}

/** How far the connections of a call have come. */
export type CallProgress = "connecting" | "connected" | "reconnecting";

/** A call: one's own, or one that rings here. Made by `Room`. */
export class Call extends Emitter<CallEvents> {
  readonly id: string;
  /** The member id of who called. */
  readonly caller: string;
  /** It is for everybody in the room. */
  readonly wholeRoom: boolean;
  /** Somebody else called. */
  readonly incoming: boolean;
  /** What the caller said about it. */
  readonly data: Json | undefined;
  readonly #request: Session["request"];
  readonly #own: string;
  readonly #members = new Map<string, CallPart>();
  #state: CallState = "inviting";
  #reason: CallReason | undefined;
  #reported: CallProgress | undefined;

  /** Made by `Room` from the first the server says of it; `own` is one's own member id. */
  constructor(first: CallObject, own: string, request: Session["request"]) {
    super();
    this.id = first.call;
    this.caller = first.caller;
    this.wholeRoom = first.whole_room === true;
    this.incoming = first.caller !== own;
    this.data = first.data;
    this.#own = own;
    this.#request = request;
    this.#take(first);
  }

  /** How far it has come; `ended` also where it goes on without this device. */
  get state(): CallState {
    return this.#state;
  }

  /** Why it is over, once it is. */
  get reason(): CallReason | undefined {
    return this.#reason;
  }

  /** Everybody in it or called to it, by member id. */
  get members(): ReadonlyMap<string, CallPart> {
    return this.#members;
  }

  /** Tells the caller that it rings here. */
  async ringing(): Promise<void> {
    await this.#request("ringing", { call: this.id });
  }

  /** Takes the call. */
  async accept(): Promise<void> {
    await this.#request("accept", { call: this.id });
  }

  /** Does not take it. */
  async reject(reason: "rejected" | "busy" = "rejected"): Promise<void> {
    await this.#request("reject", { call: this.id, reason });
  }

  /** Ends one's own part in it, and a call of two; cancels one that nobody has accepted. */
  async hangUp(reason: "hung_up" | "failed" = "hung_up"): Promise<void> {
    await this.#request("hang_up", { call: this.id, reason });
  }

  /** Says how its connections are getting on. A room that makes connections does it by itself. */
  async report(state: CallProgress): Promise<void> {
    this.#reported = state;
    await this.#request("call_state", { call: this.id, state });
  }

  /** Says it where it is news, of a call that was accepted. Called by `Room`. */
  follow(state: CallProgress): void {
    const wasConnected = this.#reported === "connected" || this.#reported === "reconnecting";
    const broken = wasConnected ? "reconnecting" : "connecting";
    const progress = state === "connected" ? state : broken;
    const part = this.#members.get(this.#own)?.state ?? "ended";
    if (INSIDE.has(part) && INSIDE.has(this.#state) && progress !== this.#reported) {
      this.report(progress).catch(() => undefined);
    }
  }

  /** What the server says of it now. Called by `Room`. */
  update(object: CallObject): void {
    const wasOver = this.#state === "ended";
    this.#take(object);
    this.emit("state", this.#state);
    this.#tellEnd(wasOver);
  }

  /** It is over, and the server has not said so to this device. Called by `Room`. */
  lose(reason: CallReason): void {
    const wasOver = this.#state === "ended";
    if (!wasOver) {
      this.#state = "ended";
      this.#reason = reason;
      this.emit("state", "ended");
      this.#tellEnd(wasOver);
    }
  }

  #tellEnd(wasOver: boolean): void {
    if (!wasOver && this.#reason !== undefined) {
      this.emit("ended", this.#reason);
    }
  }

  #take(object: CallObject): void {
    this.#members.clear();
    for (const part of object.members) {
      this.#members.set(part.member, part);
    }
    const own = this.#members.get(this.#own);
    const { state, reason } = own?.state === "ended" ? own : object;
    this.#state = state;
    this.#reason = reason;
  }
}

/** The states of who has called or accepted. */
const INSIDE: ReadonlySet<CallState> = new Set([
  "accepted",
  "connecting",
  "connected",
  "reconnecting",
]);
