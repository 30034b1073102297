// The conformance agent for calls in Rust. The protocol is said in test/src/conformance/calls/README.md.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;
#[path = "../../packages/native/rust/mmfbus_msgpack.rs"]
mod mmfbus_msgpack;
#[path = "../../packages/native/rust/mmfbus_service.rs"]
#[allow(dead_code)]
mod mmfbus_service;

use mmfbus::Wait;
use mmfbus_msgpack as mp;
use mmfbus_service::{
    Answer, Call, CallError, Client, ClientOptions, Failure, Handler, Handlers, ItemSent, Received, Request, Sent, Server,
    ServerOptions, Started, Timeout,
};

/// After which a wait is given up as hung.
const WATCHDOG: Duration = Duration::from_secs(60);
const SIGKILL: i32 = 9;
const POLLIN: i16 = 1;

/// A step of the protocol, and the file that says that it was taken; without one the agent dies there.
struct Stop {
    step: String,
    file: Option<String>,
}

static STOP: Mutex<Stop> = Mutex::new(Stop { step: String::new(), file: None });
static STEPS_LEFT: AtomicU64 = AtomicU64::new(0);
static JOURNAL: Mutex<Option<File>> = Mutex::new(None);

#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

extern "C" {
    fn getpid() -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn poll(fds: *mut PollFd, count: usize, milliseconds: i32) -> i32;
}

#[no_mangle]
fn mmfbus_step(step: &'static str) {
    if STEPS_LEFT.load(SeqCst) == 0 {
        return;
    }
    let stop = STOP.lock().unwrap();
    if stop.step != step || STEPS_LEFT.fetch_sub(1, SeqCst) > 1 {
        return;
    }
    match &stop.file {
        Some(file) => wait_until_gone(file),
        // SAFETY: nothing but numbers.
        None => unsafe {
            kill(getpid(), SIGKILL);
        },
    }
}

