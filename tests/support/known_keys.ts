import { fromHex } from "../../src/protocol/bytes.ts";
import type { SecretKeyV1 } from "../../src/protocol/secret_key.ts";
import vectors from "../testdata/vectors.json" with { type: "json" };
import { TESTED } from "./tested_import.ts";

/** Key of the test vectors, 32 bytes. */
export const SECRET = fromHex(vectors.key);

/** Imported key of the test vectors. */
export const KEY: SecretKeyV1 = await TESTED.importSecretKey(SECRET);

/** Another fixed key. */
export const OTHER_KEY: SecretKeyV1 = await TESTED.importSecretKey(
  fromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeffe0e1e2e3e4e5e6e7e8e9eaebecedeeef"),
);
