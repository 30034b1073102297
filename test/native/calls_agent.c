/*
 * The conformance agent for calls in C. The protocol is said in test/src/conformance/calls/README.md.
 *
 *   gcc -std=c11 -O2 -Wall -Wextra -Werror -I ../../packages/native/include calls_agent.c -o agent -pthread
 */
static void at_step(const char *step);
#define MMFBUS_STEP(name) at_step(name)
#define MMFBUS_IMPLEMENTATION
#include "mmfbus_service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef _WIN32
#include <io.h>
#else
#include <signal.h>
#include <unistd.h>
#endif

/* Milliseconds after which a wait is given up as hung. */
#define WATCHDOG 60000
#define LINE_LENGTH 65536
#define MOST_HELD 1024
#define MOST_WORDS 8

static mmfbus_client *client;
static mmfbus_server *server;
static char contract[LINE_LENGTH];
static FILE *journal;
static char stop_step[64];
/* Says that it waits at that step; without one it dies there. */
static char stop_file[1024];
static long steps_left;
static mmfbus_request *held[MOST_HELD];
static size_t held_count;

static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* Creates the file, and waits until it is gone. */
static void wait_until_gone(const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) abort();
    fclose(file);
    for (uint32_t turn = 0; access(path, 0) == 0; turn++) mmfbus__pause(turn);
}

static void at_step(const char *step) {
    if (steps_left == 0 || strcmp(step, stop_step) != 0 || --steps_left > 0) return;
    if (stop_file[0] != 0) {
        wait_until_gone(stop_file);
        return;
    }
#ifdef _WIN32
    TerminateProcess(GetCurrentProcess(), 1);
#else
    kill(getpid(), SIGKILL);
#endif
}

static const char *name_of(mmfbus_status status) {
    switch (status) {
    case MMFBUS_NO_SERVER: return "NO_SERVER";
    case MMFBUS_NO_METHOD: return "NO_METHOD";
    case MMFBUS_SERVER_DIED: return "SERVER_DIED";
    case MMFBUS_UNREACHABLE: return "UNREACHABLE";
    case MMFBUS_MAILBOX_LOST: return "MAILBOX_LOST";
    case MMFBUS_TIMEOUT: return "TIMEOUT";
    case MMFBUS_CANCELLED: return "CANCELLED";
    case MMFBUS_BUSY: return "BUSY";
    case MMFBUS_REFUSED: return "REFUSED";
    case MMFBUS_REMOTE: return "REMOTE";
    default: return mmfbus_text(status);
    }
}

/* -- Values: texts and u32s, in msgpack */

static char *text_of(const void *data, size_t length) {
    mmfbus_mp_reader reader = mmfbus_mp_read_from(data, length);
    mmfbus_mp_value value;
    char *text = NULL;
    if (!mmfbus_mp_next(&reader, &value)) abort();
    if (value.type == MMFBUS_MP_UINT) {
        text = (char *)malloc(24);
        if (text == NULL) abort();
        snprintf(text, 24, "%" PRIu64, value.as.natural);
    } else if (value.type == MMFBUS_MP_TEXT) {
        text = (char *)malloc((size_t)value.length + 24);
        if (text == NULL) abort();
        memcpy(text, value.data, value.length);
        text[value.length] = 0;
        /* Long texts are xs. */
        if (value.length > 100 && strspn(text, "x") == value.length) snprintf(text, 24, "*%u", (unsigned)value.length);
    }
    if (text == NULL) abort();
    return text;
}

static uint32_t number_of(const void *data, size_t length) {
    char *text = text_of(data, length);
    uint32_t number = (uint32_t)strtoul(text, NULL, 10);
    free(text);
    return number;
}

/* Memory to be freed: a text, or where `is_number` a u32. */
static unsigned char *encode(const char *text, bool is_number, size_t *length) {
    size_t xs = text[0] == '*' ? strtoul(text + 1, NULL, 10) : 0;
    unsigned char *data = (unsigned char *)malloc(strlen(text) + xs + 16);
    if (data == NULL) abort();
    mmfbus_mp_writer writer = mmfbus_mp_write_to(data, strlen(text) + xs + 16);
    if (is_number) {
        mmfbus_mp_uint(&writer, strtoul(text, NULL, 10));
    } else if (xs > 0) {
        char *all = (char *)malloc(xs);
        if (all == NULL) abort();
        memset(all, 'x', xs);
        mmfbus_mp_text(&writer, all, xs);
        free(all);
    } else {
        mmfbus_mp_string(&writer, text);
    }
    if (!mmfbus_mp_fits(&writer)) abort();
    *length = writer.length;
    return data;
}