/// Creates the file, and waits until it is gone.
fn wait_until_gone(file: &str) {
    File::create(file).unwrap();
    while std::path::Path::new(file).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn stop_at(file: Option<&str>, times_and_step: &[&str]) {
    *STOP.lock().unwrap() = Stop { step: times_and_step[1..].join(" "), file: file.map(Into::into) };
    STEPS_LEFT.store(times_and_step[0].parse().unwrap(), SeqCst);
}

fn say(line: &str) {
    let mut output = std::io::stdout();
    writeln!(output, "{line}").and_then(|()| output.flush()).unwrap();
}

fn give_up(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(1);
}

// Values: texts and u32s, in msgpack.

fn text_of(data: &[u8]) -> String {
    if let Ok(number) = mp::decode(data, |reader| mp::read_integer(reader, 0, u64::MAX as i128, "u64")) {
        return number.to_string();
    }
    let text = mp::decode(data, |reader| mp::read_string(reader, usize::MAX, "string")).unwrap();
    // Long texts are xs.
    let is_long = text.len() > 100 && text.bytes().all(|byte| byte == b'x');
    if is_long {
        format!("*{}", text.len())
    } else {
        text
    }
}

/// A text, or a u32.
fn encode(text: &str, is_number: bool) -> Vec<u8> {
    let mut data = Vec::new();
    if is_number {
        mp::write_integer(&mut data, text.parse().unwrap(), 0, u64::MAX as i128, "u64").unwrap();
        return data;
    }
    match text.strip_prefix('*') {
        Some(count) => mp::write_text(&mut data, &"x".repeat(count.parse().unwrap())),
        None => mp::write_text(&mut data, text),
    }
    data
}

// Handlers.

fn note(method: &str, text: &str) {
    if let Some(journal) = JOURNAL.lock().unwrap().as_mut() {
        journal.write_all(format!("{method} {text}\n").as_bytes()).unwrap();
    }
}

fn fail(request: Request) {
    match text_of(request.input()).as_str() {
        "declared" => request.answer_error("NOT_FOUND", &encode("nowhere", false)),
        "refused" => request.answer_refused("it-does-not-fit"),
        _ => request.answer_failure("TypeError", "it-failed"),
    }
    .unwrap();
}

/// Answers at once, and writes down that it ran where that outlives the process.
fn run(request: Request) {
    note(request.method(), &text_of(request.input()));
    let input = request.input().to_vec();
    request.answer_value(&input).unwrap();
}

/// Blocks its thread until the call is given up.
fn block(request: Request) {
    let text = text_of(request.input());
    note("block", &text);
    let begin = Instant::now();
    while !request.is_cancelled() {
        assert!(begin.elapsed() < WATCHDOG);
    }
    note("cancelled", &text);
    request.answer_value(&encode(&text, false)).unwrap();
}

/// Blocks its thread until all is taken.
fn sum(request: Request) {
    let mut total = 0;
    note("begun", "sum");
    loop {
        match request.receive(Some(WATCHDOG)).unwrap() {
            Received::Item(data) => total += text_of(&data).parse::<u64>().unwrap(),
            Received::End => break,
            Received::Empty | Received::Cancelled => return,
        }
    }
    request.answer_value(&encode(&total.to_string(), true)).unwrap();
}

#[derive(Default)]
struct Hold(Mutex<Vec<Request>>);

impl Hold {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn release(&self, text: &str) {
        for request in self.0.lock().unwrap().drain(..) {
            request.answer_value(&encode(text, false)).unwrap();
        }
    }
}

impl Handler for Hold {
    fn begin(&self, request: Request) {
        note("hold", &text_of(request.input()));
        self.0.lock().unwrap().push(request);
    }

    fn progress(&self, number: u64) {
        let mut held = self.0.lock().unwrap();
        let index = held.iter().position(|request| request.number() == number && request.is_cancelled());
        if let Some(index) = index {
            note("cancelled", "hold");
            held.remove(index).answer_failure("Cancelled", "held").unwrap();
        }
    }
}

/// Requests that go on without blocking, each with what it has come to.
struct Going<T, F> {
    all: Mutex<BTreeMap<u64, (Request, T)>>,
    go_on: F,
}

/// What `go_on` came to.
enum Next {
    Later,
    Ended,
    Cancelled,
}

impl<T: Default, F: Fn(&Request, &mut T) -> Next> Going<T, F> {
    fn new(go_on: F) -> Going<T, F> {
        Going { all: Mutex::new(BTreeMap::new()), go_on }
    }
}

impl<T: Default + Send, F: Fn(&Request, &mut T) -> Next + Send + Sync> Handler for Going<T, F> {
    fn begin(&self, request: Request) {
        let number = request.number();
        self.all.lock().unwrap().insert(number, (request, T::default()));
        self.progress(number);
    }

    fn progress(&self, number: u64) {
        let mut all = self.all.lock().unwrap();
        let next = match all.get_mut(&number) {
            Some((request, state)) => (self.go_on)(request, state),
            None => return,
        };
        if matches!(next, Next::Later) {
            return;
        }
        let (request, _) = all.remove(&number).unwrap();
        if matches!(next, Next::Ended) {
            request.answer_end().unwrap();
        } else {
            note("cancelled", request.method());
            request.answer_failure("Cancelled", "it was cancelled").unwrap();
        }
    }
}

/// Counts as long as it may, then again when it may again.
fn count_on(request: &Request, next: &mut u32) -> Next {
    let end: u32 = text_of(request.input()).parse().unwrap();
    while *next < end {
        match request.try_answer_item(&encode(&next.to_string(), true)).unwrap() {
            ItemSent::Sent => *next += 1,
            ItemSent::Full => return Next::Later,
            ItemSent::Cancelled => return Next::Cancelled,
        }
    }
    Next::Ended
}

/// Both at once, without blocking: an item that finds no credit is kept.
fn pipe_on(request: &Request, kept: &mut Option<Vec<u8>>) -> Next {
    loop {
        let item = match kept.take().map_or_else(|| request.try_receive().unwrap(), Received::Item) {
            Received::Item(item) => item,
            Received::End => return Next::Ended,
            Received::Empty => return Next::Later,
            Received::Cancelled => return Next::Cancelled,
        };
        match request.try_answer_item(&item).unwrap() {
            ItemSent::Sent => {}
            ItemSent::Full => {
                *kept = Some(item);
                return Next::Later;
            }
            ItemSent::Cancelled => return Next::Cancelled,
        }
    }
}

// Calls, by the tags that the kit gives them.

struct Tagged {
    call: Call,
    outcome: Option<String>,
    items: Vec<String>,
    /// Items that were said.
    told: usize,
}

fn outcome_of(outcome: &Result<Option<Vec<u8>>, CallError>) -> String {
    let error = match outcome {
        Ok(Some(value)) => return format!("value {}", text_of(value)),
        Ok(None) => return "end".into(),
        Err(error) => error,
    };
    let started = if error.started == Started::No { "no" } else { "maybe" };
    match &error.failure {
        Failure::Declared { code, data } => format!("declared {code} {}", text_of(data)),
        Failure::Remote { name, message } => format!("error REMOTE {started} {name} {message}"),
        failure => format!("error {} {started}", failure.code()),
    }
}

/// The value of an option such as `name=`; none without it.
fn option_of<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn milliseconds(words: &[&str], key: &str) -> Option<Duration> {
    option_of(words, key).map(|text| Duration::from_millis(text.parse().unwrap()))
}

fn timeout_of(words: &[&str]) -> Timeout {
    milliseconds(words, "timeout").map_or(Timeout::Default, Timeout::After)
}

fn takes_number(method: &str) -> bool {
    method == "count"
}

#[derive(Default)]
struct Agent {
    client: Option<Client>,
    server: Option<Server>,
    contract: String,
    held: Arc<Hold>,
    tags: BTreeMap<String, Tagged>,
    by_number: BTreeMap<u64, String>,
    input: Vec<u8>,
    has_ended: bool,
}

impl Agent {
    /// Takes what there is; errors of the client or server itself end the agent.
    fn do_one_turn(&mut self) {
        if let Some(server) = &self.server {
            server.dispatch().unwrap_or_else(|error| give_up(&format!("the server ended: {error}")));
        }
        let client = match &self.client {
            Some(client) => client,
            None => return,
        };
        while let Some(number) = client.try_ready().unwrap_or_else(|error| give_up(&format!("the client ended: {error}"))) {
            let tagged = self.tags.get_mut(&self.by_number[&number]).unwrap();
            match tagged.call.try_answer() {
                Some(Answer::Item(item)) => tagged.items.push(text_of(&item)),
                Some(Answer::Value(value)) => tagged.outcome = Some(outcome_of(&Ok(value))),
                Some(Answer::Failed(error)) => tagged.outcome = Some(outcome_of(&Err(error))),
                None => {}
            }
        }
    }

    /// Waits until there may be something to do; with `for_input` also for a command.
    fn rest(&mut self, for_input: bool) {
        let arms = [
            self.server.as_ref().map_or(Ok(Wait::Forever), Server::arm),
            self.client.as_ref().map_or(Ok(Wait::Forever), Client::arm),
        ];
        let mut left = WATCHDOG;
        for wait in arms {
            left = match wait.unwrap_or_else(|error| give_up(&format!("it ended: {error}"))) {
                Wait::No => Duration::ZERO,
                Wait::AtMost(time) => left.min(time),
                Wait::Forever => left,
            };
        }
        let mut descriptors = vec![if for_input { 0 } else { -1 }];
        descriptors.extend(self.server.iter().flat_map(Server::descriptors));
        descriptors.extend(self.client.iter().flat_map(Client::descriptors));
        let mut fds: Vec<PollFd> = descriptors.iter().map(|&fd| PollFd { fd, events: POLLIN, revents: 0 }).collect();
        let milliseconds = (left.as_nanos() + 999_999) / 1_000_000;
        // SAFETY: as many entries as are said.
        let count = unsafe { poll(fds.as_mut_ptr(), fds.len(), milliseconds as i32) };
        if count == 0 && left == WATCHDOG && !for_input {
            give_up("nothing came");
        }
        if fds[0].revents != 0 {
            let mut bytes = [0; 65536];
            let length = std::io::stdin().read(&mut bytes).unwrap_or(0);
            self.has_ended = length == 0;
            self.input.extend_from_slice(&bytes[..length]);
        }
    }

    /// The next command; none at the end.
    fn next_command(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.iter().position(|&byte| byte == b'\n') {
                let line = self.input.drain(..=end).collect::<Vec<u8>>();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.has_ended {
                return None;
            }
            self.do_one_turn();
            self.rest(true);
        }
    }

    fn wait_until(&mut self, is_so: impl Fn(&Agent) -> bool) {
        loop {
            self.do_one_turn();
            if is_so(self) {
                return;
            }
            self.rest(false);
        }
    }

    fn serve(&mut self, words: &[&str]) -> Result<String, String> {
        let path = option_of(words, "journal");
        *JOURNAL.lock().unwrap() =
            path.map(|path| File::options().create(true).append(true).open(path).unwrap());
        let number = |key: &str, otherwise: u32| option_of(words, key).map_or(otherwise, |text| text.parse().unwrap());
        let options = ServerOptions {
            name: option_of(words, "name").unwrap_or(""),
            concurrency: number("concurrency", 256),
            queue: number("queue", 1024),
            ..ServerOptions::new(&self.contract)
        };
        let echo = |request: Request| {
            let input = request.input().to_vec();
            request.answer_value(&input).unwrap();
        };
        let note_it = |request: Request| {
            note(request.method(), &text_of(request.input()));
            request.answer_end().unwrap();
        };
        let handlers = Handlers::new()
            .on("echo", echo)
            .on("fail", fail)
            .on("hold", self.held.clone())
            .on("block", block)
            .on("note", note_it)
            .on("mark", note_it)
            .on("once", run)
            .on("again", run)
            .on("count", Going::new(count_on))
            .on("sum", sum)
            .on("pipe", Going::new(pipe_on));
        let server = Server::open(words[1], &options, handlers).map_err(|error| error.to_string())?;
        self.server = Some(server);
        Ok("ok".into())
    }

    fn open_client(&mut self, words: &[&str]) -> Result<String, String> {
        let options = ClientOptions {
            name: option_of(words, "name").unwrap_or(""),
            wait_for_server: milliseconds(words, "waitForServer").unwrap_or(Duration::ZERO),
            timeout: Some(milliseconds(words, "timeout").unwrap_or(WATCHDOG)),
            ..ClientOptions::new(&self.contract)
        };
        self.client = Some(Client::open(words[1], &options).map_err(|error| error.to_string())?);
        Ok("ok".into())
    }

    fn client(&self) -> Result<&Client, String> {
        self.client.as_ref().ok_or_else(|| "there is no client".into())
    }

    fn tagged(&mut self, tag: &str) -> Result<&mut Tagged, String> {
        self.tags.get_mut(tag).ok_or_else(|| format!("there is no call {tag}"))
    }

    /// call <tag> <method> <input>
    fn begin_call(&mut self, words: &[&str]) -> Result<String, String> {
        let input = match words[2] {
            "sum" | "pipe" => Vec::new(),
            method => encode(words[3], takes_number(method)),
        };
        let call = self.client()?.begin(words[2], &input, timeout_of(words)).map_err(|error| error.to_string())?;
        self.by_number.insert(call.number(), words[1].into());
        self.tags.insert(words[1].into(), Tagged { call, outcome: None, items: Vec::new(), told: 0 });
        Ok("ok".into())
    }

    fn say_items(&mut self, tag: &str) -> Result<(), String> {
        let tagged = self.tagged(tag)?;
        for item in &tagged.items[tagged.told..] {
            say(&format!("item {item}"));
        }
        tagged.told = tagged.items.len();
        Ok(())
    }

    fn await_call(&mut self, tag: &str) -> Result<String, String> {
        self.tagged(tag)?;
        self.wait_until(|agent| agent.tags[tag].outcome.is_some());
        self.say_items(tag)?;
        let tagged = self.tags.remove(tag).ok_or("it is gone")?;
        self.by_number.remove(&tagged.call.number());
        Ok(format!("ok {}", tagged.outcome.unwrap_or_default()))
    }

    fn await_items(&mut self, tag: &str, wanted: usize) -> Result<String, String> {
        self.tagged(tag)?;
        self.wait_until(|agent| agent.tags[tag].items.len() >= wanted || agent.tags[tag].outcome.is_some());
        self.say_items(tag)?;
        Ok("ok".into())
    }

    /// send <tag> <item> [<times>]
    fn send_items(&mut self, words: &[&str]) -> Result<String, String> {
        let times = words.get(3).map_or(1, |text| text.parse().unwrap());
        for index in 0..times {
            let is_number = words[2] == "numbers";
            let item = if is_number { encode(&u32::to_string(&index), true) } else { encode(words[2], false) };
            while self.tagged(words[1])?.call.try_send(&item).map_err(|error| error.to_string())? == Sent::Full {
                self.do_one_turn();
                self.rest(false);
            }
        }
        // Where the call has ended its answer says how.
        Ok("ok".into())
    }

    fn call_all(&mut self, words: &[&str]) -> Result<String, String> {
        let input = encode(words[2], takes_number(words[1]));
        match self.client()?.call_all(words[1], &input, timeout_of(words)) {
            Ok(answers) => {
                for (server, outcome) in answers {
                    say(&format!("answer {} {}", server.name, outcome_of(&outcome)));
                }
                Ok("ok end".into())
            }
            Err(error) => Ok(format!("ok {}", outcome_of(&Err(error)))),
        }
    }

    fn say_servers(&self) -> Result<String, String> {
        let servers = self.client()?.servers().map_err(|error| error.to_string())?;
        for server in &servers {
            let phase = if server.is_draining { "draining" } else { "serving" };
            say(&format!("server {} {phase} {} {} {}", server.peer.name, server.outstanding, server.served, server.errors));
        }
        Ok(format!("ok {}", servers.len()))
    }

    fn leave(&mut self, what: &str) {
        if what == "client" {
            self.client = None;
            self.tags.clear();
            self.by_number.clear();
        } else {
            self.server = None;
        }
    }

    fn obey(&mut self, line: &str) -> Result<String, String> {
        if let Some(text) = line.strip_prefix("contract ") {
            self.contract = text.into();
            return Ok("ok".into());
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "hello" => return Ok("ok rust steps".into()),
            "die-at" => stop_at(None, &words[1..]),
            "wait-at" => stop_at(Some(words[1]), &words[2..]),
            "serve" => return self.serve(&words),
            "client" => return self.open_client(&words),
            "call" => return self.begin_call(&words),
            "await" => return self.await_call(words[1]),
            "items" => return self.await_items(words[1], words[2].parse().unwrap()),
            "send" => return self.send_items(&words),
            "end" => self.tagged(words[1])?.call.end().map_err(|error| error.to_string())?,
            "cancel" => self.tagged(words[1])?.call.cancel(),
            "ask" => {
                let input = encode(words[2], takes_number(words[1]));
                let outcome = self.client()?.call(words[1], &input, timeout_of(&words));
                return Ok(format!("ok {}", outcome_of(&outcome)));
            }
            "tell" => {
                let outcome = self.client()?.call_one_way(words[1], &encode(words[2], false), timeout_of(&words));
                return Ok(format!("ok {}", outcome_of(&outcome.map(|()| None))));
            }
            "ask-all" => return self.call_all(&words),
            "servers" => return self.say_servers(),
            "held" => {
                let wanted = words[1].parse().unwrap();
                self.wait_until(|agent| agent.held.count() == wanted);
            }
            "release" => self.held.release(words[1]),
            "drain" => {
                let server = self.server.as_ref().ok_or("there is no server")?;
                server.drain(Some(WATCHDOG)).map_err(|error| error.to_string())?;
            }
            "leave" => self.leave(words[1]),
            _ => return Err("there is no such command".into()),
        }
        Ok("ok".into())
    }
}

fn main() {
    let mut agent = Agent::default();
    while let Some(line) = agent.next_command() {
        if line == "exit" {
            break;
        }
        match agent.obey(&line) {
            Ok(answer) => say(&answer),
            Err(why) => say(&format!("error {why}")),
        }
    }
    agent.leave("client");
    agent.leave("server");
}
