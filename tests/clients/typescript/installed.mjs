/** The npm package, where Node finds it. Its name is no literal here: in this repository it is not installed. */
const PACKAGE = "@e2e-gateway/client";

/** What the package exports. */
export const { GatewayClient, GatewayError } = await import(PACKAGE);

/** Loads one of the modules behind the exports. */
export function loadModule(path) {
  return import(`./node_modules/${PACKAGE}/${path}.js`);
}
