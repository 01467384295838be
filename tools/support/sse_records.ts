/** Records of Server-Sent Events in text that is complete or still arriving, for tools that read raw connections. */

/** Fields of a record that the gateway writes, each on one line. */
export type RecordField = "event" | "id" | "data";

/** Splits text into its complete records and the incomplete rest. */
export function splitRecords(text: string): { readonly records: readonly string[]; readonly rest: string } {
  const records = text.split("\n\n");
  const rest = records.pop() ?? "";
  return { records, rest };
}

/** Returns a field of a record; undefined if it is absent, as in a comment. */
export function recordField(record: string, name: RecordField): string | undefined {
  for (const line of record.split("\n")) {
    if (line.startsWith(`${name}: `)) return line.slice(name.length + 2);
  }
  return undefined;
}

/** Returns the data of each complete record that has any. */
export function recordData(text: string): string[] {
  return splitRecords(text).records.map((record) => recordField(record, "data")).filter((data) => data !== undefined);
}
