import * as z from 'zod';

/** One thing that an agent wants to know again. People may write some by hand, with the text alone. */
export const MemoryFact = z.looseObject({
  id: z.string().default(''),
  text: z.string(),
  tags: z.array(z.string()).default([]),
  /** Who kept it: `agent:<id>`, or a person's name. */
  source: z.string().default('external'),
  created_at: z.union([z.string(), z.date().transform((at) => at.toISOString())]).default(''),
});
export type MemoryFact = z.infer<typeof MemoryFact>;

/** `agents/<id>/memory.toml`. */
export const MemoryFile = z.looseObject({ facts: z.array(MemoryFact).default([]) });
