// Writes the client's types anew from the openapi.json at the root of the repository.
import { readFile, writeFile } from "node:fs/promises";
import { typesOf } from "./openapi-types.mjs";

const openapi = JSON.parse(await readFile(new URL("../../openapi.json", import.meta.url), "utf8"));
await writeFile(new URL("../client/src/generated.ts", import.meta.url), typesOf(openapi));
