import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import type { Plugin } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The licences of what is built into the page go with it. */
function licences(): Plugin {
  const parts = ["preact", "@fontsource-variable/figtree"];
  return {
    name: "licences",
    generateBundle() {
      const texts = parts.map((part) => {
        const text = readFileSync(at(`node_modules/${part}/LICENSE`), "utf8");
        return `${part}\n\n${text.trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  // Relative, so that the page also works below a path of a reverse proxy.
  base: "./",
  resolve: {
    alias: {
      kopru: at("../sdk/js/src/index.ts"),
      figtree: "@fontsource-variable/figtree/files",
    },
  },
  build: {
    target: "es2022",
    // The content security policy allows files of this server only, so nothing becomes a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { "/v1": { target: "http://127.0.0.1:8080", ws: true } } },
  plugins: [licences()],
});
