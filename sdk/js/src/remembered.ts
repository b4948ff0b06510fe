import type { TransportName } from "./transport.js";

/**
 * What carried a session to this server last, as this tab knows: a page that is loaded again does
 * not find out anew what a proxy blocks. For a while only, since devices move.
 */
export function recallTransport(url: string): TransportName | undefined {
  try {
    const { name, at } = JSON.parse(sessionStorage.getItem(KEY + url) ?? "{}") as Remembered;
    const isFresh = at !== undefined && Date.now() - at < REMEMBERED_MS;
    return isFresh ? name : undefined;
  } catch {
    // Storage is forbidden here, or somebody else wrote into it.
    return undefined;
  }
}

/** Keeps it. */
export function rememberTransport(url: string, name: TransportName): void {
  try {
    sessionStorage.setItem(KEY + url, JSON.stringify({ name, at: Date.now() }));
  } catch {
    // There is none, or it is full.
  }
}

interface Remembered {
  name?: TransportName;
  at?: number;
}

const KEY = "kopru transport ";
const REMEMBERED_MS = 10 * 60_000;
