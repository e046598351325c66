import type { Approval } from '@contracts/approval.js';
import { z } from 'zod';

const Question = z.object({
  question: z.string(),
  header: z.string().optional(),
  multiSelect: z.boolean().optional(),
  options: z.array(z.object({ label: z.string(), description: z.string().optional() })).default([]),
});
export type Question = z.infer<typeof Question>;
const Asked = z.object({ questions: z.array(Question).min(1) });
const Planned = z.object({ plan: z.string() });

/** The questions of an agent; undefined for any other call. */
export function questionsOf({ tool_name, input }: Pick<Approval, 'tool_name' | 'input'>): Question[] | undefined {
  if (tool_name !== 'AskUserQuestion') return undefined;
  return Asked.safeParse(input).data?.questions;
}

/** The plan that an agent wants to carry out; undefined for any other call. */
export function planOf({ tool_name, input }: Pick<Approval, 'tool_name' | 'input'>): string | undefined {
  if (tool_name !== 'ExitPlanMode') return undefined;
  return Planned.safeParse(input).data?.plan;
}

/** What was chosen and written, as one answer; empty when there is none. */
export function answerOf(chosen: readonly string[], own: string): string {
  const text = own.trim();
  return [...chosen, ...(text === '' ? [] : [text])].join(', ');
}
