import type { Story, StoryEntry, StoryState, Verdict } from "kopru";
import { entryWords } from "./story-words.js";
import { milliseconds, pathName } from "./words.js";

/** A column of the timeline: this person, kopru with its relay, the other one. */
export type Lane = 0 | 1 | 2;

/** One line of the timeline. */
export interface StoryLine {
  /** Since the beginning, for people. */
  at: string;
  /** Of whom it tells. */
  lane: Lane;
  /** To whom it goes, when it does. */
  to: Lane | undefined;
  words: string;
  tone: Tone;
}

/** How something is: as it should be, not so, or neither. */
export type Tone = "good" | "bad" | "plain";

/** The timeline as `own` reads it. Another pair of the same kind is no news to people. */
export function storyLines(story: Story, own: string): StoryLine[] {
  const paths = new Map<string | undefined, string>();
  return story.timeline.flatMap((entry) => {
    const line = lineOf(story, entry, own);
    const isKnown = entry.what === "pair" && paths.get(entry.who) === line.words;
    if (entry.what === "pair") {
      paths.set(entry.who, line.words);
    }
    return isKnown ? [] : [line];
  });
}

/** Who is who in the columns. */
export function laneNames(story: Story, own: string): [string, string, string] {
  const other = story.members.find(({ member }) => member !== own);
  return ["You", "kopru", other?.name || "Somebody"];
}

/** What the verdict is about, as a colour. */
export function verdictTone({ verdict }: Story): Tone {
  switch (verdict.class) {
    case "connected_direct":
    case "connected_relayed":
      return "good";
    case "connecting":
    case "ended":
      return "plain";
    default:
      return "bad";
  }
}

/** What is the matter, in a sentence; `undefined` where nothing is known to be. */
export function troubleWords(story: Story): string | undefined {
  return verdictTone(story) === "bad" ? story.verdict.cause : undefined;
}

/** How sure a verdict is. */
export function sureWords(sure: Verdict["sure"]): string {
  switch (sure) {
    case "certain":
      return "Certain: it was seen";
    case "likely":
      return "Likely: it follows from what was seen";
    case "guess":
      return "A guess: nothing speaks against it";
  }
}

/** How a connection stands. */
export function stateWords({ state, lasted_ms: lastedMs }: Story): string {
  const words: { [S in StoryState]: string } = {
    connecting: "Connecting",
    connected: "Connected",
    reconnecting: "Looking for another way",
    failed: "No way through",
    ended: lastedMs === undefined ? "Over" : `Over, after ${timeWords(lastedMs)}`,
  };
  return words[state];
}

/** How packets went, if they ever did. */
export function pathWords({ path, state }: Story): string {
  return path === undefined ? (isOver(state) ? "None" : "None yet") : pathName(path);
}

/** How long it took until it was connected. */
export function setupWords({ setup_ms: setupMs, state }: Story): string {
  const never = isOver(state) ? "Never" : "Not yet";
  return setupMs === undefined ? never : `in ${milliseconds(setupMs)}`;
}

/** `−0.05 s`, `0.41 s`, `12.5 s`, `2:05 min`: since the beginning, or before. */
export function timeWords(ms: number): string {
  if (ms < 0) {
    return `−${timeWords(-ms)}`;
  }
  const seconds = ms / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  }
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

function isOver(state: StoryState): boolean {
  return state === "failed" || state === "ended";
}

function lineOf(story: Story, entry: StoryEntry, own: string): StoryLine {
  const nameOf = (member: string | undefined) => nameIn(story, member, own);
  const { words, tone = "plain", relay = false, across = false } = entryWords(entry, nameOf);
  const member = laneOf(entry, own);
  const lane = relay ? 1 : member;
  const to = relay ? member : across ? opposite(member) : undefined;
  return { at: timeWords(entry.at_ms), lane, to: to === lane ? undefined : to, words, tone };
}

function nameIn({ members }: Story, member: string | undefined, own: string): string | undefined {
  const found = members.find((one) => one.member === member);
  return member === own ? "you" : found && (found.name || "Somebody");
}

function laneOf({ who }: StoryEntry, own: string): Lane {
  return who === undefined ? 1 : who === own ? 0 : 2;
}

function opposite(lane: Lane): Lane {
  return lane === 0 ? 2 : 0;
}
