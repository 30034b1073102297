// A server and a client whose memory another program changes at random, and which get messages that no participant writes. Neither panics,
// each call ends, no answer is that of another call, and no large allocation is made.
//
//     hostile_calls <service> <rounds> <seed>
#![deny(unsafe_op_in_unsafe_fn)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;
#[path = "../../packages/native/rust/mmfbus_service.rs"]
#[allow(dead_code)]
mod mmfbus_service;

use mmfbus::{Joining, Kind, Open, Options, Outcome, Publisher, CELLS, CELL_SIZE, HEADER_PARTICIPANT_COUNT, HEADER_RING_OFFSET};
use mmfbus::{HEADER_SIZE, SLOT_SIZE};
use mmfbus_service::{Answer, Client, ClientOptions, Handler, Handlers, Request, Server, ServerOptions, Timeout};

const CONTRACT: &str = "{\"version\":1,\"methods\":[[\"echo\",{\"input\":\"u32\",\"output\":\"u32\"}],\
                        [\"keep\",{\"input\":\"u32\",\"output\":\"u32\"}]]}";
const TIMEOUT: Duration = Duration::from_millis(20);
/// After which a call that has not ended hangs.
const WATCHDOG: Duration = Duration::from_secs(20);
/// A contract may have 1 MiB, and is copied.
const LARGEST_ALLOCATION: usize = 4 << 20;

/// Ends the process at an allocation that no call needs.
struct Limited;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST_ALLOCATION {
            std::process::abort();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// Numbers that follow from a seed: xorshift64*.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % limit
    }
}

/// Keeps its requests until they are cancelled.
#[derive(Default)]
struct Keep(std::sync::Mutex<Vec<Request>>);

impl Handler for Keep {
    fn begin(&self, request: Request) {
        self.0.lock().unwrap().push(request);
    }

    fn progress(&self, _: u64) {
        self.0.lock().unwrap().retain(|request| !request.is_cancelled());
    }
}

fn serve(service: &str) -> Option<Server> {
    let echo = |request: Request| {
        let input = request.input().to_vec();
        // Where the client is gone, or the server, it is not answered.
        let _ = request.answer_value(&input);
    };
    let handlers = Handlers::new().on("echo", echo).on("keep", Keep::default());
    Server::open(service, &ServerOptions::new(CONTRACT), handlers).ok()
}

fn call(service: &str) -> Option<Client> {
    Client::open(service, &ClientOptions { timeout: Some(TIMEOUT), ..ClientOptions::new(CONTRACT) }).ok()
}

/// The segments of the service of that kind: `calls`, `replies` or `service`.
fn segments(service: &str, kind: &str) -> Vec<(PathBuf, String)> {
    let directory = std::env::var("MMFBUS_DIRECTORY").expect("a directory of its own");
    let start = format!("{service}~{kind}");
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let segment = name.strip_prefix("mmfbus.")?.split_once('.')?.1;
        segment.starts_with(&start).then(|| (entry.path(), segment.into()))
    });
    named.collect()
}

/// Some bytes at a place between those.
fn scribble(chance: &mut Chance, file: &File, start: u64, length: u64) {
    let bytes: Vec<u8> = (0..1 + chance.below(8)).map(|_| chance.below(256) as u8).collect();
    file.write_at(&bytes, start + chance.below(length - 8)).unwrap();
}

/// A message of bytes that mostly look like an envelope.
fn nonsense(chance: &mut Chance) -> Vec<u8> {
    let mut message: Vec<u8> =
        (0..chance.below(64)).map(|_| if chance.below(4) == 0 { chance.below(256) as u8 } else { 0 }).collect();
    if let (Some(kind), 0) = (message.first_mut(), chance.below(2)) {
        *kind = chance.below(10) as u8;
    }
    if message.len() >= 16 && chance.below(2) == 0 {
        message[8..16].copy_from_slice(&chance.below(8).to_le_bytes());
    }
    message
}

