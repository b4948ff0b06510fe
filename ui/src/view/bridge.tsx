import type { JSX } from "preact";

/** The mark: two people on a bridge, who are also the dots of the ö. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 40 34" aria-hidden="true">
      <g class="mark-stone">
        <path d="M3 18Q20 10 37 18" />
        <path d="M10 30a10 10 0 0 1 20 0" />
      </g>
      <g class="mark-people">
        <circle cx="14" cy="6" r="3" />
        <circle cx="26" cy="6" r="3" />
      </g>
    </svg>
  );
}

/** How a connection stands, as a small bridge between two dots. */
export type Span = "building" | "direct" | "relayed" | "broken";

/** The bridge to somebody: dashed while it is built, with a pillar when a relay carries it. */
export function SpanGlyph({ span }: { span: Span }): JSX.Element {
  return (
    <svg class={`span span-${span}`} viewBox="0 0 38 16" aria-hidden="true">
      {span === "broken" ? (
        <path d="M4 12Q9 5 14.5 3.6M23.5 3.6Q29 5 34 12" />
      ) : (
        <path d="M4 12Q19 -5 34 12" />
      )}
      {span === "relayed" && <path class="span-pillar" d="M19 4V14" />}
      <circle cx="4" cy="12" r="3" />
      <circle cx="34" cy="12" r="3" />
    </svg>
  );
}

/** A stone bridge over water, quiet behind everything. */
export function Landscape(): JSX.Element {
  return (
    <svg
      class="landscape"
      viewBox="0 0 1440 290"
      preserveAspectRatio="xMidYMax slice"
      aria-hidden="true"
    >
      <g>
        <path d="M-20 150Q720 8 1460 150" />
        <path d="M-20 166Q720 24 1460 166" />
        <path d="M594 236V218a126 126 0 0 1 252 0v18" />
        <path d="M330 236V212a96 96 0 0 1 192 0v24" />
        <path d="M918 236V212a96 96 0 0 1 192 0v24" />
        <path d="M128 236V218a66 66 0 0 1 132 0v18" />
        <path d="M1180 236V218a66 66 0 0 1 132 0v18" />
      </g>
      <g class="landscape-water">
        <path d="M-20 238H1460" />
        <path d="M90 258h190M420 258h86M640 258h210M1010 258h120M1240 258h150" />
        <path d="M-10 278h130M250 278h170M560 278h90M770 278h190M1120 278h96M1330 278h130" />
      </g>
    </svg>
  );
}

/** One side of the bridge is taken, the other side is awaited. */
export function Waiting(): JSX.Element {
  return (
    <svg class="waiting" viewBox="0 0 240 96" aria-hidden="true">
      <g class="waiting-stone">
        <path d="M10 58Q120 10 230 58" />
        <path d="M82 86a38 38 0 0 1 76 0" />
      </g>
      <circle class="waiting-here" cx="58" cy="26" r="9" />
      <circle class="waiting-there" cx="182" cy="26" r="9" />
    </svg>
  );
}