/* -- Handlers */

static char *input_of(const mmfbus_request *request) {
    size_t length;
    const void *input = mmfbus_request_input(request, &length);
    return text_of(input, length);
}

static void answer_text(mmfbus_request *request, const char *text) {
    size_t length;
    unsigned char *data = encode(text, false, &length);
    if (mmfbus_answer_value(request, data, length) != MMFBUS_OK) mmfbus_answer_failure(request, "Error", "it was not answered");
    free(data);
}

static void note(const char *method, const char *text) {
    if (journal == NULL) return;
    fprintf(journal, "%s %s\n", method, text);
    fflush(journal);
}

static void echo(mmfbus_request *request, void *context) {
    (void)context;
    size_t length;
    const void *input = mmfbus_request_input(request, &length);
    if (mmfbus_answer_value(request, input, length) != MMFBUS_OK) mmfbus_answer_failure(request, "Error", "it was not answered");
}

static void fail(mmfbus_request *request, void *context) {
    (void)context;
    char *text = input_of(request);
    if (strcmp(text, "declared") == 0) {
        size_t length;
        unsigned char *data = encode("nowhere", false, &length);
        mmfbus_answer_error(request, "NOT_FOUND", data, length);
        free(data);
    } else if (strcmp(text, "refused") == 0) {
        mmfbus_answer_refused(request, "it-does-not-fit");
    } else {
        mmfbus_answer_failure(request, "TypeError", "it-failed");
    }
    free(text);
}

/* Answers at once, and writes down that it ran where that outlives the process. */
static void run(mmfbus_request *request, void *context) {
    (void)context;
    char *text = input_of(request);
    note(mmfbus_request_method(request), text);
    answer_text(request, text);
    free(text);
}

static void note_it(mmfbus_request *request, void *context) {
    (void)context;
    char *text = input_of(request);
    note(mmfbus_request_method(request), text);
    free(text);
    mmfbus_answer_end(request);
}

static void hold(mmfbus_request *request, void *context) {
    (void)context;
    char *text = input_of(request);
    note("hold", text);
    free(text);
    if (held_count == MOST_HELD) abort();
    held[held_count++] = request;
}

static void hold_on(mmfbus_request *request, void *context) {
    (void)context;
    size_t kept = 0;
    if (!mmfbus_request_is_cancelled(request)) return;
    for (size_t index = 0; index < held_count; index++) {
        if (held[index] != request) held[kept++] = held[index];
    }
    held_count = kept;
    note("cancelled", "hold");
    mmfbus_answer_failure(request, "Cancelled", "held");
}

/* Blocks its process until the call is given up. */
static void block(mmfbus_request *request, void *context) {
    (void)context;
    char *text = input_of(request);
    note("block", text);
    uint64_t end = mmfbus_now() + WATCHDOG * 1000000ull;
    while (!mmfbus_request_is_cancelled(request)) {
        if (mmfbus_now() > end) abort();
    }
    note("cancelled", text);
    answer_text(request, text);
    free(text);
}

/* Counts as long as it may, then again when it may again. */
static void count_on(mmfbus_request *request, void *context) {
    size_t length;
    const void *input = mmfbus_request_input(request, &length);
    uint32_t end = number_of(input, length);
    uintptr_t *next = (uintptr_t *)mmfbus_request_data(request);
    (void)context;
    while (*next < end) {
        unsigned char bytes[16];
        mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
        mmfbus_mp_uint(&writer, *next);
        mmfbus_status status = mmfbus_answer_try_item(request, bytes, writer.length);
        if (status == MMFBUS_FULL) return;
        if (status != MMFBUS_OK) {
            note("cancelled", "count");
            mmfbus_answer_failure(request, "Cancelled", "count");
            return;
        }
        *next += 1;
    }
    mmfbus_answer_end(request);
}

/* Blocks its process until all is taken. */
static void sum(mmfbus_request *request, void *context) {
    uint64_t total = 0;
    mmfbus_item item;
    char text[24];
    size_t length;
    (void)context;
    note("begun", "sum");
    for (;;) {
        mmfbus_status status = mmfbus_request_receive(request, &item, WATCHDOG);
        if (status == MMFBUS_TIMEOUT) abort();
        if (status != MMFBUS_OK || item.is_end) break;
        total += number_of(item.data, item.length);
    }
    snprintf(text, sizeof text, "%" PRIu64, total);
    unsigned char *data = encode(text, true, &length);
    mmfbus_answer_value(request, data, length);
    free(data);
}

