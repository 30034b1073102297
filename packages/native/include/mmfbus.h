/*
 * mmfbus.h - messages between the processes of one machine, through named shared memory.
 *
 * SYNOPSIS
 *     #define MMFBUS_IMPLEMENTATION      in exactly one file, before anything else is included
 *     #include "mmfbus.h"                everywhere else without the line above
 *
 *     C11 or C++17; gcc, clang, MSVC; Linux, macOS, Windows; little-endian, 64-bit atomics. No dependencies.
 *     Written from FORMAT.md of @mmfbus/channel: the same channels, shared with Node and any other language.
 *
 * EXAMPLE
 *     mmfbus_options options = mmfbus_options_init();
 *     options.channel = "readings";
 *     options.codec = "raw";
 *
 *     mmfbus_publisher *publisher;
 *     if (mmfbus_publisher_open(&publisher, &options) != MMFBUS_OK) ...
 *     if (mmfbus_publish(publisher, "hello", 5, MMFBUS_FOREVER) != MMFBUS_OK) ...
 *     mmfbus_publisher_close(publisher);
 *
 *     mmfbus_subscriber *subscriber;
 *     mmfbus_message message;
 *     if (mmfbus_subscriber_open(&subscriber, &options) != MMFBUS_OK) ...
 *     while (mmfbus_receive(subscriber, &message, MMFBUS_FOREVER) == MMFBUS_OK)
 *         fwrite(message.data, 1, message.length, stdout);
 *     mmfbus_subscriber_close(subscriber);
 *
 * RESULTS
 *     Every function that can fail returns an mmfbus_status: an outcome (MMFBUS_OK, MMFBUS_FULL, MMFBUS_GAP ...) or an error,
 *     which mmfbus_is_error() tells apart. mmfbus_text() says what one means, mmfbus_last_detail() what exactly was wrong when
 *     opening, and mmfbus_last_failure() which call of the operating system failed, and with which number. The names are
 *     those of Node, Rust and Python: API.md of @mmfbus/channel has all of them in one table.
 *
 *     A function with `try` in its name never waits. The one without it waits, at most as many milliseconds as it is told.
 *
 * THREADS
 *     A publisher or subscriber is used by one thread at a time; several of them by several threads. Each has a port of
 *     its own: two FIFOs beside the segment on POSIX, an event on Windows.
 *
 * MEMORY
 *     Opening allocates all that publishing and receiving need. Only putting together a message that came in fragments
 *     allocates later, as they arrive. Whatever others can change is copied once into private memory before it is looked
 *     at: a message is such a copy. Define MMFBUS_MALLOC, MMFBUS_REALLOC and MMFBUS_FREE
 *     together for an allocator of your own.
 *
 * POSITIONS
 *     A position is the incarnation of a channel, which no other channel of its name has, and the number of a message. A program
 *     that keeps the position of its subscriber goes on after it later, also in another process: MMFBUS_START_AFTER.
 *
 * COMING AND GOING
 *     mmfbus_wait_for_subscribers() waits until there are some. With the option `publisher_events`, receiving tells of each
 *     publisher that joins, leaves or dies. Without it, only of the end of the last one: MMFBUS_PUBLISHERS_GONE.
 *
 * FORK
 *     A forked child must not keep what tells others that its parent lives. All descriptors and mappings of the parent's
 *     publishers and subscribers are closed in the child, where every call on them says MMFBUS_FORKED; close them
 *     there too, or leave them. An exec closes them by itself.
 *
 * SIGNALS, ENDING
 *     No signal is used; SIGPIPE is never raised. A program that ends without closing is like one that was killed:
 *     everything goes on, and the next who comes by cleans up.
 *
 * DIRECTORY
 *     Channels are listed in the directory, by which a bus in Node finds them and hears of their coming and going: this
 *     process joins the directory of the scope with its first channel, and leaves it after its last. A failure of the
 *     directory never affects the channel: mmfbus_last_detail() tells it after an opening that succeeded.
 *
 * LIMITS
 *     What FORMAT.md says. A segment that another program truncates ends every process that uses it (SIGBUS).
 *
 * Everything else is said at the declarations below. The implementation has these sections; look for "== ":
 *     Atomics, Layout, Failures, The system, Segments, Schema, Channels, Participants, The publisher lock, Sleeping,
 *     Publishing, The directory, Subscribing, msgpack, Mappings
 */
#ifndef MMFBUS_H
#define MMFBUS_H

#if defined(MMFBUS_IMPLEMENTATION) && !defined(_WIN32)
#if defined(_FEATURES_H) && !defined(__USE_GNU)
#error "define MMFBUS_IMPLEMENTATION and include mmfbus.h before anything else, or compile with -D_GNU_SOURCE"
#endif
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _DARWIN_C_SOURCE
#define _DARWIN_C_SOURCE
#endif
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------- Version */

#define MMFBUS_VERSION "0.0.0"
/* To compare: 1000000 * major + 1000 * minor + patch. */
#define MMFBUS_VERSION_NUMBER 0

/* ---------------------------------------------------------------------------------------------------- Results */

/* A program that ignores such a result may lose messages silently. */
#if defined(__GNUC__) || defined(__clang__)
#define MMFBUS_MUST_USE __attribute__((warn_unused_result))
#else
#define MMFBUS_MUST_USE
#endif

typedef enum mmfbus_status {
    MMFBUS_OK = 0,
    /* Outcomes. */
    MMFBUS_EMPTY,           /* nothing to receive now */
    MMFBUS_GAP,             /* the messages `from` to `to` were lost */
    MMFBUS_PUBLISHERS_GONE, /* the last publisher has left or died, as `reason` says; another one may come */
    MMFBUS_PUBLISHER_JOINED, /* with the option `publisher_events`: a publisher has joined */
    MMFBUS_PUBLISHER_LEFT,  /* with the option `publisher_events`: a publisher has left or died, as `reason` says */
    MMFBUS_FULL,            /* not published: a reliable subscriber has not taken enough yet */
    MMFBUS_BUSY,            /* not published: another publisher holds the publisher lock */
    MMFBUS_READY,           /* do not sleep: look again now */
    MMFBUS_TIMEOUT,         /* the time that the call was given is over; nothing happened */
    /* Errors. */
    MMFBUS_INVALID_ARGUMENT,      /* an argument or option is unknown or outside its limits, or a call came at the wrong time */
    MMFBUS_INVALID_NAME,          /* the name of a channel is not 1 to 128 characters of A-Z a-z 0-9 . _ - */
    MMFBUS_NOT_FOUND,             /* there is no such channel or mapping, and the call was not to create it */
    MMFBUS_EXISTS,                /* there is one already, and the call was to create it */
    MMFBUS_NOT_A_CHANNEL,         /* the memory of that name is not a channel */
    MMFBUS_VERSION_MISMATCH,      /* the channel has another version of the format, or requires features unknown here */
    MMFBUS_PATTERN_MISMATCH,      /* the memory of that name is of this format and no channel, but something else */
    MMFBUS_CAPACITY_MISMATCH,     /* the channel has another capacity */
    MMFBUS_HISTORY_MISMATCH,      /* the channel has another history */
    MMFBUS_MAX_MESSAGE_MISMATCH,  /* the channel has another limit of messages */
    MMFBUS_CODEC_MISMATCH,        /* the channel has another codec */
    MMFBUS_SCHEMA_MISMATCH,       /* the channel has another schema, or only one of channel and program has one */
    MMFBUS_TOO_MANY_PARTICIPANTS, /* living participants hold all slots of the channel */
    MMFBUS_TOO_MANY_CHANNELS,     /* in details only: the directory is full; the channel works, and is not listed */
    MMFBUS_TOO_LARGE,             /* more than the channel carries, or than one call can publish without waiting */
    MMFBUS_SEQUENCE_AHEAD,        /* the subscription was to begin after a message that was not published yet */
    MMFBUS_OTHER_INCARNATION,     /* it was to begin after a message of an earlier channel of that name, which has ended */
    MMFBUS_UNENCODABLE,           /* a value is not of its shape: see mmfbus_shape.h */
    MMFBUS_UNDECODABLE,           /* bytes are not of their shape: see mmfbus_shape.h */
    MMFBUS_DISCONNECTED,          /* this reliable subscriber was too slow, and a publisher gave it up: close it */
    MMFBUS_CORRUPTED,             /* the shared memory holds what no participant writes */
    MMFBUS_NO_SPACE,              /* the operating system cannot supply that much shared memory */
    MMFBUS_ACCESS_DENIED,         /* the operating system refuses access */
    MMFBUS_OS_ERROR,              /* any other failure of a call to the operating system: see mmfbus_last_failure() */
    MMFBUS_NO_MEMORY,             /* there is no memory left for this process, or an arena of mmfbus_shape.h is too small */
    MMFBUS_FORKED,                /* opened by a process that this one was forked from */
    /* Errors of calls: see mmfbus_service.h. */
    MMFBUS_NO_SERVER,             /* no server of the service runs, or came in time */
    MMFBUS_NO_METHOD,             /* no server that runs has the method, or has it as this program knows it */
    MMFBUS_SERVER_DIED,           /* the server that had the call died, or left, before it answered */
    MMFBUS_UNREACHABLE,           /* the server cannot answer this client, or this client cannot join it */
    MMFBUS_MAILBOX_LOST,          /* the memory in which this client gets its answers was damaged; it has a new one */
    MMFBUS_CANCELLED,             /* the program gave the call up */
    MMFBUS_REFUSED,               /* the input does not fit the method */
    MMFBUS_REMOTE,                /* the handler failed in a way that its method does not declare */
    MMFBUS_DECLARED               /* the handler answered with an error that its method declares */
} mmfbus_status;

static inline bool mmfbus_is_error(mmfbus_status status) {
    return status >= MMFBUS_INVALID_ARGUMENT;
}

/* A sentence without a full stop; never NULL. */
const char *mmfbus_text(mmfbus_status status);

typedef struct mmfbus_failure {
    const char *call; /* for example "mmap"; NULL when none failed yet */
    long number;      /* errno, or GetLastError() */
} mmfbus_failure;

/* The call of the operating system that failed last in this thread. */
mmfbus_failure mmfbus_last_failure(void);

/*
 * What exactly was wrong when this thread opened a publisher or subscriber last: which option, what the channel has instead,
 * where its schema and ours begin to differ; or, after MMFBUS_OK, why the channel could not be listed in the directory. One
 * line of printable text; empty where there is nothing to add.
 */
const char *mmfbus_last_detail(void);

/* ---------------------------------------------------------------------------------------------------- Options */

typedef enum mmfbus_scope {
    MMFBUS_SCOPE_USER = 0,   /* found by the programs of this user, on Windows of this logon session */
    MMFBUS_SCOPE_MACHINE = 1 /* found by the programs of all users */
} mmfbus_scope;

typedef enum mmfbus_open_mode {
    MMFBUS_OPEN_OR_CREATE = 0,
    MMFBUS_OPEN = 1,
    MMFBUS_CREATE = 2
} mmfbus_open_mode;

typedef enum mmfbus_delivery {
    MMFBUS_DELIVERY_RELIABLE = 0, /* publishers wait for this subscriber */
    MMFBUS_DELIVERY_LOSSY = 1     /* they overtake it, and it is told what it missed */
} mmfbus_delivery;

typedef enum mmfbus_start {
    MMFBUS_START_DEFAULT = 0,  /* MMFBUS_START_HISTORY where the channel has a history, else MMFBUS_START_LATEST */
    MMFBUS_START_LATEST = 1,   /* the next message */
    MMFBUS_START_EARLIEST = 2, /* the oldest that is in the ring still */
    MMFBUS_START_HISTORY = 3,  /* the last `history` of the channel */
    MMFBUS_START_AFTER = 4     /* the one after the position `after`; what the ring has lost since is a gap */
} mmfbus_start;

/* Where a subscription begins whose position `after` is of an earlier channel of that name, of which nothing is left. */
typedef enum mmfbus_otherwise {
    MMFBUS_OTHERWISE_ERROR = 0, /* nowhere: opening fails with MMFBUS_OTHER_INCARNATION */
    MMFBUS_OTHERWISE_EARLIEST = 1,
    MMFBUS_OTHERWISE_LATEST = 2
} mmfbus_otherwise;

/*
 * A place among the messages of a channel. It may be kept: it never means another message, not even when the channel has
 * ended meanwhile and another one has its name. Other languages write the incarnation as 16 hexadecimal digits.
 */
typedef struct mmfbus_position {
    uint64_t incarnation; /* of this life of the channel: random, never 0 */
    uint64_t sequence;    /* number of a message; 0 before the first */
} mmfbus_position;

typedef enum mmfbus_slow_subscribers {
    MMFBUS_SLOW_SUBSCRIBERS_WAIT = 0,      /* wait for them: MMFBUS_FULL where a call does not wait */
    MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT = 1 /* end their subscription */
} mmfbus_slow_subscribers;

#define MMFBUS_FOREVER UINT32_MAX

/* For `schema` of a subscriber: neither schema nor codec are compared, and the channel is never created. */
#define MMFBUS_SCHEMA_ANY "any"

/* Begin with mmfbus_options_init(); only `channel` is needed. Zero means the default. Nothing is kept after the call. */
typedef struct mmfbus_options {
    size_t struct_size; /* bytes of this struct as the caller was compiled with it: mmfbus_options_init() stores it */
    /* The channel. 1 to 128 characters of A-Z a-z 0-9 . _ - */
    const char *channel;
    mmfbus_scope scope;
    const char *codec;         /* up to 31 characters; NULL for "msgpack" */
    const char *schema;        /* text that describes the payloads, compared byte by byte; NULL where the channel has none */
    uint64_t capacity;         /* bytes of the ring, a power of two; 0 for whatever it has, 8 MiB where we create it */
    uint64_t history;          /* last messages that late joiners find for certain; 0 for whatever it has, none */
    uint64_t max_message;      /* bytes; 0 for whatever it has, 64 MiB, with a history what lets that fit */
    uint32_t max_participants; /* slots, 2 to 1024, where we create it; 0 for 64 */
    unsigned mode;             /* permission bits on POSIX: users that they let read and write may join. Where we create it; with
                                  MMFBUS_SCOPE_MACHINE also the most that one which exists may have. 0 for 0600, or any */
    const char *group;         /* its POSIX group, by name or id, where we create it; with MMFBUS_SCOPE_MACHINE also the one that it
                                  must have. NULL for that of new files, or any */
    bool not_discoverable;     /* true: joining does not list the channel in the directory, by which tools find it */
    /* The participant. */
    mmfbus_open_mode open;
    const char *name;          /* up to 48 bytes, shown by tools that look into the channel; NULL for none */
    uint32_t timeout;          /* of opening and closing: milliseconds to wait for a living holder of the publisher lock; 0 for 5000 */
    mmfbus_slow_subscribers slow_subscribers; /* publisher */
    bool no_timestamps;        /* publisher: messages say 0 instead of when, which spares reading the clock */
    mmfbus_delivery delivery;  /* subscriber */
    mmfbus_start start;        /* subscriber */
    mmfbus_position after;     /* subscriber, with MMFBUS_START_AFTER */
    mmfbus_otherwise otherwise; /* subscriber, with MMFBUS_START_AFTER */
    bool publisher_events;     /* subscriber: receiving tells of publishers that come and go; false: it does not */
    /*
     * Subscriber: how long mmfbus_receive() looks for the next message before it sleeps. In microseconds, unlike all other
     * times; 0 for 200, 1 to sleep at once, MMFBUS_FOREVER never to sleep.
     */
    uint32_t poll_window_us;
} mmfbus_options;

static inline mmfbus_options mmfbus_options_init(void) {
    mmfbus_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    return options;
}

/* What a participant may be waited for by: readable in poll(), or a HANDLE for WaitForSingleObject(). */
#ifdef _WIN32
typedef void *mmfbus_descriptor;
#else
typedef int mmfbus_descriptor;
#endif

/* Nanoseconds of the monotonic clock that timestamps are taken from. */
uint64_t mmfbus_now(void);

/* Geometry of a channel, and what a participant has counted. */
typedef struct mmfbus_information {
    uint64_t capacity, history, max_message;
    uint32_t max_participants, max_payload, slot; /* max_payload: bytes of the largest message that is not split */
    uint64_t messages, bytes, full, missed, wake_ups;
    char codec[32];
} mmfbus_information;

/* ------------------------------------------------------------------------------------------------- Publishing */

typedef struct mmfbus_publisher mmfbus_publisher;

/* Joins as a publisher. `*publisher` is NULL when it fails. MMFBUS_TIMEOUT: the publisher lock was held all the time. */
MMFBUS_MUST_USE mmfbus_status mmfbus_publisher_open(mmfbus_publisher **publisher, const mmfbus_options *options);

/* Leaves and frees everything. The last one in a channel to close removes it. NULL is allowed. */
void mmfbus_publisher_close(mmfbus_publisher *publisher);

/*
 * Publishes a copy. Does not wait for room, and for another publisher at work only some milliseconds: MMFBUS_OK, MMFBUS_FULL,
 * MMFBUS_BUSY. After the last two nothing is published and nothing has changed. MMFBUS_BUSY is rare and no counter has it:
 * count it yourself. MMFBUS_TOO_LARGE for more than `max_payload` bytes: those are for mmfbus_publish().
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_try_publish(mmfbus_publisher *publisher, const void *data, size_t length);

/*
 * Publishes a copy and waits for room and for the lock, at most `timeout` milliseconds: MMFBUS_OK, MMFBUS_TIMEOUT. What
 * is larger than a frame, up to `max_message` bytes, is split; subscribers put it together. After a timeout no subscriber gets
 * any of it.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_publish(mmfbus_publisher *publisher, const void *data, size_t length, uint32_t timeout);

typedef struct mmfbus_bytes {
    const void *data;
    size_t length;
} mmfbus_bytes;

/*
 * The same two for several messages: all or none, with one commit and one wake-up. MMFBUS_TOO_LARGE for more than a quarter
 * of the ring in frames, and for a message of more than `max_payload` bytes.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_try_publish_all(mmfbus_publisher *publisher, const mmfbus_bytes *messages, size_t count);
MMFBUS_MUST_USE mmfbus_status mmfbus_publish_all(mmfbus_publisher *publisher, const mmfbus_bytes *messages, size_t count,
                                                 uint32_t timeout);

/*
 * Publishing in place: `*place` has room for `length` bytes in the ring itself. Fill it, and commit as many as there are. Write
 * there and do not read: other processes may change it at any time.
 * The lock is held in between: do nothing there that may wait or fail. Results as for mmfbus_try_publish().
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_try_claim(mmfbus_publisher *publisher, size_t length, void **place);
MMFBUS_MUST_USE mmfbus_status mmfbus_commit(mmfbus_publisher *publisher, size_t length);
/* Gives a claim back; no subscriber sees anything of it. */
void mmfbus_abandon(mmfbus_publisher *publisher);

/* Number of the last message this publisher has published; 0 before the first. */
uint64_t mmfbus_last_published(const mmfbus_publisher *publisher);
/* That number, in this life of the channel. */
mmfbus_position mmfbus_publisher_position(const mmfbus_publisher *publisher);

/*
 * Waits, at most `timeout` milliseconds, until the channel has `count` subscribers, at least 1: MMFBUS_OK, MMFBUS_TIMEOUT.
 * `*there` is how many it has then, and may be NULL.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_wait_for_subscribers(mmfbus_publisher *publisher, uint32_t count, uint32_t timeout,
                                                          uint32_t *there);

/*
 * Waiting for room in an event loop of one's own. Arm it when mmfbus_try_publish() said MMFBUS_FULL. MMFBUS_OK: wait until the
 * descriptor is readable, then publish again (which disarms it). MMFBUS_READY: there is room now.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_publisher_arm(mmfbus_publisher *publisher, size_t length);
mmfbus_descriptor mmfbus_publisher_descriptor(const mmfbus_publisher *publisher);

mmfbus_information mmfbus_publisher_information(const mmfbus_publisher *publisher);

/* ------------------------------------------------------------------------------------------------ Subscribing */

typedef struct mmfbus_subscriber mmfbus_subscriber;

typedef enum mmfbus_reason {
    MMFBUS_REASON_LEFT = 1,
    MMFBUS_REASON_DIED = 2,
    MMFBUS_REASON_UNKNOWN = 3 /* several participants had its slot, one after the other, between two looks */
} mmfbus_reason;

typedef struct mmfbus_message {
    const void *data;   /* a private copy, until the next call with this subscriber */
    size_t length;
    uint64_t sequence;  /* its number in the channel, from 1 on, without holes */
    uint64_t timestamp; /* when it was published, or 0 where that is not said: compare with mmfbus_now() */
    uint32_t publisher; /* slot of its publisher, or of the one that joined or left */
    uint64_t from, to;  /* with MMFBUS_GAP: the first and the last number that were lost */
    mmfbus_reason reason; /* with MMFBUS_PUBLISHERS_GONE what the last publisher did, with MMFBUS_PUBLISHER_LEFT this one */
    /* With MMFBUS_PUBLISHER_JOINED and MMFBUS_PUBLISHER_LEFT: */
    const char *name;   /* what it calls itself, or ""; control characters as `?`; until the next call with this subscriber */
    uint32_t pid;       /* of its process, in its PID namespace; 0 where it is not known */
    uint32_t remaining; /* with MMFBUS_PUBLISHER_LEFT: how many publishers there were still */
} mmfbus_message;

/* Joins as a subscriber. `*subscriber` is NULL when it fails. MMFBUS_TIMEOUT: the publisher lock was held all the time. */
MMFBUS_MUST_USE mmfbus_status mmfbus_subscriber_open(mmfbus_subscriber **subscriber, const mmfbus_options *options);

/* Leaves and frees everything. NULL is allowed. */
void mmfbus_subscriber_close(mmfbus_subscriber *subscriber);

/*
 * The next message, without waiting: MMFBUS_OK, MMFBUS_EMPTY, MMFBUS_GAP or MMFBUS_PUBLISHERS_GONE. Only errors are final,
 * MMFBUS_DISCONNECTED among them. A message that it has returned is taken: a publisher may overwrite it in the ring.
 *
 * With the option `publisher_events` also MMFBUS_PUBLISHER_JOINED, for publishers that were not there when the subscription
 * began, and MMFBUS_PUBLISHER_LEFT, after all that was published before the publisher was found to be gone. Of those that
 * came and went between two looks nothing is said.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_try_receive(mmfbus_subscriber *subscriber, mmfbus_message *message);

/*
 * The same, but instead of MMFBUS_EMPTY it waits, asleep after `poll_window_us`; MMFBUS_TIMEOUT after `timeout` milliseconds.
 * It pauses for a microsecond or two after it has found several messages, as many at once cost much less: a loop that
 * polls is faster with a window of MMFBUS_FOREVER here than with mmfbus_try_receive().
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_receive(mmfbus_subscriber *subscriber, mmfbus_message *message, uint32_t timeout);

/*
 * Waiting in an event loop of one's own. Arm it when mmfbus_try_receive() said MMFBUS_EMPTY. MMFBUS_OK: wait until the
 * descriptor is readable, then receive again (which disarms it). MMFBUS_READY: receive again now. MMFBUS_BUSY: receive
 * again in a millisecond, because a publisher is at work.
 *
 * On Windows the handle is signalled by publishers, not by their death: wake up now and then, and receive.
 */
MMFBUS_MUST_USE mmfbus_status mmfbus_arm(mmfbus_subscriber *subscriber);
mmfbus_descriptor mmfbus_subscriber_descriptor(const mmfbus_subscriber *subscriber);

/* How far the program has come: to the last message that was returned or told to be lost. Goes on with MMFBUS_START_AFTER. */
mmfbus_position mmfbus_subscriber_position(const mmfbus_subscriber *subscriber);

mmfbus_information mmfbus_subscriber_information(const mmfbus_subscriber *subscriber);

/* ---------------------------------------------------------------------------------------------------- msgpack */

/*
 * Writes msgpack into memory of the caller's. What does not fit is counted and not written: `length` is what would have
 * been needed, `mmfbus_mp_fits` tells.
 */
typedef struct mmfbus_mp_writer {
    uint8_t *data;
    size_t capacity;
    size_t length;
} mmfbus_mp_writer;

static inline mmfbus_mp_writer mmfbus_mp_write_to(void *data, size_t capacity) {
    mmfbus_mp_writer writer;
    writer.data = (uint8_t *)data;
    writer.capacity = capacity;
    writer.length = 0;
    return writer;
}

static inline bool mmfbus_mp_fits(const mmfbus_mp_writer *writer) {
    return writer->length <= writer->capacity;
}

void mmfbus_mp_nil(mmfbus_mp_writer *writer);
void mmfbus_mp_bool(mmfbus_mp_writer *writer, bool value);
void mmfbus_mp_int(mmfbus_mp_writer *writer, int64_t value);
void mmfbus_mp_uint(mmfbus_mp_writer *writer, uint64_t value);
void mmfbus_mp_float(mmfbus_mp_writer *writer, float value);
void mmfbus_mp_double(mmfbus_mp_writer *writer, double value);
void mmfbus_mp_string(mmfbus_mp_writer *writer, const char *text); /* UTF-8, up to its zero */
void mmfbus_mp_text(mmfbus_mp_writer *writer, const char *text, size_t length);
void mmfbus_mp_binary(mmfbus_mp_writer *writer, const void *data, size_t length);
void mmfbus_mp_array(mmfbus_mp_writer *writer, uint32_t count); /* then that many values */
void mmfbus_mp_map(mmfbus_mp_writer *writer, uint32_t count);   /* then that many pairs of key and value */
void mmfbus_mp_extension(mmfbus_mp_writer *writer, int8_t type, const void *data, size_t length);
void mmfbus_mp_raw(mmfbus_mp_writer *writer, const void *data, size_t length); /* msgpack already */

typedef enum mmfbus_mp_type {
    MMFBUS_MP_NONE = 0, /* the end, or bytes that are no msgpack */
    MMFBUS_MP_NIL,
    MMFBUS_MP_BOOL,
    MMFBUS_MP_INT,    /* negative */
    MMFBUS_MP_UINT,   /* zero or positive, however it was written */
    MMFBUS_MP_DOUBLE, /* floats too */
    MMFBUS_MP_TEXT,
    MMFBUS_MP_BINARY,
    MMFBUS_MP_ARRAY,
    MMFBUS_MP_MAP,
    MMFBUS_MP_EXTENSION
} mmfbus_mp_type;

typedef struct mmfbus_mp_value {
    mmfbus_mp_type type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
    } as;
    const uint8_t *data; /* of text, binary and extension: within what is read, no zero at its end */
    uint32_t length;     /* bytes of those; values of an array; pairs of a map */
    int8_t extension;
} mmfbus_mp_value;

typedef struct mmfbus_mp_reader {
    const uint8_t *data;
    size_t length;
    size_t offset;
} mmfbus_mp_reader;

static inline mmfbus_mp_reader mmfbus_mp_read_from(const void *data, size_t length) {
    mmfbus_mp_reader reader;
    reader.data = (const uint8_t *)data;
    reader.length = length;
    reader.offset = 0;
    return reader;
}

/* The next value; of an array or map only its head, its contents come next. False at the end, and for anything else. */
bool mmfbus_mp_next(mmfbus_mp_reader *reader, mmfbus_mp_value *value);

/* Passes over the next value with all its contents. */
bool mmfbus_mp_skip(mmfbus_mp_reader *reader);

/* Looks for a key in the map that comes next, and reads its value. Moves nothing: `map` stays where it is. */
bool mmfbus_mp_find(mmfbus_mp_reader map, const char *key, mmfbus_mp_value *value);

/* A number of any kind as a double; `otherwise` for anything else. */
double mmfbus_mp_number(const mmfbus_mp_value *value, double otherwise);

/* Whether it is that text. */
bool mmfbus_mp_is(const mmfbus_mp_value *value, const char *text);

/* --------------------------------------------------------------------------------------------------- Mappings */

/*
 * Plain named memory with a lock: the mappings of winmmf and of @mmfbus/core. In memory a lock word of 4 bytes comes
 * first, then the data. The word names no owner: a process that dies with the lock leaves it held.
 */
typedef struct mmf mmf;

typedef enum mmfbus_namespace {
    MMFBUS_LOCAL = 0,  /* this user, on Windows this logon session */
    MMFBUS_GLOBAL = 1, /* all users */
    MMFBUS_CUSTOM = 2  /* the name as it is */
} mmfbus_namespace;

/* Makes a new one of `size` bytes, all zero. MMFBUS_EXISTS when the name is taken. */
MMFBUS_MUST_USE mmfbus_status mmf_create(mmf **mapping, const char *name, mmfbus_namespace space, size_t size);
/* Opens one that exists; of one without our mark the size is that of its file, or whole pages on Windows. */
MMFBUS_MUST_USE mmfbus_status mmf_open(mmf **mapping, const char *name, mmfbus_namespace space);
/* The same, but its data cannot be written. */
MMFBUS_MUST_USE mmfbus_status mmf_open_readonly(mmf **mapping, const char *name, mmfbus_namespace space);
/* The last one to close removes it. NULL is allowed. */
void mmf_close(mmf *mapping);

size_t mmf_size(const mmf *mapping);
/*
 * The data itself, to be touched under the lock. The lock binds only who takes it: where that is not all who can open the
 * mapping, copy a value once and check the copy.
 */
void *mmf_data(mmf *mapping);

/* Copy under the lock, after at most `tries` tries for it: MMFBUS_OK, MMFBUS_BUSY; MMFBUS_TOO_LARGE beyond the data. */
MMFBUS_MUST_USE mmfbus_status mmf_read(mmf *mapping, size_t offset, void *target, size_t length, uint32_t tries);
MMFBUS_MUST_USE mmfbus_status mmf_write(mmf *mapping, size_t offset, const void *source, size_t length, uint32_t tries);

typedef enum mmf_lock_kind { MMF_READ = 0, MMF_WRITE = 1 } mmf_lock_kind;

/* One try; false when another lock forbids it, or the word is not initialised. */
bool mmf_lock_try(mmf *mapping, mmf_lock_kind kind);
/* That many tries, giving way in between. */
bool mmf_lock_spin(mmf *mapping, mmf_lock_kind kind, uint32_t tries);
/* False when it was not held. */
bool mmf_lock_release(mmf *mapping, mmf_lock_kind kind);
/* Frees it, even when another process holds it. Only for a holder that is known to be dead. */
void mmf_lock_break(mmf *mapping);
uint32_t mmf_lock_word(mmf *mapping);

#ifdef __cplusplus
}
#endif

#endif /* MMFBUS_H */

#ifdef MMFBUS_IMPLEMENTATION
#ifndef MMFBUS_IMPLEMENTED
#define MMFBUS_IMPLEMENTED

#include <stdio.h>
#include <stdlib.h>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/timerfd.h>
#else
#include <sys/event.h>
#include <sys/time.h>
#endif
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mmfbus.h is for little-endian machines"
#endif

#ifndef MMFBUS_MALLOC
#define MMFBUS_MALLOC(size) malloc(size)
#define MMFBUS_REALLOC(block, size) realloc(block, size)
#define MMFBUS_FREE(block) free(block)
#endif

/* Tests define it, to stop or to kill the process at a named step. */
#ifndef MMFBUS_STEP
#define MMFBUS_STEP(name) ((void)0)
#endif

/* For what is done for each message: compilers would make calls of it. */
#if defined(_MSC_VER) && !defined(__clang__)
#define MMFBUS__INLINE static __forceinline
#else
#define MMFBUS__INLINE static inline __attribute__((always_inline))
#endif

