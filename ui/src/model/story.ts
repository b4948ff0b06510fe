import type { Story, StoryEntry, StoryState, Verdict } from "kopru";
import { entryWords } from "./story-words.js";

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

/** The timeline as `own` reads it. */
export function storyLines(story: Story, own: string): StoryLine[] {
  return story.timeline.map((entry) => {
    const {
      words,
      tone = "plain",
      relay = false,
      across = false,
    } = entryWords(entry, (member) => nameIn(story, member, own));
    const member = laneOf(entry, own);
    const lane = relay ? 1 : member;
    const to = relay ? member : across ? opposite(member) : undefined;
    return { at: timeWords(entry.at_ms), lane, to: to === lane ? undefined : to, words, tone };
  });
}

/** Who is who in the columns. */
export function laneNames(story: Story, own: string): [string, string, string] {
  const other = story.members.find(({ member }) => member !== own);
  return ["You", "kopru", other?.name || "Somebody"];
}

/** What the verdict is about, as a colour. */
export function verdictTone({ state, verdict }: Story): Tone {
  if (verdict.class === "connected_direct" || verdict.class === "connected_relayed") {
    return "good";
  }
  return verdict.class === "connecting" || verdict.class === "ended"
    ? "plain"
    : state === "connected"
      ? "plain"
      : "bad";
}

/** The verdict in one go: what is the matter, and what helps. */
export function verdictWords({ verdict }: Story): string {
  return [verdict.cause, verdict.cure].filter((words) => words !== "").join(" ");
}

/** How sure a verdict is. */
export function sureWords(sure: Verdict["sure"]): string {
  switch (sure) {
    case "certain":
      return "Certain";
    case "likely":
      return "Likely";
    case "guess":
      return "A guess";
  }
}

/** How a connection stands. */
export function stateWords(state: StoryState): string {
  const words: { [S in StoryState]: string } = {
    connecting: "Connecting",
    connected: "Connected",
    reconnecting: "Looking for another way",
    failed: "No way through",
    ended: "Over",
  };
  return words[state];
}

/** `0.41 s`, `12.5 s`, `2:05 min`: since the beginning. */
export function timeWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  }
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
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
