/** Manifest of the npm package. */

/** Inputs of the manifest. */
export interface ManifestSource {
  /** The project's deno.json. */
  readonly project: { readonly version: string; readonly license: string };
  /** Name of the module that is imported by the package's name, without its ending. */
  readonly entry: string;
  /** Names of the files to pack, besides those that npm always packs. */
  readonly files: readonly string[];
}

/** Content of package.json. */
export interface Manifest {
  /** Name to import. */
  readonly name: string;
  /** Version of the gateway. */
  readonly version: string;
  /** Other fields. */
  readonly [field: string]: unknown;
}

/** Makes the package.json. */
export function makeManifest({ project, entry, files }: ManifestSource): Manifest {
  const types = `./${entry}.d.ts`;
  return {
    name: "@e2e-gateway/client",
    version: project.version,
    description: "Calls Jeedom and MQTT at home through an e2e-gateway, end-to-end encrypted",
    keywords: ["jeedom", "mqtt", "home-automation", "end-to-end-encryption", "aes-256-gcm"],
    license: project.license,
    type: "module",
    sideEffects: false,
    // The first version with AbortSignal.any and WebCrypto without a flag.
    engines: { node: ">=20.3" },
    types,
    exports: {
      ".": { types, default: `./${entry}.js` },
      "./package.json": "./package.json",
    },
    files,
    publishConfig: { access: "public" },
  };
}
