import type { CallReason, CallState } from "kopru";
import type { Notice } from "./words.js";

/** What a call of one's own says of itself; `name` is who is called, `undefined` everybody. */
export function ringWords(state: CallState, name = "everybody"): string {
  switch (state) {
    case "inviting":
      return `Calling ${name}`;
    case "ringing":
      return name === "everybody" ? "It rings" : `It rings at ${name}’s`;
    case "connecting":
    case "accepted":
      return `Connecting with ${name}`;
    case "reconnecting":
      return `Looking for another way to ${name}`;
    default:
      return `In a call with ${name}`;
  }
}

/** What to say when a call is over; nothing where this person ended it. */
export function callEndWords(
  reason: CallReason,
  incoming: boolean,
  name: string | undefined,
): Notice | undefined {
  return incoming ? takenWords(reason, name ?? "Somebody") : madeWords(reason, name);
}

/** Somebody else had called. */
function takenWords(reason: CallReason, name: string): Notice | undefined {
  switch (reason) {
    case "cancelled":
    case "timeout":
      return { title: `You missed a call from ${name}`, text: "You can call back." };
    case "answered_elsewhere":
      return { title: "Answered elsewhere", text: `The call from ${name} goes on there.` };
    case "rejected":
    case "busy":
    case "glare":
      return undefined;
    default:
      return overWords(reason, name);
  }
}

/** This person had called. */
function madeWords(reason: CallReason, name: string | undefined): Notice | undefined {
  switch (reason) {
    case "rejected":
      return name === undefined
        ? { title: "Nobody took the call", text: "Those who answered said no." }
        : { title: `${name} can’t take the call now`, text: "They said no." };
    case "busy":
      return {
        title: name === undefined ? "Everybody is busy" : `${name} is busy`,
        text: "There is another call. Try again in a while.",
      };
    case "timeout":
      return {
        title: name === undefined ? "Nobody answered" : `${name} did not answer`,
        text: "It rang until its time was over. Try again in a while.",
      };
    case "cancelled":
    case "glare":
      return undefined;
    default:
      return overWords(reason, name ?? "The others");
  }
}

/** The call had begun. */
function overWords(reason: CallReason, name: string): Notice {
  switch (reason) {
    case "left":
      return { title: "The call is over", text: `${name} left the room.` };
    case "failed":
      return {
        title: "The call did not come about",
        text: `No connection with ${name} could be made in time.`,
      };
    default:
      return { title: "The call is over", text: "You are still in the room." };
  }
}

/** What to say when a call could not be made at all. */
export function refusalWords(code: string): Notice {
  const title = "The call could not be made";
  switch (code) {
    case "no_such_member":
      return { title, text: "There is nobody to call: they have left." };
    case "too_many_calls":
      return { title, text: "There are as many calls here as there may be. Try again later." };
    case "unknown_type":
      return { title, text: "This server knows no calls." };
    case "disconnected":
    case "timeout":
      return { title, text: "The server is not reached. Try again when it is." };
    default:
      return { title, text: "The server did not allow it. Try again in a while." };
  }
}
