/** What the browser remembers for this page; nothing where it refuses to (private windows). */
export const memory = {
  /** Kept from visit to visit. */
  lasting: access(() => localStorage),
  /** Kept while this tab is open. */
  tab: access(() => sessionStorage),
};

/** One place to remember things by name. */
export interface Memory {
  read(key: string): string | undefined;
  write(key: string, value: string): void;
}

function access(storage: () => Storage): Memory {
  return {
    read(key) {
      try {
        return storage().getItem(PREFIX + key) ?? undefined;
      } catch {
        return undefined;
      }
    },
    write(key, value) {
      try {
        storage().setItem(PREFIX + key, value);
      } catch {
        // The page works without it.
      }
    },
  };
}

const PREFIX = "kopru.";
