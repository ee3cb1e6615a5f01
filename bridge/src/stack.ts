// The calls in a stack, in any browser's writing.

export interface Frame {
  url: string;
  /** From 1. */
  line: number;
  column: number;
}

/** Frames that are looked at: the app's own is among the first. */
const MAX_FRAMES = 60;

/** The frames of a stack that have an address, in their order. */
export function framesOf(stack: unknown): Frame[] {
  if (typeof stack !== "string") return [];
  const frames: Frame[] = [];
  for (const line of stack.split("\n").slice(0, MAX_FRAMES)) {
    const match = /(https?:\/\/[^\s()]+?):(\d+):(\d+)\)?$/.exec(line.trim());
    if (match?.[1]) frames.push({ url: match[1], line: Number(match[2]), column: Number(match[3]) });
  }
  return frames;
}
