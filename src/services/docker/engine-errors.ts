import { messageOf, NoxError } from '../../shared/nox-error.js';

/** Where the engine listens, as DOCKER_HOST says it. VALIDATION_ERROR for what is neither a socket nor plain http. */
export function engineAddress(
  docker_host: string | undefined,
): { socketPath: string } | { host: string; port: number } {
  if (docker_host === undefined || docker_host === '') return { socketPath: '/var/run/docker.sock' };
  if (docker_host.startsWith('unix://')) return { socketPath: docker_host.slice('unix://'.length) };
  const url = URL.canParse(docker_host) ? new URL(docker_host) : undefined;
  if (url !== undefined && ['tcp:', 'http:'].includes(url.protocol) && url.hostname !== '')
    return { host: url.hostname, port: Number(url.port === '' ? '2375' : url.port) };
  throw new NoxError('VALIDATION_ERROR', `DOCKER_HOST must be unix:///path or tcp://host:port, not ${docker_host}.`);
}

/** A socket that takes a connection and stays silent must not hold anybody up. */
export async function within<T>(limit_ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit_ms} ms`)), limit_ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The status code that the engine answered with; undefined when it did not answer. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;

/** Why there is no answer, for a person. */
export function engineReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'No container engine listens at DOCKER_HOST.';
  if (code === 'EACCES') return 'The socket of the container engine may not be opened by this user.';
  return `The container engine does not answer: ${messageOf(error)}`;
}

/** What the engine answered keeps its words; silence is ENGINE_UNAVAILABLE. */
export function engineError(error: unknown): NoxError {
  if (error instanceof NoxError) return error;
  if (statusOf(error) === undefined) return new NoxError('ENGINE_UNAVAILABLE', engineReason(error));
  return new NoxError('MCP_SERVICE_UNAVAILABLE', `The container engine refused: ${messageOf(error)}`);
}

/** What a pull ended with, in the engine's words. */
export function pullError(image: string, reason: string): NoxError {
  return new NoxError('MCP_SERVICE_UNAVAILABLE', `The image ${image} could not be pulled: ${reason}`);
}
