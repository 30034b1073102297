/*
 * What mmfbus_service.h says of options, threads and forks, in one process.
 *
 *   service_test <service>
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus_service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#ifndef _WIN32
#include <sys/wait.h>
#endif

#define REQUIRE(condition) \
    if (!(condition)) { \
        fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
        exit(1); \
    }

static const char contract[] = "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u32\",\"output\":\"u32\"}],"
                               "[\"keep\",{\"input\":\"u32\",\"output\":\"u32\"}],[\"note\",{\"input\":\"u32\"}],"
                               "[\"watch\",{\"output\":{\"stream\":\"u32\"}}]]}";
static const unsigned char one[] = {1};
static const char *service;
static uint32_t notes;

static void echo(mmfbus_request *request, void *context) {
    size_t length;
    const void *input = mmfbus_request_input(request, &length);
    REQUIRE(context == &notes);
    REQUIRE(mmfbus_request_pid(request) == (uint32_t)getpid());
    REQUIRE(strcmp(mmfbus_request_method(request), "echo") == 0);
    REQUIRE(strcmp(mmfbus_request_caller(request), "caller") == 0);
    REQUIRE(mmfbus_request_deadline(request) > mmfbus_now());
    REQUIRE(*mmfbus_request_data(request) == NULL);
    REQUIRE(mmfbus_answer_value(request, NULL, 1) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_answer_end(request) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_answer_value(request, input, length) == MMFBUS_OK);
}

static void keep(mmfbus_request *request, void *context) {
    (void)request;
    (void)context;
}

static void keep_on(mmfbus_request *request, void *context) {
    (void)context;
    REQUIRE(mmfbus_request_is_cancelled(request));
    REQUIRE(mmfbus_answer_failure(request, "Cancelled", "it was given up") == MMFBUS_OK);
}

static void note(mmfbus_request *request, void *context) {
    (void)context;
    notes++;
    mmfbus_answer_end(request);
}

static const mmfbus_handler handlers[] = {
    {"echo", echo, NULL, &notes}, {"keep", keep, keep_on, NULL}, {"note", note, NULL, NULL}, {"watch", keep, keep_on, NULL}};

static mmfbus_server_options serving(void) {
    mmfbus_server_options options = mmfbus_server_options_init();
    options.service = service;
    options.contract = contract;
    options.handlers = handlers;
    options.handler_count = sizeof handlers / sizeof *handlers;
    return options;
}

static mmfbus_client_options calling(void) {
    mmfbus_client_options options = mmfbus_client_options_init();
    options.service = service;
    options.contract = contract;
    options.name = "caller";
    return options;
}

static void test_options(void) {
    mmfbus_server *server;
    mmfbus_client *client;
    mmfbus_server_options to_serve = serving();
    mmfbus_client_options to_call = calling();
    to_serve.struct_size--;
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_INVALID_ARGUMENT && server == NULL);
    to_serve = serving();
    to_serve.handler_count--;
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(strcmp(mmfbus_last_detail(), "the method watch has no handler") == 0);
    to_serve = serving();
    to_serve.service = "no/name";
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_INVALID_NAME);
    const char *const wrong[] = {"", "[]", "{\"version\":2,\"methods\":[]}", "{\"version\":1,\"methods\":[[\"a\",{]]}",
                                 "{\"version\":1,\"methods\":[[\"a b\",{}]]}", "{\"version\":1,\"methods\":[[\"a\",{\"input\":\"u32}]]}"};
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        to_serve = serving();
        to_serve.contract = to_call.contract = wrong[index];
        REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_INVALID_ARGUMENT);
        REQUIRE(mmfbus_client_open(&client, &to_call) == MMFBUS_INVALID_ARGUMENT && client == NULL);
    }
    mmfbus_server_close(NULL);
    mmfbus_client_close(NULL);
}

static void *run(void *server) {
    REQUIRE(mmfbus_server_run((mmfbus_server *)server) == MMFBUS_OK);
    return NULL;
}

static void *interrupt(void *client) {
    mmfbus_client_interrupt((mmfbus_client *)client);
    return NULL;
}

static void test_calls(void) {
    pthread_t thread, other;
    mmfbus_server *server;
    mmfbus_client *client;
    mmfbus_answer answer;
    uint64_t call;
    mmfbus_server_options to_serve = serving();
    mmfbus_client_options to_call = calling();
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_OK);
    REQUIRE(mmfbus_client_open(&client, &to_call) == MMFBUS_OK);
    REQUIRE(pthread_create(&thread, NULL, run, server) == 0);

    REQUIRE(mmfbus_call(client, "echo", one, 1, 0, &answer) == MMFBUS_OK && answer.is_value && answer.length == 1);
    REQUIRE(answer.pid == (uint32_t)getpid() && answer.is_last);
    REQUIRE(mmfbus_call(client, "none", one, 1, 0, &answer) == MMFBUS_NO_METHOD && answer.started == MMFBUS_STARTED_NO);
    REQUIRE(mmfbus_call(client, "note", one, 1, 0, &answer) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_call(client, "watch", NULL, 0, 0, &answer) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_call_one_way(client, "echo", one, 1, 0) == MMFBUS_INVALID_ARGUMENT);
    REQUIRE(mmfbus_call_one_way(client, "note", one, 1, 0) == MMFBUS_OK);
    REQUIRE(mmfbus_call_next(client, 12345, &answer) == MMFBUS_INVALID_ARGUMENT);
    /* Both have the same clock: the handler may be faster than its caller. */
    mmfbus_status late = mmfbus_call(client, "keep", one, 1, 1, &answer);
    REQUIRE(late == MMFBUS_TIMEOUT || late == MMFBUS_REMOTE);

    /* From another thread: the call that waits, or the next one. */
    REQUIRE(pthread_create(&other, NULL, interrupt, client) == 0);
    REQUIRE(mmfbus_call(client, "keep", one, 1, MMFBUS_FOREVER, &answer) == MMFBUS_CANCELLED);
    REQUIRE(pthread_join(other, NULL) == 0);

    /* Calls that the client leaves open are given up. */
    REQUIRE(mmfbus_call_begin(client, "keep", one, 1, MMFBUS_FOREVER, NULL, &call) == MMFBUS_OK);
    REQUIRE(mmfbus_try_answer(client, &answer) == MMFBUS_EMPTY);
    REQUIRE(mmfbus_next_answer(client, &answer, 1) == MMFBUS_TIMEOUT);
    REQUIRE(mmfbus_client_time_left(client) == MMFBUS_FOREVER);

