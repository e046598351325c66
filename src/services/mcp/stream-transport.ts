import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Beyond this a line is no message but a flood. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

export interface Streams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  close(): void;
}

/** MCP's stdio framing, one JSON message a line, over any pair of streams. A line that is no message is told and passed over. */
export class StreamTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private closed = false;

  constructor(private readonly streams: Streams) {}

  async start(): Promise<void> {
    const { stdin, stdout } = this.streams;
    stdout.once('end', () => this.finish());
    stdout.once('error', (error) => this.onerror?.(error));
    stdin.once('close', () => this.finish());
    const { JSONRPCMessageSchema } = await import('@modelcontextprotocol/sdk/types.js');
    const parse = (line: string): JSONRPCMessage => JSONRPCMessageSchema.parse(JSON.parse(line));
    stdout.on('data', (chunk: Buffer) => this.take(this.decoder.write(chunk), parse));
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.closed) reject(new Error('The service has closed its stream.'));
      else this.streams.stdin.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): Promise<void> {
    this.streams.close();
    this.finish();
    return Promise.resolve();
  }

  private take(text: string, parse: (line: string) => JSONRPCMessage): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.read(line, parse);
    if (this.rest.length <= MAX_LINE_CHARS) return;
    this.rest = '';
    this.onerror?.(new Error(`A line of more than ${MAX_LINE_CHARS} characters.`));
    void this.close();
  }

  private read(line: string, parse: (line: string) => JSONRPCMessage): void {
    if (line.trim() === '') return;
    try {
      this.onmessage?.(parse(line));
    } catch {
      this.onerror?.(new Error(`A line that is no MCP message: ${line.slice(0, 200)}`));
    }
  }

  private finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.();
  }
}
