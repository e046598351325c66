import type { Approval } from '../../contracts/approval.js';
import type { DryRun } from '../../contracts/policy.js';
import type { Verdict } from './evaluate.js';

const MAX_CASES = 50;

/** Sums up what a policy would have done with requests that people decided. */
export function sumUpRun(judged: readonly { readonly approval: Approval; readonly verdict: Verdict }[]): DryRun {
  const cases = judged.map(({ approval, verdict }) => ({
    approval_id: approval.id,
    agent_id: approval.agent_id,
    tool_name: approval.tool_name,
    summary: summaryOf(approval),
    decided: approval.status === 'approved' ? ('approved' as const) : ('denied' as const),
    would: verdict.effect,
    rule_id: verdict.rule_id,
  }));
  const ruled = cases.filter(({ would }) => would !== 'ask');
  const isSame = ({ decided, would }: (typeof cases)[number]): boolean =>
    (decided === 'approved') === (would === 'allow');
  const different = ruled.filter((one) => !isSame(one));
  return {
    looked_at: cases.length,
    same: ruled.length - different.length,
    different: different.length,
    asked: cases.length - ruled.length,
    cases: [...different, ...ruled.filter(isSame)].slice(0, MAX_CASES),
  };
}

/** What was asked, in one line. */
export function summaryOf({ input }: Pick<Approval, 'input'>): string {
  const fields = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {};
  const main = fields['command'] ?? fields['file_path'] ?? fields['url'] ?? fields['path'] ?? JSON.stringify(input);
  return (typeof main === 'string' ? main : JSON.stringify(input)).replace(/\s+/g, ' ').slice(0, 200);
}
