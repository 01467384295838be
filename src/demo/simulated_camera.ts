/**
 * Simulated camera for the demo: a picture and its status over HTTP, behind a login.
 *
 * @module
 */

/** Its picture, and that of the simulated Home Assistant's camera: a PNG of a front door, 320 × 180. */
export const PICTURE: Uint8Array<ArrayBuffer> = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAUAAAAC0BAMAAAAXyugiAAAAHlBMVEUmNFRAVHhoeJLEoHiWdFg8KCL61nhGTkhubmgkRj5fEcU0AAACYklE" +
    "QVR42u3YwU0DMRCF4XegAVqgBSTOHNICNABYogLogFQQKd0SwSVZZHtnxvPihDcXDlHg1zfZeFlAo9FoNBqN5upnkzSPg/pusgI3kwOOIswD" +
    "HESY2DeEMBNwCOH0gal9A3acCziAMLkvTJgNGCZM7wsS5gMGCQl9IUIGYIiQ0hchnD2Qs+HAjkl9bkIWoJuQ1uck5AE6CYl9LkImoIuQ2ucg" +
    "5AJOfSGH7mbuCaNABSpQgZYp5WXqwIdSyuDA2+ZYT4VDX3k1vqdd0Am0b9i+YwUqcGSg5yqmBnq+B7mBjlHgWQMZ/5P8+xU/NUeBCmQE7quj" +
    "QAUOPEmWn/6jF1qB/fePOkmql+dKwfrlPSqw/Mzb8+/PZWApp6+XsgysvV+BClSgAqcOPDpJFn9gcZLUAvvv32jFlxH4915agba7mf6K0+9m" +
    "pg/UVayTRCeJAhV40YH9f9wVqMBK4F1zGE+32gWdwMjTrd3K261BgeYHmLvDN82qB5gKrAQeroR3CV514OIqnjBwr8CTk6Q6K0+S+mjFClSg" +
    "AhWok0QniQIVqEAFKlAniT6DClSgAhXoDfyIzue2NeFfj9y+eGE4sNO3/TpzYA8wTIhkwDAhsgGjhMgGjBIiHTBIiHTAICHyAWOEyAeMEYLQ" +
    "FypE/oJjSwYDMEIICmCAEBTAACE4gH5CcAD9hCABuglBAnQTggXoJQStz1kI0oLdSwYP0EcIHqCPEERAFyGIgC5CMAE9hGACeghBBXQQggro" +
    "IAS3z14I6oIdSwYZ0EwINqCVEGxAKyHogEZC0AGNhOAD2gjBB7QRfgMlzGo2Wo8PlQAAAABJRU5ErkJggg==",
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
