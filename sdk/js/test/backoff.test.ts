import { expect, test } from "vitest";
import { retry } from "../src/backoff.js";

test.each([
  ["a refused token", 4401],
  ["an identity whose sessions were ended", 4403],
  ["a language not spoken", 4406],
  ["another connection in charge", 4409],
  ["a binary frame", 1003],
])("%s (%i) is final", (_, code) => {
  expect(retry(code, 0, 0.5)).toEqual({ again: false });
});

test.each([
  ["cut, first time, least", 1006, 0, 0, 250],
  ["cut, first time, most", 1006, 0, 1, 500],
  ["cut, third time", 1006, 2, 1, 2000],
  ["cut, hundredth time", 1006, 99, 1, 20_000],
  ["silent: at once", 4410, 0, 0, 250],
  ["server stopped, least", 1001, 0, 0, 1000],
  ["server stopped, most", 1001, 0, 1, 5000],
  ["too many refusals", 4429, 0, 0.5, 30_000],
  ["server full, least", 4503, 0, 0, 10_000],
  ["server full, most", 4503, 0, 1, 15_000],
])("%s: %i after %i failures", (_, code, failures, random, pauseMs) => {
  expect(retry(code, failures, random)).toEqual({ again: true, pauseMs });
});

test.each([
  ["told by a server that stops, least", 1001, 0, 0, 4000, 4000],
  ["told by a server that stops, most", 1001, 0, 1, 4000, 5000],
  ["told by a full server", 4503, 0, 0.5, 12_000, 12_500],
  ["told so often that it waits longer anyway", 4503, 99, 1, 12_000, 20_000],
])("%s: %i after %i failures", (_, code, failures, random, retryAfterMs, pauseMs) => {
  expect(retry(code, failures, random, retryAfterMs)).toEqual({ again: true, pauseMs });
});