#ifdef __cplusplus
#define MMFBUS__THREAD_LOCAL thread_local
extern "C" {
#elif defined(_MSC_VER)
#define MMFBUS__THREAD_LOCAL __declspec(thread)
#else
#define MMFBUS__THREAD_LOCAL _Thread_local
#endif

/* ========================================================================================================= Atomics
 * == Atomics
 *
 * Load, store, exchange, add and compare-exchange are sequentially consistent, as FORMAT.md wants them. `peek` and `poke`
 * are for memory that others may be writing or reading: done once and at once, and no order is promised.
 */

#if defined(__SANITIZE_THREAD__)
#define MMFBUS__THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MMFBUS__THREAD_SANITIZER
#endif
#endif

#if defined(_MSC_VER) && !defined(__clang__)

#include <intrin.h>

static inline uint32_t mmfbus__load32(const void *place) {
    return (uint32_t)_InterlockedOr((volatile long *)place, 0);
}
static inline void mmfbus__store32(void *place, uint32_t value) {
    _InterlockedExchange((volatile long *)place, (long)value);
}
static inline uint32_t mmfbus__add32(void *place, uint32_t value) {
    return (uint32_t)_InterlockedExchangeAdd((volatile long *)place, (long)value);
}
static inline bool mmfbus__swap32(void *place, uint32_t from, uint32_t to) {
    return (uint32_t)_InterlockedCompareExchange((volatile long *)place, (long)to, (long)from) == from;
}
/* Clears a word where it is `own`, which no other thread changes. What was stored before is seen before that. */
static inline void mmfbus__clear32(void *place, uint32_t own) {
    mmfbus__swap32(place, own, 0);
}
static inline int64_t mmfbus__load64(const void *place) {
    return _InterlockedOr64((volatile __int64 *)place, 0);
}
static inline void mmfbus__store64(void *place, int64_t value) {
    _InterlockedExchange64((volatile __int64 *)place, value);
}
static inline bool mmfbus__swap64(void *place, int64_t from, int64_t to) {
    return _InterlockedCompareExchange64((volatile __int64 *)place, to, from) == from;
}
/* What was read before it was read before everything after it. */
static inline void mmfbus__read_fence(void) {
    MemoryBarrier();
}
/* What is written after it is not seen before what was written before it. */
static inline void mmfbus__write_fence(void) {
    MemoryBarrier();
}
static inline uint32_t mmfbus__peek32(const void *place) {
    return *(const volatile uint32_t *)place;
}
static inline uint64_t mmfbus__peek64(const void *place) {
    return *(const volatile uint64_t *)place;
}
static inline void mmfbus__poke32(void *place, uint32_t value) {
    *(volatile uint32_t *)place = value;
}
static inline void mmfbus__poke64(void *place, uint64_t value) {
    *(volatile uint64_t *)place = value;
}
static inline void mmfbus__expect_write(void *place) {
    (void)place;
}
static inline void mmfbus__relax(void) {
    YieldProcessor();
}

#else

static inline uint32_t mmfbus__load32(const void *place) {
    return __atomic_load_n((const uint32_t *)place, __ATOMIC_SEQ_CST);
}
static inline void mmfbus__store32(void *place, uint32_t value) {
    __atomic_store_n((uint32_t *)place, value, __ATOMIC_SEQ_CST);
}
static inline uint32_t mmfbus__add32(void *place, uint32_t value) {
    return __atomic_fetch_add((uint32_t *)place, value, __ATOMIC_SEQ_CST);
}
static inline bool mmfbus__swap32(void *place, uint32_t from, uint32_t to) {
    return __atomic_compare_exchange_n((uint32_t *)place, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
/* Clears a word where it is `own`, which no other thread changes. What was stored before is seen before that. */
static inline void mmfbus__clear32(void *place, uint32_t own) {
    if (__atomic_load_n((const uint32_t *)place, __ATOMIC_RELAXED) != own) return;
    __atomic_store_n((uint32_t *)place, 0, __ATOMIC_RELEASE);
}
static inline int64_t mmfbus__load64(const void *place) {
    return __atomic_load_n((const int64_t *)place, __ATOMIC_SEQ_CST);
}
static inline void mmfbus__store64(void *place, int64_t value) {
    __atomic_store_n((int64_t *)place, value, __ATOMIC_SEQ_CST);
}
static inline bool mmfbus__swap64(void *place, int64_t from, int64_t to) {
    return __atomic_compare_exchange_n((int64_t *)place, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
/* What was read before it was read before everything after it: FORMAT.md wants no more of a reader's fence. */
static inline void mmfbus__read_fence(void) {
#ifdef MMFBUS__THREAD_SANITIZER
    /* The sanitizer does not know of fences. */
    static MMFBUS__THREAD_LOCAL uint32_t own;
    __atomic_fetch_add(&own, 1, __ATOMIC_SEQ_CST);
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}
/* What is written after it is not seen before what was written before it. */
static inline void mmfbus__write_fence(void) {
#ifndef MMFBUS__THREAD_SANITIZER
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline uint32_t mmfbus__peek32(const void *place) {
    return __atomic_load_n((const uint32_t *)place, __ATOMIC_RELAXED);
}
static inline uint64_t mmfbus__peek64(const void *place) {
    return __atomic_load_n((const uint64_t *)place, __ATOMIC_RELAXED);
}
static inline void mmfbus__poke32(void *place, uint32_t value) {
    __atomic_store_n((uint32_t *)place, value, __ATOMIC_RELAXED);
}
static inline void mmfbus__poke64(void *place, uint64_t value) {
    __atomic_store_n((uint64_t *)place, value, __ATOMIC_RELAXED);
}
/* Has the processor fetch what is to be written soon. */
static inline void mmfbus__expect_write(void *place) {
#if defined(__x86_64__)
    /* The builtin fetches it for reading unless told of a newer processor; older ones take this for no operation. */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)place));
#else
    __builtin_prefetch(place, 1);
#endif
}
static inline void mmfbus__relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif

/* ========================================================================================================== Layout
 * == Layout
 *
 * The tables of FORMAT.md.
 */

/* generated from the layouts of @mmfbus/channel */
enum {
    /* Segment header. */
    MMFBUS__HEADER_MAGIC = 0,
    MMFBUS__HEADER_FORMAT_VERSION = 8,
    MMFBUS__FORMAT_VERSION = 2,
    MMFBUS__HEADER_HEADER_LENGTH = 12,
    MMFBUS__HEADER_SEGMENT_LENGTH = 16,
    MMFBUS__HEADER_RING_OFFSET = 24,
    MMFBUS__HEADER_RING_CAPACITY = 32,
    MMFBUS__HEADER_PARTICIPANTS_OFFSET = 40,
    MMFBUS__HEADER_PARTICIPANT_COUNT = 44,
    MMFBUS__HEADER_PARTICIPANT_LENGTH = 48,
    MMFBUS__HEADER_MAX_PAYLOAD = 52,
    MMFBUS__HEADER_SCHEMA_OFFSET = 56,
    MMFBUS__HEADER_SCHEMA_LENGTH = 60,
    MMFBUS__HEADER_CODEC = 64,
    MMFBUS__HEADER_CODEC_SIZE = 32,
    MMFBUS__HEADER_SCHEMA = 96,
    MMFBUS__HEADER_SCHEMA_SIZE = 32,
    MMFBUS__HEADER_HISTORY = 128,
    MMFBUS__HEADER_MAX_MESSAGE = 136,
    MMFBUS__HEADER_CREATED_AT = 144,
    MMFBUS__HEADER_PATTERN = 152,
    MMFBUS__PATTERN_CHANNEL = 1,
    MMFBUS__PATTERN_REGISTRY = 2,
    MMFBUS__PATTERN_CALLS = 3,
    MMFBUS__PATTERN_REPLIES = 4,
    MMFBUS__PATTERN_DIRECTORY = 7,
    MMFBUS__HEADER_REQUIRED_FEATURES = 156,
    MMFBUS__HEADER_OPTIONAL_FEATURES = 160,
    MMFBUS__HEADER_INCARNATION = 168,
    MMFBUS__HEADER_PUBLISHER_LOCK = 192,
    MMFBUS__HEADER_TAIL = 256,
    MMFBUS__HEADER_HEAD = 320,
    MMFBUS__HEADER_EPOCH = 384,
    MMFBUS__HEADER_SLEEPERS = 388,
    MMFBUS__HEADER_ROOM_WAITERS = 392,
    MMFBUS__HEADER_CLOSED_EPOCH = 396,
    MMFBUS__HEADER_CLOSED_REASON = 400,
    MMFBUS__CLOSED_BY_LEAVING = 1,
    MMFBUS__CLOSED_BY_DEATH = 2,
    MMFBUS__HEADER_SLOTS_USED = 404,
    MMFBUS__HEADER_MEMBER_WAITERS = 408,
    MMFBUS__HEADER_SIZE = 512,

    /* Slot of a participant. */
    MMFBUS__SLOT_NONCE = 0,
    MMFBUS__SLOT_IDENTITY_NONCE = 8,
    MMFBUS__SLOT_START_TIME = 16,
    MMFBUS__SLOT_PID_NAMESPACE = 24,
    MMFBUS__SLOT_PID = 32,
    MMFBUS__SLOT_GENERATION = 36,
    MMFBUS__SLOT_JOINED_AT = 40,
    MMFBUS__SLOT_THREAD_START_TIME = 48,
    MMFBUS__SLOT_THREAD_ID = 56,
    MMFBUS__SLOT_CURSOR = 64,
    MMFBUS__SLOT_STATE = 72,
    MMFBUS__STATE_NONE = 0,
    MMFBUS__STATE_PUBLISHER = 1,
    MMFBUS__STATE_RELIABLE = 2,
    MMFBUS__STATE_LOSSY = 3,
    MMFBUS__STATE_DISCONNECTED = 4,
    MMFBUS__SLOT_ASLEEP = 76,
    MMFBUS__SLOT_SLEEPS = 80,
    MMFBUS__SLOT_DISCONNECT_REASON = 84,
    MMFBUS__DISCONNECTED_AS_SLOW = 1,
    MMFBUS__DISCONNECTED_AS_WRONG = 2,
    MMFBUS__SLOT_WANTS = 88,
    MMFBUS__WANTS_FRAMES = 1,
    MMFBUS__WANTS_ROOM = 2,
    MMFBUS__WANTS_MEMBERS = 4,
    MMFBUS__SLOT_LAST_END = 92,
    MMFBUS__ENDED_BY_LEAVING = 1,
    MMFBUS__ENDED_BY_DEATH = 2,
    MMFBUS__SLOT_PHASE = 96,
    MMFBUS__PHASE_SERVING = 1,
    MMFBUS__PHASE_DRAINING = 2,
    MMFBUS__SLOT_DONE = 104,
    MMFBUS__SLOT_DETAIL = 112,
    MMFBUS__SLOT_MESSAGES = 128,
    MMFBUS__SLOT_BYTES = 136,
    MMFBUS__SLOT_FULL = 144,
    MMFBUS__SLOT_MISSED = 152,
    MMFBUS__SLOT_WAKE_UPS = 160,
    MMFBUS__SLOT_BUSY = 168,
    MMFBUS__SLOT_NAME = 192,
    MMFBUS__SLOT_NAME_SIZE = 48,
    MMFBUS__SLOT_SIZE = 256,

    /* Header of a frame. */
    MMFBUS__FRAME_LENGTH = 0,
    MMFBUS__FRAME_KIND = 4,
    MMFBUS__KIND_MESSAGE = 1,
    MMFBUS__KIND_PADDING = 2,
    MMFBUS__KIND_TERMINATOR = 3,
    MMFBUS__KIND_FRAGMENT = 4,
    MMFBUS__KIND_LAST_FRAGMENT = 5,
    MMFBUS__FRAME_FLAGS = 5,
    MMFBUS__FLAG_EXTENSION = 1,
    MMFBUS__FRAME_PUBLISHER = 6,
    MMFBUS__FRAME_SEQUENCE = 8,
    MMFBUS__FRAME_TIMESTAMP = 16,
    MMFBUS__FRAME_SIZE = 24,

    /* Header of a fragment. */
    MMFBUS__FRAGMENT_BEGAN = 0,
    MMFBUS__FRAGMENT_TOTAL = 8,
    MMFBUS__FRAGMENT_OFFSET = 12,
    MMFBUS__FRAGMENT_GENERATION = 16,
    MMFBUS__FRAGMENT_SIZE = 24,

    /* Entry of the directory. */
    MMFBUS__ENTRY_STATE = 0,
    MMFBUS__ENTRY_NAME = 64,
    MMFBUS__ENTRY_NAME_SIZE = 128,
    MMFBUS__ENTRY_SIZE = 192,

    /* Notice of the directory. */
    MMFBUS__NOTICE_KIND = 0,
    MMFBUS__NOTICE_OPENED = 1,
    MMFBUS__NOTICE_CLOSED = 2,
    MMFBUS__NOTICE_CHANGED = 3,
    MMFBUS__NOTICE_CHANNEL = 8,
    MMFBUS__NOTICE_CHANNEL_SIZE = 128,
    MMFBUS__NOTICE_SIZE = 136,

    /* Cell of a mailbox. */
    MMFBUS__CELL_WORD = 0,
    MMFBUS__CELL_FREE = 0,
    MMFBUS__CELL_WAITING = 1,
    MMFBUS__CELL_STARTED = 2,
    MMFBUS__CELL_CANCELLED = 3,
    MMFBUS__CELL_WITHDRAWN = 4,
    MMFBUS__CELL_GRANTED = 4,
    MMFBUS__CELL_ACCEPTED = 8,
    MMFBUS__CELL_WAITS = 12,
    MMFBUS__SERVER_WAITS = 1,
    MMFBUS__CALLER_WAITS = 2,
    MMFBUS__CELL_SIZE = 16,

    /* Envelope of a call. */
    MMFBUS__ENVELOPE_KIND = 0,
    MMFBUS__ENVELOPE_CALL = 1,
    MMFBUS__ENVELOPE_ONE_WAY = 2,
    MMFBUS__ENVELOPE_ITEM = 3,
    MMFBUS__ENVELOPE_END = 4,
    MMFBUS__ENVELOPE_CELL = 2,
    MMFBUS__ENVELOPE_METHOD = 4,
    MMFBUS__ENVELOPE_ID = 8,
    MMFBUS__ENVELOPE_MAILBOX = 16,
    MMFBUS__ENVELOPE_INCARNATION = 24,
    MMFBUS__ENVELOPE_DEADLINE = 32,
    MMFBUS__ENVELOPE_SIZE = 40,

    /* Envelope of an answer. */
    MMFBUS__ANSWER_KIND = 0,
    MMFBUS__ANSWER_VALUE = 1,
    MMFBUS__ANSWER_ITEM = 2,
    MMFBUS__ANSWER_END = 3,
    MMFBUS__ANSWER_ERROR = 4,
    MMFBUS__ANSWER_REMOTE = 5,
    MMFBUS__ANSWER_BUSY = 6,
    MMFBUS__ANSWER_REFUSED = 7,
    MMFBUS__ANSWER_NO_METHOD = 8,
    MMFBUS__ANSWER_CELL = 2,
    MMFBUS__ANSWER_TEXT_LENGTH = 4,
    MMFBUS__ANSWER_ID = 8,
    MMFBUS__ANSWER_SIZE = 16,

    /* Counters of a method. */
    MMFBUS__METHOD_HASH = 0,
    MMFBUS__METHOD_RUNNING = 4,
    MMFBUS__METHOD_STARTED = 8,
    MMFBUS__METHOD_FAILED = 16,
    MMFBUS__METHOD_CANCELLED = 24,
    MMFBUS__METHOD_TIME = 32,
    MMFBUS__METHOD_LONGEST = 40,
    MMFBUS__METHOD_TIMES = 48,
    MMFBUS__METHOD_TIMES_SIZE = 400,
    MMFBUS__METHOD_SIZE = 448,

    /* One of the last calls. */
    MMFBUS__RECENT_STARTED = 0,
    MMFBUS__RECENT_ENDED = 8,
    MMFBUS__RECENT_METHOD = 16,
    MMFBUS__RECENT_CALLER = 20,
    MMFBUS__RECENT_OUTCOME = 24,
    MMFBUS__OUTCOME_RUNNING = 0,
    MMFBUS__OUTCOME_ANSWERED = 1,
    MMFBUS__OUTCOME_FAILED = 2,
    MMFBUS__OUTCOME_CANCELLED = 3,
    MMFBUS__RECENT_NUMBER = 28,
    MMFBUS__RECENT_SIZE = 32,

    /* Limits. */
    MMFBUS__FRAME_ALIGNMENT = 32,
    MMFBUS__EXTENSION_UNIT = 8,
    MMFBUS__END_BITS = 2,
    MMFBUS__SLOT_BITS = 10,
    MMFBUS__MAX_PARTICIPANTS = 1024,
    MMFBUS__MAX_GENERATION = 4194303,
    MMFBUS__CELL_STATE_BITS = 3,
    MMFBUS__CELLS = 1024,
    MMFBUS__METHODS = 128,
    MMFBUS__RECENT_CALLS = 256,
    MMFBUS__TIME_BUCKETS = 100,
    MMFBUS__TIME_UNIT_BITS = 8,
    MMFBUS__STREAM_WINDOW = 65536,
    MMFBUS__MIN_CAPACITY = 4096,
    MMFBUS__MAX_CAPACITY = 1073741824,
    MMFBUS__LARGEST_MESSAGE = 1073741824,
    MMFBUS__MAX_EXTENSION_LENGTH = 64,
    MMFBUS__MAX_SCHEMA_LENGTH = 1048576,
    MMFBUS__MAX_NAME_LENGTH = 128,
    MMFBUS__MAX_SERVICE_NAME_LENGTH = 100,
    MMFBUS__DEFAULT_CAPACITY = 8388608,
    MMFBUS__DEFAULT_PARTICIPANTS = 64
};
/* end of what is generated */

/* Counters of a slot, which lie side by side. */
enum {
    MMFBUS__FRAMES = 0,
    MMFBUS__BYTES = (MMFBUS__SLOT_BYTES - MMFBUS__SLOT_MESSAGES) / 8,
    MMFBUS__FULL = (MMFBUS__SLOT_FULL - MMFBUS__SLOT_MESSAGES) / 8,
    MMFBUS__MISSED = (MMFBUS__SLOT_MISSED - MMFBUS__SLOT_MESSAGES) / 8,
    MMFBUS__WAKE_UPS = (MMFBUS__SLOT_WAKE_UPS - MMFBUS__SLOT_MESSAGES) / 8,
    MMFBUS__COUNTER_COUNT
};

#define MMFBUS__MAX_POSITION 9007199254740991ll /* 2^53 - 1 */
#define MMFBUS__PAGE 4096u

static const unsigned char mmfbus__magic[8] = {'m', 'm', 'f', 'b', 'u', 's', 'c', 'h'};
static const unsigned char mmfbus__mark[8] = {'m', 'm', 'f', 'b', 'u', 's', 0, 1};

/* Bytes that a frame takes. */
static inline uint64_t mmfbus__frame_size(uint64_t payload) {
    return (MMFBUS__FRAME_SIZE + payload + MMFBUS__FRAME_ALIGNMENT - 1) & ~(uint64_t)(MMFBUS__FRAME_ALIGNMENT - 1);
}

MMFBUS__INLINE void mmfbus__copy_in(unsigned char *target, const void *source, size_t length) {
    const unsigned char *bytes = (const unsigned char *)source;
    if (length > 64) {
        memcpy(target, source, length);
    } else if (length >= 16) {
        /* Of a fixed size the compiler copies without a call; the last bytes may be copied twice. */
        for (size_t offset = 0; offset + 16 < length; offset += 16) memcpy(target + offset, bytes + offset, 16);
        memcpy(target + length - 16, bytes + length - 16, 16);
    } else if (length >= 8) {
        memcpy(target, bytes, 8);
        memcpy(target + length - 8, bytes + length - 8, 8);
    } else {
        for (size_t offset = 0; offset < length; offset++) target[offset] = bytes[offset];
    }
}

/*
 * What a lossy subscriber copies may be overwritten at the same time, and is thrown away then; a number that stands at the
 * tail may be written again, as it is. The sanitizer for threads would call both a race, so it does not see these copies.
 */
#ifdef MMFBUS__THREAD_SANITIZER
static __attribute__((noinline, no_sanitize("thread")))
#else
static inline
#endif
void mmfbus__copy_out(unsigned char *target, const unsigned char *source, size_t length, bool may_be_overwritten) {
#ifdef MMFBUS__THREAD_SANITIZER
    for (size_t offset = 0; may_be_overwritten && offset < length; offset++) {
        target[offset] = *(const volatile unsigned char *)(source + offset);
    }
    if (may_be_overwritten) return;
#endif
    (void)may_be_overwritten;
    memcpy(target, source, length);
}

/* Copies once what others may change at any time: what is checked after that is what is used. */
static inline void mmfbus__copy_private(void *target, const unsigned char *source, size_t length) {
    memcpy(target, source, length);
    /* Without it a compiler may read the source again in place of the copy. */
    mmfbus__read_fence();
}

/* Whether so many messages can lie between two positions that far apart. */
static inline bool mmfbus__is_plausible(uint64_t messages, int64_t distance) {
    return messages <= (uint64_t)distance / MMFBUS__FRAME_ALIGNMENT;
}

/* Whether it may be a position at all. */
static inline bool mmfbus__is_position(int64_t value) {
    return value >= 0 && value <= MMFBUS__MAX_POSITION && value % MMFBUS__FRAME_ALIGNMENT == 0;
}

/* ======================================================================================================== Failures
 * == Failures
 */

static MMFBUS__THREAD_LOCAL mmfbus_failure mmfbus__failure;

mmfbus_failure mmfbus_last_failure(void) {
    return mmfbus__failure;
}

static mmfbus_status mmfbus__failed(const char *call) {
#ifdef _WIN32
    /* Read first: reaching a variable of the thread may change it. */
    long number = (long)GetLastError();
#else
    long number = errno;
#endif
    mmfbus__failure.call = call;
    mmfbus__failure.number = number;
#ifdef _WIN32
    switch (number) {
    case ERROR_ACCESS_DENIED: return MMFBUS_ACCESS_DENIED;
    case ERROR_DISK_FULL:
    case ERROR_COMMITMENT_LIMIT: return MMFBUS_NO_SPACE;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return MMFBUS_NO_MEMORY;
    default: return MMFBUS_OS_ERROR;
    }
#else
    errno = (int)number;
    switch (number) {
    case EACCES:
    case EPERM: return MMFBUS_ACCESS_DENIED;
    case ENOSPC: return MMFBUS_NO_SPACE;
    case ENOMEM: return MMFBUS_NO_MEMORY;
    default: return MMFBUS_OS_ERROR;
    }
#endif
}

const char *mmfbus_text(mmfbus_status status) {
    switch (status) {
    case MMFBUS_OK: return "done";
    case MMFBUS_EMPTY: return "there is nothing to receive now";
    case MMFBUS_GAP: return "messages were lost";
    case MMFBUS_PUBLISHERS_GONE: return "the last publisher has left or died";
    case MMFBUS_PUBLISHER_JOINED: return "a publisher has joined";
    case MMFBUS_PUBLISHER_LEFT: return "a publisher has left or died";
    case MMFBUS_FULL: return "there is no room until a reliable subscriber has taken more";
    case MMFBUS_BUSY: return "another publisher is at work";
    case MMFBUS_READY: return "look again now";
    case MMFBUS_TIMEOUT: return "the time is over";
    case MMFBUS_INVALID_ARGUMENT: return "an argument or option is wrong, or a call came at the wrong time";
    case MMFBUS_INVALID_NAME: return "the name of a channel is 1 to 128 characters of A-Z a-z 0-9 . _ -";
    case MMFBUS_NOT_FOUND: return "no channel of that name exists";
    case MMFBUS_EXISTS: return "there is one of that name already";
    case MMFBUS_NOT_A_CHANNEL: return "the memory of that name is not a channel";
    case MMFBUS_VERSION_MISMATCH: return "the channel has another version of the format, or unknown features";
    case MMFBUS_PATTERN_MISMATCH: return "the memory of that name is no channel, but something else of this format";
    case MMFBUS_CAPACITY_MISMATCH: return "the channel has another capacity";
    case MMFBUS_HISTORY_MISMATCH: return "the channel has another history";
    case MMFBUS_MAX_MESSAGE_MISMATCH: return "the channel has another limit of messages";
    case MMFBUS_CODEC_MISMATCH: return "the channel has another codec";
    case MMFBUS_SCHEMA_MISMATCH: return "the channel has another schema";
    case MMFBUS_TOO_MANY_PARTICIPANTS: return "all slots of the channel are taken";
    case MMFBUS_TOO_MANY_CHANNELS: return "all entries of the directory are taken";
    case MMFBUS_TOO_LARGE: return "too large";
    case MMFBUS_SEQUENCE_AHEAD: return "the channel has not published that number yet";
    case MMFBUS_OTHER_INCARNATION: return "the position is of an earlier channel of that name";
    case MMFBUS_UNENCODABLE: return "a value is not of its shape";
    case MMFBUS_UNDECODABLE: return "the bytes of a message are not of their shape";
    case MMFBUS_DISCONNECTED: return "this subscriber was too slow and was disconnected";
    case MMFBUS_CORRUPTED: return "the shared memory holds what no participant writes";
    case MMFBUS_NO_SPACE: return "the operating system cannot supply that much shared memory";
    case MMFBUS_ACCESS_DENIED: return "access is denied";
    case MMFBUS_OS_ERROR: return "a call of the operating system failed";
    case MMFBUS_NO_MEMORY: return "there is not enough memory";
    case MMFBUS_FORKED: return "it was opened before a fork, by the parent";
    case MMFBUS_NO_SERVER: return "no server of the service runs";
    case MMFBUS_NO_METHOD: return "no server that runs has the method, as it is known here";
    case MMFBUS_SERVER_DIED: return "the server died, or left, before it answered";
    case MMFBUS_UNREACHABLE: return "the server and this client cannot reach one another";
    case MMFBUS_MAILBOX_LOST: return "the memory for answers was damaged";
    case MMFBUS_CANCELLED: return "the call was given up";
    case MMFBUS_REFUSED: return "the input does not fit the method";
    case MMFBUS_REMOTE: return "the handler failed";
    case MMFBUS_DECLARED: return "the handler answered with an error of its method";
    }
    return "no such status";
}

static MMFBUS__THREAD_LOCAL char mmfbus__detail[512];

const char *mmfbus_last_detail(void) {
    return mmfbus__detail;
}

/* Keeps a detail of an error, which is returned. */
static mmfbus_status mmfbus__refuse(mmfbus_status status, const char *detail) {
    snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s", detail);
    return status;
}

/* ====================================================================================================== The system
 * == The system
 */

static void *mmfbus__allocate_zeroed(size_t size) {
    void *block = MMFBUS_MALLOC(size);
    if (block != NULL) memset(block, 0, size);
    return block;
}

static void mmfbus__sleep_microseconds(uint32_t microseconds) {
#ifdef _WIN32
    Sleep(microseconds < 1000 ? 1 : microseconds / 1000);
#else
    struct timespec time;
    time.tv_sec = microseconds / 1000000;
    time.tv_nsec = (long)(microseconds % 1000000) * 1000;
    nanosleep(&time, NULL);
#endif
}

static void mmfbus__yield(void) {
#ifdef _WIN32
    SwitchToThread();
#else
    sched_yield();
#endif
}

/* Grows from nothing to a millisecond: the holder of the lock may need this processor. */
static void mmfbus__pause(uint32_t turn) {
    if (turn < 64) {
        mmfbus__relax();
    } else if (turn < 80) {
        mmfbus__yield();
    } else {
        mmfbus__sleep_microseconds(turn < 100 ? 50 : 1000);
    }
}

/* Turns of that, about two milliseconds, for who must not wait: more than any living holder needs that has a processor. */
enum { MMFBUS__PATIENCE = 100 };

#ifdef _WIN32

uint64_t mmfbus_now(void) {
    LARGE_INTEGER frequency, count;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    uint64_t per_second = (uint64_t)frequency.QuadPart, ticks = (uint64_t)count.QuadPart;
    /* In two parts: the product of all of it would overflow. */
    return ticks / per_second * 1000000000u + ticks % per_second * 1000000000u / per_second;
}

static uint64_t mmfbus__milliseconds_since_1970(void) {
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    uint64_t ticks = (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
    return ticks / 10000 - 11644473600000u;
}

#else

uint64_t mmfbus_now(void) {
#ifdef __APPLE__
    return clock_gettime_nsec_np(CLOCK_UPTIME_RAW); /* mach_absolute_time in nanoseconds */
#else
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
#endif
}

static uint64_t mmfbus__milliseconds_since_1970(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000u + (uint64_t)time.tv_nsec / 1000000u;
}

#endif

/* When a wait that begins now is over. */
static uint64_t mmfbus__deadline(uint32_t timeout) {
    return timeout == MMFBUS_FOREVER ? UINT64_MAX : mmfbus_now() + (uint64_t)timeout * 1000000u;
}

/* Milliseconds until then, rounded up, so that no sleeper wakes up too early; MMFBUS_FOREVER where it never comes. */
static uint32_t mmfbus__time_left(uint64_t deadline) {
    if (deadline == UINT64_MAX) return MMFBUS_FOREVER;
    uint64_t now = mmfbus_now();
    if (now >= deadline) return 0;
    uint64_t left = (deadline - now + 999999u) / 1000000u;
    return left < MMFBUS_FOREVER - 1 ? (uint32_t)left : MMFBUS_FOREVER - 1;
}

/* Who a process is, and on Windows which of its threads: what a slot says of its owner. 0 is unknown. */
typedef struct mmfbus__identity {
    uint64_t start_time;
    uint64_t pid_namespace;
    uint64_t thread_start_time;
    uint32_t pid;
    uint32_t thread_id;
} mmfbus__identity;

/* What is known of a process, or of a port. Only GONE is proof; unknown is alive. ABSENT: there is no such bell. */
typedef enum mmfbus__fate { MMFBUS__ALIVE, MMFBUS__UNKNOWN, MMFBUS__GONE, MMFBUS__ABSENT } mmfbus__fate;

#ifdef _WIN32

static uint64_t mmfbus__creation_time(HANDLE process) {
    FILETIME created, exited, kernel, user;
    if (!GetProcessTimes(process, &created, &exited, &kernel, &user)) return 0;
    return (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
}

/* Without a thread: our ports may be used by any of them, and live as long as the process. */
static mmfbus__identity mmfbus__own_identity(void) {
    mmfbus__identity own;
    memset(&own, 0, sizeof own);
    own.pid = GetCurrentProcessId();
    own.pid_namespace = 1;
    own.start_time = mmfbus__creation_time(GetCurrentProcess());
    return own;
}

static uint64_t mmfbus__thread_creation_time(HANDLE thread) {
    FILETIME created, exited, kernel, user;
    if (!GetThreadTimes(thread, &created, &exited, &kernel, &user)) return 0;
    return (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime;
}

/* Passes on the handle of an owner who lives; closes that of a dead one, or of another process that has its id by now. */
static HANDLE mmfbus__living(HANDLE owner, bool is_other, mmfbus__fate *fate) {
    *fate = is_other || WaitForSingleObject(owner, 0) == WAIT_OBJECT_0 ? MMFBUS__GONE : MMFBUS__ALIVE;
    if (*fate == MMFBUS__ALIVE) return owner;
    CloseHandle(owner);
    return NULL;
}

static bool mmfbus__differ(uint64_t actual, uint64_t expected) {
    return actual != 0 && expected != 0 && actual != expected;
}

/*
 * A handle that is signalled when the owner of a slot is dead: that of its thread, or of its process where the thread is
 * not known or cannot be opened. NULL when it is dead or nothing is known. What is above, and this, is all that knows
 * what the life line is on Windows.
 */
static HANDLE mmfbus__open_owner(const mmfbus__identity *owner, mmfbus__fate *fate) {
    *fate = MMFBUS__UNKNOWN;
    if (owner->pid == 0) return NULL;
    if (owner->thread_id != 0) {
        HANDLE thread = OpenThread(SYNCHRONIZE | THREAD_QUERY_LIMITED_INFORMATION, FALSE, owner->thread_id);
        if (thread != NULL) {
            bool is_other = mmfbus__differ(GetProcessIdOfThread(thread), owner->pid) ||
                            mmfbus__differ(mmfbus__thread_creation_time(thread), owner->thread_start_time);
            return mmfbus__living(thread, is_other, fate);
        }
        if (GetLastError() == ERROR_INVALID_PARAMETER) {
            *fate = MMFBUS__GONE;
            return NULL;
        }
    }
    HANDLE process = OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, owner->pid);
    if (process == NULL) {
        if (GetLastError() == ERROR_INVALID_PARAMETER) *fate = MMFBUS__GONE;
        return NULL;
    }
    return mmfbus__living(process, mmfbus__differ(mmfbus__creation_time(process), owner->start_time), fate);
}

static mmfbus__fate mmfbus__fate_of(const mmfbus__identity *process) {
    mmfbus__fate fate;
    HANDLE handle = mmfbus__open_owner(process, &fate);
    if (handle != NULL) CloseHandle(handle);
    return fate;
}

static bool mmfbus__random(void *target, size_t length) {
    /* SystemFunction036 of advapi32, which the headers do not declare. */
    typedef BOOLEAN(APIENTRY * generate)(void *, ULONG);
    HMODULE library = LoadLibraryA("advapi32.dll");
    if (library == NULL) return false;
    generate function = (generate)(void *)GetProcAddress(library, "SystemFunction036");
    return function != NULL && function(target, (ULONG)length);
}

#else

/* Start of a process in clock ticks since boot; 0 unknown. */
static uint64_t mmfbus__start_time(uint32_t pid) {
#ifdef __linux__
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", (unsigned)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    text[length] = 0;
    /* Field 22. The program's name, field 2, may hold anything, so count from its end. */
    char *field = strrchr(text, ')');
    for (int number = 2; field != NULL && number < 22; number++) field = strchr(field + 1, ' ');
    return field == NULL ? 0 : strtoull(field, NULL, 10);
#else
    (void)pid;
    return 0;
#endif
}

static uint64_t mmfbus__pid_namespace(void) {
#ifdef __linux__
    struct stat status;
    return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino : 0;
#else
    return 1;
#endif
}

static mmfbus__identity mmfbus__own_identity(void) {
    mmfbus__identity own;
    memset(&own, 0, sizeof own);
    own.pid = (uint32_t)getpid();
    own.pid_namespace = mmfbus__pid_namespace();
    own.start_time = mmfbus__start_time(own.pid);
    return own;
}

/* Of a process in our own PID namespace. */
static mmfbus__fate mmfbus__fate_of(const mmfbus__identity *process) {
    if (process->pid == 0 || process->pid > INT32_MAX) return MMFBUS__UNKNOWN;
    /* EPERM means that there is one. */
    if (kill((pid_t)process->pid, 0) != 0 && errno == ESRCH) return MMFBUS__GONE;
    uint64_t start = mmfbus__start_time(process->pid);
    if (start == 0 || process->start_time == 0) return MMFBUS__UNKNOWN;
    return start == process->start_time ? MMFBUS__ALIVE : MMFBUS__GONE;
}

static bool mmfbus__random(void *target, size_t length) {
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t got = read(file, target, length);
    close(file);
    return got == (ssize_t)length;
}

#endif

/* A random number of 63 bits that is not 0; 0 when no randomness is available. */
static int64_t mmfbus__new_nonce(void) {
    uint64_t nonce = 0;
    for (int tries = 0; tries < 4; tries++) {
        if (!mmfbus__random(&nonce, sizeof nonce)) {
            mmfbus__failed("random");
            return 0;
        }
        nonce &= 0x7fffffffffffffffu;
        if (nonce != 0) return (int64_t)nonce;
    }
    return 0;
}

#ifndef _WIN32

#define MMFBUS__PATH 1024

static const char *mmfbus__directory(void) {
    const char *named = getenv("MMFBUS_DIRECTORY");
    if (named != NULL && named[0] != 0) return named;
#ifdef __linux__
    return "/dev/shm";
#else
    const char *temporary = getenv("TMPDIR");
    return temporary != NULL ? temporary : "/tmp";
#endif
}

/* The name under which something is made before others may see it; it says who makes it. */
static void mmfbus__temporary_path(char path[MMFBUS__PATH], int64_t nonce, const char *what) {
    mmfbus__identity own = mmfbus__own_identity();
    snprintf(path, MMFBUS__PATH, "%s/mmfbus~new.%llu.%u.%llu.%016llx%s", mmfbus__directory(),
             (unsigned long long)own.pid_namespace, (unsigned)own.pid, (unsigned long long)own.start_time,
             (unsigned long long)nonce, what);
}

static void mmfbus__port_path(char path[MMFBUS__PATH], int64_t nonce, const char *what) {
    snprintf(path, MMFBUS__PATH, "%s/mmfbus~%016llx.%s", mmfbus__directory(), (unsigned long long)nonce, what);
}

/*
 * A forked child would keep what tells others that its parent lives: descriptors, and mappings, which keep the lock of
 * their file. So all of them are listed, and the child closes them before it does anything else. In place of a mapping it
 * gets zeros of its own, so that what points there goes on doing so. A mutex, because threads may open while another forks.
 */
typedef struct mmfbus__fork_guard {
    struct mmfbus__fork_guard *next;
    int *descriptors; /* of the owner: -1 where there is none */
    size_t count;
    void *memory; /* mapped; NULL where there is none */
    size_t length;
    bool forked;
} mmfbus__fork_guard;

static pthread_mutex_t mmfbus__fork_mutex = PTHREAD_MUTEX_INITIALIZER;
/* Of this process's places in directories. Taken before the other one. */
static pthread_mutex_t mmfbus__directory_mutex = PTHREAD_MUTEX_INITIALIZER;
static mmfbus__fork_guard *mmfbus__fork_guards;
static pthread_once_t mmfbus__fork_once = PTHREAD_ONCE_INIT;

static void mmfbus__before_fork(void) {
    pthread_mutex_lock(&mmfbus__directory_mutex);
    pthread_mutex_lock(&mmfbus__fork_mutex);
}

static void mmfbus__after_fork_in_parent(void) {
    pthread_mutex_unlock(&mmfbus__fork_mutex);
    pthread_mutex_unlock(&mmfbus__directory_mutex);
}

static void mmfbus__after_fork_in_child(void) {
    for (mmfbus__fork_guard *guard = mmfbus__fork_guards; guard != NULL; guard = guard->next) {
        guard->forked = true;
        for (size_t index = 0; index < guard->count; index++) {
            if (guard->descriptors[index] >= 0) close(guard->descriptors[index]);
            guard->descriptors[index] = -1;
        }
        if (guard->memory == NULL) continue;
        mmap(guard->memory, guard->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    mmfbus__fork_guards = NULL;
    pthread_mutex_unlock(&mmfbus__fork_mutex);
    pthread_mutex_unlock(&mmfbus__directory_mutex);
}

static void mmfbus__install_fork_handlers(void) {
    pthread_atfork(mmfbus__before_fork, mmfbus__after_fork_in_parent, mmfbus__after_fork_in_child);
}

static void mmfbus__guard(mmfbus__fork_guard *guard, int *descriptors, size_t count) {
    pthread_once(&mmfbus__fork_once, mmfbus__install_fork_handlers);
    guard->descriptors = descriptors;
    guard->count = count;
    guard->memory = NULL;
    guard->forked = false;
    for (size_t index = 0; index < count; index++) descriptors[index] = -1;
    pthread_mutex_lock(&mmfbus__fork_mutex);
    guard->next = mmfbus__fork_guards;
    mmfbus__fork_guards = guard;
    pthread_mutex_unlock(&mmfbus__fork_mutex);
}

static void mmfbus__unguard(mmfbus__fork_guard *guard) {
    pthread_mutex_lock(&mmfbus__fork_mutex);
    for (mmfbus__fork_guard **link = &mmfbus__fork_guards; *link != NULL; link = &(*link)->next) {
        if (*link == guard) {
            *link = guard->next;
            break;
        }
    }
    pthread_mutex_unlock(&mmfbus__fork_mutex);
}

#endif

/* ======================================================================================================== Segments
 * == Segments
 *
 * Named memory, and how long it lives. On POSIX the lock of a file says whether any process has it open.
 */

typedef struct mmfbus__segment {
    unsigned char *memory;
    size_t length;     /* bytes of the segment */
    size_t mapped;     /* bytes to unmap */
    bool marked;       /* with our mark, so the rules hold */
#ifdef _WIN32
    HANDLE mapping;
#else
    int file;
    mmfbus__fork_guard guard;
    char path[MMFBUS__PATH];
#endif
} mmfbus__segment;

/*
 * Whom a segment lets in, which is whom its port lets in: exactly, and never more. Permissions of the bell and of the life line, and
 * to whom both are given; MMFBUS__UNCHANGED is the maker of them.
 */
#define MMFBUS__UNCHANGED UINT32_MAX
typedef struct mmfbus__audience {
    uint32_t bell, life, uid, gid;
} mmfbus__audience;

/* Fills memory that is all zero; no other participant sees it before that. */
typedef void (*mmfbus__fill)(unsigned char *memory, const void *context);

static bool mmfbus__is_namespace(mmfbus_namespace space) {
    return space == MMFBUS_LOCAL || space == MMFBUS_GLOBAL || space == MMFBUS_CUSTOM;
}

#ifdef _WIN32

enum { MMFBUS__MARK_LENGTH = 64, MMFBUS__MARK_FILLING = 1, MMFBUS__MARK_READY = 2 };
enum { MMFBUS__WIDE_NAME = 1024 };

/* The object's name in the kernel; with the suffix that of the mutex under which it is looked up, created and filled. */
static bool mmfbus__object_name(wchar_t wide[MMFBUS__WIDE_NAME], const char *name, mmfbus_namespace space,
                                const wchar_t *suffix) {
    static const wchar_t *const prefixes[] = {L"Local\\", L"Global\\", L""};
    if (name[0] == 0 || !mmfbus__is_namespace(space)) return false;
    if (space != MMFBUS_CUSTOM && strchr(name, '\\') != NULL) return false;
    size_t start = wcslen(prefixes[space]), end = wcslen(suffix);
    memcpy(wide, prefixes[space], start * sizeof *wide);
    int room = (int)(MMFBUS__WIDE_NAME - start - end - 1);
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, wide + start, room);
    if (length == 0) return false;
    memcpy(wide + start + (size_t)length - 1, suffix, (end + 1) * sizeof *wide);
    return true;
}

/* The right to look up, create or fill what has that name. NULL where the mutex is another user's, or kept too long. */
static HANDLE mmfbus__hold_name(const char *name, mmfbus_namespace space) {
    wchar_t wide[MMFBUS__WIDE_NAME];
    if (!mmfbus__object_name(wide, name, space, L"~init")) return NULL;
    HANDLE mutex = CreateMutexExW(NULL, wide, 0, SYNCHRONIZE | MUTEX_MODIFY_STATE);
    if (mutex == NULL) return NULL;
    /* Abandoned: its owner died with it. The mark says how far it came. */
    DWORD outcome = WaitForSingleObject(mutex, 2000);
    if (outcome == WAIT_OBJECT_0 || outcome == WAIT_ABANDONED) return mutex;
    CloseHandle(mutex);
    SetLastError(ERROR_TIMEOUT);
    return NULL;
}

static void mmfbus__let_name_go(HANDLE mutex) {
    if (mutex == NULL) return;
    ReleaseMutex(mutex);
    CloseHandle(mutex);
}

static void mmfbus__release_segment(mmfbus__segment *segment) {
    if (segment->memory == NULL && segment->mapping == NULL) return;
    if (segment->memory != NULL) UnmapViewOfFile(segment->memory);
    if (segment->mapping != NULL) CloseHandle(segment->mapping);
    segment->memory = NULL;
    segment->mapping = NULL;
    MMFBUS_STEP("leave: unmapped");
}

static mmfbus_status mmfbus__map(mmfbus__segment *segment, bool readonly) {
    MEMORY_BASIC_INFORMATION region;
    DWORD access = readonly ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
    segment->memory = (unsigned char *)MapViewOfFile(segment->mapping, access, 0, 0, 0);
    if (segment->memory == NULL) return mmfbus__failed("MapViewOfFile");
    if (VirtualQuery(segment->memory, &region, sizeof region) == 0) return mmfbus__failed("VirtualQuery");
    segment->mapped = segment->length = region.RegionSize;
    return MMFBUS_OK;
}

/* State of the mark, and the length that it tells; 0 where there is none. Windows itself keeps whole pages only. */
static uint64_t mmfbus__read_mark(mmfbus__segment *segment) {
    const unsigned char *mark = segment->memory + segment->mapped - MMFBUS__MARK_LENGTH;
    uint64_t length = mmfbus__peek64(mark + 8), state = mmfbus__peek64(mark + 16);
    segment->marked = false;
    if (memcmp(mark, mmfbus__mark, sizeof mmfbus__mark) != 0) return 0;
    if (length < 1 || length > segment->mapped - MMFBUS__MARK_LENGTH) return 0;
    if (state != MMFBUS__MARK_FILLING && state != MMFBUS__MARK_READY) return 0;
    segment->marked = true;
    segment->length = (size_t)length;
    return state;
}

static void mmfbus__write_mark(mmfbus__segment *segment, uint64_t length, uint64_t state) {
    unsigned char *mark = segment->memory + segment->mapped - MMFBUS__MARK_LENGTH;
    memcpy(mark + 8, &length, sizeof length);
    memcpy(mark + 16, &state, sizeof state);
    memcpy(mark, mmfbus__mark, sizeof mmfbus__mark);
}

static mmfbus_status mmfbus__open_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space,
                                          bool readonly) {
    wchar_t wide[MMFBUS__WIDE_NAME];
    memset(segment, 0, sizeof *segment);
    if (!mmfbus__object_name(wide, name, space, L"")) return MMFBUS_INVALID_ARGUMENT;
    HANDLE hold = mmfbus__hold_name(name, space);
    mmfbus_status status = MMFBUS_OK;
    segment->mapping = OpenFileMappingW(FILE_MAP_READ | FILE_MAP_WRITE, FALSE, wide);
    if (segment->mapping == NULL) {
        status = mmfbus__failed("OpenFileMappingW");
        if (mmfbus__failure.number == ERROR_FILE_NOT_FOUND) status = MMFBUS_NOT_FOUND;
    }
    if (status == MMFBUS_OK) status = mmfbus__map(segment, readonly);
    /* With the mutex held no process is filling it: its creator died before it was complete. */
    if (status == MMFBUS_OK && mmfbus__read_mark(segment) == MMFBUS__MARK_FILLING) {
        status = hold == NULL ? MMFBUS_TIMEOUT : MMFBUS_NOT_FOUND;
    }
    mmfbus__let_name_go(hold);
    if (status != MMFBUS_OK) mmfbus__release_segment(segment);
    return status;
}

static mmfbus_status mmfbus__create_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space,
                                            size_t length, unsigned mode, const char *group, mmfbus__fill fill, const void *context) {
    wchar_t wide[MMFBUS__WIDE_NAME];
    (void)mode;
    (void)group;
    memset(segment, 0, sizeof *segment);
    if (!mmfbus__object_name(wide, name, space, L"")) return MMFBUS_INVALID_ARGUMENT;
    HANDLE hold = mmfbus__hold_name(name, space);
    if (hold == NULL) return mmfbus__failed("CreateMutexExW");
    uint64_t total = ((uint64_t)length + MMFBUS__MARK_LENGTH + MMFBUS__PAGE - 1) / MMFBUS__PAGE * MMFBUS__PAGE;
    SetLastError(0);
    segment->mapping =
        CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, (DWORD)(total >> 32), (DWORD)total, wide);
    bool existed = GetLastError() == ERROR_ALREADY_EXISTS;
    mmfbus_status status = segment->mapping == NULL ? mmfbus__failed("CreateFileMappingW") : mmfbus__map(segment, false);
    if (status == MMFBUS_OK && existed) {
        /* One whose creator died while filling it may be used again; any other mapping that is there is in use. */
        bool is_unfinished = mmfbus__read_mark(segment) == MMFBUS__MARK_FILLING;
        status = is_unfinished && segment->mapped >= total ? MMFBUS_OK : MMFBUS_EXISTS;
    }
    if (status == MMFBUS_OK) {
        mmfbus__write_mark(segment, length, MMFBUS__MARK_FILLING);
        if (existed) memset(segment->memory, 0, length);
        fill(segment->memory, context);
        MMFBUS_STEP("create: filled");
        mmfbus__write_mark(segment, length, MMFBUS__MARK_READY);
        segment->length = length;
        segment->marked = true;
    }
    mmfbus__let_name_go(hold);
    if (status != MMFBUS_OK) mmfbus__release_segment(segment);
    return status;
}

/* There are no files that the dead could leave. */
static void mmfbus__sweep(void) {
}

static mmfbus_status mmfbus__renew_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space, size_t length,
                                           mmfbus__fill fill, const void *context) {
    (void)segment;
    (void)name;
    (void)space;
    (void)length;
    (void)fill;
    (void)context;
    return MMFBUS_NOT_FOUND;
}

/* Objects are those of this user, by their default security descriptors. */
static mmfbus_status mmfbus__find_audience(const mmfbus_options *options, bool is_exact, const mmfbus__segment *segment,
                                           mmfbus__audience *audience) {
    (void)options;
    (void)is_exact;
    (void)segment;
    memset(audience, 0, sizeof *audience);
    return MMFBUS_OK;
}

#else

static bool mmfbus__segment_path(char path[MMFBUS__PATH], const char *name, mmfbus_namespace space) {
    char prefix[40] = "";
    if (name[0] == 0 || strchr(name, '/') != NULL || !mmfbus__is_namespace(space)) return false;
    if (space == MMFBUS_LOCAL) snprintf(prefix, sizeof prefix, "mmfbus.%u.", (unsigned)geteuid());
    if (space == MMFBUS_GLOBAL) snprintf(prefix, sizeof prefix, "mmfbus.g.");
    if (strlen(prefix) + strlen(name) > 255) return false;
    int length = snprintf(path, MMFBUS__PATH, "%s/%s%s", mmfbus__directory(), prefix, name);
    return length > 0 && length < MMFBUS__PATH;
}

static bool mmfbus__leads_to(const char *path, int file) {
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

/* Length of the segment from the mark of its file; 0 where it has none. */
static size_t mmfbus__read_mark(int file, off_t file_length) {
    unsigned char mark[64];
    uint64_t length;
    if (file_length < (off_t)sizeof mark) return 0;
    if (pread(file, mark, sizeof mark, file_length - (off_t)sizeof mark) != (ssize_t)sizeof mark) return 0;
    if (memcmp(mark, mmfbus__mark, sizeof mmfbus__mark) != 0) return 0;
    memcpy(&length, mark + 8, sizeof length);
    return length <= (uint64_t)file_length - sizeof mark ? (size_t)length : 0;
}

static bool mmfbus__write_mark(int file, uint64_t length, off_t file_length) {
    unsigned char mark[64] = {0};
    memcpy(mark, mmfbus__mark, sizeof mmfbus__mark);
    memcpy(mark + 8, &length, sizeof length);
    return pwrite(file, mark, sizeof mark, file_length - (off_t)sizeof mark) == (ssize_t)sizeof mark;
}

/* Removes the name when no process has the file open. Hold no lock on it that you need: this may convert it. */
static bool mmfbus__remove_unused(int file, const char *path) {
    if (flock(file, LOCK_EX | LOCK_NB) != 0) return false;
    if (mmfbus__leads_to(path, file)) unlink(path);
    return true;
}

static void mmfbus__release_segment(mmfbus__segment *segment) {
    if (segment->memory != NULL) munmap(segment->memory, segment->mapped);
    /* In a forked child there is no file any more, and the lock is the parent's. */
    if (segment->file >= 0) {
        if (segment->marked) {
            /* Dropped first: of two that close at once, both holding it, neither would get the exclusive one. */
            flock(segment->file, LOCK_UN);
            MMFBUS_STEP("leave: unmapped");
            mmfbus__remove_unused(segment->file, segment->path);
        }
        close(segment->file);
        segment->file = -1;
    }
    mmfbus__unguard(&segment->guard);
    segment->memory = NULL;
}

static mmfbus_status mmfbus__map(mmfbus__segment *segment, size_t length, bool readonly) {
    void *memory = mmap(NULL, length, readonly ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, segment->file, 0);
    if (memory == MAP_FAILED) return mmfbus__failed("mmap");
    segment->memory = (unsigned char *)memory;
    segment->length = segment->mapped = length;
    return MMFBUS_OK;
}

/* One try to open. MMFBUS_BUSY: it is just being removed or looked at by another process, or was a leftover. */
static mmfbus_status mmfbus__try_open_segment(mmfbus__segment *segment, mmfbus_namespace space, size_t *length) {
    struct stat status;
    segment->file = open(segment->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (segment->file < 0) {
        mmfbus_status failed = mmfbus__failed("open");
        return errno == ENOENT ? MMFBUS_NOT_FOUND : failed;
    }
    if (fstat(segment->file, &status) != 0) return mmfbus__failed("fstat");
    if (!S_ISREG(status.st_mode)) return MMFBUS_NOT_A_CHANNEL;
    if (space == MMFBUS_LOCAL && status.st_uid != geteuid()) {
        /* Another user has put it there, to be taken for one of ours. */
        errno = EPERM;
        return mmfbus__failed("fstat");
    }
    *length = mmfbus__read_mark(segment->file, status.st_size);
    segment->marked = *length != 0;
    if (!segment->marked) {
        *length = (size_t)status.st_size;
        return MMFBUS_OK;
    }
    if (mmfbus__remove_unused(segment->file, segment->path)) {
        /* One that another user alone may remove is as good as none. */
        return mmfbus__leads_to(segment->path, segment->file) ? MMFBUS_NOT_FOUND : MMFBUS_BUSY;
    }
    if (flock(segment->file, LOCK_SH | LOCK_NB) != 0) return MMFBUS_BUSY;
    return mmfbus__leads_to(segment->path, segment->file) ? MMFBUS_OK : MMFBUS_BUSY;
}

static mmfbus_status mmfbus__open_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space,
                                          bool readonly) {
    memset(segment, 0, sizeof *segment);
    segment->file = -1;
    if (!mmfbus__segment_path(segment->path, name, space)) return MMFBUS_INVALID_ARGUMENT;
    mmfbus__guard(&segment->guard, &segment->file, 1);
    size_t length = 0;
    mmfbus_status status = MMFBUS_BUSY;
    for (int tries = 0; tries < 5000 && status == MMFBUS_BUSY; tries++) {
        status = mmfbus__try_open_segment(segment, space, &length);
        if (status != MMFBUS_BUSY) break;
        /* Not released the usual way: that would take away what another process may be opening. */
        close(segment->file);
        segment->file = -1;
        mmfbus__sleep_microseconds(1000);
    }
    if (status == MMFBUS_BUSY) status = MMFBUS_TIMEOUT;
    if (status == MMFBUS_OK && length == 0) status = MMFBUS_NOT_A_CHANNEL;
    if (status == MMFBUS_OK) status = mmfbus__map(segment, length, readonly);
    if (status != MMFBUS_OK) mmfbus__release_segment(segment);
    return status;
}

static mmfbus_status mmfbus__allocate_blocks(int file, off_t length) {
#ifdef __linux__
    /* ftruncate alone succeeds beyond what is free, and the first store would end the process. */
    int error = posix_fallocate(file, 0, length);
    errno = error;
    return error == 0 ? MMFBUS_OK : mmfbus__failed("posix_fallocate");
#else
    return ftruncate(file, length) == 0 ? MMFBUS_OK : mmfbus__failed("ftruncate");
#endif
}

static off_t mmfbus__file_length(size_t length) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (off_t)((length + page - 1) / page * page + page);
}

/* Gives a new file to that user and that group, where it is not theirs yet. */
static mmfbus_status mmfbus__give_to(int file, uint32_t uid, uint32_t gid) {
    struct stat status;
    if (fstat(file, &status) != 0) return mmfbus__failed("fstat");
    bool is_theirs = (uid == MMFBUS__UNCHANGED || uid == status.st_uid) && (gid == MMFBUS__UNCHANGED || gid == status.st_gid);
    if (is_theirs || fchown(file, (uid_t)uid, (gid_t)gid) == 0) return MMFBUS_OK;
    mmfbus_status failed = mmfbus__failed("fchown");
    snprintf(mmfbus__detail, sizeof mmfbus__detail, "user %u may not give files to %s %u", (unsigned)geteuid(),
             uid != MMFBUS__UNCHANGED ? "user" : "group", (unsigned)(uid != MMFBUS__UNCHANGED ? uid : gid));
    return failed;
}

/* By its name, or else its number. */
static mmfbus_status mmfbus__group_id(const char *name, uint32_t *gid) {
    struct group group, *found = NULL;
    char *end;
    int error = ERANGE;
    for (size_t size = 16384; size <= (16u << 20) && error == ERANGE; size *= 2) {
        char *buffer = (char *)MMFBUS_MALLOC(size);
        if (buffer == NULL) return MMFBUS_NO_MEMORY;
        error = getgrnam_r(name, &group, buffer, size, &found);
        if (found != NULL) *gid = (uint32_t)group.gr_gid;
        MMFBUS_FREE(buffer);
    }
    if (found != NULL) return MMFBUS_OK;
    errno = 0;
    unsigned long long number = strtoull(name, &end, 10);
    *gid = (uint32_t)number;
    if (name[0] >= '0' && name[0] <= '9' && *end == 0 && errno == 0 && number < UINT32_MAX) return MMFBUS_OK;
    snprintf(mmfbus__detail, sizeof mmfbus__detail, "there is no group %.64s on this system", name);
    return MMFBUS_INVALID_ARGUMENT;
}

static bool mmfbus__is_member(gid_t gid) {
    if (gid == getegid()) return true;
    int count = getgroups(0, NULL);
    gid_t *groups = count > 0 ? (gid_t *)MMFBUS_MALLOC((size_t)count * sizeof *groups) : NULL;
    bool found = false;
    if (groups != NULL) count = getgroups(count, groups);
    for (int index = 0; groups != NULL && index < count && !found; index++) found = groups[index] == gid;
    MMFBUS_FREE(groups);
    return found;
}

/*
 * Who participates in a channel; refuses one that lets in others than were asked for, or in which this user could not be rung.
 * An exact one, which is a directory, does not let in fewer either.
 */
static mmfbus_status mmfbus__find_audience(const mmfbus_options *options, bool is_exact, const mmfbus__segment *segment,
                                           mmfbus__audience *audience) {
    const mmfbus__audience mine = {0600, 0600, MMFBUS__UNCHANGED, MMFBUS__UNCHANGED};
    *audience = mine;
    if (options->scope != MMFBUS_SCOPE_MACHINE) return MMFBUS_OK;
    struct stat status;
    char whose[128];
    uint32_t gid = 0;
    if (fstat(segment->file, &status) != 0) return mmfbus__failed("fstat");
    unsigned mode = (unsigned)status.st_mode & 0777, me = (unsigned)geteuid();
    snprintf(whose, sizeof whose, "the channel belongs to user %u and group %u and has the mode 0%o", (unsigned)status.st_uid,
             (unsigned)status.st_gid, mode);
    if (options->group != NULL) {
        mmfbus_status known = mmfbus__group_id(options->group, &gid);
        if (known != MMFBUS_OK) return known;
        if (gid != status.st_gid) {
            snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s, and this program asks for group %u", whose, (unsigned)gid);
            return MMFBUS_ACCESS_DENIED;
        }
    }
    if (is_exact && mode != options->mode) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s; this program asks for 0%o", whose, options->mode);
        return MMFBUS_ACCESS_DENIED;
    }
    if (options->mode != 0 && (mode & ~options->mode) != 0) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s; this program allows 0%o at most", whose, options->mode);
        return MMFBUS_ACCESS_DENIED;
    }
    if ((mode & 0066) == 0066) {
        audience->bell = 0622;
        audience->life = 0644;
    } else if ((mode & 0060) == 0060) {
        if (me != 0 && !mmfbus__is_member(status.st_gid)) {
            snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s, and user %u is no member of that group", whose, me);
            return MMFBUS_ACCESS_DENIED;
        }
        audience->bell = 0620;
        audience->life = 0640;
        audience->gid = (uint32_t)status.st_gid;
    } else if (me != 0 && me != status.st_uid) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "%s, which lets in that user alone, not user %u", whose, me);
        return MMFBUS_ACCESS_DENIED;
    } else {
        audience->uid = (uint32_t)status.st_uid;
    }
    return MMFBUS_OK;
}

