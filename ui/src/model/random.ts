/** A whole number from 0 to `below` − 1. */
export function randomBelow(below: number): number {
  const [value] = crypto.getRandomValues(new Uint32Array(1));
  return (value ?? 0) % below;
}

/** One of these, by chance. */
export function randomOf(choices: readonly [string, ...string[]]): string {
  return choices[randomBelow(choices.length)] ?? choices[0];
}
