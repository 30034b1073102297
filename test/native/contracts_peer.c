/*
 * Compares contracts: reads pairs of lines, the contract of a client and that of a server, and answers each pair by a line with the
 * methods of the client: `add+` for one that it can call there, `add-` for another one. Where one is no contract it says so.
 */
#define MMFBUS_IMPLEMENTATION
#include "mmfbus_service.h"

#include <stdio.h>

#define LINE_LENGTH (1 << 20)

/* The contract in the next line, NULL where it is none. False at the end. */
static bool next_contract(mmfbus__contract **contract) {
    static char line[LINE_LENGTH + 2];
    if (fgets(line, sizeof line, stdin) == NULL) return false;
    mmfbus_status status = mmfbus__make_contract(contract, line, strcspn(line, "\n"));
    return status == MMFBUS_OK || status == MMFBUS_INVALID_ARGUMENT;
}

int main(void) {
    mmfbus__contract *client, *server;
    while (next_contract(&client) && next_contract(&server)) {
        if (client == NULL || server == NULL) printf("no contract");
        for (uint32_t index = 0; client != NULL && server != NULL && index < client->count; index++) {
            const mmfbus__method *method = mmfbus__method_named(server, client->methods[index].name);
            bool can_call = method != NULL && mmfbus__can_call(&client->methods[index], method);
            printf("%s%c ", client->methods[index].name, can_call ? '+' : '-');
        }
        putchar('\n');
        mmfbus__free_contract(client);
        mmfbus__free_contract(server);
    }
    return 0;
}
