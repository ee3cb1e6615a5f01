// Builds the bridge to one classic script: it has to run before anything of the page, which no module does.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    target: "es2022",
    lib: { entry: "src/main.ts", formats: ["iife"], name: "vitrineBridge", fileName: () => "bridge.js" },
  },
});
