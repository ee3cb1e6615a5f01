// How the builder page is developed, built and tested. The server embeds `dist/`.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const SERVER = "http://localhost:4400";
// The page takes the SDK from its sources, so that both are built and tested as one.
const SDK = decodeURIComponent(new URL("../sdk/client/src/", import.meta.url).pathname);

export default defineConfig({
  plugins: [react()],
  base: "/",
  resolve: { alias: [{ find: /^@vitrine\/client\/(.+)$/, replacement: `${SDK}$1.ts` }] },
  server: {
    fs: { allow: [".", SDK] },
    proxy: {
      // The server takes changes from pages of its own origin alone.
      "/v1": { target: SERVER, headers: { origin: SERVER } },
      "/sign-in": { target: SERVER },
    },
  },
  // The formatter's worker loads its languages one by one.
  worker: { format: "es" },
  build: {
    target: "es2022",
    // Everything is compressed by the server; a data URI would need a wider CSP.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
