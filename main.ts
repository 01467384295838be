/**
 * Entry of every command.
 *
 * @module
 */
import { runCommandLine } from "./src/cli/commands.ts";
import { EXIT_INTERRUPTED } from "./src/cli/exit_codes.ts";
import { denoPlatform } from "./src/platform.ts";

Deno.exit(await runCommandLine(Deno.args, denoPlatform(EXIT_INTERRUPTED)));