/* Both at once, without blocking: an item that finds no credit is kept. */
static void pipe_on(mmfbus_request *request, void *context) {
    mmfbus_item *kept = (mmfbus_item *)*mmfbus_request_data(request);
    (void)context;
    if (kept == NULL) {
        kept = (mmfbus_item *)calloc(1, sizeof *kept);
        if (kept == NULL) abort();
        *mmfbus_request_data(request) = kept;
    }
    for (;;) {
        mmfbus_status status = MMFBUS_OK;
        if (kept->data == NULL) {
            status = mmfbus_request_try_receive(request, kept);
            if (status == MMFBUS_EMPTY) return;
        }
        bool is_end = kept->is_end;
        if (status == MMFBUS_OK && !is_end) {
            status = mmfbus_answer_try_item(request, kept->data, kept->length);
            if (status == MMFBUS_FULL) return;
            memset(kept, 0, sizeof *kept);
        }
        if (status == MMFBUS_OK && !is_end) continue;
        free(kept);
        if (is_end) {
            mmfbus_answer_end(request);
        } else {
            note("cancelled", "pipe");
            mmfbus_answer_failure(request, "Cancelled", "pipe");
        }
        return;
    }
}

static const mmfbus_handler handlers[] = {
    {"again", run, NULL, NULL},      {"block", block, NULL, NULL}, {"count", count_on, count_on, NULL},
    {"echo", echo, NULL, NULL},      {"fail", fail, NULL, NULL},   {"hold", hold, hold_on, NULL},
    {"mark", note_it, NULL, NULL},   {"note", note_it, NULL, NULL}, {"once", run, NULL, NULL},
    {"pipe", pipe_on, pipe_on, NULL}, {"sum", sum, NULL, NULL},
};

/* -- Calls, by the tags that the kit gives them */

typedef struct tagged {
    struct tagged *next;
    char tag[32];
    uint64_t call;
    char *outcome; /* NULL while it is open */
    char **items;
    size_t item_count;
    size_t told;   /* items that were said */
} tagged;

static tagged *all_tagged;

static tagged *find_tag(const char *tag) {
    for (tagged *one = all_tagged; one != NULL; one = one->next) {
        if (strcmp(one->tag, tag) == 0) return one;
    }
    return NULL;
}

/* How an answer is said; memory to be freed. */
static char *outcome_of(const mmfbus_answer *answer) {
    char *text = (char *)malloc(1024);
    if (text == NULL) abort();
    const char *started = answer->started == MMFBUS_STARTED_NO ? "no" : "maybe";
    if (answer->status == MMFBUS_OK) {
        char *value = answer->is_value ? text_of(answer->data, answer->length) : NULL;
        snprintf(text, 1024, value != NULL ? "value %.1000s" : "end", value);
        free(value);
    } else if (answer->status == MMFBUS_DECLARED) {
        char *value = text_of(answer->data, answer->length);
        snprintf(text, 1024, "declared %.64s %.800s", answer->name, value);
        free(value);
    } else if (answer->status == MMFBUS_REMOTE) {
        snprintf(text, 1024, "error REMOTE %s %.64s %.800s", started, answer->name, answer->message);
    } else {
        snprintf(text, 1024, "error %s %s", name_of(answer->status), started);
    }
    return text;
}

static void keep_answer(const mmfbus_answer *answer) {
    tagged *one = (tagged *)answer->context;
    if (one == NULL) return;
    if (answer->is_last) {
        one->outcome = outcome_of(answer);
        return;
    }
    if ((one->item_count & (one->item_count - 1)) == 0) {
        size_t size = one->item_count == 0 ? 1 : one->item_count * 2;
        one->items = (char **)realloc(one->items, size * sizeof *one->items);
        if (one->items == NULL) abort();
    }
    one->items[one->item_count++] = text_of(answer->data, answer->length);
}

/* Takes what there is; errors of the client itself end the agent. */
static void take_answers(void) {
    mmfbus_answer answer;
    while (client != NULL) {
        mmfbus_status status = mmfbus_try_answer(client, &answer);
        if (status == MMFBUS_EMPTY) return;
        if (status != MMFBUS_OK) {
            fprintf(stderr, "the client ended: %s\n", mmfbus_text(status));
            exit(1);
        }
        keep_answer(&answer);
    }
}

