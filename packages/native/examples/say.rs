// say <word>...: publishes each word in the channel `greetings`, as soon as another program has created it.
#[allow(dead_code)]
#[path = "../rust/mmfbus.rs"]
mod mmfbus;

use mmfbus::{Error, Open, Options, Publisher};

fn main() -> Result<(), Error> {
    let mut options = Options::new("raw");
    options.open = Open::Open;
    let mut publisher = loop {
        match Publisher::join("greetings", &options) {
            Err(Error::NotFound) => std::thread::yield_now(),
            joined => break joined?,
        }
    };
    for word in std::env::args().skip(1) {
        publisher.publish(word.as_bytes(), None)?;
    }
    Ok(())
}
