import type { LeaveReason, Member, Room } from "kopru";
import type { Notice } from "./words.js";

/** Somebody who is gone. */
export interface Departure {
  member: Member;
  reason: LeaveReason;
}

/** Who went last, for a while: what became of the connection can still be asked. */
export class Departures {
  readonly #changed: () => void;
  #last: Departure | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called whenever somebody goes, or has been gone for long enough. */
  constructor(room: Room, changed: () => void) {
    this.#changed = changed;
    room.on("member_left", (departure) => this.#keep(departure));
    room.on("member_joined", ({ id }) => id === this.#last?.member.id && this.#keep(undefined));
  }

  /** Who went last; `undefined` when that is no news any more. */
  get last(): Departure | undefined {
    return this.#last;
  }

  /** Forgets it. */
  dismiss(): void {
    this.#keep(undefined);
  }

  #keep(departure: Departure | undefined): void {
    clearTimeout(this.#timer);
    this.#last = departure;
    if (departure !== undefined) {
      this.#timer = setTimeout(() => this.dismiss(), SHOWN_MS);
    }
    this.#changed();
  }
}

/** What to say of somebody who is gone. */
export function departureWords({ member, reason }: Departure): Notice {
  const name = member.name || "Somebody";
  switch (reason) {
    case "left":
      return { title: `${name} left`, text: "They ended the call." };
    case "replaced":
      return { title: `${name} left`, text: "They joined on another device." };
    case "not_allowed":
      return { title: `${name} left`, text: "Their invitation no longer holds for this room." };
    case "kicked":
      return { title: `${name} was put out`, text: "Whoever runs this application did that." };
    case "revoked":
      return { title: `${name} is gone`, text: "Their access was taken back." };
    case "disconnected":
    case "timed_out":
      return { title: `${name} is gone`, text: "They lost the server and did not come back." };
  }
}

const SHOWN_MS = 12_000;
