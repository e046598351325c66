import type { Socket } from 'socket.io';

/** What the transport has not taken yet. socket.io itself buffers without bound for a client that does not read. */
export function bufferedBytes(socket: Pick<Socket, 'conn'>): number {
  // engine.io keeps it private, but there is no other way to know.
  const { writeBuffer } = socket.conn as unknown as { writeBuffer: readonly { data?: unknown }[] };
  let bytes = 0;
  for (const { data } of writeBuffer) bytes += typeof data === 'string' ? data.length : 0;
  return bytes;
}
