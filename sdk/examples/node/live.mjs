// A live preview, and a change that shows in it: `VITRINE_KEY=… node live.mjs`
import { Vitrine } from "@vitrine/client";

const { VITRINE_URL = "http://localhost:4400", VITRINE_KEY = "" } = process.env;
const vitrine = new Vitrine({ url: VITRINE_URL, auth: { key: VITRINE_KEY } });

const app = await vitrine.apps.create({ name: "Looked at by a program", template: "chat-classic" });
const session = await app.session.running({
  onProgress: ({ timings }) => {
    const step = timings.steps.find(({ status }) => status === "active");
    if (step) console.log(`… ${step.name}`);
  },
});
// Opens the preview once, within two minutes.
console.log(`preview: ${session.preview_url}`);

const before = await app.revisions.create("Before the change");
const page = await app.draft.readText("index.html");
const { version } = await app.draft.write({ "index.html": page.replace("<title>", "<title>Changed: ") });
console.log(`version ${version} is in the preview`);

await app.revisions.restore(before.id);
console.log("and everything is as it was");
await app.delete();
