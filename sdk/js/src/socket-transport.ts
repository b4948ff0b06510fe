import type { Listener, Transport } from "./transport.js";

/** Frames over a WebSocket. */
export class SocketTransport implements Transport {
  readonly #socket: WebSocket | undefined;

  constructor(url: string, listener: Listener) {
    try {
      this.#socket = new WebSocket(url);
    } catch {
      // Where a policy of the page forbids it.
      queueMicrotask(() => listener.ended(CLOSE_LOST));
      return;
    }
    this.#socket.onopen = () => listener.opened();
    this.#socket.onmessage = ({ data }) => listener.received(data);
    this.#socket.onclose = ({ code, reason }) => listener.ended(code, retryAfterMs(reason));
  }

  send(frame: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(frame);
    }
  }

  close(code: number): void {
    const socket = this.#socket;
    if (socket === undefined) {
      return;
    }
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (socket.readyState <= WebSocket.OPEN) {
      socket.close(code);
    }
  }
}

/** From the reason of a close frame: `going_away;retry_after_s=4`. */
function retryAfterMs(reason: string): number | undefined {
  const seconds = /;retry_after_s=(\d+)$/.exec(reason)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

const CLOSE_LOST = 1006;
