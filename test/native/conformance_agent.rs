// The conformance agent in Rust. The protocol is said in test/src/conformance/README.md.
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{
    Delivery, Error, Event, Options, Otherwise, Outcome, Position, Publisher, Reason, Scope, SlowSubscribers, Start,
    Subscriber,
};

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

fn word_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Published(_) => "published",
        Outcome::Full => "full",
        Outcome::Busy => "busy",
    }
}

fn word_of_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Left => "left",
        Reason::Died => "died",
        Reason::Unknown => "unknown",
    }
}

/// `after:<incarnation>:<number>`, and where else to begin after another colon.
fn read_position(text: &str, options: &mut Options) {
    let words: Vec<&str> = text.split(':').collect();
    let incarnation = u64::from_str_radix(words[1], 16).unwrap_or(0);
    options.start = Some(Start::After(Position { incarnation, sequence: words[2].parse().unwrap_or(0) }));
    options.otherwise = match words.get(3) {
        Some(&"earliest") => Otherwise::Earliest,
        Some(&"latest") => Otherwise::Latest,
        _ => Otherwise::Error,
    };
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
            "publisher" | "subscriber" => return self.join(words[0], words[1], &words[2..]),
            "publish" => {
                for seed in first..first + count {
                    self.publisher().publish(&content_of(seed, length), Some(WATCHDOG))?;
                }
            }
            "try" => {
                for index in 0..count {
                    match self.publisher().try_publish(&content_of(first + index, length))? {
                        Outcome::Published(_) => {}
                        refused => return Ok(format!("ok {index} {}", word_of(refused))),
                    }
                }
                return Ok(format!("ok {count} published"));
            }
            "batch" => {
                let contents: Vec<Vec<u8>> = (first..first + count).map(|seed| content_of(seed, length)).collect();
                let payloads: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
                return self.publisher().try_publish_all(&payloads).map(|outcome| format!("ok {}", word_of(outcome)));
            }
            "position" => {
                let position = match words[1] {
                    "publisher" => self.publisher().position(),
                    _ => self.subscriber.as_ref().expect("no subscriber").position(),
                };
                return Ok(format!("ok {:016x} {}", position.incarnation, position.sequence));
            }
            "wait-for-subscribers" => {
                let there = self.publisher().wait_for_subscribers(first as u32, Some(WATCHDOG))?;
                return Ok(format!("ok {there}"));
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

    fn join(&mut self, role: &str, channel: &str, words: &[&str]) -> Result<String, Error> {
        let mut options = Options::new("raw");
        options.start = Some(Start::Latest);
        // The directory has a lock and slots as well, whose steps are not what is asked for.
        options.discoverable = STEPS_LEFT.load(SeqCst) == 0;
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            let number = value.parse().unwrap_or(0);
            match name {
                "capacity" => options.capacity = number,
                "history" => options.history = number,
                "maxMessage" => options.max_message = number,
                "participants" => options.max_participants = number as u32,
                "scope" if value == "machine" => options.scope = Scope::Machine,
                "mode" => options.mode = u32::from_str_radix(value, 8).unwrap_or(0),
                "group" => options.group = value,
                "slowSubscribers" if value == "disconnect" => options.slow_subscribers = SlowSubscribers::Disconnect,
                "discoverable" => options.discoverable = value != "no",
                "delivery" if value == "lossy" => options.delivery = Delivery::Lossy,
                "name" => options.name = value,
                "publisherEvents" => options.publisher_events = value == "yes",
                "start" if value == "earliest" => options.start = Some(Start::Earliest),
                "start" if value == "history" => options.start = Some(Start::History),
                "start" if value.starts_with("after:") => read_position(value, &mut options),
                _ => {}
            }
        }
        let failure = match role {
            "publisher" => self.publisher.insert(Publisher::join(channel, &options)?).directory_failure(),
            _ => self.subscriber.insert(Subscriber::join(channel, &options)?).directory_failure(),
        };
        Ok(failure.map_or("ok".into(), |failure| format!("ok not listed in the directory: {failure}")))
    }

    /// Until so many numbers are accounted for; without a number all there are, without waiting.
    fn receive(&mut self, numbers: Option<u64>) -> Result<String, Error> {
        let subscriber = self.subscriber.as_mut().expect("no subscriber");
        let mut accounted = 0;
        while numbers.map_or(true, |numbers| accounted < numbers) {
            match if numbers.is_some() { subscriber.receive(Some(WATCHDOG)) } else { subscriber.try_receive() } {
                Ok(Some(Event::Message(message))) => {
                    let digest = digest_of(&message.data);
                    say(&format!("message {} {} {digest:08x}", message.sequence, message.data.len()));
                    accounted += 1;
                }
                Ok(Some(Event::Gap { first, last })) => {
                    say(&format!("gap {first} {last}"));
                    accounted += last - first + 1;
                }
                Ok(Some(Event::PublishersGone { reason })) => {
                    say(&format!("gone {}", word_of_reason(reason)));
                    break;
                }
                Ok(Some(Event::PublisherJoined(publisher))) => say(&format!("joined {}", publisher.name)),
                Ok(Some(Event::PublisherLeft { publisher, reason, remaining })) => {
                    say(&format!("left {} {} {remaining}", publisher.name, word_of_reason(reason)));
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
