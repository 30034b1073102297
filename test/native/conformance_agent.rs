// The conformance agent in Rust. The protocol is said in test/src/conformance/README.md.
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{Error, Event, Options, Publisher, Reason, Start, Subscriber};

/// After which a wait is given up as hung.
const WATCHDOG: Duration = Duration::from_secs(60);
const FNV_OFFSET: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
const SIGKILL: i32 = 9;

static FATAL_STEP: Mutex<String> = Mutex::new(String::new());
static STEPS_LEFT: AtomicU64 = AtomicU64::new(0);
static MICROSECONDS_A_COPY: AtomicU64 = AtomicU64::new(0);

extern "C" {
    fn getpid() -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
}

#[no_mangle]
fn mmfbus_step(step: &'static str) {
    let slowness = Duration::from_micros(MICROSECONDS_A_COPY.load(SeqCst));
    if !slowness.is_zero() && step == "read: copied" {
        let begin = Instant::now();
        while begin.elapsed() < slowness {}
    }
    if STEPS_LEFT.load(SeqCst) == 0 || *FATAL_STEP.lock().unwrap() != step {
        return;
    }
    if STEPS_LEFT.fetch_sub(1, SeqCst) == 1 {
        // SAFETY: nothing but numbers.
        unsafe { kill(getpid(), SIGKILL) };
    }
}

fn content_of(seed: u64, length: u64) -> Vec<u8> {
    (0..length).map(|index| (31 * seed + 7 * index + index / 256) as u8).collect()
}

fn digest_of(data: &[u8]) -> u32 {
    data.iter().fold(FNV_OFFSET, |digest, &byte| (digest ^ byte as u32).wrapping_mul(FNV_PRIME))
}

fn say(line: &str) {
    let mut output = std::io::stdout();
    writeln!(output, "{line}").and_then(|()| output.flush()).unwrap();
}

#[derive(Default)]
struct Agent {
    publisher: Option<Publisher>,
    subscriber: Option<Subscriber>,
    taken: Vec<std::fs::File>,
}

impl Agent {
    fn publisher(&mut self) -> &mut Publisher {
        self.publisher.as_mut().expect("no publisher")
    }

    fn obey(&mut self, line: &str) -> Result<String, Error> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0u64);
        let (first, length, count) = (number(1), number(2), if words.len() > 3 { number(3) } else { 1 });
        match words[0] {
            "hello" => return Ok("ok rust steps batch".into()),
            "publisher" | "subscriber" => self.join(words[0], words[1], &words[2..])?,
            "publish" => {
                for seed in first..first + count {
                    self.publisher().publish(&content_of(seed, length), Some(WATCHDOG))?;
                }
            }
            "try" => {
                for index in 0..count {
                    match self.publisher().publish(&content_of(first + index, length), Some(Duration::ZERO)) {
                        Err(Error::Full) => return Ok(format!("ok {index} full")),
                        Err(Error::Busy) => return Ok(format!("ok {index} busy")),
                        published => published?,
                    };
                }
                return Ok(format!("ok {count} published"));
            }
            "batch" => {
                let contents: Vec<Vec<u8>> = (first..first + count).map(|seed| content_of(seed, length)).collect();
                let payloads: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
                return match self.publisher().publish_batch(&payloads, Some(Duration::ZERO)) {
                    Err(Error::Full) => Ok("ok full".into()),
                    Err(Error::Busy) => Ok("ok busy".into()),
                    published => published.map(|_| "ok published".into()),
                };
            }
            "receive" => return self.receive(Some(first)),
            "take" => return self.receive(None),
            "die-at" => {
                *FATAL_STEP.lock().unwrap() = words[2..].join(" ");
                STEPS_LEFT.store(first, SeqCst);
            }
            "starve" => {
                while let Ok(file) = std::fs::File::open("/dev/null") {
                    self.taken.push(file);
                }
                self.taken.truncate(self.taken.len() - first as usize);
            }
            "feed" => self.taken.clear(),
            "slow" => MICROSECONDS_A_COPY.store(first, SeqCst),
            "leave" if words[1] == "publisher" => self.publisher = None,
            "leave" => self.subscriber = None,
            _ => return Ok("error no such command".into()),
        }
        Ok("ok".into())
    }

    fn join(&mut self, role: &str, channel: &str, words: &[&str]) -> Result<(), Error> {
        let mut options = Options::new("raw");
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            let number = value.parse().unwrap_or(0);
            match name {
                "capacity" => options.capacity = number,
                "history" => options.history = number,
                "maxMessage" => options.max_message = number,
                "participants" => options.participants = number as u32,
                "whenFull" => options.disconnects = value == "disconnect",
                "mode" => options.reliable = value != "lossy",
                "start" => {
                    options.start = match value {
                        "latest" => Start::Latest,
                        "earliest" => Start::Earliest,
                        "history" => Start::History,
                        _ => Start::After(value.trim_start_matches("after:").parse().unwrap_or(0)),
                    }
                }
                _ => {}
            }
        }
        match role {
            "publisher" => self.publisher = Some(Publisher::join(channel, &options)?),
            _ => self.subscriber = Some(Subscriber::join(channel, &options)?),
        }
        Ok(())
    }

    /// Until so many numbers are accounted for; without a number all there are, without waiting.
    fn receive(&mut self, numbers: Option<u64>) -> Result<String, Error> {
        let subscriber = self.subscriber.as_mut().expect("no subscriber");
        let timeout = if numbers.is_some() { WATCHDOG } else { Duration::ZERO };
        let mut accounted = 0;
        while numbers.map_or(true, |numbers| accounted < numbers) {
            match subscriber.receive(Some(timeout)) {
                Ok(Some(Event::Message(message))) => {
                    let digest = digest_of(&message.data);
                    say(&format!("message {} {} {digest:08x}", message.sequence, message.data.len()));
                    accounted += 1;
                }
                Ok(Some(Event::Gap { first, last })) => {
                    say(&format!("gap {first} {last}"));
                    accounted += last - first + 1;
                }
                Ok(Some(Event::Closed(reason))) => {
                    say(if reason == Reason::Lost { "closed lost" } else { "closed closed" });
                    break;
                }
                Err(Error::Disconnected) => {
                    say("disconnected");
                    break;
                }
                Ok(None) if numbers.is_none() => break,
                Ok(None) => return Ok("error nothing came".into()),
                Err(error) => return Err(error),
            }
        }
        Ok("ok".into())
    }
}

fn main() {
    let mut agent = Agent::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        if line.trim() == "exit" {
            break;
        }
        say(&agent.obey(&line).unwrap_or_else(|error| format!("error {error:?} {error}")));
    }
}
