/** Linux x86-64 numbers of system calls that a service must not make. */
export const SYSCALLS = {
  ptrace: 101,
  keyctl: 250,
  unshare: 272,
  perf_event_open: 298,
  setns: 308,
  process_vm_readv: 310,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
} as const;

/**
 * The smallest program that makes one system call: a static ELF file for x86-64 whose exit code is the errno, 0 when the
 * call succeeded. Busybox has no applet for most of them.
 */
export function syscallElf(number: number, args: readonly [number, number]): Buffer {
  const mov = (opcode: number, value: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes[0] = opcode;
    bytes.writeInt32LE(value, 1);
    return bytes;
  };
  const code = Buffer.concat([
    mov(0xb8, number), // eax
    mov(0xbf, args[0]), // edi
    mov(0xbe, args[1]), // esi
    Buffer.from([0x31, 0xd2, 0x4d, 0x31, 0xd2, 0x4d, 0x31, 0xc0]), // edx, r10, r8 = 0
    Buffer.from([0x0f, 0x05]), // syscall
    Buffer.from([0x31, 0xff, 0x85, 0xc0, 0x79, 0x04]), // edi = 0; skip when the result is no error
    Buffer.from([0xf7, 0xd8, 0x89, 0xc7]), // edi = -eax
    mov(0xb8, 60), // exit(edi)
    Buffer.from([0x0f, 0x05]),
  ]);
  const base = 0x40_0000n;
  const headers = Buffer.alloc(64 + 56);
  const size = BigInt(headers.length + code.length);
  headers.write('\x7fELF\x02\x01\x01', 'latin1');
  headers.writeUInt16LE(2, 16); // an executable
  headers.writeUInt16LE(0x3e, 18); // of x86-64
  headers.writeUInt32LE(1, 20);
  headers.writeBigUInt64LE(base + BigInt(headers.length), 24); // where it begins
  headers.writeBigUInt64LE(64n, 32);
  headers.writeUInt16LE(64, 52);
  headers.writeUInt16LE(56, 54);
  headers.writeUInt16LE(1, 56);
  headers.writeUInt32LE(1, 64); // loaded
  headers.writeUInt32LE(5, 68); // to be read and run
  headers.writeBigUInt64LE(base, 80);
  headers.writeBigUInt64LE(base, 88);
  headers.writeBigUInt64LE(size, 96);
  headers.writeBigUInt64LE(size, 104);
  headers.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([headers, code]);
}
