// Jest knows how long a spec takes only from a run before, and takes the largest file for the longest. These are short to
// read and long to run: one that begins last leaves a processor idle until it ends.
import Sequencer from '@jest/test-sequencer';

const LONG = [
  'fault/broker-chaos',
  'fault/registry-failpoints',
  'fault/failpoints',
  'fault/long',
  'e2e/attention',
  'contract/runtime.contract',
  'e2e/quota',
  'fault/broker-redis',
  'fault/registry-labour',
  'fault/power',
  'e2e/delivery',
  'fault/gate-canary',
  'integration/registry-crash',
  'integration/registry-model',
];

const rank = ({ path }) => {
  const at = LONG.findIndex((name) => path.endsWith(`/test/${name}.spec.ts`));
  return at === -1 ? LONG.length : at;
};

export default class LongFirst extends Sequencer {
  async sort(tests) {
    // The order of jest stays among the others.
    return [...(await super.sort(tests))].sort((a, b) => rank(a) - rank(b));
  }
}
