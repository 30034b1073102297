/*
 * mmfbus_service.h - typed calls between the processes of one machine: servers, and clients that call them.
 *
 * SYNOPSIS
 *     #define MMFBUS_IMPLEMENTATION      in exactly one file, before anything else is included
 *     #include "mmfbus_service.h"        which includes mmfbus.h
 *
 *     Written from the chapter "Calls" of FORMAT.md of @mmfbus/channel: the same services, with servers and clients in Node
 *     and any other language.
 *
 * A CLIENT
 *     mmfbus_client_options options = mmfbus_client_options_init();
 *     options.service = "calc";
 *     options.contract = calc_contract;               generated, as the functions that encode and decode values are
 *     options.wait_for_server = 2000;
 *
 *     mmfbus_client *client;
 *     mmfbus_answer answer;
 *     if (mmfbus_client_open(&client, &options) != MMFBUS_OK) ...
 *     status = mmfbus_call(client, "add", input, length, 500, &answer);
 *     if (status == MMFBUS_OK) ... answer.data, answer.length
 *     mmfbus_client_close(client);
 *
 * A SERVER
 *     static void add(mmfbus_request *request, void *context) {
 *         size_t length;
 *         const void *input = mmfbus_request_input(request, &length);
 *         ...
 *         mmfbus_answer_value(request, output, output_length);
 *     }
 *
 *     const mmfbus_handler handlers[] = {{"add", add, NULL, NULL}};
 *     mmfbus_server_options options = mmfbus_server_options_init();
 *     options.service = "calc";
 *     options.contract = calc_contract;
 *     options.handlers = handlers;
 *     options.handler_count = 1;
 *     if (mmfbus_server_open(&server, &options) != MMFBUS_OK) ...
 *     status = mmfbus_server_run(server);              until mmfbus_server_stop()
 *     mmfbus_server_close(server);
 *
 * NO CALL HANGS
 *     Each call ends: with its value, with an error that its method declares (MMFBUS_DECLARED), or with one of these: no server
 *     (MMFBUS_NO_SERVER, MMFBUS_NO_METHOD, MMFBUS_UNREACHABLE), a server that died (MMFBUS_SERVER_DIED), the time that is over
 *     (MMFBUS_TIMEOUT), too much to do (MMFBUS_BUSY), an input that does not fit (MMFBUS_REFUSED), a handler that failed
 *     (MMFBUS_REMOTE), MMFBUS_CANCELLED, MMFBUS_MAILBOX_LOST. `started` says whether the handler can have run. A server that dies,
 *     or drains, loses no call that it had not started: those go to another server by themselves.
 *
 * WAITING
 *     A client hears of answers only in calls of its own functions. One that waits for its answers elsewhere has
 *     mmfbus_client_arm() and mmfbus_client_descriptor() for its event loop; a server mmfbus_server_arm() and
 *     mmfbus_server_descriptor().
 *
 * THREADS
 *     A client or server is used by one thread at a time, as a publisher or subscriber is. Two functions may be called from any
 *     thread and from signal handlers: mmfbus_client_interrupt() and mmfbus_server_stop().
 *
 * MEMORY
 *     What a client or server has used once it uses again: calls of a size that was there before allocate nothing.
 *
 * FORK
 *     As in mmfbus.h: in a forked child every call says MMFBUS_FORKED.
 *
 * Everything else is said at the declarations below. The implementation has these sections; look for "== ":
 *     Contracts, Segments of a service, Links, Calling, Answers, Serving
 */
#ifndef MMFBUS_SERVICE_H
#define MMFBUS_SERVICE_H

#include "mmfbus.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------- Calling */

typedef struct mmfbus_client mmfbus_client;

/* Begin with mmfbus_client_options_init(); only `service` is needed. Zero means the default. Nothing is kept after the call. */
typedef struct mmfbus_client_options {
    size_t struct_size;       /* bytes of this struct as the caller was compiled with it: mmfbus_client_options_init() stores it */
    const char *service;      /* 1 to 100 characters of A-Z a-z 0-9 . _ - */
    const char *contract;     /* text; a server is called for the methods whose input it reads, and whose output and errors this client
                                 reads. NULL: for any method that it has, whatever they are */
    const char *name;         /* up to 48 bytes, shown by tools; NULL for none */
    uint32_t wait_for_server; /* milliseconds that a call waits while no server has its method; 0 for not at all */
    uint32_t timeout;         /* of a call that does not say: milliseconds, MMFBUS_FOREVER; 0 for 30000 */
    uint32_t poll_window_us;  /* how long a function that waits looks for answers before it sleeps. In microseconds, unlike all
                                 other times; 0 for 200, 1 to sleep at once, MMFBUS_FOREVER never to sleep */
    bool not_discoverable;    /* true: joining does not list the service in the directory, by which tools find it */
} mmfbus_client_options;

static inline mmfbus_client_options mmfbus_client_options_init(void) {
    mmfbus_client_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    return options;
}

/* Joins as a client; servers may come later. `*client` is NULL when it fails, and mmfbus_last_detail() says more. */
MMFBUS_MUST_USE mmfbus_status mmfbus_client_open(mmfbus_client **client, const mmfbus_client_options *options);

/* Gives up all calls, leaves and frees everything. NULL is allowed. */
void mmfbus_client_close(mmfbus_client *client);

/* Whether the handler of a call can have run. */
typedef enum mmfbus_started {
    MMFBUS_STARTED_NO = 0,   /* it has not, and never will */
    MMFBUS_STARTED_MAYBE = 1
} mmfbus_started;

/* An answer to a call. What it points to is private, and stays until the next call with this client. */
typedef struct mmfbus_answer {
    uint64_t call;          /* which call: its number from mmfbus_call_begin() */
    void *context;          /* of that call */
    mmfbus_status status;   /* MMFBUS_OK, or why the call failed */
    bool is_last;           /* false: an item of a stream, and more will come. After the last one the call is over */
    mmfbus_started started; /* where it failed */
    const void *data;       /* with MMFBUS_OK the value or item; with MMFBUS_DECLARED what belongs to the error */
    size_t length;
    bool is_value;          /* with MMFBUS_OK: there is one; false at the end of a stream, and of a call that answers nothing */
    const char *name;       /* with MMFBUS_DECLARED the code of the error; with MMFBUS_REMOTE its class; else "" */
    const char *message;    /* with MMFBUS_REMOTE and MMFBUS_REFUSED what was wrong, for people; else "" */
    uint32_t pid;           /* process of the server that answered, or had the call last; 0 for none */
    const char *server;     /* name of that server; "" for none */
} mmfbus_answer;

/*
 * Calls a method and waits for its answer: `answer->status`, which it returns. `timeout` in milliseconds, 0 for that of the client.
 * MMFBUS_INVALID_ARGUMENT and MMFBUS_NO_METHOD also where the client's own contract says otherwise; MMFBUS_TOO_LARGE above 64 MiB.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_call(mmfbus_client *client, const char *method, const void *input, size_t length,
                                          uint32_t timeout, mmfbus_answer *answer);

/* Calls a one-way method, which no server answers: MMFBUS_OK as soon as a server has the call. It runs at most once. */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_one_way(mmfbus_client *client, const char *method, const void *input, size_t length,
                                                  uint32_t timeout);

/* Is told what each server answered; the last answer of each has `is_last`. */
typedef void (*mmfbus_take_answer)(const mmfbus_answer *answer, void *context);

/* Calls all servers that have the method now, and waits for all. MMFBUS_NO_SERVER, MMFBUS_NO_METHOD: there was none. */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_all(mmfbus_client *client, const char *method, const void *input, size_t length,
                                              uint32_t timeout, mmfbus_take_answer take, void *context);

/*
 * Begins a call and does not wait. `*call` is its number, by which the functions below know it; `context` comes back with each answer.
 * The input is copied. A method whose input is a stream takes none here.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_begin(mmfbus_client *client, const char *method, const void *input, size_t length,
                                                uint32_t timeout, void *context, uint64_t *call);

/* Waits for the next answer to this call: `answer->status`, which it returns. MMFBUS_INVALID_ARGUMENT: there is no such call. */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_next(mmfbus_client *client, uint64_t call, mmfbus_answer *answer);

/*
 * The next item of a stream of inputs. Waits for credit and room, at most `timeout` milliseconds: MMFBUS_OK, MMFBUS_TIMEOUT.
 * MMFBUS_READY: the call has ended, its last answer can be taken. The first item waits until the call was started.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_send(mmfbus_client *client, uint64_t call, const void *item, size_t length,
                                               uint32_t timeout);
/* The same without waiting. MMFBUS_FULL: not now; arm the client, and try again when its descriptor was readable. */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_try_send(mmfbus_client *client, uint64_t call, const void *item, size_t length);
/* No more items follow. Does not wait. */
MMFBUS_MUST_USE mmfbus_status mmfbus_call_end(mmfbus_client *client, uint64_t call);

/* Gives the call up, and tells the server. Its last answer is there then: mostly MMFBUS_CANCELLED. */
void mmfbus_call_cancel(mmfbus_client *client, uint64_t call);

/* The next answer to any call, without waiting: MMFBUS_OK, whatever the status of the answer is, or MMFBUS_EMPTY. */
MMFBUS_MUST_USE mmfbus_status mmfbus_try_answer(mmfbus_client *client, mmfbus_answer *answer);
/* The same, and waits for it: MMFBUS_OK, MMFBUS_TIMEOUT, MMFBUS_CANCELLED after mmfbus_client_interrupt(). */
MMFBUS_MUST_USE mmfbus_status mmfbus_next_answer(mmfbus_client *client, mmfbus_answer *answer, uint32_t timeout);

/*
 * Waiting in an event loop of one's own. Arm it when mmfbus_try_answer() said MMFBUS_EMPTY. MMFBUS_OK: wait until the descriptor is
 * readable, at most mmfbus_client_time_left() milliseconds, then take answers again (which disarms it). MMFBUS_READY: take answers
 * again now. MMFBUS_BUSY: again in a millisecond.
 *
 * On Windows the handle is signalled by servers, not by their death: wake up now and then, and take answers.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_client_arm(mmfbus_client *client);
mmfbus_descriptor mmfbus_client_descriptor(const mmfbus_client *client);
/* Milliseconds until the next deadline of a call; MMFBUS_FOREVER where there is none. */
uint32_t mmfbus_client_time_left(const mmfbus_client *client);

/*
 * Ends the wait of the function that this client is in, or the next one: mmfbus_call() and mmfbus_call_one_way() give their call up.
 * From any thread, and from a signal handler.
 */
void mmfbus_client_interrupt(mmfbus_client *client);

/* A server, as a client sees it. */
typedef struct mmfbus_server_information {
    uint32_t pid;
    char name[49];
    bool is_draining;
    uint64_t outstanding; /* messages that it has and is not done with */
    uint64_t served;      /* calls that it has answered */
    uint64_t errors;      /* of these, those that an error has ended */
    uint64_t time;        /* nanoseconds that all of them took */
} mmfbus_server_information;

/* The servers that there are now; how many, which may be more than there is room for. */
size_t mmfbus_client_servers(mmfbus_client *client, mmfbus_server_information *servers, size_t capacity);

/* ---------------------------------------------------------------------------------------------------- Serving */

typedef struct mmfbus_server mmfbus_server;

/* One call that a server has. It stays until its last answer is given, or the server is closed. */
typedef struct mmfbus_request mmfbus_request;

/*
 * What runs for a method. `begin` answers, or keeps the request and returns; its answer may be given later, between two calls of
 * the server's functions. `progress`, which may be NULL, is called when there is something new for such a request: it was cancelled, an
 * item of its input has come, or it may send items again.
 */
typedef struct mmfbus_handler {
    const char *method;
    void (*begin)(mmfbus_request *request, void *context);
    void (*progress)(mmfbus_request *request, void *context);
    void *context;
} mmfbus_handler;

/* Begin with mmfbus_server_options_init(). Zero means the default. Nothing but the contexts of handlers is kept after the call. */
typedef struct mmfbus_server_options {
    size_t struct_size;
    const char *service;            /* 1 to 100 characters of A-Z a-z 0-9 . _ - */
    const char *contract;           /* text, which clients read */
    const mmfbus_handler *handlers; /* one for each method of the contract */
    size_t handler_count;
    const char *name;               /* up to 48 bytes, shown by tools; NULL for none */
    uint32_t concurrency;           /* calls that are begun and not answered; 0 for 256 */
    uint32_t queue;                 /* calls that wait for that; beyond, the server answers that it is busy. 0 for 1024 */
    uint32_t poll_window_us;        /* as that of a client */
    bool not_discoverable;          /* as that of a client */
} mmfbus_server_options;

static inline mmfbus_server_options mmfbus_server_options_init(void) {
    mmfbus_server_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    return options;
}

/* Begins to serve. `*server` is NULL when it fails, and mmfbus_last_detail() says more: which handler is missing, for example. */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_open(mmfbus_server **server, const mmfbus_server_options *options);

/* Serves until mmfbus_server_stop(): MMFBUS_OK. Errors are final. */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_run(mmfbus_server *server);
/* The same for at most so many milliseconds: MMFBUS_TIMEOUT. */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_run_for(mmfbus_server *server, uint32_t milliseconds);

/* Ends mmfbus_server_run(), the present one or the next. From any thread, and from a signal handler. */
void mmfbus_server_stop(mmfbus_server *server);

/* Does what there is to do, handlers included, without waiting: MMFBUS_OK, or an error, which is final. */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_dispatch(mmfbus_server *server);
/*
 * Waiting in an event loop of one's own: as mmfbus_client_arm(), with mmfbus_server_dispatch(). On Windows the handle is not signalled by
 * the death of a client, nor when the time of a call is over: wake up now and then, and dispatch.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_arm(mmfbus_server *server);
mmfbus_descriptor mmfbus_server_descriptor(const mmfbus_server *server);

/*
 * Takes no more calls, and waits until those that were begun are answered, at most `timeout` milliseconds: MMFBUS_OK, MMFBUS_TIMEOUT.
 * Calls that were not begun go to other servers; one-way calls that it has are run. mmfbus_server_close() then loses nothing.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_server_drain(mmfbus_server *server, uint32_t timeout);

/* Drains without waiting, answers what is left as cancelled by the server, leaves and frees everything. NULL is allowed. */
void mmfbus_server_close(mmfbus_server *server);

/* -- A request: what was asked */

/* The input; of a stream of inputs there is none here. */
const void *mmfbus_request_input(const mmfbus_request *request, size_t *length);
const char *mmfbus_request_method(const mmfbus_request *request);
/* Whether the caller has given up, is gone, or its time is over. A handler that takes its time asks this: it only reads memory. */
bool mmfbus_request_is_cancelled(const mmfbus_request *request);
/* When the caller gives up, nanoseconds as mmfbus_now() has them; UINT64_MAX never. */
uint64_t mmfbus_request_deadline(const mmfbus_request *request);
/* Process and name of the caller. */
uint32_t mmfbus_request_pid(const mmfbus_request *request);
const char *mmfbus_request_caller(const mmfbus_request *request);
/* A place for what the handler keeps with the request; NULL at first. */
void **mmfbus_request_data(mmfbus_request *request);

/* An item of a stream of inputs. */
typedef struct mmfbus_item {
    const void *data; /* until the next one */
    size_t length;
    bool is_end;      /* there is none: no more follow */
} mmfbus_item;

/* The next item: MMFBUS_OK, MMFBUS_EMPTY, MMFBUS_CANCELLED. */
MMFBUS_MUST_USE mmfbus_status mmfbus_request_try_receive(mmfbus_request *request, mmfbus_item *item);
/* The same, and waits for it: MMFBUS_OK, MMFBUS_TIMEOUT, MMFBUS_CANCELLED. No other handler is begun meanwhile. */
MMFBUS_MUST_USE mmfbus_status mmfbus_request_receive(mmfbus_request *request, mmfbus_item *item, uint32_t timeout);

/* -- A request: its answers. None of them waits but mmfbus_answer_item(). The request is over after any but an item. */

/* MMFBUS_TOO_LARGE, and MMFBUS_INVALID_ARGUMENT where the method answers a stream or nothing: nothing was answered. A one-way call is
 * over, whatever is answered. */
mmfbus_status mmfbus_answer_value(mmfbus_request *request, const void *data, size_t length);
/* The end of a stream of answers, or of a handler that answers nothing. MMFBUS_INVALID_ARGUMENT where the method answers a value. */
mmfbus_status mmfbus_answer_end(mmfbus_request *request);
/* An error that the method declares. */
mmfbus_status mmfbus_answer_error(mmfbus_request *request, const char *code, const void *data, size_t length);
/* Any other failure: its class, and a message for people. */
mmfbus_status mmfbus_answer_failure(mmfbus_request *request, const char *name, const char *message);
/* The input does not fit: what, and where. */
mmfbus_status mmfbus_answer_refused(mmfbus_request *request, const char *message);
/* An item of a stream of answers: MMFBUS_OK, MMFBUS_FULL where the caller has not taken enough yet, MMFBUS_CANCELLED. */
MMFBUS_MUST_USE mmfbus_status mmfbus_answer_try_item(mmfbus_request *request, const void *data, size_t length);
/* The same, and waits: MMFBUS_OK, MMFBUS_TIMEOUT, MMFBUS_CANCELLED. No other handler is begun meanwhile. */
MMFBUS_MUST_USE mmfbus_status mmfbus_answer_item(mmfbus_request *request, const void *data, size_t length, uint32_t timeout);

#ifdef __cplusplus
}
#endif

#endif /* MMFBUS_SERVICE_H */

#ifdef MMFBUS_IMPLEMENTATION
#ifndef MMFBUS_SERVICE_IMPLEMENTED
#define MMFBUS_SERVICE_IMPLEMENTED

#ifdef __cplusplus
extern "C" {
#endif

/* ======================================================================================================= Contracts
 * == Contracts
 *
 * The text of a contract is JSON, and is looked at where it lies.
 */

typedef struct mmfbus__term {
    const char *text; /* within the text of the contract; NULL for none */
    size_t length;
} mmfbus__term;

enum { MMFBUS__METHOD_NAME = 64 };

typedef struct mmfbus__method {
    char name[MMFBUS__METHOD_NAME + 1];
    uint32_t hash;
    bool is_idempotent;
    mmfbus__term input, output, errors;
} mmfbus__method;

typedef struct mmfbus__contract {
    char *text;
    size_t length;
    uint32_t count;
    mmfbus__method methods[MMFBUS__METHODS];
} mmfbus__contract;

static bool mmfbus__is_term(mmfbus__term term, const char *text) {
    return term.length == strlen(text) && memcmp(term.text, text, term.length) == 0;
}

static bool mmfbus__equals(mmfbus__term one, mmfbus__term other) {
    return one.length == other.length && (one.length == 0 || memcmp(one.text, other.text, one.length) == 0);
}

/* FNV-1a, 32 bits. */
static uint32_t mmfbus__method_hash(const char *name) {
    uint32_t hash = 2166136261u;
    for (const char *at = name; *at != 0; at++) hash = (hash ^ (unsigned char)*at) * 16777619u;
    return hash;
}

typedef struct mmfbus__scan {
    const char *at, *end;
} mmfbus__scan;

static bool mmfbus__take(mmfbus__scan *scan, char character) {
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL && *scan->at != 0) scan->at++;
    if (scan->at >= scan->end || *scan->at != character) return false;
    scan->at++;
    return true;
}

/* A string, without its quotes and with its escapes as they are. */
static bool mmfbus__take_string(mmfbus__scan *scan, mmfbus__term *string) {
    if (!mmfbus__take(scan, '"')) return false;
    string->text = scan->at;
    while (scan->at < scan->end && *scan->at != '"') scan->at += *scan->at == '\\' ? 2 : 1;
    if (scan->at >= scan->end) return false;
    string->length = (size_t)(scan->at - string->text);
    scan->at++;
    return true;
}

/* Any value, as it stands there. */
static bool mmfbus__take_term(mmfbus__scan *scan, mmfbus__term *term) {
    mmfbus__term string;
    uint32_t depth = 0;
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) != NULL && *scan->at != 0) scan->at++;
    term->text = scan->at;
    do {
        if (scan->at >= scan->end) return false;
        char character = *scan->at;
        if (character == '"') {
            if (!mmfbus__take_string(scan, &string)) return false;
            continue;
        }
        if (depth == 0 && (character == ',' || character == ']' || character == '}')) break;
        if (character == '[' || character == '{') depth++;
        if (character == ']' || character == '}') depth--;
        scan->at++;
    } while (depth > 0 || (scan->at < scan->end && strchr(",]}", *scan->at) == NULL));
    term->length = (size_t)(scan->at - term->text);
    while (term->length > 0 && strchr(" \t\r\n", term->text[term->length - 1]) != NULL) term->length--;
    return term->length > 0;
}

/* Whether a part of a method has no value. */
static bool mmfbus__is_nothing(mmfbus__term part) {
    return part.length == 0 || mmfbus__is_term(part, "\"nothing\"");
}

/* Whether a part of a method is a stream; then its items take its place. */
static bool mmfbus__take_stream(mmfbus__term *part) {
    mmfbus__term key, item;
    if (part->length == 0) return false;
    mmfbus__scan scan = {part->text, part->text + part->length};
    if (!mmfbus__take(&scan, '{') || !mmfbus__take_string(&scan, &key) || !mmfbus__is_term(key, "stream")) return false;
    if (!mmfbus__take(&scan, ':') || !mmfbus__take_term(&scan, &item)) return false;
    *part = item;
    return true;
}

static bool mmfbus__is_stream(mmfbus__term part) {
    return mmfbus__take_stream(&part);
}

