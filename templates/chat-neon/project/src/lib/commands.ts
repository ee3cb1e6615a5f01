// Slash commands as data; the prompt, the palette and the first screen all list the same ones.

export interface Command {
  /** Without its slash. */
  name: string;
  summary: string;
  /** The shortcut that does the same, for display. */
  keys?: string;
  run: () => void;
}

/** The commands whose name begins with what was typed after the slash. */
export function matchCommands(commands: Command[], input: string): Command[] {
  if (!input.startsWith("/")) return [];
  const typed = input.slice(1).toLowerCase();
  return commands.filter((command) => command.name.startsWith(typed));
}

/** The command meant by the input: its exact name, or the only one that begins like it. */
export function findCommand(commands: Command[], input: string): Command | undefined {
  const matches = matchCommands(commands, input);
  return matches.length === 1 ? matches[0] : matches.find((command) => `/${command.name}` === input.toLowerCase());
}
