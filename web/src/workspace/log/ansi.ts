// The colours of a terminal, as spans with names of our own palette: what a program chose may be unreadable on our ground.

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type Colour = (typeof COLOURS)[number];

export interface Style {
  colour?: Colour;
  back?: Colour;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
}

export interface Span extends Style {
  text: string;
}

const ESC = "\\u001b";
const BEL = "\\u0007";
/** A style (its numbers in the first group), or any other sequence, which is left out. */
const SEQUENCE = new RegExp(
  `${ESC}\\[([0-9;:]*)m|${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\\\)|[@-Z\\\\-_])`,
  "g",
);

/** One line of a terminal as spans of one style each. */
export function spansOf(line: string): readonly Span[] {
  const text = afterReturns(line);
  if (!text.includes("\u001b")) return text === "" ? [] : [{ text }];
  const spans: Span[] = [];
  let style: Style = {};
  let from = 0;
  const add = (to: number) => {
    if (to > from) spans.push({ ...style, text: text.slice(from, to) });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = styleAfter(style, numbersOf(match[1]));
  }
  add(text.length);
  return spans;
}

/** A carriage return begins the line anew: what was there before is written over, as progress bars do. */
function afterReturns(line: string): string {
  const text = line.replace(/\r+$/, "");
  return text.slice(text.lastIndexOf("\r") + 1);
}

function numbersOf(parameters: string): number[] {
  return parameters.split(/[;:]/).map((number) => Number(number || "0"));
}

function styleAfter(before: Style, numbers: readonly number[]): Style {
  let style = before;
  for (let index = 0; index < numbers.length; index++) {
    const number = numbers[index] ?? 0;
    if (number === 38 || number === 48) {
      const [colour, used] = extended(numbers.slice(index + 1));
      index += used;
      style = colour === undefined ? style : { ...style, [number === 38 ? "colour" : "back"]: colour };
    } else {
      style = simple(style, number);
    }
  }
  return style;
}

function simple(style: Style, number: number): Style {
  if (number === 0) return {};
  if (number === 1) return { ...style, bold: true };
  if (number === 2) return { ...style, dim: true };
  if (number === 3) return { ...style, italic: true };
  if (number === 4) return { ...style, underline: true };
  if (number === 22) return without(style, "bold", "dim");
  if (number === 23) return without(style, "italic");
  if (number === 24) return without(style, "underline");
  if (number === 39) return without(style, "colour");
  if (number === 49) return without(style, "back");
  const shade = number % 10;
  const named = COLOURS[shade];
  if (named === undefined) return style;
  const tens = number - shade;
  // 90 to 97 are the bright ones; bright black is what people mean by grey.
  if (tens === 30 || tens === 90) return { ...style, colour: named };
  if (tens === 40 || tens === 100) return { ...style, back: named };
  return style;
}

function without(style: Style, ...keys: (keyof Style)[]): Style {
  return Object.fromEntries(Object.entries(style).filter(([key]) => !keys.includes(key as keyof Style)));
}

/** A colour of the large palette or in red, green and blue, and how many numbers say it. */
function extended(rest: readonly number[]): [Colour | undefined, number] {
  const [mode, first = 0, second = 0, third = 0] = rest;
  if (mode === 5) return [ofPalette(first), 2];
  if (mode === 2) return [nearest(first, second, third), 4];
  return [undefined, 0];
}

function ofPalette(number: number): Colour {
  if (number < 16) return COLOURS[number % 8] ?? "white";
  if (number >= 232) return number < 244 ? "black" : "white";
  const cube = number - 16;
  const level = (part: number) => (part === 0 ? 0 : 55 + part * 40);
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** The name of the hue. */
function nearest(red: number, green: number, blue: number): Colour {
  const most = Math.max(red, green, blue);
  const range = most - Math.min(red, green, blue);
  if (range < 40) return most < 140 ? "black" : "white";
  const hue = hueOf(red, green, blue, most, range);
  if (hue < 20 || hue >= 340) return "red";
  if (hue < 70) return "yellow";
  if (hue < 160) return "green";
  if (hue < 200) return "cyan";
  return hue < 265 ? "blue" : "magenta";
}

function hueOf(red: number, green: number, blue: number, most: number, range: number): number {
  if (most === red) return (60 * ((green - blue) / range) + 360) % 360;
  if (most === green) return 60 * ((blue - red) / range) + 120;
  return 60 * ((red - green) / range) + 240;
}
