// The time of day of a line, short.

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** `14:03:07`; nothing for what is no time. */
export function clockOf(time: string | number): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "" : clock.format(at);
}
