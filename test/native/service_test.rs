// What mmfbus_service.rs says of options, threads, dropping and closing, in one process. Prints the first thing that is wrong, and ends
// with status 101.
//
//     service_test <service>
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Barrier, Mutex};
use std::time::Duration;

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;
#[path = "../../packages/native/rust/mmfbus_service.rs"]
#[allow(dead_code)]
mod mmfbus_service;

use mmfbus::{Error, Wait};
use mmfbus_service::{
    Answer, Client, ClientOptions, Failure, Handler, Handlers, ItemSent, OpenError, Received, Request, Sent, Server, ServerOptions,
    Started, Timeout,
};

const CONTRACT: &str = "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u32\",\"output\":\"u32\"}],\
                        [\"keep\",{\"input\":\"u32\",\"output\":\"u32\"}],[\"note\",{\"input\":\"u32\"}],\
                        [\"pipe\",{\"input\":{\"stream\":\"u32\"},\"output\":{\"stream\":\"u32\"}}],\
                        [\"watch\",{\"output\":{\"stream\":\"u32\"}}]]}";
/// After which a wait is given up as hung.
const WATCHDOG: Option<Duration> = Some(Duration::from_secs(60));
const ONE: &[u8] = &[1];

/// Keeps requests until they are cancelled, or taken out.
#[derive(Default)]
struct Kept {
    all: Mutex<Vec<Request>>,
    cancelled: AtomicU32,
}

impl Handler for Kept {
    fn begin(&self, request: Request) {
        self.all.lock().unwrap().push(request);
    }

    fn progress(&self, number: u64) {
        let mut all = self.all.lock().unwrap();
        if let Some(index) = all.iter().position(|request| request.number() == number && request.is_cancelled()) {
            self.cancelled.fetch_add(1, SeqCst);
            all.remove(index).answer_failure("Cancelled", "it was given up").unwrap();
        }
    }
}

/// Pipes its items, each when it has come.
fn pipe(request: Request) {
    loop {
        match request.receive(WATCHDOG) {
            Ok(Received::Item(item)) => match request.answer_item(&item, WATCHDOG) {
                Ok(ItemSent::Sent) => {}
                outcome => return assert_eq!(outcome, Ok(ItemSent::Cancelled)),
            },
            Ok(Received::End) => return request.answer_end().unwrap(),
            outcome => return assert_eq!(outcome, Ok(Received::Cancelled)),
        }
    }
}

struct Stage {
    kept: Arc<Kept>,
    notes: Arc<AtomicU32>,
}

impl Stage {
    fn new() -> Stage {
        Stage { kept: Arc::default(), notes: Arc::default() }
    }

    fn handlers(&self) -> Handlers {
        let notes = self.notes.clone();
        let echo = |request: Request| {
            assert_eq!((request.method(), request.caller().pid), ("echo", std::process::id()));
            assert!(request.caller().name.starts_with("caller"));
            assert!(matches!(request.deadline(), Timeout::At(_)));
            let input = request.input().to_vec();
            request.answer_value(&input).unwrap();
        };
        let note = move |request: Request| {
            notes.fetch_add(1, SeqCst);
            request.answer_end().unwrap();
        };
        let handlers = Handlers::new().on("echo", echo).on("keep", self.kept.clone()).on("note", note);
        handlers.on("pipe", pipe).on("watch", self.kept.clone())
    }

    fn serve(&self, service: &str) -> Server {
        Server::open(service, &ServerOptions::new(CONTRACT), self.handlers()).unwrap()
    }
}

fn call(service: &str) -> Client {
    Client::open(service, &ClientOptions { name: "caller", ..ClientOptions::new(CONTRACT) }).unwrap()
}

