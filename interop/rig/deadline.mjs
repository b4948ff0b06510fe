// Waiting for what happens, never for time to pass.

/** How long what an idle machine does at once may take on a busy one: nothing is decided by it. */
export const PATIENCE_MS = 60_000;

/** What `promise` gives, or an error that names what was awaited. */
export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is truthy, and gives it back. */
export async function until(ms, what, ask) {
  const end = performance.now() + ms;
  let last;
  for (let pause = SHORTEST_PAUSE_MS; ; pause = Math.min(pause * 1.2, LONGEST_PAUSE_MS)) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not ${what} within ${ms} ms; last: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

// What comes soon is seen soon; what takes its time is not kept busy with answering.
const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 250;
