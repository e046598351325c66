import type { Writable } from 'node:stream';
import { NoxError } from '../../../shared/nox-error.js';

/** What may wait for a child that does not read. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * Writes JSON lines to a child's stdin. A child that never reads harms only itself: what waits for it is bounded, and a
 * write beyond the bound is refused. Errors of the pipe reach the writer of the line, never the process of Nox.
 */
export class LineWriter {
  private failure: Error | undefined;
  /** Of each line that waits, oldest first: how to fail it, and since when it waits. */
  private readonly waiting = new Map<(error: NoxError) => void, number>();

  constructor(
    private readonly stdin: Writable,
    private readonly max_waiting_bytes = MAX_WAITING_BYTES,
    private readonly now: () => number = Date.now,
  ) {
    stdin.on('error', (error: Error) => {
      this.failure ??= error;
    });
  }

  /** Resolves when the line has left Nox; rejects when the pipe is gone or too much waits already. */
  async write(frame: object): Promise<void> {
    const line = `${JSON.stringify(frame)}\n`;
    const { stdin } = this;
    if (this.failure !== undefined || stdin.destroyed || stdin.writableEnded) throw pipeGone(this.failure);
    if (stdin.writableLength + line.length > this.max_waiting_bytes) {
      throw new NoxError('RESOURCE_LIMIT_EXCEEDED', 'The agent process does not read its input.');
    }
    await new Promise<void>((resolve, reject) => {
      this.waiting.set(reject, this.now());
      stdin.write(line, (error) => {
        this.waiting.delete(reject);
        if (error) reject(pipeGone(error));
        else resolve();
      });
    });
  }

  /** Since when the oldest line waits; null when the process has taken all. */
  get unread_since_ms(): number | null {
    return this.waiting.values().next().value ?? null;
  }

  /** Closes the pipe and fails every write that still waits. */
  destroy(): void {
    this.stdin.destroy();
    // Not left to the stream: of a write that is under way it might never tell the end.
    for (const reject of this.waiting.keys()) reject(pipeGone(this.failure));
    this.waiting.clear();
  }
}

const pipeGone = (cause: Error | undefined): NoxError =>
  new NoxError('INVALID_STATE', 'The agent process takes no more input.', undefined, { cause });
