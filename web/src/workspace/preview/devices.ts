// The sizes a page can be looked at in, and how one that is larger than the stage is made to fit.

export interface Size {
  width: number;
  height: number;
}

/** In CSS pixels: common devices of their kind, held upright; a desktop stands as it stands. */
export const DEVICES = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desktop: { width: 1440, height: 900 },
} satisfies Record<string, Size>;

export type Device = keyof typeof DEVICES;

/** Less is no screen; more than this nobody has on a desk, and a browser would need gigabytes to paint it. */
export const SIDE = { min: 160, max: 4096 };

/** What the arrow keys change a side by. */
export const SIDE_STEP = 10;

export type View =
  /** All of the stage. */
  { kind: "fill" } | { kind: "device"; device: Device; turned: boolean } | { kind: "custom"; size: Size };

export const FILL: View = { kind: "fill" };

export function isDevice(name: string): name is Device {
  return Object.hasOwn(DEVICES, name);
}

/** A view as it stands in the URL: nothing, `phone`, `phone-turned`, `412x915`. What cannot be read fills the stage. */
export function viewOf(name: string): View {
  const [device = "", turned] = name.split("-");
  if (isDevice(device)) return { kind: "device", device, turned: turned === "turned" };
  const numbers = /^(\d{1,5})x(\d{1,5})$/.exec(name);
  if (!numbers) return FILL;
  return { kind: "custom", size: bounded({ width: Number(numbers[1]), height: Number(numbers[2]) }) };
}

export function nameOfView(view: View): string {
  if (view.kind === "fill") return "";
  if (view.kind === "device") return view.turned ? `${view.device}-turned` : view.device;
  return `${view.size.width}x${view.size.height}`;
}

/** Undefined for a view that takes what there is. */
export function sizeOfView(view: View): Size | undefined {
  if (view.kind === "fill") return undefined;
  if (view.kind === "custom") return view.size;
  const size = DEVICES[view.device];
  return view.turned ? swapped(size) : size;
}

/** The view turned by a quarter. */
export function turnedView(view: View): View {
  if (view.kind === "fill") return view;
  if (view.kind === "device") return { ...view, turned: !view.turned };
  return { kind: "custom", size: swapped(view.size) };
}

function swapped({ width, height }: Size): Size {
  return { width: height, height: width };
}

export function bounded({ width, height }: Size): Size {
  return { width: boundedSide(width), height: boundedSide(height) };
}

export function boundedSide(side: number): number {
  return Math.min(SIDE.max, Math.max(SIDE.min, Math.round(side)));
}

/** How much smaller `size` is shown so that all of it is seen in `room`; never larger than it is. */
export function scaleToFit(size: Size, room: Size): number {
  if (room.width <= 0 || room.height <= 0) return 1;
  return Math.min(1, room.width / size.width, room.height / size.height);
}

export type Edge = "right" | "bottom" | "corner";

/**
 * The size after an edge was dragged by so many pixels on the screen. What is shown stands in the middle, so that a side
 * grows at both ends: twice what the pointer has moved.
 */
export function dragged(from: Size, edge: Edge, by: { x: number; y: number }, scale: number): Size {
  const width = edge === "bottom" ? from.width : from.width + (2 * by.x) / scale;
  const height = edge === "right" ? from.height : from.height + (2 * by.y) / scale;
  return bounded({ width, height });
}

/** The size after a key on an edge, undefined when it is none of its keys. */
export function nudged(from: Size, edge: Edge, key: string): Size | undefined {
  const x = { ArrowLeft: -SIDE_STEP, ArrowRight: SIDE_STEP }[key] ?? 0;
  const y = { ArrowUp: -SIDE_STEP, ArrowDown: SIDE_STEP }[key] ?? 0;
  const width = edge === "bottom" ? 0 : x;
  const height = edge === "right" ? 0 : y;
  if (width === 0 && height === 0) return undefined;
  return bounded({ width: from.width + width, height: from.height + height });
}