fn refuses(service: &str) {
    let stage = Stage::new();
    let serving = |service: &str, contract: &str, handlers: Handlers| {
        Server::open(service, &ServerOptions::new(contract), handlers).err().unwrap()
    };
    assert_eq!(serving("no/name", CONTRACT, stage.handlers()), OpenError::InvalidName);
    assert_eq!(Client::open("no/name", &ClientOptions::new("")).err(), Some(OpenError::InvalidName));
    assert_eq!(serving(service, CONTRACT, Handlers::new()), OpenError::NoHandler("echo".into()));
    assert_eq!(serving(service, CONTRACT, stage.handlers().on("other", pipe)), OpenError::NoMethod("other".into()));
    let wrong = [
        "", "[]", "{\"version\":2,\"methods\":[]}", "{\"version\":1,\"methods\":[[\"a\",{]]}", "{\"version\":1,\"methods\":[[\"a b\",{}]]}",
        "{\"version\":1,\"methods\":[[\"a\",{\"input\":\"u32}]]}", "{\"version\":1,\"methods\":[[\"a\",{}],[\"a\",{}]]}",
        "{\"version\":1,\"methods\":[[\"a\",{}] [\"b\",{}]]}", "{\"version\":1,\"methods\":[[\"a\",{\"errors\":[\"x\"]}]]}", "{\"version\":1",
    ];
    for contract in wrong {
        assert_eq!(serving(service, contract, Handlers::new()), OpenError::InvalidContract, "{contract}");
        if !contract.is_empty() {
            let refused = Client::open(service, &ClientOptions::new(contract)).err();
            assert_eq!(refused, Some(OpenError::InvalidContract), "{contract}");
        }
    }
    let long = "forty-nine-bytes-are-more-than-a-name-may-have--!";
    let options = ClientOptions { name: long, ..ClientOptions::new("") };
    assert!(matches!(Client::open(service, &options).err(), Some(OpenError::Segment(Error::InvalidArgument(_)))));
    let options = ServerOptions { name: long, ..ServerOptions::new(CONTRACT) };
    let refused = Server::open(service, &options, stage.handlers()).err();
    assert!(matches!(refused, Some(OpenError::Segment(Error::InvalidArgument(_)))));
}

fn calls(service: &str) {
    let stage = Stage::new();
    let server = stage.serve(service);
    let client = call(service);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run().unwrap());
        assert_eq!(client.call("echo", ONE, Timeout::Default), Ok(Some(ONE.into())));
        let wrong = |outcome: Result<Option<Vec<u8>>, mmfbus_service::CallError>| {
            let error = outcome.unwrap_err();
            assert_eq!(error.started, Started::No);
            error.failure
        };
        assert_eq!(wrong(client.call("none", ONE, Timeout::Default)), Failure::NoMethod);
        assert!(matches!(wrong(client.call("note", ONE, Timeout::Default)), Failure::Client(Error::InvalidArgument(_))));
        assert!(matches!(wrong(client.call("watch", &[], Timeout::Default)), Failure::Client(Error::InvalidArgument(_))));
        assert!(matches!(wrong(client.call("pipe", &[], Timeout::Default)), Failure::Client(Error::InvalidArgument(_))));
        let begun = client.begin("pipe", ONE, Timeout::Default).map(|_| None);
        assert!(matches!(wrong(begun), Failure::Client(Error::InvalidArgument(_))));
        let huge = vec![0; 64 << 20];
        assert_eq!(wrong(client.call("echo", &huge, Timeout::Default)), Failure::Client(Error::TooLarge));
        let told = client.call_one_way("echo", ONE, Timeout::Default).map(|()| None);
        assert!(matches!(wrong(told), Failure::Client(Error::InvalidArgument(_))));
        assert_eq!(client.call_one_way("note", ONE, Timeout::Default), Ok(()));

        // Both have the same clock: the handler may be faster than its caller.
        match client.call("keep", ONE, Timeout::After(Duration::from_millis(1))) {
            Ok(value) => assert_eq!(value, None),
            Err(error) => assert_eq!(error.failure, Failure::Timeout),
        }
        // From another thread: the call that waits, or the next one.
        let interrupted = scope.spawn(|| client.call("keep", ONE, Timeout::Never));
        client.interrupt();
        assert_eq!(interrupted.join().unwrap().unwrap_err().failure, Failure::Cancelled);

        let [server_info] = <[_; 1]>::try_from(client.servers().unwrap()).unwrap();
        assert_eq!((server_info.peer.pid, server_info.is_draining), (std::process::id(), false));
        let all = client.call_all("echo", ONE, Timeout::Default).unwrap();
        assert_eq!(all, [(server_info.peer, Ok(Some(ONE.into())))]);

        server.stop();
        running.join().unwrap();
    });
    assert_eq!(server.run_for(Duration::from_millis(1)), Ok(false));
    assert_eq!(server.drain(WATCHDOG), Ok(()));
    assert_eq!(stage.notes.load(SeqCst), 1);
}

