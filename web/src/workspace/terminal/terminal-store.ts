// The terminal of an app: outlives its tab, so that closing the drawer ends no command and forgets no line.
import { asProblem } from "../../api/problem";
import { changesNothing, commandLineOf } from "./command-line";
import { type Output, runCommand } from "./run-command";
import { EMPTY_TERMINAL, type TerminalLog, withLine, withOutput, withRow } from "./terminal-log";

/** A program that prints without end makes twenty updates a second. */
const TELL_EVERY_MS = 50;
/** Lines kept for the arrow keys. */
const MAX_HISTORY = 200;

export interface TerminalState {
  log: TerminalLog;
  history: readonly string[];
  isRunning: boolean;
}

const terminals = new Map<string, TerminalStore>();

/** The one of `app`, as long as the page is open. */
export function terminalOf(app: string): TerminalStore {
  const known = terminals.get(app) ?? new TerminalStore(app);
  terminals.set(app, known);
  return known;
}

export class TerminalStore {
  readonly #app: string;
  readonly #listeners = new Set<() => void>();
  #state: TerminalState = { log: EMPTY_TERMINAL, history: [], isRunning: false };
  #running: AbortController | undefined;
  #waiting: Output[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(app: string) {
    this.#app = app;
  }

  get state(): TerminalState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Runs a line; does nothing while another one runs. */
  async run(line: string): Promise<void> {
    const command = commandLineOf(line);
    if (this.#running || command.kind === "empty") return;
    const history = withLine(this.#state.history, line, MAX_HISTORY);
    const isShell = command.kind === "shell";
    this.#set({ history, log: withRow(this.#state.log, { kind: "command", text: line, isShell }) });
    if (command.kind === "unclosed") return this.#add({ kind: "unclosed" });
    if (changesNothing(command)) return this.#add({ kind: "nothing" });
    const running = new AbortController();
    this.#running = running;
    this.#set({ isRunning: true });
    try {
      const exit = await runCommand(this.#app, command.argv, (output) => this.#take(output), running.signal);
      this.#tell();
      this.#add({ kind: "exit", exit });
    } catch (error) {
      this.#tell();
      const { title, detail } = asProblem(error);
      this.#add(running.signal.aborted ? { kind: "stopped" } : { kind: "fault", title, detail });
    } finally {
      this.#running = undefined;
      this.#set({ isRunning: false });
    }
  }

  /** Ends what runs, as closing a window would. */
  stop(): void {
    this.#running?.abort();
  }

  clear(): void {
    this.#set({ log: { ...EMPTY_TERMINAL, nextKey: this.#state.log.nextKey } });
  }

  #take(output: Output): void {
    this.#waiting.push(output);
    this.#timer ??= setTimeout(() => this.#tell(), TELL_EVERY_MS);
  }

  #tell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0) this.#set({ log: withOutput(this.#state.log, waiting) });
  }

  #add(row: Parameters<typeof withRow>[1]): void {
    this.#set({ log: withRow(this.#state.log, row) });
  }

  #set(part: Partial<TerminalState>): void {
    this.#state = { ...this.#state, ...part };
    for (const listener of this.#listeners) listener();
  }
}
