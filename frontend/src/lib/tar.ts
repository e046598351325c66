/** A file of text in an archive. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

const BLOCK = 512;
/** What somebody packed is not to fill the memory of this page. */
const MAX_BYTES = 64 * 1024 * 1024;
const REGULAR = new Set(['0', '\0']);

/** Plain files of text as a `.tar.gz`, as `nox registry export` writes them. */
export async function packTarGz(files: readonly TextFile[]): Promise<Blob> {
  const parts = files.flatMap(({ path, text }) => {
    const body = new TextEncoder().encode(text);
    const rest = (BLOCK - (body.length % BLOCK)) % BLOCK;
    return [header(path, body.length), body, new Uint8Array(rest)];
  });
  const tar = new Blob([...parts, new Uint8Array(2 * BLOCK)]);
  return new Response(tar.stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

/** The regular files of a `.tar.gz`; throws in words when it is none, or too large. */
export async function unpackTarGz(packed: Blob): Promise<TextFile[]> {
  const bytes = await inflate(packed);
  const files: TextFile[] = [];
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0;) {
    const head = bytes.subarray(at, at + BLOCK);
    const size = Number.parseInt(field(head, 124, 12), 8);
    if (!Number.isSafeInteger(size) || at + BLOCK + size > bytes.length) throw new Error('it is cut off, or no tar');
    const path = [field(head, 345, 155), field(head, 0, 100)].filter((part) => part !== '').join('/');
    const body = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (REGULAR.has(String.fromCharCode(head[156] ?? 0)))
      files.push({ path: path.replace(/^\.\//, ''), text: new TextDecoder().decode(body) });
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

async function inflate(packed: Blob): Promise<Uint8Array> {
  const reader = packed.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    if (bytes > MAX_BYTES) throw new Error('it is too large');
    chunks.push(value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Text up to the first zero byte. */
const field = (head: Uint8Array, at: number, length: number): string =>
  new TextDecoder()
    .decode(head.subarray(at, at + length))
    .split('\0', 1)[0]
    ?.trim() ?? '';

function header(path: string, size: number): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(BLOCK);
  const put = (text: string, at: number): void => head.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  put(path, 0);
  put(octal(0o644, 7), 100);
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(size, 11), 124);
  put(octal(Math.floor(Date.now() / 1000), 11), 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\u000000', 257);
  put(
    `${octal(
      head.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return head;
}
