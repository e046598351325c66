import * as z from 'zod';

/** One input of a tool, as a form can ask for it. */
export interface ToolField {
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'choice' | 'json';
  readonly required: boolean;
  readonly description: string;
  readonly options: readonly string[];
  readonly initial: string;
}

const Property = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
});
const ToolSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
});

/** The fields of a JSON schema; undefined when it has none that could be asked for one by one. */
export function fieldsOf(schema: unknown): ToolField[] | undefined {
  const parsed = ToolSchema.safeParse(schema);
  const properties = Object.entries(parsed.data?.properties ?? {});
  if (!parsed.success || properties.length === 0) return undefined;
  const required = new Set(parsed.data.required);
  return properties.map(([name, raw]) => {
    const property = Property.safeParse(raw).data ?? {};
    const options = (property.enum ?? []).filter((each) => typeof each === 'string');
    const kind = kindOf(property.type, options.length > 0 && options.length === property.enum?.length);
    return {
      name,
      kind,
      required: required.has(name),
      description: property.description ?? '',
      options,
      initial: initialOf(property.default, kind),
    };
  });
}

function kindOf(type: string | string[] | undefined, choice: boolean): ToolField['kind'] {
  if (choice) return 'choice';
  const [only, ...others] = (typeof type === 'string' ? [type] : (type ?? [])).filter((each) => each !== 'null');
  if (others.length > 0) return 'json';
  if (only === 'string') return 'text';
  if (only === 'number' || only === 'integer') return 'number';
  return only === 'boolean' ? 'boolean' : 'json';
}

function initialOf(value: unknown, kind: ToolField['kind']): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' && kind !== 'json' ? value : JSON.stringify(value);
}

/** What is to be sent for what was typed; what is left empty is left out. Problems by field. */
export function inputFrom(
  fields: readonly ToolField[],
  values: Readonly<Record<string, string>>,
): { input?: Record<string, unknown>; problems?: Record<string, string> } {
  const entries: [string, unknown][] = [];
  const problems: Record<string, string> = {};
  for (const { name, kind, required } of fields) {
    const typed = values[name] ?? '';
    if (typed === '') {
      if (required && kind !== 'text') problems[name] = 'is needed';
      else if (required) entries.push([name, '']);
      continue;
    }
    if (kind === 'text' || kind === 'choice') entries.push([name, typed]);
    else if (kind === 'boolean') entries.push([name, typed === 'true']);
    else if (kind === 'number') {
      const number = Number(typed);
      if (Number.isFinite(number) && typed.trim() !== '') entries.push([name, number]);
      else problems[name] = 'must be a number';
    } else {
      try {
        entries.push([name, JSON.parse(typed)]);
      } catch {
        problems[name] = 'must be JSON, as {"a": 1} or ["b"]';
      }
    }
  }
  return Object.keys(problems).length > 0 ? { problems } : { input: Object.fromEntries(entries) };
}

/** A whole input as JSON; undefined when it is no object. */
export function objectFrom(text: string): Record<string, unknown> | undefined {
  try {
    return z.record(z.string(), z.unknown()).safeParse(text.trim() === '' ? {} : JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