/* A new segment of `length` bytes under a name. MMFBUS_EXISTS: another process was faster. */
static mmfbus_status mmfbus__create_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space,
                                            size_t length, unsigned mode, const char *group, mmfbus__fill fill, const void *context) {
    char temporary[MMFBUS__PATH];
    memset(segment, 0, sizeof *segment);
    segment->file = -1;
    if (!mmfbus__segment_path(segment->path, name, space)) return MMFBUS_INVALID_ARGUMENT;
    int64_t nonce = mmfbus__new_nonce();
    if (nonce == 0) return MMFBUS_OS_ERROR;
    mmfbus__temporary_path(temporary, nonce, "");
    off_t file_length = mmfbus__file_length(length);
    uint32_t gid = MMFBUS__UNCHANGED;
    mmfbus_status known = group != NULL ? mmfbus__group_id(group, &gid) : MMFBUS_OK;
    if (known != MMFBUS_OK) return known;

    mmfbus__guard(&segment->guard, &segment->file, 1);
    segment->file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    mmfbus_status status = segment->file < 0 ? mmfbus__failed("open") : MMFBUS_OK;
    /* The lock comes before the name, so that no process takes the new file for a leftover. */
    if (status == MMFBUS_OK) MMFBUS_STEP("create: opened");
    if (status == MMFBUS_OK && flock(segment->file, LOCK_SH | LOCK_NB) != 0) status = mmfbus__failed("flock");
    if (status == MMFBUS_OK) status = mmfbus__give_to(segment->file, MMFBUS__UNCHANGED, gid);
    if (status == MMFBUS_OK && mode != 0 && fchmod(segment->file, (mode_t)mode) != 0) status = mmfbus__failed("fchmod");
    if (status == MMFBUS_OK) status = mmfbus__allocate_blocks(segment->file, file_length);
    if (status == MMFBUS_OK && !mmfbus__write_mark(segment->file, length, file_length)) status = mmfbus__failed("pwrite");
    if (status == MMFBUS_OK) status = mmfbus__map(segment, length, false);
    if (status == MMFBUS_OK) {
        fill(segment->memory, context);
        MMFBUS_STEP("create: filled");
        if (link(temporary, segment->path) != 0) {
            status = errno == EEXIST ? MMFBUS_EXISTS : mmfbus__failed("link");
        }
    }
    if (segment->file >= 0) unlink(temporary);
    segment->marked = status == MMFBUS_OK;
    if (status != MMFBUS_OK) mmfbus__release_segment(segment);
    return status;
}

/* Makes it anew in a leftover on which we hold the exclusive lock. */
static mmfbus_status mmfbus__refill(mmfbus__segment *segment, size_t length, mmfbus__fill fill, const void *context) {
    struct stat status;
    off_t needed = mmfbus__file_length(length);
    if (fstat(segment->file, &status) != 0) return mmfbus__failed("fstat");
    if (needed > status.st_size) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail,
                 "its memory was left behind by user %u, who alone may remove it, and has %lld bytes; %lld are needed",
                 (unsigned)status.st_uid, (long long)status.st_size, (long long)needed);
        return MMFBUS_ACCESS_DENIED;
    }
    mmfbus_status result = MMFBUS_OK;
#ifdef __linux__
    result = mmfbus__allocate_blocks(segment->file, needed);
#endif
    if (result == MMFBUS_OK) result = mmfbus__map(segment, length, false);
    if (result != MMFBUS_OK) return result;
    memset(segment->memory, 0, length);
    fill(segment->memory, context);
    if (!mmfbus__write_mark(segment->file, length, status.st_size)) return mmfbus__failed("pwrite");
    bool is_ours = flock(segment->file, LOCK_SH | LOCK_NB) == 0 && mmfbus__leads_to(segment->path, segment->file);
    return is_ours ? MMFBUS_OK : MMFBUS_BUSY;
}

/*
 * Removes a leftover, or makes the segment anew in it where another user alone may remove it. MMFBUS_NOT_FOUND: there is none, or
 * none any more.
 */
static mmfbus_status mmfbus__renew_segment(mmfbus__segment *segment, const char *name, mmfbus_namespace space, size_t length,
                                           mmfbus__fill fill, const void *context) {
    struct stat status;
    memset(segment, 0, sizeof *segment);
    segment->file = -1;
    if (!mmfbus__segment_path(segment->path, name, space)) return MMFBUS_INVALID_ARGUMENT;
    mmfbus__guard(&segment->guard, &segment->file, 1);
    segment->file = open(segment->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    mmfbus_status result = MMFBUS_NOT_FOUND;
    if (segment->file < 0 && errno != ENOENT) result = mmfbus__failed("open");
    if (segment->file >= 0 && fstat(segment->file, &status) == 0 && S_ISREG(status.st_mode) &&
        mmfbus__read_mark(segment->file, status.st_size) != 0 && mmfbus__remove_unused(segment->file, segment->path) &&
        mmfbus__leads_to(segment->path, segment->file)) {
        result = mmfbus__refill(segment, length, fill, context);
    }
    segment->marked = result == MMFBUS_OK;
    if (result != MMFBUS_OK) mmfbus__release_segment(segment);
    return result;
}

static bool mmfbus__is_fifo(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void mmfbus__strike_out(int64_t *nonces, size_t *count, int64_t nonce) {
    for (size_t index = 0; index < *count; index++) {
        if (nonces[index] == nonce) nonces[index--] = nonces[--*count];
    }
}

/* Strikes out the ports that a segment names in its table of participants. False where that cannot be found out. */
static bool mmfbus__strike_out_named(const char *path, int64_t *nonces, size_t *count) {
    unsigned char table[16 * MMFBUS__SLOT_SIZE], header[MMFBUS__HEADER_SIZE];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    /* What is gone, is no file, or may not be read by us, is nothing that we can join. */
    if (file < 0) return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && mmfbus__read_mark(file, status.st_size) != 0 &&
        pread(file, header, sizeof header, 0) == (ssize_t)sizeof header &&
        memcmp(header, mmfbus__magic, sizeof mmfbus__magic) == 0) {
        uint32_t slots = mmfbus__peek32(header + MMFBUS__HEADER_PARTICIPANT_COUNT);
        for (uint32_t slot = 0; slot < slots && slot < MMFBUS__MAX_PARTICIPANTS && *count > 0; slot += 16) {
            off_t offset = MMFBUS__HEADER_SIZE + (off_t)slot * MMFBUS__SLOT_SIZE;
            ssize_t got = pread(file, table, sizeof table, offset);
            for (ssize_t at = 0; at + MMFBUS__SLOT_SIZE <= got; at += MMFBUS__SLOT_SIZE) {
                mmfbus__strike_out(nonces, count, (int64_t)mmfbus__peek64(table + at + MMFBUS__SLOT_NONCE));
            }
        }
    }
    close(file);
    return true;
}

/* Strikes out the ports that any channel of the directory names. False where that cannot be found out. */
static bool mmfbus__strike_out_all_named(int64_t *nonces, size_t *count) {
    bool is_known = true;
    DIR *directory = opendir(mmfbus__directory());
    if (directory == NULL) return false;
    for (struct dirent *entry = readdir(directory); entry != NULL && is_known && *count > 0; entry = readdir(directory)) {
        char path[MMFBUS__PATH];
        const char *name = entry->d_name;
        /* A channel may have any name in CUSTOM; but no bell or life line is one. */
        if (name[0] == '.' || (strncmp(name, "mmfbus~", 7) == 0 && strchr(name, '.') != NULL)) continue;
        if (snprintf(path, sizeof path, "%s/%s", mmfbus__directory(), name) >= (int)sizeof path) continue;
        is_known = mmfbus__strike_out_named(path, nonces, count);
    }
    closedir(directory);
    return is_known;
}

/* Whether the files of a port themselves say that its owner is dead. */
static bool mmfbus__is_port_dead(int64_t nonce) {
    char path[MMFBUS__PATH], byte;
    mmfbus__port_path(path, nonce, "bell");
    int bell = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    bool dead = bell < 0 && errno == ENXIO;
    if (bell >= 0) close(bell);
    if (dead) return true;
    mmfbus__port_path(path, nonce, "life");
    int life = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (life < 0) return false;
    dead = mmfbus__is_fifo(life) && read(life, &byte, 1) == 0;
    close(life);
    return dead;
}

static void mmfbus__unlink_port(int64_t nonce) {
    char path[MMFBUS__PATH];
    mmfbus__port_path(path, nonce, "bell");
    unlink(path);
    mmfbus__port_path(path, nonce, "life");
    unlink(path);
}

/*
 * Removes the files of those ports whose owners are dead, unless some channel names them still: they prove the death to
 * others. Memory that says of a living owner that it is dead must not take them away, so the files are asked. Not to be called
 * with a lock held: it looks into all channels.
 */
static void mmfbus__remove_ports(int64_t *nonces, size_t count) {
    size_t dead = 0;
    for (size_t index = 0; index < count; index++) {
        if (mmfbus__is_port_dead(nonces[index])) nonces[dead++] = nonces[index];
    }
    if (dead == 0 || !mmfbus__strike_out_all_named(nonces, &dead)) return;
    for (size_t index = 0; index < dead; index++) mmfbus__unlink_port(nonces[index]);
}

/* Ports that are swept at a time; those beyond are for the next one. */
enum { MMFBUS__SWEPT = 256 };

static bool mmfbus__is_own(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && status.st_uid == geteuid() && (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode));
}

/* Removes what dead processes of this user left unfinished, and their ports. */
static void mmfbus__sweep(void) {
    DIR *directory = opendir(mmfbus__directory());
    if (directory == NULL) return;
    uint64_t here = mmfbus__pid_namespace();
    int64_t ports[MMFBUS__SWEPT];
    size_t count = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char path[MMFBUS__PATH];
        const char *name = entry->d_name;
        unsigned long long pid_namespace, start;
        unsigned pid;
        if (strncmp(name, "mmfbus~", 7) != 0) continue;
        if (snprintf(path, sizeof path, "%s/%s", mmfbus__directory(), name) >= (int)sizeof path) continue;
        if (!mmfbus__is_own(path)) continue;
        if (sscanf(name, "mmfbus~new.%llu.%u.%llu", &pid_namespace, &pid, &start) == 3) {
            mmfbus__identity maker;
            memset(&maker, 0, sizeof maker);
            maker.pid = pid;
            maker.pid_namespace = pid_namespace;
            maker.start_time = start;
            if (here != 0 && pid_namespace == here && mmfbus__fate_of(&maker) == MMFBUS__GONE) unlink(path);
        } else if (strspn(name + 7, "0123456789abcdef") == 16 && count < MMFBUS__SWEPT &&
                   (strcmp(name + 23, ".bell") == 0 || strcmp(name + 23, ".life") == 0)) {
            int64_t nonce = (int64_t)strtoull(name + 7, NULL, 16);
            mmfbus__strike_out(ports, &count, nonce);
            if (mmfbus__is_port_dead(nonce)) ports[count++] = nonce;
        }
    }
    closedir(directory);
    mmfbus__remove_ports(ports, count);
}

#endif

/* ========================================================================================================== Schema
 * == Schema
 *
 * SHA-256 (FIPS 180-4) of the text of a schema, by which two sides compare it.
 */

static inline uint32_t mmfbus__rotate(uint32_t word, int by) {
    return word >> by | word << (32 - by);
}

static void mmfbus__sha256_block(uint32_t state[8], const unsigned char block[64]) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
               block[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = mmfbus__rotate(w[i - 15], 7) ^ mmfbus__rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t b = mmfbus__rotate(w[i - 2], 17) ^ mmfbus__rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = mmfbus__rotate(v[4], 6) ^ mmfbus__rotate(v[4], 11) ^ mmfbus__rotate(v[4], 25);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t s0 = mmfbus__rotate(v[0], 2) ^ mmfbus__rotate(v[0], 13) ^ mmfbus__rotate(v[0], 22);
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) state[i] += v[i];
}

static void mmfbus__sha256(const char *text, size_t length, unsigned char digest[32]) {
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char block[128] = {0};
    size_t rest = length % 64, end = rest < 56 ? 64 : 128;
    for (size_t offset = 0; offset + 64 <= length; offset += 64) {
        mmfbus__sha256_block(state, (const unsigned char *)text + offset);
    }
    if (rest > 0) memcpy(block, text + length - rest, rest);
    block[rest] = 0x80;
    for (int i = 0; i < 8; i++) block[end - 1 - (size_t)i] = (unsigned char)((uint64_t)length * 8 >> (8 * i));
    mmfbus__sha256_block(state, block);
    if (end == 128) mmfbus__sha256_block(state, block + 64);
    for (int i = 0; i < 32; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

/* The part of a text around the byte `at`; of what others wrote, only what can be printed. */
static void mmfbus__excerpt(char out[64], const char *text, size_t length, size_t at) {
    size_t first = at > 20 ? at - 20 : 0, count = 0;
    for (; count < 60 && first + count < length; count++) {
        char byte = text[first + count];
        out[count] = byte >= 0x20 && byte < 0x7f ? byte : '?';
    }
    out[count] = 0;
}

static void mmfbus__hexadecimal(char out[65], const unsigned char digest[32]) {
    for (int i = 0; i < 64; i++) out[i] = "0123456789abcdef"[digest[i / 2] >> (4 - 4 * (i % 2)) & 15];
    out[64] = 0;
}

/* Says in words where two schemas begin to differ, the one of the channel `there` and ours `here`. */
static void mmfbus__tell_difference(const char *there, size_t there_length, const unsigned char there_digest[32],
                                    const char *here, const unsigned char here_digest[32]) {
    size_t here_length = strlen(here), at = 0;
    char theirs[64], ours[64], their_hash[65], our_hash[65];
    while (at < there_length && at < here_length && there[at] == here[at]) at++;
    mmfbus__excerpt(theirs, there, there_length, at);
    mmfbus__excerpt(ours, here, here_length, at);
    mmfbus__hexadecimal(their_hash, there_digest);
    mmfbus__hexadecimal(our_hash, here_digest);
    snprintf(mmfbus__detail, sizeof mmfbus__detail,
             "the schemas differ from byte %zu on: ...%s... there, ...%s... here (SHA-256 %s there, %s here)", at, theirs,
             ours, their_hash, our_hash);
}

/* ======================================================================================================== Channels
 * == Channels
 *
 * The geometry of a channel: checked once, then only these copies are used.
 */

typedef struct mmfbus__geometry {
    uint64_t segment_length, ring_offset, capacity, history, max_message, incarnation;
    uint32_t participant_count, max_payload, schema_offset, schema_length, pattern;
    uint32_t version, unknown_features; /* where they are refused */
    char codec[MMFBUS__HEADER_CODEC_SIZE];
    unsigned char schema[MMFBUS__HEADER_SCHEMA_SIZE];
    const char *schema_text;
} mmfbus__geometry;

/* Bytes of payload that a frame has room for, beside its header. */
static uint64_t mmfbus__largest_payload(uint64_t capacity) {
    return capacity / 4 - MMFBUS__FRAME_SIZE;
}

/* The rule for it: with room for a header extension, whatever the message. */
static uint64_t mmfbus__max_payload_of(uint64_t capacity, uint64_t max_message) {
    uint64_t extended = max_message + MMFBUS__MAX_EXTENSION_LENGTH, largest = mmfbus__largest_payload(capacity);
    return extended < largest ? extended : largest;
}

/* Most bytes of a message that is published in one frame. */
MMFBUS__INLINE uint32_t mmfbus__max_whole(const mmfbus__geometry *g) {
    return g->max_message < g->max_payload ? (uint32_t)g->max_message : g->max_payload;
}

/* Bytes of the tables that follow the participants of an inbox and of a mailbox. */
static uint64_t mmfbus__region_of(uint32_t pattern, uint32_t participants) {
    if (pattern == MMFBUS__PATTERN_REPLIES) return (uint64_t)MMFBUS__CELLS * MMFBUS__CELL_SIZE;
    if (pattern != MMFBUS__PATTERN_CALLS) return 0;
    return (uint64_t)participants * 4 + MMFBUS__METHODS * MMFBUS__METHOD_SIZE + MMFBUS__RECENT_CALLS * MMFBUS__RECENT_SIZE;
}

static bool mmfbus__is_geometry(const mmfbus__geometry *g) {
    if (g->capacity < MMFBUS__MIN_CAPACITY || g->capacity > MMFBUS__MAX_CAPACITY) return false;
    if ((g->capacity & (g->capacity - 1)) != 0) return false;
    if (g->participant_count < 2 || g->participant_count > MMFBUS__MAX_PARTICIPANTS) return false;
    if (g->max_message < 1 || g->max_message > MMFBUS__LARGEST_MESSAGE) return false;
    if (g->max_payload != mmfbus__max_payload_of(g->capacity, g->max_message)) return false;
    if (g->history == 0) return true;
    uint64_t extended = g->max_message + MMFBUS__MAX_EXTENSION_LENGTH;
    return extended == g->max_payload && g->history <= g->capacity / 2 / mmfbus__frame_size(extended);
}

#define MMFBUS__DEFAULT_POLL_WINDOW 200u
/* Bits of `requiredFeatures` that are understood here. */
#define MMFBUS__KNOWN_FEATURES 0u
#define MMFBUS__DIRECTORY_CAPACITY (64u << 10)
enum { MMFBUS__DIRECTORY_ENTRIES = 2048 };

/* Whether any schema will do. */
static bool mmfbus__takes_any(const mmfbus_options *options) {
    return options->schema != NULL && strcmp(options->schema, MMFBUS_SCHEMA_ANY) == 0;
}

static const char *mmfbus__codec_of(const mmfbus_options *options) {
    return options->codec != NULL ? options->codec : "msgpack";
}

/* Names the first option that no channel can have. */
static mmfbus_status mmfbus__check_options(const mmfbus_options *options, bool subscribes) {
    const mmfbus_status wrong = MMFBUS_INVALID_ARGUMENT;
    mmfbus__detail[0] = 0;
    if (options == NULL) return mmfbus__refuse(wrong, "there are no options");
    if (options->struct_size != sizeof *options) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail,
                 "struct_size of the options is %zu, not %zu: begin with mmfbus_options_init(), of the header that was compiled",
                 options->struct_size, sizeof *options);
        return wrong;
    }
    size_t codec_length = strlen(mmfbus__codec_of(options));
    size_t schema_length = options->schema != NULL ? strlen(options->schema) : 1;
    if ((unsigned)options->scope > MMFBUS_SCOPE_MACHINE) return mmfbus__refuse(wrong, "scope is not a value of mmfbus_scope");
    if ((unsigned)options->open > MMFBUS_CREATE) return mmfbus__refuse(wrong, "open is not a value of mmfbus_open_mode");
    if ((unsigned)options->delivery > MMFBUS_DELIVERY_LOSSY)
        return mmfbus__refuse(wrong, "delivery is not a value of mmfbus_delivery");
    if ((unsigned)options->start > MMFBUS_START_AFTER) return mmfbus__refuse(wrong, "start is not a value of mmfbus_start");
    if ((unsigned)options->otherwise > MMFBUS_OTHERWISE_LATEST) {
        return mmfbus__refuse(wrong, "otherwise is not a value of mmfbus_otherwise");
    }
    if ((unsigned)options->slow_subscribers > MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT) {
        return mmfbus__refuse(wrong, "slow_subscribers is not a value of mmfbus_slow_subscribers");
    }
    if (codec_length == 0 || codec_length > 31) return mmfbus__refuse(wrong, "codec is not 1 to 31 characters");
    if (schema_length == 0 || schema_length > MMFBUS__MAX_SCHEMA_LENGTH) {
        return mmfbus__refuse(wrong, "schema is not 1 byte to 1 MiB");
    }
    if ((options->mode & ~0777u) != 0) return mmfbus__refuse(wrong, "mode has other bits than those of permissions");
    if (options->group != NULL && options->group[0] == 0) return mmfbus__refuse(wrong, "group is empty");
    if (options->name != NULL && strlen(options->name) > MMFBUS__SLOT_NAME_SIZE) {
        return mmfbus__refuse(wrong, "name is longer than 48 bytes");
    }
    if (mmfbus__takes_any(options) && !subscribes) return mmfbus__refuse(wrong, "schema is any, which is for subscribers");
    if (mmfbus__takes_any(options) && options->open == MMFBUS_CREATE) {
        return mmfbus__refuse(wrong, "schema is any, and a channel is created with one of its own");
    }
    return MMFBUS_OK;
}

/* What a new channel looks like; MMFBUS_INVALID_ARGUMENT for invalid options. */
static mmfbus_status mmfbus__plan(const mmfbus_options *options, uint32_t pattern, mmfbus__geometry *g) {
    static const char limits[] = "capacity, history, max_message or max_participants is outside its limits";
    memset(g, 0, sizeof *g);
    bool is_directory = pattern == MMFBUS__PATTERN_DIRECTORY;
    uint64_t default_capacity = is_directory ? MMFBUS__DIRECTORY_CAPACITY : (uint64_t)MMFBUS__DEFAULT_CAPACITY;
    g->capacity = options->capacity != 0 ? options->capacity : default_capacity;
    g->history = options->history;
    g->max_message = options->max_message != 0 ? options->max_message : 64u << 20;
    if (options->max_message == 0 && g->history != 0 && g->capacity >= MMFBUS__MIN_CAPACITY) {
        /* As large as the promise allows, with room for a header extension. */
        const uint64_t beside = MMFBUS__FRAME_SIZE + MMFBUS__MAX_EXTENSION_LENGTH;
        uint64_t share = g->capacity / 2 / g->history / MMFBUS__FRAME_ALIGNMENT * MMFBUS__FRAME_ALIGNMENT;
        if (share > g->capacity / 4) share = g->capacity / 4;
        g->max_message = share > beside ? share - beside : 1;
    }
    g->max_payload = (uint32_t)mmfbus__max_payload_of(g->capacity, g->max_message);
    g->participant_count = options->max_participants != 0 ? options->max_participants : 64;
    if (!mmfbus__is_geometry(g)) return mmfbus__refuse(MMFBUS_INVALID_ARGUMENT, limits);
    g->pattern = pattern;
    for (int tries = 0; tries < 4 && g->incarnation == 0; tries++) {
        if (!mmfbus__random(&g->incarnation, sizeof g->incarnation)) return mmfbus__failed("random");
    }
    if (g->incarnation == 0) return MMFBUS_OS_ERROR;

    memcpy(g->codec, mmfbus__codec_of(options), strlen(mmfbus__codec_of(options)));
    uint64_t end = MMFBUS__HEADER_SIZE + (uint64_t)g->participant_count * MMFBUS__SLOT_SIZE;
    end += is_directory ? (uint64_t)MMFBUS__DIRECTORY_ENTRIES * MMFBUS__ENTRY_SIZE
                        : mmfbus__region_of(pattern, g->participant_count);
    if (options->schema != NULL) {
        size_t length = strlen(options->schema);
        g->schema_text = options->schema;
        g->schema_offset = (uint32_t)end;
        g->schema_length = (uint32_t)length;
        mmfbus__sha256(options->schema, length, g->schema);
        end += length;
    }
    g->ring_offset = (end + MMFBUS__PAGE - 1) / MMFBUS__PAGE * MMFBUS__PAGE;
    g->segment_length = g->ring_offset + g->capacity;
    return MMFBUS_OK;
}

