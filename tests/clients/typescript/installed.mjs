/** The installed npm package. Its name is not a literal here: it is not installed in this repository. */
const PACKAGE = "@e2e-gateway/client";

/** Exports of the package. */
export const { GatewayClient, GatewayError, pair } = await import(PACKAGE);

/** Loads one of the modules behind the exports. */
export function loadModule(path) {
  return import(`./node_modules/${PACKAGE}/${path}.js`);
}
