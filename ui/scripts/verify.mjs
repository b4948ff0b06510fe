// Builds the page anew and compares it with the committed one in dist/, file by file.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const committed = join(root, "dist");
const fresh = await mkdtemp(join(tmpdir(), "kopru-ui-"));

try {
  await build({ root, logLevel: "warn", build: { outDir: fresh, emptyOutDir: true } });
  const differences = await compare(committed, fresh);
  for (const difference of differences) {
    console.error(difference);
  }
  if (differences.length > 0) {
    console.error("ui/dist is not what the sources build: run `npm run build` in ui and commit it");
    process.exitCode = 1;
  } else {
    console.log("ui/dist is what the sources build");
  }
} finally {
  await rm(fresh, { recursive: true });
}

/** Names every file that is missing, left over, or different. */
async function compare(old, anew) {
  const [before, after] = [await files(old), await files(anew)];
  const missing = [...after.keys()].filter((name) => !before.has(name));
  const leftOver = [...before.keys()].filter((name) => !after.has(name));
  const different = [...after].filter(
    ([name, bytes]) => before.has(name) && !bytes.equals(before.get(name)),
  );
  return [
    ...missing.map((name) => `missing: ${name}`),
    ...leftOver.map((name) => `left over: ${name}`),
    ...different.map(([name]) => `different: ${name}`),
  ];
}

/** Every file below a directory, by its path there. */
async function files(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    paths.map(async (path) => [path.slice(directory.length + 1), await readFile(path)]),
  );
  return new Map(contents.sort());
}
