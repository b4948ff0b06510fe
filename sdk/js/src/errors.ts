import type { Refusal } from "./protocol.js";

/**
 * Something the server refused, or that could not be asked.
 *
 * `code` is a code of the protocol (`room_full`, `no_such_member`, …) or one of this package:
 * `disconnected` (the connection ended before the answer), `timeout` (no answer came),
 * `closed` (the client was closed), `token` (there is none to show), `replaced`, `not_allowed`,
 * `kicked` and `room_closed` (put out of a room: `left` of the protocol says why), `not_supported`
 * (this environment has neither WebSocket nor fetch, or no WebRTC).
 */
export class KopruError extends Error {
  override readonly name = "KopruError";
  readonly code: string;
  /** How long to wait before trying again, when the server says so. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, retryAfterMs?: number) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** The error that a refusal of the server stands for. */
  static refused(refusal: Refusal): KopruError {
    const { code, message, retry_after_s } = refusal;
    return new KopruError(
      code,
      message,
      retry_after_s === undefined ? undefined : retry_after_s * 1000,
    );
  }
}
