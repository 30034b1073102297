/*
 * A server and a client whose memory other participants change at random, and who get messages that no participant writes. Neither crashes,
 * each call ends, and no answer is that of another call.
 *
 *   hostile_calls <service> <rounds> <seed>
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus_service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Milliseconds of a call, and after which one that has not ended hangs. */
#define TIMEOUT 20
#define WATCHDOG 20000

static const char contract[] =
    "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u32\",\"output\":\"u32\"}],[\"keep\",{\"input\":\"u32\",\"output\":\"u32\"}]]}";

static uint64_t state;
static mmfbus_server *server;
static mmfbus_client *client;

static uint32_t random_number(uint32_t end) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(state >> 33) % end;
}

static void require(bool is_true, const char *what) {
    if (is_true) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void echo(mmfbus_request *request, void *context) {
    size_t length;
    const void *input = mmfbus_request_input(request, &length);
    (void)context;
    mmfbus_answer_value(request, input, length);
}

/* Answers when it is given up. */
static void keep(mmfbus_request *request, void *context) {
    (void)request;
    (void)context;
}

static void keep_on(mmfbus_request *request, void *context) {
    (void)context;
    if (mmfbus_request_is_cancelled(request)) mmfbus_answer_failure(request, "Cancelled", "it was given up");
}

static void open_both(const char *service) {
    const mmfbus_handler handlers[] = {{"echo", echo, NULL, NULL}, {"keep", keep, keep_on, NULL}};
    mmfbus_server_options serving = mmfbus_server_options_init();
    mmfbus_client_options calling = mmfbus_client_options_init();
    serving.service = calling.service = service;
    serving.contract = calling.contract = contract;
    serving.handlers = handlers;
    serving.handler_count = 2;
    calling.timeout = TIMEOUT;
    if (server == NULL && mmfbus_server_open(&server, &serving) != MMFBUS_OK) server = NULL;
    if (client == NULL && mmfbus_client_open(&client, &calling) != MMFBUS_OK) client = NULL;
}

static void close_both(void) {
    mmfbus_client_close(client);
    mmfbus_server_close(server);
    client = NULL;
    server = NULL;
}

/* Some bytes at a place, but not of the lock, for which every participant would have to wait. */
static void scribble(unsigned char *memory, size_t length) {
    size_t at = random_number((uint32_t)length);
    for (uint32_t count = 1 + random_number(8); count > 0 && at < length; count--, at++) {
        if (at < MMFBUS__HEADER_TAIL && at >= MMFBUS__HEADER_PUBLISHER_LOCK) return;
        memory[at] = (unsigned char)random_number(256);
    }
}

/* A message of bytes that mostly look like an envelope. */
static void publish_nonsense(mmfbus_publisher *publisher, uint64_t id) {
    unsigned char message[64];
    uint32_t length = random_number(sizeof message);
    for (uint32_t at = 0; at < length; at++) message[at] = (unsigned char)(random_number(4) == 0 ? random_number(256) : 0);
    if (length > 0 && random_number(2) == 0) message[0] = (unsigned char)random_number(10);
    if (length >= 16 && random_number(2) == 0) memcpy(message + 8, &id, sizeof id);
    bool (*may_publish)(const mmfbus_publisher *) = publisher->may_publish;
    publisher->may_publish = NULL;
    mmfbus_status status = mmfbus_try_publish(publisher, message, length);
    publisher->may_publish = may_publish;
    (void)status;
}

static void attack(void) {
    mmfbus__participant *inbox = mmfbus__inbox_of(server), *mailbox = &client->mailbox->base;
    mmfbus__participant *registry = mmfbus__registry_of(client);
    mmfbus__link *link = mmfbus__is_alone(&client->links) ? NULL : MMFBUS__OWNER(client->links.next, mmfbus__link, node);
    switch (random_number(8)) {
    case 0: scribble(mmfbus__tables(mailbox), MMFBUS__CELLS * MMFBUS__CELL_SIZE); return;
    case 1: scribble(mmfbus__tables(inbox), (size_t)inbox->geometry.participant_count * 4); return;
    case 2: scribble(mmfbus__slot(inbox, random_number(2)), MMFBUS__SLOT_SIZE); return;
    case 3: scribble(mmfbus__slot(mailbox, random_number(2)), MMFBUS__SLOT_SIZE); return;
    case 4: scribble(mmfbus__slot(registry, random_number(2)), MMFBUS__SLOT_SIZE); return;
    case 5: scribble(random_number(2) == 0 ? inbox->ring : mailbox->ring, 4096); return;
    case 6:
        if (link != NULL && link->publisher != NULL) publish_nonsense(link->publisher, client->last_id);
        return;
    default:
        for (uint32_t slot = 0; slot < inbox->geometry.participant_count; slot++) {
            if (server->callers[slot] != NULL) publish_nonsense(server->callers[slot]->mailbox, client->last_id);
        }
        return;
    }
}

/* One call; with `is_attacked` while the memory is changed. */
static void call_once(uint32_t value, bool is_attacked) {
    unsigned char bytes[8];
    mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
    mmfbus_answer answer;
    uint64_t call;
    uint64_t end = mmfbus_now() + WATCHDOG * 1000000ull;
    mmfbus_mp_uint(&writer, value);
    if (mmfbus_call_begin(client, random_number(8) == 0 ? "keep" : "echo", bytes, writer.length, 0, &value, &call) != MMFBUS_OK) return;
    if (is_attacked) attack();
    for (;;) {
        require(mmfbus_now() < end, "a call hangs");
        if (server != NULL && mmfbus_server_dispatch(server) != MMFBUS_OK) {
            mmfbus_server_close(server);
            server = NULL;
        }
        mmfbus_status status = mmfbus_try_answer(client, &answer);
        if (status == MMFBUS_EMPTY) {
            if (is_attacked && server != NULL && random_number(4) == 0) attack();
            continue;
        }
        if (status != MMFBUS_OK) return;
        require(answer.call == call && answer.context == &value, "an answer is that of another call");
        if (answer.is_last) return;
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    uint32_t rounds = (uint32_t)strtoul(argv[2], NULL, 10), calls = 0;
    state = strtoull(argv[3], NULL, 10);
    for (uint32_t round = 0; round < rounds; round++) {
        open_both(argv[1]);
        if (server != NULL && client != NULL) {
            call_once(round, false);
            if (server != NULL) call_once(round, true);
            calls++;
        }
        /* What was changed may make both of no use to one another, and no error. */
        if (client == NULL || server == NULL || client->broken != MMFBUS_OK || round % 4 == 3) close_both();
    }
    close_both();
    require(calls > rounds / 4, "hardly a call could be made");
    printf("%u rounds\n", (unsigned)rounds);
    return 0;
}
