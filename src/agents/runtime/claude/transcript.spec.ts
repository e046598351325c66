import { describe, expect, it } from '@jest/globals';
import { promptsIn } from './transcript.js';

const line = (value: object): string => JSON.stringify(value);

describe(promptsIn, () => {
  it('finds prompts of their own and steered ones, as the CLI writes them', () => {
    const transcript = [
      line({ type: 'user', message: { role: 'user', content: 'one' }, uuid: 'u-1' }),
      line({ parentUuid: 'u-1', type: 'assistant', uuid: 'x' }),
      line({
        type: 'attachment',
        attachment: { type: 'queued_command', prompt: 'two', source_uuid: 'u-2' },
        uuid: 'y',
      }),
    ].join('\n');
    expect(promptsIn(transcript, ['u-1', 'u-2', 'u-3'])).toEqual(new Set(['u-1', 'u-2']));
  });

  it('does not take one for read that only stood in the queue, nor one that another line names', () => {
    const transcript = [
      line({ type: 'queue-operation', operation: 'enqueue', commandUuid: 'u-1' }),
      line({ type: 'assistant', parentUuid: 'u-2', uuid: 'x' }),
      line({ type: 'user', message: { role: 'user', content: 'what of u-3?' }, uuid: 'z' }),
    ].join('\n');
    expect(promptsIn(transcript, ['u-1', 'u-2', 'u-3'])).toEqual(new Set());
  });

  it('skips a line that a kill has torn', () => {
    const whole = line({ type: 'user', uuid: 'u-1' });
    expect(promptsIn(`${whole}\n${whole.slice(0, -3)}`, ['u-1'])).toEqual(new Set(['u-1']));
    expect(promptsIn(whole.slice(0, -3), ['u-1'])).toEqual(new Set());
  });
});
