import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { connect } from 'node:net';
import { NoxError } from '../../shared/nox-error.js';

const REACH_MS = 30_000;
const STEP_MS = 100;

/** MCP's streamable HTTP. The headers may hold a credential; they are never logged. */
export async function httpTransport(url: URL, headers: Readonly<Record<string, string>>): Promise<Transport> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  return new StreamableHTTPClientTransport(url, { requestInit: { headers } });
}

/** Resolves when a port takes a connection. MCP_SERVICE_UNAVAILABLE after half a minute, or at once when the server ended. */
export async function reachable(url: URL, ended: Promise<string>): Promise<void> {
  let over: string | undefined;
  void ended.then((reason) => (over = reason));
  const deadline = Date.now() + REACH_MS;
  for (;;) {
    if (over !== undefined || Date.now() > deadline) break;
    if (await opens(url)) return;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  throw new NoxError('MCP_SERVICE_UNAVAILABLE', over ?? `It does not listen at port ${url.port} after ${REACH_MS} ms.`);
}

function opens(url: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), timeout: 1000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}
