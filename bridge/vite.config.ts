// Builds the bridge to one classic script: it has to run before anything of the page, which no module does.
import { defineConfig } from "vite";

// Its only segment says that everything comes from one source, and the list that debuggers pass over it: a console call is
// shown where the app made it.
const IGNORED = {
  version: 3,
  sources: ["bridge.js"],
  sourcesContent: ["// Vitrine's preview bridge"],
  names: [],
  mappings: "AAAA",
  ignoreList: [0],
  x_google_ignoreList: [0],
};

export default defineConfig({
  build: {
    target: "es2022",
    lib: { entry: "src/main.ts", formats: ["iife"], name: "vitrineBridge", fileName: () => "bridge.js" },
    rolldownOptions: {
      output: {
        footer: `//# sourceMappingURL=data:application/json;base64,${btoa(JSON.stringify(IGNORED))}`,
      },
    },
  },
});
