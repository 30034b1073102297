// candles: takes prices from Node, and prints the lowest and the highest.
#define MMFBUS_IMPLEMENTATION
#include "mmfbus.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>
#include <stdexcept>

static mmfbus_status checked(mmfbus_status status) {
    if (mmfbus_is_error(status)) throw std::runtime_error(mmfbus_text(status));
    return status;
}

static auto subscribe(const char *channel) {
    mmfbus_options options = mmfbus_options_init();
    options.channel = channel;
    options.codec = "msgpack";
    mmfbus_subscriber *subscriber = nullptr;
    checked(mmfbus_subscriber_open(&subscriber, &options));
    return std::unique_ptr<mmfbus_subscriber, decltype(&mmfbus_subscriber_close)>(subscriber, mmfbus_subscriber_close);
}

int main() try {
    const auto subscriber = subscribe("cpp-prices");
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    mmfbus_message message;
    while (checked(mmfbus_receive(subscriber.get(), &message, MMFBUS_FOREVER)) != MMFBUS_PUBLISHERS_GONE) {
        mmfbus_mp_reader reader = mmfbus_mp_read_from(message.data, message.length);
        mmfbus_mp_value price;
        if (!mmfbus_mp_next(&reader, &price)) continue;
        low = std::min(low, mmfbus_mp_number(&price, low));
        high = std::max(high, mmfbus_mp_number(&price, high));
    }
    std::cout << "low " << low << ", high " << high << std::endl;
} catch (const std::exception &error) {
    std::cerr << "candles: " << error.what() << std::endl;
    return 1;
}