#ifndef _WIN32
    /* A forked child has nothing of it. */
    pid_t child = fork();
    if (child == 0) {
        bool is_told = mmfbus_call(client, "echo", one, 1, 0, &answer) == MMFBUS_FORKED && mmfbus_client_arm(client) == MMFBUS_FORKED;
        mmfbus_client_close(client);
        _exit(is_told ? 0 : 1);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
    REQUIRE(mmfbus_call(client, "echo", one, 1, 0, &answer) == MMFBUS_OK);
    mmfbus_client_close(client);

    mmfbus_server_stop(server);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(mmfbus_server_run_for(server, 1) == MMFBUS_TIMEOUT);
    REQUIRE(mmfbus_server_drain(server, 60000) == MMFBUS_OK);
    REQUIRE(notes == 1);
    mmfbus_server_close(server);
}

/* A client of another version calls what it can, and the server that has it where others do not. */
static void test_versions(void) {
    static const char narrow[] = "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u32\",\"output\":\"u8\"}]]}";
    static const char wide[] = "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u8\",\"output\":\"f64\"}]]}";
    static const mmfbus_handler handler = {"echo", echo, NULL, &notes};
    mmfbus_server *server, *other;
    mmfbus_client *client;
    mmfbus_answer answer;
    uint64_t call;
    mmfbus_server_options to_serve = serving();
    mmfbus_client_options to_call = calling();
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_OK);
    to_call.contract = wide;
    REQUIRE(mmfbus_client_open(&client, &to_call) == MMFBUS_OK);
    REQUIRE(mmfbus_call_begin(client, "echo", one, 1, 0, NULL, &call) == MMFBUS_OK);
    REQUIRE(mmfbus_server_dispatch(server) == MMFBUS_OK);
    REQUIRE(mmfbus_call_next(client, call, &answer) == MMFBUS_OK);
    mmfbus_client_close(client);

    to_call.contract = narrow;
    REQUIRE(mmfbus_client_open(&client, &to_call) == MMFBUS_OK);
    REQUIRE(mmfbus_call(client, "echo", one, 1, 0, &answer) == MMFBUS_NO_METHOD && answer.started == MMFBUS_STARTED_NO);
    to_serve.contract = narrow;
    to_serve.handlers = &handler;
    to_serve.handler_count = 1;
    REQUIRE(mmfbus_server_open(&other, &to_serve) == MMFBUS_OK);
    REQUIRE(mmfbus_call_begin(client, "echo", one, 1, 0, NULL, &call) == MMFBUS_OK);
    REQUIRE(mmfbus_server_dispatch(other) == MMFBUS_OK);
    REQUIRE(mmfbus_call_next(client, call, &answer) == MMFBUS_OK);
    mmfbus_client_close(client);
    mmfbus_server_close(other);
    mmfbus_server_close(server);
}

/* A server that closes answers what it has begun. */
static void test_closing(void) {
    mmfbus_server *server;
    mmfbus_client *client;
    mmfbus_answer answer;
    uint64_t call;
    mmfbus_handler silent[4];
    mmfbus_server_options to_serve = serving();
    mmfbus_client_options to_call = calling();
    memcpy(silent, handlers, sizeof silent);
    silent[1].progress = NULL;
    to_serve.handlers = silent;
    to_call.contract = NULL;
    REQUIRE(mmfbus_server_open(&server, &to_serve) == MMFBUS_OK);
    REQUIRE(mmfbus_client_open(&client, &to_call) == MMFBUS_OK);
    REQUIRE(mmfbus_call_begin(client, "keep", one, 1, 0, NULL, &call) == MMFBUS_OK);
    REQUIRE(mmfbus_server_dispatch(server) == MMFBUS_OK);
    mmfbus_server_close(server);
    REQUIRE(mmfbus_call_next(client, call, &answer) == MMFBUS_REMOTE && strcmp(answer.name, "Cancelled") == 0);
    REQUIRE(mmfbus_call(client, "keep", one, 1, 0, &answer) == MMFBUS_NO_SERVER && answer.started == MMFBUS_STARTED_NO);
    mmfbus_client_close(client);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    service = argv[1];
    test_options();
    test_calls();
    test_versions();
    test_closing();
    puts("all is well");
    return 0;
}
