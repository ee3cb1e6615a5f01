// Lets React's `style` carry the custom properties this app sets.
import "react";

declare module "react" {
  interface CSSProperties {
    "--viewer-width"?: string;
  }
}