static void mmfbus__put32(unsigned char *place, uint32_t value) {
    memcpy(place, &value, sizeof value);
}

static void mmfbus__put64(unsigned char *place, uint64_t value) {
    memcpy(place, &value, sizeof value);
}

/* Writes the header of a new channel into memory that is all zero; the magic last. */
static void mmfbus__fill_channel(unsigned char *memory, const void *context) {
    const mmfbus__geometry *g = (const mmfbus__geometry *)context;
    int64_t magic;
    mmfbus__put32(memory + MMFBUS__HEADER_FORMAT_VERSION, MMFBUS__FORMAT_VERSION);
    mmfbus__put32(memory + MMFBUS__HEADER_HEADER_LENGTH, MMFBUS__HEADER_SIZE);
    mmfbus__put64(memory + MMFBUS__HEADER_SEGMENT_LENGTH, g->segment_length);
    mmfbus__put64(memory + MMFBUS__HEADER_RING_OFFSET, g->ring_offset);
    mmfbus__put64(memory + MMFBUS__HEADER_RING_CAPACITY, g->capacity);
    mmfbus__put32(memory + MMFBUS__HEADER_PARTICIPANTS_OFFSET, MMFBUS__HEADER_SIZE);
    mmfbus__put32(memory + MMFBUS__HEADER_PARTICIPANT_COUNT, g->participant_count);
    mmfbus__put32(memory + MMFBUS__HEADER_PARTICIPANT_LENGTH, MMFBUS__SLOT_SIZE);
    mmfbus__put32(memory + MMFBUS__HEADER_MAX_PAYLOAD, g->max_payload);
    mmfbus__put32(memory + MMFBUS__HEADER_SCHEMA_OFFSET, g->schema_offset);
    mmfbus__put32(memory + MMFBUS__HEADER_SCHEMA_LENGTH, g->schema_length);
    memcpy(memory + MMFBUS__HEADER_CODEC, g->codec, sizeof g->codec);
    memcpy(memory + MMFBUS__HEADER_SCHEMA, g->schema, sizeof g->schema);
    mmfbus__put64(memory + MMFBUS__HEADER_HISTORY, g->history);
    mmfbus__put64(memory + MMFBUS__HEADER_MAX_MESSAGE, g->max_message);
    mmfbus__put64(memory + MMFBUS__HEADER_CREATED_AT, mmfbus__milliseconds_since_1970());
    mmfbus__put32(memory + MMFBUS__HEADER_PATTERN, g->pattern);
    mmfbus__put64(memory + MMFBUS__HEADER_INCARNATION, g->incarnation);
    if (g->schema_length > 0) memcpy(memory + g->schema_offset, g->schema_text, g->schema_length);
    memory[g->ring_offset + MMFBUS__FRAME_KIND] = MMFBUS__KIND_TERMINATOR;
    mmfbus__put64(memory + g->ring_offset + MMFBUS__FRAME_SEQUENCE, 1);
    memcpy(&magic, mmfbus__magic, sizeof magic);
    mmfbus__store64(memory + MMFBUS__HEADER_MAGIC, magic);
}

/* Reads the geometry of an existing channel and checks it against what is mapped. */
static mmfbus_status mmfbus__read_geometry(const mmfbus__segment *segment, mmfbus__geometry *g) {
    uint64_t header[MMFBUS__HEADER_SIZE / sizeof(uint64_t)];
    const unsigned char *memory = (const unsigned char *)header;
    memset(g, 0, sizeof *g);
    if (segment->length < MMFBUS__HEADER_SIZE) return MMFBUS_NOT_A_CHANNEL;
    int64_t magic = mmfbus__load64(segment->memory + MMFBUS__HEADER_MAGIC);
    if (memcmp(&magic, mmfbus__magic, sizeof magic) != 0) return MMFBUS_NOT_A_CHANNEL;
    mmfbus__copy_private(header, segment->memory, sizeof header);
    g->version = mmfbus__peek32(memory + MMFBUS__HEADER_FORMAT_VERSION);
    if (g->version != MMFBUS__FORMAT_VERSION) return MMFBUS_VERSION_MISMATCH;
    g->unknown_features = mmfbus__peek32(memory + MMFBUS__HEADER_REQUIRED_FEATURES) & ~MMFBUS__KNOWN_FEATURES;
    if (g->unknown_features != 0) return MMFBUS_VERSION_MISMATCH;
    g->pattern = mmfbus__peek32(memory + MMFBUS__HEADER_PATTERN);
    g->incarnation = mmfbus__peek64(memory + MMFBUS__HEADER_INCARNATION);
    g->segment_length = mmfbus__peek64(memory + MMFBUS__HEADER_SEGMENT_LENGTH);
    g->ring_offset = mmfbus__peek64(memory + MMFBUS__HEADER_RING_OFFSET);
    g->capacity = mmfbus__peek64(memory + MMFBUS__HEADER_RING_CAPACITY);
    g->participant_count = mmfbus__peek32(memory + MMFBUS__HEADER_PARTICIPANT_COUNT);
    g->max_payload = mmfbus__peek32(memory + MMFBUS__HEADER_MAX_PAYLOAD);
    g->schema_offset = mmfbus__peek32(memory + MMFBUS__HEADER_SCHEMA_OFFSET);
    g->schema_length = mmfbus__peek32(memory + MMFBUS__HEADER_SCHEMA_LENGTH);
    g->history = mmfbus__peek64(memory + MMFBUS__HEADER_HISTORY);
    g->max_message = mmfbus__peek64(memory + MMFBUS__HEADER_MAX_MESSAGE);
    memcpy(g->codec, memory + MMFBUS__HEADER_CODEC, sizeof g->codec);
    memcpy(g->schema, memory + MMFBUS__HEADER_SCHEMA, sizeof g->schema);
    if (!mmfbus__is_geometry(g)) return MMFBUS_CORRUPTED;
    if (mmfbus__peek32(memory + MMFBUS__HEADER_HEADER_LENGTH) != MMFBUS__HEADER_SIZE ||
        mmfbus__peek32(memory + MMFBUS__HEADER_PARTICIPANTS_OFFSET) != MMFBUS__HEADER_SIZE ||
        mmfbus__peek32(memory + MMFBUS__HEADER_PARTICIPANT_LENGTH) != MMFBUS__SLOT_SIZE) {
        return MMFBUS_CORRUPTED;
    }
    uint64_t slots_end = MMFBUS__HEADER_SIZE + (uint64_t)g->participant_count * MMFBUS__SLOT_SIZE;
    slots_end += mmfbus__region_of(g->pattern, g->participant_count);
    uint64_t schema_end = (uint64_t)g->schema_offset + g->schema_length;
    if (g->segment_length > segment->length || g->ring_offset % MMFBUS__PAGE != 0 || g->ring_offset < slots_end ||
        g->ring_offset > g->segment_length || g->capacity > g->segment_length - g->ring_offset) {
        return MMFBUS_CORRUPTED;
    }
    if (g->schema_length > MMFBUS__MAX_SCHEMA_LENGTH ||
        (g->schema_length > 0 && (g->schema_offset < slots_end || schema_end > g->ring_offset))) {
        return MMFBUS_CORRUPTED;
    }
    return MMFBUS_OK;
}

/* Says what MMFBUS_VERSION_MISMATCH means. */
static void mmfbus__tell_version(const mmfbus__geometry *g) {
    if (g->unknown_features != 0) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "it requires features that this program does not know: bits 0x%x",
                 (unsigned)g->unknown_features);
    } else {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "its format version is %u, this program's %u", (unsigned)g->version,
                 (unsigned)MMFBUS__FORMAT_VERSION);
    }
}

/* Of a number that was asked for: whether the channel has it. */
static bool mmfbus__has(const char *what, uint64_t there, uint64_t wanted) {
    if (wanted == 0 || wanted == there) return true;
    snprintf(mmfbus__detail, sizeof mmfbus__detail, "its %s is %llu, this program's %llu", what, (unsigned long long)there,
             (unsigned long long)wanted);
    return false;
}

static mmfbus_status mmfbus__compare_schema(const mmfbus_options *options, const mmfbus__segment *segment,
                                            const mmfbus__geometry *g) {
    unsigned char digest[32];
    const mmfbus_status differs = MMFBUS_SCHEMA_MISMATCH;
    if (options->schema == NULL && g->schema_length == 0) return MMFBUS_OK;
    if (options->schema == NULL) {
        return mmfbus__refuse(differs, "the channel has a schema, and this program none to compare with it; subscribers may "
                                       "say MMFBUS_SCHEMA_ANY");
    }
    if (g->schema_length == 0) return mmfbus__refuse(differs, "the channel has no schema, and this program has one");
    mmfbus__sha256(options->schema, strlen(options->schema), digest);
    if (memcmp(digest, g->schema, sizeof digest) == 0) return MMFBUS_OK;
    char *there = (char *)MMFBUS_MALLOC(g->schema_length);
    if (there == NULL) return MMFBUS_NO_MEMORY;
    mmfbus__copy_private(there, segment->memory + g->schema_offset, g->schema_length);
    mmfbus__tell_difference(there, g->schema_length, g->schema, options->schema, digest);
    MMFBUS_FREE(there);
    return differs;
}

/* Whether the channel that is there is what was asked for. */
static mmfbus_status mmfbus__compare(const mmfbus_options *options, uint32_t pattern, const mmfbus__segment *segment,
                                     const mmfbus__geometry *g) {
    if (g->pattern != pattern) {
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "its pattern is %u, this program's %u (%d is a channel, %d a directory)",
                 (unsigned)g->pattern, (unsigned)pattern, MMFBUS__PATTERN_CHANNEL, MMFBUS__PATTERN_DIRECTORY);
        return MMFBUS_PATTERN_MISMATCH;
    }
    if (!mmfbus__has("capacity", g->capacity, options->capacity)) return MMFBUS_CAPACITY_MISMATCH;
    if (!mmfbus__has("history", g->history, options->history)) return MMFBUS_HISTORY_MISMATCH;
    if (!mmfbus__has("max_message", g->max_message, options->max_message)) return MMFBUS_MAX_MESSAGE_MISMATCH;
    if (mmfbus__takes_any(options)) return MMFBUS_OK;
    char codec[MMFBUS__HEADER_CODEC_SIZE] = {0};
    memcpy(codec, mmfbus__codec_of(options), strlen(mmfbus__codec_of(options)));
    if (memcmp(codec, g->codec, sizeof codec) != 0) {
        char there[64];
        mmfbus__excerpt(there, g->codec, g->codec[MMFBUS__HEADER_CODEC_SIZE - 1] == 0 ? strlen(g->codec) : sizeof g->codec, 0);
        snprintf(mmfbus__detail, sizeof mmfbus__detail, "its codec is %s, this program's %s", there, codec);
        return MMFBUS_CODEC_MISMATCH;
    }
    /* That of an inbox is a contract: who calls compares it method by method. */
    return pattern == MMFBUS__PATTERN_CALLS ? MMFBUS_OK : mmfbus__compare_schema(options, segment, g);
}

static bool mmfbus__is_channel_name(const char *name) {
    size_t length = name == NULL ? 0 : strlen(name);
    if (length < 1 || length > MMFBUS__MAX_NAME_LENGTH) return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

/* What an entry of the directory names: a channel, or the registry of a service. */
static bool mmfbus__is_entry_name(const char *name) {
    const char *const end = "~service";
    size_t length = strlen(name);
    if (length <= strlen(end) || strcmp(name + length - strlen(end), end) != 0) return mmfbus__is_channel_name(name);
    char service[MMFBUS__ENTRY_NAME_SIZE + 1];
    snprintf(service, sizeof service, "%.*s", (int)(length - strlen(end)), name);
    return strlen(service) <= MMFBUS__MAX_SERVICE_NAME_LENGTH && mmfbus__is_channel_name(service);
}

/* What is no channel has a name that no channel can have. */
static mmfbus_status mmfbus__open_channel(const mmfbus_options *options, uint32_t pattern, mmfbus__segment *segment,
                                          mmfbus__geometry *g, mmfbus__audience *audience) {
    if (pattern == MMFBUS__PATTERN_CHANNEL && !mmfbus__is_channel_name(options->channel)) return MMFBUS_INVALID_NAME;
    mmfbus_namespace space = options->scope == MMFBUS_SCOPE_MACHINE ? MMFBUS_GLOBAL : MMFBUS_LOCAL;
    bool is_exact = pattern == MMFBUS__PATTERN_DIRECTORY;
    bool creates = options->open != MMFBUS_OPEN && !mmfbus__takes_any(options);
    for (int tries = 0; tries < 1000; tries++) {
        mmfbus_status status = MMFBUS_NOT_FOUND;
        if (options->open != MMFBUS_CREATE) status = mmfbus__open_segment(segment, options->channel, space, false);
        if (status == MMFBUS_OK) {
            /* Before its memory is touched, which others that were not asked for might take away. */
            status = mmfbus__find_audience(options, is_exact, segment, audience);
            if (status == MMFBUS_OK) status = segment->marked ? mmfbus__read_geometry(segment, g) : MMFBUS_NOT_A_CHANNEL;
            if (status == MMFBUS_VERSION_MISMATCH) mmfbus__tell_version(g);
            if (status == MMFBUS_OK) status = mmfbus__compare(options, pattern, segment, g);
            if (status != MMFBUS_OK) mmfbus__release_segment(segment);
            return status;
        }
        if (status != MMFBUS_NOT_FOUND || !creates) return status;
        mmfbus__sweep();
        status = mmfbus__plan(options, pattern, g);
        size_t length = (size_t)g->segment_length;
        if (status == MMFBUS_OK) {
            status = mmfbus__renew_segment(segment, options->channel, space, length, mmfbus__fill_channel, g);
        }
        if (status == MMFBUS_NOT_FOUND) {
            status = mmfbus__create_segment(segment, options->channel, space, length, options->mode, options->group,
                                            mmfbus__fill_channel, g);
        }
        if (status == MMFBUS_BUSY) {
            mmfbus__sleep_microseconds(1000);
            continue;
        }
        if (status == MMFBUS_OK) {
            status = mmfbus__find_audience(options, is_exact, segment, audience);
            if (status != MMFBUS_OK) mmfbus__release_segment(segment);
            return status;
        }
        if (status != MMFBUS_EXISTS || options->open == MMFBUS_CREATE) return status;
    }
    return MMFBUS_TIMEOUT;
}

/* ==================================================================================================== Participants
 * == Participants
 *
 * A participant has a slot in the table and a port of its own: a bell, which others ring and it waits for, and a life
 * line, whose end tells others that it is dead.
 */

/* What we know of another slot. */
typedef struct mmfbus__peer {
    int64_t bell_nonce; /* whose bell is open; 0 none */
    int64_t life_nonce; /* whose life line is open; 0 none */
    int64_t dead_nonce; /* the owner that is proved dead and not yet reclaimed; 0 for none */
    mmfbus_descriptor bell;
    mmfbus_descriptor life;
    uint32_t rung; /* the sleep that was rung last */
} mmfbus__peer;

/* A sleeper that was rung and does not wake up may have died before it heard: one in this many rings is sent again. */
enum { MMFBUS__SKIPS = 1000 };

/*
 * The descriptors of a port. POLLER watches the bell, the life lines of others, and TIMER together. SPARE is given up for a
 * moment where none is left to ring another's bell with.
 */
enum { MMFBUS__BELL, MMFBUS__LIFE, MMFBUS__POLLER, MMFBUS__TIMER, MMFBUS__SPARE, MMFBUS__DESCRIPTORS };

/* Nanoseconds after which what could not be opened is tried again. */
#define MMFBUS__LOOK_AGAIN 1000000000u

/* What the poller says of its own descriptors; of a life line it says the participant that watches it, and the slot. */
#define MMFBUS__BELL_TAG UINT64_MAX
#define MMFBUS__TIMER_TAG (UINT64_MAX - 1)

/* A bell and a life line. A participant has one of its own, or shares that of others, which then wait together. */
typedef struct mmfbus__port {
    int64_t nonce;
    mmfbus_descriptor descriptors[MMFBUS__DESCRIPTORS];
#ifndef _WIN32
    mmfbus__fork_guard guard;
#endif
    struct mmfbus__participant *sharers; /* who waits by it */
    uint32_t last_number;                /* of a sharer */
    bool is_proof;                       /* a sharer left its slot as the dead do: the files must stay, to prove it */
} mmfbus__port;

/* What a participant does in the directory. */
typedef struct mmfbus__registration {
    struct mmfbus__place *place; /* this process's in the directory, of which it has a share; NULL where it has none */
    mmfbus_status status;        /* why the channel is not listed */
    bool is_listed;
    char channel[MMFBUS__ENTRY_NAME_SIZE + 1];
} mmfbus__registration;

typedef struct mmfbus__participant {
    mmfbus__segment segment;
    mmfbus__geometry geometry;
    unsigned char *memory;
    unsigned char *ring;
    mmfbus__identity identity;
    int64_t nonce;
    uint32_t slot;
    uint32_t generation;
    uint32_t timeout;
    mmfbus__port *port;                       /* `own_port`, or one that is shared */
    mmfbus__port own_port;
    struct mmfbus__participant *next_sharer;  /* of the port */
    uint32_t number;                          /* among the sharers */
    mmfbus__peer *peers;
    int64_t *reclaimed;         /* nonces of ports whose files are to be removed when we hold no lock */
    uint32_t reclaimed_count;
    uint32_t watched_epoch;  /* whose life lines are watched: those of this epoch, */
    uint32_t watched_states; /* and with one of these states, bit by bit */
    bool watch_is_complete;  /* false when one could not be opened: try again */
    bool has_dead;           /* some peer has a `dead_nonce`, or some was reclaimed */
    bool joined;
    uint32_t wants;          /* what this one sleeps for; 0 while it is awake */
    uint32_t skips;          /* rings that were not sent, because the sleeper was rung before */
    uint64_t counters[MMFBUS__COUNTER_COUNT];
    mmfbus__registration registration;
} mmfbus__participant;

static inline unsigned char *mmfbus__slot(const mmfbus__participant *p, uint32_t slot) {
    return p->memory + MMFBUS__HEADER_SIZE + (size_t)slot * MMFBUS__SLOT_SIZE;
}

static inline unsigned char *mmfbus__own_slot(const mmfbus__participant *p) {
    return mmfbus__slot(p, p->slot);
}

/* Slots that may be in use. */
static inline uint32_t mmfbus__slots_used(const mmfbus__participant *p) {
    uint32_t used = mmfbus__load32(p->memory + MMFBUS__HEADER_SLOTS_USED);
    return used < p->geometry.participant_count ? used : p->geometry.participant_count;
}

MMFBUS__INLINE void mmfbus__count(mmfbus__participant *p, int counter, uint64_t more) {
    p->counters[counter] += more;
    mmfbus__poke64(mmfbus__own_slot(p) + MMFBUS__SLOT_MESSAGES + 8 * counter, p->counters[counter]);
}

static inline bool mmfbus__is_forked(const mmfbus__participant *p) {
#ifdef _WIN32
    (void)p;
    return false;
#else
    return p->port->guard.forked;
#endif
}

/* Whether our slot is ours still: who is taken for dead, for whatever reason, loses it. */
MMFBUS__INLINE bool mmfbus__owns_slot(const mmfbus__participant *p) {
    const unsigned char *own = mmfbus__own_slot(p);
    return mmfbus__load64(own + MMFBUS__SLOT_NONCE) == p->nonce &&
           mmfbus__load32(own + MMFBUS__SLOT_GENERATION) == p->generation;
}

/* -- Ports: the system's part */

#ifdef _WIN32

static void mmfbus__bell_name(char name[64], int64_t nonce) {
    static const char digits[] = "0123456789abcdef";
    memcpy(name, "Global\\mmfbus~", 14);
    for (int i = 0; i < 16; i++) name[14 + i] = digits[(uint64_t)nonce >> (60 - 4 * i) & 15];
    memcpy(name + 30, ".bell", 6);
}

static mmfbus_status mmfbus__open_port(mmfbus__port *port, const mmfbus__audience *audience) {
    char name[64];
    (void)audience;
    port->nonce = mmfbus__new_nonce();
    if (port->nonce == 0) return MMFBUS_OS_ERROR;
    mmfbus__bell_name(name, port->nonce);
    port->descriptors[MMFBUS__BELL] = CreateEventA(NULL, FALSE, FALSE, name);
    return port->descriptors[MMFBUS__BELL] == NULL ? mmfbus__failed("CreateEventA") : MMFBUS_OK;
}

static void mmfbus__close_descriptor(mmfbus_descriptor *descriptor) {
    if (*descriptor != NULL) CloseHandle(*descriptor);
    *descriptor = NULL;
}

static void mmfbus__close_port(mmfbus__port *port) {
    mmfbus__close_descriptor(&port->descriptors[MMFBUS__BELL]);
}

/* There are no files: the event goes with its last handle. */
static void mmfbus__remove_ports(int64_t *nonces, size_t count) {
    (void)nonces;
    (void)count;
}

static mmfbus_descriptor mmfbus__open_bell(int64_t nonce, mmfbus__fate *fate) {
    char name[64];
    mmfbus__bell_name(name, nonce);
    /* An event lives while any handle of it is open: that it is there proves nothing. */
    *fate = MMFBUS__UNKNOWN;
    HANDLE bell = OpenEventA(EVENT_MODIFY_STATE, FALSE, name);
    if (bell == NULL && GetLastError() == ERROR_FILE_NOT_FOUND) *fate = MMFBUS__ABSENT;
    return bell;
}

static bool mmfbus__is_open(mmfbus_descriptor descriptor) {
    return descriptor != NULL;
}

/* Handles are as many as there is memory for. */
static bool mmfbus__keep_spare(mmfbus__port *port) {
    (void)port;
    return true;
}

static bool mmfbus__give_up_spare(mmfbus__port *port) {
    (void)port;
    return false;
}

static void mmfbus__wake_up_in(mmfbus__port *port, uint64_t nanoseconds) {
    (void)port;
    (void)nanoseconds;
}

static mmfbus__fate mmfbus__ring_bell(mmfbus_descriptor bell) {
    return SetEvent(bell) ? MMFBUS__ALIVE : MMFBUS__UNKNOWN;
}

#else

static void mmfbus__close_descriptor(mmfbus_descriptor *descriptor) {
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
}

static bool mmfbus__is_open(mmfbus_descriptor descriptor) {
    return descriptor >= 0;
}

/* A FIFO that is open for reading and writing before it has its name: who finds the name finds a living owner. */
static mmfbus_status mmfbus__make_fifo(int *descriptor, int64_t nonce, const char *what, const mmfbus__audience *audience,
                                       uint32_t mode) {
    char temporary[MMFBUS__PATH], path[MMFBUS__PATH], suffix[8];
    snprintf(suffix, sizeof suffix, ".%s", what);
    mmfbus__temporary_path(temporary, nonce, suffix);
    mmfbus__port_path(path, nonce, what);
    if (mkfifo(temporary, 0600) != 0) return mmfbus__failed("mkfifo");
    mmfbus_status status = MMFBUS_OK;
    *descriptor = open(temporary, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (*descriptor < 0) status = mmfbus__failed("open");
    if (status == MMFBUS_OK) status = mmfbus__give_to(*descriptor, audience->uid, audience->gid);
    if (status == MMFBUS_OK && fchmod(*descriptor, (mode_t)mode) != 0) status = mmfbus__failed("fchmod");
    if (status == MMFBUS_OK && rename(temporary, path) != 0) status = mmfbus__failed("rename");
    if (status != MMFBUS_OK) unlink(temporary);
    return status;
}

static mmfbus_status mmfbus__poll_too(mmfbus__port *port, int descriptor, uint64_t tag) {
#ifdef __linux__
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.u64 = tag;
    int result = epoll_ctl(port->descriptors[MMFBUS__POLLER], EPOLL_CTL_ADD, descriptor, &event);
    return result == 0 ? MMFBUS_OK : mmfbus__failed("epoll_ctl");
#else
    struct kevent event;
    EV_SET(&event, descriptor, EVFILT_READ, EV_ADD, 0, 0, (void *)(uintptr_t)tag);
    int result = kevent(port->descriptors[MMFBUS__POLLER], &event, 1, NULL, 0, NULL);
    return result == 0 ? MMFBUS_OK : mmfbus__failed("kevent");
#endif
}

static bool mmfbus__keep_spare(mmfbus__port *port) {
    if (port->descriptors[MMFBUS__SPARE] < 0) {
        port->descriptors[MMFBUS__SPARE] = fcntl(port->descriptors[MMFBUS__BELL], F_DUPFD_CLOEXEC, 0);
    }
    return port->descriptors[MMFBUS__SPARE] >= 0;
}

/* After a call that failed: whether it was for want of a descriptor, and there is one now. */
static bool mmfbus__give_up_spare(mmfbus__port *port) {
    if ((errno != EMFILE && errno != ENFILE) || port->descriptors[MMFBUS__SPARE] < 0) return false;
    mmfbus__close_descriptor(&port->descriptors[MMFBUS__SPARE]);
    return true;
}

static mmfbus_status mmfbus__open_port(mmfbus__port *port, const mmfbus__audience *audience) {
    mmfbus__guard(&port->guard, port->descriptors, MMFBUS__DESCRIPTORS);
    port->nonce = mmfbus__new_nonce();
    if (port->nonce == 0) return MMFBUS_OS_ERROR;
    mmfbus_status status = mmfbus__make_fifo(&port->descriptors[MMFBUS__LIFE], port->nonce, "life", audience, audience->life);
    if (status == MMFBUS_OK) {
        status = mmfbus__make_fifo(&port->descriptors[MMFBUS__BELL], port->nonce, "bell", audience, audience->bell);
    }
    if (status != MMFBUS_OK) return status;
#ifdef __linux__
    port->descriptors[MMFBUS__POLLER] = epoll_create1(EPOLL_CLOEXEC);
    if (port->descriptors[MMFBUS__POLLER] < 0) return mmfbus__failed("epoll_create1");
#else
    port->descriptors[MMFBUS__POLLER] = kqueue();
    if (port->descriptors[MMFBUS__POLLER] < 0) return mmfbus__failed("kqueue");
    fcntl(port->descriptors[MMFBUS__POLLER], F_SETFD, FD_CLOEXEC);
#endif
    status = mmfbus__poll_too(port, port->descriptors[MMFBUS__BELL], MMFBUS__BELL_TAG);
    if (status != MMFBUS_OK) return status;
#ifdef __linux__
    port->descriptors[MMFBUS__TIMER] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (port->descriptors[MMFBUS__TIMER] < 0) return mmfbus__failed("timerfd_create");
    status = mmfbus__poll_too(port, port->descriptors[MMFBUS__TIMER], MMFBUS__TIMER_TAG);
    if (status != MMFBUS_OK) return status;
#endif
    return mmfbus__keep_spare(port) ? MMFBUS_OK : mmfbus__failed("fcntl");
}

/* Has the poller wake up after so long, once. */
static void mmfbus__wake_up_in(mmfbus__port *port, uint64_t nanoseconds) {
#ifdef __linux__
    struct itimerspec time;
    memset(&time, 0, sizeof time);
    /* Not 0, which stops the timer. */
    time.it_value.tv_sec = (time_t)(nanoseconds / 1000000000u);
    time.it_value.tv_nsec = (long)(nanoseconds % 1000000000u) + (nanoseconds == 0 ? 1 : 0);
    timerfd_settime(port->descriptors[MMFBUS__TIMER], 0, &time, NULL);
#else
    struct kevent event;
    EV_SET(&event, 1, EVFILT_TIMER, EV_ADD | EV_ONESHOT, 0, (intptr_t)((nanoseconds + 999999u) / 1000000u), (void *)(uintptr_t)MMFBUS__TIMER_TAG);
    kevent(port->descriptors[MMFBUS__POLLER], &event, 1, NULL, 0, NULL);
#endif
}

/* With the files, unless they are to prove that we are gone. */
static void mmfbus__close_port(mmfbus__port *port) {
    if (port->nonce != 0 && !port->is_proof && !port->guard.forked) mmfbus__unlink_port(port->nonce);
    for (int index = 0; index < MMFBUS__DESCRIPTORS; index++) mmfbus__close_descriptor(&port->descriptors[index]);
    mmfbus__unguard(&port->guard);
}

static mmfbus_descriptor mmfbus__open_bell(int64_t nonce, mmfbus__fate *fate) {
    char path[MMFBUS__PATH];
    mmfbus__port_path(path, nonce, "bell");
    /* Never for reading too: that would look like an owner. */
    int bell = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    *fate = MMFBUS__UNKNOWN;
    if (bell < 0 && errno == ENXIO) *fate = MMFBUS__GONE;
    if (bell < 0 && errno == ENOENT) *fate = MMFBUS__ABSENT;
    if (bell >= 0 && mmfbus__is_fifo(bell)) *fate = MMFBUS__ALIVE;
    /* Something else that has come to have that name is not written to. */
    if (bell >= 0 && *fate != MMFBUS__ALIVE) mmfbus__close_descriptor(&bell);
    return bell;
}

/* Writes a byte, without the SIGPIPE that a dead reader brings. */
static mmfbus__fate mmfbus__ring_bell(mmfbus_descriptor bell) {
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t written = write(bell, "!", 1);
    int error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        int number;
        sigpending(&pending);
        if (sigismember(&pending, SIGPIPE)) sigwait(&pipe, &number);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* EAGAIN: it rings already. */
    if (written == 1 || error == EAGAIN) return MMFBUS__ALIVE;
    return error == EPIPE ? MMFBUS__GONE : MMFBUS__UNKNOWN;
}

#endif

/* Has the participant wait by that port, or by one of its own. */
static mmfbus_status mmfbus__take_port(mmfbus__participant *p, mmfbus__port *shared, const mmfbus__audience *audience) {
    p->port = shared != NULL ? shared : &p->own_port;
    mmfbus_status status = shared != NULL ? MMFBUS_OK : mmfbus__open_port(p->port, audience);
    p->nonce = p->port->nonce;
    p->number = ++p->port->last_number;
    p->next_sharer = p->port->sharers;
    p->port->sharers = p;
    return status;
}

/* As one that died, where the slot names the port still. */
static void mmfbus__leave_port(mmfbus__participant *p, bool as_dead) {
    mmfbus__participant **link = &p->port->sharers;
    while (*link != p) link = &(*link)->next_sharer;
    *link = p->next_sharer;
    p->port->is_proof |= as_dead;
    if (p->port == &p->own_port) mmfbus__close_port(p->port);
}

/* -- Proof of death */

/* Who says to own a slot, when `nonce` has it; false when that cannot be known. */
static bool mmfbus__read_identity(const mmfbus__participant *p, uint32_t slot, int64_t nonce, mmfbus__identity *owner) {
    const unsigned char *place = mmfbus__slot(p, slot);
    /* SYNC: identity written. Equal before and after: the three fields in between are those of this owner. */
    if (mmfbus__load64(place + MMFBUS__SLOT_IDENTITY_NONCE) != nonce || mmfbus__load64(place + MMFBUS__SLOT_NONCE) != nonce) {
        return false;
    }
    owner->pid = mmfbus__peek32(place + MMFBUS__SLOT_PID);
    owner->start_time = mmfbus__peek64(place + MMFBUS__SLOT_START_TIME);
    owner->pid_namespace = mmfbus__peek64(place + MMFBUS__SLOT_PID_NAMESPACE);
    owner->thread_id = mmfbus__peek32(place + MMFBUS__SLOT_THREAD_ID);
    owner->thread_start_time = mmfbus__peek64(place + MMFBUS__SLOT_THREAD_START_TIME);
    mmfbus__read_fence();
    return mmfbus__load64(place + MMFBUS__SLOT_IDENTITY_NONCE) == nonce && mmfbus__load64(place + MMFBUS__SLOT_NONCE) == nonce;
}

/* Whether the owner of that slot is proved dead. Whatever is not proof leaves it alive. */
static bool mmfbus__is_dead(const mmfbus__participant *p, uint32_t slot, int64_t nonce) {
    mmfbus__fate fate;
    mmfbus__identity owner;
    mmfbus_descriptor bell = mmfbus__open_bell(nonce, &fate);
    if (mmfbus__is_open(bell)) mmfbus__close_descriptor(&bell);
    if (fate == MMFBUS__GONE) return true;
    /*
     * A participant that has claimed a slot and not yet said who it is was alive, with its bell, the moment before: the bell can
     * only have been swept, which takes a proof of death. Every process knows its pid, so one that is 0 says nothing.
     */
    bool is_known = mmfbus__read_identity(p, slot, nonce, &owner) && owner.pid != 0;
    if (!is_known) return fate == MMFBUS__ABSENT;
    /* A forked child may hold the port open for a parent that is dead: so look at the process as well. */
    if (p->identity.pid_namespace == 0) return false;
    return owner.pid_namespace == p->identity.pid_namespace && mmfbus__fate_of(&owner) == MMFBUS__GONE;
}

static void mmfbus__mark_dead(mmfbus__participant *p, uint32_t slot, int64_t nonce) {
    p->peers[slot].dead_nonce = nonce;
    p->has_dead = true;
}

/* -- Ringing */

/* Rings the owner of a slot, whether it sleeps or not. */
static void mmfbus__ring_owner(mmfbus__participant *p, uint32_t slot, int64_t nonce, uint32_t asleep) {
    mmfbus__peer *peer = &p->peers[slot];
    mmfbus__fate fate = MMFBUS__UNKNOWN;
    bool is_for_now = false;
    if (peer->bell_nonce != nonce) {
        if (peer->bell_nonce != 0) mmfbus__close_descriptor(&peer->bell);
        peer->bell = mmfbus__open_bell(nonce, &fate);
        if (!mmfbus__is_open(peer->bell) && mmfbus__give_up_spare(p->port)) {
            is_for_now = true;
            peer->bell = mmfbus__open_bell(nonce, &fate);
        }
        peer->bell_nonce = mmfbus__is_open(peer->bell) ? nonce : 0;
    }
    if (peer->bell_nonce != 0) fate = mmfbus__ring_bell(peer->bell);
    if (is_for_now) {
        if (peer->bell_nonce != 0) mmfbus__close_descriptor(&peer->bell);
        peer->bell_nonce = 0;
        mmfbus__keep_spare(p->port);
    }
    if (fate == MMFBUS__GONE) mmfbus__mark_dead(p, slot, nonce);
    if (fate != MMFBUS__ALIVE) return;
    MMFBUS_STEP("ring: sent");
    peer->rung = asleep;
    mmfbus__count(p, MMFBUS__WAKE_UPS, 1);
}

/* Rings a sleeper, once for each sleep. */
static void mmfbus__ring_slot(mmfbus__participant *p, uint32_t slot, uint32_t asleep) {
    const mmfbus__peer *peer = &p->peers[slot];
    int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
    if (nonce == 0 || nonce == p->nonce) return;
    if (peer->bell_nonce == nonce && peer->rung == asleep && ++p->skips % MMFBUS__SKIPS != 0) return;
    mmfbus__ring_owner(p, slot, nonce, asleep);
}

/* Rings the participants that sleep for one of these. */
static void mmfbus__ring_sleepers(mmfbus__participant *p, uint32_t wants) {
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        const unsigned char *place = mmfbus__slot(p, slot);
        uint32_t asleep = mmfbus__load32(place + MMFBUS__SLOT_ASLEEP);
        if (asleep == 0) continue;
        if ((mmfbus__load32(place + MMFBUS__SLOT_WANTS) & wants) != 0) mmfbus__ring_slot(p, slot, asleep);
    }
}

/* ============================================================================================== The publisher lock
 * == The publisher lock
 */

static inline uint32_t mmfbus__own_word(const mmfbus__participant *p) {
    return p->generation << MMFBUS__SLOT_BITS | p->slot;
}

/* Whether the writer of that word into the lock can no longer hold it. */
static bool mmfbus__holder_is_gone(mmfbus__participant *p, uint32_t word) {
    uint32_t slot = word & (MMFBUS__MAX_PARTICIPANTS - 1);
    if (slot >= p->geometry.participant_count) return true;
    int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
    uint32_t generation = mmfbus__load32(mmfbus__slot(p, slot) + MMFBUS__SLOT_GENERATION);
    if (nonce == 0 || generation != word >> MMFBUS__SLOT_BITS) return true;
    if (nonce == p->nonce || !mmfbus__is_dead(p, slot, nonce)) return false;
    mmfbus__mark_dead(p, slot, nonce);
    return true;
}

static void mmfbus__reclaim_locked(mmfbus__participant *p, uint32_t slot, int64_t dead);

/* Takes the lock when it is free, or its holder is gone. MMFBUS_BUSY: a participant that may be living holds it. */
static mmfbus_status mmfbus__take_over(mmfbus__participant *p) {
    unsigned char *lock = p->memory + MMFBUS__HEADER_PUBLISHER_LOCK;
    uint32_t held = mmfbus__load32(lock), slot = held & (MMFBUS__MAX_PARTICIPANTS - 1);
    /* Our own word while we hold nothing is nonsense that no other participant can take away: we live. */
    if (held == mmfbus__own_word(p)) return MMFBUS_OK;
    if (held != 0 && !mmfbus__holder_is_gone(p, held)) return MMFBUS_BUSY;
    /* From exactly the word whose holder is gone: nothing needs repair, what was not committed is not seen. */
    if (!mmfbus__swap32(lock, held, mmfbus__own_word(p))) return MMFBUS_BUSY;
    MMFBUS_STEP("lock: taken over");
    /* It may have joined as a publisher that no participant has heard of. A word that names no slot has no owner to reclaim. */
    if (held != 0 && slot < p->geometry.participant_count && p->peers[slot].dead_nonce != 0) {
        mmfbus__reclaim_locked(p, slot, p->peers[slot].dead_nonce);
    }
    return MMFBUS_OK;
}

MMFBUS__INLINE bool mmfbus__take_lock(mmfbus__participant *p) {
    if (!mmfbus__swap32(p->memory + MMFBUS__HEADER_PUBLISHER_LOCK, 0, mmfbus__own_word(p))) return false;
    MMFBUS_STEP("lock: taken");
    return true;
}

/* Takes the lock, and takes it over from the dead. MMFBUS_BUSY after that many tries. */
static mmfbus_status mmfbus__try_lock(mmfbus__participant *p, uint32_t tries) {
    for (uint32_t turn = 0; turn < tries; turn++) {
        if (mmfbus__take_lock(p)) return MMFBUS_OK;
        mmfbus__pause(turn);
    }
    return mmfbus__take_over(p);
}

/* The same, but waits for a living holder until then. */
static mmfbus_status mmfbus__lock(mmfbus__participant *p, uint64_t deadline) {
    for (;;) {
        mmfbus_status status = mmfbus__try_lock(p, 100);
        if (status != MMFBUS_BUSY || mmfbus__time_left(deadline) == 0) return status;
        mmfbus__sleep_microseconds(1000);
    }
}

MMFBUS__INLINE void mmfbus__unlock(mmfbus__participant *p) {
    /* A word that others have changed is not this participant's to clear. No other takes away its own: it lives. */
    mmfbus__clear32(p->memory + MMFBUS__HEADER_PUBLISHER_LOCK, mmfbus__own_word(p));
    MMFBUS_STEP("lock: released");
}

/* Rings who sleeps for frames; with the lock still held, after what they wait for has changed. */
MMFBUS__INLINE void mmfbus__ring_for_frames(mmfbus__participant *p) {
    /*
     * SYNC: going to sleep. What changed was stored first, then the sleepers are looked at: a sleeper that is not seen sees the
     * change.
     */
    if (mmfbus__load32(p->memory + MMFBUS__HEADER_SLEEPERS) != 0) mmfbus__ring_sleepers(p, MMFBUS__WANTS_FRAMES);
}

/* Rings who waits for room. After a cursor has moved, or is needed no more. */
MMFBUS__INLINE void mmfbus__ring_for_room(mmfbus__participant *p) {
    /* SYNC: waiting for room. The cursor was stored first; a publisher counts itself before it looks at the cursors. */
    if (mmfbus__load32(p->memory + MMFBUS__HEADER_ROOM_WAITERS) != 0) mmfbus__ring_sleepers(p, MMFBUS__WANTS_ROOM);
}

/*
 * Rings the participants that want to know of joins and leaves, and of a publisher also those that wait for frames. After the
 * epoch was raised.
 */
static void mmfbus__ring_for_members(mmfbus__participant *p, bool of_publisher) {
    /* SYNC: going to sleep. The epoch was raised first; who sleeps counts itself before it looks at that. */
    if (mmfbus__load32(p->memory + MMFBUS__HEADER_MEMBER_WAITERS) != 0) {
        uint32_t frames = of_publisher ? (uint32_t)MMFBUS__WANTS_FRAMES : 0;
        mmfbus__ring_sleepers(p, MMFBUS__WANTS_MEMBERS | frames);
    } else if (of_publisher) {
        mmfbus__ring_for_frames(p);
    }
}

static void mmfbus__tell_of_leaving(mmfbus__participant *p, bool was_publisher) {
    mmfbus__add32(p->memory + MMFBUS__HEADER_EPOCH, 1);
    MMFBUS_STEP("leave: epoch raised");
    mmfbus__ring_for_members(p, was_publisher);
}

static bool mmfbus__is_last_publisher(const mmfbus__participant *p, uint32_t slot) {
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t other = 0; other < used; other++) {
        if (other == slot) continue;
        if (mmfbus__load32(mmfbus__slot(p, other) + MMFBUS__SLOT_STATE) == MMFBUS__STATE_PUBLISHER) return false;
    }
    return true;
}