static bool mmfbus__read_method(mmfbus__scan *scan, mmfbus__method *method) {
    mmfbus__term name, key, value;
    memset(method, 0, sizeof *method);
    if (!mmfbus__take(scan, '[') || !mmfbus__take_string(scan, &name) || !mmfbus__take(scan, ',')) return false;
    if (name.length == 0 || name.length > MMFBUS__METHOD_NAME) return false;
    memcpy(method->name, name.text, name.length);
    if (strspn(method->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != name.length) return false;
    method->hash = mmfbus__method_hash(method->name);
    if (!mmfbus__take(scan, '{')) return false;
    if (!mmfbus__take(scan, '}')) {
        do {
            if (!mmfbus__take_string(scan, &key) || !mmfbus__take(scan, ':') || !mmfbus__take_term(scan, &value)) return false;
            if (mmfbus__is_term(key, "input")) method->input = value;
            if (mmfbus__is_term(key, "output")) method->output = value;
            if (mmfbus__is_term(key, "errors")) method->errors = value;
            if (mmfbus__is_term(key, "idempotent")) method->is_idempotent = mmfbus__is_term(value, "true");
        } while (mmfbus__take(scan, ','));
        if (!mmfbus__take(scan, '}')) return false;
    }
    return mmfbus__take(scan, ']');
}

/* Reads the text of a contract, which it already has. False where it is none. */
static bool mmfbus__read_contract(mmfbus__contract *contract) {
    mmfbus__scan scan = {contract->text, contract->text + contract->length};
    mmfbus__term key, value;
    bool has_version = false;
    if (!mmfbus__take(&scan, '{')) return false;
    do {
        if (!mmfbus__take_string(&scan, &key) || !mmfbus__take(&scan, ':')) return false;
        if (!mmfbus__is_term(key, "methods")) {
            if (!mmfbus__take_term(&scan, &value)) return false;
            if (mmfbus__is_term(key, "version")) has_version = mmfbus__is_term(value, "1");
            continue;
        }
        if (!mmfbus__take(&scan, '[')) return false;
        if (mmfbus__take(&scan, ']')) continue;
        do {
            if (contract->count == MMFBUS__METHODS) return false;
            if (!mmfbus__read_method(&scan, &contract->methods[contract->count++])) return false;
        } while (mmfbus__take(&scan, ','));
        if (!mmfbus__take(&scan, ']')) return false;
    } while (mmfbus__take(&scan, ','));
    return mmfbus__take(&scan, '}') && has_version;
}

static void mmfbus__free_contract(mmfbus__contract *contract) {
    if (contract == NULL) return;
    MMFBUS_FREE(contract->text);
    MMFBUS_FREE(contract);
}

/* A contract of a copy of that text, which may change while it is copied. MMFBUS_INVALID_ARGUMENT: it is none. */
static mmfbus_status mmfbus__make_contract(mmfbus__contract **contract, const char *text, size_t length) {
    mmfbus__contract *made = (mmfbus__contract *)mmfbus__allocate_zeroed(sizeof *made);
    *contract = NULL;
    if (made == NULL) return MMFBUS_NO_MEMORY;
    made->text = (char *)MMFBUS_MALLOC(length + 1);
    mmfbus_status status = made->text == NULL ? MMFBUS_NO_MEMORY : MMFBUS_OK;
    if (status == MMFBUS_OK) {
        mmfbus__copy_private(made->text, (const unsigned char *)text, length);
        made->text[length] = 0;
        made->length = length;
        if (!mmfbus__read_contract(made)) status = MMFBUS_INVALID_ARGUMENT;
    }
    if (status == MMFBUS_OK) {
        *contract = made;
    } else {
        mmfbus__free_contract(made);
    }
    return status;
}

static const mmfbus__method *mmfbus__method_named(const mmfbus__contract *contract, const char *name) {
    for (uint32_t index = 0; index < contract->count; index++) {
        if (strcmp(contract->methods[index].name, name) == 0) return &contract->methods[index];
    }
    return NULL;
}

/* -- Comparing contracts
 *
 * As Node does: a method can be called where the server reads each input that the client writes, and the client each output, and the
 * data of each error that both declare, that the server writes. docs/shapes.md says which shapes can be read so.
 */

/* Levels that a shape has at most, and bytes that are looked through for names: texts of other programs may be made to take long. */
enum { MMFBUS__SHAPE_DEPTH = 256, MMFBUS__MOST_SEARCHED = 1 << 26 };

typedef struct mmfbus__comparison {
    uint32_t depth;
    int64_t to_search;
} mmfbus__comparison;

#define MMFBUS__UNLIMITED 1e300

typedef enum mmfbus__kind {
    MMFBUS__SHAPE_INTEGER,
    MMFBUS__SHAPE_F32,
    MMFBUS__SHAPE_F64,
    MMFBUS__SHAPE_BOOLEAN,
    MMFBUS__SHAPE_TIMESTAMP,
    MMFBUS__SHAPE_UNKNOWN,
    MMFBUS__SHAPE_STRING,
    MMFBUS__SHAPE_BYTES,
    MMFBUS__SHAPE_ONE_OF,
    MMFBUS__SHAPE_NULLABLE,
    MMFBUS__SHAPE_ARRAY,
    MMFBUS__SHAPE_MAP,
    MMFBUS__SHAPE_STRUCT,
    MMFBUS__SHAPE_UNION
} mmfbus__kind;

/* A shape, of which one level was read. */
typedef struct mmfbus__shape {
    mmfbus__kind kind;
    double least, most; /* of an integer; `most` also of characters, bytes and items */
    mmfbus__term of;    /* what the shape is made of */
    mmfbus__term tag;   /* of a union */
} mmfbus__shape;

/* A number is read only where it is whole and written in digits, as canonical texts have it. Numbers up to 2^53 are exact. */
static bool mmfbus__is_number(mmfbus__term term, double *number) {
    size_t at = term.length > 0 && term.text[0] == '-' ? 1 : 0;
    bool is_negative = at == 1;
    *number = 0;
    if (at == term.length || term.length - at > 16) return false;
    for (; at < term.length; at++) {
        if (term.text[at] < '0' || term.text[at] > '9') return false;
        *number = *number * 10 + (term.text[at] - '0');
    }
    if (is_negative) *number = -*number;
    return true;
}

static int32_t mmfbus__hex4(mmfbus__scan *scan) {
    int32_t code = 0;
    for (int digit = 0; digit < 4; digit++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *found = scan->at < scan->end && *scan->at != 0 ? strchr(digits, *scan->at) : NULL;
        if (found == NULL) return -1;
        int32_t value = (int32_t)(found - digits);
        code = code << 4 | (value < 16 ? value : value - 6);
        scan->at++;
    }
    return code;
}

/* The next character of a string, without its escapes; -1 at the end. */
static int32_t mmfbus__next_character(mmfbus__scan *scan) {
    if (scan->at >= scan->end) return -1;
    int32_t code = (unsigned char)*scan->at++;
    if (code != '\\') {
        int more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : code >= 0xc0 ? 1 : 0;
        if (more > 0) code &= 0x3f >> more;
        for (; more > 0 && scan->at < scan->end && (*scan->at & 0xc0) == 0x80; more--) code = code << 6 | (*scan->at++ & 0x3f);
        return code;
    }
    if (scan->at >= scan->end) return -1;
    code = (unsigned char)*scan->at++;
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *letter = code == 0 ? NULL : strchr(letters, code);
    if (letter != NULL) return meant[letter - letters];
    if (code != 'u') return code;
    code = mmfbus__hex4(scan);
    if (code < 0xd800 || code > 0xdbff || scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u') return code;
    mmfbus__scan next = {scan->at + 2, scan->end};
    int32_t low = mmfbus__hex4(&next);
    if (low < 0xdc00 || low > 0xdfff) return code;
    *scan = next;
    return 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
}

/* The inside of a term that is a string. */
static mmfbus__scan mmfbus__inside(mmfbus__term string) {
    mmfbus__scan scan = {string.text, string.text};
    if (string.length >= 2) {
        scan.at = string.text + 1;
        scan.end = string.text + string.length - 1;
    }
    return scan;
}

static bool mmfbus__is_same_text(mmfbus__term one, mmfbus__term other) {
    if (mmfbus__equals(one, other)) return true;
    mmfbus__scan left = mmfbus__inside(one), right = mmfbus__inside(other);
    if (memchr(one.text, '\\', one.length) == NULL && memchr(other.text, '\\', other.length) == NULL) return false;
    for (;;) {
        int32_t character = mmfbus__next_character(&left);
        if (character != mmfbus__next_character(&right)) return false;
        if (character < 0) return true;
    }
}

static size_t mmfbus__characters(mmfbus__term string) {
    mmfbus__scan scan = mmfbus__inside(string);
    size_t count = 0;
    while (mmfbus__next_character(&scan) >= 0) count++;
    return count;
}

/* The items of a list, one by one. What is no list has none. */
typedef struct mmfbus__items {
    mmfbus__scan scan;
    bool has_begun;
} mmfbus__items;

static mmfbus__items mmfbus__items_of(mmfbus__term list) {
    const char *text = list.length == 0 ? "" : list.text;
    mmfbus__items items = {{text, text + list.length}, false};
    return items;
}

static bool mmfbus__next_item(mmfbus__items *items, mmfbus__term *item) {
    if (!mmfbus__take(&items->scan, items->has_begun ? ',' : '[')) return false;
    items->has_begun = true;
    return mmfbus__take_term(&items->scan, item);
}

/* A field of a struct, a variant of a union, an error of a method: all are lists that begin with a name. */
typedef struct mmfbus__field {
    mmfbus__term name, of;
    bool is_optional;
} mmfbus__field;

static bool mmfbus__next_field(mmfbus__items *fields, mmfbus__field *field) {
    mmfbus__term list, flag;
    if (!mmfbus__next_item(fields, &list)) return false;
    mmfbus__items parts = mmfbus__items_of(list);
    if (!mmfbus__next_item(&parts, &field->name) || !mmfbus__next_item(&parts, &field->of)) return false;
    field->is_optional = mmfbus__next_item(&parts, &flag) && mmfbus__is_term(flag, "\"optional\"");
    return true;
}

/* The field of that name, looked for from where the last one was found: mostly it is the next. */
static bool mmfbus__find_field(mmfbus__comparison *comparison, mmfbus__term list, mmfbus__items *from, mmfbus__term name,
                               mmfbus__field *field) {
    for (int rounds = from->has_begun ? 2 : 1; rounds > 0; rounds--) {
        const char *begin = from->scan.at;
        bool is_found = false;
        while (!is_found && comparison->to_search > from->scan.at - begin && mmfbus__next_field(from, field)) {
            is_found = mmfbus__is_same_text(field->name, name);
        }
        comparison->to_search -= from->scan.at - begin;
        if (is_found) return true;
        *from = mmfbus__items_of(list);
    }
    return false;
}

/* The same for the strings of a `oneOf`. */
static bool mmfbus__find_string(mmfbus__comparison *comparison, mmfbus__term list, mmfbus__items *from, mmfbus__term string) {
    mmfbus__term other;
    for (int rounds = from->has_begun ? 2 : 1; rounds > 0; rounds--) {
        const char *begin = from->scan.at;
        bool is_found = false;
        while (!is_found && comparison->to_search > from->scan.at - begin && mmfbus__next_item(from, &other)) {
            is_found = mmfbus__is_same_text(other, string);
        }
        comparison->to_search -= from->scan.at - begin;
        if (is_found) return true;
        *from = mmfbus__items_of(list);
    }
    return false;
}

static bool mmfbus__read_kind(mmfbus__term name, mmfbus__shape *shape) {
    static const struct {
        const char *name;
        mmfbus__kind kind;
        double least, most;
    } kinds[] = {
        {"\"u8\"", MMFBUS__SHAPE_INTEGER, 0, 255},
        {"\"u16\"", MMFBUS__SHAPE_INTEGER, 0, 65535},
        {"\"u32\"", MMFBUS__SHAPE_INTEGER, 0, 4294967295.0},
        {"\"u64\"", MMFBUS__SHAPE_INTEGER, 0, 18446744073709551615.0},
        {"\"i8\"", MMFBUS__SHAPE_INTEGER, -128, 127},
        {"\"i16\"", MMFBUS__SHAPE_INTEGER, -32768, 32767},
        {"\"i32\"", MMFBUS__SHAPE_INTEGER, -2147483648.0, 2147483647},
        {"\"i64\"", MMFBUS__SHAPE_INTEGER, -9223372036854775808.0, 9223372036854775807.0},
        {"\"f32\"", MMFBUS__SHAPE_F32, 0, 0},
        {"\"f64\"", MMFBUS__SHAPE_F64, 0, 0},
        {"\"boolean\"", MMFBUS__SHAPE_BOOLEAN, 0, 0},
        {"\"timestamp\"", MMFBUS__SHAPE_TIMESTAMP, 0, 0},
        {"\"unknown\"", MMFBUS__SHAPE_UNKNOWN, 0, 0},
        {"\"validated\"", MMFBUS__SHAPE_UNKNOWN, 0, 0},
        {"\"string\"", MMFBUS__SHAPE_STRING, 0, MMFBUS__UNLIMITED},
        {"\"bytes\"", MMFBUS__SHAPE_BYTES, 0, MMFBUS__UNLIMITED},
        {"\"oneOf\"", MMFBUS__SHAPE_ONE_OF, 0, 0},
        {"\"nullable\"", MMFBUS__SHAPE_NULLABLE, 0, 0},
        {"\"array\"", MMFBUS__SHAPE_ARRAY, 0, MMFBUS__UNLIMITED},
        {"\"map\"", MMFBUS__SHAPE_MAP, 0, 0},
        {"\"struct\"", MMFBUS__SHAPE_STRUCT, 0, 0},
        {"\"union\"", MMFBUS__SHAPE_UNION, 0, 0},
    };
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; index++) {
        if (!mmfbus__is_term(name, kinds[index].name)) continue;
        shape->kind = kinds[index].kind;
        shape->least = kinds[index].least;
        shape->most = kinds[index].most;
        return true;
    }
    return false;
}

/* A member of an object; its name with its quotes. */
static bool mmfbus__next_member(mmfbus__scan *scan, bool *has_begun, mmfbus__term *name, mmfbus__term *value) {
    if (!mmfbus__take(scan, *has_begun ? ',' : '{') || !mmfbus__take_string(scan, name) || !mmfbus__take(scan, ':')) return false;
    *has_begun = true;
    name->text--;
    name->length += 2;
    return mmfbus__take_term(scan, value);
}

/* The limits of an integer, or of characters or bytes. */
static bool mmfbus__read_limits(mmfbus__term limits, mmfbus__shape *shape) {
    /* Integers of 64 bits with limits are those that a double holds. */
    const double widest = 9007199254740991.0;
    mmfbus__scan scan = {limits.text, limits.text + limits.length};
    mmfbus__term name, value;
    bool has_begun = false;
    if (shape->kind == MMFBUS__SHAPE_INTEGER && shape->most > widest) shape->most = widest;
    if (shape->kind == MMFBUS__SHAPE_INTEGER && shape->least < -widest) shape->least = -widest;
    while (mmfbus__next_member(&scan, &has_begun, &name, &value)) {
        bool is_least = mmfbus__is_term(name, "\"min\"");
        if (!mmfbus__is_number(value, is_least ? &shape->least : &shape->most)) return false;
    }
    return has_begun || mmfbus__is_term(limits, "{}");
}

static bool mmfbus__read_shape(mmfbus__term term, mmfbus__shape *shape) {
    mmfbus__scan scan = {term.text, term.text + term.length};
    mmfbus__term name, value, limit = {NULL, 0}, variants = {NULL, 0};
    bool has_begun = false, has_kind = false;
    memset(shape, 0, sizeof *shape);
    if (term.length > 0 && term.text[0] == '"') return mmfbus__read_kind(term, shape) && shape->kind <= MMFBUS__SHAPE_BYTES;
    while (mmfbus__next_member(&scan, &has_begun, &name, &value)) {
        if (mmfbus__is_term(name, "\"maxItems\"")) {
            limit = value;
        } else if (mmfbus__is_term(name, "\"of\"")) {
            variants = value;
        } else if (has_kind || !mmfbus__read_kind(name, shape)) {
            return false;
        } else {
            has_kind = true;
            shape->of = value;
        }
    }
    if (!has_kind) return false;
    switch (shape->kind) {
    case MMFBUS__SHAPE_INTEGER:
    case MMFBUS__SHAPE_STRING:
    case MMFBUS__SHAPE_BYTES: return mmfbus__read_limits(shape->of, shape);
    case MMFBUS__SHAPE_ARRAY: return limit.length == 0 || mmfbus__is_number(limit, &shape->most);
    case MMFBUS__SHAPE_UNION:
        shape->tag = shape->of;
        shape->of = variants;
        return shape->tag.text[0] == '"';
    default: return true;
    }
}

static bool mmfbus__reads(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer);

static bool mmfbus__reads_fields(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    mmfbus__items fields = mmfbus__items_of(reader), others = mmfbus__items_of(writer);
    mmfbus__field field, other;
    while (mmfbus__next_field(&fields, &field)) {
        if (!mmfbus__find_field(comparison, writer, &others, field.name, &other)) {
            if (!field.is_optional) return false;
        } else if ((other.is_optional && !field.is_optional) || !mmfbus__reads(comparison, field.of, other.of)) {
            return false;
        }
    }
    return true;
}

static bool mmfbus__reads_variants(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    mmfbus__items variants = mmfbus__items_of(writer), others = mmfbus__items_of(reader);
    mmfbus__field variant, other;
    while (mmfbus__next_field(&variants, &variant)) {
        if (!mmfbus__find_field(comparison, reader, &others, variant.name, &other)) return false;
        if (!mmfbus__reads_fields(comparison, other.of, variant.of)) return false;
    }
    return true;
}

static bool mmfbus__reads_map(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    mmfbus__items parts = mmfbus__items_of(reader), others = mmfbus__items_of(writer);
    mmfbus__term part, other;
    for (int index = 0; index < 2; index++) {
        if (!mmfbus__next_item(&parts, &part) || !mmfbus__next_item(&others, &other)) return false;
        if (!mmfbus__reads(comparison, part, other)) return false;
    }
    return true;
}

static bool mmfbus__reads_strings(mmfbus__comparison *comparison, const mmfbus__shape *reader, const mmfbus__shape *writer) {
    mmfbus__items strings = mmfbus__items_of(writer->of), others = mmfbus__items_of(reader->of);
    mmfbus__term string;
    while (mmfbus__next_item(&strings, &string)) {
        bool fits = reader->kind == MMFBUS__SHAPE_STRING ? (double)mmfbus__characters(string) <= reader->most
                                                         : mmfbus__find_string(comparison, reader->of, &others, string);
        if (!fits) return false;
    }
    return true;
}

static bool mmfbus__reads_number(const mmfbus__shape *reader, const mmfbus__shape *writer) {
    if (writer->kind == MMFBUS__SHAPE_F32) return reader->kind != MMFBUS__SHAPE_INTEGER;
    if (writer->kind != MMFBUS__SHAPE_INTEGER) return writer->kind == reader->kind;
    /* Up to there each integer is a float. */
    const double exact = reader->kind == MMFBUS__SHAPE_F32 ? 16777216.0 : 9007199254740992.0;
    bool is_float = reader->kind != MMFBUS__SHAPE_INTEGER;
    return writer->least >= (is_float ? -exact : reader->least) && writer->most <= (is_float ? exact : reader->most);
}

static bool mmfbus__reads_shape(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    mmfbus__shape here, there;
    if (!mmfbus__read_shape(reader, &here) || !mmfbus__read_shape(writer, &there)) return false;
    switch (here.kind) {
    case MMFBUS__SHAPE_UNKNOWN: return true;
    case MMFBUS__SHAPE_NULLABLE:
        return mmfbus__reads(comparison, here.of, there.kind == MMFBUS__SHAPE_NULLABLE ? there.of : writer);
    case MMFBUS__SHAPE_INTEGER:
    case MMFBUS__SHAPE_F32:
    case MMFBUS__SHAPE_F64: return mmfbus__reads_number(&here, &there);
    case MMFBUS__SHAPE_STRING:
        if (there.kind == MMFBUS__SHAPE_ONE_OF) return mmfbus__reads_strings(comparison, &here, &there);
        return there.kind == MMFBUS__SHAPE_STRING && there.most <= here.most;
    default: break;
    }
    if (here.kind != there.kind) return false;
    switch (here.kind) {
    case MMFBUS__SHAPE_BYTES: return there.most <= here.most;
    case MMFBUS__SHAPE_ONE_OF: return mmfbus__reads_strings(comparison, &here, &there);
    case MMFBUS__SHAPE_ARRAY: return there.most <= here.most && mmfbus__reads(comparison, here.of, there.of);
    case MMFBUS__SHAPE_MAP: return mmfbus__reads_map(comparison, here.of, there.of);
    case MMFBUS__SHAPE_STRUCT: return mmfbus__reads_fields(comparison, here.of, there.of);
    case MMFBUS__SHAPE_UNION:
        return mmfbus__is_same_text(here.tag, there.tag) && mmfbus__reads_variants(comparison, here.of, there.of);
    default: return true; /* boolean, timestamp */
    }
}

/* Whether each value that the one shape writes is one that the other reads. */
static bool mmfbus__reads(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    if (mmfbus__equals(reader, writer)) return true;
    if (comparison->depth == MMFBUS__SHAPE_DEPTH) return false;
    comparison->depth++;
    bool reads = mmfbus__reads_shape(comparison, reader, writer);
    comparison->depth--;
    return reads && comparison->to_search > 0;
}

/* The same for what a method takes or gives, or for what belongs to an error: nothing, a value or a stream. */
static bool mmfbus__reads_part(mmfbus__comparison *comparison, mmfbus__term reader, mmfbus__term writer) {
    bool reads_nothing = mmfbus__is_nothing(reader), writes_nothing = mmfbus__is_nothing(writer);
    if (reads_nothing || writes_nothing) return reads_nothing == writes_nothing;
    bool reads_stream = mmfbus__take_stream(&reader), writes_stream = mmfbus__take_stream(&writer);
    return reads_stream == writes_stream && mmfbus__reads(comparison, reader, writer);
}

/* Whether a client that has the one method can call the other one of a server. */
static bool mmfbus__can_call(const mmfbus__method *ours, const mmfbus__method *theirs) {
    mmfbus__comparison comparison = {0, MMFBUS__MOST_SEARCHED};
    if ((ours->output.length == 0) != (theirs->output.length == 0)) return false;
    if (!mmfbus__reads_part(&comparison, theirs->input, ours->input)) return false;
    if (!mmfbus__reads_part(&comparison, ours->output, theirs->output)) return false;
    mmfbus__items errors = mmfbus__items_of(ours->errors), others = mmfbus__items_of(theirs->errors);
    mmfbus__field error, other;
    while (mmfbus__next_field(&errors, &error)) {
        if (!mmfbus__find_field(&comparison, theirs->errors, &others, error.name, &other)) continue;
        if (!mmfbus__reads_part(&comparison, error.of, other.of)) return false;
    }
    return comparison.to_search > 0;
}

/* ============================================================================================ Segments of a service
 * == Segments of a service
 */

#define MMFBUS__SERVICE_CAPACITY (256u << 10)
#define MMFBUS__MAILBOX_LEFT_OVER (4u << 20) /* most bytes of answers that a server keeps for a client without room */
enum { MMFBUS__REGISTRY_CAPACITY = 4096, MMFBUS__SERVICE_SLOTS = 256, MMFBUS__MAILBOX_SLOTS = 64 };
/* The owner of an inbox or a mailbox. */
enum { MMFBUS__OWNER_SLOT = 0 };
/* A stream raises the credit at the latest when so many bytes were taken. */
enum { MMFBUS__CREDIT_STEP = 16384 };
/* Nanoseconds in which a server that could not be joined, or could not answer, is not tried again. */
#define MMFBUS__AVOIDED 1000000000u
/* Milliseconds that joining waits for a living holder of a publisher lock. */
enum { MMFBUS__SERVICE_PATIENCE = 1000 };

static mmfbus_status mmfbus__check_service(const char *service, const char *name) {
    if (service == NULL || strlen(service) > MMFBUS__MAX_SERVICE_NAME_LENGTH || !mmfbus__is_channel_name(service)) {
        return mmfbus__refuse(MMFBUS_INVALID_NAME, "the name of a service is not 1 to 100 characters of A-Z a-z 0-9 . _ -");
    }
    if (name != NULL && strlen(name) > MMFBUS__SLOT_NAME_SIZE) {
        return mmfbus__refuse(MMFBUS_INVALID_ARGUMENT, "name is longer than 48 bytes");
    }
    return MMFBUS_OK;
}

static void mmfbus__name_segment(char name[MMFBUS__MAX_NAME_LENGTH + 1], const char *service, const char *what, uint64_t id) {
    snprintf(name, MMFBUS__MAX_NAME_LENGTH + 1, "%s~%s.%016llx", service, what, (unsigned long long)id);
}

static mmfbus_options mmfbus__segment_options(const char *segment, const char *codec, uint32_t slots, const char *name) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = segment;
    options.codec = codec;
    options.capacity = slots == 0 ? 0 : MMFBUS__SERVICE_CAPACITY;
    options.max_participants = slots;
    options.open = slots == 0 ? MMFBUS_OPEN : MMFBUS_CREATE;
    options.name = name;
    options.timeout = MMFBUS__SERVICE_PATIENCE;
    options.no_timestamps = true;
    return options;
}

