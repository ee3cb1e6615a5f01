// The sizes a preview is looked at in, and how much smaller it is drawn to fit.

export interface Size {
  width: number;
  height: number;
}

/** A name, or a size of your own in CSS pixels. */
export type Device = "desktop" | "tablet" | "phone" | Size;

const SIZES = {
  tablet: { width: 820, height: 1180 },
  phone: { width: 390, height: 844 },
};

/** The size of the page inside; undefined for as much as there is. */
export function sizeOf(device: Device, isRotated: boolean): Size | undefined {
  if (device === "desktop") return undefined;
  const size = typeof device === "string" ? SIZES[device] : device;
  return isRotated ? { width: size.height, height: size.width } : size;
}

/** How much smaller a size is drawn in this room; never larger than it is. */
export function scaleToFit(size: Size, room: Size): number {
  if (room.width <= 0 || room.height <= 0) return 1;
  return Math.min(1, room.width / size.width, room.height / size.height);
}

/** The address of `route` in the preview that `previewUrl` opens. A route never leaves the preview. */
export function previewUrlAt(previewUrl: string, route: string): string {
  const url = new URL(previewUrl);
  const at = new URL(route.replace(/^\/*/, "/"), url.origin);
  const token = url.search.slice(1);
  url.pathname = at.pathname;
  url.search = [at.search.slice(1), token].filter((part) => part !== "").join("&");
  url.hash = at.hash;
  return url.href;
}
