// One command in the app's sandbox: its output as it comes, and how it ended. Aborting the request ends the command.
import { execUrl } from "../../api/calls";
import { send } from "../../api/http";
import { noAnswer } from "../../api/problem";
import { eventReader, type StreamEvent } from "./event-stream";

/** The most the server allows: a person watches, and can end it. */
const TIMEOUT_SECS = 600;
/** More than the terminal keeps lines of. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface Output {
  stream: "stdout" | "stderr";
  text: string;
}

export interface Exit {
  code?: number;
  signal?: number | string;
  timed_out: boolean;
  out_of_memory?: boolean;
  truncated: boolean;
  duration_ms: number;
}

/** Resolves with the end of the command; throws a problem when it could not be run, or its end is not known. */
export async function runCommand(
  app: string,
  argv: readonly string[],
  onOutput: (output: Output) => void,
  signal: AbortSignal,
): Promise<Exit> {
  const json = { argv, timeout_secs: TIMEOUT_SECS, max_output_bytes: MAX_OUTPUT_BYTES };
  const headers = { Accept: "text/event-stream" };
  const response = await send("POST", execUrl(app), { json, headers, signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) throw noAnswer();
  const read = eventReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw noAnswer();
    });
    if (done) throw noAnswer();
    for (const event of read(value)) {
      const exit = taken(event, onOutput);
      if (exit) return exit;
    }
  }
}

function taken({ event, data }: StreamEvent, onOutput: (output: Output) => void): Exit | undefined {
  if (event === "output") onOutput(JSON.parse(data) as Output);
  return event === "exit" ? (JSON.parse(data) as Exit) : undefined;
}
