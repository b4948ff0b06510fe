/** A soft double tone, again and again; silent where the browser plays no sound. */
export function startTone(): () => void {
  let sound: AudioContext;
  try {
    sound = new AudioContext();
  } catch {
    return () => undefined;
  }
  const ring = (): void => {
    for (const [at, pitch] of TONES) {
      strike(sound, sound.currentTime + at, pitch);
    }
  };
  ring();
  const timer = setInterval(ring, INTERVAL_MS);
  return () => {
    clearInterval(timer);
    void sound.close();
  };
}

/** One tone that dies away like a bell's. */
function strike(sound: AudioContext, at: number, pitch: number): void {
  const tone = sound.createOscillator();
  const loudness = sound.createGain();
  tone.frequency.value = pitch;
  loudness.gain.setValueAtTime(0, at);
  loudness.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
  loudness.gain.exponentialRampToValueAtTime(LOUDNESS / 1000, at + DECAY_S);
  tone.connect(loudness).connect(sound.destination);
  tone.start(at);
  tone.stop(at + DECAY_S);
}

/** When, in seconds, and how high, in Hz. */
const TONES: readonly (readonly [number, number])[] = [
  [0, 659],
  [0.28, 880],
];
const LOUDNESS = 0.12;
const DECAY_S = 0.9;
const INTERVAL_MS = 2600;
