import { setTimeout as delay } from 'node:timers/promises';
import type { Arrived, Subject } from './subjects.js';

export type Make = (arrived: Arrived) => Promise<Subject> | Subject;

/** How long each message took from the moment at which it was to be sent. */
export async function atRate(
  make: Make,
  given: {
    /** A second. */
    readonly rate: number;
    readonly messages: number;
    /** How many of them arrive; all unless told otherwise. */
    readonly arrive?: number;
  },
): Promise<number[]> {
  const { rate, messages, arrive = messages } = given;
  const due: number[] = [];
  const samples: number[] = [];
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const subject = await make((n) => {
    samples.push(performance.now() - (due[n] ?? 0));
    if (samples.length === arrive) done();
  });
  const start = performance.now();
  const sent: Promise<unknown>[] = [];
  for (let n = 0; n < messages;) {
    const until = Math.min(messages, Math.floor(((performance.now() - start) * rate) / 1000));
    for (; n < until; n += 1) {
      due[n] = performance.now();
      sent.push(subject.send(n));
    }
    await delay(1);
  }
  await Promise.all(sent);
  await all;
  await subject.close();
  return samples;
}
