// Does the module for Rust do what it says? Prints the first thing that is wrong, and ends with status 101.
//
//     module_test <channel>
use std::time::Duration;

#[path = "../../packages/native/rust/mmfbus.rs"]
#[allow(dead_code)]
mod mmfbus;

use mmfbus::{ClaimOutcome, Delivery, Error, Event, Open, Options, Outcome, Publisher, Reason, Start, Subscriber};

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
    ahead.start = Some(Start::After(1));
    assert_eq!(Subscriber::join(channel, &ahead).map(drop), Err(Error::SequenceAhead));
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
    begins_with_the_history(&channel);
    publishes(&channel);
    says_when(&channel);
    std::env::set_var("MMFBUS_DIRECTORY", "/none");
    assert_eq!(joined(&channel, &options()), Err(Error::OsError("open", 2)));
    println!("all is well");
}
