// Who speaks the signaling protocol, whatever carries it: frames in, frames out.

import { PATIENCE_MS, until } from './deadline.mjs';

export class Correspondent {
  /** What came and was not taken out yet. */
  frames = [];
  #ids = 0;

  /** The next frame that `matches`, which is taken out of those received. */
  async frame(what, matches) {
    return until(PATIENCE_MS, what, () => {
      const at = this.frames.findIndex(matches);
      return at >= 0 && this.frames.splice(at, 1)[0];
    });
  }

  /** Sends a request with an id of its own and gives back its answer. */
  async ask(request) {
    this.#ids += 1;
    const id = `${this.#ids}`;
    this.send({ ...request, id });
    return this.frame(`answered ${request.type}`, (frame) => frame.re === id);
  }

  /** Sends `hello` with these fields, and gives back what it is answered with. */
  async hello(token, fields = {}) {
    const capabilities = { rollback: true };
    this.send({ type: 'hello', v: 1, ...(token && { token }), capabilities, ...fields });
    return this.frame('welcomed', ({ type }) => type === 'welcome' || type === 'error');
  }
}
