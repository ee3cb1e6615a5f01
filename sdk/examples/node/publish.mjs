// From nothing to a published site: `VITRINE_KEY=… node publish.mjs`
import { PublishFailed, Vitrine } from "@vitrine/client";

const { VITRINE_URL = "http://localhost:4400", VITRINE_KEY = "" } = process.env;
const vitrine = new Vitrine({ url: VITRINE_URL, auth: { key: VITRINE_KEY } });

const app = await vitrine.apps.create({ name: "Made by a program", template: "chat-classic" });
const page = await app.draft.readText("index.html");
await app.draft.write({
  "index.html": page.replace(/<title>.*<\/title>/, "<title>Hello from Node.js</title>"),
});

try {
  const publish = await app.publishes.publish();
  const { site_url } = await publish.wait({
    onProgress: ({ steps }) => {
      const step = steps.find(({ status }) => status === "active");
      if (step) console.log(`… ${step.name}`);
    },
  });
  console.log(`published: ${site_url}`);
} catch (error) {
  if (!(error instanceof PublishFailed)) throw error;
  console.error(
    `${error.message}\n${error.errors.map(({ path, message }) => `${path}: ${message}`).join("\n")}`,
  );
  process.exitCode = 1;
}
