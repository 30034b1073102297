// Publishes long texts in a channel, and receives them, reliably and lossily, while another process changes the memory:
// whatever goes wrong is left and joined again. Until its standard input ends. Argument: the channel.
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{Delivery, Event, Open, Options, Publisher, SlowSubscribers, Start, Subscriber};

static HAS_ENDED: AtomicBool = AtomicBool::new(false);
const LARGEST: usize = 40_000;

fn options() -> Options<'static> {
    let mut options = Options::new("raw");
    options.capacity = 65536;
    options.max_message = 100_000;
    options.schema = "{\"a channel of texts\":1}";
    options.timeout = Duration::from_millis(1);
    options.slow_subscribers = SlowSubscribers::Disconnect;
    options
}

fn receive(subscriber: &mut Subscriber) -> u64 {
    let mut messages = 0;
    for _ in 0..50 {
        match subscriber.try_receive() {
            Ok(Some(Event::Message(message))) => {
                messages += 1;
                let text = String::from_utf8_lossy(&message.data);
                assert!(text.chars().count() <= message.data.len());
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    messages
}

fn live(channel: &str, turn: u64) -> u64 {
    let mut joining = options();
    let mut messages = 0;
    joining.open = Open::Open;
    let mut publisher = Publisher::join(channel, &joining);
    joining.start = Some(if turn % 2 == 0 { Start::Latest } else { Start::Earliest });
    let mut reliable = Subscriber::join(channel, &joining);
    joining.delivery = Delivery::Lossy;
    let mut lossy = Subscriber::join(channel, &joining);
    for count in 0..100 {
        let length = if count % 7 == 0 { LARGEST } else { 30 + count * 37 };
        let text = vec![b'a' + (count % 26) as u8; length];
        if let Ok(publisher) = &mut publisher {
            let _ = publisher.publish(&text, Some(Duration::from_millis(1)));
        }
        if let Ok(reliable) = &mut reliable {
            messages += receive(reliable);
        }
        if let Ok(lossy) = &mut lossy {
            messages += if count % 3 == 0 { receive(lossy) } else { 0 };
        }
    }
    messages
}

fn main() {
    let channel = std::env::args().nth(1).expect("a channel");
    let keeper = Publisher::join(&channel, &options()).unwrap();
    let mut messages = live(&channel, 0);
    let mut differing = options();
    differing.open = Open::Open;
    differing.schema = "{\"another\":1}";
    println!("ready");
    std::io::stdout().flush().unwrap();
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        HAS_ENDED.store(true, SeqCst);
    });
    for turn in 1.. {
        if HAS_ENDED.load(SeqCst) {
            break;
        }
        messages += live(&channel, turn);
        let _ = Subscriber::join(&channel, &differing);
    }
    drop(keeper);
    println!("{messages} messages");
}
