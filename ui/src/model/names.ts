import { randomBelow, randomOf } from "./random.js";

/** A friendly name for somebody who gave none. */
export function someName(): string {
  return `${randomOf(QUALITIES)} ${randomOf(BIRDS)}`;
}

/** A room name that is easy to say on the telephone, and not guessed by chance. */
export function someRoom(): string {
  return `${randomOf(BRIDGES)}-${randomOf(PLACES)}-${100 + randomBelow(900)}`;
}

const QUALITIES = [
  "Amber",
  "Brisk",
  "Calm",
  "Coral",
  "Early",
  "Gentle",
  "Golden",
  "Lucky",
  "Merry",
  "Quiet",
  "Silver",
  "Swift",
] as const;

const BIRDS = [
  "Crane",
  "Dove",
  "Finch",
  "Gull",
  "Heron",
  "Kite",
  "Lark",
  "Robin",
  "Stork",
  "Swallow",
  "Tern",
  "Wren",
] as const;

const BRIDGES = ["arch", "cable", "ferry", "foot", "rope", "span", "stone", "timber"] as const;

const PLACES = [
  "bay",
  "delta",
  "ford",
  "garden",
  "harbour",
  "island",
  "lake",
  "meadow",
  "mill",
  "river",
  "shore",
  "valley",
] as const;
