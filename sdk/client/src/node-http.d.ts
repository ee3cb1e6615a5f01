// As much of Node.js as `node.ts` uses. Its own types would bring a second set of globals into code that runs in browsers, too.
declare module "node:http" {
  import type { NodeSocket } from "./node.js";

  interface Answer {
    statusCode?: number;
    rawHeaders: string[];
  }

  interface Outgoing {
    on(event: "error", listener: () => void): unknown;
    on(event: "response", listener: (answer: Answer) => void): unknown;
    on(event: "upgrade", listener: (answer: Answer, socket: NodeSocket, head: Uint8Array) => void): unknown;
    end(): unknown;
    destroy(): unknown;
  }

  export function request(url: string, options: { headers: Record<string, string> }): Outgoing;
}

declare module "node:https" {
  export { request } from "node:http";
}
