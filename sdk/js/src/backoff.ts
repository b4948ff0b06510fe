/** What to do after a connection ended. */
export type Retry =
  /** Give up: a new connection would end in the same way. */
  | { again: false }
  /** Connect again after this pause. */
  | { again: true; pauseMs: number };

/**
 * Decides by the close code of the protocol whether to connect again, and after which pause.
 *
 * @param code the WebSocket close code
 * @param failures how many connections in a row ended before `welcome`
 * @param random a number in [0, 1), so that clients of a restarted server do not return at once
 * @param retryAfterMs what the server said to this client, and to the next one another time
 */
export function retry(
  code: number,
  failures: number,
  random: number,
  retryAfterMs?: number,
): Retry {
  if (FINAL.has(code)) {
    return { again: false };
  }
  // Whole seconds are dealt out: within one, each comes when it likes.
  const told = retryAfterMs === undefined ? undefined : retryAfterMs + 1000 * random;
  const floor = told ?? floorMs(code, failures, random);
  return { again: true, pauseMs: Math.round(Math.max(pause(failures, random), floor)) };
}

/** How long to wait after so many failures before this one, in ms. */
export function pause(failures: number, random: number): number {
  const ceiling = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(ceiling * (0.5 + random / 2));
}

/** The shortest pause after this close code, where the server did not say how long. */
function floorMs(code: number, failures: number, random: number): number {
  switch (code) {
    case CLOSE_GOING_AWAY:
      return failures === 0 ? 1000 + 4000 * random : 0;
    case CLOSE_TOO_MANY_REFUSALS:
      return 30_000;
    case CLOSE_SERVER_FULL:
      return 10_000 + 5000 * random;
    default:
      return 0;
  }
}

const PAUSE_FIRST_MS = 500;
/** The longest pause that the server did not ask for. */
export const PAUSE_MAX_MS = 20_000;

const CLOSE_GOING_AWAY = 1001;
const CLOSE_TEXT_ONLY = 1003;
const CLOSE_UNAUTHORIZED = 4401;
const CLOSE_REVOKED = 4403;
const CLOSE_UNSUPPORTED_VERSION = 4406;
const CLOSE_REPLACED = 4409;
const CLOSE_TOO_MANY_REFUSALS = 4429;
const CLOSE_SERVER_FULL = 4503;

const FINAL: ReadonlySet<number> = new Set([
  CLOSE_TEXT_ONLY,
  CLOSE_UNAUTHORIZED,
  CLOSE_REVOKED,
  CLOSE_UNSUPPORTED_VERSION,
  CLOSE_REPLACED,
]);
