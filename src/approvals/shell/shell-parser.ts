import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import type { getProcessor } from 'sh-syntax';
import { packageRoot } from '../../shared/paths.js';
import { messageOf } from '../../shared/nox-error.js';
import { readScript, type Simple } from './script.js';

type Processor = ReturnType<typeof getProcessor>;

/**
 * Reads shell commands by two readers that know nothing of each other: Nox's own strict one, and mvdan/sh as WebAssembly,
 * which is loaded at the first command. What they do not agree on, nobody knows for sure.
 */
@Injectable()
export class ShellParser {
  private readonly logger = new Logger(ShellParser.name);
  /** One for the whole program: to load it costs more than to parse. */
  private static processor: Promise<Processor> | undefined;

  /** Agents run the same few commands again and again. */
  private static readonly known = new Map<string, readonly Simple[] | null>();

  /** The commands of a script, or null when it cannot be said for sure what runs. Never rejects. */
  async commandsOf(command: string): Promise<readonly Simple[] | null> {
    const script = readScript(command);
    if (script === null) return null;
    const known = ShellParser.known.get(command);
    if (known !== undefined) return known;
    try {
      const parser = await (ShellParser.processor ??= load());
      const asked = await parser(command, PRINT);
      const read = script.spelt === command ? asked : await parser(script.spelt, PRINT);
      const commands = asked === read ? script.commands : null;
      if (ShellParser.known.size >= MAX_KNOWN) ShellParser.known.clear();
      ShellParser.known.set(command, commands);
      return commands;
    } catch (error) {
      if (error instanceof Error && 'Incomplete' in error) return null;
      ShellParser.processor = undefined;
      this.logger.error(`The shell parser failed, so the command counts as unknown: ${messageOf(error)}`);
      return null;
    }
  }
}

type Instances = Extract<Parameters<typeof getProcessor>[0], (imports: never) => unknown>;
/** Node has it; the types of a page, where it is declared, are not ours. */
const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    compile: (bytes: Uint8Array) => Promise<object>;
    instantiate: (module: object, imports: Parameters<Instances>[0]) => Promise<Awaited<ReturnType<Instances>>>;
  };
};

const MAX_KNOWN = 1000;
const PRINT = { print: true, singleLine: true, keepComments: true } as const;

async function load(): Promise<Processor> {
  const [syntax, bytes] = await Promise.all([import('sh-syntax'), readFile(wasmPath())]);
  const module = await wasm.compile(bytes);
  return syntax.getProcessor(async (imports: Parameters<Instances>[0]) => await wasm.instantiate(module, imports));
}

/** The build puts it beside the bundle; without a build it is where npm put it. */
function wasmPath(): string {
  const built = join(packageRoot(), 'dist', 'sh-syntax.wasm');
  return existsSync(built) ? built : createRequire(import.meta.url).resolve('sh-syntax/main.wasm');
}
