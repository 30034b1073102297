// Does the module for Rust do what it says? Prints the first thing that is wrong, and ends with status 101.
//
//     module_test <channel>
use std::os::unix::fs::FileExt;
use std::time::Duration;

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{
    ClaimOutcome, Delivery, Error, Event, Open, Options, Otherwise, Outcome, Position, Publisher, Reason, Start, Subscriber,
};

const MOMENT: Option<Duration> = Some(Duration::from_millis(1));
/// After which a wait is given up as hung.
const WATCHDOG: Option<Duration> = Some(Duration::from_secs(60));

fn options<'a>() -> Options<'a> {
    let mut options = Options::new("raw");
    options.capacity = 4096;
    options
}

fn joined(channel: &str, options: &Options<'_>) -> Result<(), Error> {
    let (publisher, subscriber) = (Publisher::join(channel, options).map(drop), Subscriber::join(channel, options).map(drop));
    assert_eq!(publisher, subscriber);
    publisher
}

fn number_of(event: Option<Event>) -> u64 {
    match event {
        Some(Event::Message(message)) => message.sequence,
        event => panic!("{event:?} is no message"),
    }
}

fn compares(channel: &str) {
    let with = |change: &dyn Fn(&mut Options<'_>)| {
        let mut other = options();
        other.schema = "{}";
        change(&mut other);
        joined(channel, &other)
    };
    assert_eq!(with(&|other| other.open = Open::Open), Err(Error::NotFound));
    let mut first = options();
    (first.schema, first.max_participants) = ("{}", 2);
    let publisher = Publisher::join(channel, &first).unwrap();
    assert_eq!(with(&|other| other.open = Open::Create), Err(Error::Exists));
    assert_eq!(with(&|other| other.capacity = 8192), Err(Error::CapacityMismatch(4096)));
    assert_eq!(with(&|other| other.history = 1), Err(Error::HistoryMismatch(0)));
    assert_eq!(with(&|other| other.max_message = 1), Err(Error::MaxMessageMismatch(64 << 20)));
    assert_eq!(with(&|other| other.codec = "json"), Err(Error::CodecMismatch));
    assert_eq!(with(&|other| other.schema = "[]"), Err(Error::SchemaMismatch));
    assert_eq!(with(&|other| other.schema = ""), Err(Error::SchemaMismatch));

    let mut any = Options::new("json");
    any.schema = mmfbus::SCHEMA_ANY;
    assert!(matches!(Publisher::join(channel, &any), Err(Error::InvalidArgument(_))));
    let subscriber = Subscriber::join(channel, &any).unwrap();
    assert_eq!(subscriber.codec(), "raw");
    assert_eq!(with(&|_| {}), Err(Error::TooManyParticipants));
    drop((publisher, subscriber));

    assert_eq!(Subscriber::join(channel, &any).map(drop), Err(Error::NotFound));
    any.open = Open::Create;
    assert!(matches!(Subscriber::join(channel, &any), Err(Error::InvalidArgument(_))));
    let publisher = Publisher::join(channel, &options()).unwrap();
    assert_eq!(with(&|_| {}), Err(Error::SchemaMismatch));
    drop(publisher);
}

fn refuses(channel: &str) {
    let with = |change: &dyn Fn(&mut Options<'_>)| {
        let mut other = options();
        change(&mut other);
        matches!(joined(channel, &other), Err(Error::InvalidArgument(_)))
    };
    assert!(with(&|other| other.capacity = 5000));
    assert!(with(&|other| other.max_participants = 1));
    assert!(with(&|other| other.mode = 0o1777));
    assert!(with(&|other| other.codec = ""));
    assert!(with(&|other| other.name = "forty-nine-bytes-are-more-than-a-name-may-have--!"));
    assert_eq!(joined("no/name", &options()), Err(Error::InvalidName));
    let mut ahead = options();
    let publisher = Publisher::join(channel, &options()).unwrap();
    let there = publisher.position();
    ahead.start = Some(Start::After(Position { sequence: 1, ..there }));
    assert_eq!(Subscriber::join(channel, &ahead).map(drop), Err(Error::SequenceAhead));
    let wanted = there.incarnation ^ 1;
    ahead.start = Some(Start::After(Position { incarnation: wanted, sequence: 0 }));
    let other = Error::OtherIncarnation { there: there.incarnation, wanted };
    assert_eq!(Subscriber::join(channel, &ahead).map(drop), Err(other));
    assert!(other.to_string().contains(&format!("{wanted:016x}")));
    ahead.otherwise = Otherwise::Latest;
    assert_eq!(Subscriber::join(channel, &ahead).unwrap().position(), there);
}

fn refuses_headers(channel: &str) {
    // SAFETY: nothing but numbers.
    let path = format!("{}/mmfbus.{}.{channel}", std::env::var("MMFBUS_DIRECTORY").unwrap(), unsafe { geteuid() });
    let publisher = Publisher::join(channel, &options()).unwrap();
    let memory = std::fs::File::options().write(true).open(path).unwrap();
    let with = |offset: u64, value: u32, right: u32| {
        memory.write_all_at(&value.to_le_bytes(), offset).unwrap();
        let refused = joined(channel, &options());
        memory.write_all_at(&right.to_le_bytes(), offset).unwrap();
        refused
    };
    let old = Error::VersionMismatch { version: 1, features: 0 };
    assert_eq!(with(8, 1, 2), Err(old));
    assert_eq!(old.to_string(), "the channel has version 1 of the format, this is for 2");
    let unknown = Error::VersionMismatch { version: 2, features: 0x50 };
    assert_eq!(with(156, 0x50, 0), Err(unknown));
    assert!(unknown.to_string().ends_with("bits 0x50"));
    assert_eq!(with(152, 7, 1), Err(Error::PatternMismatch(7)));
    assert_eq!(with(160, u32::MAX, 0), Ok(()));
    drop(publisher);
}

