/** Does a name fit a pattern in which `*` stands for anything? */
export function fitsPattern(name: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name);
}

/** May agents call this tool of a service? A denial wins; an empty list of allowed ones allows all. Pure. */
export function toolAllowed(
  tool: string,
  {
    allowed_tools,
    denied_tools,
  }: { readonly allowed_tools: readonly string[]; readonly denied_tools: readonly string[] },
): boolean {
  if (denied_tools.some((pattern) => fitsPattern(tool, pattern))) return false;
  return allowed_tools.length === 0 || allowed_tools.some((pattern) => fitsPattern(tool, pattern));
}
