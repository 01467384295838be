import { type ImportSecretKey, importSecretKey } from "../../src/protocol/secret_key.ts";

/** Implementation with which the known keys are imported. A module that is loaded before them may replace it. */
export const TESTED: { importSecretKey: ImportSecretKey } = { importSecretKey };
