/** Chaos: faults of one gateway's dependencies, or of several replicas. */
await import(Deno.args[0] === "replicas" ? "./replicas/main.ts" : "./one_gateway.ts");