static void serve(void) {
    if (server == NULL) return;
    mmfbus_status status = mmfbus_server_dispatch(server);
    if (status == MMFBUS_OK) return;
    fprintf(stderr, "the server ended: %s\n", mmfbus_text(status));
    exit(1);
}

/* -- The loop: commands, the server and the client wait together */

static char input[LINE_LENGTH];
static size_t input_length;
static bool input_has_ended;

static void read_input(void) {
    if (input_length == sizeof input) abort();
    int got = (int)read(0, input + input_length, sizeof input - input_length);
    if (got <= 0) {
        input_has_ended = true;
    } else {
        input_length += (size_t)got;
    }
}

/* Waits until there may be something to do; with `for_input` also for a command. */
static void rest(bool for_input) {
    mmfbus_status asleep[2] = {MMFBUS_OK, MMFBUS_OK};
    if (server != NULL) asleep[0] = mmfbus_server_arm(server);
    if (client != NULL) asleep[1] = mmfbus_client_arm(client);
    bool is_asleep = asleep[0] == MMFBUS_OK && asleep[1] == MMFBUS_OK;
#ifdef _WIN32
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE), handles[2];
    DWORD available = 0, count = 0;
    if (server != NULL) handles[count++] = mmfbus_server_descriptor(server);
    if (client != NULL) handles[count++] = mmfbus_client_descriptor(client);
    if (for_input && (!PeekNamedPipe(in, NULL, 0, NULL, &available, NULL) || available > 0)) {
        read_input();
    } else if (count == 0) {
        Sleep(1);
    } else if (is_asleep) {
        /* One cannot wait for a pipe, and no handle tells of a death. */
        WaitForMultipleObjects(count, handles, FALSE, 1);
    }
#else
    struct pollfd descriptors[3] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
    if (server != NULL) descriptors[0].fd = mmfbus_server_descriptor(server);
    if (client != NULL) descriptors[1].fd = mmfbus_client_descriptor(client);
    if (for_input) descriptors[2].fd = 0;
    if (poll(descriptors, 3, is_asleep ? WATCHDOG : 0) == 0 && is_asleep && !for_input) {
        fprintf(stderr, "nothing came\n");
        exit(1);
    }
    if ((descriptors[2].revents & (POLLIN | POLLHUP)) != 0) read_input();
#endif
}

/* The next command; false at the end. */
static bool next_command(char *line) {
    for (;;) {
        char *end = (char *)memchr(input, '\n', input_length);
        if (end != NULL) {
            size_t length = (size_t)(end - input);
            memcpy(line, input, length);
            line[length] = 0;
            input_length -= length + 1;
            memmove(input, end + 1, input_length);
            return true;
        }
        if (input_has_ended) return false;
        serve();
        take_answers();
        rest(true);
    }
}

static void do_one_turn(void) {
    serve();
    take_answers();
}

/* -- Commands */

/* The value of an option such as `name=`; NULL without it. */
static const char *option_of(char **words, const char *key) {
    for (int index = 1; index < MOST_WORDS && words[index] != NULL; index++) {
        size_t length = strlen(key);
        if (strncmp(words[index], key, length) == 0 && words[index][length] == '=') return words[index] + length + 1;
    }
    return NULL;
}

static uint32_t number_option(char **words, const char *key, uint32_t otherwise) {
    const char *text = option_of(words, key);
    return text == NULL ? otherwise : (uint32_t)strtoul(text, NULL, 10);
}

static void say_status(mmfbus_status status) {
    if (status == MMFBUS_OK) {
        say("ok");
    } else {
        say("error %s %s", name_of(status), mmfbus_last_detail());
    }
}

static void open_server(char **words) {
    mmfbus_server_options options = mmfbus_server_options_init();
    options.service = words[1];
    options.contract = contract;
    options.handlers = handlers;
    options.handler_count = sizeof handlers / sizeof *handlers;
    options.name = option_of(words, "name");
    options.concurrency = number_option(words, "concurrency", 0);
    options.queue = number_option(words, "queue", 0);
    const char *path = option_of(words, "journal");
    if (path != NULL) journal = fopen(path, "ab");
    say_status(mmfbus_server_open(&server, &options));
}

