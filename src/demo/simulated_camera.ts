/**
 * Simulated camera for the demo: a picture and its status over HTTP, behind a login.
 *
 * @module
 */

/** Its picture, and that of the simulated Home Assistant's camera: a PNG of one pixel. */
export const PICTURE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/**
 * Makes the function that answers a request of a simulated camera.
 *
 * @param login user and password, with a colon between them
 */
export function createSimulatedCamera(login: string): (request: Request) => Response {
  return ({ method, url, headers }) => {
    if (headers.get("Authorization") !== `Basic ${btoa(login)}`) {
      return new Response("Unauthorized", { status: 401, headers: { "WWW-Authenticate": 'Basic realm="camera"' } });
    }
    if (method !== "GET") return new Response("Method not allowed", { status: 405 });
    const { pathname } = new URL(url);
    if (pathname === "/snapshot.png") return new Response(PICTURE, { headers: { "Content-Type": "image/png" } });
    if (pathname === "/status") return Response.json({ name: "Front door", recording: true, motion: false });
    return new Response("Not found", { status: 404 });
  };
}
