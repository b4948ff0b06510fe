import { KopruError } from "kopru";
import type { Call as RoomCall, CallReason, Room } from "kopru";
import { callEndWords, refusalWords } from "./ring-words.js";
import type { Notice } from "./words.js";

/** The one call of this device, as it is shown. */
export interface Ring {
  call: RoomCall;
  /** Somebody calls, and waits for an answer. */
  asks: boolean;
  /** This person calls, and nobody has accepted. */
  waits: boolean;
  /** With whom: the caller, or who was called; `undefined` is everybody. */
  name: string | undefined;
}

/**
 * Calling people who are in the room. One call at a time: who calls meanwhile hears that this
 * device is busy.
 *
 * ```text
 *  (none) ── ring() ──▶ waits ── accepted ──▶ talks ── hangUp(), or its end ──▶ (none), and why
 *     └───── it rings ─▶ asks ─── accept() ────▲
 *                          └───── reject(), or its end ───────────────────────▶ (none), and why
 * ```
 */
export class Ringing {
  readonly #room: Room;
  readonly #changed: () => void;
  /** Names of those who were there: who is called may leave. */
  readonly #names = new Map<string, string>();
  #call: RoomCall | undefined;
  #asking = false;
  #said: Notice | undefined;
  #saidTimer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called whenever something that is shown may have changed. */
  constructor(room: Room, changed: () => void) {
    this.#room = room;
    this.#changed = changed;
    room.on("call", (call) => this.#came(call));
    room.calls.forEach((call) => this.#came(call));
  }

  /** The call that rings, or goes on. */
  get current(): Ring | undefined {
    const call = this.#call;
    if (call === undefined) {
      return undefined;
    }
    const own = call.members.get(this.#room.member ?? "")?.state;
    return {
      call,
      asks: call.incoming && (own === "inviting" || own === "ringing"),
      waits: !call.incoming && WAITING.has(call.state),
      name: this.#nameIn(call),
    };
  }

  /** Whether another call can't be made now. */
  get isTaken(): boolean {
    return this.#call !== undefined || this.#asking;
  }

  /** What became of the last call, for a while. */
  get said(): Notice | undefined {
    return this.#said;
  }

  /** Calls this member, or everybody. */
  async ring(to?: string): Promise<void> {
    if (this.isTaken) {
      return;
    }
    this.#asking = true;
    this.#say(undefined);
    try {
      this.#follow(await this.#room.call(to === undefined ? {} : { to }));
    } catch (error) {
      this.#say(refusalWords(error instanceof KopruError ? error.code : ""));
    } finally {
      this.#asking = false;
      this.#changed();
    }
  }

  /** Takes the call that rings. */
  accept(): void {
    this.#answer((call) => call.accept());
  }

  /** Does not take it. */
  reject(): void {
    this.#answer((call) => call.reject());
  }

  /** Ends the call, or takes back one's own. */
  hangUp(): void {
    this.#answer((call) => call.hangUp());
  }

  /** Forgets what was said last. */
  dismiss(): void {
    this.#say(undefined);
  }

  /** What came too late changes nothing: how the call stands is told anyway. */
  #answer(answer: (call: RoomCall) => Promise<void>): void {
    if (this.#call !== undefined) {
      answer(this.#call).catch(() => undefined);
    }
  }

  #came(call: RoomCall): void {
    const own = call.members.get(this.#room.member ?? "")?.state;
    // Two who call each other have both accepted: that one takes the place of one's own.
    const rings = own === "inviting" || own === "ringing";
    if (rings && this.isTaken) {
      call.reject("busy").catch(() => undefined);
      return this.#say({
        title: `${this.#nameOf(call.caller)} called`,
        text: "They were told that you are in another call.",
      });
    }
    if (rings) {
      call.ringing().catch(() => undefined);
    }
    this.#follow(call);
  }

  #follow(call: RoomCall): void {
    if (call === this.#call || call.state === "ended") {
      return;
    }
    for (const member of call.members.keys()) {
      this.#names.set(member, this.#nameOf(member));
    }
    this.#call = call;
    call.on("state", this.#changed);
    call.on("ended", (reason) => this.#ended(call, reason));
    this.#changed();
  }

  #ended(call: RoomCall, reason: CallReason): void {
    if (call === this.#call) {
      this.#call = undefined;
      this.#say(callEndWords(reason, call.incoming, this.#nameIn(call)));
    }
  }

  /** Says it for a while. */
  #say(words: Notice | undefined): void {
    clearTimeout(this.#saidTimer);
    this.#said = words;
    if (words !== undefined) {
      this.#saidTimer = setTimeout(() => this.dismiss(), SAID_MS);
    }
    this.#changed();
  }

  #nameIn(call: RoomCall): string | undefined {
    if (call.incoming) {
      return this.#nameOf(call.caller);
    }
    const others = [...call.members.keys()].filter((member) => member !== this.#room.member);
    return call.wholeRoom ? undefined : this.#nameOf(others[0] ?? "");
  }

  #nameOf(member: string): string {
    return this.#room.members.get(member)?.name || this.#names.get(member) || "Somebody";
  }
}

const WAITING: ReadonlySet<string> = new Set(["inviting", "ringing"]);
const SAID_MS = 8000;