/*
 * What a leaving participant does for itself, and a reclaiming one for the dead owner of that generation. With the lock held, but
 * by a subscriber that leaves. False when the slot has no role.
 */
static bool mmfbus__end_participation(mmfbus__participant *p, uint32_t slot, uint32_t generation, uint32_t how) {
    unsigned char *place = mmfbus__slot(p, slot);
    uint32_t state = mmfbus__load32(place + MMFBUS__SLOT_STATE);
    if (state == MMFBUS__STATE_NONE) return false;
    /* Before the state: who dies in between is a publisher still, and is reclaimed as one. */
    if (state == MMFBUS__STATE_PUBLISHER && mmfbus__is_last_publisher(p, slot)) {
        uint32_t reason = how == MMFBUS__ENDED_BY_DEATH ? MMFBUS__CLOSED_BY_DEATH : MMFBUS__CLOSED_BY_LEAVING;
        mmfbus__store32(p->memory + MMFBUS__HEADER_CLOSED_REASON, reason);
        MMFBUS_STEP("leave: reason stored");
        mmfbus__add32(p->memory + MMFBUS__HEADER_CLOSED_EPOCH, 1);
        MMFBUS_STEP("leave: closed");
    }
    mmfbus__store32(place + MMFBUS__SLOT_LAST_END, generation << MMFBUS__END_BITS | how);
    MMFBUS_STEP("leave: end stored");
    mmfbus__store32(place + MMFBUS__SLOT_STATE, MMFBUS__STATE_NONE);
    MMFBUS_STEP("leave: state stored");
    mmfbus__tell_of_leaving(p, state == MMFBUS__STATE_PUBLISHER);
    return true;
}

/* Adds to the counters of the sleepers for these. */
static void mmfbus__count_sleeper(mmfbus__participant *p, uint32_t wants, uint32_t one) {
    if ((wants & MMFBUS__WANTS_FRAMES) != 0) mmfbus__add32(p->memory + MMFBUS__HEADER_SLEEPERS, one);
    if ((wants & MMFBUS__WANTS_ROOM) != 0) mmfbus__add32(p->memory + MMFBUS__HEADER_ROOM_WAITERS, one);
    if ((wants & MMFBUS__WANTS_MEMBERS) != 0) mmfbus__add32(p->memory + MMFBUS__HEADER_MEMBER_WAITERS, one);
}

/* Asleep first, then the counters, so that they are never too low. */
static void mmfbus__end_sleep(mmfbus__participant *p, uint32_t slot, uint32_t wants) {
    mmfbus__store32(mmfbus__slot(p, slot) + MMFBUS__SLOT_ASLEEP, 0);
    MMFBUS_STEP("wake: flag cleared");
    mmfbus__count_sleeper(p, wants, UINT32_MAX);
    MMFBUS_STEP("wake: counted out");
}

/* -- Claiming, freeing and reclaiming */

/* Steps 2 and 3 of claiming: `slot` has our nonce already. Step 4 needs the lock. */
static uint32_t mmfbus__take_slot(mmfbus__participant *p, uint32_t slot) {
    unsigned char *place = mmfbus__slot(p, slot);
    uint32_t generation = mmfbus__load32(place + MMFBUS__SLOT_GENERATION);
    MMFBUS_STEP("claim: nonce stored");
    generation = generation >= MMFBUS__MAX_GENERATION ? 1 : generation + 1;
    mmfbus__store32(place + MMFBUS__SLOT_GENERATION, generation);
    MMFBUS_STEP("claim: generation raised");
    /* It only grows, so this ends soon; the limit is for memory that a process keeps changing. */
    for (int tries = 0; tries < 10000; tries++) {
        uint32_t used = mmfbus__load32(p->memory + MMFBUS__HEADER_SLOTS_USED);
        if (used > slot || mmfbus__swap32(p->memory + MMFBUS__HEADER_SLOTS_USED, used, slot + 1)) break;
    }
    MMFBUS_STEP("claim: counted");
    /* Before the fields, so that the nonce of an earlier owner never stands beside the pid of a later one. */
    mmfbus__store64(place + MMFBUS__SLOT_IDENTITY_NONCE, 0);
    MMFBUS_STEP("claim: identity cleared");
    memset(place + MMFBUS__SLOT_MESSAGES, 0, MMFBUS__SLOT_SIZE - MMFBUS__SLOT_MESSAGES);
    mmfbus__poke32(place + MMFBUS__SLOT_PID, p->identity.pid);
    mmfbus__poke64(place + MMFBUS__SLOT_START_TIME, p->identity.start_time);
    mmfbus__poke64(place + MMFBUS__SLOT_PID_NAMESPACE, p->identity.pid_namespace);
    mmfbus__poke32(place + MMFBUS__SLOT_THREAD_ID, p->identity.thread_id);
    mmfbus__poke64(place + MMFBUS__SLOT_THREAD_START_TIME, p->identity.thread_start_time);
    mmfbus__poke64(place + MMFBUS__SLOT_JOINED_AT, mmfbus_now());
    mmfbus__poke32(place + MMFBUS__SLOT_PHASE, 0);
    mmfbus__poke64(place + MMFBUS__SLOT_DONE, 0);
    mmfbus__poke64(place + MMFBUS__SLOT_DETAIL, 0);
    /* SYNC: identity written. Stored after the fields that it vouches for. */
    mmfbus__store64(place + MMFBUS__SLOT_IDENTITY_NONCE, p->nonce);
    MMFBUS_STEP("claim: identity written");
    return generation;
}

/* Step 4: takes the role of a dead owner, of that generation, out of the slot; false without one. With the lock held. */
static bool mmfbus__inherit(mmfbus__participant *p, uint32_t slot, uint32_t generation) {
    const unsigned char *place = mmfbus__slot(p, slot);
    if (mmfbus__load32(place + MMFBUS__SLOT_ASLEEP) != 0) {
        mmfbus__end_sleep(p, slot, mmfbus__load32(place + MMFBUS__SLOT_WANTS));
    }
    return mmfbus__end_participation(p, slot, generation, MMFBUS__ENDED_BY_DEATH);
}

/* Frees a slot when it is that owner's still. What else it holds stays, for the next owner. */
static bool mmfbus__free_slot(mmfbus__participant *p, uint32_t slot, int64_t owner) {
    if (!mmfbus__swap64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE, owner, 0)) return false;
    MMFBUS_STEP("leave: nonce cleared");
    return true;
}

/*
 * Frees the slot of an owner that is proved dead. With the lock held, and the slot freed last: a participant that dies in the
 * middle leaves both to the next one, who does all of it again.
 */
static void mmfbus__reclaim_locked(mmfbus__participant *p, uint32_t slot, int64_t dead) {
    unsigned char *place = mmfbus__slot(p, slot);
    p->peers[slot].dead_nonce = 0;
    /* Another participant may have been faster, or the slot have another owner by now. */
    if (mmfbus__load64(place + MMFBUS__SLOT_NONCE) != dead) return;
    MMFBUS_STEP("reclaim: begun");
    /* It may have given up the role by itself, and have died before it said so. */
    if (!mmfbus__inherit(p, slot, mmfbus__load32(place + MMFBUS__SLOT_GENERATION))) mmfbus__tell_of_leaving(p, true);
    mmfbus__ring_for_room(p);
    MMFBUS_STEP("reclaim: role taken");
    if (!mmfbus__free_slot(p, slot, dead)) return;
    /* Its files go when the lock is free again. */
    if (p->reclaimed_count < p->geometry.participant_count) p->reclaimed[p->reclaimed_count++] = dead;
    p->has_dead = true;
}

/* Frees the slot of an owner that is proved dead. MMFBUS_BUSY: the lock that it takes is held; try again. */
static mmfbus_status mmfbus__reclaim(mmfbus__participant *p, uint32_t slot, int64_t dead) {
    if (mmfbus__try_lock(p, 200) != MMFBUS_OK) return MMFBUS_BUSY;
    mmfbus__reclaim_locked(p, slot, dead);
    mmfbus__unlock(p);
    return MMFBUS_OK;
}

/* Reclaims the owners that were found dead. MMFBUS_BUSY: not all, try again soon. Not while holding the lock. */
static mmfbus_status mmfbus__reclaim_the_dead(mmfbus__participant *p) {
    mmfbus_status status = MMFBUS_OK;
    if (!p->has_dead) return MMFBUS_OK;
    p->has_dead = false;
    for (uint32_t slot = 0; slot < p->geometry.participant_count; slot++) {
        mmfbus__peer *peer = &p->peers[slot];
        if (peer->dead_nonce == 0 || mmfbus__reclaim(p, slot, peer->dead_nonce) == MMFBUS_OK) continue;
        p->has_dead = true;
        status = MMFBUS_BUSY;
    }
    if (p->reclaimed_count == 0) return status;
    mmfbus__remove_ports(p->reclaimed, p->reclaimed_count);
    p->reclaimed_count = 0;
    MMFBUS_STEP("reclaim: port removed");
    return status;
}

/* Looks for dead owners among those whose state is in the set; with a set of 0 among all. */
static void mmfbus__find_dead(mmfbus__participant *p, uint32_t states) {
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        const unsigned char *place = mmfbus__slot(p, slot);
        int64_t nonce = mmfbus__load64(place + MMFBUS__SLOT_NONCE);
        uint32_t state = mmfbus__load32(place + MMFBUS__SLOT_STATE);
        if (nonce == 0 || nonce == p->nonce) continue;
        if (states != 0 && (state > MMFBUS__STATE_DISCONNECTED || (states >> state & 1) == 0)) continue;
        if (mmfbus__is_dead(p, slot, nonce)) mmfbus__mark_dead(p, slot, nonce);
    }
}

static mmfbus_status mmfbus__claim_slot(mmfbus__participant *p, const char *name) {
    uint32_t count = p->geometry.participant_count, slot = 0;
    int64_t replaced = 0;
    while (slot < count && !mmfbus__swap64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE, 0, p->nonce)) slot++;
    if (slot == count) {
        for (slot = 0; slot < count; slot++) {
            int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
            if (nonce != 0 && mmfbus__is_dead(p, slot, nonce) &&
                mmfbus__swap64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE, nonce, p->nonce)) {
                replaced = nonce;
                break;
            }
        }
    }
    if (slot == count) return MMFBUS_TOO_MANY_PARTICIPANTS;
    p->slot = slot;
    p->generation = mmfbus__take_slot(p, slot);
    p->joined = true;
    if (replaced != 0) mmfbus__remove_ports(&replaced, 1);
    if (name != NULL) memcpy(mmfbus__own_slot(p) + MMFBUS__SLOT_NAME, name, strlen(name));
    return MMFBUS_OK;
}

/* The nonces of dead owners that are not reclaimed, when no participant is left that may yet do so; their number, 0 otherwise. */
static uint32_t mmfbus__left_behind(const mmfbus__participant *p, int64_t *dead) {
    uint32_t used = mmfbus__slots_used(p), count = 0;
    for (uint32_t slot = 0; slot < used; slot++) {
        int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
        if (nonce == 0 || nonce == p->nonce) continue;
        if (!mmfbus__is_dead(p, slot, nonce)) return 0;
        dead[count++] = nonce;
    }
    return count;
}

/* Frees the slot, closes everything. With `as_dead` it leaves slot and port like one that was killed. */
static void mmfbus__close_participant(mmfbus__participant *p, bool as_dead) {
    int64_t *dead = NULL;
    uint32_t dead_count = 0;
    if (p->joined && !mmfbus__is_forked(p)) {
        mmfbus__reclaim_the_dead(p);
        if (!as_dead) mmfbus__free_slot(p, p->slot, p->nonce);
        mmfbus__ring_for_room(p);
        dead = (int64_t *)MMFBUS_MALLOC(p->geometry.participant_count * sizeof *dead);
        if (dead != NULL) dead_count = mmfbus__left_behind(p, dead);
    }
    if (p->peers != NULL) {
        for (uint32_t slot = 0; slot < p->geometry.participant_count; slot++) {
            if (p->peers[slot].bell_nonce != 0) mmfbus__close_descriptor(&p->peers[slot].bell);
            if (p->peers[slot].life_nonce != 0) mmfbus__close_descriptor(&p->peers[slot].life);
        }
        MMFBUS_FREE(p->peers);
        p->peers = NULL;
    }
    MMFBUS_FREE(p->reclaimed);
    p->reclaimed = NULL;
    if (p->memory != NULL) mmfbus__release_segment(&p->segment);
    p->memory = NULL;
    mmfbus__leave_port(p, as_dead);
    /* Only now: as long as there was the channel it named them. */
    mmfbus__remove_ports(dead, dead_count);
    MMFBUS_FREE(dead);
}

/*
 * Refuses to stay where this user may not wake another. Each looks after it has claimed its slot: of two that come at once, one at
 * least sees the other.
 */
static mmfbus_status mmfbus__check_bells(const mmfbus__participant *p) {
#ifndef _WIN32
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        char path[MMFBUS__PATH];
        struct stat status;
        mmfbus__fate fate;
        int64_t nonce = mmfbus__load64(mmfbus__slot(p, slot) + MMFBUS__SLOT_NONCE);
        if (nonce == 0 || nonce == p->nonce) continue;
        mmfbus_descriptor bell = mmfbus__open_bell(nonce, &fate);
        bool is_refused = !mmfbus__is_open(bell) && errno == EACCES;
        if (mmfbus__is_open(bell)) mmfbus__close_descriptor(&bell);
        if (!is_refused || mmfbus__is_dead(p, slot, nonce)) continue;
        mmfbus__port_path(path, nonce, "bell");
        if (lstat(path, &status) != 0) continue;
        snprintf(mmfbus__detail, sizeof mmfbus__detail,
                 "this user may not wake the participant in slot %u: its bell belongs to user %u and group %u and has the mode 0%o",
                 (unsigned)slot, (unsigned)status.st_uid, (unsigned)status.st_gid, (unsigned)status.st_mode & 0777);
        return MMFBUS_ACCESS_DENIED;
    }
#else
    (void)p;
#endif
    return MMFBUS_OK;
}

static void mmfbus__begin_registration(mmfbus__registration *registration, const mmfbus_options *options,
                                       const mmfbus__audience *audience);
static void mmfbus__end_registration(const mmfbus__registration *registration);

/* What is joined, and how, beside what the options of programs say. */
typedef struct mmfbus__joining {
    uint32_t pattern;
    mmfbus__port *port; /* NULL for one of its own */
    uint32_t phase;     /* of a server, as its slot says from before it has a role */
    uint64_t detail;
} mmfbus__joining;

static const mmfbus__joining mmfbus__joining_channel = {MMFBUS__PATTERN_CHANNEL, NULL, 0, 0};
static const mmfbus__joining mmfbus__joining_directory = {MMFBUS__PATTERN_DIRECTORY, NULL, 0, 0};

/* Opens the channel, its directory, a port and a slot, and takes the lock, under which the caller gives the slot its state. */
static mmfbus_status mmfbus__open_participant(mmfbus__participant *p, const mmfbus_options *options,
                                              const mmfbus__joining *joining) {
    mmfbus__audience audience;
    uint32_t pattern = joining->pattern;
    mmfbus_status status = mmfbus__open_channel(options, pattern, &p->segment, &p->geometry, &audience);
    if (status != MMFBUS_OK) return status;
    p->memory = p->segment.memory;
#ifndef _WIN32
    p->segment.guard.memory = p->segment.memory;
    p->segment.guard.length = p->segment.mapped;
#endif
    p->ring = p->memory + p->geometry.ring_offset;
    p->identity = mmfbus__own_identity();
    p->timeout = options->timeout != 0 ? options->timeout : 5000;
    bool is_found = pattern == MMFBUS__PATTERN_CHANNEL || pattern == MMFBUS__PATTERN_REGISTRY;
    if (is_found) mmfbus__begin_registration(&p->registration, options, &audience);
    status = mmfbus__take_port(p, joining->port, &audience);
    if (status == MMFBUS_OK) {
        p->peers = (mmfbus__peer *)mmfbus__allocate_zeroed(p->geometry.participant_count * sizeof *p->peers);
        p->reclaimed = (int64_t *)mmfbus__allocate_zeroed(p->geometry.participant_count * sizeof *p->reclaimed);
        if (p->peers == NULL || p->reclaimed == NULL) status = MMFBUS_NO_MEMORY;
    }
    if (status == MMFBUS_OK) status = mmfbus__claim_slot(p, options->name);
    if (status == MMFBUS_OK) {
        mmfbus__find_dead(p, 0);
        status = mmfbus__lock(p, mmfbus__deadline(p->timeout));
        if (status == MMFBUS_BUSY) status = MMFBUS_TIMEOUT;
    }
    if (status == MMFBUS_OK) {
        /* That of the owner before. */
        mmfbus__inherit(p, p->slot, p->generation <= 1 ? (uint32_t)MMFBUS__MAX_GENERATION : p->generation - 1);
        mmfbus__poke32(mmfbus__own_slot(p) + MMFBUS__SLOT_PHASE, joining->phase);
        mmfbus__poke64(mmfbus__own_slot(p) + MMFBUS__SLOT_DETAIL, joining->detail);
        if (options->scope == MMFBUS_SCOPE_MACHINE) status = mmfbus__check_bells(p);
        if (status == MMFBUS_OK) return MMFBUS_OK;
        mmfbus__unlock(p);
        mmfbus__close_participant(p, false);
        mmfbus__end_registration(&p->registration);
        return status;
    }
    /* Without the lock the role of an earlier owner is in the slot still: the others must be told of its end. */
    mmfbus__close_participant(p, p->joined);
    mmfbus__end_registration(&p->registration);
    return status;
}

/* Gives the slot its state, and lets go of the lock. */
static void mmfbus__join(mmfbus__participant *p, uint32_t state) {
    mmfbus__store32(mmfbus__own_slot(p) + MMFBUS__SLOT_STATE, state);
    MMFBUS_STEP("join: state stored");
    mmfbus__add32(p->memory + MMFBUS__HEADER_EPOCH, 1);
    MMFBUS_STEP("join: epoch raised");
    mmfbus__ring_for_members(p, state == MMFBUS__STATE_PUBLISHER);
    mmfbus__unlock(p);
    MMFBUS_STEP("join: done");
    mmfbus__reclaim_the_dead(p);
}

/* ======================================================================================================== Sleeping
 * == Sleeping
 *
 * Others learn that we sleep from the slot, and ring; the life lines of those we wait for are watched as well.
 */

static void mmfbus__announce_sleep(mmfbus__participant *p, uint32_t wants) {
    unsigned char *own = mmfbus__own_slot(p);
    p->wants = wants;
    mmfbus__count_sleeper(p, wants, 1);
    MMFBUS_STEP("sleep: counted");
    mmfbus__store32(own + MMFBUS__SLOT_WANTS, wants);
    MMFBUS_STEP("sleep: wants stored");
    uint32_t number = mmfbus__load32(own + MMFBUS__SLOT_SLEEPS) + 1;
    if (number == 0) number = 1;
    mmfbus__store32(own + MMFBUS__SLOT_SLEEPS, number);
    MMFBUS_STEP("sleep: numbered");
    mmfbus__store32(own + MMFBUS__SLOT_ASLEEP, number);
    MMFBUS_STEP("sleep: flagged");
}

static void mmfbus__end_of_life(mmfbus__participant *p, uint32_t slot) {
    if (slot >= p->geometry.participant_count || p->peers[slot].life_nonce == 0) return;
    mmfbus__mark_dead(p, slot, p->peers[slot].life_nonce);
    /* Closing takes it out of the poller, which would report it for ever. */
    mmfbus__close_descriptor(&p->peers[slot].life);
    p->peers[slot].life_nonce = 0;
    /* A participant that joined may have taken over the slot with the role still in it. */
    p->watch_is_complete = false;
}

#ifdef _WIN32

/* Waits for the bell or an end of life, at most so many milliseconds, and marks who is dead. */
static void mmfbus__wait(mmfbus__port *port, uint32_t milliseconds) {
    HANDLE handles[MAXIMUM_WAIT_OBJECTS];
    mmfbus__participant *watchers[MAXIMUM_WAIT_OBJECTS];
    uint32_t slots[MAXIMUM_WAIT_OBJECTS], count = 1, beyond = 0;
    handles[0] = port->descriptors[MMFBUS__BELL];
    for (mmfbus__participant *p = port->sharers; p != NULL; p = p->next_sharer) {
        for (uint32_t slot = 0; p->peers != NULL && slot < p->geometry.participant_count; slot++) {
            mmfbus__peer *peer = &p->peers[slot];
            if (peer->life_nonce == 0) continue;
            if (count < MAXIMUM_WAIT_OBJECTS) {
                slots[count] = slot;
                watchers[count] = p;
                handles[count++] = peer->life;
            } else if (WaitForSingleObject(peer->life, 0) == WAIT_OBJECT_0) {
                mmfbus__end_of_life(p, slot);
                milliseconds = 0;
            } else {
                beyond++;
            }
        }
    }
    /* One call waits for 64 handles; where there are more publishers the rest is looked at each second. */
    if (beyond > 0 && milliseconds > 1000) milliseconds = 1000;
    DWORD result = WaitForMultipleObjects(count, handles, FALSE, milliseconds == MMFBUS_FOREVER ? INFINITE : milliseconds);
    if (result > WAIT_OBJECT_0 && result < WAIT_OBJECT_0 + count) {
        mmfbus__end_of_life(watchers[result - WAIT_OBJECT_0], slots[result - WAIT_OBJECT_0]);
    }
}

static mmfbus_descriptor mmfbus__open_life(mmfbus__participant *p, uint32_t slot, int64_t nonce, mmfbus__fate *fate) {
    mmfbus__identity owner;
    if (mmfbus__read_identity(p, slot, nonce, &owner) && owner.pid != 0) {
        *fate = MMFBUS__UNKNOWN;
        return owner.pid_namespace == p->identity.pid_namespace ? mmfbus__open_owner(&owner, fate) : NULL;
    }
    /* It does not say who it is yet: then there is only its bell to look for, and a second look is needed. */
    *fate = mmfbus__is_dead(p, slot, nonce) ? MMFBUS__GONE : MMFBUS__UNKNOWN;
    return NULL;
}

#else

static void mmfbus__silence_bell(mmfbus__port *port) {
    char bytes[256];
    while (read(port->descriptors[MMFBUS__BELL], bytes, sizeof bytes) == (ssize_t)sizeof bytes) {
    }
}

/* By the tag of the life line: it has ended. */
static void mmfbus__end_of_watch(mmfbus__port *port, uint64_t tag) {
    mmfbus__participant *p = port->sharers;
    while (p != NULL && p->number != tag >> 32) p = p->next_sharer;
    if (p != NULL) mmfbus__end_of_life(p, (uint32_t)tag);
}

/* Waits for the bell or an end of life, at most so many milliseconds, and marks who is dead. */
static void mmfbus__wait(mmfbus__port *port, uint32_t milliseconds) {
    int timeout = milliseconds > INT32_MAX ? -1 : (int)milliseconds;
    for (;;) {
#ifdef __linux__
        struct epoll_event events[32];
        int count = epoll_wait(port->descriptors[MMFBUS__POLLER], events, 32, timeout);
        for (int index = 0; index < count; index++) {
            uint64_t tag = events[index].data.u64;
            if (tag == MMFBUS__BELL_TAG) {
                mmfbus__silence_bell(port);
            } else if (tag == MMFBUS__TIMER_TAG) {
                uint64_t expirations;
                if (read(port->descriptors[MMFBUS__TIMER], &expirations, sizeof expirations) < 0) continue;
            } else {
                mmfbus__end_of_watch(port, tag);
            }
        }
#else
        struct kevent events[32];
        struct timespec time;
        time.tv_sec = timeout / 1000;
        time.tv_nsec = (long)(timeout % 1000) * 1000000;
        int count = kevent(port->descriptors[MMFBUS__POLLER], NULL, 0, events, 32, timeout < 0 ? NULL : &time);
        for (int index = 0; index < count; index++) {
            uint64_t tag = (uint64_t)(uintptr_t)events[index].udata;
            if (tag == MMFBUS__BELL_TAG) {
                mmfbus__silence_bell(port);
            } else if (events[index].flags & EV_EOF) {
                mmfbus__end_of_watch(port, tag);
            }
        }
#endif
        if (count < 32) return;
        timeout = 0;
    }
}

static mmfbus_descriptor mmfbus__open_life(mmfbus__participant *p, uint32_t slot, int64_t nonce, mmfbus__fate *fate) {
    char path[MMFBUS__PATH];
    mmfbus__port_path(path, nonce, "life");
    int life = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (life >= 0 && !mmfbus__is_fifo(life)) mmfbus__close_descriptor(&life);
    if (life >= 0 && mmfbus__poll_too(p->port, life, (uint64_t)p->number << 32 | slot) != MMFBUS_OK) mmfbus__close_descriptor(&life);
    /* A watch that begins after the death never fires: so read once. The bell may outlive the life line for a moment. */
    char byte;
    bool has_ended = life >= 0 && read(life, &byte, 1) == 0;
    *fate = has_ended || mmfbus__is_dead(p, slot, nonce) ? MMFBUS__GONE : life >= 0 ? MMFBUS__ALIVE : MMFBUS__UNKNOWN;
    if (*fate == MMFBUS__GONE && life >= 0) mmfbus__close_descriptor(&life);
    return life;
}

#endif

/* Awake again. */
static void mmfbus__awake(mmfbus__participant *p) {
    uint32_t wants = p->wants;
    if (wants == 0) return;
    p->wants = 0;
    mmfbus__wait(p->port, 0);
    /* The participant that took it for dead has woken it up already. */
    if (!mmfbus__owns_slot(p) || mmfbus__load32(mmfbus__own_slot(p) + MMFBUS__SLOT_ASLEEP) == 0) return;
    mmfbus__end_sleep(p, p->slot, wants);
}

/* Watches the life lines of all slots with one of those states, bit by bit, as of this epoch. */
static void mmfbus__watch(mmfbus__participant *p, uint32_t states) {
    uint32_t epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    if (p->watch_is_complete && epoch == p->watched_epoch && states == p->watched_states) return;
    uint32_t used = mmfbus__slots_used(p);
    p->watched_epoch = epoch;
    p->watched_states = states;
    p->watch_is_complete = true;
    for (uint32_t slot = 0; slot < used; slot++) {
        mmfbus__peer *peer = &p->peers[slot];
        const unsigned char *place = mmfbus__slot(p, slot);
        int64_t nonce = mmfbus__load64(place + MMFBUS__SLOT_NONCE);
        uint32_t state = mmfbus__load32(place + MMFBUS__SLOT_STATE);
        bool wanted = nonce != 0 && nonce != p->nonce && state <= MMFBUS__STATE_DISCONNECTED && (states >> state & 1) != 0;
        if (peer->life_nonce != 0 && (!wanted || peer->life_nonce != nonce)) {
            mmfbus__close_descriptor(&peer->life);
            peer->life_nonce = 0;
        }
        if (!wanted || peer->life_nonce == nonce) continue;
        mmfbus__fate fate;
        peer->life = mmfbus__open_life(p, slot, nonce, &fate);
        if (mmfbus__is_open(peer->life)) {
            peer->life_nonce = nonce;
        } else if (fate == MMFBUS__GONE) {
            mmfbus__mark_dead(p, slot, nonce);
        } else {
            p->watch_is_complete = false;
        }
    }
}

/* ====================================================================================================== Publishing
 * == Publishing
 */

/* A publisher remembers one end of its frames in each of so many parts of the ring. */
enum { MMFBUS__MARKS = 64 };

struct mmfbus_publisher {
    mmfbus__participant base;
    bool disconnects;
    bool no_timestamps;
    /* Asked with the lock held, before anything is written: whether it may be. NULL: always. */
    bool (*may_publish)(const mmfbus_publisher *publisher);
    int64_t head;            /* at or below the head, which only moves up */
    int64_t kept;            /* so many bytes before the tail are not given up without need */
    int64_t needed;          /* least position that a reliable subscriber may need, as of `needed_epoch` */
    uint32_t needed_epoch;
    bool needed_is_known;
    int64_t tail;            /* the tail, as seen last; -1 before that */
    uint64_t committed;      /* number that stands there: of the next message */
    uint64_t last_published;
    uint64_t timestamp;      /* of the last frame */
    /* While the lock is held: */
    bool claimed;
    int64_t position;        /* where the next frame goes */
    uint64_t next;           /* number of the next message */
    size_t claimed_length;
    /*
     * Where this publisher committed last in each part of the ring. A frame begins there, so the head can go there without
     * reading, one after the other, the lengths of frames that are in no cache any more.
     */
    int64_t marks[MMFBUS__MARKS];
    unsigned mark_shift;
};

MMFBUS__INLINE int64_t *mmfbus__mark_of(mmfbus_publisher *pub, int64_t position) {
    return &pub->marks[((uint64_t)position & (pub->base.geometry.capacity - 1)) >> pub->mark_shift];
}

/* The head moves on by at least this part of the ring at a time, so that few messages pay for moving it. */
enum { MMFBUS__HEAD_STEP_PART = 16 };
/* So many bytes ahead the memory for frames to come is fetched, and so many of the next one before the lock is taken. */
enum { MMFBUS__WRITE_AHEAD = 512, MMFBUS__WRITE_NOW = 256, MMFBUS__CACHE_LINE = 64 };

/* A frame to write: its payload in up to two parts, the header of a fragment and the data. */
typedef struct mmfbus__outgoing {
    uint8_t kind;
    bool is_first; /* a fragment that says its own position: it is where the message began */
    void *head;
    size_t head_length;
    const void *data;
    size_t length;
} mmfbus__outgoing;

MMFBUS__INLINE uint64_t mmfbus__timestamp(const mmfbus_publisher *pub) {
    return pub->no_timestamps ? 0 : mmfbus_now();
}

MMFBUS__INLINE void mmfbus__write_header(mmfbus_publisher *pub, int64_t at, uint32_t length, uint8_t kind, uint64_t timestamp) {
    mmfbus__participant *p = &pub->base;
    unsigned char *place = p->ring + ((uint64_t)at & (p->geometry.capacity - 1));
    /* The length, the kind, the flags and the publisher are written as one word. */
    uint64_t word = (uint64_t)kind << 8 * MMFBUS__FRAME_KIND | (uint64_t)p->slot << 8 * MMFBUS__FRAME_PUBLISHER;
    mmfbus__poke64(place + MMFBUS__FRAME_LENGTH, word | length);
    mmfbus__poke64(place + MMFBUS__FRAME_SEQUENCE, pub->next);
    mmfbus__poke64(place + MMFBUS__FRAME_TIMESTAMP, timestamp);
}

/* Bytes of padding that come before a frame of that size. */
MMFBUS__INLINE uint64_t mmfbus__padding_before(const mmfbus__participant *p, int64_t position, uint64_t size) {
    uint64_t rest = p->geometry.capacity - ((uint64_t)position & (p->geometry.capacity - 1));
    return size > rest ? rest : 0;
}

/* With the lock held. It may leave at this moment, and another participant take the slot. */
static void mmfbus__disconnect(mmfbus__participant *p, uint32_t slot, uint32_t reason) {
    unsigned char *place = mmfbus__slot(p, slot);
    /* Others may have waited for the same subscriber: they look again when the lock is free, or its holder is dead. */
    mmfbus__ring_for_room(p);
    mmfbus__store32(place + MMFBUS__SLOT_DISCONNECT_REASON, reason);
    MMFBUS_STEP("disconnect: reason stored");
    mmfbus__swap32(place + MMFBUS__SLOT_STATE, MMFBUS__STATE_RELIABLE, MMFBUS__STATE_DISCONNECTED);
    MMFBUS_STEP("disconnect: state stored");
    mmfbus__tell_of_leaving(p, false);
}

/* The least position that reliable subscribers need still. An invalid cursor is that of a participant that breaks the rules. */
static int64_t mmfbus__least_needed(mmfbus__participant *p, int64_t tail, bool locked) {
    uint32_t used = mmfbus__slots_used(p);
    int64_t least = tail;
    for (uint32_t slot = 0; slot < used; slot++) {
        unsigned char *place = mmfbus__slot(p, slot);
        if (mmfbus__load32(place + MMFBUS__SLOT_STATE) != MMFBUS__STATE_RELIABLE) continue;
        int64_t cursor = mmfbus__load64(place + MMFBUS__SLOT_CURSOR);
        bool is_cursor = mmfbus__is_position(cursor) && cursor <= tail && tail - cursor <= (int64_t)p->geometry.capacity;
        if (is_cursor && mmfbus__load64(place + MMFBUS__SLOT_NONCE) != 0) {
            if (cursor < least) least = cursor;
        } else if (locked) {
            mmfbus__disconnect(p, slot, MMFBUS__DISCONNECTED_AS_WRONG);
        }
    }
    return least;
}

static void mmfbus__disconnect_slow(mmfbus__participant *p, int64_t overwritten) {
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        unsigned char *place = mmfbus__slot(p, slot);
        if (mmfbus__load32(place + MMFBUS__SLOT_STATE) != MMFBUS__STATE_RELIABLE) continue;
        if (mmfbus__load64(place + MMFBUS__SLOT_CURSOR) >= overwritten) continue;
        mmfbus__disconnect(p, slot, MMFBUS__DISCONNECTED_AS_SLOW);
    }
}

/* Bytes before this position are overwritten by frames up to `end`, their terminator included. */
MMFBUS__INLINE int64_t mmfbus__overwritten(const mmfbus__participant *p, int64_t end) {
    return end + MMFBUS__FRAME_ALIGNMENT - (int64_t)p->geometry.capacity;
}