static mmfbus_options mmfbus__registry_options(char segment[MMFBUS__MAX_NAME_LENGTH + 1], const char *service, const char *name) {
    snprintf(segment, MMFBUS__MAX_NAME_LENGTH + 1, "%s~service", service);
    mmfbus_options options = mmfbus__segment_options(segment, "mmfbus~service", MMFBUS__SERVICE_SLOTS, name);
    options.capacity = MMFBUS__REGISTRY_CAPACITY;
    options.open = MMFBUS_OPEN_OR_CREATE;
    options.delivery = MMFBUS_DELIVERY_LOSSY;
    return options;
}

static mmfbus_status mmfbus__open_service_port(mmfbus__port *port) {
    const mmfbus__audience mine = {0600, 0600, MMFBUS__UNCHANGED, MMFBUS__UNCHANGED};
    return mmfbus__open_port(port, &mine);
}

static void mmfbus__ring_own_bell(const mmfbus__port *port) {
#ifdef _WIN32
    SetEvent(port->descriptors[MMFBUS__BELL]);
#else
    /* EAGAIN: it rings already. */
    if (port->descriptors[MMFBUS__BELL] >= 0 && write(port->descriptors[MMFBUS__BELL], "!", 1) < 0) return;
#endif
}

static mmfbus_descriptor mmfbus__port_descriptor(const mmfbus__port *port) {
#ifdef _WIN32
    return port->descriptors[MMFBUS__BELL];
#else
    return port->descriptors[MMFBUS__POLLER];
#endif
}

/* Rings the owner of an inbox or a mailbox, if it sleeps. */
static void mmfbus__ring_segment_owner(mmfbus__participant *p) {
    uint32_t asleep = mmfbus__load32(mmfbus__slot(p, MMFBUS__OWNER_SLOT) + MMFBUS__SLOT_ASLEEP);
    if (asleep != 0) mmfbus__ring_slot(p, MMFBUS__OWNER_SLOT, asleep);
}

/* Copies what a participant calls itself, as text that can be printed. */
static void mmfbus__copy_name(char name[MMFBUS__SLOT_NAME_SIZE + 1], const mmfbus__participant *p, uint32_t slot) {
    mmfbus__copy_private(name, mmfbus__slot(p, slot) + MMFBUS__SLOT_NAME, MMFBUS__SLOT_NAME_SIZE);
    name[MMFBUS__SLOT_NAME_SIZE] = 0;
    for (unsigned char *at = (unsigned char *)name; *at != 0; at++) {
        if (*at < 0x20 || *at == 0x7f) *at = '?';
    }
}

static unsigned char *mmfbus__tables(const mmfbus__participant *p) {
    return p->memory + MMFBUS__HEADER_SIZE + (size_t)p->geometry.participant_count * MMFBUS__SLOT_SIZE;
}

static unsigned char *mmfbus__cell(const mmfbus__participant *mailbox, uint32_t cell) {
    return mmfbus__tables(mailbox) + (size_t)cell * MMFBUS__CELL_SIZE;
}

static unsigned char *mmfbus__refused_word(const mmfbus__participant *inbox, uint32_t slot) {
    return mmfbus__tables(inbox) + (size_t)slot * 4;
}

static unsigned char *mmfbus__method_counters(const mmfbus__participant *inbox, uint32_t index) {
    return mmfbus__tables(inbox) + (size_t)inbox->geometry.participant_count * 4 + (size_t)index * MMFBUS__METHOD_SIZE;
}

static unsigned char *mmfbus__recent_call(const mmfbus__participant *inbox, uint32_t number) {
    return mmfbus__method_counters(inbox, MMFBUS__METHODS) + (size_t)((number - 1) % MMFBUS__RECENT_CALLS) * MMFBUS__RECENT_SIZE;
}

/* The word of a cell: of the id its low bits. */
static inline uint32_t mmfbus__word(uint64_t id, uint32_t state) {
    return (uint32_t)(id << MMFBUS__CELL_STATE_BITS) | state;
}

static inline bool mmfbus__exchange(unsigned char *cell, uint64_t id, uint32_t from, uint32_t to) {
    return mmfbus__swap32(cell + MMFBUS__CELL_WORD, mmfbus__word(id, from), mmfbus__word(id, to));
}

/* Sets or clears bits of `waits`. The limit is for memory that a process keeps changing. */
static void mmfbus__change_bits(unsigned char *place, uint32_t set, uint32_t clear) {
    for (int tries = 0; tries < 10000; tries++) {
        uint32_t bits = mmfbus__load32(place);
        if (mmfbus__swap32(place, bits, (bits | set) & ~clear)) return;
    }
}

/* Whether an item may be sent of which so many bytes were sent before. */
static bool mmfbus__has_credit(const unsigned char *cell, uint32_t field, uint32_t sent) {
    return (int32_t)(mmfbus__load32(cell + field) - sent) > 0;
}

/* The same for who sleeps where it has none: it will be rung, until it has some. */
static bool mmfbus__awaits_credit(unsigned char *cell, uint32_t field, uint32_t sent, uint32_t bit) {
    if (mmfbus__has_credit(cell, field, sent)) {
        if ((mmfbus__load32(cell + MMFBUS__CELL_WAITS) & bit) != 0) mmfbus__change_bits(cell + MMFBUS__CELL_WAITS, 0, bit);
        return true;
    }
    mmfbus__change_bits(cell + MMFBUS__CELL_WAITS, bit, 0);
    /* SYNC: credit. The bit is set before this side looks again at the credit. */
    return mmfbus__has_credit(cell, field, sent);
}

/* Raises the credit of the other side; true where that is to be rung. */
static bool mmfbus__raise_credit(unsigned char *cell, uint32_t field, uint32_t bytes, uint32_t bit) {
    /* SYNC: credit. Raised before this looks whether the other side waits for it. */
    mmfbus__add32(cell + field, bytes);
    /* The bit is left to its owner: cleared here, it might be that of the next wait, which has begun meanwhile. */
    return (mmfbus__load32(cell + MMFBUS__CELL_WAITS) & bit) != 0;
}

/* As much of a message as there is room for. MMFBUS_OK: all of it. What is left out comes next, or the message is given up. */
static mmfbus_status mmfbus__publish_on(mmfbus_publisher *pub, const void *head, size_t head_length, const void *data, size_t length,
                                        mmfbus__progress *progress) {
    mmfbus_status status = MMFBUS_OK;
    if (head_length + length <= mmfbus__max_whole(&pub->base.geometry)) {
        mmfbus__outgoing frame = {MMFBUS__KIND_MESSAGE, false, (void *)head, head_length, data, length};
        status = mmfbus__publish_frame(pub, &frame);
        if (status == MMFBUS_OK) progress->offset = head_length + length;
    }
    while (status == MMFBUS_OK && progress->offset < head_length + length) {
        /* Only a message in one piece comes here: `head` is empty. */
        mmfbus__outgoing frame = mmfbus__next_part(pub, data, length, progress);
        status = mmfbus__publish_frame(pub, &frame);
        if (status == MMFBUS_OK) progress->offset += frame.length;
    }
    if (status == MMFBUS_OK) mmfbus__count_published(pub, 1, head_length + length);
    return status;
}

/* Room that the next part of a message needs. */
static size_t mmfbus__room_needed(const mmfbus_publisher *pub, size_t length) {
    size_t part = (size_t)pub->base.geometry.capacity / 8 - MMFBUS__FRAME_SIZE;
    return length <= mmfbus__max_whole(&pub->base.geometry) || length < part ? length : part;
}

/* What the slots say of who has come and gone; messages there are none. */
static void mmfbus__pass_over(mmfbus_subscriber *subscriber) {
    mmfbus_message message;
    for (int turn = 0; turn < 64 && mmfbus_try_receive(subscriber, &message) != MMFBUS_EMPTY; turn++) continue;
}

/* Removes what dead servers and clients have left of a service. */
static void mmfbus__sweep_service(const char *service) {
#ifdef _WIN32
    (void)service;
#else
    char prefixes[2][MMFBUS__MAX_NAME_LENGTH + 40];
    DIR *directory = opendir(mmfbus__directory());
    if (directory == NULL) return;
    snprintf(prefixes[0], sizeof prefixes[0], "mmfbus.%u.%s~calls.", (unsigned)geteuid(), service);
    snprintf(prefixes[1], sizeof prefixes[1], "mmfbus.%u.%s~replies.", (unsigned)geteuid(), service);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[MMFBUS__PATH];
        struct stat status;
        const char *name = entry->d_name;
        bool is_one = strncmp(name, prefixes[0], strlen(prefixes[0])) == 0 || strncmp(name, prefixes[1], strlen(prefixes[1])) == 0;
        if (!is_one || snprintf(path, sizeof path, "%s/%s", mmfbus__directory(), name) >= (int)sizeof path) continue;
        int file = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (file < 0) continue;
        if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
            mmfbus__read_mark(file, status.st_size) != 0) {
            mmfbus__remove_unused(file, path);
        }
        close(file);
    }
    closedir(directory);
#endif
}

/* -- Lists */

typedef struct mmfbus__node {
    struct mmfbus__node *previous, *next;
} mmfbus__node;

#define MMFBUS__OWNER(node, type, field) ((type *)(void *)((char *)(node) - offsetof(type, field)))

/* An empty list, or a node in none. */
static void mmfbus__isolate(mmfbus__node *node) {
    node->previous = node->next = node;
}

static bool mmfbus__is_alone(const mmfbus__node *node) {
    return node->next == node;
}

static void mmfbus__unlink_node(mmfbus__node *node) {
    node->previous->next = node->next;
    node->next->previous = node->previous;
    mmfbus__isolate(node);
}

/* At the end of a list, from wherever it is. */
static void mmfbus__append_node(mmfbus__node *list, mmfbus__node *node) {
    mmfbus__unlink_node(node);
    node->previous = list->previous;
    node->next = list;
    list->previous->next = node;
    list->previous = node;
}

/* -- Memory that is used again */

typedef struct mmfbus__chunk {
    struct mmfbus__chunk *next;
    size_t capacity, length; /* of the bytes that follow; `length` without texts */
    mmfbus__progress progress;
    uint32_t cost;           /* of an item: length of its message */
    bool is_value;
    const char *name, *message; /* within the bytes; NULL for none */
} mmfbus__chunk;

typedef struct mmfbus__pool {
    mmfbus__chunk *spare;
    uint32_t count;
} mmfbus__pool;

enum { MMFBUS__SPARE_CHUNKS = 64, MMFBUS__LARGEST_SPARE = 65536 };

static unsigned char *mmfbus__bytes_of(mmfbus__chunk *chunk) {
    return (unsigned char *)(chunk + 1);
}

static mmfbus__chunk *mmfbus__new_chunk(mmfbus__pool *pool, size_t length) {
    mmfbus__chunk *chunk = pool->spare;
    if (chunk != NULL && chunk->capacity >= length) {
        pool->spare = chunk->next;
        pool->count--;
    } else {
        size_t capacity = (length + 255) & ~(size_t)255;
        chunk = (mmfbus__chunk *)MMFBUS_MALLOC(sizeof *chunk + capacity);
        if (chunk == NULL) return NULL;
        chunk->capacity = capacity;
    }
    size_t capacity = chunk->capacity;
    memset(chunk, 0, sizeof *chunk);
    chunk->capacity = capacity;
    chunk->length = length;
    return chunk;
}

static void mmfbus__free_chunk(mmfbus__pool *pool, mmfbus__chunk *chunk) {
    if (chunk == NULL) return;
    if (chunk->capacity > MMFBUS__LARGEST_SPARE || pool->count >= MMFBUS__SPARE_CHUNKS) {
        MMFBUS_FREE(chunk);
        return;
    }
    chunk->next = pool->spare;
    pool->spare = chunk;
    pool->count++;
}

static void mmfbus__empty_pool(mmfbus__pool *pool) {
    while (pool->spare != NULL) {
        mmfbus__chunk *chunk = pool->spare;
        pool->spare = chunk->next;
        MMFBUS_FREE(chunk);
    }
    pool->count = 0;
}

typedef struct mmfbus__chunks {
    mmfbus__chunk *first, *last;
} mmfbus__chunks;

static void mmfbus__push_chunk(mmfbus__chunks *queue, mmfbus__chunk *chunk) {
    chunk->next = NULL;
    if (queue->first == NULL) {
        queue->first = chunk;
    } else {
        queue->last->next = chunk;
    }
    queue->last = chunk;
}

static mmfbus__chunk *mmfbus__shift_chunk(mmfbus__chunks *queue) {
    mmfbus__chunk *chunk = queue->first;
    if (chunk != NULL) queue->first = chunk->next;
    return chunk;
}

static void mmfbus__free_chunks(mmfbus__pool *pool, mmfbus__chunks *queue) {
    while (queue->first != NULL) mmfbus__free_chunk(pool, mmfbus__shift_chunk(queue));
}

/* =========================================================================================================== Links
 * == Links
 *
 * What a client has of each server: its slot in the registry, and its inbox.
 */

/* What the comparison of two methods came to. */
enum { MMFBUS__NOT_COMPARED = 0, MMFBUS__CAN_CALL, MMFBUS__CANNOT_CALL };

typedef struct mmfbus__link {
    mmfbus__node node;
    uint32_t slot, generation, pid;
    int64_t nonce;
    uint64_t inbox;
    char name[MMFBUS__SLOT_NAME_SIZE + 1];
    mmfbus_publisher *publisher; /* NULL where the inbox could not be joined */
    mmfbus__contract *contract;
    unsigned char comparisons[MMFBUS__METHODS]; /* of its methods, with those of the client */
    bool is_serving;
    bool lacks_room;
    size_t room_needed;
    uint64_t avoided_until;      /* it could not be joined, or cannot answer */
    uint64_t turn;               /* when it was sent a call last */
    struct mmfbus__call *sending; /* whose message is in the inbox in part; others wait */
} mmfbus__link;

typedef struct mmfbus__call {
    mmfbus__node node;  /* in the line, or among those that were sent */
    mmfbus__node ready; /* among those that have something for the program */
    uint64_t number;    /* 0 while it is free */
    uint32_t index;     /* in the table */
    void *context;
    const mmfbus__method *method; /* of the client's contract; NULL without one */
    char name[MMFBUS__METHOD_NAME + 1];
    uint32_t hash;
    bool is_one_way;
    bool is_in_line;
    bool has_ended;
    uint64_t deadline, wait_until;
    unsigned char *message; /* envelope and input */
    size_t capacity, length;
    mmfbus__progress progress;
    mmfbus__link *link;   /* whose it is */
    mmfbus__link *pinned; /* the only one that may have it; NULL for any */
    bool is_pinned;
    uint32_t cell, deaths;
    bool may_have_started; /* an attempt before this one may have */
    uint64_t id;
    uint32_t pid;
    char server[MMFBUS__SLOT_NAME_SIZE + 1];
    unsigned char is_avoided[MMFBUS__SERVICE_SLOTS / 8]; /* servers that did not take it, by their slots */
    mmfbus_status avoidance;                             /* what the last of them said */
    /* Streams. */
    uint32_t sent, taken; /* costs, modulo 2^32 */
    mmfbus__chunk *item;  /* that is in the inbox in part */
    bool wants_end, end_was_sent, lacks_credit;
    mmfbus__chunks items;
    /* The last answer. */
    mmfbus_status status;
    mmfbus_started started;
    mmfbus__chunk *last;
} mmfbus__call;

typedef struct mmfbus__client_cell {
    mmfbus__link *link; /* NULL while it is free */
    mmfbus__call *call; /* NULL where the call was given up */
    uint64_t id;
} mmfbus__client_cell;

struct mmfbus_client {
    mmfbus__port port;
    char service[MMFBUS__MAX_SERVICE_NAME_LENGTH + 1], name[MMFBUS__SLOT_NAME_SIZE + 1];
    uint32_t wait_for_server, timeout, poll_window;
    mmfbus__contract *contract;
    mmfbus_subscriber *registry, *mailbox;
    uint64_t mailbox_id;
    mmfbus_status broken; /* MMFBUS_OK, or what every further call says */
    uint32_t epoch;       /* of the registry, at the last look */
    bool has_looked;
    mmfbus__node links, line, sent, ready;
    mmfbus__call **table;
    uint32_t table_size, free_count;
    uint64_t last_number, last_id, last_turn;
    uint64_t wake_at; /* the next deadline, or an earlier time; UINT64_MAX for none */
    uint32_t next_cell, cells_used, ends_wanted, credits_lacking;
    bool cells_lack;
    uint32_t interrupted;
    mmfbus__pool pool;
    mmfbus__chunk *delivered;
    char delivered_server[MMFBUS__SLOT_NAME_SIZE + 1];
    mmfbus__client_cell cells[MMFBUS__CELLS];
};

static mmfbus__participant *mmfbus__registry_of(const mmfbus_client *client) {
    return &client->registry->base;
}

static void mmfbus__wake_by(mmfbus_client *client, uint64_t time) {
    if (time < client->wake_at) client->wake_at = time;
}

/* SYNC: draining. With the lock held: a server drains with it held, and takes all that was committed before. */
static bool mmfbus__takes_calls(const mmfbus_publisher *publisher) {
    const unsigned char *owner = mmfbus__slot(&publisher->base, MMFBUS__OWNER_SLOT);
    return mmfbus__load32(owner + MMFBUS__SLOT_STATE) == MMFBUS__STATE_RELIABLE &&
           mmfbus__load32(owner + MMFBUS__SLOT_PHASE) == MMFBUS__PHASE_SERVING;
}

/* Joins the inbox of a server and reads its contract. */
static mmfbus_status mmfbus__join_inbox(mmfbus_client *client, mmfbus__link *link) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    mmfbus__name_segment(segment, client->service, "calls", link->inbox);
    mmfbus_options options = mmfbus__segment_options(segment, "mmfbus~calls", 0, client->name);
    const mmfbus__joining joining = {MMFBUS__PATTERN_CALLS, &client->port, 0, client->mailbox_id};
    mmfbus_status status = mmfbus__open_publisher(&link->publisher, &options, &joining);
    if (status != MMFBUS_OK) return status;
    link->publisher->may_publish = mmfbus__takes_calls;
    const mmfbus__geometry *geometry = &link->publisher->base.geometry;
    const char *text = (const char *)link->publisher->base.memory + geometry->schema_offset;
    status = mmfbus__make_contract(&link->contract, text, geometry->schema_length);
    memset(link->comparisons, MMFBUS__NOT_COMPARED, sizeof link->comparisons);
    if (status != MMFBUS_OK) {
        mmfbus__close_publisher(link->publisher);
        link->publisher = NULL;
    }
    MMFBUS_STEP("client: inbox joined");
    return status;
}

/* The method of that server by which a call of ours is made; NULL where it cannot be. */
static const mmfbus__method *mmfbus__method_for(mmfbus__link *link, const mmfbus__call *call) {
    const mmfbus__method *theirs = link->contract == NULL ? NULL : mmfbus__method_named(link->contract, call->name);
    if (theirs == NULL || call->is_one_way != (theirs->output.length == 0)) return NULL;
    const mmfbus__method *ours = call->method;
    if (ours == NULL) return theirs;
    unsigned char *comparison = &link->comparisons[theirs - link->contract->methods];
    if (*comparison == MMFBUS__NOT_COMPARED) {
        *comparison = mmfbus__can_call(ours, theirs) ? MMFBUS__CAN_CALL : MMFBUS__CANNOT_CALL;
    }
    return *comparison == MMFBUS__CAN_CALL ? theirs : NULL;
}

/* How much a server has to do. Stale on arrival. */
static uint64_t mmfbus__work_of(const mmfbus__link *link) {
    const mmfbus__participant *p = &link->publisher->base;
    uint64_t tail = (uint64_t)mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL) & ~(uint64_t)(MMFBUS__FRAME_ALIGNMENT - 1);
    uint64_t next = mmfbus__peek64(p->ring + (tail & (p->geometry.capacity - 1)) + MMFBUS__FRAME_SEQUENCE);
    uint64_t done = mmfbus__peek64(mmfbus__slot(p, MMFBUS__OWNER_SLOT) + MMFBUS__SLOT_DONE);
    return next > done + 1 ? next - 1 - done : 0;
}

/* ========================================================================================================= Calling
 * == Calling
 */

static void mmfbus__tell_ready(mmfbus_client *client, mmfbus__call *call) {
    if (mmfbus__is_alone(&call->ready)) mmfbus__append_node(&client->ready, &call->ready);
}

static void mmfbus__put_in_line(mmfbus_client *client, mmfbus__call *call) {
    call->is_in_line = true;
    call->link = NULL;
    call->sent = call->taken = 0;
    call->wait_until = client->wait_for_server == MMFBUS_FOREVER ? UINT64_MAX : mmfbus__deadline(client->wait_for_server);
    mmfbus__wake_by(client, call->wait_until);
    mmfbus__append_node(&client->line, &call->node);
}

/* The call is not to be sent any more, whatever of it is in the inbox. */
static void mmfbus__forget_sending(mmfbus_client *client, mmfbus__call *call) {
    if (call->link != NULL && call->link->sending == call) call->link->sending = NULL;
    mmfbus__free_chunk(&client->pool, call->item);
    call->item = NULL;
}

static void mmfbus__set_lacks_credit(mmfbus_client *client, mmfbus__call *call, bool lacks) {
    if (lacks == call->lacks_credit) return;
    call->lacks_credit = lacks;
    if (lacks) client->credits_lacking++;
    else client->credits_lacking--;
}

/* Ends a call; its items that the program has not taken come before. */
static void mmfbus__settle(mmfbus_client *client, mmfbus__call *call, mmfbus_status status, mmfbus_started started,
                           mmfbus__chunk *last) {
    mmfbus__forget_sending(client, call);
    mmfbus__set_lacks_credit(client, call, false);
    if (call->wants_end && !call->end_was_sent) client->ends_wanted--;
    call->wants_end = call->end_was_sent = true;
    call->has_ended = true;
    call->is_in_line = false;
    call->status = status;
    call->started = call->may_have_started ? MMFBUS_STARTED_MAYBE : started;
    call->last = last;
    call->link = NULL;
    mmfbus__append_node(&client->sent, &call->node);
    mmfbus__tell_ready(client, call);
}

