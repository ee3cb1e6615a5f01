// Keys are checked: a text that English does not have is a type error.
import "i18next";
import type { en } from "./en";
import type settings from "./en/settings.json";

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: typeof en & { settings: typeof settings };
  }
}
