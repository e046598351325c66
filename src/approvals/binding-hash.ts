import { createHash } from 'node:crypto';
import { type Binding, bindingText } from './canonical.js';

/** Hex sha256 of (agent, session, tool_use_id, tool, canonical input, cwd). Throws a TypeError if the input is no JSON. */
export const bindingHash = (call: Binding): string => createHash('sha256').update(bindingText(call)).digest('hex');
