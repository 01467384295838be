/**
 * Simulated Home Assistant for the demo and tests: its REST and WebSocket API, also with a wrong token and lost connections.
 *
 * @module
 */
import type { HomeAssistantHome, ServiceCall } from "./home_assistant_home.ts";
import { answerRest } from "./home_assistant_rest.ts";
import type { HomeAssistantServer } from "./home_assistant_server.ts";
import { serveWebSocket } from "./home_assistant_websocket.ts";

/** Options of a simulated Home Assistant. */
export interface SimulatedHomeAssistantOptions {
  /** Long-lived access token that it accepts. */
  readonly token: string;
  /** Home that it controls. */
  readonly home: HomeAssistantHome;
  /** Returns the wall clock's time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Opens a WebSocket, such as `Deno.upgradeWebSocket`. */
  readonly upgrade: (request: Request) => { readonly socket: WebSocket; readonly response: Response };
  /** Version that it says; 2025.12.3 by default. */
  readonly version?: string;
}

/** Simulated Home Assistant, and what it received. */
export interface SimulatedHomeAssistant {
  /** Handles a request of either API. */
  handle(request: Request): Promise<Response>;
  /** Received calls of services, by either API, oldest first. */
  readonly calls: readonly ServiceCall[];
  /** Received requests, such as `GET /api/states`, oldest first. */
  readonly requests: readonly string[];
  /** Number of open connections. */
  readonly connections: number;
  /** Closes all connections, as a restart does. */
  dropConnections(): void;
  /** Withdraws the token, as its user does on the profile page: connections end, and it is refused from now on. */
  invalidateToken(): void;
}

/** Makes a simulated Home Assistant. */
export function createSimulatedHomeAssistant(options: SimulatedHomeAssistantOptions): SimulatedHomeAssistant {
  const { home, now, upgrade, version = "2025.12.3" } = options;
  const calls: ServiceCall[] = [];
  const requests: string[] = [];
  const sockets = new Set<WebSocket>();
  let isTokenValid = true;

  const server: HomeAssistantServer = {
    home,
    version,
    userId: "8f2a6c1d4e5b4a3c9d7e6f5a4b3c2d1e",
    now,
    isToken: (token) => isTokenValid && token === options.token,
    record: (call) => {
      calls.push(call);
    },
  };

  function dropConnections(): void {
    for (const socket of sockets) socket.close();
  }

  return {
    async handle(request) {
      const { pathname, search } = new URL(request.url);
      requests.push(`${request.method} ${pathname}${search}`);
      if (pathname !== "/api/websocket") return await answerRest(request, server);
      if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
        return new Response('No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".', { status: 400 });
      }
      const { socket, response } = upgrade(request);
      sockets.add(socket);
      socket.addEventListener("close", () => sockets.delete(socket));
      serveWebSocket(socket, server);
      return response;
    },
    calls,
    requests,
    get connections() {
      return sockets.size;
    },
    dropConnections,
    invalidateToken() {
      isTokenValid = false;
      dropConnections();
    },
  };
}
