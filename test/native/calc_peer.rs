// A server and a client of the service in test/src/generated/calc-service.ts, by the module that is generated from its contract.
//
//     calc_peer serve <service>    serves until its standard input ends
//     calc_peer call <service>     calls each method, and prints what it gets
use std::io::Read;
use std::time::Duration;

mod calc;
#[allow(dead_code)]
mod mmfbus;
mod mmfbus_msgpack;
#[allow(dead_code)]
mod mmfbus_service;

use calc::{add, ticks, Client, Handlers};
use mmfbus_service::{ClientOptions, ItemSent, OpenError, Sent, ServerOptions, Timeout, TypedError};

/// After which a wait is given up as hung.
const WATCHDOG: Duration = Duration::from_secs(60);

fn serve(service: &str) {
    let options = ServerOptions { name: "rust", ..ServerOptions::new("") };
    let missing = Handlers::new().serve_as(service, &options).map(drop);
    assert_eq!(missing, Err(OpenError::NoHandler("add".into())));
    let handlers = Handlers::new()
        .add(|input, request| {
            let limit = add::ErrorOverflow { limit: 100.0 };
            let sum = if input.a > limit.limit { Err(add::Error::Overflow(limit)) } else { Ok(input.a + input.b) };
            request.reply(sum).unwrap();
        })
        .log(|text, request| {
            println!("log {text}");
            request.answer_end().unwrap();
        })
        .reset(|(), request| request.answer_end().unwrap())
        .sum(|request| {
            let mut total = 0.0;
            while let Some(item) = request.receive(Some(WATCHDOG)).unwrap() {
                total += item;
            }
            request.answer(&total).unwrap();
        })
        .ticks(|input, request| {
            for index in 0..input.count {
                let tick = ticks::Output { symbol: input.symbol.clone(), price: index.into() };
                assert_eq!(request.answer_item(&tick, Some(WATCHDOG)), Ok(ItemSent::Sent));
            }
            request.answer_end().unwrap();
        });
    let server = handlers.serve_as(service, &options).unwrap();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run().unwrap());
        println!("ready");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        server.stop();
        running.join().unwrap();
    });
}

fn call(service: &str) {
    let client = Client::open_as(service, &ClientOptions::new("")).unwrap();
    println!("add {}", client.add(&add::Input { a: 1.0, b: 2.0 }, WATCHDOG.into()).unwrap());
    match client.add(&add::Input { a: 101.0, b: 2.0 }, Timeout::Default) {
        Err(TypedError::Declared(add::Error::Overflow(data))) => println!("OVERFLOW {} as declared", data.limit),
        other => panic!("{other:?}"),
    }
    client.log(&"hello".into(), Timeout::Default).unwrap();
    client.reset(Timeout::Default).unwrap();

    let sum = client.sum(Timeout::Default).unwrap();
    for item in 1..=100 {
        assert_eq!(sum.send(&item.into(), Some(WATCHDOG)), Ok(Sent::Sent));
    }
    sum.end().unwrap();
    println!("sum {}", sum.wait().unwrap());

    let which = ticks::Input { symbol: "AAPL".into(), count: 3 };
    for tick in client.ticks(&which, Timeout::Default).unwrap() {
        let ticks::Output { symbol, price } = tick.unwrap();
        println!("tick {symbol} {price}");
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments[1].as_str() {
        "serve" => serve(&arguments[2]),
        _ => call(&arguments[2]),
    }
}
