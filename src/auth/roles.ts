import { Role } from '../contracts/auth.js';

/** Whether a role may do what is asked for another: each includes the ones before it. */
export function includesRole(have: Role, needed: Role): boolean {
  return Role.options.indexOf(have) >= Role.options.indexOf(needed);
}
