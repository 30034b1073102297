// Gives the module memory that makes no sense: errors are allowed, and everything else that is expected; a panic, an endless
// loop or a large allocation is not.
//
//     hostile <channel> <rounds> <seed>
#![deny(unsafe_op_in_unsafe_fn)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{ClaimOutcome, Delivery, Error, Event, Options, Publisher, SlowSubscribers, Start, Subscriber};

const LARGEST_MESSAGE: u64 = 100_000;
const LARGEST_ALLOCATION: usize = 1 << 20;
const NUMBERS: [u64; 28] = [
    0, 1, 2, 3, 4, 5, 7, 8, 24, 31, 32, 33, 64, 255, 1000, 1024, 4064, 4095, 4096, 4097, 65535, 0x7fff_ffff, 0x8000_0000,
    0xffff_ffff, 1 << 53, (1 << 53) - 32, 1 << 63, u64::MAX,
];

/// Ends the process at an allocation that no message needs.
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
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }

    fn number(&mut self) -> u64 {
        let number = if self.below(4) > 0 { NUMBERS[self.below(NUMBERS.len() as u64) as usize] } else { self.next() };
        if self.below(8) == 0 {
            number.wrapping_mul(32)
        } else {
            number
        }
    }
}

/// The words that everything depends on, the slots, the frames: each often enough.
fn disturb(chance: &mut Chance, memory: &File, ring: u64) {
    let places = [(192, 512), (512, 512 + 4 * 256), (ring, ring + 4096), (ring, ring + 4096)];
    for _ in 0..1 + chance.below(6) {
        let (start, end) = places[chance.below(4) as usize];
        let size = 1u64 << chance.below(4);
        let at = start + chance.below((end - start) / size) * size;
        let number = chance.number().to_le_bytes();
        memory.write_at(&number[..size as usize], at).unwrap();
    }
}

fn perform(chance: &mut Chance, publisher: &mut Publisher, subscriber: &mut Subscriber) -> Result<(), Error> {
    let moment = Some(Duration::from_millis(1));
    match chance.below(8) {
        0 => publisher.try_publish(&vec![1; chance.below(1000) as usize]).map(drop),
        1 => publisher.try_publish_all(&[&[1; 10], &[2; 100], &[]]).map(drop),
        2 => publisher.publish(&vec![1; chance.below(LARGEST_MESSAGE) as usize], moment).map(drop),
        3 => match publisher.try_claim(100)? {
            ClaimOutcome::Claimed(mut claim) => claim.write(8, b"in place").map(|()| claim.commit()).map(drop),
            ClaimOutcome::Full | ClaimOutcome::Busy => Ok(()),
        },
        4 => subscriber.receive(moment).map(drop),
        5 => publisher.wait_for_subscribers(1 + chance.below(3) as u32, moment).map(drop),
        6 => {
            subscriber.arm();
            Ok(())
        }
        _ => {
            while let Some(event) = subscriber.try_receive()? {
                if let Event::Message(message) = event {
                    assert!(message.data.len() as u64 <= LARGEST_MESSAGE);
                }
            }
            Ok(())
        }
    }
}

fn play(channel: &str, number: u64, seed: u64) {
    let mut chance = Chance((seed + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut options = Options::new("raw");
    options.capacity = 4096;
    options.max_message = LARGEST_MESSAGE;
    options.max_participants = 4;
    options.timeout = Duration::from_millis(1);
    if number % 3 == 0 {
        options.slow_subscribers = SlowSubscribers::Disconnect;
    }
    if number % 2 == 0 {
        options.delivery = Delivery::Lossy;
    }
    options.publisher_events = number % 3 != 1;
    options.start = [None, Some(Start::Latest), Some(Start::Earliest), Some(Start::History)][(number % 4) as usize];
    let mut publisher = Publisher::join(channel, &options).unwrap();
    let mut subscriber = Subscriber::join(channel, &options).unwrap();
    // SAFETY: nothing but numbers.
    let user = unsafe { geteuid() };
    let path = format!("{}/mmfbus.{user}.{channel}", std::env::var("MMFBUS_DIRECTORY").unwrap());
    let memory = File::options().read(true).write(true).open(path).unwrap();
    let mut word = [0u8; 8];
    memory.read_exact_at(&mut word, 24).unwrap();
    for round in 0..5 {
        if round > 0 {
            disturb(&mut chance, &memory, u64::from_le_bytes(word));
        }
        for _ in 0..20 {
            // Errors are allowed.
            perform(&mut chance, &mut publisher, &mut subscriber).ok();
        }
    }
    Publisher::join(channel, &options).ok();
}

extern "C" {
    fn geteuid() -> u32;
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (rounds, seed) = (words[2].parse().unwrap(), words[3].parse().unwrap());
    for number in 0..rounds {
        play(&words[1], number, seed);
    }
    println!("{rounds} rounds");
}
