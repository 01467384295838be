import { createImportSecretKey } from "../../src/keys/node_crypto.ts";
import { TESTED } from "./tested_import.ts";

TESTED.importSecretKey = createImportSecretKey("native");
