/** A picture and a sound made by the page, for those without a camera. */
export interface Generated {
  stream: MediaStream;
  stop(): void;
}

/** A moving picture (a bridge, somebody crossing it, the name, the time) and a silent track. */
export function generatePicture(name: () => string): Generated {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const pen = canvas.getContext("2d");
  const draw = (): void => {
    if (pen) {
      paint(pen, name(), new Date());
    }
  };
  draw();
  // Not by animation frames: they stop in a tab that is not looked at, and others still look.
  const timer = setInterval(draw, 1000 / FRAMES_PER_SECOND);
  const stream = canvas.captureStream(FRAMES_PER_SECOND);
  const silence = silentTrack();
  if (silence) {
    stream.addTrack(silence.track);
  }
  return {
    stream,
    stop: () => {
      clearInterval(timer);
      void silence?.sound.close();
      for (const track of stream.getTracks()) {
        track.stop();
      }
    },
  };
}

function silentTrack(): { track: MediaStreamTrack; sound: AudioContext } | undefined {
  try {
    const sound = new AudioContext();
    const [track] = sound.createMediaStreamDestination().stream.getAudioTracks();
    return track && { track, sound };
  } catch {
    // No sound device at all: the picture alone will do.
    return undefined;
  }
}

function paint(pen: CanvasRenderingContext2D, name: string, now: Date): void {
  const hue = hueOf(name);
  const seconds = now.getTime() / 1000;
  const sky = pen.createLinearGradient(0, 0, 0, HEIGHT);
  sky.addColorStop(0, `hsl(${hue} 42% 24%)`);
  sky.addColorStop(0.72, `hsl(${(hue + 14) % 360} 36% 44%)`);
  sky.addColorStop(0.7201, `hsl(${hue} 40% 20%)`);
  sky.addColorStop(1, `hsl(${hue} 46% 13%)`);
  pen.fillStyle = sky;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  paintWater(pen, seconds);
  paintBridge(pen);
  paintWalker(pen, seconds);
  paintWords(pen, name, now);
}

function paintBridge(pen: CanvasRenderingContext2D): void {
  pen.strokeStyle = "rgb(255 250 240 / 0.85)";
  pen.lineWidth = 5;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(-10, DECK_ENDS);
  pen.quadraticCurveTo(WIDTH / 2, DECK_PEAK, WIDTH + 10, DECK_ENDS);
  pen.stroke();
  pen.lineWidth = 4;
  for (const [x, radius] of ARCHES) {
    pen.beginPath();
    pen.arc(x, WATER, radius, Math.PI, 0);
    pen.stroke();
  }
}

/** Somebody goes to and fro on the bridge: proof that the picture lives. */
function paintWalker(pen: CanvasRenderingContext2D, seconds: number): void {
  const way = (1 - Math.cos((seconds * Math.PI * 2) / CROSSING_S)) / 2;
  const x = 40 + way * (WIDTH - 80);
  const along = x / WIDTH;
  // The height of the quadratic curve of the deck at this place.
  const deck =
    (1 - along) ** 2 * DECK_ENDS + 2 * along * (1 - along) * DECK_PEAK + along ** 2 * DECK_ENDS;
  pen.fillStyle = "#f2b59f";
  pen.beginPath();
  pen.arc(x, deck - 19 - Math.abs(Math.sin(seconds * 5)) * 4, 13, 0, Math.PI * 2);
  pen.fill();
}

function paintWater(pen: CanvasRenderingContext2D, seconds: number): void {
  pen.strokeStyle = "rgb(255 250 240 / 0.16)";
  pen.lineWidth = 2;
  for (let line = 0; line < 5; line += 1) {
    const y = WATER + 14 + line * 17;
    const shift = Math.sin(seconds * 0.8 + line * 1.7) * 22;
    for (let x = -60 + shift + (line % 2) * 55; x < WIDTH; x += 128 + line * 9) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + 44 + line * 6, y);
      pen.stroke();
    }
  }
}

function paintWords(pen: CanvasRenderingContext2D, name: string, now: Date): void {
  pen.textAlign = "center";
  pen.fillStyle = "#fffaf0";
  pen.font = `600 44px ${FONT}`;
  pen.fillText(name, WIDTH / 2, 92, WIDTH - 80);
  pen.font = `500 22px ${FONT}`;
  pen.fillStyle = "rgb(255 250 240 / 0.75)";
  pen.fillText(now.toLocaleTimeString("en-GB"), WIDTH / 2, 128);
}

/** The same name has the same colour everywhere. */
function hueOf(name: string): number {
  let hash = 7;
  for (const letter of name) {
    hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  }
  return HUES[hash % HUES.length] ?? 0;
}

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES_PER_SECOND = 20;
const WATER = 259;
const DECK_ENDS = 236;
const DECK_PEAK = 138;
const ARCHES: readonly (readonly [number, number])[] = [
  [320, 62],
  [188, 44],
  [452, 44],
  [84, 26],
  [556, 26],
];
/** Glaze, brick, dusk, plum, river, sky, rose. */
const HUES = [188, 8, 236, 292, 158, 210, 338];
const CROSSING_S = 14;
const FONT = '"Figtree Variable", system-ui, sans-serif';
