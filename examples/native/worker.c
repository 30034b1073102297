/*
 * worker: takes commands from the channel `commands`, { id, op, n }, and publishes { id, result } in `answers`, until the
 * command `stop`.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <stdio.h>

static mmfbus_status answer(mmfbus_publisher *answers, double id, double result) {
    uint8_t bytes[64];
    mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
    mmfbus_mp_map(&writer, 2);
    mmfbus_mp_string(&writer, "id");
    mmfbus_mp_double(&writer, id);
    mmfbus_mp_string(&writer, "result");
    mmfbus_mp_double(&writer, result);
    return mmfbus_publish_wait(answers, bytes, writer.length, MMFBUS_FOREVER);
}

static mmfbus_status work(mmfbus_subscriber *commands, mmfbus_publisher *answers) {
    for (;;) {
        mmfbus_message message;
        mmfbus_mp_value op, id, n;
        mmfbus_status status = mmfbus_receive_wait(commands, &message, MMFBUS_FOREVER);
        if (status != MMFBUS_OK) return status;
        mmfbus_mp_reader command = mmfbus_mp_read_from(message.data, message.length);
        if (!mmfbus_mp_find(command, "op", &op) || mmfbus_mp_is(&op, "stop")) return MMFBUS_OK;
        mmfbus_mp_find(command, "id", &id);
        mmfbus_mp_find(command, "n", &n);
        double number = mmfbus_mp_number(&n, 0);
        status = answer(answers, mmfbus_mp_number(&id, 0), mmfbus_mp_is(&op, "square") ? number * number : -number);
        if (status != MMFBUS_OK) return status;
    }
}

int main(void) {
    mmfbus_options options = {0};
    mmfbus_subscriber *commands = NULL;
    mmfbus_publisher *answers = NULL;
    mmfbus_status status;
    options.existence = MMFBUS_OPEN_ONLY;
    options.start = MMFBUS_EARLIEST;
    options.channel = "answers";
    do {
        status = mmfbus_publisher_open(&answers, &options);
    } while (status == MMFBUS_ERROR_NOT_FOUND);
    options.channel = "commands";
    while (status == MMFBUS_OK && commands == NULL) {
        status = mmfbus_subscriber_open(&commands, &options);
        if (status == MMFBUS_ERROR_NOT_FOUND) status = MMFBUS_OK;
    }
    if (status == MMFBUS_OK) status = work(commands, answers);
    mmfbus_subscriber_close(commands);
    mmfbus_publisher_close(answers);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "worker: %s\n", mmfbus_text(status));
    return 1;
}