/* Gives up the oldest frames, at least up to that position, and announces it. */
static mmfbus_status mmfbus__move_head(mmfbus_publisher *pub, int64_t least) {
    mmfbus__participant *p = &pub->base;
    int64_t most = pub->needed, goal = least + (int64_t)p->geometry.capacity / MMFBUS__HEAD_STEP_PART;
    if (pub->kept > 0 && most > pub->tail - pub->kept) most = pub->tail - pub->kept;
    if (goal > most) goal = most;
    if (goal < least) goal = least;
    int64_t head = mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD);
    if (!mmfbus__is_position(head) || head > pub->tail || pub->tail - head > (int64_t)p->geometry.capacity) {
        return MMFBUS_CORRUPTED;
    }
    int64_t mark = *mmfbus__mark_of(pub, goal - (int64_t)p->geometry.capacity / MMFBUS__MARKS);
    bool is_between = mark > head && mark <= goal;
    if (is_between) head = mark;
    int64_t stop = is_between ? least : goal;
    while (head < stop) {
        const unsigned char *place = p->ring + ((uint64_t)head & (p->geometry.capacity - 1));
        uint64_t size = mmfbus__frame_size(mmfbus__peek32(place + MMFBUS__FRAME_LENGTH));
        if (size > (uint64_t)(pub->tail - head)) return MMFBUS_CORRUPTED;
        head += (int64_t)size;
    }
    /*
     * SYNC: overwrite announced. The head is stored, and loaded again, before the first byte is overwritten: no store
     * after that load can become visible before the head does.
     */
    mmfbus__store64(p->memory + MMFBUS__HEADER_HEAD, head);
    pub->head = mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD);
    mmfbus__write_fence();
    MMFBUS_STEP("publish: head moved");
    return MMFBUS_OK;
}

static mmfbus_status mmfbus__find_room(mmfbus_publisher *pub, int64_t overwritten) {
    mmfbus__participant *p = &pub->base;
    uint32_t epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    if (!pub->needed_is_known || epoch != pub->needed_epoch || overwritten > pub->needed) {
        pub->needed = mmfbus__least_needed(p, pub->tail, true);
        if (overwritten > pub->needed && pub->disconnects) {
            mmfbus__disconnect_slow(p, overwritten);
            pub->needed = mmfbus__least_needed(p, pub->tail, true);
        }
        pub->needed_epoch = epoch;
        pub->needed_is_known = true;
    }
    return overwritten > pub->needed ? MMFBUS_FULL : mmfbus__move_head(pub, overwritten);
}

/* Finds room for frames up to `end`, and announces what they overwrite. With the lock held. */
MMFBUS__INLINE mmfbus_status mmfbus__make_room(mmfbus_publisher *pub, int64_t end) {
    int64_t overwritten = mmfbus__overwritten(&pub->base, end);
    /* What is below the head was given up before; who joined since begins at it, or later. */
    return overwritten <= pub->head ? MMFBUS_OK : mmfbus__find_room(pub, overwritten);
}

/* Takes note of a tail that others have moved, and of the number that stands there. */
static bool mmfbus__follow_tail(mmfbus_publisher *pub, int64_t tail) {
    mmfbus__participant *p = &pub->base;
    int64_t before = pub->tail < 0 ? 0 : pub->tail;
    if (!mmfbus__is_position(tail) || tail < before || tail > MMFBUS__MAX_POSITION - (1ll << 31)) return false;
    uint64_t next = mmfbus__peek64(p->ring + ((uint64_t)tail & (p->geometry.capacity - 1)) + MMFBUS__FRAME_SEQUENCE);
    if (!mmfbus__is_plausible(next - pub->committed, tail - before)) return false;
    pub->tail = tail;
    pub->committed = next;
    return true;
}

/* With the lock held: finds the tail, where the next frame goes. */
MMFBUS__INLINE bool mmfbus__find_tail(mmfbus_publisher *pub) {
    mmfbus__participant *p = &pub->base;
    int64_t tail = mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL);
    /* Who is taken for dead loses its slot. */
    bool is_ours = mmfbus__load32(mmfbus__own_slot(p) + MMFBUS__SLOT_GENERATION) == p->generation;
    if (!is_ours || ((tail != pub->tail || tail < 0) && !mmfbus__follow_tail(pub, tail))) return false;
    pub->position = tail;
    pub->next = pub->committed;
    return true;
}

/* Takes the lock and finds the tail. MMFBUS_BUSY when a living process holds it. */
MMFBUS__INLINE mmfbus_status mmfbus__begin_frames(mmfbus_publisher *pub) {
    mmfbus__participant *p = &pub->base;
    /* Processors fetch more than subscribers read. To take it back line by line while it is written is slow. */
    for (int64_t ahead = 0; ahead < MMFBUS__WRITE_NOW; ahead += MMFBUS__CACHE_LINE) {
        mmfbus__expect_write(p->ring + ((uint64_t)(pub->tail + ahead) & (p->geometry.capacity - 1)));
    }
    mmfbus_status status = mmfbus__take_lock(p) ? MMFBUS_OK : mmfbus__try_lock(p, MMFBUS__PATIENCE);
    if (status != MMFBUS_OK || mmfbus__find_tail(pub)) return status;
    mmfbus__unlock(p);
    return MMFBUS_CORRUPTED;
}

/* Writes the padding that a frame of that payload needs, and says where its payload goes. There must be room. */
MMFBUS__INLINE unsigned char *mmfbus__place_frame(mmfbus_publisher *pub, uint64_t payload, uint64_t timestamp) {
    mmfbus__participant *p = &pub->base;
    uint64_t padding = mmfbus__padding_before(p, pub->position, mmfbus__frame_size(payload));
    if (padding > 0) {
        mmfbus__write_header(pub, pub->position, (uint32_t)padding - MMFBUS__FRAME_SIZE, MMFBUS__KIND_PADDING, timestamp);
        pub->position += (int64_t)padding;
        MMFBUS_STEP("publish: padding written");
    }
    return p->ring + ((uint64_t)pub->position & (p->geometry.capacity - 1)) + MMFBUS__FRAME_SIZE;
}

MMFBUS__INLINE void mmfbus__end_frame(mmfbus_publisher *pub, size_t payload, uint8_t kind, uint64_t timestamp) {
    mmfbus__write_header(pub, pub->position, (uint32_t)payload, kind, timestamp);
    pub->timestamp = timestamp;
    if (kind != MMFBUS__KIND_FRAGMENT) pub->next++;
    pub->position += (int64_t)mmfbus__frame_size(payload);
}

/* Commits all frames up to the position, wakes up who sleeps, and lets go of the lock. */
MMFBUS__INLINE void mmfbus__commit_frames(mmfbus_publisher *pub) {
    mmfbus__participant *p = &pub->base;
    /* The terminator: with it the one store of the tail commits the next number as well. */
    mmfbus__write_header(pub, pub->position, 0, MMFBUS__KIND_TERMINATOR, 0);
    /* What subscribers have read last is in their caches: asked for now it is here when its turn comes. */
    mmfbus__expect_write(p->ring + (((uint64_t)pub->position + MMFBUS__WRITE_AHEAD) & (p->geometry.capacity - 1)));
    MMFBUS_STEP("publish: frame written");
    /* SYNC: frame visible. The tail is stored after everything that lies before it. */
    mmfbus__store64(p->memory + MMFBUS__HEADER_TAIL, pub->position);
    pub->tail = pub->position;
    *mmfbus__mark_of(pub, pub->tail) = pub->tail;
    pub->committed = pub->next;
    pub->last_published = pub->next - 1;
    MMFBUS_STEP("publish: committed");
    mmfbus__ring_for_frames(p);
    MMFBUS_STEP("publish: rung");
    mmfbus__unlock(p);
}

static mmfbus_status mmfbus__put_in_order(mmfbus_publisher *pub) {
    if (pub->claimed) return MMFBUS_INVALID_ARGUMENT;
    if (mmfbus__is_forked(&pub->base)) return MMFBUS_FORKED;
    mmfbus__awake(&pub->base);
    return mmfbus__reclaim_the_dead(&pub->base) == MMFBUS_OK ? MMFBUS_OK : MMFBUS_BUSY;
}

MMFBUS__INLINE mmfbus_status mmfbus__check_publisher(mmfbus_publisher *pub) {
    if (pub == NULL) return MMFBUS_INVALID_ARGUMENT;
    bool is_quiet = !(pub->claimed | mmfbus__is_forked(&pub->base) | (pub->base.wants != 0) | pub->base.has_dead);
    return is_quiet ? MMFBUS_OK : mmfbus__put_in_order(pub);
}

/* After MMFBUS_FULL: whether a dead subscriber was in the way, so that it may be tried again. */
static bool mmfbus__was_held_up_by_dead(mmfbus__participant *p) {
    mmfbus__find_dead(p, 1u << MMFBUS__STATE_RELIABLE);
    return p->has_dead && mmfbus__reclaim_the_dead(p) == MMFBUS_OK;
}

/* Bytes of payload of one of several frames. */
typedef uint64_t (*mmfbus__payload_of)(const void *frames, size_t index);

/* Where those frames end that begin at that position, with their padding. */
MMFBUS__INLINE int64_t mmfbus__end_of(const mmfbus__participant *p, int64_t position, mmfbus__payload_of payload_of,
                                      const void *frames, size_t count) {
    for (size_t index = 0; index < count; index++) {
        uint64_t size = mmfbus__frame_size(payload_of(frames, index));
        position += (int64_t)(mmfbus__padding_before(p, position, size) + size);
    }
    return position;
}

/* Takes the lock and makes room for those frames, which the caller then writes and commits. Without the lock on failure. */
MMFBUS__INLINE mmfbus_status mmfbus__reserve(mmfbus_publisher *pub, mmfbus__payload_of payload_of, const void *frames,
                                     size_t count) {
    mmfbus__participant *p = &pub->base;
    mmfbus_status status = mmfbus__check_publisher(pub);
    for (int attempt = 0; status == MMFBUS_OK; attempt++) {
        status = mmfbus__begin_frames(pub);
        if (status != MMFBUS_OK) break;
        if (pub->may_publish != NULL && !pub->may_publish(pub)) {
            mmfbus__unlock(p);
            return MMFBUS_NO_SERVER;
        }
        status = mmfbus__make_room(pub, mmfbus__end_of(p, pub->tail, payload_of, frames, count));
        if (status == MMFBUS_OK) return MMFBUS_OK;
        mmfbus__unlock(p);
        if (status == MMFBUS_FULL && attempt == 0 && mmfbus__was_held_up_by_dead(p)) status = MMFBUS_OK;
    }
    if (status == MMFBUS_FULL) mmfbus__count(p, MMFBUS__FULL, 1);
    mmfbus__reclaim_the_dead(p);
    return status;
}

MMFBUS__INLINE uint64_t mmfbus__outgoing_payload(const void *frames, size_t index) {
    const mmfbus__outgoing *frame = (const mmfbus__outgoing *)frames + index;
    return frame->head_length + frame->length;
}

MMFBUS__INLINE mmfbus_status mmfbus__publish_frame(mmfbus_publisher *pub, const mmfbus__outgoing *frame) {
    mmfbus_status status = mmfbus__reserve(pub, mmfbus__outgoing_payload, frame, 1);
    if (status != MMFBUS_OK) return status;
    uint64_t timestamp = mmfbus__timestamp(pub);
    size_t payload = frame->head_length + frame->length;
    unsigned char *place = mmfbus__place_frame(pub, payload, timestamp);
    if (frame->is_first) mmfbus__put64((unsigned char *)frame->head, (uint64_t)pub->position);
    if (frame->head_length > 0) mmfbus__copy_in(place, frame->head, frame->head_length);
    mmfbus__copy_in(place + frame->head_length, frame->data, frame->length);
    mmfbus__end_frame(pub, payload, frame->kind, timestamp);
    mmfbus__commit_frames(pub);
    if (pub->base.has_dead) mmfbus__reclaim_the_dead(&pub->base);
    return MMFBUS_OK;
}

MMFBUS__INLINE void mmfbus__count_published(mmfbus_publisher *pub, uint64_t messages, uint64_t bytes) {
    mmfbus__count(&pub->base, MMFBUS__FRAMES, messages);
    mmfbus__count(&pub->base, MMFBUS__BYTES, bytes);
}

mmfbus_status mmfbus_try_publish(mmfbus_publisher *publisher, const void *data, size_t length) {
    mmfbus__outgoing frame = {MMFBUS__KIND_MESSAGE, false, NULL, 0, data, length};
    if (publisher == NULL || (data == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    if (length > mmfbus__max_whole(&publisher->base.geometry)) return MMFBUS_TOO_LARGE;
    mmfbus_status status = mmfbus__publish_frame(publisher, &frame);
    if (status == MMFBUS_OK) mmfbus__count_published(publisher, 1, length);
    return status;
}

MMFBUS__INLINE uint64_t mmfbus__batch_payload(const void *frames, size_t index) {
    return ((const mmfbus_bytes *)frames)[index].length;
}

/* Several messages, and the bytes of all of them. */
typedef struct mmfbus__batch {
    const mmfbus_bytes *messages;
    size_t count;
    uint64_t bytes;
} mmfbus__batch;

static mmfbus_status mmfbus__check_batch(mmfbus_publisher *pub, mmfbus__batch *batch) {
    if (pub == NULL || (batch->messages == NULL && batch->count > 0)) return MMFBUS_INVALID_ARGUMENT;
    const mmfbus__geometry *geometry = &pub->base.geometry;
    uint64_t size = 0;
    for (size_t index = 0; index < batch->count; index++) {
        size_t length = batch->messages[index].length;
        if (length > mmfbus__max_whole(geometry)) return MMFBUS_TOO_LARGE;
        if (batch->messages[index].data == NULL && length > 0) return MMFBUS_INVALID_ARGUMENT;
        batch->bytes += length;
        size += mmfbus__frame_size(length);
        if (size > geometry->capacity / 4) return MMFBUS_TOO_LARGE;
    }
    return MMFBUS_OK;
}

static mmfbus_status mmfbus__publish_frames(mmfbus_publisher *pub, const void *context) {
    const mmfbus__batch *batch = (const mmfbus__batch *)context;
    if (batch->count == 0) return mmfbus__check_publisher(pub);
    mmfbus_status status = mmfbus__reserve(pub, mmfbus__batch_payload, batch->messages, batch->count);
    if (status != MMFBUS_OK) return status;
    uint64_t timestamp = mmfbus__timestamp(pub);
    for (size_t index = 0; index < batch->count; index++) {
        const mmfbus_bytes *message = &batch->messages[index];
        unsigned char *place = mmfbus__place_frame(pub, message->length, timestamp);
        mmfbus__copy_in(place, message->data, message->length);
        mmfbus__end_frame(pub, message->length, MMFBUS__KIND_MESSAGE, timestamp);
    }
    mmfbus__commit_frames(pub);
    mmfbus__count_published(pub, batch->count, batch->bytes);
    mmfbus__reclaim_the_dead(&pub->base);
    return MMFBUS_OK;
}

mmfbus_status mmfbus_try_publish_all(mmfbus_publisher *publisher, const mmfbus_bytes *messages, size_t count) {
    mmfbus__batch batch = {messages, count, 0};
    mmfbus_status status = mmfbus__check_batch(publisher, &batch);
    return status == MMFBUS_OK ? mmfbus__publish_frames(publisher, &batch) : status;
}

mmfbus_status mmfbus_try_claim(mmfbus_publisher *publisher, size_t length, void **place) {
    mmfbus_bytes claim = {NULL, length};
    if (publisher == NULL || place == NULL) return MMFBUS_INVALID_ARGUMENT;
    if (length > mmfbus__max_whole(&publisher->base.geometry)) return MMFBUS_TOO_LARGE;
    mmfbus_status status = mmfbus__reserve(publisher, mmfbus__batch_payload, &claim, 1);
    if (status != MMFBUS_OK) return status;
    *place = mmfbus__place_frame(publisher, length, publisher->timestamp);
    publisher->claimed_length = length;
    publisher->claimed = true;
    return MMFBUS_OK;
}

mmfbus_status mmfbus_commit(mmfbus_publisher *publisher, size_t length) {
    if (publisher == NULL || !publisher->claimed || length > publisher->claimed_length) return MMFBUS_INVALID_ARGUMENT;
    /* A child that was forked in between has the claim, but not the lock. */
    if (mmfbus__is_forked(&publisher->base)) return MMFBUS_FORKED;
    publisher->claimed = false;
    mmfbus__end_frame(publisher, length, MMFBUS__KIND_MESSAGE, mmfbus__timestamp(publisher));
    mmfbus__commit_frames(publisher);
    mmfbus__count_published(publisher, 1, length);
    if (publisher->base.has_dead) mmfbus__reclaim_the_dead(&publisher->base);
    return MMFBUS_OK;
}

void mmfbus_abandon(mmfbus_publisher *publisher) {
    if (publisher == NULL || !publisher->claimed || mmfbus__is_forked(&publisher->base)) return;
    publisher->claimed = false;
    mmfbus__unlock(&publisher->base);
}

uint64_t mmfbus_last_published(const mmfbus_publisher *publisher) {
    return publisher->last_published;
}

mmfbus_position mmfbus_publisher_position(const mmfbus_publisher *publisher) {
    mmfbus_position position = {publisher->base.geometry.incarnation, publisher->last_published};
    return position;
}

/* -- Waiting for room */

/* Whether those frames would find room. Without the lock: it may be stale when it is answered. */
static bool mmfbus__has_room(mmfbus__participant *p, mmfbus__payload_of payload_of, const void *frames, size_t count) {
    int64_t tail = mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL);
    if (!mmfbus__is_position(tail)) return true; /* publishing will say what is wrong */
    return mmfbus__overwritten(p, mmfbus__end_of(p, tail, payload_of, frames, count)) <= mmfbus__least_needed(p, tail, false);
}

static mmfbus_status mmfbus__arm_publisher(mmfbus_publisher *pub, mmfbus__payload_of payload_of, const void *frames,
                                           size_t count) {
    mmfbus_status status = mmfbus__check_publisher(pub);
    if (status != MMFBUS_OK) return status;
    mmfbus__participant *p = &pub->base;
    mmfbus__watch(p, 1u << MMFBUS__STATE_RELIABLE);
    if (mmfbus__reclaim_the_dead(p) != MMFBUS_OK) return MMFBUS_BUSY;
    mmfbus__announce_sleep(p, MMFBUS__WANTS_ROOM);
    /* SYNC: waiting for room. The sleep is announced first, then the cursors are looked at. */
    bool is_new = mmfbus__has_room(p, payload_of, frames, count) ||
                  mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH) != p->watched_epoch;
    if (!is_new) {
        if (!p->watch_is_complete) mmfbus__wake_up_in(p->port, MMFBUS__LOOK_AGAIN);
        return MMFBUS_OK;
    }
    mmfbus__awake(p);
    return MMFBUS_READY;
}

mmfbus_status mmfbus_publisher_arm(mmfbus_publisher *publisher, size_t length) {
    mmfbus_bytes frame = {NULL, length};
    if (publisher == NULL) return MMFBUS_INVALID_ARGUMENT;
    uint32_t most = mmfbus__max_whole(&publisher->base.geometry);
    if (length > most) frame.length = most;
    return mmfbus__arm_publisher(publisher, mmfbus__batch_payload, &frame, 1);
}

/* One attempt to publish, and what it needs room for. */
typedef struct mmfbus__attempt {
    mmfbus_status (*publish)(mmfbus_publisher *pub, const void *context);
    const void *context;
    mmfbus__payload_of payload_of;
    const void *frames;
    size_t count;
} mmfbus__attempt;

MMFBUS__INLINE mmfbus_status mmfbus__publish_until(mmfbus_publisher *pub, const mmfbus__attempt *attempt, uint64_t deadline) {
    for (;;) {
        mmfbus_status status = attempt->publish(pub, attempt->context);
        if (status != MMFBUS_FULL && status != MMFBUS_BUSY) return status;
        uint32_t left = mmfbus__time_left(deadline);
        if (left == 0) return MMFBUS_TIMEOUT;
        if (status == MMFBUS_FULL) status = mmfbus__arm_publisher(pub, attempt->payload_of, attempt->frames, attempt->count);
        if (status == MMFBUS_OK) {
            /* Where a life line could not be opened the dead are looked for now and then. */
            mmfbus__wait(pub->base.port, pub->base.watch_is_complete || left < 1000 ? left : 1000);
        } else if (status == MMFBUS_BUSY) {
            mmfbus__sleep_microseconds(1000);
        } else if (status != MMFBUS_READY) {
            return status;
        }
    }
}

static mmfbus_status mmfbus__publish_outgoing(mmfbus_publisher *pub, const void *context) {
    return mmfbus__publish_frame(pub, (const mmfbus__outgoing *)context);
}

static mmfbus_status mmfbus__publish_frame_until(mmfbus_publisher *pub, const mmfbus__outgoing *frame, uint64_t deadline) {
    mmfbus__attempt attempt = {mmfbus__publish_outgoing, frame, mmfbus__outgoing_payload, frame, 1};
    return mmfbus__publish_until(pub, &attempt, deadline);
}

mmfbus_status mmfbus_publish_all(mmfbus_publisher *publisher, const mmfbus_bytes *messages, size_t count, uint32_t timeout) {
    mmfbus__batch batch = {messages, count, 0};
    mmfbus__attempt attempt = {mmfbus__publish_frames, &batch, mmfbus__batch_payload, messages, count};
    uint64_t deadline = mmfbus__deadline(timeout);
    mmfbus_status status = mmfbus__check_batch(publisher, &batch);
    return status == MMFBUS_OK ? mmfbus__publish_until(publisher, &attempt, deadline) : status;
}

/* How far a message has come that is published in parts. All zero at its beginning. */
typedef struct mmfbus__progress {
    size_t offset;
    unsigned char head[MMFBUS__FRAGMENT_SIZE];
} mmfbus__progress;

/* The next part of a message that is too large for a frame. */
static mmfbus__outgoing mmfbus__next_part(const mmfbus_publisher *pub, const void *data, size_t length, mmfbus__progress *progress) {
    /* An eighth of the ring: subscribers read one fragment while the next is written. */
    size_t most = (size_t)pub->base.geometry.capacity / 8 - MMFBUS__FRAME_SIZE - MMFBUS__FRAGMENT_SIZE;
    size_t offset = progress->offset, part = length - offset < most ? length - offset : most;
    mmfbus__put32(progress->head + MMFBUS__FRAGMENT_TOTAL, (uint32_t)length);
    mmfbus__put32(progress->head + MMFBUS__FRAGMENT_OFFSET, (uint32_t)offset);
    mmfbus__put32(progress->head + MMFBUS__FRAGMENT_GENERATION, pub->base.generation);
    mmfbus__outgoing frame = {MMFBUS__KIND_FRAGMENT,     offset == 0, progress->head, sizeof progress->head,
                              (const char *)data + offset, part};
    if (offset + part == length) frame.kind = MMFBUS__KIND_LAST_FRAGMENT;
    return frame;
}

mmfbus_status mmfbus_publish(mmfbus_publisher *publisher, const void *data, size_t length, uint32_t timeout) {
    if (publisher == NULL || (data == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    const mmfbus__geometry *geometry = &publisher->base.geometry;
    uint64_t deadline = mmfbus__deadline(timeout);
    if (length > geometry->max_message) return MMFBUS_TOO_LARGE;
    if (length <= mmfbus__max_whole(geometry)) {
        mmfbus__outgoing frame = {MMFBUS__KIND_MESSAGE, false, NULL, 0, data, length};
        mmfbus_status status = mmfbus__publish_frame_until(publisher, &frame, deadline);
        if (status == MMFBUS_OK) mmfbus__count_published(publisher, 1, length);
        return status;
    }
    mmfbus__progress progress = {0, {0}};
    while (progress.offset < length) {
        mmfbus__outgoing frame = mmfbus__next_part(publisher, data, length, &progress);
        mmfbus_status status = mmfbus__publish_frame_until(publisher, &frame, deadline);
        if (status != MMFBUS_OK) return status;
        progress.offset += frame.length;
    }
    mmfbus__count_published(publisher, 1, length);
    return MMFBUS_OK;
}

/* -- Waiting for subscribers */

/* How many there are that are not disconnected. Stale on arrival. */
static uint32_t mmfbus__count_subscribers(const mmfbus__participant *p) {
    uint32_t used = mmfbus__slots_used(p), count = 0;
    for (uint32_t slot = 0; slot < used; slot++) {
        uint32_t state = mmfbus__load32(mmfbus__slot(p, slot) + MMFBUS__SLOT_STATE);
        if (state == MMFBUS__STATE_RELIABLE || state == MMFBUS__STATE_LOSSY) count++;
    }
    return count;
}

mmfbus_status mmfbus_wait_for_subscribers(mmfbus_publisher *publisher, uint32_t count, uint32_t timeout, uint32_t *there) {
    if (publisher == NULL || count < 1 || count > MMFBUS__MAX_PARTICIPANTS) return MMFBUS_INVALID_ARGUMENT;
    mmfbus__participant *p = &publisher->base;
    uint64_t deadline = mmfbus__deadline(timeout);
    for (;;) {
        mmfbus_status status = mmfbus__check_publisher(publisher);
        if (status != MMFBUS_OK && status != MMFBUS_BUSY) return status;
        if (!mmfbus__owns_slot(p)) return MMFBUS_CORRUPTED;
        mmfbus__watch(p, 1u << MMFBUS__STATE_RELIABLE | 1u << MMFBUS__STATE_LOSSY);
        if (mmfbus__reclaim_the_dead(p) != MMFBUS_OK) status = MMFBUS_BUSY;
        mmfbus__announce_sleep(p, MMFBUS__WANTS_MEMBERS);
        /* SYNC: going to sleep. The sleep is announced first, then the slots and the epoch are looked at. */
        uint32_t found = mmfbus__count_subscribers(p), left = mmfbus__time_left(deadline);
        if (there != NULL) *there = found;
        bool is_over = found >= count || left == 0;
        if (!is_over && status == MMFBUS_OK && mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH) == p->watched_epoch) {
            mmfbus__wait(p->port, p->watch_is_complete || left < 1000 ? left : 1000);
        }
        mmfbus__awake(p);
        if (is_over) return found >= count ? MMFBUS_OK : MMFBUS_TIMEOUT;
        if (status == MMFBUS_BUSY) mmfbus__sleep_microseconds(1000);
    }
}

mmfbus_descriptor mmfbus_publisher_descriptor(const mmfbus_publisher *publisher) {
#ifdef _WIN32
    return publisher->base.port->descriptors[MMFBUS__BELL];
#else
    return publisher->base.port->descriptors[MMFBUS__POLLER];
#endif
}

static mmfbus_information mmfbus__information(const mmfbus__participant *p) {
    mmfbus_information information;
    information.capacity = p->geometry.capacity;
    information.history = p->geometry.history;
    information.max_message = p->geometry.max_message;
    information.max_participants = p->geometry.participant_count;
    information.max_payload = mmfbus__max_whole(&p->geometry);
    information.slot = p->slot;
    information.messages = p->counters[MMFBUS__FRAMES];
    information.bytes = p->counters[MMFBUS__BYTES];
    information.full = p->counters[MMFBUS__FULL];
    information.missed = p->counters[MMFBUS__MISSED];
    information.wake_ups = p->counters[MMFBUS__WAKE_UPS];
    memcpy(information.codec, p->geometry.codec, sizeof information.codec);
    information.codec[sizeof information.codec - 1] = 0;
    return information;
}

mmfbus_information mmfbus_publisher_information(const mmfbus_publisher *publisher) {
    return mmfbus__information(&publisher->base);
}

static mmfbus_status mmfbus__open_publisher(mmfbus_publisher **publisher, const mmfbus_options *options,
                                            const mmfbus__joining *joining) {
    mmfbus_publisher *pub = (mmfbus_publisher *)mmfbus__allocate_zeroed(sizeof *pub);
    if (pub == NULL) return MMFBUS_NO_MEMORY;
    mmfbus_status status = mmfbus__open_participant(&pub->base, options, joining);
    if (status != MMFBUS_OK) {
        MMFBUS_FREE(pub);
        return status;
    }
    pub->disconnects = options->slow_subscribers == MMFBUS_SLOW_SUBSCRIBERS_DISCONNECT;
    pub->no_timestamps = options->no_timestamps;
    pub->tail = -1;
    pub->committed = 1;
    while (pub->base.geometry.capacity >> pub->mark_shift > MMFBUS__MARKS) pub->mark_shift++;
    /* Two frames more than promised: the head may stop anywhere in a frame's length, and there may be padding. */
    if (pub->base.geometry.history > 0) {
        pub->kept = (int64_t)((pub->base.geometry.history + 2) * mmfbus__frame_size(pub->base.geometry.max_payload));
    }
    mmfbus__join(&pub->base, MMFBUS__STATE_PUBLISHER);
    *publisher = pub;
    return MMFBUS_OK;
}

static void mmfbus__close_publisher(mmfbus_publisher *publisher) {
    mmfbus__participant *p = &publisher->base;
    bool could_leave = true;
    if (!mmfbus__is_forked(p)) {
        mmfbus_abandon(publisher);
        mmfbus__awake(p);
        could_leave = mmfbus__lock(p, mmfbus__deadline(p->timeout)) == MMFBUS_OK;
        if (could_leave) {
            if (mmfbus__owns_slot(p)) mmfbus__end_participation(p, p->slot, p->generation, MMFBUS__ENDED_BY_LEAVING);
            mmfbus__unlock(p);
        }
    }
    /* A publisher that could not say that it leaves is reclaimed as one that died. */
    mmfbus__close_participant(p, !could_leave);
    MMFBUS_FREE(publisher);
}

/* =================================================================================================== The directory
 * == The directory
 *
 * A segment of the same format, whose entries say which channels there are and whose ring tells of changes. A process is one
 * of its publishers while it has joined channels of that scope, so that watchers hear of its death. Nothing about a channel
 * depends on it: whatever goes wrong here is kept for mmfbus_last_detail(), and that is all.
 */

#define MMFBUS__DIRECTORY_NAME "mmfbus~directory"
/* Milliseconds that joining or leaving a channel waits for a living holder of the directory's lock. */
enum { MMFBUS__DIRECTORY_PATIENCE = 100 };

/* A directory: that of a scope, and of MMFBUS_SCOPE_MACHINE that of the channels which let in the same users. */
typedef struct mmfbus__directory_id {
    mmfbus_scope scope;
    unsigned mode;
    char name[sizeof MMFBUS__DIRECTORY_NAME + 12];
    char group[12]; /* its number; empty for whichever */
} mmfbus__directory_id;

/* This process's place in a directory, and how many of its participants share it. */
typedef struct mmfbus__place {
    struct mmfbus__place *next;
    mmfbus__directory_id id;
    mmfbus_publisher *publisher;
    uint32_t shares;
} mmfbus__place;

static mmfbus__place *mmfbus__places;

/* Which directory the channels of that scope belong to that let in those users. */
static mmfbus__directory_id mmfbus__directory_of(mmfbus_scope scope, const mmfbus__audience *audience) {
    mmfbus__directory_id id;
    memset(&id, 0, sizeof id);
    id.scope = scope;
    id.mode = 0600;
    memcpy(id.name, MMFBUS__DIRECTORY_NAME, sizeof MMFBUS__DIRECTORY_NAME);
#ifdef _WIN32
    (void)audience;
#else
    if (scope != MMFBUS_SCOPE_MACHINE) return id;
    char *suffix = id.name + strlen(id.name);
    size_t size = sizeof id.name - strlen(id.name);
    if (audience->uid != MMFBUS__UNCHANGED) {
        /* The superuser has its own, also for a channel of another user, who could not open one that it made. */
        snprintf(suffix, size, ".u%u", (unsigned)geteuid());
    } else if (audience->gid != MMFBUS__UNCHANGED) {
        id.mode = 0660;
        snprintf(suffix, size, ".g%u", (unsigned)audience->gid);
        snprintf(id.group, sizeof id.group, "%u", (unsigned)audience->gid);
    } else {
        id.mode = 0666;
    }
#endif
    return id;
}

static bool mmfbus__is_same_directory(const mmfbus__directory_id *one, const mmfbus__directory_id *other) {
    return one->scope == other->scope && strcmp(one->name, other->name) == 0;
}

#ifdef _WIN32

static SRWLOCK mmfbus__places_lock = SRWLOCK_INIT;

static void mmfbus__lock_places(void) {
    AcquireSRWLockExclusive(&mmfbus__places_lock);
}

static void mmfbus__unlock_places(void) {
    ReleaseSRWLockExclusive(&mmfbus__places_lock);
}

/* The path of this program, in UTF-8; empty where it is not known. */
static void mmfbus__program_path(char *path, size_t size) {
    wchar_t wide[MMFBUS__WIDE_NAME];
    DWORD length = GetModuleFileNameW(NULL, wide, MMFBUS__WIDE_NAME);
    int written = 0;
    if (length > 0 && length < MMFBUS__WIDE_NAME) {
        written = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, path, (int)size - 1, NULL, NULL);
    }
    path[written] = 0;
}

#else

static void mmfbus__lock_places(void) {
    pthread_mutex_lock(&mmfbus__directory_mutex);
}

static void mmfbus__unlock_places(void) {
    pthread_mutex_unlock(&mmfbus__directory_mutex);
}

/* The path of this program; empty where it is not known. */
static void mmfbus__program_path(char *path, size_t size) {
#ifdef __linux__
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = 0;
#else
    const char *name = getprogname();
    snprintf(path, size, "%s", name != NULL ? name : "");
#endif
}

#endif

/* What the directory calls this process: its program, cut where needed, and its language. */
static void mmfbus__program_name(char name[MMFBUS__SLOT_NAME_SIZE + 1]) {
#ifdef __cplusplus
    static const char language[] = " (c++)";
#else
    static const char language[] = " (c)";
#endif
    char path[4096];
    mmfbus__program_path(path, sizeof path);
    const char *program = path;
    for (const char *at = path; *at != 0; at++) {
        if (*at == '/' || *at == '\\') program = at + 1;
    }
    size_t length = strlen(program), most = MMFBUS__SLOT_NAME_SIZE - (sizeof language - 1);
    if (length > most) {
        length = most;
        /* Not within a character. */
        while (length > 0 && ((unsigned char)program[length] & 0xc0) == 0x80) length--;
    }
    memcpy(name, program, length);
    memcpy(name + length, language, sizeof language);
}

/* -- Entries */

static uint64_t mmfbus__entries_start(const mmfbus__participant *p) {
    return MMFBUS__HEADER_SIZE + (uint64_t)p->geometry.participant_count * MMFBUS__SLOT_SIZE;
}

static uint64_t mmfbus__entry_count(const mmfbus__participant *p) {
    return (p->geometry.ring_offset - mmfbus__entries_start(p)) / MMFBUS__ENTRY_SIZE;
}

static unsigned char *mmfbus__entry(const mmfbus__participant *p, uint64_t index) {
    return p->memory + mmfbus__entries_start(p) + index * MMFBUS__ENTRY_SIZE;
}

/* How many entries were ever taken. Participants take the first free entry, so those ever taken come first. */
static uint64_t mmfbus__entries_used(const mmfbus__participant *p) {
    uint64_t used = 0;
    while (used < mmfbus__entry_count(p) && mmfbus__load32(mmfbus__entry(p, used) + MMFBUS__ENTRY_STATE) != 0) used++;
    return used;
}

/* The name in an entry; false when it is free, is being changed, or holds what is no name, which is as good as free. */
static bool mmfbus__read_entry(const mmfbus__participant *p, uint64_t index, char name[MMFBUS__ENTRY_NAME_SIZE + 1]) {
    const unsigned char *entry = mmfbus__entry(p, index);
    uint32_t state = mmfbus__load32(entry + MMFBUS__ENTRY_STATE);
    if ((state & 1) == 0) return false;
    mmfbus__copy_private(name, entry + MMFBUS__ENTRY_NAME, MMFBUS__ENTRY_NAME_SIZE);
    name[MMFBUS__ENTRY_NAME_SIZE] = 0;
    /* SYNC: entry committed. The name was copied before this look: it is that of the state that both looks saw. */
    if (mmfbus__load32(entry + MMFBUS__ENTRY_STATE) != state) return false;
    for (size_t at = strlen(name); at < MMFBUS__ENTRY_NAME_SIZE; at++) {
        if (name[at] != 0) return false;
    }
    return mmfbus__is_entry_name(name);
}

/* With the lock held. MMFBUS_OK: it was added; MMFBUS_EXISTS: it was there; MMFBUS_TOO_MANY_CHANNELS. */
static mmfbus_status mmfbus__add_entry(const mmfbus__participant *p, const char *channel) {
    char name[MMFBUS__ENTRY_NAME_SIZE + 1];
    unsigned char *entry = NULL;
    uint64_t used = mmfbus__entries_used(p);
    for (uint64_t index = 0; index < used; index++) {
        if (!mmfbus__read_entry(p, index, name)) {
            if (entry == NULL) entry = mmfbus__entry(p, index);
        } else if (strcmp(name, channel) == 0) {
            return MMFBUS_EXISTS;
        }
    }
    if (entry == NULL && used < mmfbus__entry_count(p)) entry = mmfbus__entry(p, used);
    if (entry == NULL) return MMFBUS_TOO_MANY_CHANNELS;
    uint32_t state = mmfbus__load32(entry + MMFBUS__ENTRY_STATE);
    /* Even, and never back to 0, which ends the list. */
    state += state & 1;
    /* SYNC: entry committed. The name stays behind the state that says free, and before the one that says listed. */
    mmfbus__store32(entry + MMFBUS__ENTRY_STATE, state);
    mmfbus__load32(entry + MMFBUS__ENTRY_STATE);
    mmfbus__write_fence();
    memset(entry + MMFBUS__ENTRY_NAME, 0, MMFBUS__ENTRY_NAME_SIZE);
    memcpy(entry + MMFBUS__ENTRY_NAME, channel, strlen(channel));
    mmfbus__store32(entry + MMFBUS__ENTRY_STATE, state + 1);
    return MMFBUS_OK;
}

/* With the lock held. False when it was not listed. */
static bool mmfbus__strike_entry(const mmfbus__participant *p, const char *channel) {
    char name[MMFBUS__ENTRY_NAME_SIZE + 1];
    bool was_listed = false;
    uint64_t used = mmfbus__entries_used(p);
    for (uint64_t index = 0; index < used; index++) {
        if (!mmfbus__read_entry(p, index, name) || strcmp(name, channel) != 0) continue;
        mmfbus__add32(mmfbus__entry(p, index) + MMFBUS__ENTRY_STATE, 1);
        was_listed = true;
    }
    return was_listed;
}

/* -- Looking and telling */

