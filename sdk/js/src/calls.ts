import { Call } from "./call.js";
import type { CallOptions, CallProgress } from "./call.js";
import type { CallObject, CallPart } from "./protocol.js";
import type { Session } from "./session.js";

/** What the calls of a room need of it. */
export interface CallsLink {
  request: Session["request"];
  /** One's own member id. */
  own: () => string;
  /** A call that rings here, or that took the place of one's own. */
  began: (call: Call) => void;
  /** How far the connection with this member has come, if there is one. */
  progress: (member: string) => CallProgress | undefined;
}

/** The calls of one room that are not over for this device. */
export class Calls {
  readonly #link: CallsLink;
  readonly #calls = new Map<string, Call>();

  constructor(link: CallsLink) {
    this.#link = link;
  }

  all(): Call[] {
    return [...this.#calls.values()];
  }

  /** Calls somebody, or comes into the call that is there already. */
  async begin(room: string, { timeoutS, ...options }: CallOptions): Promise<Call> {
    const timeout = timeoutS === undefined ? {} : { timeout_s: timeoutS };
    const answer = await this.#link.request("call", { room, ...options, ...timeout });
    return this.#take(answer);
  }

  /** The server says how a call stands. */
  receive(object: CallObject): void {
    const isNew = !this.#calls.has(object.call);
    const call = this.#take(object);
    if (isNew && call.state !== "ended") {
      this.#link.began(call);
    }
  }

  /** The room as it is now: what is not in it is over. */
  replace(objects: readonly CallObject[]): void {
    const live = new Set(objects.map(({ call }) => call));
    for (const call of this.all().filter(({ id }) => !live.has(id))) {
      this.#calls.delete(call.id);
      call.lose("left");
    }
    objects.forEach((object) => this.receive(object));
  }

  /** Tells the server how the connections of each call are getting on. */
  follow(): void {
    for (const call of this.#calls.values()) {
      const progress = this.#progress([...call.members.values()]);
      if (progress !== undefined) {
        call.follow(progress);
      }
    }
  }

  #take(object: CallObject): Call {
    const known = this.#calls.get(object.call);
    const call = known ?? new Call(object, this.#link.own(), this.#link.request);
    known?.update(object);
    if (call.state === "ended") {
      this.#calls.delete(call.id);
    } else {
      this.#calls.set(call.id, call);
      queueMicrotask(() => this.follow());
    }
    return call;
  }

  /** The furthest that a connection with somebody in the call has come. */
  #progress(parts: readonly CallPart[]): CallProgress | undefined {
    const own = this.#link.own();
    const others = parts.filter(({ member, state }) => member !== own && !OUTSIDE.has(state));
    const states = others.map(({ member }) => this.#link.progress(member));
    return PROGRESS.find((progress) => states.includes(progress));
  }
}

const OUTSIDE: ReadonlySet<CallPart["state"]> = new Set(["inviting", "ringing", "ended"]);
const PROGRESS = ["connected", "reconnecting", "connecting"] as const;