/// Arms until there is nothing to do.
fn falls_asleep(arm: impl Fn() -> Result<Wait, Error>) {
    let looks = (0..1000).take_while(|_| arm() == Ok(Wait::No)).count();
    assert!(looks < 1000);
}

/// An event loop of one thread: nothing waits.
fn arms(service: &str) {
    let stage = Stage::new();
    let (server, client) = (stage.serve(service), call(service));
    assert_eq!(client.try_ready(), Ok(None));
    falls_asleep(|| client.arm());
    // The bell, and the life line of the server.
    assert_eq!(client.descriptors().len(), 2);
    let mut kept = client.begin("keep", ONE, Timeout::Never).unwrap();
    server.dispatch().unwrap();
    assert_eq!(stage.kept.all.lock().unwrap().len(), 1);
    assert_eq!((kept.try_answer(), client.ready(Some(Duration::from_millis(1)))), (None, Ok(None)));
    // What is answered from elsewhere is there when it was waited for.
    let request = stage.kept.all.lock().unwrap().pop().unwrap();
    std::thread::spawn(move || request.answer_value(ONE).unwrap());
    assert_eq!(client.ready(WATCHDOG), Ok(Some(kept.number())));
    assert_eq!(client.arm(), Ok(Wait::No));
    assert_eq!(kept.try_answer(), Some(Answer::Value(Some(ONE.into()))));
    assert_eq!((kept.try_answer(), kept.answer()), (None, None));
    // A caller that gives up is news for the server.
    let given_up = client.begin("keep", ONE, Timeout::Never).unwrap();
    server.dispatch().unwrap();
    falls_asleep(|| server.arm());
    assert_eq!(server.descriptors().len(), 2);
    drop(given_up);
    server.dispatch().unwrap();
    assert_eq!(stage.kept.cancelled.load(SeqCst), 1);
    assert_eq!(client.try_ready(), Ok(None));
}

