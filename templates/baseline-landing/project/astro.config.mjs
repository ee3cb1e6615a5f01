import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "static",
  devToolbar: { enabled: false },
  build: {
    // Pages side by side (about.html) and relative assets: one build works at the root of a host and below any path.
    format: "file",
    assetsPrefix: ".",
    // Styles and scripts stay files, so that a strict content security policy can serve them.
    inlineStylesheets: "never",
  },
  vite: {
    plugins: [tailwindcss()],
    build: { assetsInlineLimit: 0 },
    experimental: {
      // Style sheets and what they ask for (fonts, pictures) lie in one folder: the file's name is its address.
      renderBuiltUrl: (file, { hostType }) => (hostType === "css" ? `./${file.split("/").at(-1)}` : undefined),
    },
  },
});