/* An entry is a hint: a channel that lets in other users than the directory does is not one of its channels. */
static bool mmfbus__has_segment(const mmfbus__place *place, const mmfbus__segment *segment) {
    mmfbus_options any;
    mmfbus__audience audience;
    memset(&any, 0, sizeof any);
    any.scope = place->id.scope;
    if (mmfbus__find_audience(&any, false, segment, &audience) != MMFBUS_OK) {
        mmfbus__detail[0] = 0;
        return false;
    }
    mmfbus__directory_id its = mmfbus__directory_of(any.scope, &audience);
    return mmfbus__is_same_directory(&its, &place->id);
}

/* Whether any participant of a channel is not proved dead; also where that cannot be found out. */
static bool mmfbus__is_occupied(const mmfbus__place *place, const char *channel) {
    mmfbus__participant look;
    memset(&look, 0, sizeof look);
    mmfbus_namespace space = place->id.scope == MMFBUS_SCOPE_MACHINE ? MMFBUS_GLOBAL : MMFBUS_LOCAL;
    mmfbus_status status = mmfbus__open_segment(&look.segment, channel, space, false);
    if (status != MMFBUS_OK) return status != MMFBUS_NOT_FOUND;
#ifndef _WIN32
    look.segment.guard.memory = look.segment.memory;
    look.segment.guard.length = look.segment.mapped;
#endif
    if (!mmfbus__has_segment(place, &look.segment)) {
        mmfbus__release_segment(&look.segment);
        return false;
    }
    bool is_occupied = !look.segment.marked || mmfbus__read_geometry(&look.segment, &look.geometry) != MMFBUS_OK;
    if (!is_occupied) {
        look.memory = look.segment.memory;
        look.identity = place->publisher->base.identity;
        uint32_t used = mmfbus__slots_used(&look);
        for (uint32_t slot = 0; slot < used && !is_occupied; slot++) {
            int64_t nonce = mmfbus__load64(mmfbus__slot(&look, slot) + MMFBUS__SLOT_NONCE);
            is_occupied = nonce != 0 && !mmfbus__is_dead(&look, slot, nonce);
        }
    }
    mmfbus__release_segment(&look.segment);
    return is_occupied;
}

static uint64_t mmfbus__notice_payload(const void *notice, size_t index) {
    (void)notice;
    (void)index;
    return MMFBUS__NOTICE_SIZE;
}

/* Tells the watchers, and lets go of the lock. Watchers never hold publishers back; who does looks at the entries. */
static void mmfbus__tell_watchers(mmfbus_publisher *directory, uint32_t kind, const char *channel) {
    mmfbus__participant *p = &directory->base;
    unsigned char notice[MMFBUS__NOTICE_SIZE] = {0};
    mmfbus__put32(notice + MMFBUS__NOTICE_KIND, kind);
    memcpy(notice + MMFBUS__NOTICE_CHANNEL, channel, strlen(channel));
    if (mmfbus__find_tail(directory) &&
        mmfbus__make_room(directory, mmfbus__end_of(p, directory->tail, mmfbus__notice_payload, NULL, 1)) == MMFBUS_OK) {
        uint64_t timestamp = mmfbus_now();
        mmfbus__copy_in(mmfbus__place_frame(directory, sizeof notice, timestamp), notice, sizeof notice);
        mmfbus__end_frame(directory, sizeof notice, MMFBUS__KIND_MESSAGE, timestamp);
        mmfbus__commit_frames(directory);
    } else {
        mmfbus__ring_for_frames(p);
        mmfbus__unlock(p);
    }
    mmfbus__reclaim_the_dead(p);
}

static mmfbus_status mmfbus__lock_directory(mmfbus_publisher *directory, uint64_t deadline) {
    mmfbus_status status = mmfbus__lock(&directory->base, deadline);
    return status == MMFBUS_BUSY ? MMFBUS_TIMEOUT : status;
}

/* Takes the channel off the list, if it has no participant. */
static mmfbus_status mmfbus__strike(const mmfbus__place *place, const char *channel, uint64_t deadline) {
    mmfbus_publisher *directory = place->publisher;
    mmfbus_status status = mmfbus__lock_directory(directory, deadline);
    if (status != MMFBUS_OK) return status;
    /* Looked at with the lock held: a participant that joins meanwhile lists the channel again. */
    if (!mmfbus__is_occupied(place, channel) && mmfbus__strike_entry(&directory->base, channel)) {
        mmfbus__tell_watchers(directory, MMFBUS__NOTICE_CLOSED, channel);
        return MMFBUS_OK;
    }
    mmfbus__unlock(&directory->base);
    return MMFBUS_EXISTS;
}

/* Takes one channel that has no participant off a full list. */
static void mmfbus__strike_any(const mmfbus__place *place, uint64_t deadline) {
    const mmfbus__participant *p = &place->publisher->base;
    char name[MMFBUS__ENTRY_NAME_SIZE + 1];
    for (uint64_t index = 0; index < mmfbus__entry_count(p) && mmfbus__time_left(deadline) > 0; index++) {
        if (!mmfbus__read_entry(p, index, name) || mmfbus__is_occupied(place, name)) continue;
        if (mmfbus__strike(place, name, deadline) == MMFBUS_OK) return;
    }
}

static mmfbus_status mmfbus__list_channel(const mmfbus__registration *registration) {
    mmfbus_publisher *directory = registration->place->publisher;
    uint64_t deadline = mmfbus__deadline(MMFBUS__DIRECTORY_PATIENCE);
    mmfbus_status status = MMFBUS_TOO_MANY_CHANNELS;
    for (int tries = 0; tries < 2 && status == MMFBUS_TOO_MANY_CHANNELS; tries++) {
        if (tries > 0) mmfbus__strike_any(registration->place, deadline);
        status = mmfbus__lock_directory(directory, deadline);
        if (status != MMFBUS_OK) return status;
        status = mmfbus__add_entry(&directory->base, registration->channel);
        if (status == MMFBUS_TOO_MANY_CHANNELS) mmfbus__unlock(&directory->base);
    }
    if (status == MMFBUS_TOO_MANY_CHANNELS) return status;
    uint32_t kind = status == MMFBUS_OK ? MMFBUS__NOTICE_OPENED : MMFBUS__NOTICE_CHANGED;
    mmfbus__tell_watchers(directory, kind, registration->channel);
    return MMFBUS_OK;
}

/* -- Registering: what opening and closing a publisher or subscriber does */

static void mmfbus__forget_place(mmfbus__place *place) {
    mmfbus__place **link = &mmfbus__places;
    while (*link != place) link = &(*link)->next;
    *link = place->next;
    MMFBUS_FREE(place);
}

/* Opens this process's place in the directory, or shares it. */
static mmfbus_status mmfbus__share_place(mmfbus__registration *registration, const mmfbus__directory_id *id) {
    mmfbus__place *place = mmfbus__places;
    while (place != NULL && !mmfbus__is_same_directory(&place->id, id)) place = place->next;
    if (place == NULL) {
        place = (mmfbus__place *)mmfbus__allocate_zeroed(sizeof *place);
        if (place == NULL) return MMFBUS_NO_MEMORY;
        place->id = *id;
        place->next = mmfbus__places;
        mmfbus__places = place;
    }
    if (place->publisher != NULL && mmfbus__is_forked(&place->publisher->base)) {
        /* It is the parent's. */
        mmfbus__close_publisher(place->publisher);
        place->publisher = NULL;
        place->shares = 0;
    }
    if (place->publisher == NULL) {
        char name[MMFBUS__SLOT_NAME_SIZE + 1];
        mmfbus__program_name(name);
        mmfbus_options options = mmfbus_options_init();
        options.channel = id->name;
        options.codec = MMFBUS__DIRECTORY_NAME;
        options.scope = id->scope;
        options.max_participants = MMFBUS__MAX_PARTICIPANTS;
        options.mode = id->mode;
        options.group = id->group[0] != 0 ? id->group : NULL;
        options.name = name;
        options.timeout = MMFBUS__DIRECTORY_PATIENCE;
        mmfbus_status status = mmfbus__open_publisher(&place->publisher, &options, &mmfbus__joining_directory);
        if (status != MMFBUS_OK) {
            mmfbus__forget_place(place);
            return status;
        }
    }
    place->shares++;
    registration->place = place;
    return MMFBUS_OK;
}

/* Once whom the channel lets in is known, before a slot of it is claimed. */
static void mmfbus__begin_registration(mmfbus__registration *registration, const mmfbus_options *options,
                                       const mmfbus__audience *audience) {
    memset(registration, 0, sizeof *registration);
    if (options->not_discoverable) return;
    mmfbus_failure before = mmfbus__failure;
    mmfbus__directory_id id = mmfbus__directory_of(options->scope, audience);
    memcpy(registration->channel, options->channel, strlen(options->channel));
    mmfbus__lock_places();
    registration->status = mmfbus__share_place(registration, &id);
    mmfbus__unlock_places();
    mmfbus__failure = before;
    mmfbus__detail[0] = 0;
}

/* After the channel was joined. */
static void mmfbus__register(mmfbus__registration *registration) {
    if (registration->place != NULL) {
        mmfbus_failure before = mmfbus__failure;
        mmfbus__lock_places();
        registration->status = mmfbus__list_channel(registration);
        mmfbus__unlock_places();
        registration->is_listed = registration->status == MMFBUS_OK;
        mmfbus__failure = before;
    }
    if (registration->status == MMFBUS_OK) return;
    snprintf(mmfbus__detail, sizeof mmfbus__detail, "not listed in the directory: %s", mmfbus_text(registration->status));
}

/* After the channel was left, or could not be joined. */
static void mmfbus__end_registration(const mmfbus__registration *registration) {
    if (registration->place == NULL) return;
    mmfbus_failure before = mmfbus__failure;
    mmfbus__lock_places();
    mmfbus__place *place = registration->place;
    mmfbus_publisher *directory = place->publisher;
    if (registration->is_listed) {
        uint64_t deadline = mmfbus__deadline(MMFBUS__DIRECTORY_PATIENCE);
        mmfbus_status status = mmfbus__strike(place, registration->channel, deadline);
        if (status == MMFBUS_EXISTS && mmfbus__lock_directory(directory, deadline) == MMFBUS_OK) {
            mmfbus__tell_watchers(directory, MMFBUS__NOTICE_CHANGED, registration->channel);
        }
    }
    if (--place->shares == 0) {
        mmfbus__forget_place(place);
        mmfbus__close_publisher(directory);
    }
    mmfbus__unlock_places();
    mmfbus__failure = before;
}

mmfbus_status mmfbus_publisher_open(mmfbus_publisher **publisher, const mmfbus_options *options) {
    if (publisher == NULL) return MMFBUS_INVALID_ARGUMENT;
    *publisher = NULL;
    mmfbus_status status = mmfbus__check_options(options, false);
    if (status != MMFBUS_OK) return status;
    status = mmfbus__open_publisher(publisher, options, &mmfbus__joining_channel);
    if (status == MMFBUS_OK) mmfbus__register(&(*publisher)->base.registration);
    return status;
}

void mmfbus_publisher_close(mmfbus_publisher *publisher) {
    if (publisher == NULL) return;
    mmfbus__registration registration = publisher->base.registration;
    /* In a forked child the place in the directory is the parent's. */
    bool is_forked = mmfbus__is_forked(&publisher->base);
    mmfbus__close_publisher(publisher);
    if (!is_forked) mmfbus__end_registration(&registration);
}

/* ===================================================================================================== Subscribing
 * == Subscribing
 */

/* What has arrived of a split message; one for each slot. */
typedef struct mmfbus__parts {
    bool active;
    uint32_t generation;
    int64_t began; /* position of its first fragment */
    uint64_t total;
    uint64_t received;
    unsigned char *data;
    size_t capacity;
} mmfbus__parts;

/* A private copy of a frame that was checked. */
typedef struct mmfbus__frame {
    uint32_t length; /* of the payload, without a header extension */
    uint8_t kind;
    bool is_extended;
    uint32_t publisher;
    uint64_t sequence;
    uint64_t timestamp;
    uint64_t size; /* bytes that it takes in the ring */
    const unsigned char *payload;
} mmfbus__frame;

/* A publisher that was there at the last look. */
typedef struct mmfbus__member {
    uint32_t generation; /* 0: no participant */
    uint32_t pid;
    char name[MMFBUS__SLOT_NAME_SIZE + 1];
    bool is_new; /* not told of yet */
} mmfbus__member;

/* One that was no longer there. */
typedef struct mmfbus__former {
    mmfbus__member member;
    mmfbus_reason reason;
    uint32_t remaining;
} mmfbus__former;

/* What a subscriber with `publisher_events` knows of the publishers, one of each for each slot, and what it has not told yet. */
typedef struct mmfbus__roster {
    mmfbus__member *members;
    mmfbus__former *formers;
    uint32_t epoch; /* of the last look */
    uint32_t joined, left;
    char told[MMFBUS__SLOT_NAME_SIZE + 1]; /* the name that a message points to */
} mmfbus__roster;

struct mmfbus_subscriber {
    mmfbus__participant base;
    bool is_lossy;
    uint32_t watched; /* states of the slots whose life lines are watched, bit by bit */
    int64_t owed_from; /* messages that began before that position are neither delivered nor missed */
    mmfbus_status ended; /* MMFBUS_OK, or what every further call says */
    int64_t position;
    int64_t tail;        /* what is committed, as seen last */
    int64_t stored;      /* the cursor in our slot */
    uint64_t next;       /* number of the next message in the ring */
    uint64_t wanted;     /* numbers before that are left out */
    uint64_t gap_from, gap_to; /* a gap to tell before anything else; 0 none */
    uint32_t laps;       /* times that we were lapped since the last frame */
    uint32_t closed_epoch;
    uint32_t parts_epoch;
    uint32_t poll_window; /* microseconds; MMFBUS_FOREVER never to sleep */
    bool in_flood;           /* more than one frame was there at the last look */
    unsigned char *batch;    /* a private copy of frames, and of the header that follows them */
    size_t batch_capacity;   /* without that header */
    size_t batch_next, batch_end; /* what of it was not taken yet */
    mmfbus__parts *parts;
    mmfbus__roster roster;   /* without memory where nothing is to be told */
};

/* Turns that a subscriber waits in a flood, a microsecond or two, for more than one frame to come. */
enum { MMFBUS__GATHERING = 64 };

/* Bytes that are copied out of the ring at a time, where a frame is not larger. */
#define MMFBUS__BATCH_LENGTH ((size_t)8192)

/* Results of looking at a frame. */
typedef enum mmfbus__look { MMFBUS__INTACT, MMFBUS__LAPPED, MMFBUS__SKIPPED, MMFBUS__NONSENSE } mmfbus__look;

/* Looks at who is there before the tail is taken as it is, although participants come and go all the time. */
enum { MMFBUS__LOOKS_AT_MOST = 8 };

/* After so many laps in a row without a message a subscriber goes on at the tail, which has a whole ring before it. */
enum { MMFBUS__LAPS_AT_HEAD = 8 };
/* Tries to go on, after which the caller looks again: nothing is wrong with a publisher that is faster. */
enum { MMFBUS__RESUMES = 64 };

/* The head, after everything that was read so far: what lies before it may have been overwritten meanwhile. */
static int64_t mmfbus__head_after_reading(const mmfbus__participant *p) {
    /* SYNC: overwrite announced. Everything was copied before the head is loaded: the fence keeps the copies before it. */
    mmfbus__read_fence();
    return mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD);
}

/*
 * Copies so many bytes from our position on, and of the header that follows them the number, which a publisher that writes there
 * at the same time does not change. They do not reach beyond the ring's end.
 */
static void mmfbus__copy_batch(mmfbus_subscriber *sub, size_t length) {
    const mmfbus__participant *p = &sub->base;
    uint64_t mask = p->geometry.capacity - 1, offset = (uint64_t)sub->position & mask;
    mmfbus__copy_out(sub->batch, p->ring + offset, length, sub->is_lossy);
    size_t sequence = length + MMFBUS__FRAME_SEQUENCE;
    mmfbus__copy_out(sub->batch + sequence, p->ring + ((offset + length) & mask) + MMFBUS__FRAME_SEQUENCE, 8, true);
}

static void mmfbus__drop_batch(mmfbus_subscriber *sub) {
    sub->batch_next = sub->batch_end = 0;
}

static void mmfbus__forget(mmfbus__parts *parts) {
    parts->active = false;
    parts->received = 0;
}

/* Goes on at a later frame, of that number, and makes a gap of what was lost. False when the number makes no sense. */
static bool mmfbus__go_on_at(mmfbus_subscriber *sub, int64_t position, uint64_t number) {
    if (position < sub->position || !mmfbus__is_plausible(number - sub->next, position - sub->position)) return false;
    if (number > sub->next && number > sub->wanted) {
        sub->gap_from = sub->next > sub->wanted ? sub->next : sub->wanted;
        sub->gap_to = number - 1;
    }
    sub->next = number;
    sub->position = position;
    sub->laps++;
    for (uint32_t slot = 0; slot < sub->base.geometry.participant_count; slot++) mmfbus__forget(&sub->parts[slot]);
    return true;
}

/* Copies out what is committed at our position, with a whole frame at least. */
static mmfbus__look mmfbus__fill_batch(mmfbus_subscriber *sub) {
    uint64_t capacity = sub->base.geometry.capacity;
    uint64_t rest = capacity - ((uint64_t)sub->position & (capacity - 1)), committed = (uint64_t)(sub->tail - sub->position);
    size_t available = (size_t)(committed < rest ? committed : rest);
    size_t length = available < MMFBUS__BATCH_LENGTH ? available : MMFBUS__BATCH_LENGTH;
    mmfbus__drop_batch(sub);
    mmfbus__copy_batch(sub, length);
    uint64_t size = mmfbus__frame_size(mmfbus__peek32(sub->batch + MMFBUS__FRAME_LENGTH));
    if (size > length && size <= available && size <= sub->batch_capacity) {
        length = (size_t)size;
        mmfbus__copy_batch(sub, length);
    }
    MMFBUS_STEP("read: copied");
    /* Only now is it known what of it is half of two. */
    int64_t head = mmfbus__head_after_reading(&sub->base);
    sub->batch_end = length;
    if (head <= sub->position) return MMFBUS__INTACT;
    uint64_t lost = (uint64_t)(head - sub->position);
    if (!sub->is_lossy || lost > length || lost % MMFBUS__FRAME_ALIGNMENT != 0) {
        mmfbus__drop_batch(sub);
        return MMFBUS__LAPPED;
    }
    /* What begins at the head was copied before anything there was overwritten. */
    sub->batch_next = (size_t)lost;
    uint64_t number = mmfbus__peek64(sub->batch + lost + MMFBUS__FRAME_SEQUENCE);
    return mmfbus__go_on_at(sub, head, number) ? MMFBUS__SKIPPED : MMFBUS__NONSENSE;
}

/* Whether the batch holds that frame whole; what it says of itself is not checked. */
MMFBUS__INLINE bool mmfbus__peek_frame(const mmfbus_subscriber *sub, mmfbus__frame *frame) {
    const unsigned char *place = sub->batch + sub->batch_next;
    size_t left = sub->batch_end - sub->batch_next;
    if (left < MMFBUS__FRAME_ALIGNMENT) return false;
    uint64_t word = mmfbus__peek64(place + MMFBUS__FRAME_LENGTH);
    frame->length = (uint32_t)word;
    frame->kind = (uint8_t)(word >> 8 * MMFBUS__FRAME_KIND);
    frame->is_extended = (word >> 8 * MMFBUS__FRAME_FLAGS & MMFBUS__FLAG_EXTENSION) != 0;
    frame->publisher = (uint16_t)(word >> 8 * MMFBUS__FRAME_PUBLISHER);
    frame->sequence = mmfbus__peek64(place + MMFBUS__FRAME_SEQUENCE);
    frame->timestamp = mmfbus__peek64(place + MMFBUS__FRAME_TIMESTAMP);
    frame->size = mmfbus__frame_size(frame->length);
    frame->payload = place + MMFBUS__FRAME_SIZE;
    return frame->size <= left;
}

/* Leaves out the header extension; false where it would not end within the payload. */
static bool mmfbus__skip_extension(mmfbus__frame *frame) {
    if (frame->length < MMFBUS__EXTENSION_UNIT) return false;
    uint32_t length = (mmfbus__peek32(frame->payload) & 0xffff) * MMFBUS__EXTENSION_UNIT;
    if (length == 0 || length > MMFBUS__MAX_EXTENSION_LENGTH || length > frame->length) return false;
    frame->payload += length;
    frame->length -= length;
    return true;
}

/* The frame at our position, as a private copy that was checked. */
MMFBUS__INLINE mmfbus__look mmfbus__copy_frame(mmfbus_subscriber *sub, mmfbus__frame *frame) {
    const mmfbus__participant *p = &sub->base;
    if (!mmfbus__peek_frame(sub, frame)) {
        mmfbus__look look = mmfbus__fill_batch(sub);
        if (look != MMFBUS__INTACT) return look;
        if (!mmfbus__peek_frame(sub, frame)) return MMFBUS__NONSENSE;
    }
    uint64_t end = ((uint64_t)sub->position + frame->size) & (p->geometry.capacity - 1);
    bool is_padding = frame->kind == MMFBUS__KIND_PADDING && end == 0;
    bool is_message = frame->kind == MMFBUS__KIND_MESSAGE || frame->kind == MMFBUS__KIND_LAST_FRAGMENT;
    bool has_payload = (is_message || frame->kind == MMFBUS__KIND_FRAGMENT) && frame->length <= p->geometry.max_payload &&
                       frame->publisher < p->geometry.participant_count;
    if (!(is_padding || has_payload) || frame->sequence != sub->next) return MMFBUS__NONSENSE;
    /* A wrong length leads to an invalid header: found out before the message is passed off as good. */
    uint64_t following = mmfbus__peek64(sub->batch + sub->batch_next + frame->size + MMFBUS__FRAME_SEQUENCE);
    if (following != sub->next + (is_message ? 1 : 0)) return MMFBUS__NONSENSE;
    if (has_payload && frame->is_extended && !mmfbus__skip_extension(frame)) return MMFBUS__NONSENSE;
    if (frame->kind == MMFBUS__KIND_MESSAGE && frame->length > p->geometry.max_message) return MMFBUS__NONSENSE;
    sub->batch_next += (size_t)frame->size;
    return MMFBUS__INTACT;
}

/* The number that stands at a position; false when it may have been overwritten meanwhile. */
static bool mmfbus__number_at(const mmfbus__participant *p, int64_t position, uint64_t *number) {
    const unsigned char *place = p->ring + ((uint64_t)position & (p->geometry.capacity - 1));
    mmfbus__copy_out((unsigned char *)number, place + MMFBUS__FRAME_SEQUENCE, sizeof *number, true);
    return mmfbus__head_after_reading(p) <= position;
}

/* Whether everything from that position up to a tail can be in the ring. */
MMFBUS__INLINE bool mmfbus__fits(const mmfbus__participant *p, int64_t position, int64_t tail) {
    return position <= tail && tail - position <= (int64_t)p->geometry.capacity - MMFBUS__FRAME_ALIGNMENT;
}

/*
 * Goes on after being lapped: at the head, which the next message may overtake, or, where that has come to nothing several
 * times, at the tail. MMFBUS_READY: overtaken each time, look again.
 */
static mmfbus_status mmfbus__resume(mmfbus_subscriber *sub) {
    mmfbus__participant *p = &sub->base;
    for (int tries = 0; tries < MMFBUS__RESUMES; tries++) {
        int64_t head = mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD);
        int64_t tail = mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL);
        bool makes_sense = mmfbus__is_position(head) && mmfbus__is_position(tail) && head >= sub->position &&
                           mmfbus__fits(p, head, tail);
        if (!makes_sense) {
            /* The tail was loaded after the head: together they make no sense only when both have moved since. */
            if (mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD) == head) return MMFBUS_CORRUPTED;
            continue;
        }
        uint64_t number;
        int64_t position = sub->laps < MMFBUS__LAPS_AT_HEAD ? head : tail;
        if (!mmfbus__number_at(p, position, &number)) {
            sub->laps++;
            continue;
        }
        if (!mmfbus__go_on_at(sub, position, number)) return MMFBUS_CORRUPTED;
        sub->tail = tail;
        mmfbus__drop_batch(sub);
        return MMFBUS_OK;
    }
    return MMFBUS_READY;
}

/* Makes room for more of a split message: for what has arrived, not for what it says it will be. */
static bool mmfbus__make_parts_room(mmfbus__parts *parts, size_t needed) {
    if (needed <= parts->capacity) return true;
    size_t capacity = parts->capacity < 65536 ? 65536 : parts->capacity * 2;
    while (capacity < needed) capacity *= 2;
    if (capacity > parts->total) capacity = (size_t)parts->total;
    unsigned char *data = (unsigned char *)MMFBUS_REALLOC(parts->data, capacity);
    if (data == NULL) return false;
    parts->data = data;
    parts->capacity = capacity;
    return true;
}

/* What stands before the bytes of a fragment. */
typedef struct mmfbus__fragment {
    int64_t began;
    uint32_t total, offset, generation;
    uint32_t length; /* of the bytes */
} mmfbus__fragment;

/* Nothing in it is checked but that there is a header. */
static bool mmfbus__read_fragment(const mmfbus__frame *frame, mmfbus__fragment *part) {
    if (frame->length < MMFBUS__FRAGMENT_SIZE) return false;
    memcpy(&part->began, frame->payload + MMFBUS__FRAGMENT_BEGAN, 8);
    memcpy(&part->total, frame->payload + MMFBUS__FRAGMENT_TOTAL, 4);
    memcpy(&part->offset, frame->payload + MMFBUS__FRAGMENT_OFFSET, 4);
    memcpy(&part->generation, frame->payload + MMFBUS__FRAGMENT_GENERATION, 4);
    part->length = frame->length - MMFBUS__FRAGMENT_SIZE;
    return true;
}

static bool mmfbus__continues(const mmfbus__parts *parts, const mmfbus__fragment *part) {
    return parts->active && parts->generation == part->generation && parts->began == part->began &&
           parts->total == part->total && parts->received == part->offset;
}

/* Whether what is said to be a whole message is the end of one that the same publisher has begun. */
static bool mmfbus__is_end(const mmfbus__parts *parts, const mmfbus__frame *frame) {
    mmfbus__fragment part;
    return mmfbus__read_fragment(frame, &part) && mmfbus__continues(parts, &part) &&
           (uint64_t)part.offset + part.length == part.total;
}

/* Takes in a fragment. MMFBUS_OK: the message is complete. MMFBUS_GAP: it is missed. */
static mmfbus_status mmfbus__take_fragment(mmfbus_subscriber *sub, const mmfbus__frame *frame) {
    mmfbus__parts *parts = &sub->parts[frame->publisher];
    bool is_last = frame->kind == MMFBUS__KIND_LAST_FRAGMENT;
    int64_t position = sub->position - (int64_t)frame->size;
    mmfbus__fragment part;
    if (!mmfbus__read_fragment(frame, &part) || part.length == 0) return MMFBUS_CORRUPTED;
    if (frame->is_extended && part.offset != 0) return MMFBUS_CORRUPTED;
    uint64_t end = (uint64_t)part.offset + part.length;
    if (part.total > sub->base.geometry.max_message || end > part.total) return MMFBUS_CORRUPTED;
    if (is_last != (end == part.total)) return MMFBUS_CORRUPTED;
    if ((part.offset == 0) != (part.began == position)) return MMFBUS_CORRUPTED;

    if (part.offset == 0) {
        mmfbus__forget(parts);
        parts->active = true;
        parts->generation = part.generation;
        parts->began = part.began;
        parts->total = part.total;
    } else if (!parts->active) {
        /* Its beginning is not there: it was overwritten, or came before us. */
        if (!is_last) return MMFBUS_EMPTY;
        return part.began < sub->owed_from ? MMFBUS_EMPTY : MMFBUS_GAP;
    } else if (!mmfbus__continues(parts, &part)) {
        mmfbus__forget(parts);
        return MMFBUS_CORRUPTED;
    }
    if (!mmfbus__make_parts_room(parts, (size_t)end)) return MMFBUS_NO_MEMORY;
    memcpy(parts->data + part.offset, frame->payload + MMFBUS__FRAGMENT_SIZE, part.length);
    parts->received += part.length;
    if (!is_last) return MMFBUS_EMPTY;
    parts->active = false;
    return MMFBUS_OK;
}

/* Drops parts of messages whose publishers are gone; when everything committed was read. */
static void mmfbus__drop_parts(mmfbus_subscriber *sub) {
    mmfbus__participant *p = &sub->base;
    uint32_t epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    if (epoch == sub->parts_epoch) return;
    /* A publisher that left has committed all it had before it changed the epoch; it may be beyond the tail that was read. */
    if (mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL) != sub->position) return;
    sub->parts_epoch = epoch;
    for (uint32_t slot = 0; slot < p->geometry.participant_count; slot++) {
        mmfbus__parts *parts = &sub->parts[slot];
        if (parts->data == NULL) continue;
        const unsigned char *place = mmfbus__slot(p, slot);
        if (mmfbus__load32(place + MMFBUS__SLOT_STATE) == MMFBUS__STATE_PUBLISHER &&
            mmfbus__load32(place + MMFBUS__SLOT_GENERATION) == parts->generation) {
            continue;
        }
        MMFBUS_FREE(parts->data);
        memset(parts, 0, sizeof *parts);
    }
}

/* Tells publishers how far we are. MMFBUS_CORRUPTED: our slot is another participant's. */
MMFBUS__INLINE mmfbus_status mmfbus__store_cursor(mmfbus_subscriber *sub) {
    mmfbus__participant *p = &sub->base;
    if (sub->stored == sub->position) return MMFBUS_OK;
    if (!mmfbus__owns_slot(p)) return MMFBUS_CORRUPTED;
    sub->stored = sub->position;
    mmfbus__store64(mmfbus__own_slot(p) + MMFBUS__SLOT_CURSOR, sub->position);
    MMFBUS_STEP("read: cursor stored");
    if (!sub->is_lossy) mmfbus__ring_for_room(p);
    return MMFBUS_OK;
}

static mmfbus_status mmfbus__tell_gap(mmfbus_subscriber *sub, mmfbus_message *message) {
    message->from = sub->gap_from;
    message->to = sub->gap_to;
    sub->gap_from = sub->gap_to = 0;
    mmfbus__count(&sub->base, MMFBUS__MISSED, message->to - message->from + 1);
    return MMFBUS_GAP;
}

/* The frame at our position, and passes it. MMFBUS_EMPTY: it brings nothing to tell. MMFBUS_READY: look again later. */
static mmfbus_status mmfbus__next_frame(mmfbus_subscriber *sub, mmfbus_message *message) {
    mmfbus__frame frame;
    mmfbus__look look = MMFBUS__LAPPED;
    if (mmfbus__fits(&sub->base, sub->position, sub->tail)) {
        look = mmfbus__copy_frame(sub, &frame);
    } else if (mmfbus__head_after_reading(&sub->base) <= sub->position) {
        return MMFBUS_CORRUPTED;
    }
    if (look == MMFBUS__NONSENSE) return MMFBUS_CORRUPTED;
    if (look == MMFBUS__SKIPPED) return sub->gap_from != 0 ? mmfbus__tell_gap(sub, message) : MMFBUS_EMPTY;
    if (look == MMFBUS__LAPPED) {
        if (!sub->is_lossy) {
            uint32_t state = mmfbus__load32(mmfbus__own_slot(&sub->base) + MMFBUS__SLOT_STATE);
            return state == MMFBUS__STATE_DISCONNECTED ? MMFBUS_DISCONNECTED : MMFBUS_CORRUPTED;
        }
        mmfbus_status status = mmfbus__resume(sub);
        if (status != MMFBUS_OK) return status;
        return sub->gap_from != 0 ? mmfbus__tell_gap(sub, message) : MMFBUS_EMPTY;
    }

    sub->laps = 0;
    sub->position += (int64_t)frame.size;
    if (frame.kind == MMFBUS__KIND_PADDING) return MMFBUS_EMPTY;
    mmfbus_status status = MMFBUS_OK;
    if (frame.kind == MMFBUS__KIND_MESSAGE) {
        mmfbus__parts *parts = &sub->parts[frame.publisher];
        if (parts->active) {
            if (mmfbus__is_end(parts, &frame)) return MMFBUS_CORRUPTED;
            mmfbus__forget(parts);
        }
        message->data = frame.payload;
        message->length = frame.length;
    } else {
        status = mmfbus__take_fragment(sub, &frame);
        message->data = sub->parts[frame.publisher].data;
        message->length = (size_t)sub->parts[frame.publisher].received;
    }
    if (frame.kind == MMFBUS__KIND_FRAGMENT) return status;
    sub->next++;
    message->sequence = frame.sequence;
    message->timestamp = frame.timestamp;
    message->publisher = frame.publisher;
    if (frame.sequence < sub->wanted && !mmfbus_is_error(status)) return MMFBUS_EMPTY;
    if (status == MMFBUS_GAP) {
        sub->gap_from = sub->gap_to = frame.sequence;
        return mmfbus__tell_gap(sub, message);
    }
    if (status == MMFBUS_OK) {
        mmfbus__count(&sub->base, MMFBUS__FRAMES, 1);
        mmfbus__count(&sub->base, MMFBUS__BYTES, message->length);
    }
    return status;
}

/* -- Publishers that come and go */

/* Who has the slot as a publisher; generation 0 for none. */
static mmfbus__member mmfbus__look_at_publisher(const mmfbus__participant *p, uint32_t slot) {
    const unsigned char *place = mmfbus__slot(p, slot);
    mmfbus__member member;
    memset(&member, 0, sizeof member);
    if (mmfbus__load32(place + MMFBUS__SLOT_STATE) != MMFBUS__STATE_PUBLISHER) return member;
    uint32_t generation = mmfbus__load32(place + MMFBUS__SLOT_GENERATION);
    mmfbus__identity owner;
    int64_t nonce = mmfbus__load64(place + MMFBUS__SLOT_NONCE);
    if (mmfbus__read_identity(p, slot, nonce, &owner)) member.pid = owner.pid;
    mmfbus__copy_private(member.name, place + MMFBUS__SLOT_NAME, MMFBUS__SLOT_NAME_SIZE);
    for (unsigned char *at = (unsigned char *)member.name; *at != 0; at++) {
        bool is_c1 = *at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < 0x20 || *at == 0x7f || is_c1) *at = '?';
        if (is_c1) at[1] = '?';
    }
    /* Another one may have taken the slot meanwhile, which raises the epoch when it takes a role. */
    if (mmfbus__load32(place + MMFBUS__SLOT_GENERATION) == generation) member.generation = generation;
    return member;
}

static mmfbus_reason mmfbus__end_of_member(const mmfbus__participant *p, uint32_t slot, uint32_t generation) {
    uint32_t end = mmfbus__load32(mmfbus__slot(p, slot) + MMFBUS__SLOT_LAST_END);
    if (end >> MMFBUS__END_BITS != generation) return MMFBUS_REASON_UNKNOWN;
    uint32_t how = end & ((1u << MMFBUS__END_BITS) - 1);
    if (how == MMFBUS__ENDED_BY_LEAVING) return MMFBUS_REASON_LEFT;
    return how == MMFBUS__ENDED_BY_DEATH ? MMFBUS_REASON_DIED : MMFBUS_REASON_UNKNOWN;
}

/* Looks who is there. */
static void mmfbus__look_for_publishers(mmfbus_subscriber *sub) {
    const mmfbus__participant *p = &sub->base;
    mmfbus__roster *roster = &sub->roster;
    /* Before the slots: a change that comes later raises it again. */
    uint32_t epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH), remaining = 0;
    if (epoch == roster->epoch) return;
    roster->epoch = epoch;
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) {
        mmfbus__member *known = &roster->members[slot];
        mmfbus__member now = mmfbus__look_at_publisher(p, slot);
        if (now.generation != 0) remaining++;
        if (now.generation == known->generation) continue;
        if (known->is_new) {
            /* It came and went between two looks of which nothing was told. */
            roster->joined--;
        } else if (known->generation != 0) {
            roster->formers[slot].member = *known;
            roster->formers[slot].reason = mmfbus__end_of_member(p, slot, known->generation);
            roster->left++;
        }
        *known = now;
        known->is_new = now.generation != 0;
        if (known->is_new) roster->joined++;
    }
    for (uint32_t slot = 0; roster->left > 0 && slot < used; slot++) roster->formers[slot].remaining = remaining;
}

static void mmfbus__tell_member(mmfbus__roster *roster, mmfbus_message *message, uint32_t slot, const mmfbus__member *member) {
    message->publisher = slot;
    message->pid = member->pid;
    memcpy(roster->told, member->name, sizeof roster->told);
    message->name = roster->told;
}

static mmfbus_status mmfbus__tell_joined(mmfbus_subscriber *sub, mmfbus_message *message) {
    uint32_t slot = 0;
    while (!sub->roster.members[slot].is_new) slot++;
    mmfbus__tell_member(&sub->roster, message, slot, &sub->roster.members[slot]);
    sub->roster.members[slot].is_new = false;
    sub->roster.joined--;
    return MMFBUS_PUBLISHER_JOINED;
}

static mmfbus_status mmfbus__tell_left(mmfbus_subscriber *sub, mmfbus_message *message) {
    uint32_t slot = 0;
    while (sub->roster.formers[slot].member.generation == 0) slot++;
    mmfbus__former *former = &sub->roster.formers[slot];
    mmfbus__tell_member(&sub->roster, message, slot, &former->member);
    message->reason = former->reason;
    message->remaining = former->remaining;
    former->member.generation = 0;
    sub->roster.left--;
    return MMFBUS_PUBLISHER_LEFT;
}

/* When everything was read: whether the publishers have ended, or we have. */
static mmfbus_status mmfbus__at_the_end(mmfbus_subscriber *sub, mmfbus_message *message, uint32_t closed_epoch) {
    mmfbus__participant *p = &sub->base;
    mmfbus__drop_parts(sub);
    if (!sub->is_lossy && mmfbus__load32(mmfbus__own_slot(p) + MMFBUS__SLOT_STATE) == MMFBUS__STATE_DISCONNECTED) {
        return MMFBUS_DISCONNECTED;
    }
    if (sub->roster.left > 0) return mmfbus__tell_left(sub, message);
    if (closed_epoch == sub->closed_epoch) return MMFBUS_EMPTY;
    sub->closed_epoch = closed_epoch;
    uint32_t reason = mmfbus__load32(p->memory + MMFBUS__HEADER_CLOSED_REASON);
    message->reason = reason == MMFBUS__CLOSED_BY_DEATH ? MMFBUS_REASON_DIED : MMFBUS_REASON_LEFT;
    return MMFBUS_PUBLISHERS_GONE;
}

