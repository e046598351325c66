import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CommitReply, CommitRequest, GitWriter } from './commit-request.js';
import { PlumbingWriter } from './plumbing-writer.js';
import { WriterError, type WriterErrorKind } from './writer-error.js';

/** What the thread is asked for. */
export type ThreadCall =
  | { readonly id: number; readonly call: 'commit'; readonly request: CommitRequest }
  | { readonly id: number; readonly call: 'forget' | 'idle' | 'close' };

/** What it answers. */
export interface ThreadAnswer {
  readonly id: number;
  readonly reply?: CommitReply;
  readonly failure?: { readonly kind: WriterErrorKind; readonly message: string; readonly code?: string };
}

type Call = ThreadCall extends infer C ? (C extends ThreadCall ? Omit<C, 'id'> : never) : never;

interface Waiting {
  resolve(reply: CommitReply): void;
  reject(error: Error): void;
}

/**
 * The writer of a repository: in a thread of its own where the built Nox runs, so that a disk that hangs holds up commits
 * and nothing else; in the calling thread where the source runs (tests).
 */
export function openWriter(root: string): GitWriter {
  // Beside the bundle, or above its chunks.
  const places = ['./registry-writer.mjs', '../registry-writer.mjs'].map((to) =>
    fileURLToPath(new URL(to, import.meta.url)),
  );
  const program = places.find((path) => existsSync(path));
  return program === undefined ? new QueuedWriter(new PlumbingWriter(root)) : new ThreadWriter(root, program);
}

/** One request after another. */
class QueuedWriter implements GitWriter {
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly writer: GitWriter) {}

  commit(request: CommitRequest): Promise<CommitReply> {
    return this.queue(() => this.writer.commit(request));
  }

  idle(): Promise<void> {
    return this.queue(() => this.writer.idle());
  }

  forget(): Promise<void> {
    return this.queue(() => this.writer.forget());
  }

  close(): Promise<void> {
    return this.queue(() => this.writer.close());
  }

  private queue<T>(job: () => Promise<T>): Promise<T> {
    const result = this.tail.then(job);
    this.tail = result.catch(() => undefined);
    return result;
  }
}

/** A thread that dies takes what was asked of it with it, and the next request starts another one. */
class ThreadWriter implements GitWriter {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, Waiting>();
  private next_id = 1;

  constructor(
    private readonly root: string,
    private readonly program: string,
  ) {}

  commit(request: CommitRequest): Promise<CommitReply> {
    return this.ask({ call: 'commit', request });
  }

  async idle(): Promise<void> {
    if (this.worker !== undefined) await this.ask({ call: 'idle' });
  }

  async forget(): Promise<void> {
    if (this.worker !== undefined) await this.ask({ call: 'forget' });
  }

  async close(): Promise<void> {
    const { worker } = this;
    if (worker === undefined) return;
    await this.ask({ call: 'close' });
    this.worker = undefined;
    await worker.terminate();
  }

  private ask(call: Call): Promise<CommitReply> {
    this.worker ??= this.start();
    const id = this.next_id++;
    const answer = new Promise<CommitReply>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.worker.postMessage({ ...call, id });
    return answer;
  }

  private start(): Worker {
    const worker = new Worker(this.program, { workerData: { root: this.root }, name: 'registry-writer' });
    // Nox ends when its work has ended, whatever this thread waits for.
    worker.unref();
    worker.on('message', (answer: ThreadAnswer) => this.settle(answer));
    let reason = 'the thread ended';
    worker.on('error', (error) => {
      reason = String(error);
    });
    worker.on('exit', () => {
      if (this.worker === worker) this.worker = undefined;
      for (const [id, waiting] of this.waiting) {
        this.waiting.delete(id);
        waiting.reject(new WriterError('failed', `The registry's writer ended: ${reason}`));
      }
    });
    return worker;
  }

  private settle({ id, reply, failure }: ThreadAnswer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (failure === undefined) waiting?.resolve(reply ?? { hashes: [] });
    else waiting?.reject(new WriterError(failure.kind, failure.message, failure.code));
  }
}
