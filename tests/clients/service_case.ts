import type { Line } from "./client_program.ts";

/** Call of a service, its request, and an answer with its result. */
export interface ServiceCase {
  readonly call: string;
  readonly args: Line;
  /** Fields of the request, without the timestamp. */
  readonly sent: Line;
  readonly answer: {
    readonly status?: number;
    readonly body: unknown;
    readonly members?: Line;
    readonly source?: "gateway";
    readonly service?: string;
  };
  readonly result: unknown;
}

/** Call whose answer does not have the form of the service: the body, and members beside it. */
export type MalformedCase = readonly [call: string, args: Line, body: unknown, members?: Line];
