/** System calls of the engine: its memory, its threads, its clocks, and waking its own loop. */
export const OF_THE_ENGINE: RegExp =
  /^(?:futex|madvise|mmap|munmap|mprotect|mremap|brk|getpid|gettid|getrusage|clock_\w+|gettimeofday|rt_\w+)\(|^write\(\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8\)|^---/;
/** The system calls that were made between two marks of the program, each time. */
export function callsBetween(calls: readonly string[], stage: string): string[] {
  const found: string[] = [];
  let within = false;
  for (const call of calls) {
    if (call.includes(`"/mark ${stage} end"`)) within = false;
    if (within) found.push(call);
    if (call.includes(`"/mark ${stage} begin"`)) within = true;
  }
  return found;
}
