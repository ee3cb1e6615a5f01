// The rules of the terminal: what a line means, how output becomes lines, how a stream is read.
import { expect, test } from "vitest";
import { changesNothing, commandLineOf } from "./command-line";
import { eventReader } from "./event-stream";
import { EMPTY_TERMINAL, historyStep, MAX_ROWS, withLine, withOutput, withRow } from "./terminal-log";

test("a line is a program and its arguments", () => {
  const argv = (line: string) => {
    const command = commandLineOf(line);
    return command.kind === "command" ? command.argv : command.kind;
  };
  expect(argv("  npm   ls --depth 0 ")).toEqual(["npm", "ls", "--depth", "0"]);
  expect(argv(`echo 'a b' "c \\"d\\"" e\\ f ''`)).toEqual(["echo", "a b", 'c "d"', "e f", ""]);
  expect(argv("   ")).toBe("empty");
  expect(argv("echo 'a")).toBe("unclosed");
  expect(argv("grep 'a|b' x")).toEqual(["grep", "a|b", "x"]);
});

test("what only a shell understands goes through one, as it stands", () => {
  for (const line of [
    "ls | wc",
    "echo $HOME",
    'echo "$HOME"',
    "ls *.ts",
    "a && b",
    "FOO=1 env",
    "echo hi > x",
  ]) {
    expect(commandLineOf(line)).toEqual({ kind: "shell", argv: ["sh", "-c", line] });
  }
  expect(commandLineOf("echo '$HOME'").kind).toBe("command");
});

test("what ends with its command is not run", () => {
  expect(changesNothing(commandLineOf("cd src"))).toBe(true);
  expect(changesNothing(commandLineOf("cd src && ls"))).toBe(false);
});

const texts = (outputs: Parameters<typeof withOutput>[1]) =>
  withOutput(EMPTY_TERMINAL, outputs).rows.map((row) =>
    "text" in row ? `${row.kind}: ${row.text}` : row.kind,
  );

test("pieces become lines wherever they are cut", () => {
  expect(
    texts([
      { stream: "stdout", text: "one\ntw" },
      { stream: "stdout", text: "o\n" },
      { stream: "stdout", text: "\nthree" },
    ]),
  ).toEqual(["stdout: one", "stdout: two", "stdout: ", "stdout: three"]);
});

test("the other stream begins a line of its own", () => {
  expect(
    texts([
      { stream: "stdout", text: "wait" },
      { stream: "stderr", text: "oh\n" },
      { stream: "stdout", text: "ing\n" },
    ]),
  ).toEqual(["stdout: wait", "stderr: oh", "stdout: ing"]);
});

test("output without end is bounded", () => {
  const log = withOutput(EMPTY_TERMINAL, [{ stream: "stdout", text: "x\n".repeat(MAX_ROWS + 10) }]);
  expect(log.rows).toHaveLength(MAX_ROWS);
  const [line] = withOutput(EMPTY_TERMINAL, [{ stream: "stdout", text: "x".repeat(100_000) }]).rows;
  expect(line && "text" in line && line.text.length).toBeLessThan(10_000);
});

test("every row has a key of its own", () => {
  const log = withRow(
    withOutput(withRow(EMPTY_TERMINAL, { kind: "nothing" }), [{ stream: "stdout", text: "a\nb" }]),
    {
      kind: "stopped",
    },
  );
  expect(log.rows.map(({ key }) => key)).toEqual([0, 1, 2, 3]);
});

test("the history goes back and forth within its ends", () => {
  expect([historyStep(3, 3, -1), historyStep(3, 0, -1), historyStep(3, 2, 1), historyStep(3, 3, 1)]).toEqual([
    2, 0, 3, 3,
  ]);
  expect(withLine(["a"], "a", 9)).toEqual(["a"]);
  expect(withLine(["a", "b"], "c", 2)).toEqual(["b", "c"]);
});

test("events are read wherever the stream is cut", () => {
  const text = 'event: output\ndata: {"a":1}\n\n: comment\n\nevent: exit\r\ndata: {\r\ndata: }\r\n\r\n';
  const whole = eventReader()(text);
  expect(whole).toEqual([
    { event: "output", data: '{"a":1}' },
    { event: "exit", data: "{\n}" },
  ]);
  for (let cut = 1; cut < text.length; cut++) {
    const read = eventReader();
    expect([...read(text.slice(0, cut)), ...read(text.slice(cut))], `cut at ${cut}`).toEqual(whole);
  }
});