static void open_client(char **words) {
    mmfbus_client_options options = mmfbus_client_options_init();
    options.service = words[1];
    options.contract = contract;
    options.name = option_of(words, "name");
    options.wait_for_server = number_option(words, "waitForServer", 0);
    options.timeout = number_option(words, "timeout", WATCHDOG);
    say_status(mmfbus_client_open(&client, &options));
}

static bool takes_number(const char *method) {
    return strcmp(method, "count") == 0;
}

static bool takes_stream(const char *method) {
    return strcmp(method, "sum") == 0 || strcmp(method, "pipe") == 0;
}

/* call <tag> <method> <input> */
static void begin_call(char **words) {
    size_t length = 0;
    tagged *one = (tagged *)calloc(1, sizeof *one);
    if (one == NULL) abort();
    snprintf(one->tag, sizeof one->tag, "%s", words[1]);
    unsigned char *data = takes_stream(words[2]) ? NULL : encode(words[3], takes_number(words[2]), &length);
    mmfbus_status status =
        mmfbus_call_begin(client, words[2], data, length, number_option(words, "timeout", 0), one, &one->call);
    free(data);
    one->next = all_tagged;
    all_tagged = one;
    say_status(status);
}

static void forget_tag(tagged *one) {
    tagged **link = &all_tagged;
    while (*link != one) link = &(*link)->next;
    *link = one->next;
    for (size_t index = 0; index < one->item_count; index++) free(one->items[index]);
    free(one->items);
    free(one->outcome);
    free(one);
}

/* await <tag>: its items, as they come, and its outcome. */
static void await_call(char **words) {
    tagged *one = find_tag(words[1]);
    if (one == NULL) {
        say("error there is no call %s", words[1]);
        return;
    }
    for (;;) {
        do_one_turn();
        while (one->told < one->item_count) say("item %s", one->items[one->told++]);
        if (one->outcome != NULL) break;
        rest(false);
    }
    say("ok %s", one->outcome);
    forget_tag(one);
}

/* items <tag> <count>: waits until so many have come, and says them. */
static void await_items(char **words) {
    tagged *one = find_tag(words[1]);
    size_t wanted = strtoul(words[2], NULL, 10);
    if (one == NULL) {
        say("error there is no call %s", words[1]);
        return;
    }
    while (one->item_count < wanted && one->outcome == NULL) {
        do_one_turn();
        if (one->item_count < wanted && one->outcome == NULL) rest(false);
    }
    while (one->told < one->item_count) say("item %s", one->items[one->told++]);
    say("ok");
}

/* send <tag> <item> [<times>]: 1000 items are the numbers 0 to 999 where the item is `numbers`. */
static void send_items(char **words) {
    tagged *one = find_tag(words[1]);
    uint32_t times = words[3] == NULL ? 1 : (uint32_t)strtoul(words[3], NULL, 10);
    mmfbus_status status = one == NULL ? MMFBUS_INVALID_ARGUMENT : MMFBUS_OK;
    for (uint32_t index = 0; index < times && status == MMFBUS_OK; index++) {
        char number[16];
        size_t length;
        bool is_number = strcmp(words[2], "numbers") == 0;
        snprintf(number, sizeof number, "%u", (unsigned)index);
        unsigned char *data = encode(is_number ? number : words[2], is_number, &length);
        while (one->outcome == NULL && (status = mmfbus_call_try_send(client, one->call, data, length)) == MMFBUS_FULL) {
            rest(false);
            do_one_turn();
        }
        if (one->outcome != NULL) status = MMFBUS_READY;
        free(data);
    }
    /* The call has ended: its answer says how. */
    say_status(status == MMFBUS_READY ? MMFBUS_OK : status);
}

/* ask <method> <input>: waits within the call itself. */
static void ask(char **words) {
    mmfbus_answer answer;
    size_t length;
    unsigned char *data = encode(words[2], takes_number(words[1]), &length);
    if (mmfbus_call(client, words[1], data, length, number_option(words, "timeout", 0), &answer) != answer.status) abort();
    free(data);
    char *outcome = outcome_of(&answer);
    say("ok %s", outcome);
    free(outcome);
}

static void say_answer(const mmfbus_answer *answer, void *context) {
    char *outcome = outcome_of(answer);
    (void)context;
    say("answer %s %s", answer->server, outcome);
    free(outcome);
}

static void say_servers(void) {
    mmfbus_server_information servers[16];
    size_t count = mmfbus_client_servers(client, servers, 16);
    for (size_t index = 0; index < count && index < 16; index++) {
        const mmfbus_server_information *one = &servers[index];
        say("server %s %s %" PRIu64 " %" PRIu64 " %" PRIu64, one->name, one->is_draining ? "draining" : "serving", one->outstanding,
            one->served, one->errors);
    }
    say("ok %zu", count);
}

