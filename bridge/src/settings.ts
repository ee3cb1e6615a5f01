// What the gateway tells the script: the name `__vitrine` is the parameter of the function it wraps around it.

export interface Settings {
  /** The id of the session. */
  preview: string;
  /** Origins whose pages may hear what happens here, and steer it. */
  origins: string[];
  /** Where the project is inside its sandbox. */
  project: string;
}

declare const __vitrine: Settings;

export const settings: Settings = __vitrine;

/** Nothing of ours is told about, and no address of ours is one of the project's. */
export const OURS = "/.vitrine/";