extern "C" {
    fn geteuid() -> u32;
}

fn tells_of_members(channel: &str) {
    let named = |name| Options { name, publisher_events: true, ..options() };
    let mut first = Publisher::join(channel, &named("first")).unwrap();
    assert_eq!(first.wait_for_subscribers(1, MOMENT), Err(Error::Timeout));
    assert!(matches!(first.wait_for_subscribers(0, MOMENT), Err(Error::InvalidArgument(_))));
    let mut subscriber = Subscriber::join(channel, &named("")).unwrap();
    assert_eq!(first.wait_for_subscribers(1, None), Ok(1));
    first.publish(b"a", None).unwrap();
    assert_eq!(number_of(subscriber.try_receive().unwrap()), 1);
    assert_eq!(subscriber.position(), first.position());
    let second = Publisher::join(channel, &named("sec\x1bond")).unwrap();
    let publisher = match subscriber.try_receive() {
        Ok(Some(Event::PublisherJoined(publisher))) => publisher,
        event => panic!("{event:?} is no publisher"),
    };
    assert_eq!((publisher.name.as_str(), publisher.pid), ("sec\\u{1b}ond", std::process::id()));
    drop(second);
    let left = Event::PublisherLeft { publisher, reason: Reason::Left, remaining: 1 };
    assert_eq!(subscriber.receive(WATCHDOG), Ok(Some(left)));
    drop(first);
    assert!(matches!(subscriber.receive(WATCHDOG), Ok(Some(Event::PublisherLeft { remaining: 0, .. }))));
    assert_eq!(subscriber.receive(WATCHDOG), Ok(Some(Event::PublishersGone { reason: Reason::Left })));
}

fn begins_with_the_history(channel: &str) {
    let mut all = Options::new("raw");
    all.history = 2;
    let mut publisher = Publisher::join(channel, &all).unwrap();
    assert_eq!(publisher.publish_all(&[b"a", b"b", b"c"], None), Ok(1));
    assert_eq!(number_of(Subscriber::join(channel, &all).unwrap().try_receive().unwrap()), 2);
    all.start = Some(Start::Latest);
    assert_eq!(Subscriber::join(channel, &all).unwrap().try_receive(), Ok(None));
    all.capacity = 8 << 20;
    assert_eq!(Subscriber::join(channel, &all).map(drop), Ok(()));
}

fn publishes(channel: &str) {
    let mut subscriber = Subscriber::join(channel, &options()).unwrap();
    let mut publisher = Publisher::join(channel, &options()).unwrap();
    assert_eq!(publisher.try_publish(b"a"), Ok(Outcome::Published(1)));
    assert_eq!(publisher.try_publish_all(&[b"b", b"c"]), Ok(Outcome::Published(2)));
    assert_eq!(publisher.try_publish(&[0; 2000]), Err(Error::TooLarge));
    assert_eq!(publisher.publish(&[0; 2000], MOMENT), Ok(4));
    assert_eq!((1..=4).map(|_| number_of(subscriber.receive(WATCHDOG).unwrap())).collect::<Vec<_>>(), [1, 2, 3, 4]);

    while let Outcome::Published(_) = publisher.try_publish(&[0; 200]).unwrap() {}
    assert_eq!(publisher.try_publish(&[0; 200]), Ok(Outcome::Full));
    assert_eq!(publisher.publish(&[0; 200], MOMENT), Err(Error::Timeout));
    assert_eq!(publisher.try_publish_all(&[&[0; 200], &[0; 200]]), Ok(Outcome::Full));
    assert_eq!(publisher.publish_all(&[&[0; 200], &[0; 200]], MOMENT), Err(Error::Timeout));
    assert!(matches!(publisher.try_claim(200), Ok(ClaimOutcome::Full)));
    while subscriber.try_receive().unwrap().is_some() {}
    match publisher.try_claim(8).unwrap() {
        ClaimOutcome::Claimed(mut claim) => {
            claim.write(0, b"in place").unwrap();
            let number = claim.commit();
            assert_eq!(number_of(subscriber.receive(WATCHDOG).unwrap()), number);
        }
        _ => panic!("there is room"),
    }
    drop(publisher);
    assert_eq!(subscriber.receive(WATCHDOG), Ok(Some(Event::PublishersGone { reason: Reason::Left })));
    assert_eq!(subscriber.receive(MOMENT), Ok(None));
}

fn says_when(channel: &str) {
    let mut other = options();
    other.delivery = Delivery::Lossy;
    other.poll_window = Duration::MAX;
    let mut subscriber = Subscriber::join(channel, &other).unwrap();
    for says in [true, false] {
        other.timestamps = says;
        let mut publisher = Publisher::join(channel, &other).unwrap();
        publisher.publish(b"", None).unwrap();
        loop {
            if let Some(Event::Message(message)) = subscriber.receive(WATCHDOG).unwrap() {
                break assert_eq!(message.timestamp != 0, says);
            }
        }
    }
}

fn main() {
    let channel = std::env::args().nth(1).expect("a channel");
    compares(&channel);
    refuses(&channel);
    refuses_headers(&channel);
    tells_of_members(&channel);
    begins_with_the_history(&channel);
    publishes(&channel);
    says_when(&channel);
    std::env::set_var("MMFBUS_DIRECTORY", "/none");
    assert_eq!(joined(&channel, &options()), Err(Error::OsError("open", 2)));
    println!("all is well");
}