static void await_held(size_t wanted) {
    while (held_count != wanted) {
        do_one_turn();
        if (held_count != wanted) rest(false);
    }
    say("ok");
}

static void release_held(const char *text) {
    for (size_t index = 0; index < held_count; index++) answer_text(held[index], text);
    held_count = 0;
    say("ok");
}

static void leave(const char *what) {
    if (strcmp(what, "client") == 0) {
        mmfbus_client_close(client);
        client = NULL;
        while (all_tagged != NULL) forget_tag(all_tagged);
    } else {
        mmfbus_server_close(server);
        server = NULL;
        held_count = 0;
    }
}

static void obey(char *line) {
    char *words[MOST_WORDS + 1] = {NULL};
    if (strncmp(line, "contract ", 9) == 0) {
        snprintf(contract, sizeof contract, "%s", line + 9);
        say("ok");
        return;
    }
    bool dies = sscanf(line, "die-at %ld %63[^\n]", &steps_left, stop_step) == 2;
    if (dies || sscanf(line, "wait-at %1023s %ld %63[^\n]", stop_file, &steps_left, stop_step) == 3) {
        if (dies) stop_file[0] = 0;
        say("ok");
        return;
    }
    int count = 0;
    for (char *word = strtok(line, " "); word != NULL && count < MOST_WORDS; word = strtok(NULL, " ")) words[count++] = word;
    const char *command = count > 0 ? words[0] : "";
    size_t length = 0;
    if (strcmp(command, "hello") == 0) {
        say("ok c steps");
    } else if (strcmp(command, "serve") == 0 && count >= 2) {
        open_server(words);
    } else if (strcmp(command, "client") == 0 && count >= 2) {
        open_client(words);
    } else if (strcmp(command, "call") == 0 && count >= 3) {
        begin_call(words);
    } else if (strcmp(command, "await") == 0 && count == 2) {
        await_call(words);
    } else if (strcmp(command, "items") == 0 && count == 3) {
        await_items(words);
    } else if (strcmp(command, "send") == 0 && count >= 3) {
        send_items(words);
    } else if (strcmp(command, "end") == 0 && count == 2 && find_tag(words[1]) != NULL) {
        say_status(mmfbus_call_end(client, find_tag(words[1])->call));
    } else if (strcmp(command, "cancel") == 0 && count == 2 && find_tag(words[1]) != NULL) {
        mmfbus_call_cancel(client, find_tag(words[1])->call);
        say("ok");
    } else if (strcmp(command, "ask") == 0 && count >= 3) {
        ask(words);
    } else if (strcmp(command, "tell") == 0 && count >= 3) {
        unsigned char *data = encode(words[2], false, &length);
        mmfbus_status status = mmfbus_call_one_way(client, words[1], data, length, number_option(words, "timeout", 0));
        free(data);
        if (status == MMFBUS_OK) {
            say("ok end");
        } else {
            say("ok error %s no", name_of(status));
        }
    } else if (strcmp(command, "ask-all") == 0 && count >= 3) {
        unsigned char *data = encode(words[2], false, &length);
        mmfbus_status status =
            mmfbus_call_all(client, words[1], data, length, number_option(words, "timeout", 0), say_answer, NULL);
        free(data);
        say(status == MMFBUS_OK ? "ok end" : "ok error %s no", name_of(status));
    } else if (strcmp(command, "servers") == 0) {
        say_servers();
    } else if (strcmp(command, "held") == 0 && count == 2) {
        await_held(strtoul(words[1], NULL, 10));
    } else if (strcmp(command, "release") == 0 && count == 2) {
        release_held(words[1]);
    } else if (strcmp(command, "drain") == 0) {
        say_status(mmfbus_server_drain(server, count > 1 ? (uint32_t)strtoul(words[1], NULL, 10) : WATCHDOG));
    } else if (strcmp(command, "leave") == 0 && count == 2) {
        leave(words[1]);
        say("ok");
    } else {
        say("error there is no such command");
    }
}

int main(void) {
    static char line[LINE_LENGTH];
    while (next_command(line) && strcmp(line, "exit") != 0) obey(line);
    if (client != NULL) leave("client");
    if (server != NULL) leave("server");
    if (journal != NULL) fclose(journal);
    return 0;
}
