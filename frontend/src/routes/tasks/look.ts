import type { Task, TaskStatus } from '@contracts/task.js';
import type { StateLook } from '../../lib/agent-state.js';

export const WORDS: Readonly<Record<TaskStatus, string>> = {
  todo: 'Todo',
  in_progress: 'In progress',
  blocked: 'Blocked',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const LOOKS: Readonly<Record<TaskStatus, Omit<StateLook, 'word'>>> = {
  todo: { sign: 'circle', colour: 'grey' },
  in_progress: { sign: 'dot', colour: 'blue' },
  blocked: { sign: 'pause', colour: 'violet' },
  done: { sign: 'check', colour: 'green' },
  failed: { sign: 'cross', colour: 'red' },
  cancelled: { sign: 'square', colour: 'grey' },
};

/** Word, sign and colour of a status. */
export const taskLook = (status: TaskStatus): StateLook => ({ ...LOOKS[status], word: WORDS[status] });

const PROOFS: Readonly<Record<Exclude<Task['proof'], 'none'>, StateLook>> = {
  running: { word: 'proving', sign: 'dot', colour: 'blue', pulse: true },
  passed: { word: 'proved', sign: 'check', colour: 'green' },
  failed: { word: 'not proved', sign: 'cross', colour: 'red' },
};

/** How far its proof is; undefined for a task without acceptance. */
export const proofLook = ({ proof, accept }: Task): StateLook | undefined =>
  proof !== 'none'
    ? PROOFS[proof]
    : accept.length > 0
      ? { word: 'to prove', sign: 'dashed', colour: 'grey' }
      : undefined;
