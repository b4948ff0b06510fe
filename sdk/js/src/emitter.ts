/** Stops listening. */
export type Unsubscribe = () => void;

type Listeners<Events> = { [E in keyof Events]?: Set<(event: Events[E]) => void> };

/** Tells listeners about events; `Events` names each event and what it brings. */
export class Emitter<Events extends object> {
  readonly #listeners: Listeners<Events> = {};

  /** Calls `listener` at every `event` until the returned function is called. */
  on<E extends keyof Events>(event: E, listener: (event: Events[E]) => void): Unsubscribe {
    const listeners = (this.#listeners[event] ??= new Set<(event: Events[E]) => void>());
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  protected emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    for (const listener of [...(this.#listeners[event] ?? [])]) {
      try {
        listener(payload);
      } catch (error) {
        // A mistake of the application shows in its console and stops nobody else.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
