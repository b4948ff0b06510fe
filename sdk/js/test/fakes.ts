import { afterEach, beforeEach, vi } from "vitest";
import { FakePeer } from "./fake-peer.js";
import { FakeSocket } from "./fake-socket.js";

/** Each test of the file has a clock, a server and peers of its own. */
export function useFakes(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.install();
    FakePeer.install();
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}
