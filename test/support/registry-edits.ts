/** Edits of agents.toml as a person makes them. */

/** Puts a line below an agent's header. */
export const below = (text: string, id: string, line: string): string =>
  text.replace(new RegExp(`^\\[agents\\.${id}\\]\\n`, 'm'), (header) => `${header}${line}\n`);

export const renamed = (text: string, id: string, name: string): string =>
  text.replace(new RegExp(`(^\\[agents\\.${id}\\]\\n(?:(?!\\[).*\\n)*?name = )"[^"\\n]*"`, 'm'), `$1"${name}"`);

export const born = (text: string, id: string): string =>
  `${text.trimEnd()}\n\n# by hand\n[agents.${id}]\nname = "${id}"\nsystem_prompt = "x"\ndesired_state = "inactive"\n` +
  'capabilities = []\npriority = "medium"\nmcp_services = []\n';

/** Takes an agent's tables away. */
export const died = (text: string, id: string): string =>
  text
    .split(/^(?=\[)/m)
    .filter((section) => !section.startsWith(`[agents.${id}]`) && !section.startsWith(`[agents.${id}.`))
    .join('');

export const withToken = (text: string, id: string): string =>
  `${text.trimEnd()}\n\n[agents.${id}.env]\nTOKEN = "env:TOKEN"\n`;
