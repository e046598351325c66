import { describe, expect, it } from '@jest/globals';
import type { RouteName } from '../../contracts/routes.js';
import { parseInput } from './route.js';

const answerTo = (name: RouteName, params: Record<string, string>): unknown => {
  try {
    return parseInput(name, { params, query: {}, body: {} });
  } catch (error) {
    return error;
  }
};

describe('an address that names nothing', () => {
  it.each<[RouteName, Record<string, string>, string]>([
    ['tasks_get', { id: 'nope' }, 'TASK_NOT_FOUND'],
    ['approvals_approve', { id: 'nope' }, 'APPROVAL_NOT_FOUND'],
    ['messages_get', { id: 'does_not_exist' }, 'MESSAGE_NOT_FOUND'],
    ['turns_get', { id: 'X' }, 'TURN_NOT_FOUND'],
    ['agents_status', { id: 'No_Agent' }, 'AGENT_NOT_FOUND'],
    ['agents_get', { id: 'health' }, 'AGENT_NOT_FOUND'],
    ['registry_commit', { hash: 'deadbeef' }, 'COMMIT_NOT_FOUND'],
  ])('%s %o is 404 %s and says what a name looks like', (name, params, code) => {
    expect(answerTo(name, params)).toMatchObject({
      code,
      status: 404,
      details: [{ field: Object.keys(params)[0], message: expect.any(String) }],
    });
  });

  it.each(['../../etc', '\0', 'a b', '日', '', 'a'.repeat(201), '%2e%2e'])('%j is no name at all: 400', (id) => {
    expect(answerTo('tasks_get', { id })).toMatchObject({ code: 'VALIDATION_ERROR', details: [{ field: 'id' }] });
  });
});
