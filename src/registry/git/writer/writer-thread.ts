import { parentPort, workerData } from 'node:worker_threads';
import { armFailpoints } from '../../../shared/failpoint.js';
import { messageOf } from '../../../shared/nox-error.js';
import type { CommitReply } from './commit-request.js';
import { PlumbingWriter } from './plumbing-writer.js';
import type { ThreadAnswer, ThreadCall } from './thread-writer.js';
import { WriterError } from './writer-error.js';

/** The thread of the registry's writer: answers calls one after another. Started by ThreadWriter. */
armFailpoints(process.env['NOX_FAILPOINTS']);
const { root } = workerData as { readonly root: string };
const writer = new PlumbingWriter(root);
let tail: Promise<void> = Promise.resolve();

parentPort?.on('message', (call: ThreadCall) => {
  tail = tail.then(async () => {
    const said = await answer(call);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    parentPort?.postMessage(said);
  });
});

async function answer(call: ThreadCall): Promise<ThreadAnswer> {
  const { id } = call;
  try {
    return { id, reply: await run(call) };
  } catch (error) {
    if (!(error instanceof WriterError)) return { id, failure: { kind: 'failed', message: messageOf(error) } };
    const { kind, message, code } = error;
    return { id, failure: { kind, message, ...(code === undefined ? {} : { code }) } };
  }
}

async function run(call: ThreadCall): Promise<CommitReply> {
  if (call.call === 'commit') return writer.commit(call.request);
  if (call.call === 'forget') await writer.forget();
  else if (call.call === 'idle') await writer.idle();
  else await writer.close();
  return { hashes: [] };
}
