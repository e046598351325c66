/** Log lines of the engine's framing: one byte of stream, three of nothing, four of length, then the bytes. */
export function framesOf(raw: Buffer): { stream: 'stdout' | 'stderr'; line: string }[] {
  const lines: { stream: 'stdout' | 'stderr'; line: string }[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const end = at + 8 + raw.readUInt32BE(at + 4);
    const stream = raw[at] === 2 ? 'stderr' : 'stdout';
    const text = raw
      .subarray(at + 8, end)
      .toString('utf8')
      .replace(/\n$/, '');
    lines.push(...text.split('\n').map((line) => ({ stream, line }) as const));
    at = end;
  }
  return lines;
}
