/*
 * A server and a client of the service in test/src/generated/c-service.test.ts, by the header that is generated from its contract.
 *
 *   calc_peer serve <service>    serves until its standard input ends
 *   calc_peer call <service>     calls each method, and prints what it gets
 */
#define MMFBUS_IMPLEMENTATION
#include "calc.h"

#include <stdio.h>
#include <stdlib.h>

static char memory[65536];
static mmfbus_problem problem;

static mmfbus_arena scratch(void) {
    return mmfbus_arena_of(memory, sizeof memory);
}

static void require(mmfbus_status status, mmfbus_status expected, const char *what) {
    if (status == expected) return;
    fprintf(stderr, "%s: %s, %s\n", what, mmfbus_text(status), problem.text);
    exit(1);
}

/* -- The server */

static void add(mmfbus_request *request, void *context) {
    mmfbus_arena arena = scratch();
    calc_add_input input;
    (void)context;
    if (!calc_add_take(request, &input, &arena)) return;
    if (input.a > 100) {
        calc_add_error_overflow limit = {100};
        require(calc_add_answer_overflow(request, &limit, &arena, &problem), MMFBUS_OK, "overflow");
        return;
    }
    double sum = input.a + input.b;
    require(calc_add_answer(request, &sum, &arena, &problem), MMFBUS_OK, "add");
}

static void log_it(mmfbus_request *request, void *context) {
    mmfbus_arena arena = scratch();
    mmfbus_string text;
    (void)context;
    if (!calc_log_take(request, &text, &arena)) return;
    printf("log %.*s\n", (int)text.length, text.data);
    fflush(stdout);
    mmfbus_answer_end(request);
}

static void reset(mmfbus_request *request, void *context) {
    (void)context;
    mmfbus_answer_end(request);
}

static void sum(mmfbus_request *request, void *context) {
    mmfbus_arena arena = scratch();
    mmfbus_item item;
    double total = 0, one;
    (void)context;
    for (;;) {
        require(mmfbus_request_receive(request, &item, MMFBUS_FOREVER), MMFBUS_OK, "receive");
        if (item.is_end) break;
        require(calc_sum_in_decode(&one, item.data, item.length, &arena, &problem), MMFBUS_OK, "item");
        total += one;
    }
    require(calc_sum_answer(request, &total, &arena, &problem), MMFBUS_OK, "sum");
}

static void ticks(mmfbus_request *request, void *context) {
    mmfbus_arena arena = scratch();
    calc_ticks_input input;
    (void)context;
    if (!calc_ticks_take(request, &input, &arena)) return;
    for (uint32_t index = 0; index < input.count; index++) {
        mmfbus_arena more = arena;
        calc_ticks_item tick = {input.symbol, (double)index};
        require(calc_ticks_answer_item(request, &tick, MMFBUS_FOREVER, &more, &problem), MMFBUS_OK, "tick");
    }
    mmfbus_answer_end(request);
}

static int serve(const char *service) {
    mmfbus_server *server;
    mmfbus_server_options options = mmfbus_server_options_init();
    calc_handlers handlers;
    memset(&handlers, 0, sizeof handlers);
    options.service = service;
    options.name = "c";
    require(calc_server_open(&server, &options, &handlers), MMFBUS_INVALID_ARGUMENT, "without handlers");
    handlers.add = add;
    handlers.log = log_it;
    handlers.reset = reset;
    handlers.sum = sum;
    handlers.ticks = ticks;
    require(calc_server_open(&server, &options, &handlers), MMFBUS_OK, mmfbus_last_detail());
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd both[2] = {{0, POLLIN, 0}, {mmfbus_server_descriptor(server), POLLIN, 0}};
        require(mmfbus_server_dispatch(server), MMFBUS_OK, "dispatch");
        bool is_asleep = mmfbus_server_arm(server) == MMFBUS_OK;
        poll(both, 2, is_asleep ? -1 : 0);
        if (both[0].revents != 0) break;
    }
    mmfbus_server_close(server);
    return 0;
}

/* -- The client */

static int call(const char *service) {
    mmfbus_client *client;
    mmfbus_answer answer;
    uint64_t number;
    double result;
    mmfbus_client_options options = mmfbus_client_options_init();
    calc_describe(&options);
    options.service = service;
    require(mmfbus_client_open(&client, &options), MMFBUS_OK, mmfbus_last_detail());

    mmfbus_arena arena = scratch();
    calc_add_input input = {1, 2};
    require(calc_add(client, &input, &result, 60000, &arena, &problem, &answer), MMFBUS_OK, "add");
    printf("add %g\n", result);
    input.a = 101;
    require(calc_add(client, &input, &result, 60000, &arena, &problem, &answer), MMFBUS_DECLARED, "add");
    calc_add_error_overflow limit;
    require(calc_add_error_overflow_decode(&limit, answer.data, answer.length, &arena, &problem), MMFBUS_OK, "limit");
    printf("%s %g %s\n", answer.name, limit.limit, strcmp(answer.name, CALC_ADD_OVERFLOW) == 0 ? "as declared" : "of another name");

    mmfbus_string text = mmfbus_string_of("hello");
    require(calc_log(client, &text, 60000, &arena, &problem), MMFBUS_OK, "log");
    require(calc_reset(client, 60000, &arena, &problem, &answer), MMFBUS_OK, "reset");

    require(calc_sum_begin(client, 60000, NULL, &number, &arena, &problem), MMFBUS_OK, "sum");
    for (double item = 1; item <= 100; item++) {
        require(calc_sum_send(client, number, &item, 60000, &arena, &problem), MMFBUS_OK, "send");
    }
    require(mmfbus_call_end(client, number), MMFBUS_OK, "end");
    require(mmfbus_call_next(client, number, &answer), MMFBUS_OK, "sum");
    require(calc_sum_output_decode(&result, answer.data, answer.length, &arena, &problem), MMFBUS_OK, "sum");
    printf("sum %g\n", result);

    calc_ticks_input which = {mmfbus_string_of("AAPL"), 3};
    require(calc_ticks_begin(client, &which, 60000, NULL, &number, &arena, &problem), MMFBUS_OK, "ticks");
    for (;;) {
        calc_ticks_item tick;
        require(mmfbus_call_next(client, number, &answer), MMFBUS_OK, "tick");
        if (answer.is_last) break;
        require(calc_ticks_item_decode(&tick, answer.data, answer.length, &arena, &problem), MMFBUS_OK, "tick");
        printf("tick %.*s %g\n", (int)tick.symbol.length, tick.symbol.data, tick.price);
    }
    mmfbus_client_close(client);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    return strcmp(argv[1], "serve") == 0 ? serve(argv[2]) : call(argv[2]);
}