static void mmfbus__free_cell(mmfbus_client *client, uint32_t cell) {
    mmfbus__client_cell *own = &client->cells[cell];
    unsigned char *place = mmfbus__cell(&client->mailbox->base, cell);
    mmfbus__store32(place + MMFBUS__CELL_WORD, mmfbus__word(own->id, MMFBUS__CELL_FREE));
    memset(own, 0, sizeof *own);
    client->cells_used--;
    client->cells_lack = false;
}

/* Takes a call back that no handler has begun with: true where it never ran and never will. Its cell is free then. */
static bool mmfbus__withdraw(mmfbus_client *client, uint32_t cell) {
    const mmfbus__client_cell *own = &client->cells[cell];
    unsigned char *place = mmfbus__cell(&client->mailbox->base, cell);
    /* SYNC: started or withdrawn. Of this exchange and that of the server only one finds the call waiting. */
    if (!mmfbus__exchange(place, own->id, MMFBUS__CELL_WAITING, MMFBUS__CELL_WITHDRAWN)) return false;
    MMFBUS_STEP("call: withdrawn");
    if (own->call != NULL) mmfbus__forget_sending(client, own->call);
    mmfbus__free_cell(client, cell);
    return true;
}

/* Gives a call up, for that reason. */
static void mmfbus__give_up(mmfbus_client *client, mmfbus__call *call, mmfbus_status status) {
    mmfbus_started started = MMFBUS_STARTED_NO;
    /* A one-way call of which the server has a part never comes to its end. */
    if (!call->is_in_line && !call->is_one_way && !mmfbus__withdraw(client, call->cell)) {
        mmfbus__client_cell *own = &client->cells[call->cell];
        unsigned char *place = mmfbus__cell(&client->mailbox->base, call->cell);
        started = MMFBUS_STARTED_MAYBE;
        if (mmfbus__exchange(place, own->id, MMFBUS__CELL_STARTED, MMFBUS__CELL_CANCELLED)) {
            MMFBUS_STEP("call: cancelled");
            /* SYNC: cancelled. Exchanged before this looks whether the server sleeps. */
            mmfbus__ring_segment_owner(&own->link->publisher->base);
        }
        /* The cell stays in use until the last answer, or until the server is gone. */
        own->call = NULL;
    }
    mmfbus__free_chunks(&client->pool, &call->items);
    mmfbus__settle(client, call, status, started, NULL);
}

/* Moves a call that was withdrawn to another server. */
static void mmfbus__move(mmfbus_client *client, mmfbus__call *call) {
    if (call->is_pinned) {
        mmfbus__settle(client, call, MMFBUS_SERVER_DIED, MMFBUS_STARTED_NO, NULL);
    } else {
        mmfbus__put_in_line(client, call);
        MMFBUS_STEP("call: moved");
    }
}

/* Takes back all calls of a server that it has not started. */
static void mmfbus__move_waiting(mmfbus_client *client, const mmfbus__link *link) {
    for (uint32_t cell = 0; cell < MMFBUS__CELLS && client->cells_used > 0; cell++) {
        mmfbus__call *call = client->cells[cell].call;
        if (client->cells[cell].link == link && mmfbus__withdraw(client, cell) && call != NULL) mmfbus__move(client, call);
    }
}

static bool mmfbus__take_cell(mmfbus_client *client, uint32_t *cell) {
    for (uint32_t tries = 0; tries < MMFBUS__CELLS; tries++) {
        *cell = client->next_cell++ % MMFBUS__CELLS;
        if (client->cells[*cell].link == NULL) return true;
    }
    client->cells_lack = true;
    return false;
}

static void mmfbus__write_envelope(mmfbus_client *client, mmfbus__call *call) {
    unsigned char *envelope = call->message;
    memset(envelope, 0, MMFBUS__ENVELOPE_SIZE);
    envelope[MMFBUS__ENVELOPE_KIND] = call->is_one_way ? MMFBUS__ENVELOPE_ONE_WAY : MMFBUS__ENVELOPE_CALL;
    mmfbus__put32(envelope + MMFBUS__ENVELOPE_METHOD, call->hash);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_DEADLINE, call->deadline == UINT64_MAX ? 0 : call->deadline);
    if (call->is_one_way) return;
    uint16_t cell = (uint16_t)call->cell;
    memcpy(envelope + MMFBUS__ENVELOPE_CELL, &cell, sizeof cell);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_ID, call->id);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_MAILBOX, client->mailbox_id);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_INCARNATION, client->mailbox->base.geometry.incarnation);
}

/* Appends a call to the inbox of a server: all of it, or its first part. Any other status than MMFBUS_OK: nothing. */
static mmfbus_status mmfbus__send_to(mmfbus_client *client, mmfbus__call *call, mmfbus__link *link) {
    mmfbus__client_cell *own = NULL;
    unsigned char *place = NULL;
    if (!call->is_one_way) {
        if (!mmfbus__take_cell(client, &call->cell)) return MMFBUS_FULL;
        own = &client->cells[call->cell];
        place = mmfbus__cell(&client->mailbox->base, call->cell);
        call->id = ++client->last_id;
        mmfbus__store32(place + MMFBUS__CELL_GRANTED, MMFBUS__STREAM_WINDOW);
        mmfbus__store32(place + MMFBUS__CELL_ACCEPTED, 0);
        mmfbus__store32(place + MMFBUS__CELL_WAITS, 0);
        mmfbus__store32(place + MMFBUS__CELL_WORD, mmfbus__word(call->id, MMFBUS__CELL_WAITING));
        MMFBUS_STEP("call: cell waiting");
    }
    memset(&call->progress, 0, sizeof call->progress);
    mmfbus__write_envelope(client, call);
    mmfbus_status status = mmfbus__publish_on(link->publisher, NULL, 0, call->message, call->length, &call->progress);
    bool is_partly = status != MMFBUS_OK && call->progress.offset > 0;
    if (status != MMFBUS_OK && !is_partly) {
        if (place != NULL) mmfbus__store32(place + MMFBUS__CELL_WORD, mmfbus__word(call->id, MMFBUS__CELL_WITHDRAWN));
        return status;
    }
    MMFBUS_STEP("call: sent");
    if (own != NULL) {
        own->link = link;
        own->call = call;
        own->id = call->id;
        client->cells_used++;
    }
    if (is_partly) {
        link->sending = call;
        link->lacks_room = true;
        link->room_needed = mmfbus__room_needed(link->publisher, call->length);
    }
    link->turn = ++client->last_turn;
    call->link = link;
    call->is_in_line = false;
    call->pid = link->pid;
    memcpy(call->server, link->name, sizeof call->server);
    mmfbus__append_node(&client->sent, &call->node);
    if (call->is_one_way && !is_partly) mmfbus__settle(client, call, MMFBUS_OK, MMFBUS_STARTED_MAYBE, NULL);
    return MMFBUS_OK;
}

/* Sends a call that is in the line to the server with the least work. MMFBUS_FULL: none has room. Others say why there is none. */
static mmfbus_status mmfbus__place_call(mmfbus_client *client, mmfbus__call *call, uint64_t now) {
    unsigned char was_tried[MMFBUS__SERVICE_SLOTS / 8] = {0};
    mmfbus_status outcome = MMFBUS_NO_SERVER;
    for (;;) {
        mmfbus__link *best = NULL;
        uint64_t least = 0;
        for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
            mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
            unsigned char bit = (unsigned char)(1u << link->slot % 8);
            if (!link->is_serving || (call->is_pinned && call->pinned != link)) continue;
            if (link->avoided_until > now) {
                if (outcome == MMFBUS_NO_SERVER || outcome == MMFBUS_NO_METHOD) outcome = MMFBUS_UNREACHABLE;
                continue;
            }
            if (link->publisher == NULL || mmfbus__method_for(link, call) == NULL) {
                if (outcome == MMFBUS_NO_SERVER) outcome = MMFBUS_NO_METHOD;
                continue;
            }
            if ((call->is_avoided[link->slot / 8] & bit) != 0) {
                if (outcome != MMFBUS_FULL) outcome = call->avoidance;
                continue;
            }
            if ((was_tried[link->slot / 8] & bit) != 0) continue;
            uint64_t work = mmfbus__work_of(link);
            if (best != NULL && (work > least || (work == least && link->turn >= best->turn))) continue;
            best = link;
            least = work;
        }
        if (best == NULL) return outcome;
        was_tried[best->slot / 8] |= (unsigned char)(1u << best->slot % 8);
        mmfbus_status status = best->sending != NULL ? MMFBUS_FULL : mmfbus__send_to(client, call, best);
        if (status == MMFBUS_OK) return MMFBUS_OK;
        if (status == MMFBUS_FULL || status == MMFBUS_BUSY) {
            outcome = MMFBUS_FULL;
            if (client->cells_lack) return MMFBUS_FULL;
            best->lacks_room = true;
            best->room_needed = mmfbus__room_needed(best->publisher, call->length);
        } else if (status == MMFBUS_NO_SERVER) {
            best->is_serving = false;
        } else {
            best->avoided_until = now + MMFBUS__AVOIDED;
            mmfbus__wake_by(client, best->avoided_until);
        }
    }
}

/* Sends what is in the line, until no server has room. */
static void mmfbus__serve_line(mmfbus_client *client, uint64_t now) {
    if (client->cells_lack) return;
    mmfbus__node *next;
    for (mmfbus__node *node = client->line.next; node != &client->line; node = next) {
        mmfbus__call *call = MMFBUS__OWNER(node, mmfbus__call, node);
        next = node->next;
        mmfbus_status status = mmfbus__place_call(client, call, now);
        if (status == MMFBUS_FULL) return;
        if (status == MMFBUS_OK) continue;
        if (call->is_pinned) {
            mmfbus__settle(client, call, MMFBUS_SERVER_DIED, MMFBUS_STARTED_NO, NULL);
        } else if (status != MMFBUS_NO_SERVER || now >= call->wait_until) {
            mmfbus__settle(client, call, status, MMFBUS_STARTED_NO, NULL);
        }
    }
}

/* -- Items of streams of inputs */

static unsigned char *mmfbus__write_item(mmfbus_client *client, const mmfbus__call *call, uint8_t kind, unsigned char *envelope) {
    uint16_t cell = (uint16_t)call->cell;
    memset(envelope, 0, MMFBUS__ENVELOPE_INCARNATION);
    envelope[MMFBUS__ENVELOPE_KIND] = kind;
    memcpy(envelope + MMFBUS__ENVELOPE_CELL, &cell, sizeof cell);
    mmfbus__put32(envelope + MMFBUS__ENVELOPE_METHOD, call->hash);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_ID, call->id);
    mmfbus__put64(envelope + MMFBUS__ENVELOPE_MAILBOX, client->mailbox_id);
    return envelope + MMFBUS__ENVELOPE_INCARNATION;
}

/* Appends to an inbox what needs no guard: a server that drains takes it. */
static mmfbus_status mmfbus__publish_unguarded(mmfbus__link *link, const void *head, size_t head_length, const void *data,
                                               size_t length, mmfbus__progress *progress) {
    link->publisher->may_publish = NULL;
    mmfbus_status status = mmfbus__publish_on(link->publisher, head, head_length, data, length, progress);
    link->publisher->may_publish = mmfbus__takes_calls;
    if (status == MMFBUS_OK) return MMFBUS_OK;
    link->lacks_room = true;
    link->room_needed = mmfbus__room_needed(link->publisher, head_length + length);
    return status == MMFBUS_BUSY ? MMFBUS_FULL : status;
}

/* Whether an item of a stream of inputs cannot be sent now. It is looked for again before the client sleeps; then the server rings. */
static bool mmfbus__lacks_credit(mmfbus_client *client, mmfbus__call *call) {
    bool lacks = call->is_in_line || !mmfbus__awaits_credit(mmfbus__cell(&client->mailbox->base, call->cell), MMFBUS__CELL_ACCEPTED,
                                                            call->sent, MMFBUS__CALLER_WAITS);
    mmfbus__set_lacks_credit(client, call, lacks);
    return lacks;
}

/* The end of the stream, as soon as there is room. */
static void mmfbus__send_end(mmfbus_client *client, mmfbus__call *call) {
    unsigned char envelope[MMFBUS__ENVELOPE_INCARNATION];
    mmfbus__progress progress = {0, {0}};
    if (call->link == NULL || call->link->sending != NULL || call->is_in_line) return;
    /* Only who has started the call can take it. */
    if (call->sent == 0 && mmfbus__lacks_credit(client, call)) return;
    mmfbus__write_item(client, call, MMFBUS__ENVELOPE_END, envelope);
    if (mmfbus__publish_unguarded(call->link, envelope, sizeof envelope, NULL, 0, &progress) != MMFBUS_OK) return;
    call->end_was_sent = true;
    client->ends_wanted--;
}

static void mmfbus__send_ends(mmfbus_client *client) {
    mmfbus__node *next;
    for (mmfbus__node *node = client->sent.next; client->ends_wanted > 0 && node != &client->sent; node = next) {
        mmfbus__call *call = MMFBUS__OWNER(node, mmfbus__call, node);
        next = node->next;
        if (call->wants_end && !call->end_was_sent) mmfbus__send_end(client, call);
    }
}

/* Goes on with a message that is in the inbox in part. */
static void mmfbus__send_on(mmfbus_client *client, mmfbus__link *link) {
    mmfbus__call *call = link->sending;
    mmfbus_status status;
    if (call->item != NULL) {
        mmfbus__chunk *item = call->item;
        status = mmfbus__publish_unguarded(link, NULL, 0, mmfbus__bytes_of(item), item->length, &item->progress);
    } else {
        status = mmfbus__publish_on(link->publisher, NULL, 0, call->message, call->length, &call->progress);
    }
    if (status == MMFBUS_FULL || status == MMFBUS_BUSY) {
        link->lacks_room = true;
        return;
    }
    link->sending = NULL;
    if (call->item != NULL) {
        mmfbus__free_chunk(&client->pool, call->item);
        call->item = NULL;
    } else if (call->is_one_way) {
        if (status == MMFBUS_OK) {
            mmfbus__settle(client, call, MMFBUS_OK, MMFBUS_STARTED_MAYBE, NULL);
        } else {
            mmfbus__put_in_line(client, call);
        }
    } else if (status != MMFBUS_OK && mmfbus__withdraw(client, call->cell)) {
        mmfbus__move(client, call);
    }
}

/* ========================================================================================================= Answers
 * == Answers
 */

/* Whether an answer can be of that server. One that has left may have had the slot before another. */
static bool mmfbus__comes_from(const mmfbus_client *client, uint32_t publisher, const mmfbus__link *link) {
    const mmfbus__participant *p = &client->mailbox->base;
    if ((uint64_t)mmfbus__load64(mmfbus__slot(p, publisher) + MMFBUS__SLOT_DETAIL) == link->inbox) return true;
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        const unsigned char *place = mmfbus__slot(p, slot);
        if (mmfbus__load32(place + MMFBUS__SLOT_STATE) == MMFBUS__STATE_PUBLISHER &&
            (uint64_t)mmfbus__load64(place + MMFBUS__SLOT_DETAIL) == link->inbox) {
            return false;
        }
    }
    return true;
}

/* A copy of text and data of an answer; NULL where there is no memory. */
static mmfbus__chunk *mmfbus__keep_answer(mmfbus_client *client, const unsigned char *text, size_t text_length,
                                          const unsigned char *data, size_t length) {
    mmfbus__chunk *chunk = mmfbus__new_chunk(&client->pool, length + text_length + 2);
    if (chunk == NULL) return NULL;
    unsigned char *bytes = mmfbus__bytes_of(chunk);
    if (length > 0) memcpy(bytes, data, length);
    bytes[length] = 0;
    if (text_length > 0) memcpy(bytes + length + 1, text, text_length);
    bytes[length + 1 + text_length] = 0;
    chunk->length = length;
    chunk->name = (const char *)bytes + length + 1;
    chunk->message = (const char *)bytes;
    return chunk;
}

static mmfbus_status mmfbus__status_of(uint8_t kind) {
    switch (kind) {
    case MMFBUS__ANSWER_ERROR: return MMFBUS_DECLARED;
    case MMFBUS__ANSWER_REMOTE: return MMFBUS_REMOTE;
    case MMFBUS__ANSWER_BUSY: return MMFBUS_BUSY;
    case MMFBUS__ANSWER_REFUSED: return MMFBUS_REFUSED;
    case MMFBUS__ANSWER_NO_METHOD: return MMFBUS_NO_METHOD;
    default: return MMFBUS_OK;
    }
}

static void mmfbus__take_answer_of(mmfbus_client *client, const mmfbus_message *message) {
    const unsigned char *bytes = (const unsigned char *)message->data;
    uint16_t cell;
    if (message->length < MMFBUS__ANSWER_SIZE) return;
    uint8_t kind = bytes[MMFBUS__ANSWER_KIND];
    memcpy(&cell, bytes + MMFBUS__ANSWER_CELL, sizeof cell);
    size_t text_length = mmfbus__peek32(bytes + MMFBUS__ANSWER_TEXT_LENGTH), body = message->length - MMFBUS__ANSWER_SIZE;
    uint64_t id = mmfbus__peek64(bytes + MMFBUS__ANSWER_ID);
    if (cell >= MMFBUS__CELLS || text_length > body || kind < MMFBUS__ANSWER_VALUE || kind > MMFBUS__ANSWER_NO_METHOD) return;
    mmfbus__client_cell *own = &client->cells[cell];
    if (own->link == NULL || own->id != id || !mmfbus__comes_from(client, message->publisher, own->link)) return;
    MMFBUS_STEP("call: answer read");
    mmfbus__call *call = own->call;
    mmfbus__link *link = own->link;
    const unsigned char *text = bytes + MMFBUS__ANSWER_SIZE;
    size_t start = (text_length + 7) & ~(size_t)7;
    if (start > body) start = body;
    if (kind == MMFBUS__ANSWER_ITEM) {
        if (call == NULL) return;
        mmfbus__chunk *item = mmfbus__keep_answer(client, text, 0, text + start, body - start);
        if (item == NULL) {
            mmfbus__give_up(client, call, MMFBUS_NO_MEMORY);
            return;
        }
        item->cost = (uint32_t)message->length;
        item->is_value = true;
        mmfbus__push_chunk(&call->items, item);
        mmfbus__tell_ready(client, call);
        return;
    }
    /* Whether it was not started, and never will be. */
    bool was_waiting = kind > MMFBUS__ANSWER_REMOTE && mmfbus__withdraw(client, cell);
    if (!was_waiting) mmfbus__free_cell(client, cell);
    if (call == NULL) return;
    if (kind != MMFBUS__ANSWER_REFUSED && was_waiting && !call->is_pinned) {
        call->is_avoided[link->slot / 8] |= (unsigned char)(1u << link->slot % 8);
        call->avoidance = mmfbus__status_of(kind);
        mmfbus__put_in_line(client, call);
        return;
    }
    mmfbus__chunk *last = NULL;
    mmfbus_status status = mmfbus__status_of(kind);
    if (kind <= MMFBUS__ANSWER_REMOTE || kind == MMFBUS__ANSWER_REFUSED) {
        last = mmfbus__keep_answer(client, text, text_length, text + start, body - start);
        if (last == NULL) status = MMFBUS_NO_MEMORY;
    }
    if (last != NULL) last->is_value = kind == MMFBUS__ANSWER_VALUE;
    mmfbus__settle(client, call, status, was_waiting ? MMFBUS_STARTED_NO : MMFBUS_STARTED_MAYBE, last);
}

static mmfbus_status mmfbus__open_mailbox(mmfbus_client *client) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    int64_t id = mmfbus__new_nonce();
    if (id == 0) return MMFBUS_OS_ERROR;
    client->mailbox_id = (uint64_t)id;
    mmfbus__name_segment(segment, client->service, "replies", client->mailbox_id);
    mmfbus_options options = mmfbus__segment_options(segment, "mmfbus~replies", MMFBUS__MAILBOX_SLOTS, client->name);
    const mmfbus__joining joining = {MMFBUS__PATTERN_REPLIES, &client->port, 0, 0};
    mmfbus_status status = mmfbus__open_subscriber(&client->mailbox, &options, &joining);
    if (status != MMFBUS_OK) return status;
    /* Servers are watched in the registry. */
    client->mailbox->watched = 0;
    MMFBUS_STEP("client: mailbox joined");
    return MMFBUS_OK;
}

static void mmfbus__drop_link(mmfbus__link *link) {
    mmfbus__unlink_node(&link->node);
    if (link->publisher != NULL) mmfbus__close_publisher(link->publisher);
    mmfbus__free_contract(link->contract);
    MMFBUS_FREE(link);
}

/* The mailbox is broken: ends all calls that count on it, and makes a new one. */
static void mmfbus__lose_mailbox(mmfbus_client *client) {
    for (uint32_t cell = 0; cell < MMFBUS__CELLS; cell++) {
        mmfbus__client_cell own = client->cells[cell];
        if (own.link == NULL) continue;
        if (mmfbus__withdraw(client, cell)) {
            if (own.call != NULL) mmfbus__move(client, own.call);
            continue;
        }
        if (mmfbus__exchange(mmfbus__cell(&client->mailbox->base, cell), own.id, MMFBUS__CELL_STARTED, MMFBUS__CELL_CANCELLED)) {
            mmfbus__ring_segment_owner(&own.link->publisher->base);
        }
        memset(&client->cells[cell], 0, sizeof client->cells[cell]);
        if (own.call != NULL) mmfbus__settle(client, own.call, MMFBUS_MAILBOX_LOST, MMFBUS_STARTED_MAYBE, NULL);
    }
    client->cells_used = 0;
    client->cells_lack = false;
    /* Inboxes say which mailbox it is. */
    while (!mmfbus__is_alone(&client->links)) mmfbus__drop_link(MMFBUS__OWNER(client->links.next, mmfbus__link, node));
    client->has_looked = false;
    mmfbus_subscriber_close(client->mailbox);
    client->mailbox = NULL;
    client->broken = mmfbus__open_mailbox(client);
}

/* Whether everything up to a tail that was loaded before was read, or that tail was no true one. */
static bool mmfbus__has_read(const mmfbus_subscriber *sub, int64_t least) {
    return sub->position >= least || mmfbus__load64(sub->base.memory + MMFBUS__HEADER_TAIL) < least;
}

/* Reads what is in the mailbox, at least up to that position. */
static void mmfbus__read_mailbox(mmfbus_client *client, int64_t least) {
    for (;;) {
        mmfbus_message message;
        mmfbus_status status = mmfbus_try_receive(client->mailbox, &message);
        if (status == MMFBUS_OK) mmfbus__take_answer_of(client, &message);
        if (status == MMFBUS_EMPTY && mmfbus__has_read(client->mailbox, least)) return;
        if (!mmfbus_is_error(status)) continue;
        mmfbus__lose_mailbox(client);
        return;
    }
}

/* -- Servers that come and go */

