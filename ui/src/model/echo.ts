/**
 * A data channel on which everybody sends back what they are asked to: the proof that the channel
 * carries data both ways.
 *
 * ```text
 *   question  0 | number (4 bytes) | payload          answer  1 | number | the same payload
 * ```
 */
export class Echo {
  readonly #channel: RTCDataChannel;
  readonly #waiting = new Map<number, (payload: Uint8Array) => void>();
  #number = 0;

  constructor(channel: RTCDataChannel) {
    this.#channel = channel;
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }) => {
      if (data instanceof ArrayBuffer && data.byteLength >= HEADER_BYTES) {
        this.#receive(data);
      }
    });
  }

  /**
   * Sends random bytes there and back.
   *
   * @returns the time it took in milliseconds
   * @throws Error when the channel is not open, nothing comes back, or it comes back changed
   */
  async run(bytes: number): Promise<number> {
    if (this.#channel.readyState !== "open") {
      throw new Error("the data channel is not open");
    }
    const payload = randomBytes(bytes);
    const number = (this.#number += 1);
    const frame = new Uint8Array(HEADER_BYTES + bytes);
    new DataView(frame.buffer).setUint32(1, number);
    frame.set(payload, HEADER_BYTES);
    const started = performance.now();
    const answer = this.#answer(number);
    this.#channel.send(frame);
    if (!same(await answer, payload)) {
      throw new Error("what came back is not what was sent");
    }
    return performance.now() - started;
  }

  #receive(frame: ArrayBuffer): void {
    const view = new DataView(frame);
    if (view.getUint8(0) === QUESTION) {
      view.setUint8(0, ANSWER);
      this.#channel.send(frame);
      return;
    }
    this.#waiting.get(view.getUint32(1))?.(new Uint8Array(frame, HEADER_BYTES));
  }

  #answer(number: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#waiting.delete(number);
        reject(new Error("nothing came back"));
      }, TIMEOUT_MS);
      this.#waiting.set(number, (payload) => {
        clearTimeout(deadline);
        this.#waiting.delete(number);
        resolve(payload);
      });
    });
  }
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += RANDOM_BYTES_MAX) {
    crypto.getRandomValues(bytes.subarray(start, start + RANDOM_BYTES_MAX));
  }
  return bytes;
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

const QUESTION = 0;
const ANSWER = 1;
const HEADER_BYTES = 5;
const TIMEOUT_MS = 10_000;
/** More at once is refused by `crypto.getRandomValues`. */
const RANDOM_BYTES_MAX = 65_536;
