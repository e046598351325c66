// Jest knows how long a spec takes only from a run before, and takes the largest file for the longest. These are short to
// read and long to run: one that begins last leaves a processor idle until it ends.
import Sequencer from '@jest/test-sequencer';

const LONG = [
  'broker-chaos',
  'registry-failpoints',
  'failpoints',
  'fault/long',
  'attention',
  'runtime.contract',
  'quota',
  'broker-redis',
  'registry-labour',
  'fault/power',
  'delivery',
  'gate-canary',
  'registry-crash',
  'registry-model',
].map((name) => new RegExp(`/(integration|contract|fault|e2e)/.*${name.replace('fault/', '')}\\.spec`));

const rank = ({ path }) => {
  const at = LONG.findIndex((each) => each.test(path));
  return at === -1 ? LONG.length : at;
};

export default class LongFirst extends Sequencer {
  async sort(tests) {
    // The order of jest stays among the others.
    return [...(await super.sort(tests))].sort((a, b) => rank(a) - rank(b));
  }
}