MMFBUS__INLINE mmfbus_status mmfbus__receive(mmfbus_subscriber *sub, mmfbus_message *message) {
    mmfbus__participant *p = &sub->base;
    if (sub->gap_from != 0) return mmfbus__tell_gap(sub, message);
    if (sub->roster.joined > 0) return mmfbus__tell_joined(sub, message);
    uint32_t closed_epoch = sub->closed_epoch;
    bool looks = sub->position == sub->tail;
    if (looks) {
        /* All was read that was committed after the last look: with it all that is by publishers that had left by then. */
        if (sub->roster.left > 0) return mmfbus__tell_left(sub, message);
        int64_t tail = 0;
        for (int look = 0; look < MMFBUS__LOOKS_AT_MOST; look++) {
            /* Before the tail: everything that was published before the end is read first. */
            closed_epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_CLOSED_EPOCH);
            if (sub->roster.members != NULL) mmfbus__look_for_publishers(sub);
            /* SYNC: frame visible. The tail is loaded first; only what lies before it is read. */
            tail = mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL);
            /* Who joined meanwhile may have published what is before the tail. */
            if (sub->roster.members == NULL) break;
            if (mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH) == sub->roster.epoch) break;
        }
        if (!mmfbus__is_position(tail) || tail < sub->position) return MMFBUS_CORRUPTED;
        sub->tail = tail;
        sub->in_flood = false;
        if (sub->roster.joined > 0) return mmfbus__tell_joined(sub, message);
        if (tail == sub->position) return mmfbus__at_the_end(sub, message, closed_epoch);
    }
    while (sub->position != sub->tail) {
        mmfbus_status status = mmfbus__next_frame(sub, message), stored = MMFBUS_OK;
        if (looks) sub->in_flood = sub->position != sub->tail;
        looks = false;
        /* Parts of large messages make room as they are taken. */
        bool is_far = sub->position - sub->stored >= (int64_t)p->geometry.capacity / 8;
        if (status != MMFBUS_EMPTY || is_far) stored = mmfbus__store_cursor(sub);
        if (stored != MMFBUS_OK) return stored;
        if (status != MMFBUS_EMPTY) return status;
    }
    mmfbus_status stored = mmfbus__store_cursor(sub);
    return stored == MMFBUS_OK ? MMFBUS_READY : stored;
}

MMFBUS__INLINE mmfbus_status mmfbus__check_subscriber(mmfbus_subscriber *sub) {
    if (sub == NULL) return MMFBUS_INVALID_ARGUMENT;
    if (!(mmfbus__is_forked(&sub->base) | (sub->base.wants != 0) | sub->base.has_dead)) return sub->ended;
    if (mmfbus__is_forked(&sub->base)) return MMFBUS_FORKED;
    mmfbus__awake(&sub->base);
    mmfbus__reclaim_the_dead(&sub->base);
    return sub->ended;
}

mmfbus_status mmfbus_try_receive(mmfbus_subscriber *subscriber, mmfbus_message *message) {
    mmfbus_status status = mmfbus__check_subscriber(subscriber);
    if (status != MMFBUS_OK) return status;
    if (message == NULL) return MMFBUS_INVALID_ARGUMENT;
    memset(message, 0, sizeof *message);
    status = mmfbus__receive(subscriber, message);
    /* Only padding and parts were there: what came meanwhile is for the next call. */
    if (status == MMFBUS_READY) status = MMFBUS_EMPTY;
    if (mmfbus_is_error(status)) subscriber->ended = status;
    return status;
}

mmfbus_status mmfbus_arm(mmfbus_subscriber *subscriber) {
    mmfbus_status status = mmfbus__check_subscriber(subscriber);
    if (status != MMFBUS_OK) return status;
    mmfbus__participant *p = &subscriber->base;
    mmfbus__watch(p, subscriber->watched);
    if (mmfbus__reclaim_the_dead(p) != MMFBUS_OK) return MMFBUS_BUSY;
    /*
     * SYNC: going to sleep. First the sleep is announced, then the lock is looked at, then the tail. A publisher that was
     * not seen holding the lock will see the sleep and ring; one that dies in between is seen by its lock or its life line.
     */
    mmfbus__announce_sleep(p, MMFBUS__WANTS_FRAMES);
    uint32_t held = mmfbus__load32(p->memory + MMFBUS__HEADER_PUBLISHER_LOCK);
    bool is_told = subscriber->roster.members == NULL ||
                   (subscriber->roster.joined + subscriber->roster.left == 0 && subscriber->roster.epoch == p->watched_epoch);
    status = MMFBUS_OK;
    if (held != 0) {
        status = MMFBUS_BUSY;
        if (mmfbus__take_over(p) == MMFBUS_OK) mmfbus__unlock(p);
    } else if (mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL) != subscriber->position ||
               mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH) != p->watched_epoch || !is_told ||
               mmfbus__load32(p->memory + MMFBUS__HEADER_CLOSED_EPOCH) != subscriber->closed_epoch ||
               mmfbus__load32(mmfbus__own_slot(p) + MMFBUS__SLOT_STATE) == MMFBUS__STATE_DISCONNECTED) {
        status = MMFBUS_READY;
    }
    if (status != MMFBUS_OK) {
        mmfbus__awake(p);
    } else if (!p->watch_is_complete) {
        mmfbus__wake_up_in(p->port, MMFBUS__LOOK_AGAIN);
    }
    return status;
}

/*
 * Who has caught up with a flood and looks at once finds one frame at a time, where the publisher writes the next one: both
 * then wait for the same cache lines. A moment later there are many.
 */
MMFBUS__INLINE void mmfbus__gather(mmfbus_subscriber *sub) {
    if (sub == NULL || !sub->in_flood || sub->position != sub->tail) return;
    for (int turn = 0; turn < MMFBUS__GATHERING; turn++) mmfbus__relax();
}

mmfbus_status mmfbus_receive(mmfbus_subscriber *subscriber, mmfbus_message *message, uint32_t timeout) {
    uint64_t deadline = mmfbus__deadline(timeout), began = 0;
    for (uint32_t turn = 0;;) {
        mmfbus__gather(subscriber);
        mmfbus_status status = mmfbus_try_receive(subscriber, message);
        if (status != MMFBUS_EMPTY) return status;
        uint64_t now = mmfbus_now();
        if (began == 0) began = now;
        if (now >= deadline) return MMFBUS_TIMEOUT;
        if (subscriber->poll_window == MMFBUS_FOREVER || now - began < (uint64_t)subscriber->poll_window * 1000u) {
            mmfbus__relax();
            continue;
        }
        uint32_t left = mmfbus__time_left(deadline);
        if (left == 0) return MMFBUS_TIMEOUT;
        status = mmfbus_arm(subscriber);
        if (status == MMFBUS_OK) {
            turn = 0;
            /* Where a life line could not be opened the dead are looked for now and then. */
            mmfbus__wait(subscriber->base.port, subscriber->base.watch_is_complete || left < 1000 ? left : 1000);
        } else if (status == MMFBUS_BUSY) {
            mmfbus__pause(turn++);
        } else if (status != MMFBUS_READY) {
            return status;
        }
    }
}

mmfbus_descriptor mmfbus_subscriber_descriptor(const mmfbus_subscriber *subscriber) {
#ifdef _WIN32
    return subscriber->base.port->descriptors[MMFBUS__BELL];
#else
    return subscriber->base.port->descriptors[MMFBUS__POLLER];
#endif
}

mmfbus_position mmfbus_subscriber_position(const mmfbus_subscriber *subscriber) {
    uint64_t next = subscriber->next > subscriber->wanted ? subscriber->next : subscriber->wanted;
    /* A gap that was not told yet is ahead. */
    if (subscriber->gap_from != 0) next = subscriber->gap_from;
    mmfbus_position position = {subscriber->base.geometry.incarnation, next - 1};
    return position;
}

mmfbus_information mmfbus_subscriber_information(const mmfbus_subscriber *subscriber) {
    return mmfbus__information(&subscriber->base);
}

/* Where to begin; with the lock held, so that neither end of the ring moves. */
static mmfbus_status mmfbus__find_start(mmfbus_subscriber *sub, const mmfbus_options *options) {
    mmfbus__participant *p = &sub->base;
    int64_t head = mmfbus__load64(p->memory + MMFBUS__HEADER_HEAD), tail = mmfbus__load64(p->memory + MMFBUS__HEADER_TAIL);
    if (!mmfbus__is_position(head) || !mmfbus__is_position(tail) || !mmfbus__fits(p, head, tail)) {
        return MMFBUS_CORRUPTED;
    }
    uint64_t oldest, newest;
    if (!mmfbus__number_at(p, head, &oldest) || !mmfbus__number_at(p, tail, &newest)) return MMFBUS_CORRUPTED;
    /* Numbers begin at 1. */
    if (oldest < 1 || !mmfbus__is_plausible(newest - oldest, tail - head) || !mmfbus__is_plausible(newest - 1, tail)) {
        return MMFBUS_CORRUPTED;
    }
    mmfbus_start start = options->start;
    if (start == MMFBUS_START_DEFAULT) start = p->geometry.history > 0 ? MMFBUS_START_HISTORY : MMFBUS_START_LATEST;
    if (start == MMFBUS_START_AFTER && options->after.incarnation != p->geometry.incarnation) {
        if (options->otherwise == MMFBUS_OTHERWISE_ERROR) {
            snprintf(mmfbus__detail, sizeof mmfbus__detail,
                     "it was to begin after message %llu of its incarnation %016llx, of which nothing is left: this one is "
                     "%016llx",
                     (unsigned long long)options->after.sequence, (unsigned long long)options->after.incarnation,
                     (unsigned long long)p->geometry.incarnation);
            return MMFBUS_OTHER_INCARNATION;
        }
        start = options->otherwise == MMFBUS_OTHERWISE_LATEST ? MMFBUS_START_LATEST : MMFBUS_START_EARLIEST;
    }
    bool is_early = start != MMFBUS_START_LATEST;
    sub->position = is_early ? head : tail;
    sub->next = is_early ? oldest : newest;
    sub->wanted = sub->next;
    if (start == MMFBUS_START_HISTORY) {
        uint64_t history = p->geometry.history < newest ? p->geometry.history : newest - 1;
        if (newest - history > oldest) sub->wanted = newest - history;
    } else if (start == MMFBUS_START_AFTER) {
        if (options->after.sequence >= newest) {
            snprintf(mmfbus__detail, sizeof mmfbus__detail, "it was to begin after message %llu; the last one published is %llu",
                     (unsigned long long)options->after.sequence, (unsigned long long)newest - 1);
            return MMFBUS_SEQUENCE_AHEAD;
        }
        sub->wanted = options->after.sequence + 1;
        if (sub->wanted < oldest) {
            sub->gap_from = sub->wanted;
            sub->gap_to = oldest - 1;
        }
    }
    sub->owed_from = start == MMFBUS_START_AFTER ? 0 : sub->position;
    sub->tail = sub->stored = sub->position;
    sub->closed_epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_CLOSED_EPOCH);
    sub->parts_epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    return MMFBUS_OK;
}

/* Passes what comes before the number wanted: publishers need not wait for us to leave it out. */
static mmfbus_status mmfbus__skip_to_wanted(mmfbus_subscriber *sub) {
    mmfbus_message ignored;
    mmfbus_status status = MMFBUS_EMPTY;
    sub->tail = mmfbus__load64(sub->base.memory + MMFBUS__HEADER_TAIL);
    if (!mmfbus__is_position(sub->tail) || sub->tail < sub->position) return MMFBUS_CORRUPTED;
    /* The tail was loaded once, so this comes to an end. What was lapped on the way becomes a gap by itself. */
    while (sub->next < sub->wanted && sub->position < sub->tail && sub->gap_from == 0 && status == MMFBUS_EMPTY) {
        status = mmfbus__next_frame(sub, &ignored);
    }
    mmfbus_status stored = mmfbus__store_cursor(sub);
    if (stored != MMFBUS_OK) return stored;
    if (status == MMFBUS_GAP) {
        /* We were lapped meanwhile: the gap is for the first call of the program. */
        sub->gap_from = ignored.from;
        sub->gap_to = ignored.to;
        sub->base.counters[MMFBUS__MISSED] = 0;
        return MMFBUS_OK;
    }
    return status == MMFBUS_EMPTY || status == MMFBUS_READY ? MMFBUS_OK : status;
}

/* Takes note of the publishers that are there: those are not told of. With the lock held. */
static mmfbus_status mmfbus__begin_roster(mmfbus_subscriber *sub) {
    const mmfbus__participant *p = &sub->base;
    mmfbus__roster *roster = &sub->roster;
    uint32_t participants = p->geometry.participant_count;
    roster->members = (mmfbus__member *)mmfbus__allocate_zeroed(participants * sizeof *roster->members);
    roster->formers = (mmfbus__former *)mmfbus__allocate_zeroed(participants * sizeof *roster->formers);
    if (roster->members == NULL || roster->formers == NULL) return MMFBUS_NO_MEMORY;
    roster->epoch = mmfbus__load32(p->memory + MMFBUS__HEADER_EPOCH);
    uint32_t used = mmfbus__slots_used(p);
    for (uint32_t slot = 0; slot < used; slot++) roster->members[slot] = mmfbus__look_at_publisher(p, slot);
    return MMFBUS_OK;
}

static void mmfbus__free_subscriber(mmfbus_subscriber *sub, uint32_t participants) {
    for (uint32_t slot = 0; sub->parts != NULL && slot < participants; slot++) MMFBUS_FREE(sub->parts[slot].data);
    MMFBUS_FREE(sub->parts);
    MMFBUS_FREE(sub->roster.members);
    MMFBUS_FREE(sub->roster.formers);
    MMFBUS_FREE(sub->batch);
    MMFBUS_FREE(sub);
}

static mmfbus_status mmfbus__open_subscriber(mmfbus_subscriber **subscriber, const mmfbus_options *options,
                                             const mmfbus__joining *joining) {
    mmfbus_subscriber *sub = (mmfbus_subscriber *)mmfbus__allocate_zeroed(sizeof *sub);
    if (sub == NULL) return MMFBUS_NO_MEMORY;
    mmfbus__participant *p = &sub->base;
    mmfbus_status status = mmfbus__open_participant(p, options, joining);
    uint32_t participants = p->geometry.participant_count;
    if (status != MMFBUS_OK) {
        mmfbus__free_subscriber(sub, participants);
        return status;
    }
    sub->is_lossy = options->delivery == MMFBUS_DELIVERY_LOSSY;
    sub->watched = 1u << MMFBUS__STATE_PUBLISHER;
    sub->poll_window = options->poll_window_us != 0 ? options->poll_window_us : MMFBUS__DEFAULT_POLL_WINDOW;
    sub->batch_capacity = (size_t)mmfbus__frame_size(p->geometry.max_payload);
    if (sub->batch_capacity < MMFBUS__BATCH_LENGTH) sub->batch_capacity = MMFBUS__BATCH_LENGTH;
    sub->batch = (unsigned char *)MMFBUS_MALLOC(sub->batch_capacity + MMFBUS__FRAME_ALIGNMENT);
    sub->parts = (mmfbus__parts *)mmfbus__allocate_zeroed(participants * sizeof *sub->parts);
    if (sub->batch == NULL || sub->parts == NULL) status = MMFBUS_NO_MEMORY;
    if (status == MMFBUS_OK && options->publisher_events) status = mmfbus__begin_roster(sub);
    if (status == MMFBUS_OK) status = mmfbus__find_start(sub, options);
    if (status != MMFBUS_OK) {
        mmfbus__unlock(p);
        mmfbus__close_participant(p, false);
        mmfbus__end_registration(&p->registration);
        mmfbus__free_subscriber(sub, participants);
        return status;
    }
    mmfbus__store64(mmfbus__own_slot(p) + MMFBUS__SLOT_CURSOR, sub->position);
    MMFBUS_STEP("join: cursor stored");
    mmfbus__join(p, sub->is_lossy ? MMFBUS__STATE_LOSSY : MMFBUS__STATE_RELIABLE);
    sub->ended = mmfbus__skip_to_wanted(sub);
    *subscriber = sub;
    return MMFBUS_OK;
}

mmfbus_status mmfbus_subscriber_open(mmfbus_subscriber **subscriber, const mmfbus_options *options) {
    if (subscriber == NULL) return MMFBUS_INVALID_ARGUMENT;
    *subscriber = NULL;
    mmfbus_status status = mmfbus__check_options(options, true);
    if (status != MMFBUS_OK) return status;
    status = mmfbus__open_subscriber(subscriber, options, &mmfbus__joining_channel);
    if (status == MMFBUS_OK) mmfbus__register(&(*subscriber)->base.registration);
    return status;
}

void mmfbus_subscriber_close(mmfbus_subscriber *subscriber) {
    if (subscriber == NULL) return;
    mmfbus__participant *p = &subscriber->base;
    uint32_t participants = p->geometry.participant_count;
    mmfbus__registration registration = p->registration;
    bool is_forked = mmfbus__is_forked(p);
    if (!is_forked) {
        mmfbus__awake(p);
        if (mmfbus__owns_slot(p)) mmfbus__end_participation(p, p->slot, p->generation, MMFBUS__ENDED_BY_LEAVING);
    }
    mmfbus__close_participant(p, false);
    mmfbus__free_subscriber(subscriber, participants);
    if (!is_forked) mmfbus__end_registration(&registration);
}

/* ========================================================================================================= msgpack
 * == msgpack
 *
 * https://github.com/msgpack/msgpack/blob/master/spec.md. Every number is written in the fewest bytes.
 */

static void mmfbus__mp_put(mmfbus_mp_writer *writer, const void *data, size_t length) {
    size_t room = writer->length < writer->capacity ? writer->capacity - writer->length : 0;
    if (length > 0 && length <= room) memcpy(writer->data + writer->length, data, length);
    /* What does not fit is counted, and so is all that follows. */
    if (length > room && room > 0) writer->capacity = writer->length;
    writer->length += length;
}

/* A first byte, then a big-endian number of that many bytes. */
static void mmfbus__mp_head(mmfbus_mp_writer *writer, uint8_t first, uint64_t number, int bytes) {
    uint8_t head[9];
    head[0] = first;
    for (int index = 0; index < bytes; index++) head[1 + index] = (uint8_t)(number >> (8 * (bytes - 1 - index)));
    mmfbus__mp_put(writer, head, 1 + (size_t)bytes);
}

/* A length, by the first bytes for 8, 16 and 32 bits; 0 where there is none for 8. */
static void mmfbus__mp_length(mmfbus_mp_writer *writer, size_t length, uint8_t in8, uint8_t in16, uint8_t in32) {
    if (length <= 0xff && in8 != 0) {
        mmfbus__mp_head(writer, in8, length, 1);
    } else if (length <= 0xffff) {
        mmfbus__mp_head(writer, in16, length, 2);
    } else {
        mmfbus__mp_head(writer, in32, length, 4);
    }
}

void mmfbus_mp_nil(mmfbus_mp_writer *writer) {
    mmfbus__mp_head(writer, 0xc0, 0, 0);
}

void mmfbus_mp_bool(mmfbus_mp_writer *writer, bool value) {
    mmfbus__mp_head(writer, value ? 0xc3 : 0xc2, 0, 0);
}

void mmfbus_mp_uint(mmfbus_mp_writer *writer, uint64_t value) {
    if (value < 128) {
        mmfbus__mp_head(writer, (uint8_t)value, 0, 0);
    } else if (value <= UINT8_MAX) {
        mmfbus__mp_head(writer, 0xcc, value, 1);
    } else if (value <= UINT16_MAX) {
        mmfbus__mp_head(writer, 0xcd, value, 2);
    } else if (value <= UINT32_MAX) {
        mmfbus__mp_head(writer, 0xce, value, 4);
    } else {
        mmfbus__mp_head(writer, 0xcf, value, 8);
    }
}

void mmfbus_mp_int(mmfbus_mp_writer *writer, int64_t value) {
    if (value >= 0) {
        mmfbus_mp_uint(writer, (uint64_t)value);
    } else if (value >= -32) {
        mmfbus__mp_head(writer, (uint8_t)value, 0, 0);
    } else if (value >= INT8_MIN) {
        mmfbus__mp_head(writer, 0xd0, (uint64_t)value, 1);
    } else if (value >= INT16_MIN) {
        mmfbus__mp_head(writer, 0xd1, (uint64_t)value, 2);
    } else if (value >= INT32_MIN) {
        mmfbus__mp_head(writer, 0xd2, (uint64_t)value, 4);
    } else {
        mmfbus__mp_head(writer, 0xd3, (uint64_t)value, 8);
    }
}

void mmfbus_mp_float(mmfbus_mp_writer *writer, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    mmfbus__mp_head(writer, 0xca, bits, 4);
}

void mmfbus_mp_double(mmfbus_mp_writer *writer, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    mmfbus__mp_head(writer, 0xcb, bits, 8);
}

void mmfbus_mp_text(mmfbus_mp_writer *writer, const char *text, size_t length) {
    if (length < 32) {
        mmfbus__mp_head(writer, (uint8_t)(0xa0 | length), 0, 0);
    } else {
        mmfbus__mp_length(writer, length, 0xd9, 0xda, 0xdb);
    }
    mmfbus__mp_put(writer, text, length);
}

void mmfbus_mp_string(mmfbus_mp_writer *writer, const char *text) {
    mmfbus_mp_text(writer, text, strlen(text));
}

void mmfbus_mp_binary(mmfbus_mp_writer *writer, const void *data, size_t length) {
    mmfbus__mp_length(writer, length, 0xc4, 0xc5, 0xc6);
    mmfbus__mp_put(writer, data, length);
}

void mmfbus_mp_array(mmfbus_mp_writer *writer, uint32_t count) {
    if (count < 16) {
        mmfbus__mp_head(writer, (uint8_t)(0x90 | count), 0, 0);
    } else {
        mmfbus__mp_length(writer, count, 0, 0xdc, 0xdd);
    }
}

void mmfbus_mp_map(mmfbus_mp_writer *writer, uint32_t count) {
    if (count < 16) {
        mmfbus__mp_head(writer, (uint8_t)(0x80 | count), 0, 0);
    } else {
        mmfbus__mp_length(writer, count, 0, 0xde, 0xdf);
    }
}

void mmfbus_mp_extension(mmfbus_mp_writer *writer, int8_t type, const void *data, size_t length) {
    uint8_t byte = (uint8_t)type;
    switch (length) {
    case 1: mmfbus__mp_head(writer, 0xd4, 0, 0); break;
    case 2: mmfbus__mp_head(writer, 0xd5, 0, 0); break;
    case 4: mmfbus__mp_head(writer, 0xd6, 0, 0); break;
    case 8: mmfbus__mp_head(writer, 0xd7, 0, 0); break;
    case 16: mmfbus__mp_head(writer, 0xd8, 0, 0); break;
    default: mmfbus__mp_length(writer, length, 0xc7, 0xc8, 0xc9);
    }
    mmfbus__mp_put(writer, &byte, 1);
    mmfbus__mp_put(writer, data, length);
}

void mmfbus_mp_raw(mmfbus_mp_writer *writer, const void *data, size_t length) {
    mmfbus__mp_put(writer, data, length);
}

/* A big-endian number of that many bytes, and passes it; false when they are not there. */
static bool mmfbus__mp_get(mmfbus_mp_reader *reader, int bytes, uint64_t *number) {
    if ((size_t)bytes > reader->length - reader->offset) return false;
    *number = 0;
    for (int index = 0; index < bytes; index++) *number = *number << 8 | reader->data[reader->offset++];
    return true;
}

static bool mmfbus__mp_payload(mmfbus_mp_reader *reader, mmfbus_mp_value *value, mmfbus_mp_type type, uint64_t length) {
    if (length > reader->length - reader->offset) return false;
    value->type = type;
    value->data = reader->data + reader->offset;
    value->length = (uint32_t)length;
    reader->offset += (size_t)length;
    return true;
}

static bool mmfbus__mp_container(const mmfbus_mp_reader *reader, mmfbus_mp_value *value, mmfbus_mp_type type,
                                 uint64_t length) {
    /* Every value takes a byte at least: so no reader is made to reserve room for what cannot be there. */
    if (length > reader->length - reader->offset) return false;
    value->type = type;
    value->length = (uint32_t)length;
    return true;
}

static bool mmfbus__mp_extended(mmfbus_mp_reader *reader, mmfbus_mp_value *value, uint64_t length) {
    uint64_t type;
    if (!mmfbus__mp_get(reader, 1, &type)) return false;
    value->extension = (int8_t)(uint8_t)type;
    return mmfbus__mp_payload(reader, value, MMFBUS_MP_EXTENSION, length);
}

static bool mmfbus__mp_integer(mmfbus_mp_value *value, uint64_t bits, int bytes) {
    int64_t integer = (int64_t)bits;
    if (bytes == 1) integer = (int8_t)(uint8_t)bits;
    if (bytes == 2) integer = (int16_t)(uint16_t)bits;
    if (bytes == 4) integer = (int32_t)(uint32_t)bits;
    value->type = integer < 0 ? MMFBUS_MP_INT : MMFBUS_MP_UINT;
    value->as.integer = integer;
    return true;
}

static bool mmfbus__mp_real(mmfbus_mp_value *value, uint64_t bits, int bytes) {
    value->type = MMFBUS_MP_DOUBLE;
    if (bytes == 8) {
        memcpy(&value->as.real, &bits, 8);
    } else {
        uint32_t half = (uint32_t)bits;
        float real;
        memcpy(&real, &half, 4);
        value->as.real = real;
    }
    return true;
}

static bool mmfbus__mp_read(mmfbus_mp_reader *reader, mmfbus_mp_value *value) {
    uint64_t first, number;
    if (!mmfbus__mp_get(reader, 1, &first)) return false;
    if (first < 0x80 || first >= 0xe0) return mmfbus__mp_integer(value, first, 1);
    if (first < 0x90) return mmfbus__mp_container(reader, value, MMFBUS_MP_MAP, first & 15);
    if (first < 0xa0) return mmfbus__mp_container(reader, value, MMFBUS_MP_ARRAY, first & 15);
    if (first < 0xc0) return mmfbus__mp_payload(reader, value, MMFBUS_MP_TEXT, first & 31);
    if (first >= 0xd4 && first <= 0xd8) return mmfbus__mp_extended(reader, value, 1u << (first - 0xd4));
    if (first == 0xc0) {
        value->type = MMFBUS_MP_NIL;
        return true;
    }
    if (first == 0xc2 || first == 0xc3) {
        value->type = MMFBUS_MP_BOOL;
        value->as.boolean = first == 0xc3;
        return true;
    }
    /* Bytes of the number that follows, by the first byte from 0xc4 on; 0 for none. */
    static const uint8_t sizes[] = {1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    if (first < 0xc4 || !mmfbus__mp_get(reader, sizes[first - 0xc4], &number)) return false;
    if (first <= 0xc6) return mmfbus__mp_payload(reader, value, MMFBUS_MP_BINARY, number);
    if (first <= 0xc9) return mmfbus__mp_extended(reader, value, number);
    if (first <= 0xcb) return mmfbus__mp_real(value, number, sizes[first - 0xc4]);
    if (first <= 0xcf) {
        value->type = MMFBUS_MP_UINT;
        value->as.natural = number;
        return true;
    }
    if (first <= 0xd3) return mmfbus__mp_integer(value, number, sizes[first - 0xc4]);
    if (first <= 0xdb) return mmfbus__mp_payload(reader, value, MMFBUS_MP_TEXT, number);
    return mmfbus__mp_container(reader, value, first <= 0xdd ? MMFBUS_MP_ARRAY : MMFBUS_MP_MAP, number);
}

bool mmfbus_mp_next(mmfbus_mp_reader *reader, mmfbus_mp_value *value) {
    memset(value, 0, sizeof *value);
    if (reader->offset < reader->length && mmfbus__mp_read(reader, value)) return true;
    memset(value, 0, sizeof *value);
    /* What comes after bytes that are no msgpack is none either. */
    reader->offset = reader->length;
    return false;
}

bool mmfbus_mp_skip(mmfbus_mp_reader *reader) {
    /* Values still to pass: a count instead of a recursion, which hostile bytes would make deep. */
    uint64_t left = 1;
    while (left > 0) {
        mmfbus_mp_value value;
        if (!mmfbus_mp_next(reader, &value)) return false;
        left--;
        if (value.type == MMFBUS_MP_ARRAY) left += value.length;
        if (value.type == MMFBUS_MP_MAP) left += 2 * (uint64_t)value.length;
    }
    return true;
}

bool mmfbus_mp_find(mmfbus_mp_reader map, const char *key, mmfbus_mp_value *value) {
    mmfbus_mp_value head;
    if (mmfbus_mp_next(&map, &head) && head.type == MMFBUS_MP_MAP) {
        for (uint32_t pair = 0; pair < head.length; pair++) {
            mmfbus_mp_reader at = map;
            mmfbus_mp_value name;
            if (!mmfbus_mp_next(&at, &name)) break;
            if (mmfbus_mp_is(&name, key)) return mmfbus_mp_next(&at, value);
            if (!mmfbus_mp_skip(&map) || !mmfbus_mp_skip(&map)) break;
        }
    }
    memset(value, 0, sizeof *value);
    return false;
}

double mmfbus_mp_number(const mmfbus_mp_value *value, double otherwise) {
    switch (value->type) {
    case MMFBUS_MP_INT: return (double)value->as.integer;
    case MMFBUS_MP_UINT: return (double)value->as.natural;
    case MMFBUS_MP_DOUBLE: return value->as.real;
    default: return otherwise;
    }
}

bool mmfbus_mp_is(const mmfbus_mp_value *value, const char *text) {
    return value->type == MMFBUS_MP_TEXT && value->length == strlen(text) &&
           memcmp(value->data, text, value->length) == 0;
}

/* ======================================================================================================== Mappings
 * == Mappings
 *
 * docs/names.md. The lock word: bit 31 a writer, bits 0 to 23 the number of readers, the whole top byte not initialised.
 */

#define MMF__DATA 4u
#define MMF__UNINITIALIZED 0xff000000u
#define MMF__WRITER 0x80000000u
#define MMF__READERS 0x00ffffffu

struct mmf {
    mmfbus__segment segment;
    unsigned char *word; /* the lock word, writable also where the data is not */
    bool readonly;
};

static void mmf__fill(unsigned char *memory, const void *context) {
    (void)context;
    mmfbus__store32(memory, MMF__UNINITIALIZED);
    mmfbus__swap32(memory, MMF__UNINITIALIZED, 0);
}

static mmfbus_status mmf__allocate(mmf **mapping) {
    if (mapping == NULL) return MMFBUS_INVALID_ARGUMENT;
    *mapping = (mmf *)mmfbus__allocate_zeroed(sizeof **mapping);
    return *mapping == NULL ? MMFBUS_NO_MEMORY : MMFBUS_OK;
}

static mmfbus_status mmf__given_up(mmf **mapping, mmfbus_status status) {
    MMFBUS_FREE(*mapping);
    *mapping = NULL;
    return status;
}

mmfbus_status mmf_create(mmf **mapping, const char *name, mmfbus_namespace space, size_t size) {
    mmfbus_status status = mmf__allocate(mapping);
    if (status != MMFBUS_OK) return status;
    if (name == NULL || size == 0 || size > SIZE_MAX / 2) return mmf__given_up(mapping, MMFBUS_INVALID_ARGUMENT);
    mmfbus__segment *segment = &(*mapping)->segment;
    /* What no process has open any more is a leftover, and opening removes it. */
    status = mmfbus__open_segment(segment, name, space, false);
    if (status == MMFBUS_OK) {
        mmfbus__release_segment(segment);
        return mmf__given_up(mapping, MMFBUS_EXISTS);
    }
    if (status == MMFBUS_NOT_FOUND) {
        if (space != MMFBUS_CUSTOM) mmfbus__sweep();
        status = mmfbus__renew_segment(segment, name, space, size + MMF__DATA, mmf__fill, NULL);
        if (status == MMFBUS_NOT_FOUND) {
            status = mmfbus__create_segment(segment, name, space, size + MMF__DATA, 0, NULL, mmf__fill, NULL);
        }
    }
    if (status != MMFBUS_OK) return mmf__given_up(mapping, status);
    (*mapping)->word = segment->memory;
    return MMFBUS_OK;
}

static mmfbus_status mmf__open(mmf **mapping, const char *name, mmfbus_namespace space, bool readonly) {
    mmfbus_status status = mmf__allocate(mapping);
    if (status != MMFBUS_OK) return status;
    if (name == NULL) return mmf__given_up(mapping, MMFBUS_INVALID_ARGUMENT);
    mmfbus__segment *segment = &(*mapping)->segment;
    status = mmfbus__open_segment(segment, name, space, readonly);
    if (status == MMFBUS_OK && segment->length <= MMF__DATA) {
        mmfbus__release_segment(segment);
        status = MMFBUS_NOT_A_CHANNEL;
    }
    if (status != MMFBUS_OK) return mmf__given_up(mapping, status);
    (*mapping)->readonly = readonly;
    (*mapping)->word = segment->memory;
    if (!readonly) return MMFBUS_OK;
    /* Reading takes the lock too, so the word needs a view of its own that can be written. */
#ifdef _WIN32
    (*mapping)->word = (unsigned char *)MapViewOfFile(segment->mapping, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, MMF__DATA);
    bool failed = (*mapping)->word == NULL;
#else
    void *word = mmap(NULL, MMF__DATA, PROT_READ | PROT_WRITE, MAP_SHARED, segment->file, 0);
    bool failed = word == MAP_FAILED;
    (*mapping)->word = (unsigned char *)word;
#endif
    if (!failed) return MMFBUS_OK;
    status = mmfbus__failed("map the lock word");
    mmfbus__release_segment(segment);
    return mmf__given_up(mapping, status);
}

mmfbus_status mmf_open(mmf **mapping, const char *name, mmfbus_namespace space) {
    return mmf__open(mapping, name, space, false);
}

mmfbus_status mmf_open_readonly(mmf **mapping, const char *name, mmfbus_namespace space) {
    return mmf__open(mapping, name, space, true);
}

void mmf_close(mmf *mapping) {
    if (mapping == NULL) return;
    if (mapping->readonly) {
#ifdef _WIN32
        UnmapViewOfFile(mapping->word);
#else
        munmap(mapping->word, MMF__DATA);
#endif
    }
    mmfbus__release_segment(&mapping->segment);
    MMFBUS_FREE(mapping);
}

size_t mmf_size(const mmf *mapping) {
    return mapping->segment.length - MMF__DATA;
}

void *mmf_data(mmf *mapping) {
    return mapping->segment.memory + MMF__DATA;
}

static bool mmf__is_initialised(uint32_t word) {
    return (word & MMF__UNINITIALIZED) != MMF__UNINITIALIZED;
}

static bool mmf__may_take(uint32_t word, mmf_lock_kind kind) {
    if (!mmf__is_initialised(word) || (word & MMF__WRITER) != 0) return false;
    uint32_t readers = word & MMF__READERS;
    return kind == MMF_WRITE ? readers == 0 : readers != MMF__READERS;
}

bool mmf_lock_try(mmf *mapping, mmf_lock_kind kind) {
    /* Readers that come and go may be in the way of the exchange, not of the lock: a few turns, not for ever. */
    for (int turn = 0; turn < 1000; turn++) {
        uint32_t word = mmfbus__load32(mapping->word);
        if (!mmf__may_take(word, kind)) return false;
        if (mmfbus__swap32(mapping->word, word, kind == MMF_WRITE ? word | MMF__WRITER : word + 1)) return true;
    }
    return false;
}

bool mmf_lock_spin(mmf *mapping, mmf_lock_kind kind, uint32_t tries) {
    for (uint32_t turn = 0; turn < tries; turn++) {
        if (mmf_lock_try(mapping, kind)) return true;
        mmfbus__pause(turn < 79 ? turn : 79);
    }
    return false;
}

bool mmf_lock_release(mmf *mapping, mmf_lock_kind kind) {
    uint32_t mine = kind == MMF_WRITE ? MMF__WRITER : MMF__READERS;
    for (;;) {
        uint32_t word = mmfbus__load32(mapping->word);
        if (!mmf__is_initialised(word) || (word & mine) == 0) return false;
        if (mmfbus__swap32(mapping->word, word, kind == MMF_WRITE ? word & ~MMF__WRITER : word - 1)) return true;
    }
}

void mmf_lock_break(mmf *mapping) {
    mmfbus__store32(mapping->word, 0);
}

uint32_t mmf_lock_word(mmf *mapping) {
    return mmfbus__load32(mapping->word);
}

static bool mmf__is_within(const mmf *mapping, size_t offset, size_t length) {
    return offset <= mmf_size(mapping) && length <= mmf_size(mapping) - offset;
}

mmfbus_status mmf_read(mmf *mapping, size_t offset, void *target, size_t length, uint32_t tries) {
    if (mapping == NULL || (target == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    if (!mmf__is_within(mapping, offset, length)) return MMFBUS_TOO_LARGE;
    if (!mmf_lock_spin(mapping, MMF_READ, tries)) return MMFBUS_BUSY;
    if (length > 0) memcpy(target, (unsigned char *)mmf_data(mapping) + offset, length);
    mmf_lock_release(mapping, MMF_READ);
    return MMFBUS_OK;
}

mmfbus_status mmf_write(mmf *mapping, size_t offset, const void *source, size_t length, uint32_t tries) {
    if (mapping == NULL || mapping->readonly || (source == NULL && length > 0)) return MMFBUS_INVALID_ARGUMENT;
    if (!mmf__is_within(mapping, offset, length)) return MMFBUS_TOO_LARGE;
    if (!mmf_lock_spin(mapping, MMF_WRITE, tries)) return MMFBUS_BUSY;
    if (length > 0) memcpy((unsigned char *)mmf_data(mapping) + offset, source, length);
    mmf_lock_release(mapping, MMF_WRITE);
    return MMFBUS_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* MMFBUS_IMPLEMENTED */
#endif /* MMFBUS_IMPLEMENTATION */
