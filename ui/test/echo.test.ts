import { afterEach, expect, test, vi } from "vitest";
import { Echo } from "../src/model/echo.js";

/** One end of a data channel whose other end is `peer`. */
class FakeChannel extends EventTarget {
  binaryType = "blob";
  readyState: RTCDataChannelState = "open";
  peer: FakeChannel | undefined;
  /** Changes what arrives at the other end. */
  damage: (frame: Uint8Array) => void = () => undefined;

  send(data: ArrayBuffer | Uint8Array): void {
    const bytes = new Uint8Array(data instanceof ArrayBuffer ? data.slice(0) : data.slice().buffer);
    this.damage(bytes);
    this.peer?.dispatchEvent(new MessageEvent("message", { data: bytes.buffer }));
  }
}

function pair() {
  const [here, there] = [new FakeChannel(), new FakeChannel()];
  [here.peer, there.peer] = [there, here];
  const echo = new Echo(here as unknown as RTCDataChannel);
  new Echo(there as unknown as RTCDataChannel);
  return { echo, here, there };
}

afterEach(() => vi.useRealTimers());

test.each([0, 1, 30_000, 200_000])("%i bytes go there and back", async (bytes) => {
  const { echo } = pair();
  expect(await echo.run(bytes)).toBeGreaterThanOrEqual(0);
});

test("both ends may ask at once", async () => {
  const { echo, there } = pair();
  const other = new Echo(there as unknown as RTCDataChannel);
  await Promise.all([echo.run(10), other.run(10), echo.run(20)]);
});

test("what comes back changed is not accepted", async () => {
  const { echo, there } = pair();
  there.damage = (frame) => frame.set([frame[9]! ^ 1], 9);
  await expect(echo.run(100)).rejects.toThrow("not what was sent");
});

test("a channel that is not open, or never answers, is told", async () => {
  vi.useFakeTimers();
  const { echo, here } = pair();
  here.peer = undefined;
  const silent = expect(echo.run(10)).rejects.toThrow("nothing came back");
  await vi.advanceTimersByTimeAsync(10_000);
  await silent;
  here.readyState = "connecting";
  await expect(echo.run(10)).rejects.toThrow("not open");
});
