//! words: takes lines of text from Node, and counts their words.
#[allow(dead_code)]
#[path = "node_modules/@mmfbus/native/rust/mmfbus.rs"]
mod mmfbus;

use mmfbus::{Event, Options, Subscriber};

fn main() -> Result<(), mmfbus::Error> {
    let mut subscriber = Subscriber::join("rust-lines", &Options::new("raw"))?;
    let (mut lines, mut words) = (0, 0);
    while let Some(event) = subscriber.receive(None)? {
        match event {
            Event::Message(message) => {
                lines += 1;
                words += String::from_utf8_lossy(&message.data).split_whitespace().count();
            }
            Event::PublishersGone { .. } => break,
            _ => {}
        }
    }
    println!("{lines} lines, {words} words");
    Ok(())
}
