// listen <count>: prints so many messages of the channel `greetings`.
#[allow(dead_code)]
#[path = "../rust/mmfbus.rs"]
mod mmfbus;

use mmfbus::{Event, Options, Start, Subscriber};

fn main() -> Result<(), mmfbus::Error> {
    let mut options = Options::new("raw");
    options.start = Some(Start::Earliest);
    let mut subscriber = Subscriber::join("greetings", &options)?;
    let mut left: u32 = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1);
    while left > 0 {
        // Anything else is a publisher that has left, and another may come.
        if let Some(Event::Message(message)) = subscriber.receive(None)? {
            println!("{}: {}", message.sequence, String::from_utf8_lossy(&message.data));
            left -= 1;
        }
    }
    Ok(())
}
