/**
 * Removal of the key that a request is sealed with.
 *
 * @module
 */
import { DEFAULT_KEY_NAME, type KeyRecord } from "../../keys/schema.ts";
import { deriveKeyId } from "../../protocol/secret_key.ts";
import { type KeyRecords, revokedError, type ServiceContext, ServiceError } from "../service.ts";

/**
 * Removes a key from the keys file. When the promise settles, no secret of it works any more.
 *
 * @param context the key; of a rotated one, either secret removes it
 * @throws {ServiceError} if the key cannot be removed in this way, is not in the file any more, or the file cannot be edited
 */
export async function forgetKey(keys: Pick<KeyRecords, "edit">, context: ServiceContext): Promise<void> {
  const { key: name, kid } = context;
  if (name === DEFAULT_KEY_NAME) throw defaultStays();
  try {
    await keys.edit(async (records) => {
      const record = records.find((one) => one.name === name);
      // Another edit may have removed, disabled or rotated the key since it opened the request: then it decides nothing.
      if (record === undefined || record.disabled || !await hasSecret(record, kid)) {
        throw revokedError(context.revoked);
      }
      return records.filter((one) => one !== record);
    });
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw new ServiceError(500, "The gateway could not remove this key: its log says why", {
      code: "internal",
      cause: error,
    });
  }
}

/** Returns whether a secret of a record has a key id. */
async function hasSecret({ secret, previous }: KeyRecord, kid: string): Promise<boolean> {
  const secrets = previous === undefined ? [secret] : [secret, previous.secret];
  return (await Promise.all(secrets.map(deriveKeyId))).includes(kid);
}

function defaultStays(): ServiceError {
  const message =
    `The key ${DEFAULT_KEY_NAME} cannot be removed by a request: on the gateway, add a key for each device ` +
    "with deno task keys add NAME, then delete the file of SECRET_KEY_FILE";
  return new ServiceError(403, message, { code: "scope" });
}
