import type { ChangeRequest, ChangeResponse, FileList } from "../../api/types";

/** What keeping a draft in step needs of the server; failures are `ApiProblem`s. */
export interface DraftApi {
  listFiles(): Promise<FileList>;
  readFile(path: string): Promise<ArrayBuffer>;
  applyChanges(request: ChangeRequest, idempotencyKey: string): Promise<ChangeResponse>;
}
