import { expect, it } from '@jest/globals';
import { conditionsOf } from './rule-words.js';

it('says every condition of a rule', () => {
  expect(
    conditionsOf({
      when: {
        tool: ['Read', 'Glob'],
        command: { program: 'git', args_start: ['push'], args_contain: ['--force'] },
        path_inside: 'workspace',
        host: '*.example.org',
        agent: 'lead',
        capability: 'deploy',
        risk: ['low', 'medium'],
        time: { from: '22:00', to: '06:00' },
        spent_below_usd: 2,
      },
    }),
  ).toEqual([
    'tool Read or Glob',
    'command git beginning push with --force',
    'every path inside workspace',
    'host *.example.org',
    'agent lead',
    'agent can deploy',
    'risk low or medium',
    'from 22:00 to 06:00',
    'spent less than $2 today',
  ]);
  expect(conditionsOf({ when: {} })).toEqual([]);
  expect(conditionsOf({ when: { command: { program: ['npm', 'pnpm'], args: [] } } })).toEqual([
    'command npm or pnpm without arguments',
  ]);
});
