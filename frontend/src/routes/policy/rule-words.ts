import type { PolicyRule } from '@contracts/policy.js';

const list = (value: string | readonly string[]): string => (typeof value === 'string' ? value : value.join(' or '));

/** The conditions of a rule in words, one phrase each; none means every call. */
export function conditionsOf({ when }: Pick<PolicyRule, 'when'>): string[] {
  const { tool, command, path_inside, host, agent, capability, risk, time, spent_below_usd } = when;
  return [
    ...(tool === undefined ? [] : [`tool ${list(tool)}`]),
    ...(command === undefined ? [] : [commandWords(command)]),
    ...(path_inside === undefined ? [] : [`every path inside ${list(path_inside)}`]),
    ...(host === undefined ? [] : [`host ${list(host)}`]),
    ...(agent === undefined ? [] : [`agent ${list(agent)}`]),
    ...(capability === undefined ? [] : [`agent can ${list(capability)}`]),
    ...(risk === undefined ? [] : [`risk ${list(risk)}`]),
    ...(time === undefined ? [] : [`from ${time.from} to ${time.to}`]),
    ...(spent_below_usd === undefined ? [] : [`spent less than $${spent_below_usd} today`]),
  ];
}

function commandWords({ program, args, args_start, args_contain }: NonNullable<PolicyRule['when']['command']>): string {
  const words = [`command ${list(program)}`];
  if (args !== undefined) words.push(args.length === 0 ? 'without arguments' : `with just ${args.join(' ')}`);
  if (args_start !== undefined) words.push(`beginning ${args_start.join(' ')}`);
  if (args_contain !== undefined) words.push(`with ${args_contain.join(' and ')}`);
  return words.join(' ');
}
