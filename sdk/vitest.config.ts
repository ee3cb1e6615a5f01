// The SDK's tests run its sources; what is built is tried by the tests end to end.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@vitrine\/client\/(.+)$/, replacement: source("client/src/$1.ts") },
      { find: /^@vitrine\/client$/, replacement: source("client/src/index.ts") },
    ],
  },
  test: { include: ["client/test/**/*.test.ts", "react/test/**/*.test.tsx"] },
});
