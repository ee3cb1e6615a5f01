import { afterAll, expect, test } from "vitest";
import server from "../../../docs/problems.md?raw";
import titles from "../i18n/de/titles.json";
import { startLanguage } from "../i18n/i18n";
import {
  ApiProblem,
  asProblem,
  NO_ANSWER,
  noAnswer,
  parseProblem,
  problemOf,
  titleOf,
  UNREADABLE,
} from "./problem";

afterAll(() => startLanguage("en"));

const conflict = {
  type: "/docs/problems#draft_conflict",
  title: "The draft has changed since you read it",
  status: 409,
  code: "draft_conflict",
  detail: "Read it again.",
  request_id: "req_1",
  latest_version: 7,
  errors: [{ path: "src/App.tsx", code: "draft_conflict", message: "changed" }, "not an item"],
};

test("a problem document keeps everything the page acts on", async () => {
  const response = new Response(JSON.stringify(conflict), { status: 409 });
  const problem = await problemOf(response);
  expect(problem).toBeInstanceOf(ApiProblem);
  expect(problem).toMatchObject({
    status: 409,
    code: "draft_conflict",
    requestId: "req_1",
    latestVersion: 7,
  });
  expect(problem.errors).toEqual([conflict.errors[0]]);
  expect(problem.isTransient).toBe(false);
});

test("an answer that is not ours is told apart", async () => {
  const problem = await problemOf(new Response("<h1>502</h1>", { status: 502 }));
  expect(problem).toMatchObject({ status: 502, code: UNREADABLE, isTransient: true });
});

test("what is no problem document is refused", () => {
  for (const body of [null, [], "text", {}, { title: "x", status: "409", code: "y" }]) {
    expect(parseProblem(body)).toBeNull();
  }
});

test("no answer may pass, a fault of the page does not", () => {
  expect(noAnswer()).toMatchObject({ code: NO_ANSWER, isTransient: true });
  expect(asProblem(new Error("boom"))).toMatchObject({
    code: "page_error",
    detail: "boom",
    isTransient: false,
  });
});

test("a problem has its title in the language that is spoken, and one that is not known keeps its own", async () => {
  await startLanguage("de");
  const problem = new ApiProblem({ ...conflict, errors: [] });
  expect(problem.title).toBe("Der Entwurf hat sich geändert, seit du ihn gelesen hast");
  expect(titleOf({ code: "of_a_newer_server", title: "Something new" })).toBe("Something new");
  await startLanguage("en");
  expect(problem.title).toBe(conflict.title);
});

test("every code that the server documents has a German title", () => {
  const codes = [...server.matchAll(/^\| ?(?:<a [^>]*><\/a>)?`(\w+)`/gm)].map((match) => match[1] ?? "");
  expect(codes.length).toBeGreaterThan(60);
  expect(codes.filter((code) => !(code in titles))).toEqual([]);
});