/// Threads that call by one client, others that serve, and streams among them.
fn shares(service: &str) {
    const CALLERS: u32 = 4;
    const CALLS: u32 = 200;
    let stage = Stage::new();
    let (server, client) = (stage.serve(service), call(service));
    let start = Barrier::new(CALLERS as usize);
    std::thread::scope(|scope| {
        // Each stream has a thread of the server's to itself.
        let serving: Vec<_> = (0..=CALLERS).map(|_| scope.spawn(|| server.run().unwrap())).collect();
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (client, start) = (&client, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut pipe = client.begin("pipe", &[], Timeout::After(WATCHDOG.unwrap())).unwrap();
                    for index in 0..CALLS {
                        let value = (caller * CALLS + index).to_le_bytes();
                        assert_eq!(client.call("echo", &value, Timeout::Default), Ok(Some(value.into())));
                        assert_eq!(pipe.send(&value, WATCHDOG), Ok(Sent::Sent));
                        assert_eq!(pipe.next(), Some(Ok(value.into())));
                    }
                    pipe.end().unwrap();
                    assert!(matches!(pipe.try_send(ONE), Err(Error::InvalidArgument(_)) | Ok(Sent::Ended)));
                    assert_eq!(pipe.wait(), Ok(None));
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        for thread in serving {
            // Each ends one `run`; which one is all the same.
            server.stop();
            while !thread.is_finished() {
                std::thread::yield_now();
                server.stop();
            }
            thread.join().unwrap();
        }
    });
}

/// Requests that are answered by other threads than the one that serves, while that sleeps.
fn answers_later(service: &str) {
    let (give, take) = mpsc::channel::<Request>();
    let give = Mutex::new(give);
    let stage = Stage::new();
    let later = move |request: Request| give.lock().unwrap().send(request).unwrap();
    let options = ServerOptions { concurrency: 1, queue: 8, ..ServerOptions::new(CONTRACT) };
    let server = Server::open(service, &options, stage.handlers().on("keep", later)).unwrap();
    let client = call(service);
    std::thread::scope(|scope| {
        scope.spawn(|| server.run().unwrap());
        let calls: Vec<_> = (0..4u8).map(|value| client.begin("keep", &[value], Timeout::Default).unwrap()).collect();
        // Only when one is answered the next one begins.
        for request in take.iter().take(calls.len()) {
            let input = request.input().to_vec();
            request.answer_value(&input).unwrap();
        }
        for (value, call) in (0..4u8).zip(calls) {
            assert_eq!(call.wait(), Ok(Some(vec![value])));
        }
        server.stop();
    });
}

/// What is left open ends when it is dropped.
fn drops(service: &str) {
    let stage = Stage::new();
    let silent = |request: Request| drop(request);
    let server = Server::open(service, &ServerOptions::new(CONTRACT), stage.handlers().on("echo", silent)).unwrap();
    let client = Client::open(service, &ClientOptions::new("")).unwrap();
    // A handler that does not answer.
    let unanswered = client.begin("echo", ONE, Timeout::Default).unwrap();
    server.dispatch().unwrap();
    let error = unanswered.wait().unwrap_err();
    assert!(matches!(error.failure, Failure::Remote { .. }));
    assert_eq!((error.failure.code(), error.started), ("REMOTE", Started::Maybe));
    assert!(error.to_string().ends_with("(it may have run)"));
    // A server that closes: its handler is told.
    let told = client.begin("keep", ONE, Timeout::Default).unwrap();
    let mut left = client.begin("pipe", &[], Timeout::Default).unwrap();
    let mut kept = Vec::new();
    std::thread::scope(|scope| {
        // Its handler of `pipe` waits for items until that call is given up.
        let serving = scope.spawn(|| server.run());
        assert_eq!(left.send(ONE, WATCHDOG), Ok(Sent::Sent));
        assert_eq!(left.next(), Some(Ok(ONE.into())));
        left.cancel();
        server.stop();
        serving.join().unwrap().unwrap();
    });
    assert!(matches!(left.answer(), Some(Answer::Failed(error)) if error.failure == Failure::Cancelled));
    assert_eq!(stage.kept.all.lock().unwrap().len(), 1);
    drop(server);
    let failure = told.wait().unwrap_err().failure;
    assert_eq!(failure, Failure::Remote { name: "Cancelled".into(), message: "it was given up".into() });
    assert_eq!(stage.kept.cancelled.load(SeqCst), 1);
    // One that is told and does not answer, and one of which the program keeps the request.
    let keeps = |give: mpsc::Sender<Request>| {
        let give = Mutex::new(give);
        move |request: Request| give.lock().unwrap().send(request).unwrap()
    };
    let (give, take) = mpsc::channel();
    let server = Server::open(service, &ServerOptions::new(CONTRACT), stage.handlers().on("keep", keeps(give))).unwrap();
    let open = client.begin("keep", ONE, Timeout::Default).unwrap();
    server.dispatch().unwrap();
    kept.extend(take.try_recv());
    drop(server);
    let failure = open.wait().unwrap_err().failure;
    assert_eq!(failure, Failure::Remote { name: "Cancelled".into(), message: "the server was closed".into() });
    assert!(kept[0].is_cancelled());
    assert!(matches!(kept.pop().unwrap().answer_end(), Err(Error::InvalidArgument(_))));
    let error = client.call("keep", ONE, Timeout::Default).unwrap_err();
    assert_eq!((error.failure, error.started), (Failure::NoServer, Started::No));
    // Calls outlive their client, as failed ones.
    let mut last = client.begin("keep", ONE, Timeout::Default).unwrap();
    drop(client);
    assert!(matches!(last.answer(), Some(Answer::Failed(error)) if matches!(error.failure, Failure::Client(_))));
    assert_eq!(last.answer(), None);
}

fn main() {
    let service = std::env::args().nth(1).expect("a service");
    refuses(&service);
    calls(&service);
    arms(&service);
    shares(&service);
    answers_later(&service);
    drops(&service);
    let directory = std::env::var("MMFBUS_DIRECTORY").expect("a directory of its own");
    let left: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?} was left behind");
    println!("all is well");
}
