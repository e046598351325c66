import { Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { LineWriter } from './line-writer.js';

/** A pipe whose reader takes a chunk only when told to. */
class SlowPipe extends Writable {
  readonly taken: string[] = [];
  private done: ((error?: Error | null) => void) | undefined;

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.taken.push(chunk.toString());
    this.done = done;
  }

  read(error?: Error): void {
    this.done?.(error);
  }
}

describe(LineWriter.name, () => {
  it('writes a line per frame and resolves when the pipe has taken it', async () => {
    const pipe = new SlowPipe();
    const written = new LineWriter(pipe).write({ text: 'a\nb' });
    pipe.read();
    await written;
    expect(pipe.taken).toEqual(['{"text":"a\\nb"}\n']);
  });

  it('says since when the oldest line waits', async () => {
    const pipe = new SlowPipe();
    let now_ms = 10;
    const writer = new LineWriter(pipe, 100, () => now_ms);
    expect(writer.unread_since_ms).toBeNull();
    const first = writer.write({ n: 1 });
    now_ms = 20;
    const second = writer.write({ n: 2 });
    expect(writer.unread_since_ms).toBe(10);
    pipe.read();
    await first;
    expect(writer.unread_since_ms).toBe(20);
    pipe.read();
    await second;
    expect(writer.unread_since_ms).toBeNull();
  });

  it('refuses what would wait beyond the bound', async () => {
    const pipe = new SlowPipe();
    const writer = new LineWriter(pipe, 100);
    const first = writer.write({ text: 'x'.repeat(60) });
    await expect(writer.write({ text: 'x'.repeat(60) })).rejects.toMatchObject({ code: 'RESOURCE_LIMIT_EXCEEDED' });
    pipe.read();
    await expect(first).resolves.toBeUndefined();
  });

  it('rejects the write that breaks the pipe, and all later ones', async () => {
    const pipe = new SlowPipe();
    const writer = new LineWriter(pipe);
    const first = writer.write({});
    pipe.read(new Error('EPIPE'));
    await expect(first).rejects.toMatchObject({ code: 'INVALID_STATE', cause: { message: 'EPIPE' } });
    await expect(writer.write({})).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  it('fails what waits when it is destroyed', async () => {
    const writer = new LineWriter(new SlowPipe());
    const waiting = [writer.write({}), writer.write({})];
    writer.destroy();
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ code: 'INVALID_STATE' }) },
      { status: 'rejected', reason: expect.objectContaining({ code: 'INVALID_STATE' }) },
    ]);
  });
});
