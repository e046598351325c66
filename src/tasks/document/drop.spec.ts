import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readDrop } from './drop.js';

const WHOLE = `# Build the report

## Objective
Sum up the sales.

## Requirements
- by month
- in euros

## Input Data
sales.csv

## Expected Output
report.md

## Priority
HIGH

## Estimated Time
2 hours

## Assigned Agent
worker
`;

describe('a task in a file of its own', () => {
  it('says all that its headings say', () => {
    expect(readDrop(WHOLE)).toMatchObject({
      ok: true,
      drop: {
        agent_id: 'worker',
        task: {
          title: 'Build the report',
          priority: 'high',
          deadline: null,
          description: expect.stringMatching(
            /^Objective:\nSum up the sales\.\n\nRequirements:\n- by month\n- in euros\n\nInput Data:\nsales\.csv\n\nExpected Output:\nreport\.md\n\nEstimated Time:\n2 hours$/,
          ),
        },
      },
    });
  });

  it('needs no more than an objective, and then goes to anybody', () => {
    const found = readDrop('## Objective\r\nDo it.\r\nWell.\r\n\r\n## Assigned Agent\r\nauto\r\n## Priority\r\n');
    expect(found).toMatchObject({ ok: true, drop: { task: { title: 'Do it.', priority: 'medium' } } });
    expect(found.ok && found.drop.agent_id).toBe(undefined);
  });

  it.each([
    ['# T\n## Priority\nSOON\n', 2, '"SOON" is no priority'],
    ['# T\n## Deadline\nsoon\n', 2, '"soon" is no time'],
    ['# T\n## Shell\nrm\n', 2, '"Shell" is no heading of a task'],
    ['', null, 'says neither a title nor an objective'],
    ['# T\n## Objective\n<!-- id: t-abc -->\n', null, 'description must not hold the id comment of a task'],
  ])('says what is wrong with %j', (text, line, message) => {
    expect(readDrop(text)).toEqual({ ok: false, problems: [{ line, message }] });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void readDrop(`# a\n${text}`)));
    expect(readDrop(`# ${'# '.repeat(400_000)}x`).ok).toBe(false);
  });
});