/* Ends what a server has that is gone: it died, or left. */
static void mmfbus__lose_server(mmfbus_client *client, mmfbus__link *link, bool has_died) {
    link->is_serving = false;
    /* Loaded after it was seen that the server is gone: everything that it has answered lies before. */
    mmfbus__read_mailbox(client, mmfbus__load64(client->mailbox->base.memory + MMFBUS__HEADER_TAIL));
    /* The mailbox was broken: then there are no links any more. */
    if (!client->has_looked) return;
    for (uint32_t cell = 0; cell < MMFBUS__CELLS && client->cells_used > 0; cell++) {
        mmfbus__client_cell own = client->cells[cell];
        if (own.link != link) continue;
        bool is_withdrawn = mmfbus__withdraw(client, cell);
        if (!is_withdrawn) {
            if (own.call != NULL) mmfbus__forget_sending(client, own.call);
            mmfbus__free_cell(client, cell);
        }
        if (own.call == NULL) continue;
        if (has_died) own.call->deaths++;
        if (!is_withdrawn) own.call->may_have_started = true;
        const mmfbus__method *theirs = mmfbus__method_for(link, own.call);
        bool is_idempotent = theirs != NULL && theirs->is_idempotent && (own.call->method == NULL || own.call->method->is_idempotent);
        bool goes_on = (is_withdrawn || is_idempotent) && own.call->deaths <= 2 && !own.call->is_pinned;
        if (goes_on) {
            mmfbus__move(client, own.call);
        } else {
            mmfbus__settle(client, own.call, MMFBUS_SERVER_DIED, MMFBUS_STARTED_NO, NULL);
        }
    }
    if (link->sending != NULL) {
        /* A one-way call, of which the server had a part. */
        mmfbus__call *call = link->sending;
        link->sending = NULL;
        mmfbus__put_in_line(client, call);
    }
    if (has_died) {
        mmfbus__participant *mailbox = &client->mailbox->base;
        uint32_t used = mmfbus__slots_used(mailbox);
        for (uint32_t slot = 0; slot < used; slot++) {
            if (mmfbus__load64(mmfbus__slot(mailbox, slot) + MMFBUS__SLOT_NONCE) != link->nonce) continue;
            if (mmfbus__is_dead(mailbox, slot, link->nonce)) mmfbus__mark_dead(mailbox, slot, link->nonce);
        }
        mmfbus__sweep_service(client->service);
    }
    mmfbus__drop_link(link);
}

/* Whether the server is gone, and how. */
static bool mmfbus__is_gone(const mmfbus_client *client, const mmfbus__link *link, bool *has_died) {
    const mmfbus__participant *p = mmfbus__registry_of(client);
    const unsigned char *place = mmfbus__slot(p, link->slot);
    bool is_there = mmfbus__load64(place + MMFBUS__SLOT_NONCE) == link->nonce &&
                    mmfbus__load32(place + MMFBUS__SLOT_GENERATION) == link->generation &&
                    mmfbus__load32(place + MMFBUS__SLOT_STATE) == MMFBUS__STATE_PUBLISHER;
    bool is_dead = p->peers[link->slot].dead_nonce == link->nonce;
    uint32_t left = link->generation << MMFBUS__END_BITS | MMFBUS__ENDED_BY_LEAVING;
    *has_died = is_dead || mmfbus__load32(place + MMFBUS__SLOT_LAST_END) != left;
    return !is_there || is_dead;
}

static mmfbus__link *mmfbus__link_of_slot(const mmfbus_client *client, uint32_t slot) {
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (link->slot == slot) return link;
    }
    return NULL;
}

/* Takes note of a server that has come. */
static void mmfbus__meet(mmfbus_client *client, uint32_t slot, uint64_t now) {
    const mmfbus__participant *p = mmfbus__registry_of(client);
    const unsigned char *place = mmfbus__slot(p, slot);
    mmfbus__identity owner;
    if (slot >= MMFBUS__SERVICE_SLOTS || mmfbus__load32(place + MMFBUS__SLOT_STATE) != MMFBUS__STATE_PUBLISHER) return;
    if (mmfbus__load32(place + MMFBUS__SLOT_PHASE) != MMFBUS__PHASE_SERVING || mmfbus__link_of_slot(client, slot) != NULL) return;
    mmfbus__link *link = (mmfbus__link *)mmfbus__allocate_zeroed(sizeof *link);
    if (link == NULL) return;
    mmfbus__isolate(&link->node);
    link->slot = slot;
    link->generation = mmfbus__load32(place + MMFBUS__SLOT_GENERATION);
    link->nonce = mmfbus__load64(place + MMFBUS__SLOT_NONCE);
    link->inbox = (uint64_t)mmfbus__load64(place + MMFBUS__SLOT_DETAIL);
    if (mmfbus__read_identity(p, slot, link->nonce, &owner)) link->pid = owner.pid;
    mmfbus__copy_name(link->name, p, slot);
    /* Another one may have taken the slot meanwhile, which raises the epoch. */
    if (mmfbus__load32(place + MMFBUS__SLOT_GENERATION) != link->generation || link->nonce == 0) {
        MMFBUS_FREE(link);
        return;
    }
    for (uint32_t index = 0; index < client->table_size; index++) {
        client->table[index]->is_avoided[slot / 8] &= (unsigned char)~(1u << slot % 8);
    }
    link->is_serving = true;
    mmfbus__append_node(&client->links, &link->node);
    mmfbus_status status = mmfbus__join_inbox(client, link);
    if (status == MMFBUS_OK || status == MMFBUS_INVALID_ARGUMENT) return;
    link->avoided_until = now + MMFBUS__AVOIDED;
    mmfbus__wake_by(client, link->avoided_until);
}

/* Looks who serves. */
static void mmfbus__look_at_servers(mmfbus_client *client, uint64_t now) {
    mmfbus__participant *p = mmfbus__registry_of(client);
    mmfbus__node *next;
    bool has_died;
    client->epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    client->has_looked = true;
    for (mmfbus__node *node = client->links.next; node != &client->links; node = next) {
        mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        next = node->next;
        if (mmfbus__is_gone(client, link, &has_died)) {
            mmfbus__lose_server(client, link, has_died);
            if (!client->has_looked) return;
        } else if (link->is_serving &&
                   mmfbus__load32(mmfbus__slot(p, link->slot) + MMFBUS__SLOT_PHASE) != MMFBUS__PHASE_SERVING) {
            /* SYNC: draining. Loaded after the epoch, which the server has raised after it stored this. */
            link->is_serving = false;
        }
    }
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) mmfbus__meet(client, slot, now);
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        const mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (!link->is_serving) mmfbus__move_waiting(client, link);
    }
}

/* Whether a server has said that it cannot answer; said once. */
static bool mmfbus__was_refused(const mmfbus__link *link) {
    if (link->publisher == NULL) return false;
    const mmfbus__participant *p = &link->publisher->base;
    unsigned char *word = mmfbus__refused_word(p, p->slot);
    /* SYNC: refused. Loaded after this client has said that it sleeps, or when its bell has rung. */
    return mmfbus__load32(word) == p->generation && mmfbus__swap32(word, p->generation, 0);
}

static void mmfbus__look_at_links(mmfbus_client *client, uint64_t now) {
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (mmfbus__was_refused(link)) {
            link->avoided_until = now + MMFBUS__AVOIDED;
            mmfbus__wake_by(client, link->avoided_until);
            mmfbus__move_waiting(client, link);
        }
        if (link->sending != NULL) mmfbus__send_on(client, link);
        if (link->publisher == NULL && link->is_serving && link->avoided_until <= now && link->avoided_until != 0) {
            mmfbus_status status = mmfbus__join_inbox(client, link);
            link->avoided_until = status == MMFBUS_OK || status == MMFBUS_INVALID_ARGUMENT ? 0 : now + MMFBUS__AVOIDED;
            if (link->avoided_until != 0) mmfbus__wake_by(client, link->avoided_until);
        }
    }
}

/* Gives up what is over, and finds the next time at which something is. */
static void mmfbus__keep_deadlines(mmfbus_client *client, uint64_t now) {
    client->wake_at = UINT64_MAX;
    for (uint32_t index = 0; index < client->table_size; index++) {
        mmfbus__call *call = client->table[index];
        if (call->number == 0 || call->has_ended) continue;
        if (now >= call->deadline) {
            mmfbus__give_up(client, call, MMFBUS_TIMEOUT);
            continue;
        }
        mmfbus__wake_by(client, call->deadline);
        if (call->is_in_line && call->wait_until > now) mmfbus__wake_by(client, call->wait_until);
    }
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        const mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (link->avoided_until > now) mmfbus__wake_by(client, link->avoided_until);
    }
}

static void mmfbus__client_awake(mmfbus_client *client) {
    for (mmfbus__participant *p = client->port.sharers; p != NULL; p = p->next_sharer) mmfbus__awake(p);
}

/* Does all that there is to do, and does not wait. */
static mmfbus_status mmfbus__client_step(mmfbus_client *client) {
    if (client->broken != MMFBUS_OK) return client->broken;
    if (mmfbus__is_forked(mmfbus__registry_of(client))) return MMFBUS_FORKED;
    mmfbus__client_awake(client);
    mmfbus__participant *registry = mmfbus__registry_of(client);
    mmfbus__reclaim_the_dead(registry);
    mmfbus__read_mailbox(client, 0);
    if (client->broken != MMFBUS_OK) return client->broken;
    uint64_t now = mmfbus_now();
    bool has_changed = !client->has_looked || mmfbus__load32(registry->memory + MMFBUS__HEADER_EPOCH) != client->epoch;
    if (has_changed || registry->has_dead) {
        mmfbus__look_at_servers(client, now);
        if (client->broken != MMFBUS_OK) return client->broken;
    }
    if (mmfbus__load32(registry->memory + MMFBUS__HEADER_CLOSED_EPOCH) != client->registry->closed_epoch) {
        mmfbus__pass_over(client->registry);
    }
    mmfbus__look_at_links(client, now);
    if (now >= client->wake_at) mmfbus__keep_deadlines(client, now);
    if (!mmfbus__is_alone(&client->line)) mmfbus__serve_line(client, now);
    if (client->ends_wanted > 0) mmfbus__send_ends(client);
    return MMFBUS_OK;
}

uint32_t mmfbus_client_time_left(const mmfbus_client *client) {
    return mmfbus__time_left(client->wake_at);
}

mmfbus_descriptor mmfbus_client_descriptor(const mmfbus_client *client) {
    return mmfbus__port_descriptor(&client->port);
}

/* Whether anything waits that the bell was rung for before this client slept. */
static bool mmfbus__client_has_news(mmfbus_client *client) {
    const mmfbus__participant *registry = mmfbus__registry_of(client);
    bool has_credit = false;
    if (mmfbus__load32(registry->memory + MMFBUS__HEADER_EPOCH) != client->epoch || registry->has_dead) return true;
    for (mmfbus__node *node = client->sent.next; client->credits_lacking > 0 && node != &client->sent; node = node->next) {
        mmfbus__call *call = MMFBUS__OWNER(node, mmfbus__call, node);
        if (call->lacks_credit && !mmfbus__lacks_credit(client, call)) has_credit = true;
    }
    if (has_credit) return true;
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        const mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (link->publisher == NULL) continue;
        const mmfbus__participant *p = &link->publisher->base;
        if (mmfbus__load32(mmfbus__refused_word(p, p->slot)) == p->generation) return true;
    }
    return false;
}

mmfbus_status mmfbus_client_arm(mmfbus_client *client) {
    if (client == NULL) return MMFBUS_INVALID_ARGUMENT;
    mmfbus_status status = mmfbus__client_step(client);
    if (status != MMFBUS_OK) return status;
    if (!mmfbus__is_alone(&client->ready)) return MMFBUS_READY;
    status = mmfbus_arm(client->registry);
    if (status == MMFBUS_OK) status = mmfbus_arm(client->mailbox);
    for (mmfbus__node *node = client->links.next; status == MMFBUS_OK && node != &client->links; node = node->next) {
        mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        bool waits = link->lacks_room && link->publisher != NULL;
        link->lacks_room = false;
        if (!waits) continue;
        status = mmfbus_publisher_arm(link->publisher, link->room_needed);
        /* The next look tries again. */
        if (status != MMFBUS_OK) link->lacks_room = true;
    }
    if (mmfbus_is_error(status)) status = MMFBUS_BUSY;
    /* The sleep was announced first: whatever others ring for is looked at again. */
    if (status == MMFBUS_OK && mmfbus__client_has_news(client)) status = MMFBUS_READY;
    if (status != MMFBUS_OK) {
        mmfbus__client_awake(client);
    } else if (client->wake_at != UINT64_MAX) {
        uint64_t now = mmfbus_now(), left = client->wake_at > now ? client->wake_at - now : 0;
        if (!mmfbus__registry_of(client)->watch_is_complete && left > MMFBUS__LOOK_AGAIN) left = MMFBUS__LOOK_AGAIN;
        mmfbus__wake_up_in(&client->port, left);
    }
    return status;
}

/* Sleeps until something happens, at most until then. */
static mmfbus_status mmfbus__client_rest(mmfbus_client *client, uint64_t deadline, uint32_t *turn) {
    mmfbus_status status = mmfbus_client_arm(client);
    if (status == MMFBUS_BUSY) {
        mmfbus__pause((*turn)++);
        return MMFBUS_OK;
    }
    if (status != MMFBUS_OK) return status == MMFBUS_READY ? MMFBUS_OK : status;
    *turn = 0;
    uint32_t left = mmfbus__time_left(deadline), own = mmfbus__time_left(client->wake_at);
    if (own < left) left = own;
    /* Where a life line could not be opened the dead are looked for now and then. */
    if (!mmfbus__registry_of(client)->watch_is_complete && left > 1000) left = 1000;
    if (mmfbus__load32(&client->interrupted) == 0) mmfbus__wait(&client->port, left);
    return MMFBUS_OK;
}

/* What a function waits for. */
typedef bool (*mmfbus__has_come)(mmfbus_client *client, void *context);

/* Waits until it has come: MMFBUS_OK, MMFBUS_TIMEOUT, MMFBUS_CANCELLED. */
static mmfbus_status mmfbus__client_wait(mmfbus_client *client, mmfbus__has_come has_come, void *context, uint64_t deadline) {
    uint64_t began = 0;
    uint32_t turn = 0;
    for (;;) {
        mmfbus_status status = mmfbus__client_step(client);
        if (status != MMFBUS_OK) return status;
        if (has_come(client, context)) return MMFBUS_OK;
        if (mmfbus__swap32(&client->interrupted, 1, 0)) return MMFBUS_CANCELLED;
        uint64_t now = mmfbus_now();
        if (now >= deadline) return MMFBUS_TIMEOUT;
        if (began == 0) began = now;
        if (client->poll_window == MMFBUS_FOREVER || now - began < (uint64_t)client->poll_window * 1000u) {
            mmfbus__relax();
            continue;
        }
        status = mmfbus__client_rest(client, deadline, &turn);
        if (status != MMFBUS_OK) return status;
    }
}

void mmfbus_client_interrupt(mmfbus_client *client) {
    mmfbus__store32(&client->interrupted, 1);
    mmfbus__ring_own_bell(&client->port);
}

/* -- Opening and closing */

mmfbus_status mmfbus_client_open(mmfbus_client **client, const mmfbus_client_options *options) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    mmfbus__detail[0] = 0;
    if (client == NULL) return MMFBUS_INVALID_ARGUMENT;
    *client = NULL;
    if (options == NULL || options->struct_size != sizeof *options) {
        return mmfbus__refuse(MMFBUS_INVALID_ARGUMENT, "begin with mmfbus_client_options_init(), of the header that was compiled");
    }
    mmfbus_status status = mmfbus__check_service(options->service, options->name);
    if (status != MMFBUS_OK) return status;
    mmfbus_client *made = (mmfbus_client *)mmfbus__allocate_zeroed(sizeof *made);
    if (made == NULL) return MMFBUS_NO_MEMORY;
    mmfbus__isolate(&made->links);
    mmfbus__isolate(&made->line);
    mmfbus__isolate(&made->sent);
    mmfbus__isolate(&made->ready);
    made->wake_at = UINT64_MAX;
    made->wait_for_server = options->wait_for_server;
    made->timeout = options->timeout != 0 ? options->timeout : 30000;
    made->poll_window = options->poll_window_us != 0 ? options->poll_window_us : MMFBUS__DEFAULT_POLL_WINDOW;
    memcpy(made->service, options->service, strlen(options->service));
    if (options->name != NULL) memcpy(made->name, options->name, strlen(options->name));
    if (options->contract != NULL) {
        status = mmfbus__make_contract(&made->contract, options->contract, strlen(options->contract));
        if (status == MMFBUS_INVALID_ARGUMENT) mmfbus__refuse(status, "contract is not the text of one");
    }
    bool has_port = status == MMFBUS_OK;
    if (has_port) status = mmfbus__open_service_port(&made->port);
    mmfbus_options joined = mmfbus__registry_options(segment, made->service, made->name);
    joined.not_discoverable = options->not_discoverable;
    const mmfbus__joining joining = {MMFBUS__PATTERN_REGISTRY, &made->port, 0, 0};
    if (status == MMFBUS_OK) status = mmfbus__open_subscriber(&made->registry, &joined, &joining);
    if (status == MMFBUS_OK) {
        mmfbus__register(&made->registry->base.registration);
        MMFBUS_STEP("client: registry joined");
        mmfbus__sweep_service(made->service);
        status = mmfbus__open_mailbox(made);
    }
    if (status == MMFBUS_OK) {
        *client = made;
        return MMFBUS_OK;
    }
    mmfbus_subscriber_close(made->registry);
    if (has_port) mmfbus__close_port(&made->port);
    mmfbus__free_contract(made->contract);
    MMFBUS_FREE(made);
    return status;
}

void mmfbus_client_close(mmfbus_client *client) {
    if (client == NULL) return;
    bool is_forked = mmfbus__is_forked(mmfbus__registry_of(client));
    for (uint32_t index = 0; index < client->table_size; index++) {
        mmfbus__call *call = client->table[index];
        if (call->number != 0 && !call->has_ended && !is_forked && client->mailbox != NULL) {
            mmfbus__give_up(client, call, MMFBUS_CANCELLED);
        }
        mmfbus__free_chunks(&client->pool, &call->items);
        mmfbus__free_chunk(&client->pool, call->last);
        mmfbus__free_chunk(&client->pool, call->item);
        MMFBUS_FREE(call->message);
        MMFBUS_FREE(call);
    }
    MMFBUS_STEP("leave: calls given up");
    mmfbus__free_chunk(&client->pool, client->delivered);
    mmfbus__empty_pool(&client->pool);
    while (!mmfbus__is_alone(&client->links)) mmfbus__drop_link(MMFBUS__OWNER(client->links.next, mmfbus__link, node));
    MMFBUS_STEP("leave: inboxes left");
    mmfbus_subscriber_close(client->mailbox);
    MMFBUS_STEP("leave: mailbox left");
    mmfbus_subscriber_close(client->registry);
    mmfbus__close_port(&client->port);
    mmfbus__free_contract(client->contract);
    MMFBUS_FREE(client->table);
    MMFBUS_FREE(client);
}

/* -- Calls of the program */

static mmfbus__call *mmfbus__find_call(const mmfbus_client *client, uint64_t number) {
    uint32_t index = (uint32_t)(number & 0xfffff);
    if (number == 0 || index >= client->table_size) return NULL;
    return client->table[index]->number == number ? client->table[index] : NULL;
}

/* A call that is free, with room for a message of that length. */
static mmfbus__call *mmfbus__new_call(mmfbus_client *client, size_t length) {
    mmfbus__call *call = NULL;
    for (uint32_t index = 0; client->free_count > 0 && index < client->table_size && call == NULL; index++) {
        if (client->table[index]->number == 0) call = client->table[index];
    }
    if (call == NULL) {
        if (client->table_size == 0xfffff) return NULL;
        if ((client->table_size & (client->table_size - 1)) == 0) {
            size_t size = client->table_size == 0 ? 1 : (size_t)client->table_size * 2;
            mmfbus__call **table = (mmfbus__call **)MMFBUS_REALLOC(client->table, size * sizeof *table);
            if (table == NULL) return NULL;
            client->table = table;
        }
        call = (mmfbus__call *)mmfbus__allocate_zeroed(sizeof *call);
        if (call == NULL) return NULL;
        mmfbus__isolate(&call->node);
        mmfbus__isolate(&call->ready);
        call->index = client->table_size;
        client->table[client->table_size++] = call;
        client->free_count++;
    }
    if (length > call->capacity) {
        unsigned char *message = (unsigned char *)MMFBUS_REALLOC(call->message, length);
        if (message == NULL) return NULL;
        call->message = message;
        call->capacity = length;
    }
    client->free_count--;
    return call;
}

static void mmfbus__release_call(mmfbus_client *client, mmfbus__call *call) {
    mmfbus__unlink_node(&call->node);
    mmfbus__unlink_node(&call->ready);
    if (call->capacity > MMFBUS__LARGEST_SPARE) {
        MMFBUS_FREE(call->message);
        call->message = NULL;
        call->capacity = 0;
    }
    call->number = 0;
    client->free_count++;
}

