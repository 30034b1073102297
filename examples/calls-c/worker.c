/* worker: counts primes, until it is killed. */
#define MMFBUS_IMPLEMENTATION
#include "primes.h"

#include <stdio.h>

static bool is_prime(uint32_t number) {
    for (uint32_t factor = 2; factor <= number / factor; factor++) {
        if (number % factor == 0) return false;
    }
    return number > 1;
}

static void count(mmfbus_request *request, void *memory) {
    mmfbus_arena arena = mmfbus_arena_of(memory, 256);
    primes_count_input range;
    uint32_t found = 0;
    if (!primes_count_take(request, &range, &arena)) return; /* it was refused */
    for (uint32_t number = range.from; number < range.to; number++) found += is_prime(number);
    primes_count_answer(request, &found, &arena, NULL);
}

static void crash(mmfbus_request *request, void *memory) {
    (void)request, (void)memory;
    _Exit(1);
}

int main(void) {
    char memory[256];
    mmfbus_server *server;
    mmfbus_server_options options = mmfbus_server_options_init();
    primes_handlers handlers = {count, crash, memory};
    mmfbus_status status = primes_server_open(&server, &options, &handlers);
    if (status == MMFBUS_OK) {
        puts("ready");
        fflush(stdout);
        status = mmfbus_server_run(server);
    }
    fprintf(stderr, "worker: %s %s\n", mmfbus_text(status), mmfbus_last_detail());
    mmfbus_server_close(server);
    return 1;
}
