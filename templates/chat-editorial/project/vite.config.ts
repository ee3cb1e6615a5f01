import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: one build works at the root of a host and below any path.
  base: "./",
  plugins: [react(), tailwindcss()],
  build: {
    // Assets stay files, so that a strict content security policy can serve them.
    assetsInlineLimit: 0,
  },
});
