/* worker: takes commands from the channel `commands`, and publishes answers in `answers`, until the command `stop`. */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"
#include "answer.h"
#include "command.h"

#include <stdio.h>

static mmfbus_status publish_answer(mmfbus_publisher *answers, const answer *value) {
    uint8_t bytes[ANSWER_MAX_SIZE];
    mmfbus_mp_writer writer = mmfbus_mp_write_to(bytes, sizeof bytes);
    mmfbus_status status = answer_encode(&writer, value, NULL);
    if (status != MMFBUS_OK) return status;
    return mmfbus_publish(answers, bytes, writer.length, MMFBUS_FOREVER);
}

static mmfbus_status work(mmfbus_subscriber *commands, mmfbus_publisher *answers) {
    for (;;) {
        mmfbus_message message;
        mmfbus_problem problem;
        command next;
        mmfbus_status status = mmfbus_receive(commands, &message, MMFBUS_FOREVER);
        if (status != MMFBUS_OK) return status;
        status = command_decode(&next, message.data, message.length, NULL, &problem);
        if (status != MMFBUS_OK) {
            fprintf(stderr, "worker: %s\n", problem.text);
            continue;
        }
        answer result = {0};
        result.id = next.id;
        switch (next.op) {
        case COMMAND_OP_SQUARE: result.result = next.n * next.n; break;
        case COMMAND_OP_NEGATE: result.result = -next.n; break;
        case COMMAND_OP_STOP: return MMFBUS_OK;
        }
        status = publish_answer(answers, &result);
        if (status != MMFBUS_OK) return status;
    }
}

int main(void) {
    mmfbus_options options = mmfbus_options_init();
    mmfbus_subscriber *commands = NULL;
    mmfbus_publisher *answers = NULL;
    mmfbus_status status;
    options.open = MMFBUS_OPEN;
    options.start = MMFBUS_START_EARLIEST;
    options.channel = "answers";
    answer_describe(&options);
    do {
        status = mmfbus_publisher_open(&answers, &options);
    } while (status == MMFBUS_NOT_FOUND);
    options.channel = "commands";
    command_describe(&options);
    while (status == MMFBUS_OK && commands == NULL) {
        status = mmfbus_subscriber_open(&commands, &options);
        if (status == MMFBUS_NOT_FOUND) status = MMFBUS_OK;
    }
    if (status == MMFBUS_OK) status = work(commands, answers);
    mmfbus_subscriber_close(commands);
    mmfbus_publisher_close(answers);
    if (status == MMFBUS_OK) return 0;
    fprintf(stderr, "worker: %s\n", status == MMFBUS_SCHEMA_MISMATCH ? mmfbus_last_detail() : mmfbus_text(status));
    return 1;
}