/* Begins a call: to any server, or to one. */
static mmfbus_status mmfbus__begin_call(mmfbus_client *client, const char *method, const void *input, size_t length, uint32_t timeout,
                                        bool is_one_way, mmfbus__link *pinned, mmfbus__call **begun) {
    if (client == NULL || method == NULL || (input == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    if (client->broken != MMFBUS_OK) return client->broken;
    if (mmfbus__is_forked(mmfbus__registry_of(client))) return MMFBUS_FORKED;
    if (strlen(method) > MMFBUS__METHOD_NAME) return MMFBUS_NO_METHOD;
    const mmfbus__method *own = client->contract == NULL ? NULL : mmfbus__method_named(client->contract, method);
    if (client->contract != NULL && own == NULL) return MMFBUS_NO_METHOD;
    if (own != NULL && (own->output.length == 0) != is_one_way) return MMFBUS_INVALID_ARGUMENT;
    if (own != NULL && mmfbus__is_stream(own->input) && length > 0) return MMFBUS_INVALID_ARGUMENT;
    if (length > client->mailbox->base.geometry.max_message - MMFBUS__ENVELOPE_SIZE) return MMFBUS_TOO_LARGE;
    mmfbus__call *call = mmfbus__new_call(client, MMFBUS__ENVELOPE_SIZE + length);
    if (call == NULL) return MMFBUS_NO_MEMORY;
    if (++client->last_number >> 43 != 0) client->last_number = 1;
    call->number = client->last_number << 20 | call->index;
    call->context = NULL;
    call->method = own;
    memcpy(call->name, method, strlen(method) + 1);
    call->hash = mmfbus__method_hash(method);
    call->is_one_way = is_one_way;
    call->has_ended = false;
    call->deadline = mmfbus__deadline(timeout != 0 ? timeout : client->timeout);
    call->length = MMFBUS__ENVELOPE_SIZE + length;
    if (length > 0) memcpy(call->message + MMFBUS__ENVELOPE_SIZE, input, length);
    memset(&call->progress, 0, sizeof call->progress);
    call->pinned = pinned;
    call->is_pinned = pinned != NULL;
    call->deaths = call->pid = 0;
    call->may_have_started = false;
    call->server[0] = 0;
    memset(call->is_avoided, 0, sizeof call->is_avoided);
    call->item = call->last = NULL;
    call->items.first = NULL;
    call->wants_end = call->end_was_sent = false;
    mmfbus__wake_by(client, call->deadline);
    mmfbus__put_in_line(client, call);
    *begun = call;
    return MMFBUS_OK;
}

/* Hands out the next answer to a call, which is over after its last one. False where there is none. */
static bool mmfbus__deliver(mmfbus_client *client, mmfbus__call *call, mmfbus_answer *answer) {
    mmfbus__chunk *chunk = mmfbus__shift_chunk(&call->items);
    bool is_item = chunk != NULL;
    if (!is_item && !call->has_ended) return false;
    if (!is_item) chunk = call->last;
    memset(answer, 0, sizeof *answer);
    answer->call = call->number;
    answer->context = call->context;
    answer->is_last = !is_item;
    answer->status = is_item ? MMFBUS_OK : call->status;
    answer->started = !is_item && call->status != MMFBUS_OK ? call->started : MMFBUS_STARTED_MAYBE;
    answer->name = answer->message = "";
    answer->pid = call->pid;
    memcpy(client->delivered_server, call->server, sizeof client->delivered_server);
    answer->server = client->delivered_server;
    if (chunk != NULL) {
        answer->is_value = chunk->is_value;
        bool is_text = answer->status == MMFBUS_REMOTE || answer->status == MMFBUS_REFUSED;
        if (answer->status == MMFBUS_DECLARED || answer->status == MMFBUS_REMOTE) answer->name = chunk->name;
        if (is_text) answer->message = chunk->message;
        answer->data = is_text ? NULL : mmfbus__bytes_of(chunk);
        answer->length = is_text ? 0 : chunk->length;
    }
    mmfbus__free_chunk(&client->pool, client->delivered);
    client->delivered = chunk;
    if (!is_item) {
        call->last = NULL;
        mmfbus__release_call(client, call);
        return true;
    }
    call->taken += chunk->cost;
    if (call->taken >= MMFBUS__CREDIT_STEP && !call->has_ended && call->link != NULL) {
        unsigned char *cell = mmfbus__cell(&client->mailbox->base, call->cell);
        bool waits = mmfbus__raise_credit(cell, MMFBUS__CELL_GRANTED, call->taken, MMFBUS__SERVER_WAITS);
        MMFBUS_STEP("call: credit raised");
        call->taken = 0;
        if (waits) mmfbus__ring_segment_owner(&call->link->publisher->base);
    }
    if (call->items.first == NULL && !call->has_ended) mmfbus__unlink_node(&call->ready);
    return true;
}

mmfbus_status mmfbus_call_begin(mmfbus_client *client, const char *method, const void *input, size_t length, uint32_t timeout,
                                void *context, uint64_t *call) {
    mmfbus__call *begun;
    if (call == NULL) return MMFBUS_INVALID_ARGUMENT;
    *call = 0;
    mmfbus_status status = mmfbus__begin_call(client, method, input, length, timeout, false, NULL, &begun);
    if (status != MMFBUS_OK) return status;
    begun->context = context;
    *call = begun->number;
    return mmfbus__client_step(client);
}

static bool mmfbus__call_has_come(mmfbus_client *client, void *context) {
    const mmfbus__call *call = (const mmfbus__call *)context;
    (void)client;
    return call->items.first != NULL || call->has_ended;
}

/* Waits for the next answer; an interruption gives the call up. */
static mmfbus_status mmfbus__await_call(mmfbus_client *client, mmfbus__call *call, mmfbus_answer *answer) {
    mmfbus_status status = mmfbus__client_wait(client, mmfbus__call_has_come, call, UINT64_MAX);
    if (status == MMFBUS_CANCELLED && !call->has_ended) {
        mmfbus__give_up(client, call, MMFBUS_CANCELLED);
    } else if (mmfbus_is_error(status) && !call->has_ended) {
        return status;
    }
    mmfbus__deliver(client, call, answer);
    return answer->status;
}

mmfbus_status mmfbus_call_next(mmfbus_client *client, uint64_t call, mmfbus_answer *answer) {
    mmfbus__call *found = client == NULL ? NULL : mmfbus__find_call(client, call);
    if (found == NULL || answer == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__await_call(client, found, answer);
}

mmfbus_status mmfbus_call(mmfbus_client *client, const char *method, const void *input, size_t length, uint32_t timeout,
                          mmfbus_answer *answer) {
    mmfbus__call *call;
    if (answer == NULL) return MMFBUS_INVALID_ARGUMENT;
    memset(answer, 0, sizeof *answer);
    answer->name = answer->message = answer->server = "";
    mmfbus_status status = mmfbus__begin_call(client, method, input, length, timeout, false, NULL, &call);
    if (status == MMFBUS_OK && call->method != NULL &&
        (mmfbus__is_stream(call->method->input) || mmfbus__is_stream(call->method->output))) {
        mmfbus__release_call(client, call);
        status = MMFBUS_INVALID_ARGUMENT;
    }
    answer->status = status;
    return status == MMFBUS_OK ? mmfbus__await_call(client, call, answer) : status;
}

mmfbus_status mmfbus_call_one_way(mmfbus_client *client, const char *method, const void *input, size_t length, uint32_t timeout) {
    mmfbus__call *call;
    mmfbus_answer answer;
    mmfbus_status status = mmfbus__begin_call(client, method, input, length, timeout, true, NULL, &call);
    return status == MMFBUS_OK ? mmfbus__await_call(client, call, &answer) : status;
}

mmfbus_status mmfbus_call_all(mmfbus_client *client, const char *method, const void *input, size_t length, uint32_t timeout,
                              mmfbus_take_answer take, void *context) {
    uint64_t numbers[MMFBUS__SERVICE_SLOTS];
    uint32_t count = 0, open;
    if (client == NULL || take == NULL || method == NULL) return MMFBUS_INVALID_ARGUMENT;
    /* What was found out last may be old. */
    mmfbus_status status = mmfbus__client_step(client);
    bool has_server = false;
    for (mmfbus__node *node = client->links.next; status == MMFBUS_OK && node != &client->links; node = node->next) {
        mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        mmfbus__call *call;
        if (!link->is_serving || link->publisher == NULL) continue;
        has_server = true;
        status = mmfbus__begin_call(client, method, input, length, timeout, false, link, &call);
        if (status != MMFBUS_OK) break;
        if (mmfbus__method_for(link, call) == NULL) {
            mmfbus__release_call(client, call);
            continue;
        }
        call->pid = link->pid;
        memcpy(call->server, link->name, sizeof call->server);
        numbers[count++] = call->number;
    }
    if (status == MMFBUS_OK && count == 0) status = has_server ? MMFBUS_NO_METHOD : MMFBUS_NO_SERVER;
    for (open = count; open > 0;) {
        open = 0;
        for (uint32_t index = 0; index < count; index++) {
            mmfbus_answer answer;
            mmfbus__call *call = mmfbus__find_call(client, numbers[index]);
            if (call == NULL) continue;
            if (status != MMFBUS_OK) {
                if (!call->has_ended) mmfbus__give_up(client, call, status);
                while (mmfbus__deliver(client, call, &answer) && !answer.is_last) continue;
                continue;
            }
            mmfbus__await_call(client, call, &answer);
            take(&answer, context);
            if (!answer.is_last) open++;
        }
    }
    return status;
}

void mmfbus_call_cancel(mmfbus_client *client, uint64_t call) {
    mmfbus__call *found = client == NULL ? NULL : mmfbus__find_call(client, call);
    if (found != NULL && !found->has_ended && !mmfbus__is_forked(mmfbus__registry_of(client))) {
        mmfbus__give_up(client, found, MMFBUS_CANCELLED);
    }
}

mmfbus_status mmfbus_call_try_send(mmfbus_client *client, uint64_t call, const void *item, size_t length) {
    unsigned char envelope[MMFBUS__ENVELOPE_INCARNATION];
    mmfbus__progress progress = {0, {0}};
    mmfbus__call *found = client == NULL ? NULL : mmfbus__find_call(client, call);
    if (found == NULL || (item == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    size_t cost = sizeof envelope + length;
    if (cost > client->mailbox->base.geometry.max_message) return MMFBUS_TOO_LARGE;
    mmfbus_status status = mmfbus__client_step(client);
    if (status != MMFBUS_OK) return status;
    if (found->has_ended) return MMFBUS_READY;
    if (found->wants_end) return MMFBUS_INVALID_ARGUMENT;
    if (mmfbus__lacks_credit(client, found)) {
        MMFBUS_STEP("call: waits for credit");
        return MMFBUS_FULL;
    }
    if (found->link->sending != NULL) return MMFBUS_FULL;
    mmfbus__write_item(client, found, MMFBUS__ENVELOPE_ITEM, envelope);
    if (cost <= mmfbus__max_whole(&found->link->publisher->base.geometry)) {
        status = mmfbus__publish_unguarded(found->link, envelope, sizeof envelope, item, length, &progress);
    } else {
        mmfbus__chunk *chunk = mmfbus__new_chunk(&client->pool, cost);
        if (chunk == NULL) return MMFBUS_NO_MEMORY;
        memcpy(mmfbus__bytes_of(chunk), envelope, sizeof envelope);
        memcpy(mmfbus__bytes_of(chunk) + sizeof envelope, item, length);
        found->item = chunk;
        found->link->sending = found;
        mmfbus__send_on(client, found->link);
        status = MMFBUS_OK;
    }
    if (status != MMFBUS_OK) return status;
    MMFBUS_STEP("call: item sent");
    found->sent += (uint32_t)cost;
    return MMFBUS_OK;
}

typedef struct mmfbus__sending_item {
    uint64_t call;
    const void *item;
    size_t length;
    mmfbus_status status;
} mmfbus__sending_item;

static bool mmfbus__item_was_sent(mmfbus_client *client, void *context) {
    mmfbus__sending_item *sending = (mmfbus__sending_item *)context;
    sending->status = mmfbus_call_try_send(client, sending->call, sending->item, sending->length);
    return sending->status != MMFBUS_FULL;
}

mmfbus_status mmfbus_call_send(mmfbus_client *client, uint64_t call, const void *item, size_t length, uint32_t timeout) {
    mmfbus__sending_item sending = {call, item, length, MMFBUS_OK};
    if (client == NULL) return MMFBUS_INVALID_ARGUMENT;
    mmfbus_status status = mmfbus__client_wait(client, mmfbus__item_was_sent, &sending, mmfbus__deadline(timeout));
    return status == MMFBUS_OK ? sending.status : status;
}

mmfbus_status mmfbus_call_end(mmfbus_client *client, uint64_t call) {
    mmfbus__call *found = client == NULL ? NULL : mmfbus__find_call(client, call);
    if (found == NULL) return MMFBUS_INVALID_ARGUMENT;
    if (found->has_ended || found->wants_end) return MMFBUS_OK;
    found->wants_end = true;
    client->ends_wanted++;
    return mmfbus__client_step(client);
}

mmfbus_status mmfbus_try_answer(mmfbus_client *client, mmfbus_answer *answer) {
    if (client == NULL || answer == NULL) return MMFBUS_INVALID_ARGUMENT;
    if (mmfbus__is_alone(&client->ready)) {
        mmfbus_status status = mmfbus__client_step(client);
        if (status != MMFBUS_OK) return status;
        if (mmfbus__is_alone(&client->ready)) return MMFBUS_EMPTY;
    }
    mmfbus__call *call = MMFBUS__OWNER(client->ready.next, mmfbus__call, ready);
    return mmfbus__deliver(client, call, answer) ? MMFBUS_OK : MMFBUS_EMPTY;
}

static bool mmfbus__any_has_come(mmfbus_client *client, void *context) {
    (void)context;
    return !mmfbus__is_alone(&client->ready);
}

mmfbus_status mmfbus_next_answer(mmfbus_client *client, mmfbus_answer *answer, uint32_t timeout) {
    if (client == NULL || answer == NULL) return MMFBUS_INVALID_ARGUMENT;
    mmfbus_status status = mmfbus__client_wait(client, mmfbus__any_has_come, NULL, mmfbus__deadline(timeout));
    return status == MMFBUS_OK ? mmfbus_try_answer(client, answer) : status;
}

size_t mmfbus_client_servers(mmfbus_client *client, mmfbus_server_information *servers, size_t capacity) {
    size_t count = 0;
    if (client == NULL || mmfbus__client_step(client) != MMFBUS_OK) return 0;
    for (mmfbus__node *node = client->links.next; node != &client->links; node = node->next) {
        const mmfbus__link *link = MMFBUS__OWNER(node, mmfbus__link, node);
        if (count++ >= capacity) continue;
        mmfbus_server_information *server = &servers[count - 1];
        memset(server, 0, sizeof *server);
        server->pid = link->pid;
        memcpy(server->name, link->name, sizeof server->name);
        server->is_draining = !link->is_serving;
        if (link->publisher == NULL) continue;
        server->outstanding = mmfbus__work_of(link);
        for (uint32_t index = 0; index < MMFBUS__METHODS; index++) {
            const unsigned char *counters = mmfbus__method_counters(&link->publisher->base, index);
            if (mmfbus__peek32(counters + MMFBUS__METHOD_HASH) == 0) break;
            uint64_t started = mmfbus__peek64(counters + MMFBUS__METHOD_STARTED);
            uint64_t running = mmfbus__peek32(counters + MMFBUS__METHOD_RUNNING);
            server->served += started > running ? started - running : 0;
            server->errors += mmfbus__peek64(counters + MMFBUS__METHOD_FAILED);
            server->time += mmfbus__peek64(counters + MMFBUS__METHOD_TIME);
        }
    }
    return count;
}

/* ========================================================================================================= Serving
 * == Serving
 */

/* A client, as the server sees it: by its slot in the inbox. */
typedef struct mmfbus__caller {
    uint32_t slot, generation, pid;
    char name[MMFBUS__SLOT_NAME_SIZE + 1];
    uint64_t mailbox_id, incarnation;
    mmfbus_publisher *mailbox;
    mmfbus__chunks answers; /* that found no room */
    size_t kept;            /* bytes of these */
} mmfbus__caller;

typedef enum mmfbus__request_state { MMFBUS__QUEUED, MMFBUS__BEGUN, MMFBUS__OVER } mmfbus__request_state;

struct mmfbus_request {
    mmfbus__node node;
    mmfbus_server *server;
    mmfbus__request_state state;
    mmfbus__caller *caller; /* NULL for a one-way call, and where the client is gone */
    unsigned char *cell;    /* NULL likewise */
    uint32_t cell_index, method, pid, number;
    char name[MMFBUS__SLOT_NAME_SIZE + 1]; /* of the caller */
    uint64_t id, deadline, began;
    mmfbus__chunk *input;
    bool is_one_way;
    bool is_cancelled; /* as the handler was told */
    bool has_news;     /* to be told */
    bool awaits_credit;
    void *data;
    /* Streams. */
    mmfbus__chunks items;
    bool has_ended; /* no more items come */
    uint32_t sent, taken;
    mmfbus__chunk *item; /* that the handler looks at */
};

typedef struct mmfbus__served {
    const mmfbus__method *method;
    mmfbus_handler handler;
} mmfbus__served;

struct mmfbus_server {
    mmfbus__port port;
    char service[MMFBUS__MAX_SERVICE_NAME_LENGTH + 1], name[MMFBUS__SLOT_NAME_SIZE + 1];
    uint32_t concurrency, queue, poll_window;
    mmfbus__contract *contract;
    mmfbus__served served[MMFBUS__METHODS];
    mmfbus_publisher *registry;
    mmfbus_subscriber *inbox;
    uint64_t inbox_id, done, last_number;
    uint64_t wake_at; /* the next deadline of a call that runs; UINT64_MAX for none */
    uint32_t epoch; /* of the inbox, at the last look */
    mmfbus__caller *callers[MMFBUS__MAX_PARTICIPANTS];
    mmfbus__node queued, begun, over, spare; /* requests */
    uint32_t queued_count, begun_count, kept_count; /* callers with answers that found no room */
    bool is_draining;
    bool is_within; /* a handler or a callback runs */
    bool has_worked;
    mmfbus_status broken;
    uint32_t stopped;
    mmfbus__pool pool;
};

static mmfbus__participant *mmfbus__inbox_of(const mmfbus_server *server) {
    return &server->inbox->base;
}

/* -- What it shows of its calls; nothing depends on it */

static void mmfbus__add64(unsigned char *place, uint64_t more) {
    mmfbus__poke64(place, mmfbus__peek64(place) + more);
}

static uint32_t mmfbus__time_bucket(uint64_t time) {
    uint64_t units = time >> MMFBUS__TIME_UNIT_BITS;
    uint32_t highest = 0;
    if (units < 4) return (uint32_t)units;
    while (units >> highest > 1) highest++;
    uint32_t bucket = 4 * (highest - 1) + (uint32_t)(units >> (highest - 2) & 3);
    return bucket < MMFBUS__TIME_BUCKETS ? bucket : MMFBUS__TIME_BUCKETS - 1;
}

static void mmfbus__show_start(mmfbus_request *request) {
    mmfbus_server *server = request->server;
    unsigned char *counters = mmfbus__method_counters(mmfbus__inbox_of(server), request->method);
    mmfbus__poke32(counters + MMFBUS__METHOD_RUNNING, mmfbus__peek32(counters + MMFBUS__METHOD_RUNNING) + 1);
    mmfbus__add64(counters + MMFBUS__METHOD_STARTED, 1);
    request->began = mmfbus_now();
    request->number = (uint32_t)++server->last_number;
    unsigned char *entry = mmfbus__recent_call(mmfbus__inbox_of(server), request->number);
    mmfbus__poke32(entry + MMFBUS__RECENT_NUMBER, 0);
    mmfbus__poke64(entry + MMFBUS__RECENT_STARTED, request->began);
    mmfbus__poke64(entry + MMFBUS__RECENT_ENDED, 0);
    mmfbus__poke32(entry + MMFBUS__RECENT_METHOD, server->served[request->method].method->hash);
    mmfbus__poke32(entry + MMFBUS__RECENT_CALLER, request->pid);
    mmfbus__poke32(entry + MMFBUS__RECENT_OUTCOME, MMFBUS__OUTCOME_RUNNING);
    mmfbus__poke32(entry + MMFBUS__RECENT_NUMBER, request->number);
}

static void mmfbus__show_end(const mmfbus_request *request, uint32_t outcome) {
    unsigned char *counters = mmfbus__method_counters(mmfbus__inbox_of(request->server), request->method);
    uint64_t now = mmfbus_now(), time = now - request->began;
    mmfbus__poke32(counters + MMFBUS__METHOD_RUNNING, mmfbus__peek32(counters + MMFBUS__METHOD_RUNNING) - 1);
    if (outcome == MMFBUS__OUTCOME_FAILED) mmfbus__add64(counters + MMFBUS__METHOD_FAILED, 1);
    if (outcome == MMFBUS__OUTCOME_CANCELLED) mmfbus__add64(counters + MMFBUS__METHOD_CANCELLED, 1);
    mmfbus__add64(counters + MMFBUS__METHOD_TIME, time);
    if (time > mmfbus__peek64(counters + MMFBUS__METHOD_LONGEST)) mmfbus__poke64(counters + MMFBUS__METHOD_LONGEST, time);
    unsigned char *bucket = counters + MMFBUS__METHOD_TIMES + 4 * mmfbus__time_bucket(time);
    mmfbus__poke32(bucket, mmfbus__peek32(bucket) + 1);
    unsigned char *entry = mmfbus__recent_call(mmfbus__inbox_of(request->server), request->number);
    if (mmfbus__peek32(entry + MMFBUS__RECENT_NUMBER) != request->number) return;
    mmfbus__poke32(entry + MMFBUS__RECENT_OUTCOME, outcome);
    mmfbus__poke64(entry + MMFBUS__RECENT_ENDED, now);
}

/* -- Requests */

/* So many messages of the inbox are not touched again. */
static void mmfbus__raise_done(mmfbus_server *server) {
    server->done++;
    mmfbus__store64(mmfbus__own_slot(mmfbus__inbox_of(server)) + MMFBUS__SLOT_DONE, (int64_t)server->done);
    MMFBUS_STEP("server: done raised");
}

static mmfbus_request *mmfbus__new_request(mmfbus_server *server) {
    mmfbus_request *request;
    if (mmfbus__is_alone(&server->spare)) {
        request = (mmfbus_request *)MMFBUS_MALLOC(sizeof *request);
        if (request == NULL) return NULL;
    } else {
        request = MMFBUS__OWNER(server->spare.next, mmfbus_request, node);
        mmfbus__unlink_node(&request->node);
    }
    memset(request, 0, sizeof *request);
    mmfbus__isolate(&request->node);
    request->server = server;
    request->deadline = UINT64_MAX;
    return request;
}

/* Messages that came after the call are done with too. */
static void mmfbus__drop_items(mmfbus_request *request) {
    while (request->items.first != NULL) {
        mmfbus__free_chunk(&request->server->pool, mmfbus__shift_chunk(&request->items));
        mmfbus__raise_done(request->server);
    }
}

/* The server is done with a call; what it has of it is used again when no handler runs that may look at it. */
static void mmfbus__end_request(mmfbus_request *request) {
    mmfbus_server *server = request->server;
    if (request->state == MMFBUS__QUEUED) server->queued_count--;
    if (request->state == MMFBUS__BEGUN) server->begun_count--;
    request->state = MMFBUS__OVER;
    request->caller = NULL;
    request->cell = NULL;
    mmfbus__drop_items(request);
    mmfbus__raise_done(server);
    mmfbus__append_node(&server->over, &request->node);
}

static void mmfbus__recycle_requests(mmfbus_server *server) {
    while (!mmfbus__is_alone(&server->over)) {
        mmfbus_request *request = MMFBUS__OWNER(server->over.next, mmfbus_request, node);
        mmfbus__free_chunk(&server->pool, request->input);
        mmfbus__free_chunk(&server->pool, request->item);
        mmfbus__append_node(&server->spare, &request->node);
    }
}

/* Whether the call was given up: an unordered look, for handlers that look again and again. */
static bool mmfbus__was_given_up(const mmfbus_request *request) {
    if (request->is_cancelled) return true;
    if (request->deadline != UINT64_MAX && mmfbus_now() >= request->deadline) return true;
    if (request->is_one_way) return false;
    if (request->cell == NULL) return true;
    return mmfbus__peek32(request->cell + MMFBUS__CELL_WORD) != mmfbus__word(request->id, MMFBUS__CELL_STARTED);
}

static void mmfbus__tell_of_news(mmfbus_request *request) {
    request->has_news = true;
}

/* -- Callers */

/* The client is gone, or cannot be answered: drops its calls, and tells the handlers of those that run. */
static void mmfbus__drop_caller(mmfbus_server *server, mmfbus__caller *caller) {
    mmfbus__node *next;
    for (mmfbus__node *node = server->queued.next; node != &server->queued; node = next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        next = node->next;
        if (request->caller == caller) mmfbus__end_request(request);
    }
    for (mmfbus__node *node = server->begun.next; node != &server->begun; node = node->next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        if (request->caller != caller) continue;
        request->caller = NULL;
        request->cell = NULL;
        request->has_ended = true;
        mmfbus__tell_of_news(request);
    }
    if (caller->answers.first != NULL) server->kept_count--;
    mmfbus__free_chunks(&server->pool, &caller->answers);
    if (caller->mailbox != NULL) mmfbus__close_publisher(caller->mailbox);
    server->callers[caller->slot] = NULL;
    MMFBUS_FREE(caller);
}

static bool mmfbus__is_caller_there(const mmfbus_server *server, const mmfbus__caller *caller) {
    const unsigned char *place = mmfbus__slot(mmfbus__inbox_of(server), caller->slot);
    return mmfbus__load64(place + MMFBUS__SLOT_NONCE) != 0 &&
           mmfbus__load32(place + MMFBUS__SLOT_GENERATION) == caller->generation &&
           mmfbus__load32(place + MMFBUS__SLOT_STATE) == MMFBUS__STATE_PUBLISHER;
}

/* Looks which clients are gone. */
static void mmfbus__look_at_callers(mmfbus_server *server) {
    const mmfbus__participant *p = mmfbus__inbox_of(server);
    uint32_t epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    if (epoch == server->epoch) return;
    server->epoch = epoch;
    for (uint32_t slot = 0; slot < p->geometry.participant_count; slot++) {
        mmfbus__caller *caller = server->callers[slot];
        if (caller != NULL && !mmfbus__is_caller_there(server, caller)) mmfbus__drop_caller(server, caller);
    }
}

/* Tells a client that it cannot be answered. */
static void mmfbus__refuse_caller(mmfbus_server *server, uint32_t slot, uint32_t generation) {
    mmfbus__participant *p = mmfbus__inbox_of(server);
    int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
    /* SYNC: refused. Stored before the bell is rung, whether the client sleeps or not. */
    mmfbus__store32(mmfbus__refused_word(p, slot), generation);
    MMFBUS_STEP("server: refused");
    if (nonce != 0) mmfbus__ring_owner(p, slot, nonce, mmfbus__load32(mmfbus__slot(p, slot) + MMFBUS__SLOT_ASLEEP));
}

static mmfbus_status mmfbus__join_mailbox(mmfbus_server *server, mmfbus__caller *caller) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    mmfbus__name_segment(segment, server->service, "replies", caller->mailbox_id);
    mmfbus_options options = mmfbus__segment_options(segment, "mmfbus~replies", 0, server->name);
    const mmfbus__joining joining = {MMFBUS__PATTERN_REPLIES, &server->port, 0, server->inbox_id};
    mmfbus_status status = mmfbus__open_publisher(&caller->mailbox, &options, &joining);
    if (status != MMFBUS_OK) return status;
    const mmfbus__participant *p = &caller->mailbox->base;
    uint32_t owner = mmfbus__load32(mmfbus__slot(p, MMFBUS__OWNER_SLOT) + MMFBUS__SLOT_STATE);
    if (p->geometry.incarnation == caller->incarnation && owner == MMFBUS__STATE_RELIABLE) {
        MMFBUS_STEP("server: mailbox joined");
        return MMFBUS_OK;
    }
    mmfbus__close_publisher(caller->mailbox);
    caller->mailbox = NULL;
    return MMFBUS_NOT_FOUND;
}

/* The client that has sent a call; NULL where it cannot be answered. */
static mmfbus__caller *mmfbus__caller_of(mmfbus_server *server, uint32_t slot, uint64_t mailbox_id, uint64_t incarnation) {
    const mmfbus__participant *p = mmfbus__inbox_of(server);
    mmfbus__caller *caller = server->callers[slot];
    if (caller != NULL && caller->mailbox_id == mailbox_id && caller->incarnation == incarnation) return caller;
    const unsigned char *place = mmfbus__slot(p, slot);
    uint32_t generation = mmfbus__load32(place + MMFBUS__SLOT_GENERATION);
    uint64_t detail = (uint64_t)mmfbus__load64(place + MMFBUS__SLOT_DETAIL);
    /* The slot is that of another client by now, or of none. */
    if (mmfbus__load32(place + MMFBUS__SLOT_STATE) != MMFBUS__STATE_PUBLISHER || detail != mailbox_id) return NULL;
    if (caller != NULL) mmfbus__drop_caller(server, caller);
    caller = (mmfbus__caller *)mmfbus__allocate_zeroed(sizeof *caller);
    mmfbus__identity owner;
    mmfbus_status status = caller == NULL ? MMFBUS_NO_MEMORY : MMFBUS_OK;
    if (status == MMFBUS_OK) {
        caller->slot = slot;
        caller->generation = generation;
        caller->mailbox_id = mailbox_id;
        caller->incarnation = incarnation;
        if (mmfbus__read_identity(p, slot, mmfbus__load64(place + MMFBUS__SLOT_NONCE), &owner)) caller->pid = owner.pid;
        mmfbus__copy_name(caller->name, p, slot);
        status = mmfbus__join_mailbox(server, caller);
    }
    if (status == MMFBUS_OK) {
        server->callers[slot] = caller;
        return caller;
    }
    MMFBUS_FREE(caller);
    mmfbus__refuse_caller(server, slot, generation);
    return NULL;
}

/* -- Answers */

static void mmfbus__write_answer(unsigned char *envelope, uint8_t kind, uint32_t cell, uint64_t id, size_t text_length) {
    uint16_t index = (uint16_t)cell;
    memset(envelope, 0, MMFBUS__ANSWER_SIZE);
    envelope[MMFBUS__ANSWER_KIND] = kind;
    memcpy(envelope + MMFBUS__ANSWER_CELL, &index, sizeof index);
    mmfbus__put32(envelope + MMFBUS__ANSWER_TEXT_LENGTH, (uint32_t)text_length);
    mmfbus__put64(envelope + MMFBUS__ANSWER_ID, id);
}

/* Goes on with answers that found no room. */
static void mmfbus__flush_answers(mmfbus_server *server) {
    const mmfbus__participant *p = mmfbus__inbox_of(server);
    for (uint32_t slot = 0; server->kept_count > 0 && slot < p->geometry.participant_count; slot++) {
        mmfbus__caller *caller = server->callers[slot];
        if (caller == NULL || caller->answers.first == NULL) continue;
        mmfbus_status status = MMFBUS_OK;
        while (caller->answers.first != NULL && status == MMFBUS_OK) {
            mmfbus__chunk *chunk = caller->answers.first;
            status = mmfbus__publish_on(caller->mailbox, NULL, 0, mmfbus__bytes_of(chunk), chunk->length, &chunk->progress);
            if (status != MMFBUS_OK) break;
            caller->kept -= chunk->length;
            mmfbus__free_chunk(&server->pool, mmfbus__shift_chunk(&caller->answers));
            if (caller->answers.first == NULL) server->kept_count--;
            server->has_worked = true;
        }
        if (mmfbus_is_error(status)) mmfbus__drop_caller(server, caller);
    }
}

/* Publishes an answer, or keeps it where there is no room. */
static mmfbus_status mmfbus__answer(mmfbus_server *server, mmfbus__caller *caller, uint8_t kind, uint32_t cell, uint64_t id,
                                    const char *text, size_t text_length, const void *data, size_t length) {
    unsigned char envelope[MMFBUS__ANSWER_SIZE];
    mmfbus__progress progress = {0, {0}};
    const mmfbus__geometry *geometry = &caller->mailbox->base.geometry;
    size_t padded = (text_length + 7) & ~(size_t)7, whole = sizeof envelope + padded + length;
    if (whole > geometry->max_message) return MMFBUS_TOO_LARGE;
    mmfbus__write_answer(envelope, kind, cell, id, text_length);
    mmfbus_status status = MMFBUS_FULL;
    if (caller->answers.first == NULL && text_length == 0 && whole <= mmfbus__max_whole(geometry)) {
        status = mmfbus__publish_on(caller->mailbox, envelope, sizeof envelope, data, length, &progress);
        if (status == MMFBUS_OK) return MMFBUS_OK;
    }
    if (status == MMFBUS_FULL || status == MMFBUS_BUSY) {
        mmfbus__chunk *chunk = mmfbus__new_chunk(&server->pool, whole);
        status = chunk == NULL ? MMFBUS_NO_MEMORY : MMFBUS_OK;
        if (chunk != NULL) {
            unsigned char *bytes = mmfbus__bytes_of(chunk);
            memcpy(bytes, envelope, sizeof envelope);
            if (padded > 0) memset(bytes + sizeof envelope, 0, padded);
            if (text_length > 0) memcpy(bytes + sizeof envelope, text, text_length);
            if (length > 0) memcpy(bytes + sizeof envelope + padded, data, length);
            if (caller->answers.first == NULL) server->kept_count++;
            mmfbus__push_chunk(&caller->answers, chunk);
            caller->kept += whole;
            mmfbus__flush_answers(server);
            return MMFBUS_OK;
        }
    }
    /* The caller would wait for ever: it learns that it cannot be answered. */
    mmfbus__refuse_caller(server, caller->slot, caller->generation);
    mmfbus__drop_caller(server, caller);
    return status;
}

/* The last answer to a call. */
static mmfbus_status mmfbus__answer_last(mmfbus_request *request, uint8_t kind, const char *text, const void *data, size_t length) {
    if (request == NULL || request->state != MMFBUS__BEGUN || (data == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    mmfbus_server *server = request->server;
    mmfbus__caller *caller = request->caller;
    uint32_t cell = request->cell_index;
    uint64_t id = request->id;
    size_t text_length = text == NULL ? 0 : strlen(text);
    if (mmfbus__is_forked(mmfbus__inbox_of(server))) return MMFBUS_FORKED;
    /* A value exactly where the method gives one. */
    mmfbus__term output = server->served[request->method].method->output;
    bool gives_value = !mmfbus__is_nothing(output) && !mmfbus__is_stream(output);
    if (!request->is_one_way && kind == (gives_value ? MMFBUS__ANSWER_END : MMFBUS__ANSWER_VALUE)) return MMFBUS_INVALID_ARGUMENT;
    if (caller != NULL && length + text_length > caller->mailbox->base.geometry.max_message - 64) return MMFBUS_TOO_LARGE;
    MMFBUS_STEP("server: handler ended");
    uint32_t outcome = kind >= MMFBUS__ANSWER_ERROR ? MMFBUS__OUTCOME_FAILED : MMFBUS__OUTCOME_ANSWERED;
    if (mmfbus__was_given_up(request)) outcome = MMFBUS__OUTCOME_CANCELLED;
    mmfbus__show_end(request, outcome);
    /* Before the answer: who gets it may look at once how much there is to do here. */
    mmfbus__end_request(request);
    mmfbus_status status = MMFBUS_OK;
    if (caller != NULL) status = mmfbus__answer(server, caller, kind, cell, id, text, text_length, data, length);
    MMFBUS_STEP("server: answered");
    return status;
}

mmfbus_status mmfbus_answer_value(mmfbus_request *request, const void *data, size_t length) {
    return mmfbus__answer_last(request, MMFBUS__ANSWER_VALUE, NULL, data, length);
}

mmfbus_status mmfbus_answer_end(mmfbus_request *request) {
    return mmfbus__answer_last(request, MMFBUS__ANSWER_END, NULL, NULL, 0);
}

mmfbus_status mmfbus_answer_error(mmfbus_request *request, const char *code, const void *data, size_t length) {
    if (code == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__answer_last(request, MMFBUS__ANSWER_ERROR, code, data, length);
}

mmfbus_status mmfbus_answer_failure(mmfbus_request *request, const char *name, const char *message) {
    if (name == NULL || message == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__answer_last(request, MMFBUS__ANSWER_REMOTE, name, message, strlen(message));
}

mmfbus_status mmfbus_answer_refused(mmfbus_request *request, const char *message) {
    if (message == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__answer_last(request, MMFBUS__ANSWER_REFUSED, NULL, message, strlen(message));
}

mmfbus_status mmfbus_answer_try_item(mmfbus_request *request, const void *data, size_t length) {
    if (request == NULL || request->state != MMFBUS__BEGUN || (data == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    if (request->is_one_way) return MMFBUS_INVALID_ARGUMENT;
    if (mmfbus__was_given_up(request)) return MMFBUS_CANCELLED;
    request->awaits_credit = true;
    if (!mmfbus__awaits_credit(request->cell, MMFBUS__CELL_GRANTED, request->sent, MMFBUS__SERVER_WAITS)) return MMFBUS_FULL;
    /* Kept answers are bounded: an item waits until those before it have room. */
    if (request->caller->answers.first != NULL) return MMFBUS_FULL;
    request->awaits_credit = false;
    mmfbus_status status = mmfbus__answer(request->server, request->caller, MMFBUS__ANSWER_ITEM, request->cell_index, request->id,
                                          NULL, 0, data, length);
    if (status == MMFBUS_OK) request->sent += (uint32_t)(MMFBUS__ANSWER_SIZE + length);
    MMFBUS_STEP("server: item sent");
    return status;
}

/* -- Taking calls */

static int mmfbus__served_of(const mmfbus_server *server, uint32_t hash) {
    for (uint32_t index = 0; index < server->contract->count; index++) {
        if (server->contract->methods[index].hash == hash) return (int)index;
    }
    return -1;
}

/* Whether its caller has withdrawn a call that waits. */
static bool mmfbus__was_withdrawn(const mmfbus_request *request) {
    if (request->is_one_way) return false;
    return mmfbus__load32(request->cell + MMFBUS__CELL_WORD) != mmfbus__word(request->id, MMFBUS__CELL_WAITING);
}

static void mmfbus__drop_withdrawn(mmfbus_server *server) {
    mmfbus__node *next;
    for (mmfbus__node *node = server->queued.next; node != &server->queued; node = next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        next = node->next;
        if (mmfbus__was_withdrawn(request)) mmfbus__end_request(request);
    }
}

/* Too many calls: the caller is told so. */
static bool mmfbus__is_too_much(mmfbus_server *server, const mmfbus__caller *caller) {
    if (caller->kept > MMFBUS__MAILBOX_LEFT_OVER) return true;
    if ((uint64_t)server->queued_count + server->begun_count < (uint64_t)server->concurrency + server->queue) return false;
    mmfbus__drop_withdrawn(server);
    return (uint64_t)server->queued_count + server->begun_count >= (uint64_t)server->concurrency + server->queue;
}

static mmfbus_request *mmfbus__queue_call(mmfbus_server *server, uint32_t method, const unsigned char *input, size_t length) {
    mmfbus_request *request = mmfbus__new_request(server);
    if (request != NULL) request->input = mmfbus__new_chunk(&server->pool, length);
    if (request == NULL || request->input == NULL) {
        if (request != NULL) mmfbus__append_node(&server->spare, &request->node);
        return NULL;
    }
    if (length > 0) memcpy(mmfbus__bytes_of(request->input), input, length);
    request->method = method;
    mmfbus__append_node(&server->queued, &request->node);
    server->queued_count++;
    return request;
}

static mmfbus_request *mmfbus__request_of(const mmfbus_server *server, const mmfbus__caller *caller, uint32_t cell, uint64_t id) {
    if (caller == NULL) return NULL;
    for (mmfbus__node *node = server->begun.next; node != &server->begun; node = node->next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        if (request->caller == caller && request->cell_index == cell && request->id == id) return request;
    }
    return NULL;
}

/* An item of a stream of inputs, or its end. False where it is not kept. */
static bool mmfbus__take_item(mmfbus_request *request, uint8_t kind, const unsigned char *data, size_t length, size_t cost) {
    if (request == NULL || request->has_ended) return false;
    mmfbus__tell_of_news(request);
    if (kind == MMFBUS__ENVELOPE_END) {
        request->has_ended = true;
        return false;
    }
    mmfbus__chunk *chunk = mmfbus__new_chunk(&request->server->pool, length);
    if (chunk == NULL) return false;
    if (length > 0) memcpy(mmfbus__bytes_of(chunk), data, length);
    chunk->cost = (uint32_t)cost;
    mmfbus__push_chunk(&request->items, chunk);
    return true;
}

/* A message of the inbox. False: the server is done with it. */
static bool mmfbus__take_message(mmfbus_server *server, const mmfbus_message *message) {
    const unsigned char *bytes = (const unsigned char *)message->data;
    uint16_t cell;
    if (message->length < MMFBUS__ENVELOPE_INCARNATION) return false;
    uint8_t kind = bytes[MMFBUS__ENVELOPE_KIND];
    memcpy(&cell, bytes + MMFBUS__ENVELOPE_CELL, sizeof cell);
    uint32_t hash = mmfbus__peek32(bytes + MMFBUS__ENVELOPE_METHOD);
    uint64_t id = mmfbus__peek64(bytes + MMFBUS__ENVELOPE_ID), mailbox = mmfbus__peek64(bytes + MMFBUS__ENVELOPE_MAILBOX);
    if (cell >= MMFBUS__CELLS) return false;
    if (kind == MMFBUS__ENVELOPE_ITEM || kind == MMFBUS__ENVELOPE_END) {
        const mmfbus__caller *caller = server->callers[message->publisher];
        if (caller == NULL || caller->mailbox_id != mailbox) return false;
        mmfbus_request *request = mmfbus__request_of(server, caller, cell, id);
        return mmfbus__take_item(request, kind, bytes + MMFBUS__ENVELOPE_INCARNATION,
                                 message->length - MMFBUS__ENVELOPE_INCARNATION, message->length);
    }
    if (message->length < MMFBUS__ENVELOPE_SIZE) return false;
    const unsigned char *input = bytes + MMFBUS__ENVELOPE_SIZE;
    size_t length = message->length - MMFBUS__ENVELOPE_SIZE;
    uint64_t deadline = mmfbus__peek64(bytes + MMFBUS__ENVELOPE_DEADLINE);
    int method = mmfbus__served_of(server, hash);
    if (kind == MMFBUS__ENVELOPE_ONE_WAY) {
        if (method < 0 || server->served[method].method->output.length != 0) return false;
        mmfbus_request *request = mmfbus__queue_call(server, (uint32_t)method, input, length);
        if (request == NULL) return false;
        request->is_one_way = true;
        request->deadline = deadline == 0 ? UINT64_MAX : deadline;
        mmfbus__identity owner;
        const mmfbus__participant *p = mmfbus__inbox_of(server);
        int64_t nonce = mmfbus__load64(mmfbus__slot(p, message->publisher) + MMFBUS__SLOT_NONCE);
        if (mmfbus__read_identity(p, message->publisher, nonce, &owner)) request->pid = owner.pid;
        mmfbus__copy_name(request->name, p, message->publisher);
        return true;
    }
    /* A call that is not begun while the server drains is withdrawn by its caller. */
    if (kind != MMFBUS__ENVELOPE_CALL || id == 0 || server->is_draining) return false;
    mmfbus__caller *caller = mmfbus__caller_of(server, message->publisher, mailbox, mmfbus__peek64(bytes + MMFBUS__ENVELOPE_INCARNATION));
    if (caller == NULL) return false;
    MMFBUS_STEP("server: call taken");
    uint8_t answer = 0;
    if (method < 0 || server->served[method].method->output.length == 0) {
        answer = MMFBUS__ANSWER_NO_METHOD;
    } else if (mmfbus__is_too_much(server, caller)) {
        answer = MMFBUS__ANSWER_BUSY;
    }
    mmfbus_request *request = answer == 0 ? mmfbus__queue_call(server, (uint32_t)method, input, length) : NULL;
    if (request == NULL) {
        if (mmfbus__answer(server, caller, answer == 0 ? (uint8_t)MMFBUS__ANSWER_BUSY : answer, cell, id, NULL, 0, NULL, 0) != MMFBUS_OK) {
            return false;
        }
        return false;
    }
    request->caller = caller;
    request->cell_index = cell;
    request->cell = mmfbus__cell(&caller->mailbox->base, cell);
    request->id = id;
    request->deadline = deadline == 0 ? UINT64_MAX : deadline;
    request->pid = caller->pid;
    memcpy(request->name, caller->name, sizeof request->name);
    return true;
}

/* Takes all messages that are in the inbox. */
static void mmfbus__take_messages(mmfbus_server *server) {
    int64_t least = mmfbus__load64(mmfbus__inbox_of(server)->memory + MMFBUS__HEADER_TAIL);
    for (;;) {
        mmfbus_message message;
        mmfbus_status status = mmfbus_try_receive(server->inbox, &message);
        if (status == MMFBUS_EMPTY && mmfbus__has_read(server->inbox, least)) return;
        if (mmfbus_is_error(status)) {
            server->broken = status;
            return;
        }
        if (status != MMFBUS_OK) continue;
        server->has_worked = true;
        if (!mmfbus__take_message(server, &message)) mmfbus__raise_done(server);
    }
}

/* Begins a call whose turn has come. */
static void mmfbus__begin_request(mmfbus_request *request) {
    mmfbus_server *server = request->server;
    const mmfbus__served *served = &server->served[request->method];
    bool is_over = request->deadline != UINT64_MAX && mmfbus_now() >= request->deadline;
    if (!request->is_one_way && !is_over) {
        /*
         * SYNC: started or withdrawn. Of this exchange and that of the caller only one finds the call waiting.
         */
        is_over = !mmfbus__exchange(request->cell, request->id, MMFBUS__CELL_WAITING, MMFBUS__CELL_STARTED);
    }
    if (is_over) {
        mmfbus__end_request(request);
        return;
    }
    MMFBUS_STEP("server: started");
    request->state = MMFBUS__BEGUN;
    server->queued_count--;
    server->begun_count++;
    mmfbus__append_node(&server->begun, &request->node);
    mmfbus__show_start(request);
    if (mmfbus__is_stream(served->method->input)) {
        if (mmfbus__raise_credit(request->cell, MMFBUS__CELL_ACCEPTED, MMFBUS__STREAM_WINDOW, MMFBUS__CALLER_WAITS)) {
            mmfbus__ring_segment_owner(&request->caller->mailbox->base);
        }
    } else {
        request->has_ended = true;
    }
    served->handler.begin(request, served->handler.context);
    server->has_worked = true;
}

/* Looks which calls that run were given up, or may send again. True where there is something to tell. */
static bool mmfbus__look_at_requests(mmfbus_server *server) {
    bool has_news = false;
    for (mmfbus__node *node = server->begun.next; node != &server->begun; node = node->next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        if (!request->is_cancelled) {
            /* SYNC: cancelled. Loaded after this server has said that it sleeps, or when its bell has rung. */
            if (request->cell != NULL) mmfbus__load32(request->cell + MMFBUS__CELL_WORD);
            request->is_cancelled = mmfbus__was_given_up(request);
            if (request->is_cancelled) mmfbus__tell_of_news(request);
        }
        if (request->awaits_credit && request->cell != NULL && request->caller->answers.first == NULL &&
            mmfbus__has_credit(request->cell, MMFBUS__CELL_GRANTED, request->sent)) {
            request->awaits_credit = false;
            mmfbus__tell_of_news(request);
        }
        has_news |= request->has_news && server->served[request->method].handler.progress != NULL;
    }
    return has_news;
}

static void mmfbus__tell_requests(mmfbus_server *server) {
    for (mmfbus__node *node = server->begun.next; node != &server->begun;) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        const mmfbus_handler *handler = &server->served[request->method].handler;
        node = node->next;
        if (!request->has_news) continue;
        request->has_news = false;
        if (handler->progress == NULL) continue;
        handler->progress(request, handler->context);
        server->has_worked = true;
        /* It may have answered others too: begin again. What was told is not told twice. */
        node = server->begun.next;
    }
}

static bool mmfbus__can_begin(const mmfbus_server *server) {
    return server->queued_count > 0 && server->begun_count < server->concurrency;
}

/* Takes what has come and sends what was kept; runs nothing of the program's. */
static mmfbus_status mmfbus__server_look(mmfbus_server *server) {
    if (server->broken != MMFBUS_OK) return server->broken;
    if (mmfbus__is_forked(mmfbus__inbox_of(server))) return MMFBUS_FORKED;
    for (mmfbus__participant *p = server->port.sharers; p != NULL; p = p->next_sharer) mmfbus__awake(p);
    mmfbus__reclaim_the_dead(mmfbus__inbox_of(server));
    mmfbus__take_messages(server);
    mmfbus__look_at_callers(server);
    mmfbus__flush_answers(server);
    mmfbus__look_at_requests(server);
    return server->broken;
}

mmfbus_status mmfbus_server_dispatch(mmfbus_server *server) {
    if (server == NULL || server->is_within) return MMFBUS_INVALID_ARGUMENT;
    server->has_worked = false;
    mmfbus_status status = mmfbus__server_look(server);
    server->is_within = true;
    if (status == MMFBUS_OK) mmfbus__tell_requests(server);
    while (status == MMFBUS_OK && mmfbus__can_begin(server)) {
        mmfbus__begin_request(MMFBUS__OWNER(server->queued.next, mmfbus_request, node));
        /* A handler may take its time: others want to know that their calls have come. */
        status = mmfbus__server_look(server);
    }
    server->is_within = false;
    mmfbus__recycle_requests(server);
    return status;
}

mmfbus_descriptor mmfbus_server_descriptor(const mmfbus_server *server) {
    return mmfbus__port_descriptor(&server->port);
}

/* Handlers are told when the time of their callers is over. */
static void mmfbus__wake_up_for_deadlines(mmfbus_server *server) {
    uint64_t earliest = UINT64_MAX, now = mmfbus_now();
    for (mmfbus__node *node = server->begun.next; node != &server->begun; node = node->next) {
        const mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        if (!request->is_cancelled && request->deadline < earliest) earliest = request->deadline;
    }
    server->wake_at = earliest;
    if (earliest == UINT64_MAX) return;
    uint64_t left = earliest > now ? earliest - now : 0;
    if (!mmfbus__inbox_of(server)->watch_is_complete && left > MMFBUS__LOOK_AGAIN) left = MMFBUS__LOOK_AGAIN;
    mmfbus__wake_up_in(&server->port, left);
}

/* Announces that this server sleeps. MMFBUS_READY where there is something to do. */
static mmfbus_status mmfbus__arm_server(mmfbus_server *server) {
    const mmfbus__participant *p = mmfbus__inbox_of(server);
    mmfbus_status status = mmfbus_arm(server->inbox);
    for (uint32_t slot = 0; server->kept_count > 0 && status == MMFBUS_OK && slot < p->geometry.participant_count; slot++) {
        mmfbus__caller *caller = server->callers[slot];
        if (caller == NULL || caller->answers.first == NULL) continue;
        status = mmfbus_publisher_arm(caller->mailbox, mmfbus__room_needed(caller->mailbox, caller->answers.first->length));
    }
    if (mmfbus_is_error(status)) status = MMFBUS_BUSY;
    if (status == MMFBUS_OK && mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH) != server->epoch) status = MMFBUS_READY;
    /* Looked at after the sleep was announced: who gives up, or raises credit, does that first and then rings who sleeps. */
    if (status == MMFBUS_OK) {
        bool has_news = mmfbus__look_at_requests(server);
        if (has_news && !server->is_within) status = MMFBUS_READY;
    }
    if (status == MMFBUS_OK) mmfbus__wake_up_for_deadlines(server);
    if (status != MMFBUS_OK) {
        for (mmfbus__participant *one = server->port.sharers; one != NULL; one = one->next_sharer) mmfbus__awake(one);
    }
    return status;
}

mmfbus_status mmfbus_server_arm(mmfbus_server *server) {
    if (server == NULL || server->is_within) return MMFBUS_INVALID_ARGUMENT;
    if (server->broken != MMFBUS_OK) return server->broken;
    if (mmfbus__is_forked(mmfbus__inbox_of(server))) return MMFBUS_FORKED;
    if (mmfbus__can_begin(server) || mmfbus__look_at_requests(server)) return MMFBUS_READY;
    return mmfbus__arm_server(server);
}

/* Sleeps until something happens, at most until then. */
static mmfbus_status mmfbus__server_rest(mmfbus_server *server, uint64_t deadline, uint32_t *turn) {
    mmfbus_status status = server->is_within ? mmfbus__arm_server(server) : mmfbus_server_arm(server);
    if (status == MMFBUS_BUSY) mmfbus__pause((*turn)++);
    if (status == MMFBUS_BUSY || status == MMFBUS_READY) return MMFBUS_OK;
    if (status != MMFBUS_OK) return status;
    *turn = 0;
    uint32_t left = mmfbus__time_left(deadline < server->wake_at ? deadline : server->wake_at);
    if (!mmfbus__inbox_of(server)->watch_is_complete && left > 1000) left = 1000;
    if (mmfbus__load32(&server->stopped) == 0 || server->is_within || server->is_draining) mmfbus__wait(&server->port, left);
    return MMFBUS_OK;
}

typedef bool (*mmfbus__is_finished)(mmfbus_server *server, void *context);

/* Serves until it is finished: MMFBUS_OK, MMFBUS_TIMEOUT. Within a handler it only takes calls, and begins none. */
static mmfbus_status mmfbus__serve_until(mmfbus_server *server, mmfbus__is_finished is_finished, void *context, uint64_t deadline) {
    uint64_t began = 0;
    uint32_t turn = 0;
    for (;;) {
        bool is_within = server->is_within;
        if (is_within) server->has_worked = false;
        mmfbus_status status = is_within ? mmfbus__server_look(server) : mmfbus_server_dispatch(server);
        if (status != MMFBUS_OK) return status;
        if (is_finished(server, context)) return MMFBUS_OK;
        uint64_t now = mmfbus_now();
        if (now >= deadline) return MMFBUS_TIMEOUT;
        if (began == 0 || server->has_worked) began = now;
        if (server->poll_window == MMFBUS_FOREVER || now - began < (uint64_t)server->poll_window * 1000u) {
            mmfbus__relax();
            continue;
        }
        status = mmfbus__server_rest(server, deadline, &turn);
        if (status != MMFBUS_OK) return status;
    }
}

static bool mmfbus__was_stopped(mmfbus_server *server, void *context) {
    (void)context;
    return mmfbus__swap32(&server->stopped, 1, 0);
}

mmfbus_status mmfbus_server_run(mmfbus_server *server) {
    if (server == NULL || server->is_within) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__serve_until(server, mmfbus__was_stopped, NULL, UINT64_MAX);
}

mmfbus_status mmfbus_server_run_for(mmfbus_server *server, uint32_t milliseconds) {
    if (server == NULL || server->is_within) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__serve_until(server, mmfbus__was_stopped, NULL, mmfbus__deadline(milliseconds));
}

void mmfbus_server_stop(mmfbus_server *server) {
    mmfbus__store32(&server->stopped, 1);
    mmfbus__ring_own_bell(&server->port);
}

/* -- Draining and leaving */

static void mmfbus__begin_drain(mmfbus_server *server) {
    mmfbus__participant *registry = &server->registry->base, *inbox = mmfbus__inbox_of(server);
    if (server->is_draining) return;
    if (mmfbus__lock(registry, mmfbus__deadline(registry->timeout)) == MMFBUS_OK) {
        /* SYNC: draining. Stored before the epoch is raised and the bells are rung. */
        mmfbus__store32(mmfbus__own_slot(registry) + MMFBUS__SLOT_PHASE, MMFBUS__PHASE_DRAINING);
        mmfbus__tell_of_leaving(registry, true);
        mmfbus__unlock(registry);
    }
    MMFBUS_STEP("drain: registry says so");
    bool is_locked = mmfbus__lock(inbox, mmfbus__deadline(inbox->timeout)) == MMFBUS_OK;
    /* SYNC: draining. With the lock held: what was committed before is taken, and nothing is committed after. */
    mmfbus__store32(mmfbus__own_slot(inbox) + MMFBUS__SLOT_PHASE, MMFBUS__PHASE_DRAINING);
    if (is_locked) {
        mmfbus__tell_of_leaving(inbox, true);
        mmfbus__unlock(inbox);
    }
    MMFBUS_STEP("drain: inbox says so");
    server->is_draining = true;
    /* Calls that have not begun are for other servers. */
    mmfbus__node *next;
    for (mmfbus__node *node = server->queued.next; node != &server->queued; node = next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        next = node->next;
        if (!request->is_one_way) mmfbus__end_request(request);
    }
}

static bool mmfbus__is_drained(mmfbus_server *server, void *context) {
    (void)context;
    return server->queued_count == 0 && server->begun_count == 0 && server->kept_count == 0;
}

mmfbus_status mmfbus_server_drain(mmfbus_server *server, uint32_t timeout) {
    if (server == NULL || server->is_within) return MMFBUS_INVALID_ARGUMENT;
    if (mmfbus__is_forked(mmfbus__inbox_of(server))) return MMFBUS_FORKED;
    mmfbus__begin_drain(server);
    mmfbus_status status = mmfbus__serve_until(server, mmfbus__is_drained, NULL, mmfbus__deadline(timeout));
    if (status == MMFBUS_OK) MMFBUS_STEP("drain: handlers ended");
    return status;
}

static void mmfbus__free_server(mmfbus_server *server) {
    mmfbus__node *const lists[] = {&server->queued, &server->begun, &server->over, &server->spare};
    for (size_t list = 0; list < sizeof lists / sizeof *lists; list++) {
        while (!mmfbus__is_alone(lists[list])) {
            mmfbus_request *request = MMFBUS__OWNER(lists[list]->next, mmfbus_request, node);
            mmfbus__unlink_node(&request->node);
            if (lists[list] != &server->spare) {
                mmfbus__free_chunk(&server->pool, request->input);
                mmfbus__free_chunk(&server->pool, request->item);
                mmfbus__free_chunks(&server->pool, &request->items);
            }
            MMFBUS_FREE(request);
        }
    }
    mmfbus__empty_pool(&server->pool);
    mmfbus__free_contract(server->contract);
    MMFBUS_FREE(server);
}

/* Answers what has begun and was not answered. */
static void mmfbus__answer_the_rest(mmfbus_server *server) {
    server->is_within = true;
    mmfbus__tell_requests(server);
    for (mmfbus__node *node = server->begun.next; node != &server->begun; node = node->next) {
        mmfbus_request *request = MMFBUS__OWNER(node, mmfbus_request, node);
        request->is_cancelled = true;
        mmfbus__tell_of_news(request);
    }
    mmfbus__tell_requests(server);
    while (!mmfbus__is_alone(&server->begun)) {
        mmfbus_request *request = MMFBUS__OWNER(server->begun.next, mmfbus_request, node);
        if (mmfbus_answer_failure(request, "Cancelled", "the server was closed") != MMFBUS_OK && request->state == MMFBUS__BEGUN) {
            mmfbus__end_request(request);
        }
    }
    server->is_within = false;
}

void mmfbus_server_close(mmfbus_server *server) {
    if (server == NULL) return;
    bool is_forked = mmfbus__is_forked(mmfbus__inbox_of(server));
    if (!is_forked && server->broken == MMFBUS_OK) {
        mmfbus_status status = mmfbus_server_drain(server, 0);
        if (status == MMFBUS_TIMEOUT) {
            mmfbus__answer_the_rest(server);
            status = mmfbus__serve_until(server, mmfbus__is_drained, NULL, mmfbus__deadline(MMFBUS__SERVICE_PATIENCE));
        }
        if (status == MMFBUS_OK) MMFBUS_STEP("drain: handlers ended");
    }
    uint32_t slots = server->inbox->base.geometry.participant_count;
    for (uint32_t slot = 0; slot < slots; slot++) {
        mmfbus__caller *caller = server->callers[slot];
        if (caller == NULL) continue;
        if (caller->mailbox != NULL) mmfbus__close_publisher(caller->mailbox);
        mmfbus__free_chunks(&server->pool, &caller->answers);
        MMFBUS_FREE(caller);
    }
    MMFBUS_STEP("drain: mailboxes left");
    mmfbus_subscriber_close(server->inbox);
    MMFBUS_STEP("drain: inbox left");
    mmfbus_publisher_close(server->registry);
    MMFBUS_STEP("drain: registry left");
    mmfbus__close_port(&server->port);
    mmfbus__free_server(server);
}

/* Finds the handler of each method. */
static mmfbus_status mmfbus__take_handlers(mmfbus_server *server, const mmfbus_server_options *options) {
    for (size_t given = 0; given < options->handler_count; given++) {
        const mmfbus_handler *handler = &options->handlers[given];
        const mmfbus__method *method = handler->method == NULL ? NULL : mmfbus__method_named(server->contract, handler->method);
        if (method == NULL || handler->begin == NULL) {
            snprintf(mmfbus__detail, sizeof mmfbus__detail, "the contract has no method %.64s, or its handler has no `begin`",
                     handler->method == NULL ? "without a name" : handler->method);
            return MMFBUS_INVALID_ARGUMENT;
        }
        server->served[method - server->contract->methods].handler = *handler;
    }
    for (uint32_t index = 0; index < server->contract->count; index++) {
        server->served[index].method = &server->contract->methods[index];
        /* As the contract has it, which lives as long as the server. */
        server->served[index].handler.method = server->contract->methods[index].name;
        if (server->served[index].handler.begin != NULL) continue;
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "the method %s has no handler", server->contract->methods[index].name);
        return MMFBUS_INVALID_ARGUMENT;
    }
    return MMFBUS_OK;
}

static mmfbus_status mmfbus__open_inbox(mmfbus_server *server, const mmfbus_server_options *options) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    int64_t id = mmfbus__new_nonce();
    if (id == 0) return MMFBUS_OS_ERROR;
    server->inbox_id = (uint64_t)id;
    mmfbus__name_segment(segment, server->service, "calls", server->inbox_id);
    mmfbus_options created = mmfbus__segment_options(segment, "mmfbus~calls", MMFBUS__SERVICE_SLOTS, server->name);
    created.schema = options->contract;
    const mmfbus__joining joining = {MMFBUS__PATTERN_CALLS, &server->port, MMFBUS__PHASE_SERVING, server->inbox_id};
    mmfbus_status status = mmfbus__open_subscriber(&server->inbox, &created, &joining);
    if (status != MMFBUS_OK) return status;
    for (uint32_t index = 0; index < server->contract->count; index++) {
        unsigned char *counters = mmfbus__method_counters(mmfbus__inbox_of(server), index);
        mmfbus__poke32(counters + MMFBUS__METHOD_HASH, server->contract->methods[index].hash);
    }
    MMFBUS_STEP("serve: inbox joined");
    return MMFBUS_OK;
}

mmfbus_status mmfbus_server_open(mmfbus_server **server, const mmfbus_server_options *options) {
    char segment[MMFBUS__MAX_NAME_LENGTH + 1];
    mmfbus__detail[0] = 0;
    if (server == NULL) return MMFBUS_INVALID_ARGUMENT;
    *server = NULL;
    if (options == NULL || options->struct_size != sizeof *options) {
        return mmfbus__refuse(MMFBUS_INVALID_ARGUMENT, "begin with mmfbus_server_options_init(), of the header that was compiled");
    }
    mmfbus_status status = mmfbus__check_service(options->service, options->name);
    if (status != MMFBUS_OK) return status;
    size_t length = options->contract == NULL ? 0 : strlen(options->contract);
    if (length == 0 || length > MMFBUS__MAX_SCHEMA_LENGTH) {
        return mmfbus__refuse(MMFBUS_INVALID_ARGUMENT, "contract is not 1 byte to 1 MiB");
    }
    mmfbus_server *made = (mmfbus_server *)mmfbus__allocate_zeroed(sizeof *made);
    if (made == NULL) return MMFBUS_NO_MEMORY;
    mmfbus__isolate(&made->queued);
    mmfbus__isolate(&made->begun);
    mmfbus__isolate(&made->over);
    mmfbus__isolate(&made->spare);
    made->wake_at = UINT64_MAX;
    made->concurrency = options->concurrency != 0 ? options->concurrency : 256;
    made->queue = options->queue != 0 ? options->queue : 1024;
    made->poll_window = options->poll_window_us != 0 ? options->poll_window_us : MMFBUS__DEFAULT_POLL_WINDOW;
    memcpy(made->service, options->service, strlen(options->service));
    if (options->name != NULL) memcpy(made->name, options->name, strlen(options->name));
    status = mmfbus__make_contract(&made->contract, options->contract, length);
    if (status == MMFBUS_INVALID_ARGUMENT) mmfbus__refuse(status, "contract is not the text of one");
    if (status == MMFBUS_OK) status = mmfbus__take_handlers(made, options);
    bool has_port = status == MMFBUS_OK;
    if (has_port) status = mmfbus__open_service_port(&made->port);
    if (status == MMFBUS_OK) status = mmfbus__open_inbox(made, options);
    if (status == MMFBUS_OK) {
        mmfbus_options joined = mmfbus__registry_options(segment, made->service, made->name);
        joined.not_discoverable = options->not_discoverable;
        const mmfbus__joining joining = {MMFBUS__PATTERN_REGISTRY, &made->port, MMFBUS__PHASE_SERVING, made->inbox_id};
        status = mmfbus__open_publisher(&made->registry, &joined, &joining);
    }
    if (status == MMFBUS_OK) {
        mmfbus__register(&made->registry->base.registration);
        MMFBUS_STEP("serve: registry joined");
        mmfbus__sweep_service(made->service);
        *server = made;
        return MMFBUS_OK;
    }
    mmfbus_subscriber_close(made->inbox);
    if (has_port) mmfbus__close_port(&made->port);
    mmfbus__free_server(made);
    return status;
}

/* -- What handlers ask of a request */

const void *mmfbus_request_input(const mmfbus_request *request, size_t *length) {
    if (length != NULL) *length = request->input->length;
    return mmfbus__bytes_of(request->input);
}

const char *mmfbus_request_method(const mmfbus_request *request) {
    return request->server->served[request->method].method->name;
}

bool mmfbus_request_is_cancelled(const mmfbus_request *request) {
    return mmfbus__was_given_up(request);
}

uint64_t mmfbus_request_deadline(const mmfbus_request *request) {
    return request->deadline;
}

uint32_t mmfbus_request_pid(const mmfbus_request *request) {
    return request->pid;
}

const char *mmfbus_request_caller(const mmfbus_request *request) {
    return request->name;
}

void **mmfbus_request_data(mmfbus_request *request) {
    return &request->data;
}

mmfbus_status mmfbus_request_try_receive(mmfbus_request *request, mmfbus_item *item) {
    if (request == NULL || item == NULL || request->state != MMFBUS__BEGUN) return MMFBUS_INVALID_ARGUMENT;
    mmfbus_server *server = request->server;
    memset(item, 0, sizeof *item);
    if (mmfbus_request_is_cancelled(request)) return MMFBUS_CANCELLED;
    if (request->items.first == NULL) {
        item->is_end = request->has_ended;
        return request->has_ended ? MMFBUS_OK : MMFBUS_EMPTY;
    }
    mmfbus__free_chunk(&server->pool, request->item);
    request->item = mmfbus__shift_chunk(&request->items);
    item->data = mmfbus__bytes_of(request->item);
    item->length = request->item->length;
    mmfbus__raise_done(server);
    request->taken += request->item->cost;
    if (request->taken >= MMFBUS__CREDIT_STEP && request->cell != NULL) {
        bool waits = mmfbus__raise_credit(request->cell, MMFBUS__CELL_ACCEPTED, request->taken, MMFBUS__CALLER_WAITS);
        MMFBUS_STEP("server: credit raised");
        request->taken = 0;
        if (waits) mmfbus__ring_segment_owner(&request->caller->mailbox->base);
    }
    return MMFBUS_OK;
}

/* A handler that waits. */
typedef struct mmfbus__waiting {
    mmfbus_request *request;
    mmfbus_item *item;
    const void *data;
    size_t length;
    mmfbus_status status;
} mmfbus__waiting;

static bool mmfbus__item_has_come(mmfbus_server *server, void *context) {
    mmfbus__waiting *waiting = (mmfbus__waiting *)context;
    (void)server;
    waiting->status = mmfbus_request_try_receive(waiting->request, waiting->item);
    return waiting->status != MMFBUS_EMPTY;
}

static bool mmfbus__item_was_answered(mmfbus_server *server, void *context) {
    mmfbus__waiting *waiting = (mmfbus__waiting *)context;
    (void)server;
    waiting->status = mmfbus_answer_try_item(waiting->request, waiting->data, waiting->length);
    return waiting->status != MMFBUS_FULL;
}

/* Waits within a handler, or as if within one. */
static mmfbus_status mmfbus__wait_within(mmfbus__waiting *waiting, mmfbus__is_finished is_finished, uint32_t timeout) {
    mmfbus_server *server = waiting->request->server;
    bool is_within = server->is_within;
    server->is_within = true;
    mmfbus_status status = mmfbus__serve_until(server, is_finished, waiting, mmfbus__deadline(timeout));
    server->is_within = is_within;
    return status == MMFBUS_OK ? waiting->status : status;
}

mmfbus_status mmfbus_request_receive(mmfbus_request *request, mmfbus_item *item, uint32_t timeout) {
    mmfbus__waiting waiting = {request, item, NULL, 0, MMFBUS_OK};
    if (request == NULL || item == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__wait_within(&waiting, mmfbus__item_has_come, timeout);
}

mmfbus_status mmfbus_answer_item(mmfbus_request *request, const void *data, size_t length, uint32_t timeout) {
    mmfbus__waiting waiting = {request, NULL, data, length, MMFBUS_OK};
    if (request == NULL) return MMFBUS_INVALID_ARGUMENT;
    return mmfbus__wait_within(&waiting, mmfbus__item_was_answered, timeout);
}

#ifdef __cplusplus
}
#endif

#endif /* MMFBUS_SERVICE_IMPLEMENTED */
#endif /* MMFBUS_IMPLEMENTATION */
