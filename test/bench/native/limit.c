/*
 * The limit: frames of 64 bytes through a ring in shared memory from one process to another, with nothing but what the
 * ring needs: no lock, no second consumer, no wake-ups. Prints nanoseconds a frame.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 64, CAPACITY = 8 << 20 };

struct ring {
  _Alignas(64) _Atomic uint64_t tail;
  _Alignas(64) _Atomic uint64_t cursor;
  _Alignas(64) unsigned char bytes[CAPACITY];
};

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void produce(struct ring *ring, uint64_t frames) {
  unsigned char frame[FRAME];
  memset(frame, 7, sizeof frame);
  uint64_t taken = 0;
  for (uint64_t position = 0; position < frames * FRAME; position += FRAME) {
    while (position + FRAME - taken > CAPACITY) {
      taken = atomic_load_explicit(&ring->cursor, memory_order_acquire);
    }
    memcpy(frame, &position, sizeof position);
    memcpy(ring->bytes + position % CAPACITY, frame, FRAME);
    atomic_store_explicit(&ring->tail, position + FRAME, memory_order_release);
  }
}

static int consume(struct ring *ring, uint64_t frames) {
  uint64_t position = 0;
  while (position < frames * FRAME) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    for (; position < tail; position += FRAME) {
      unsigned char frame[FRAME];
      memcpy(frame, ring->bytes + position % CAPACITY, FRAME);
      if (memcmp(frame, &position, sizeof position) != 0) return 1;
    }
    atomic_store_explicit(&ring->cursor, position, memory_order_release);
  }
  return 0;
}

int main(int argc, char **argv) {
  uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
  struct ring *ring =
      mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (ring == MAP_FAILED) return 2;
  double begin = seconds();
  pid_t child = fork();
  if (child < 0) return 2;
  if (child == 0) _exit(consume(ring, frames));
  produce(ring, frames);
  int status = 0;
  waitpid(child, &status, 0);
  printf("%.3f\n", (seconds() - begin) / (double)frames * 1e9);
  return status == 0 ? 0 : 1;
}
