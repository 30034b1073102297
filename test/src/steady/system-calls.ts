/** System calls of the engine: its memory, its threads, its clocks, and waking its own loop. */
export const OF_THE_ENGINE: RegExp =
  /^(?:futex|madvise|mmap|munmap|mprotect|mremap|brk|getpid|gettid|getrusage|clock_\w+|gettimeofday|sched_get\w+|rt_\w+)\(|^write\(\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8\)|^---/;
/** The allocator of glibc looks once whether memory of a thread that is free may be given back; then it reads and closes the file. */
const LOOK_OF_THE_ALLOCATOR = /^openat\(.*"\/proc\/sys\/vm\/overcommit_memory".* = (\d+)$/;

/** The system calls that were made between two marks of the program, each time. */
export function callsBetween(calls: readonly string[], stage: string): string[] {
  const found: string[] = [];
  let within = false;
  let looksAt: string | undefined;
  for (const call of calls) {
    if (call.includes(`"/mark ${stage} end"`)) within = false;
    looksAt = LOOK_OF_THE_ALLOCATOR.exec(call)?.[1] ?? looksAt;
    if (looksAt === undefined) {
      if (within) found.push(call);
    } else if (call.startsWith(`close(${looksAt})`)) {
      looksAt = undefined;
    }
    if (call.includes(`"/mark ${stage} begin"`)) within = true;
  }
  return found;
}
