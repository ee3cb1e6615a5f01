// What a language has to bring: one catalog per area of the page, with the same keys as the English one.
import type { en } from "./en";

type Texts<Catalog> = { [Key in keyof Catalog]: Catalog[Key] extends string ? string : Texts<Catalog[Key]> };

export type Catalogs = Texts<typeof en>;
