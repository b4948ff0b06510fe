import type { Json, StoryEntry } from "kopru";
import type { Tone } from "./story.js";

/** An entry of a timeline in words. */
export interface EntryWords {
  words: string;
  tone?: Tone;
  /** Seen by kopru: from there it goes to the one of whom it tells. */
  relay?: boolean;
  /** Goes from one of the two to the other. */
  across?: boolean;
}

/** Gives the name of a member, `you` for one's own, `undefined` for nobody. */
export type NameOf = (member: string | undefined) => string | undefined;

/** Says what happened, and how often. */
export function entryWords(entry: StoryEntry, nameOf: NameOf): EntryWords {
  const said = eventWords(entry, nameOf(entry.who) ?? "both");
  const times = Number(entry["times"] ?? 1);
  return times > 1 ? { ...said, words: `${said.words} (${times} times)` } : said;
}

function eventWords(entry: StoryEntry, name: string): EntryWords {
  const subject = capital(name);
  switch (entry.what) {
    case "joined":
      return { words: `${subject} came into the room` };
    case "offer":
      return { words: `${subject} offered a connection`, across: true };
    case "answer":
      return { words: `${subject} answered`, across: true };
    case "rollback":
      return { words: `${subject} took the offer back`, across: true };
    case "superseded":
      return { words: `${subject}: overtaken by a newer offer` };
    case "end_of_candidates":
      return { words: `${subject}: no more addresses`, across: true };
    case "reconnecting":
      return { words: `${subject} lost the server`, tone: "bad" };
    case "back":
      return { words: `${subject} came back to the server` };
    case "left":
      return { words: leaveWords(subject, entry["reason"]) };
    case "nothing_in_common":
      return { words: `No ${list(entry["kinds"])} codec in common`, tone: "bad" };
    case "candidate":
      return { words: `${subject}: ${candidateWords(entry)}`, across: true };
    case "ice":
      return iceWords(subject, entry["state"]);
    case "pair":
      return { words: `${subject}: ${pairWords(entry)}`, tone: "good" };
    case "error":
      return { words: `${subject}: ${errorWords(entry)}`, tone: "bad" };
    case "turn":
      return turnWords(name, fieldsOf(entry["turn"]));
    default:
      return { words: `${subject}: ${entry.what.replaceAll("_", " ")}` };
  }
}

function leaveWords(subject: string, reason: Json | undefined): string {
  switch (reason) {
    case "disconnected":
    case "timed_out":
      return `${subject} lost the server and did not come back`;
    case "replaced":
      return `${subject} joined on another device`;
    case "not_allowed":
      return `${subject} may not be here any more`;
    default:
      return `${subject} left`;
  }
}

function candidateWords(entry: StoryEntry): string {
  const { type, protocol } = fieldsOf(entry["candidate"]);
  const over = protocol === "tcp" ? " (TCP)" : "";
  switch (type) {
    case "relay":
      return `an address at the relay${over}`;
    case "srflx":
    case "prflx":
      return `an address as others see it${over}`;
    default:
      return `an address of the device${over}`;
  }
}

function iceWords(subject: string, state: Json | undefined): EntryWords {
  switch (state) {
    case "checking":
      return { words: `${subject}: trying paths` };
    case "connected":
    case "completed":
      return { words: `${subject}: connected`, tone: "good" };
    case "disconnected":
      return { words: `${subject}: nothing arrives any more`, tone: "bad" };
    case "failed":
      return { words: `${subject}: no path works`, tone: "bad" };
    case "closed":
      return { words: `${subject} closed the connection` };
    default:
      return { words: `${subject}: waiting for addresses` };
  }
}

function pairWords(entry: StoryEntry): string {
  const { local, remote } = fieldsOf(entry["pair"]);
  const [here, there] = [fieldsOf(local), fieldsOf(remote)];
  const via = here["relay_protocol"];
  const over = typeof via === "string" && via !== "" ? ` over ${via.toUpperCase()}` : "";
  if (here["type"] === "relay") {
    return there["type"] === "relay" ? `relayed${over}, at both ends` : `relayed${over}`;
  }
  return there["type"] === "relay" ? "relayed at the other end" : "a direct path";
}

function errorWords(entry: StoryEntry): string {
  const { url, code, text } = fieldsOf(entry["error"]);
  const server = typeof url === "string" && url !== "" ? ` from ${url}` : " from a server";
  return code === NO_ANSWER
    ? `no answer${server}`
    : `refused with ${String(code)}${text ? ` (${String(text)})` : ""}${server}`;
}

/** What only the relay can know. */
function turnWords(name: string, saw: Fields): EntryWords {
  const whose = name === "you" ? "your" : `${name}’s`;
  const { allocated, refused, peer_refused: peerRefused, ended } = saw;
  if (allocated !== undefined) {
    const reach = saw["relayed_private"] === true ? ", which nobody outside can reach" : "";
    const words = `The relay gave ${name} an address over ${upper(allocated)}${reach}`;
    // Whether that matters, the verdict says: two in one network need no more.
    return { words, relay: true };
  }
  if (refused !== undefined) {
    const words = `The relay refused ${whose} credential: ${refusedWords(refused, saw["why"])}`;
    return { words, relay: true, tone: "bad" };
  }
  if (peerRefused !== undefined) {
    const peer = typeof saw["peer"] === "string" ? saw["peer"] : "the other’s address";
    return { words: `The relay may not send to ${peer} for ${name}`, relay: true, tone: "bad" };
  }
  if (ended !== undefined) {
    const bytes = Number(saw["to_peers_bytes"] ?? 0) + Number(saw["to_client_bytes"] ?? 0);
    const end = `${endedWords(ended)}, ${bytesWords(bytes)} carried`;
    const over = saw["transport"] === undefined ? "" : ` over ${upper(saw["transport"])}`;
    return { words: `The relay ended ${whose} address${over}: ${end}`, relay: true };
  }
  return { words: `The relay saw ${name}`, relay: true };
}

function refusedWords(code: Json, why: Json | undefined): string {
  switch (why) {
    case "wrong_password":
      return "it is not valid";
    case "expired":
      return "its time is over";
    case "barred":
      return "it was taken back";
    case "quota":
      return "there are as many as there may be";
    case "capacity":
      return "no address is left";
    default:
      return `error ${String(code)}`;
  }
}

function endedWords(reason: Json): string {
  switch (reason) {
    case "deleted":
      return "given back";
    case "disconnected":
      return "its connection ended";
    case "revoked":
      return "taken back";
    case "left":
      return "its member had left";
    case "shutdown":
      return "the relay stopped";
    default:
      return "its time was over";
  }
}

/** `812 bytes`, `3.4 MB`. */
export function bytesWords(bytes: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** step;
  const number = step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1);
  return `${number} ${UNITS[step] ?? ""}`;
}

type Fields = { [field: string]: Json | undefined };

function fieldsOf(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

function list(value: Json | undefined): string {
  return Array.isArray(value) ? value.join(" or ") : "";
}

function upper(value: Json): string {
  return String(value).toUpperCase();
}

function capital(name: string): string {
  return name === "you" ? "You" : name === "both" ? "Both" : name;
}

const UNITS = ["bytes", "kB", "MB", "GB"];
/** W3C WebRTC §4.8.3: the server was not reached. */
const NO_ANSWER = 701;