fn publish_nonsense(chance: &mut Chance, service: &str, kind: Kind) {
    let (what, codec) = if kind == Kind::Calls { ("calls", "mmfbus~calls") } else { ("replies", "mmfbus~replies") };
    let options = Options { open: Open::Open, discoverable: false, ..Options::new(codec) };
    for (_, name) in segments(service, what) {
        if let Ok(mut intruder) = Publisher::join_as(&name, &options, Joining::plain(kind)) {
            let messages: Vec<Vec<u8>> = (0..20).map(|_| nonsense(chance)).collect();
            let published = messages.iter().take_while(|message| matches!(intruder.try_publish(message), Ok(Outcome::Published(_))));
            published.count();
        }
    }
}

fn attack(chance: &mut Chance, service: &str) {
    let choice = chance.below(8);
    let kind = match choice {
        0 | 3 => "replies",
        1 | 2 => "calls",
        4 => "service",
        5 if chance.below(2) == 0 => "calls",
        5 => "replies",
        6 => return publish_nonsense(chance, service, Kind::Calls),
        _ => return publish_nonsense(chance, service, Kind::Replies),
    };
    for (path, _) in segments(service, kind) {
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(_) => continue,
        };
        let mut header = [0; HEADER_SIZE];
        if file.read_at(&mut header, 0).ok() != Some(HEADER_SIZE) {
            continue;
        }
        let participants = mmfbus::get32(&header, HEADER_PARTICIPANT_COUNT) as u64;
        let (slots, ring) = (HEADER_SIZE as u64, mmfbus::get64(&header, HEADER_RING_OFFSET));
        let tables = slots + participants * SLOT_SIZE as u64;
        match choice {
            0 => scribble(chance, &file, tables, CELLS as u64 * CELL_SIZE as u64),
            1 => scribble(chance, &file, tables, participants * 4),
            5 => scribble(chance, &file, ring, 4096),
            _ => scribble(chance, &file, slots, 2 * SLOT_SIZE as u64),
        }
    }
}

/// One call; with `is_attacked` while the memory is changed. False where the server is of no use any more.
fn call_once(chance: &mut Chance, service: &str, server: &Server, client: &Client, value: u32, is_attacked: bool) -> bool {
    let mut input = vec![0xce];
    input.extend_from_slice(&value.to_be_bytes());
    let method = if chance.below(8) == 0 { "keep" } else { "echo" };
    let mut call = match client.begin(method, &input, Timeout::Default) {
        Ok(call) => call,
        Err(_) => return true,
    };
    if is_attacked {
        attack(chance, service);
    }
    let began = Instant::now();
    let mut is_serving = true;
    loop {
        assert!(began.elapsed() < WATCHDOG, "a call hangs");
        is_serving = is_serving && server.dispatch().is_ok();
        match call.try_answer() {
            Some(Answer::Value(Some(answer))) => {
                // What a program wrote into the ring may be in it, but never what was asked in another call.
                let is_other = answer.len() == 5 && answer[0] == 0xce && answer != input;
                assert!(!is_other || is_attacked, "an answer is that of another call");
                return is_serving;
            }
            Some(_) => return is_serving,
            None if is_attacked && chance.below(4) == 0 => attack(chance, service),
            None => {}
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let service = &arguments[1];
    let rounds: u32 = arguments[2].parse().unwrap();
    let mut chance = Chance(arguments[3].parse().unwrap());
    let (mut server, mut client) = (None, None);
    let mut calls = 0;
    for round in 0..rounds {
        server = server.or_else(|| serve(service));
        client = client.or_else(|| call(service));
        if let (Some(serving), Some(calling)) = (&server, &client) {
            let is_serving = call_once(&mut chance, service, serving, calling, 2 * round, false)
                && call_once(&mut chance, service, serving, calling, 2 * round + 1, true);
            calls += 1;
            if !is_serving {
                server = None;
            }
        }
        // What was changed may make both of no use to one another, and no error.
        if client.as_ref().map_or(true, |client: &Client| client.try_ready().is_err()) || round % 4 == 3 {
            client = None;
            server = None;
        }
    }
    drop((client, server));
    // Slots that do not name their owners any more are left to the next that come by.
    drop((serve(service), call(service)));
    assert!(calls > rounds / 4, "hardly a call could be made");
    println!("{rounds} rounds");
}
