import { CliError, Exit } from './cli-error.js';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a command may know of the world around it. Tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  readonly now: () => number;
  /** Calls the handler on Ctrl-C instead of ending the program; returns the function that takes it back. */
  readonly onInterrupt: (handler: () => void) => () => void;
}

/** All of standard input, without the last newline. */
export async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Asks on the terminal and answers the line; with `echo: false` nothing of it is shown. Ctrl-C and Ctrl-D end the command. */
export async function ask(io: Io, question: string, { echo = true } = {}): Promise<string> {
  const [{ createInterface }, { Writable }] = await Promise.all([import('node:readline'), import('node:stream')]);
  // What is typed is echoed by this stream, or swallowed.
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      if (echo) io.stderr.write(chunk.toString('utf8'));
      done();
    },
  });
  const lines = createInterface({ input: io.stdin, output, terminal: true, prompt: question });
  if (echo) lines.prompt();
  else io.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new Exit(130)));
      lines.once('close', () => reject(new CliError('INVALID_REQUEST', 'There was no answer.')));
    });
  } finally {
    lines.close();
    if (!echo) io.stderr.write('\n');
  }
}
