// Where a secret or variable belongs, and under which key the lists of them are cached.
import type { ValueKind } from "../../api/settings-calls";
import type { Environment } from "../../api/settings-types";

export interface Where {
  app: string;
  environment: Environment;
}

export function valuesKey({ app, environment }: Where, kind: ValueKind): readonly string[] {
  return ["values", app, environment, kind];
}
