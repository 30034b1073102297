//! mmfbus: messages between the processes of one machine, through named shared memory.
//!
//! Joins the same channels as `@mmfbus/channel` in Node, `mmfbus.h` in C and `mmfbus.py` in Python. One file without crates:
//! copy it, write `mod mmfbus;`, and compile with `rustc --edition 2021`, 1.63 or later. It uses `core`, `alloc` and the
//! functions of the C library, and nothing of `std`. Written from FORMAT.md of `@mmfbus/channel`.
//!
//! ```ignore
//! let mut publisher = mmfbus::Publisher::join("readings", &mmfbus::Options::new("raw"))?;
//! let sequence = publisher.publish(b"60.5", None)?;
//!
//! let mut subscriber = mmfbus::Subscriber::join("readings", &mmfbus::Options::new("raw"))?;
//! while let Some(event) = subscriber.receive(None)? {
//!     if let mmfbus::Event::Message(message) = event { /* message.sequence, message.data */ }
//! }
//! ```
//!
//! - **Names** of options, outcomes and errors are those of Node, C and Python: API.md of `@mmfbus/channel` has all of them.
//! - **Waiting**: `try_...` never waits, and says what it came to. Without `try_` a call waits, at most an `Option<Duration>`:
//!   `None` waits for ever.
//! - **Payloads** are bytes; what they mean is the codec's business, whose id is an option. `mmfbus_msgpack.rs` reads and
//!   writes msgpack.
//! - **Calls** are in `mmfbus_service.rs`, which needs this file beside it.
//! - **Event loops**: `arm()` says how long to wait at most for one of `descriptors()` to be readable; then
//!   `try_receive` until it gives `None`, and arm again.
//! - **Positions** are the incarnation of a channel, which no other channel of its name has, and the number of a message. A
//!   program that keeps the position of its subscriber goes on after it later, also in another process: `Start::After`.
//! - **Threads**: each participant is used by one thread at a time.
//! - **Signals**: SIGPIPE has to be ignored, as Rust's own start-up code does.
//! - **Fork**: a child must not touch what its parent has joined, nor live on without `exec`.
//! - **Directory**: channels are listed there, so that tools find them and hear of their coming and going, unless an option
//!   says otherwise. A failure of it never affects the channel: `directory_failure()` tells it.
//! - **Limits**: Linux and macOS (which it was not run on), 64-bit and little-endian. Memory that another program truncates
//!   ends every process that uses it.
//! - **Unsafe** is what touches memory of others and the C library. Shared memory is accessed by atomic operations only,
//!   never by reference; every offset that is not our own is checked before.
#![allow(unknown_lints, unexpected_cfgs)]
#![deny(unsafe_op_in_unsafe_fn)]

#[cfg(not(unix))]
compile_error!("mmfbus for Rust works on Linux and macOS only");
#[cfg(not(all(target_endian = "little", target_pointer_width = "64")))]
compile_error!("mmfbus needs a little-endian machine of 64 bits");

extern crate alloc;

use self::alloc::collections::{BTreeMap, VecDeque};
use self::alloc::format;
use self::alloc::string::String;
use self::alloc::sync::Arc;
use self::alloc::vec;
use self::alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::fmt;
use core::sync::atomic::{fence, AtomicI64, AtomicU32, AtomicU64, Ordering::*};
use core::time::Duration;

// ---------------------------------------------------------------------------------------------------------- Results

/// The version of this module.
pub const VERSION: &str = "0.0.0";

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An argument or option is outside of its limits; says which.
    InvalidArgument(&'static str),
    /// The name is not 1 to 128 characters of `A-Z a-z 0-9 . _ -`.
    InvalidName,
    /// There is no such channel, and the call was not to create it.
    NotFound,
    /// There is such a channel already, and the call was to create it.
    Exists,
    /// The memory of that name is not a channel.
    NotAChannel,
    /// The channel has this other version of the format; or this version, and requires features that are unknown here, as
    /// bits.
    VersionMismatch { version: u32, features: u32 },
    /// The memory of that name is of this format and no channel, but something else: the number of its pattern.
    PatternMismatch(u32),
    /// The channel has this other capacity.
    CapacityMismatch(u64),
    /// The channel has this other history.
    HistoryMismatch(u64),
    /// The channel has this other limit of messages.
    MaxMessageMismatch(u64),
    /// The channel has another codec.
    CodecMismatch,
    /// The channel has another schema, or only one of channel and program has one.
    SchemaMismatch,
    /// Living participants hold all slots of the channel.
    TooManyParticipants,
    /// Only of `directory_failure()`: the directory is full; the channel works, and is not listed.
    TooManyChannels,
    /// The message is larger than the channel carries, or than one call can publish without waiting.
    TooLarge,
    /// The time that the call was given is over.
    Timeout,
    /// The subscription was to begin after a message that was not published yet.
    SequenceAhead,
    /// The subscription was to begin after a message of an earlier channel of that name, which has ended: the incarnation of
    /// the one that is there, and of the one that was wanted.
    OtherIncarnation { there: u64, wanted: u64 },
    /// A publisher gave this reliable subscriber up, because it was too slow.
    Disconnected,
    /// The shared memory holds what no participant writes; says what.
    Corrupted(&'static str),
    /// The operating system cannot supply that much shared memory.
    NoSpace,
    /// The operating system refuses access, or participants of several users could not wake each other, or the channel lets in others
    /// than were asked for; says which.
    AccessDenied(Denial),
    /// Any other failure of a call to the operating system, with this `errno`.
    OsError(&'static str, i32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidArgument(what) => write!(f, "an argument is wrong: {what}"),
            Error::InvalidName => write!(f, "a name is 1 to 128 characters of A-Z a-z 0-9 . _ -"),
            Error::NotFound => write!(f, "there is no such channel"),
            Error::Exists => write!(f, "there is such a channel already"),
            Error::NotAChannel => write!(f, "the memory of that name is not a channel"),
            Error::VersionMismatch { version, features: 0 } => {
                write!(f, "the channel has version {version} of the format, this is for {FORMAT_VERSION}")
            }
            Error::VersionMismatch { features, .. } => {
                write!(f, "the channel requires features that this program does not know: bits {features:#x}")
            }
            Error::PatternMismatch(there) => {
                write!(f, "its pattern is {there}; {PATTERN_CHANNEL} is a channel, {PATTERN_DIRECTORY} a directory")
            }
            Error::CapacityMismatch(there) => write!(f, "the channel has another capacity, {there}"),
            Error::HistoryMismatch(there) => write!(f, "the channel has another history, {there}"),
            Error::MaxMessageMismatch(there) => write!(f, "the channel has another limit of messages, {there} bytes"),
            Error::CodecMismatch => write!(f, "the channel has another codec"),
            Error::SchemaMismatch => write!(f, "the channel has another schema, or only one of channel and program has one"),
            Error::TooManyParticipants => write!(f, "all slots of the channel are taken"),
            Error::TooManyChannels => write!(f, "all entries of the directory are taken"),
            Error::TooLarge => write!(f, "the message is larger than the channel carries"),
            Error::Timeout => write!(f, "the time is over"),
            Error::SequenceAhead => write!(f, "that number was not published yet"),
            Error::OtherIncarnation { there, wanted } => {
                write!(f, "it was to begin in the incarnation {wanted:016x}, of which nothing is left: this one is {there:016x}")
            }
            Error::Disconnected => write!(f, "this subscriber was too slow and was disconnected"),
            Error::Corrupted(what) => write!(f, "the shared memory holds what no participant writes: {what}"),
            Error::NoSpace => write!(f, "the operating system cannot supply that much shared memory"),
            Error::AccessDenied(why) => write!(f, "access is denied: {why}"),
            Error::OsError(call, errno) => write!(f, "{call} failed with errno {errno}"),
        }
    }
}

/// Whom a file lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub uid: u32,
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
}

impl Access {
    fn of(stat: &c::Stat) -> Access {
        Access { uid: stat.uid, gid: stat.gid, mode: stat.permissions() }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "belongs to user {} and group {} and has the mode 0{:o}", self.uid, self.gid, self.mode)
    }
}

/// Why access is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// The operating system refused that call, with this `errno`.
    System(&'static str, i32),
    /// The channel is for another user alone.
    NotThisUsers(Access),
    /// This user is not in the channel's group, whose members alone could wake it.
    NotInGroup { channel: Access, user: u32 },
    /// The channel has another group than this program asks for.
    OtherGroup { channel: Access, wanted: u32 },
    /// The channel lets in others than this program asks for.
    WiderMode { channel: Access, most: u32 },
    /// A directory lets in others than those that its name says.
    OtherMode { directory: Access, wanted: u32 },
    /// This user may not give a file to that user and that group.
    NoGift { from: u32, uid: u32, gid: u32 },
    /// What a user's processes left behind is too small, and that user alone may remove it; bytes.
    LeftBehind { owner: u32, size: u64, needed: u64 },
    /// This user may not wake the participant in that slot.
    Bell { slot: u32, bell: Access },
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denial::System(call, errno) => write!(f, "{call} failed with errno {errno}"),
            Denial::NotThisUsers(channel) => write!(f, "the channel {channel}, which lets in that user alone"),
            Denial::NotInGroup { channel, user } => {
                write!(f, "the channel {channel}, and user {user} is no member of that group")
            }
            Denial::OtherGroup { channel, wanted } => {
                write!(f, "the channel {channel}, and this program asks for group {wanted}")
            }
            Denial::WiderMode { channel, most } => write!(f, "the channel {channel}; this program allows 0{most:o} at most"),
            Denial::OtherMode { directory, wanted } => {
                write!(f, "the directory {directory}, and this program asks for 0{wanted:o}")
            }
            Denial::NoGift { from, uid, gid } => write!(f, "user {from} may not give files to user {uid} and group {gid}"),
            Denial::LeftBehind { owner, size, needed } => write!(
                f,
                "its memory was left behind by user {owner}, who alone may remove it, and has {size} bytes; {needed} are needed"
            ),
            Denial::Bell { slot, bell } => {
                write!(f, "this user may not wake the participant in slot {slot}: its bell {bell}")
            }
        }
    }
}

/// What a call that does not wait came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is not published is lost"]
pub enum Outcome {
    /// Every subscriber gets it. The number of the message; of several that of the first.
    Published(u64),
    /// Nothing was published: a reliable subscriber has not taken enough yet.
    Full,
    /// Nothing was published: another publisher holds the publisher lock.
    Busy,
}

/// What `try_claim` came to.
#[must_use = "a claim that is dropped publishes nothing"]
pub enum ClaimOutcome<'a> {
    Claimed(Claim<'a>),
    /// As of `Outcome`.
    Full,
    /// As of `Outcome`.
    Busy,
}

/// What `receive` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Message(Message),
    /// The messages with these numbers are lost.
    Gap { first: u64, last: u64 },
    /// The last publisher has left or died. Another one may come.
    PublishersGone { reason: Reason },
    /// With the option `publisher_events`: a publisher has joined. Those that were there before are not told of.
    PublisherJoined(PublisherInfo),
    /// With the option `publisher_events`: a publisher has left or died, and `remaining` are left. Everything that it
    /// published before it was found to be gone has been delivered. Of those that came and went between two looks nothing is
    /// said.
    PublisherLeft { publisher: PublisherInfo, reason: Reason, remaining: u32 },
}

/// What a publisher did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Left,
    Died,
    /// Several participants had its slot, one after the other, between two looks.
    Unknown,
}

/// A publisher that joins or leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherInfo {
    /// As messages name it.
    pub slot: u32,
    /// What it calls itself, or empty. Control characters are shown as escapes.
    pub name: String,
    /// Of its process, in its PID namespace; 0 where it is not known.
    pub pid: u32,
}

/// A place among the messages of a channel. It may be kept: it never means another message, not even when the channel has
/// ended meanwhile and another one has its name. Other languages write the incarnation as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of this life of the channel: random, never 0.
    pub incarnation: u64,
    /// Number of a message; 0 before the first.
    pub sequence: u64,
}

/// A message; its bytes are a private copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// From 1 on in each channel, without holes.
    pub sequence: u64,
    /// Nanoseconds of the monotonic clock; 0 where the publisher does not say.
    pub timestamp: u64,
    /// The publisher's slot.
    pub publisher: u32,
    pub data: Vec<u8>,
}

// ---------------------------------------------------------------------------------------------------------- Options

/// Who finds a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The programs of this user.
    User,
    /// The programs of all users.
    Machine,
}

/// What to do where the channel exists, and where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    OpenOrCreate,
    Open,
    Create,
}

/// Whether publishers wait for a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Reliable,
    /// They overtake it, and it is told what it missed.
    Lossy,
}

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next message.
    Latest,
    /// With the oldest one in the ring.
    Earliest,
    /// With the last ones that the channel promises to keep.
    History,
    /// With the one after that position; what the ring has lost since is a gap.
    After(Position),
}

/// Where a subscription begins that was to begin after a position of an earlier channel of that name, of which nothing is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Nowhere: joining fails with `OtherIncarnation`.
    Error,
    Earliest,
    Latest,
}

/// What happens to reliable subscribers that leave no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowSubscribers {
    Wait,
    /// Their subscription ends.
    Disconnect,
}

/// For `schema` of a subscriber: neither schema nor codec are compared, and the channel is never created.
pub const SCHEMA_ANY: &str = "any";

/// How to join; `Options::new` has the defaults.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Id of the codec, up to 31 ASCII characters: `raw`, `json`, `msgpack` or one of your own.
    pub codec: &'a str,
    /// Text that describes the payloads, compared byte by byte. Defaults to none, and the channel must have none.
    pub schema: &'a str,
    /// Bytes of the ring, a power of two; 0: whatever the channel has, 8 MiB where it is created here.
    pub capacity: u64,
    /// Last messages that late joiners find for certain; 0: whatever the channel has, none where it is created here.
    pub history: u64,
    /// Bytes; 0: whatever the channel has, 64 MiB where it is created here, with a history as many as that leaves.
    pub max_message: u64,
    /// Slots, 2 to 1024, where the channel is created here. Defaults to 64.
    pub max_participants: u32,
    /// Permission bits: users that they let read and write may join. Where the channel is created here; of the scope `Machine` also
    /// the most that one which exists may have. 0: whatever the channel has, 0o600 where it is created here.
    pub mode: u32,
    /// Its group, by name or id, where the channel is created here; of the scope `Machine` also the one that it must have. Empty:
    /// whichever the channel has, that of new files where it is created here.
    pub group: &'a str,
    /// Whether joining lists the channel in the directory, so that tools find it. Defaults to true.
    pub discoverable: bool,
    /// Defaults to `User`.
    pub scope: Scope,
    /// Defaults to `OpenOrCreate`.
    pub open: Open,
    /// Up to 48 bytes, shown by tools that look into the channel.
    pub name: &'a str,
    /// How long joining and leaving wait for a living holder of the publisher lock. Defaults to 5 seconds.
    pub timeout: Duration,
    /// Publisher. Defaults to `Wait`.
    pub slow_subscribers: SlowSubscribers,
    /// Publisher: whether messages say when they were published. Defaults to true.
    pub timestamps: bool,
    /// Subscriber. Defaults to `Reliable`.
    pub delivery: Delivery,
    /// Subscriber. Defaults to none: `History` where the channel has one, else `Latest`.
    pub start: Option<Start>,
    /// Subscriber, with `Start::After`. Defaults to `Error`.
    pub otherwise: Otherwise,
    /// Subscriber: whether `receive` tells of publishers that join and leave. Defaults to false.
    pub publisher_events: bool,
    /// Subscriber: how long `receive` looks for the next event before it sleeps. Defaults to 200 microseconds.
    pub poll_window: Duration,
}

impl<'a> Options<'a> {
    pub const fn new(codec: &'a str) -> Options<'a> {
        Options {
            codec,
            schema: "",
            capacity: 0,
            history: 0,
            max_message: 0,
            max_participants: 64,
            mode: 0,
            group: "",
            discoverable: true,
            scope: Scope::User,
            open: Open::OpenOrCreate,
            name: "",
            timeout: Duration::from_secs(5),
            slow_subscribers: SlowSubscribers::Wait,
            timestamps: true,
            delivery: Delivery::Reliable,
            start: None,
            otherwise: Otherwise::Error,
            publisher_events: false,
            poll_window: Duration::from_micros(200),
        }
    }

    fn takes_any(&self) -> bool {
        self.schema == SCHEMA_ANY
    }

    /// Names the first option that no channel can have.
    pub(crate) fn check(&self, subscribes: bool) -> Result<(), Error> {
        let wrong = if !(1..=31).contains(&self.codec.len()) {
            "the codec has 1 to 31 bytes"
        } else if self.schema.len() > MAX_SCHEMA_LENGTH as usize {
            "a schema has up to 1 MiB"
        } else if self.name.len() > SLOT_NAME_SIZE {
            "the name of a participant has up to 48 bytes"
        } else if self.mode & !0o777 != 0 {
            "mode has other bits than those of permissions"
        } else if self.takes_any() && !subscribes {
            "any schema is for subscribers only"
        } else if self.takes_any() && self.open == Open::Create {
            "a channel is created with a schema of its own, not any"
        } else {
            return Ok(());
        };
        Err(Error::InvalidArgument(wrong))
    }
}

// ------------------------------------------------------------------------------------------------------------ Steps

#[cfg(mmfbus_steps)]
extern "Rust" {
    /// For tests, which kill a process at its steps: compile with `--cfg mmfbus_steps` and define it.
    pub(crate) fn mmfbus_step(step: &'static str);
}

macro_rules! step {
    ($name:literal) => {
        // SAFETY: the test that sets the flag defines the function.
        #[cfg(mmfbus_steps)]
        unsafe {
            mmfbus_step($name)
        }
    };
}

// ----------------------------------------------------------------------------------------------------------- System

/// The C library, as far as it is needed.
pub(crate) mod c {
    // Those of `core::ffi` came with Rust 1.64. All that is done with characters is to pass on their address.
    #![allow(non_camel_case_types)]
    pub use core::ffi::c_void;
    pub type c_char = u8;
    pub type c_int = i32;

    #[cfg(target_os = "linux")]
    mod constants {
        pub const O_CREAT: i32 = 0o100;
        pub const O_EXCL: i32 = 0o200;
        pub const O_NONBLOCK: i32 = 0o4000;
        pub const O_NOFOLLOW: i32 = if cfg!(target_arch = "aarch64") { 0o100000 } else { 0o400000 };
        pub const O_CLOEXEC: i32 = 0o2000000;
        pub const EAGAIN: i32 = 11;
        pub const CLOCK_MONOTONIC: i32 = 1;
        pub const NAME_IN_ENTRY: usize = 19;
    }
    #[cfg(not(target_os = "linux"))]
    mod constants {
        pub const O_CREAT: i32 = 0x200;
        pub const O_EXCL: i32 = 0x800;
        pub const O_NONBLOCK: i32 = 4;
        pub const O_NOFOLLOW: i32 = 0x100;
        pub const O_CLOEXEC: i32 = 0x1000000;
        pub const EAGAIN: i32 = 35;
        // The one that counts as mach_absolute_time does.
        pub const CLOCK_MONOTONIC: i32 = 8;
        pub const NAME_IN_ENTRY: usize = 21;
    }
    pub use constants::*;
    pub const O_RDONLY: i32 = 0;
    pub const O_WRONLY: i32 = 1;
    pub const O_RDWR: i32 = 2;
    pub const ENOENT: i32 = 2;
    pub const ENOMEM: i32 = 12;
    pub const ENFILE: i32 = 23;
    pub const EMFILE: i32 = 24;
    pub const ESRCH: i32 = 3;
    pub const ENXIO: i32 = 6;
    pub const EACCES: i32 = 13;
    pub const EEXIST: i32 = 17;
    pub const ERANGE: i32 = 34;
    pub const ENOSPC: i32 = 28;
    pub const EPERM: i32 = 1;
    pub const LOCK_SH: i32 = 1;
    pub const LOCK_EX: i32 = 2;
    pub const LOCK_NB: i32 = 4;
    pub const LOCK_UN: i32 = 8;
    pub const PROT_READ_WRITE: i32 = 3;
    pub const MAP_SHARED: i32 = 1;
    pub const POLLIN: i16 = 1;
    pub const S_IFMT: u32 = 0o170000;
    pub const S_IFREG: u32 = 0o100000;
    pub const S_IFIFO: u32 = 0o010000;

    #[repr(C)]
    pub struct Timespec {
        pub seconds: i64,
        pub nanoseconds: i64,
    }

    #[repr(C)]
    pub struct PollFd {
        pub fd: c_int,
        pub events: i16,
        pub revents: i16,
    }

    #[repr(C)]
    pub struct Group {
        name: *const c_char,
        password: *const c_char,
        pub gid: u32,
        members: *const *const c_char,
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[repr(C)]
    pub struct Stat {
        pub dev: u64,
        pub ino: u64,
        nlink: u64,
        pub mode: u32,
        pub uid: u32,
        pub gid: u32,
        pad: u32,
        rdev: u64,
        pub size: i64,
        rest: [u64; 11],
    }
    #[cfg(all(target_os = "linux", not(target_arch = "x86_64")))]
    #[repr(C)]
    pub struct Stat {
        pub dev: u64,
        pub ino: u64,
        pub mode: u32,
        nlink: u32,
        pub uid: u32,
        pub gid: u32,
        rdev: u64,
        pad: u64,
        pub size: i64,
        rest: [u64; 9],
    }
    #[cfg(not(target_os = "linux"))]
    #[repr(C)]
    pub struct Stat {
        pub dev: i32,
        mode16: u16,
        nlink: u16,
        pub ino: u64,
        pub uid: u32,
        pub gid: u32,
        rdev: i32,
        times: [u64; 8],
        pub size: i64,
        rest: [u64; 6],
    }

    impl Stat {
        #[cfg(target_os = "linux")]
        pub fn permissions(&self) -> u32 {
            self.mode & 0o777
        }
        #[cfg(not(target_os = "linux"))]
        pub fn permissions(&self) -> u32 {
            self.mode16 as u32 & 0o777
        }
        #[cfg(target_os = "linux")]
        pub fn kind(&self) -> u32 {
            self.mode & S_IFMT
        }
        #[cfg(not(target_os = "linux"))]
        pub fn kind(&self) -> u32 {
            self.mode16 as u32 & S_IFMT
        }
    }

    extern "C" {
        pub fn open(path: *const c_char, flags: c_int, ...) -> c_int;
        pub fn close(fd: c_int) -> c_int;
        pub fn read(fd: c_int, data: *mut c_void, length: usize) -> isize;
        pub fn pread(fd: c_int, data: *mut c_void, length: usize, offset: i64) -> isize;
        pub fn pwrite(fd: c_int, data: *const c_void, length: usize, offset: i64) -> isize;
        pub fn write(fd: c_int, data: *const c_void, length: usize) -> isize;
        #[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), link_name = "fstat$INODE64")]
        pub fn fstat(fd: c_int, stat: *mut Stat) -> c_int;
        #[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), link_name = "stat$INODE64")]
        pub fn stat(path: *const c_char, stat: *mut Stat) -> c_int;
        pub fn fchmod(fd: c_int, mode: u32) -> c_int;
        pub fn fchown(fd: c_int, uid: u32, gid: u32) -> c_int;
        pub fn getegid() -> u32;
        pub fn getgroups(count: c_int, groups: *mut u32) -> c_int;
        pub fn getgrnam_r(
            name: *const c_char,
            group: *mut Group,
            buffer: *mut c_char,
            length: usize,
            found: *mut *mut Group,
        ) -> c_int;
        pub fn mkfifo(path: *const c_char, mode: u32) -> c_int;
        pub fn link(from: *const c_char, to: *const c_char) -> c_int;
        pub fn rename(from: *const c_char, to: *const c_char) -> c_int;
        pub fn unlink(path: *const c_char) -> c_int;
        pub fn flock(fd: c_int, operation: c_int) -> c_int;
        #[cfg(target_os = "linux")]
        pub fn posix_fallocate(fd: c_int, offset: i64, length: i64) -> c_int;
        pub fn mmap(at: *mut c_void, length: usize, protection: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void;
        pub fn munmap(at: *mut c_void, length: usize) -> c_int;
        pub fn poll(fds: *mut PollFd, count: usize, milliseconds: c_int) -> c_int;
        pub fn getpid() -> c_int;
        pub fn geteuid() -> u32;
        pub fn kill(pid: c_int, signal: c_int) -> c_int;
        pub fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
        pub fn nanosleep(time: *const Timespec, left: *mut Timespec) -> c_int;
        pub fn getenv(name: *const c_char) -> *const c_char;
        pub fn strlen(text: *const c_char) -> usize;
        pub fn readlink(path: *const c_char, target: *mut c_char, length: usize) -> isize;
        pub fn getpagesize() -> c_int;
        #[cfg(not(target_os = "linux"))]
        pub fn getprogname() -> *const c_char;
        pub fn opendir(path: *const c_char) -> *mut c_void;
        #[cfg_attr(all(target_os = "macos", target_arch = "x86_64"), link_name = "readdir$INODE64")]
        pub fn readdir(directory: *mut c_void) -> *const u8;
        pub fn closedir(directory: *mut c_void) -> c_int;
        #[cfg(target_os = "linux")]
        #[link_name = "__errno_location"]
        pub fn errno_at() -> *mut c_int;
        #[cfg(not(target_os = "linux"))]
        #[link_name = "__error"]
        pub fn errno_at() -> *mut c_int;
    }
}

fn errno() -> i32 {
    // SAFETY: the C library gives the address of this thread's own variable.
    unsafe { *c::errno_at() }
}

fn os_error(call: &'static str) -> Error {
    failed(call, errno())
}

fn failed(call: &'static str, code: i32) -> Error {
    match code {
        c::EACCES | c::EPERM => Error::AccessDenied(Denial::System(call, code)),
        c::ENOSPC => Error::NoSpace,
        code => Error::OsError(call, code),
    }
}

/// A path, with the zero at its end that C wants.
#[derive(Clone)]
pub(crate) struct Path(Vec<u8>);

impl Path {
    fn new(text: &str) -> Path {
        let mut bytes = Vec::from(text.as_bytes());
        bytes.push(0);
        Path(bytes)
    }

    /// Of what it leads to.
    fn stat(&self) -> Option<c::Stat> {
        // SAFETY: all of the structure is numbers; the C library fills it; the path ends with a zero.
        unsafe {
            let mut stat: c::Stat = core::mem::zeroed();
            (c::stat(self.as_ptr(), &mut stat) == 0).then_some(stat)
        }
    }

    pub(crate) fn in_directory(name: &str) -> Path {
        Path::new(&format!("{}/{name}", directory()))
    }

    fn as_ptr(&self) -> *const c::c_char {
        self.0.as_ptr() as *const c::c_char
    }

    /// Whether it is a file or FIFO of this user.
    pub(crate) fn is_own(&self) -> bool {
        // SAFETY: all of the structure is numbers; the C library fills it; the path ends with a zero.
        unsafe {
            let mut stat: c::Stat = core::mem::zeroed();
            let is_there = c::stat(self.as_ptr(), &mut stat) == 0;
            is_there && stat.uid == c::geteuid() && (stat.kind() == c::S_IFREG || stat.kind() == c::S_IFIFO)
        }
    }

    fn unlink(&self) {
        // SAFETY: the path ends with a zero. Another process may have removed the file, or another user own it.
        unsafe { c::unlink(self.as_ptr()) };
    }
}

/// Where segments and ports are.
fn directory() -> String {
    for name in ["MMFBUS_DIRECTORY\0", if cfg!(target_os = "linux") { "\0" } else { "TMPDIR\0" }] {
        // SAFETY: both texts end with a zero; no thread changes the environment meanwhile.
        let bytes = unsafe {
            let value = c::getenv(name.as_ptr() as *const c::c_char);
            if value.is_null() || c::strlen(value) == 0 {
                continue;
            }
            core::slice::from_raw_parts(value as *const u8, c::strlen(value))
        };
        return String::from_utf8_lossy(bytes).trim_end_matches('/').into();
    }
    String::from(if cfg!(target_os = "linux") { "/dev/shm" } else { "/tmp" })
}

/// A descriptor that is closed when it is dropped.
pub(crate) struct Fd(pub(crate) c::c_int);

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours, and is closed once.
        unsafe { c::close(self.0) };
    }
}

impl Fd {
    /// The `errno` where it cannot be opened.
    pub(crate) fn open(path: &Path, flags: i32) -> Result<Fd, i32> {
        let flags = flags | c::O_NONBLOCK | c::O_NOFOLLOW | c::O_CLOEXEC;
        // SAFETY: the path ends with a zero.
        let fd = unsafe { c::open(path.as_ptr(), flags, 0o600) };
        if fd < 0 {
            Err(errno())
        } else {
            Ok(Fd(fd))
        }
    }

    fn stat(&self) -> Option<c::Stat> {
        // SAFETY: all of the structure is numbers; the C library fills it.
        unsafe {
            let mut stat: c::Stat = core::mem::zeroed();
            (c::fstat(self.0, &mut stat) == 0).then_some(stat)
        }
    }

    /// Gives a new file to that user and that group, where it is not theirs yet, and its permissions, whatever the umask.
    fn give_to(&self, uid: Option<u32>, gid: Option<u32>, mode: u32) -> Result<(), Error> {
        let stat = self.stat().ok_or_else(|| os_error("fstat"))?;
        let (to_uid, to_gid) = (uid.unwrap_or(stat.uid), gid.unwrap_or(stat.gid));
        let is_theirs = to_uid == stat.uid && to_gid == stat.gid;
        // SAFETY: nothing but numbers.
        if !is_theirs && unsafe { c::fchown(self.0, to_uid, to_gid) } != 0 {
            return Err(match errno() {
                c::EPERM => Error::AccessDenied(Denial::NoGift { from: stat.uid, uid: to_uid, gid: to_gid }),
                code => failed("fchown", code),
            });
        }
        // SAFETY: nothing but numbers.
        match unsafe { c::fchmod(self.0, mode) } {
            0 => Ok(()),
            _ => Err(os_error("fchmod")),
        }
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> usize {
        // SAFETY: no more is written than the slice holds.
        let length = unsafe { c::pread(self.0, target.as_mut_ptr() as *mut c::c_void, target.len(), offset as i64) };
        length.max(0) as usize
    }

    fn flock(&self, operation: i32) -> bool {
        // SAFETY: nothing but numbers.
        unsafe { c::flock(self.0, operation | c::LOCK_NB) == 0 }
    }

    /// Whether the path leads to this file.
    fn is_at(&self, path: &Path) -> bool {
        match (path.stat(), self.stat()) {
            (Some(there), Some(here)) => there.dev == here.dev && there.ino == here.ino,
            _ => false,
        }
    }

    /// Reads all there is; false at the end of the file.
    pub(crate) fn drain(&self) -> bool {
        let mut data = [0u8; 4096];
        loop {
            // SAFETY: no more is written than the array holds.
            let length = unsafe { c::read(self.0, data.as_mut_ptr() as *mut c::c_void, data.len()) };
            if length <= 0 {
                return length != 0;
            }
            if (length as usize) < data.len() {
                return true;
            }
        }
    }
}

/// A FIFO that a process made, and nothing else that has come to have its name; otherwise the `errno`.
fn open_fifo(path: &Path, flags: i32) -> Result<Fd, i32> {
    let fd = Fd::open(path, flags)?;
    match fd.stat() {
        Some(stat) if stat.kind() == c::S_IFIFO => Ok(fd),
        _ => Err(-1),
    }
}

/// Nanoseconds of the monotonic clock.
pub(crate) fn now() -> u64 {
    let mut time = c::Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the C library fills the structure.
    unsafe { c::clock_gettime(c::CLOCK_MONOTONIC, &mut time) };
    (time.seconds as u64).wrapping_mul(1_000_000_000).wrapping_add(time.nanoseconds as u64)
}

pub(crate) fn sleep(time: Duration) {
    let time = c::Timespec { seconds: time.as_secs() as i64, nanoseconds: time.subsec_nanos() as i64 };
    // SAFETY: the structure is read only.
    unsafe { c::nanosleep(&time, core::ptr::null_mut()) };
}

/// When a wait ends.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(pub(crate) Option<u64>);

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Deadline {
        Deadline(timeout.map(|time| now().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))))
    }

    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|end| Duration::from_nanos(end.saturating_sub(now())))
    }

    pub(crate) fn is_over(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }
}

pub(crate) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn read_file(path: &str, target: &mut [u8]) -> usize {
    match Fd::open(&Path::new(path), c::O_RDONLY) {
        Ok(fd) => fd.read_at(0, target),
        Err(_) => 0,
    }
}

/// Who a process is. A field that is 0 proves nothing.
#[derive(Clone, Copy, PartialEq)]
struct Identity {
    start_time: u64,
    pid_namespace: u64,
    pid: u32,
}

impl Identity {
    fn own() -> Identity {
        // SAFETY: nothing but numbers.
        let pid = unsafe { c::getpid() } as u32;
        Identity { start_time: start_time(pid), pid_namespace: pid_namespace(), pid }
    }

    /// Whether that process is proved to be gone.
    fn is_gone(self) -> bool {
        let Identity { start_time: started, pid_namespace: namespace, pid } = self;
        if pid == 0 || pid > i32::MAX as u32 || namespace == 0 || namespace != pid_namespace() {
            return false;
        }
        // SAFETY: the signal 0 only asks whether there is such a process.
        if unsafe { c::kill(pid as i32, 0) } != 0 && errno() == c::ESRCH {
            return true;
        }
        let actual = start_time(pid);
        actual != 0 && started != 0 && actual != started
    }
}

/// Clock ticks since boot; 0 unknown.
fn start_time(pid: u32) -> u64 {
    let mut text = [0u8; 1024];
    let length = read_file(&format!("/proc/{pid}/stat"), &mut text);
    // The name of the program, field 2, may hold anything, so count from its end.
    let text = &text[..length];
    let after = match text.iter().rposition(|&byte| byte == b')') {
        Some(end) => &text[end + 1..],
        None => return 0,
    };
    let field = after.split(|&byte| byte == b' ').filter(|field| !field.is_empty()).nth(19);
    field.and_then(|field| core::str::from_utf8(field).ok()?.parse().ok()).unwrap_or(0)
}

/// The inode of `/proc/self/ns/pid`, which is what it links to, as `pid:[4026531836]`; 0 unknown.
fn pid_namespace() -> u64 {
    if !cfg!(target_os = "linux") {
        return 1;
    }
    let mut text = [0u8; 64];
    let path = Path::new("/proc/self/ns/pid");
    // SAFETY: no more is written than the array holds; the path ends with a zero.
    let length = unsafe { c::readlink(path.as_ptr(), text.as_mut_ptr() as *mut c::c_char, text.len()) };
    let digits: Vec<u8> = text[..length.max(0) as usize].iter().copied().filter(u8::is_ascii_digit).collect();
    core::str::from_utf8(&digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Waits until some of the descriptors are readable or have ended, and returns those.
pub(crate) fn poll(descriptors: impl Iterator<Item = i32>, timeout: Option<Duration>) -> Vec<i32> {
    let mut fds: Vec<c::PollFd> = descriptors.map(|fd| c::PollFd { fd, events: c::POLLIN, revents: 0 }).collect();
    let milliseconds = timeout.map_or(-1, |time| {
        let rounded = (time.as_nanos() + 999_999) / 1_000_000;
        i32::try_from(rounded).unwrap_or(i32::MAX)
    });
    // SAFETY: as many entries as are said.
    unsafe { c::poll(fds.as_mut_ptr(), fds.len(), milliseconds) };
    fds.iter().filter(|polled| polled.revents != 0).map(|polled| polled.fd).collect()
}

pub(crate) fn random() -> Result<u64, Error> {
    let mut bytes = [0u8; 8];
    let fd = Fd::open(&Path::new("/dev/urandom"), c::O_RDONLY).map_err(|code| failed("open", code))?;
    // SAFETY: no more is written than the array holds.
    let length = unsafe { c::read(fd.0, bytes.as_mut_ptr() as *mut c::c_void, bytes.len()) };
    if length == bytes.len() as isize {
        Ok(u64::from_le_bytes(bytes))
    } else {
        Err(os_error("read"))
    }
}

/// A path for what is not finished; it says who makes it.
fn temporary_path() -> Result<Path, Error> {
    let Identity { start_time, pid_namespace, pid } = Identity::own();
    let random = random()?;
    Ok(Path::in_directory(&format!("mmfbus~new.{pid_namespace}.{pid}.{start_time}.{random:016x}")))
}

/// The names of the files in the directory.
pub(crate) fn file_names() -> Option<Vec<String>> {
    let path = Path::new(&directory());
    let mut names = Vec::new();
    // SAFETY: the path ends with a zero; each entry is there until the next call, and its name ends with a zero.
    unsafe {
        let directory = c::opendir(path.as_ptr());
        if directory.is_null() {
            return None;
        }
        loop {
            let entry = c::readdir(directory);
            if entry.is_null() {
                break;
            }
            let name = entry.add(c::NAME_IN_ENTRY);
            let bytes = core::slice::from_raw_parts(name, c::strlen(name as *const c::c_char));
            if let Ok(name) = core::str::from_utf8(bytes) {
                names.push(String::from(name));
            }
        }
        c::closedir(directory);
    }
    Some(names)
}

// ------------------------------------------------------------------------------------------------------ Memory, layout

/// Mapped memory that other processes change at any time.
pub(crate) struct Memory {
    at: *mut u8,
    length: usize,
}

// SAFETY: all access is by atomic operations, and each participant is used by one thread at a time.
unsafe impl Send for Memory {}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was mapped with that length, and no reference into it is left.
        unsafe { c::munmap(self.at as *mut c::c_void, self.length) };
    }
}

impl Memory {
    fn map(fd: &Fd, length: usize) -> Result<Memory, Error> {
        // SAFETY: a new mapping, wherever the system has room for it.
        let at = unsafe { c::mmap(core::ptr::null_mut(), length, c::PROT_READ_WRITE, c::MAP_SHARED, fd.0, 0) };
        if at as isize == -1 {
            return Err(os_error("mmap"));
        }
        Ok(Memory { at: at as *mut u8, length })
    }

    pub(crate) fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset % 4 == 0 && offset + 4 <= self.length);
        // SAFETY: within the mapping, aligned, and only ever accessed by atomic operations.
        unsafe { &*(self.at.add(offset) as *const AtomicU32) }
    }

    pub(crate) fn long(&self, offset: usize) -> &AtomicI64 {
        assert!(offset % 8 == 0 && offset + 8 <= self.length);
        // SAFETY: as above.
        unsafe { &*(self.at.add(offset) as *const AtomicI64) }
    }

    /// The longs of a range that is a whole number of them.
    fn longs(&self, offset: usize, count: usize) -> &[AtomicU64] {
        assert!(offset % 8 == 0 && offset <= self.length && count <= (self.length - offset) / 8);
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts(self.at.add(offset) as *const AtomicU64, count) }
    }

    /// Copies whole longs out, in any order.
    pub(crate) fn copy_out(&self, offset: usize, target: &mut [u64]) {
        for (long, target) in self.longs(offset, target.len()).iter().zip(target) {
            *target = long.load(Relaxed);
        }
    }

    /// Copies bytes in, in any order; of the last long whatever is left is zero.
    fn copy_in(&self, offset: usize, source: &[u8]) {
        let longs = self.longs(offset, (source.len() + 7) / 8);
        for (long, bytes) in longs.iter().zip(source.chunks(8)) {
            let mut whole = [0u8; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            long.store(u64::from_le_bytes(whole), Relaxed);
        }
    }

    pub(crate) fn read(&self, offset: usize) -> u64 {
        self.longs(offset, 1)[0].load(Relaxed)
    }

    pub(crate) fn write(&self, offset: usize, value: u64) {
        self.longs(offset, 1)[0].store(value, Relaxed);
    }
}

/// The bytes of longs.
pub(crate) fn bytes_of(longs: &[u64]) -> &[u8] {
    // SAFETY: any eight bytes are a long, and have no alignment.
    unsafe { core::slice::from_raw_parts(longs.as_ptr() as *const u8, longs.len() * 8) }
}

fn array_of<const LENGTH: usize>(longs: &[u64]) -> [u8; LENGTH] {
    let mut array = [0u8; LENGTH];
    array.copy_from_slice(bytes_of(longs));
    array
}

// generated from the layouts of @mmfbus/channel
#[allow(dead_code)]
mod layout {
    // Segment header.
    pub const HEADER_MAGIC: usize = 0;
    pub const HEADER_FORMAT_VERSION: usize = 8;
    pub const FORMAT_VERSION: u32 = 2;
    pub const HEADER_HEADER_LENGTH: usize = 12;
    pub const HEADER_SEGMENT_LENGTH: usize = 16;
    pub const HEADER_RING_OFFSET: usize = 24;
    pub const HEADER_RING_CAPACITY: usize = 32;
    pub const HEADER_PARTICIPANTS_OFFSET: usize = 40;
    pub const HEADER_PARTICIPANT_COUNT: usize = 44;
    pub const HEADER_PARTICIPANT_LENGTH: usize = 48;
    pub const HEADER_MAX_PAYLOAD: usize = 52;
    pub const HEADER_SCHEMA_OFFSET: usize = 56;
    pub const HEADER_SCHEMA_LENGTH: usize = 60;
    pub const HEADER_CODEC: usize = 64;
    pub const HEADER_CODEC_SIZE: usize = 32;
    pub const HEADER_SCHEMA: usize = 96;
    pub const HEADER_SCHEMA_SIZE: usize = 32;
    pub const HEADER_HISTORY: usize = 128;
    pub const HEADER_MAX_MESSAGE: usize = 136;
    pub const HEADER_CREATED_AT: usize = 144;
    pub const HEADER_PATTERN: usize = 152;
    pub const PATTERN_CHANNEL: u32 = 1;
    pub const PATTERN_REGISTRY: u32 = 2;
    pub const PATTERN_CALLS: u32 = 3;
    pub const PATTERN_REPLIES: u32 = 4;
    pub const PATTERN_DIRECTORY: u32 = 7;
    pub const HEADER_REQUIRED_FEATURES: usize = 156;
    pub const HEADER_OPTIONAL_FEATURES: usize = 160;
    pub const HEADER_INCARNATION: usize = 168;
    pub const HEADER_PUBLISHER_LOCK: usize = 192;
    pub const HEADER_TAIL: usize = 256;
    pub const HEADER_HEAD: usize = 320;
    pub const HEADER_EPOCH: usize = 384;
    pub const HEADER_SLEEPERS: usize = 388;
    pub const HEADER_ROOM_WAITERS: usize = 392;
    pub const HEADER_CLOSED_EPOCH: usize = 396;
    pub const HEADER_CLOSED_REASON: usize = 400;
    pub const CLOSED_BY_LEAVING: u32 = 1;
    pub const CLOSED_BY_DEATH: u32 = 2;
    pub const HEADER_SLOTS_USED: usize = 404;
    pub const HEADER_MEMBER_WAITERS: usize = 408;
    pub const HEADER_SIZE: usize = 512;

    // Slot of a participant.
    pub const SLOT_NONCE: usize = 0;
    pub const SLOT_IDENTITY_NONCE: usize = 8;
    pub const SLOT_START_TIME: usize = 16;
    pub const SLOT_PID_NAMESPACE: usize = 24;
    pub const SLOT_PID: usize = 32;
    pub const SLOT_GENERATION: usize = 36;
    pub const SLOT_JOINED_AT: usize = 40;
    pub const SLOT_THREAD_START_TIME: usize = 48;
    pub const SLOT_THREAD_ID: usize = 56;
    pub const SLOT_CURSOR: usize = 64;
    pub const SLOT_STATE: usize = 72;
    pub const STATE_NONE: u32 = 0;
    pub const STATE_PUBLISHER: u32 = 1;
    pub const STATE_RELIABLE: u32 = 2;
    pub const STATE_LOSSY: u32 = 3;
    pub const STATE_DISCONNECTED: u32 = 4;
    pub const SLOT_ASLEEP: usize = 76;
    pub const SLOT_SLEEPS: usize = 80;
    pub const SLOT_DISCONNECT_REASON: usize = 84;
    pub const DISCONNECTED_AS_SLOW: u32 = 1;
    pub const DISCONNECTED_AS_WRONG: u32 = 2;
    pub const SLOT_WANTS: usize = 88;
    pub const WANTS_FRAMES: u32 = 1;
    pub const WANTS_ROOM: u32 = 2;
    pub const WANTS_MEMBERS: u32 = 4;
    pub const SLOT_LAST_END: usize = 92;
    pub const ENDED_BY_LEAVING: u32 = 1;
    pub const ENDED_BY_DEATH: u32 = 2;
    pub const SLOT_PHASE: usize = 96;
    pub const PHASE_SERVING: u32 = 1;
    pub const PHASE_DRAINING: u32 = 2;
    pub const SLOT_DONE: usize = 104;
    pub const SLOT_DETAIL: usize = 112;
    pub const SLOT_MESSAGES: usize = 128;
    pub const SLOT_BYTES: usize = 136;
    pub const SLOT_FULL: usize = 144;
    pub const SLOT_MISSED: usize = 152;
    pub const SLOT_WAKE_UPS: usize = 160;
    pub const SLOT_BUSY: usize = 168;
    pub const SLOT_NAME: usize = 192;
    pub const SLOT_NAME_SIZE: usize = 48;
    pub const SLOT_SIZE: usize = 256;

    // Header of a frame.
    pub const FRAME_LENGTH: usize = 0;
    pub const FRAME_KIND: usize = 4;
    pub const KIND_MESSAGE: u8 = 1;
    pub const KIND_PADDING: u8 = 2;
    pub const KIND_TERMINATOR: u8 = 3;
    pub const KIND_FRAGMENT: u8 = 4;
    pub const KIND_LAST_FRAGMENT: u8 = 5;
    pub const FRAME_FLAGS: usize = 5;
    pub const FLAG_EXTENSION: u8 = 1;
    pub const FRAME_PUBLISHER: usize = 6;
    pub const FRAME_SEQUENCE: usize = 8;
    pub const FRAME_TIMESTAMP: usize = 16;
    pub const FRAME_SIZE: usize = 24;

    // Header of a fragment.
    pub const FRAGMENT_BEGAN: usize = 0;
    pub const FRAGMENT_TOTAL: usize = 8;
    pub const FRAGMENT_OFFSET: usize = 12;
    pub const FRAGMENT_GENERATION: usize = 16;
    pub const FRAGMENT_SIZE: usize = 24;

    // Entry of the directory.
    pub const ENTRY_STATE: usize = 0;
    pub const ENTRY_NAME: usize = 64;
    pub const ENTRY_NAME_SIZE: usize = 128;
    pub const ENTRY_SIZE: usize = 192;

    // Notice of the directory.
    pub const NOTICE_KIND: usize = 0;
    pub const NOTICE_OPENED: u32 = 1;
    pub const NOTICE_CLOSED: u32 = 2;
    pub const NOTICE_CHANGED: u32 = 3;
    pub const NOTICE_CHANNEL: usize = 8;
    pub const NOTICE_CHANNEL_SIZE: usize = 128;
    pub const NOTICE_SIZE: usize = 136;

    // Cell of a mailbox.
    pub const CELL_WORD: usize = 0;
    pub const CELL_FREE: u32 = 0;
    pub const CELL_WAITING: u32 = 1;
    pub const CELL_STARTED: u32 = 2;
    pub const CELL_CANCELLED: u32 = 3;
    pub const CELL_WITHDRAWN: u32 = 4;
    pub const CELL_GRANTED: usize = 4;
    pub const CELL_ACCEPTED: usize = 8;
    pub const CELL_WAITS: usize = 12;
    pub const SERVER_WAITS: u32 = 1;
    pub const CALLER_WAITS: u32 = 2;
    pub const CELL_SIZE: usize = 16;

    // Envelope of a call.
    pub const ENVELOPE_KIND: usize = 0;
    pub const ENVELOPE_CALL: u8 = 1;
    pub const ENVELOPE_ONE_WAY: u8 = 2;
    pub const ENVELOPE_ITEM: u8 = 3;
    pub const ENVELOPE_END: u8 = 4;
    pub const ENVELOPE_CELL: usize = 2;
    pub const ENVELOPE_METHOD: usize = 4;
    pub const ENVELOPE_ID: usize = 8;
    pub const ENVELOPE_MAILBOX: usize = 16;
    pub const ENVELOPE_INCARNATION: usize = 24;
    pub const ENVELOPE_DEADLINE: usize = 32;
    pub const ENVELOPE_SIZE: usize = 40;

    // Envelope of an answer.
    pub const ANSWER_KIND: usize = 0;
    pub const ANSWER_VALUE: u8 = 1;
    pub const ANSWER_ITEM: u8 = 2;
    pub const ANSWER_END: u8 = 3;
    pub const ANSWER_ERROR: u8 = 4;
    pub const ANSWER_REMOTE: u8 = 5;
    pub const ANSWER_BUSY: u8 = 6;
    pub const ANSWER_REFUSED: u8 = 7;
    pub const ANSWER_NO_METHOD: u8 = 8;
    pub const ANSWER_CELL: usize = 2;
    pub const ANSWER_TEXT_LENGTH: usize = 4;
    pub const ANSWER_ID: usize = 8;
    pub const ANSWER_SIZE: usize = 16;

    // Counters of a method.
    pub const METHOD_HASH: usize = 0;
    pub const METHOD_RUNNING: usize = 4;
    pub const METHOD_STARTED: usize = 8;
    pub const METHOD_FAILED: usize = 16;
    pub const METHOD_CANCELLED: usize = 24;
    pub const METHOD_TIME: usize = 32;
    pub const METHOD_LONGEST: usize = 40;
    pub const METHOD_TIMES: usize = 48;
    pub const METHOD_TIMES_SIZE: usize = 400;
    pub const METHOD_SIZE: usize = 448;

    // One of the last calls.
    pub const RECENT_STARTED: usize = 0;
    pub const RECENT_ENDED: usize = 8;
    pub const RECENT_METHOD: usize = 16;
    pub const RECENT_CALLER: usize = 20;
    pub const RECENT_OUTCOME: usize = 24;
    pub const OUTCOME_RUNNING: u32 = 0;
    pub const OUTCOME_ANSWERED: u32 = 1;
    pub const OUTCOME_FAILED: u32 = 2;
    pub const OUTCOME_CANCELLED: u32 = 3;
    pub const RECENT_NUMBER: usize = 28;
    pub const RECENT_SIZE: usize = 32;

    // Limits.
    pub const FRAME_ALIGNMENT: u32 = 32;
    pub const EXTENSION_UNIT: u32 = 8;
    pub const END_BITS: u32 = 2;
    pub const SLOT_BITS: u32 = 10;
    pub const MAX_PARTICIPANTS: u32 = 1024;
    pub const MAX_GENERATION: u32 = 4194303;
    pub const CELL_STATE_BITS: u32 = 3;
    pub const CELLS: u32 = 1024;
    pub const METHODS: u32 = 128;
    pub const RECENT_CALLS: u32 = 256;
    pub const TIME_BUCKETS: u32 = 100;
    pub const TIME_UNIT_BITS: u32 = 8;
    pub const STREAM_WINDOW: u32 = 65536;
    pub const MIN_CAPACITY: u32 = 4096;
    pub const MAX_CAPACITY: u32 = 1073741824;
    pub const LARGEST_MESSAGE: u32 = 1073741824;
    pub const MAX_EXTENSION_LENGTH: u32 = 64;
    pub const MAX_SCHEMA_LENGTH: u32 = 1048576;
    pub const MAX_NAME_LENGTH: u32 = 128;
    pub const MAX_SERVICE_NAME_LENGTH: u32 = 100;
    pub const DEFAULT_CAPACITY: u32 = 8388608;
    pub const DEFAULT_PARTICIPANTS: u32 = 64;
}
// end of what is generated
pub(crate) use self::layout::*;

const MAGIC: u64 = u64::from_le_bytes(*b"mmfbusch");
const MARK: u64 = u64::from_le_bytes(*b"mmfbus\0\x01");
const MARK_LENGTH: u64 = 64;
const PAGE: u64 = 4096;
const ALIGNMENT: i64 = FRAME_ALIGNMENT as i64;
const MAX_NUMBER: u64 = (1 << 53) - 1;
const MAX_POSITION: i64 = (1 << 53) - 1;
/// Bytes that a subscriber copies at once.
const CHUNK: i64 = 65536;
/// Laps in a row after which a subscriber goes on at the tail, which has a whole ring before it.
const LAPS_AT_HEAD: u32 = 8;
/// Looks at who is there before the tail is taken as it is, although participants come and go all the time.
const LOOKS_AT_MOST: u32 = 8;
/// To wait at least for another publisher at work, which holds the lock for some microseconds when it has a processor.
const PATIENCE: Duration = Duration::from_millis(2);

/// Bits of `requiredFeatures` that are understood here.
const KNOWN_FEATURES: u32 = 0;

// Counters of a slot, which lie side by side.
const FRAMES: usize = 0;
const BYTES: usize = (SLOT_BYTES - SLOT_MESSAGES) / 8;
const FULL: usize = (SLOT_FULL - SLOT_MESSAGES) / 8;
const MISSED: usize = (SLOT_MISSED - SLOT_MESSAGES) / 8;
const WAKE_UPS: usize = (SLOT_WAKE_UPS - SLOT_MESSAGES) / 8;
const COUNTERS: usize = WAKE_UPS + 1;

/// Bytes that a frame takes in the ring.
pub(crate) fn frame_size(length: usize) -> i64 {
    (FRAME_SIZE + length) as i64 + ALIGNMENT - 1 & -ALIGNMENT
}

/// None for no schema.
fn digest_of(schema: &str) -> Option<[u8; 32]> {
    (!schema.is_empty()).then(|| sha256(schema.as_bytes()))
}

/// What a segment is. All but a channel and a registry have room between their participants and their ring. Those of services are made by
/// `mmfbus_service.rs`.
#[allow(dead_code)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Channel,
    /// Of a service.
    Registry,
    /// The inbox of a server.
    Calls,
    /// The mailbox of a client.
    Replies,
    /// Of a scope.
    Directory,
}

impl Kind {
    fn default_capacity(self) -> u64 {
        match self {
            Kind::Channel => DEFAULT_CAPACITY as u64,
            Kind::Registry => 4 << 10,
            Kind::Calls | Kind::Replies => 256 << 10,
            Kind::Directory => 64 << 10,
        }
    }

    fn pattern(self) -> u32 {
        match self {
            Kind::Channel => PATTERN_CHANNEL,
            Kind::Registry => PATTERN_REGISTRY,
            Kind::Calls => PATTERN_CALLS,
            Kind::Replies => PATTERN_REPLIES,
            Kind::Directory => PATTERN_DIRECTORY,
        }
    }

    /// Whether the directory lists it.
    fn is_listed(self) -> bool {
        matches!(self, Kind::Channel | Kind::Registry)
    }

    fn room(self, participants: u32) -> u64 {
        match self {
            Kind::Channel | Kind::Registry => 0,
            Kind::Calls => {
                let (methods, recent) = (METHODS as usize * METHOD_SIZE, RECENT_CALLS as usize * RECENT_SIZE);
                participants as u64 * 4 + (methods + recent) as u64
            }
            Kind::Replies => CELLS as u64 * CELL_SIZE as u64,
            Kind::Directory => 2048 * ENTRY_SIZE as u64,
        }
    }
}

/// How a segment is joined, beside what the options of programs say.
pub(crate) struct Joining {
    pub(crate) kind: Kind,
    /// None for one of its own.
    pub(crate) port: Option<Arc<Port>>,
    /// Words of the slot that are stored before it has a role.
    pub(crate) phase: u32,
    pub(crate) detail: u64,
}

impl Joining {
    pub(crate) const fn plain(kind: Kind) -> Joining {
        Joining { kind, port: None, phase: 0, detail: 0 }
    }
}

/// Bytes of payload that a frame has room for, beside its header.
fn largest_payload(capacity: u64) -> u64 {
    capacity / 4 - FRAME_SIZE as u64
}

/// The rule for it: with room for a header extension, whatever the message.
fn max_payload_of(capacity: u64, max_message: u64) -> u64 {
    largest_payload(capacity).min(max_message.saturating_add(MAX_EXTENSION_LENGTH as u64))
}

/// What the header says, checked; a private copy.
#[derive(Clone)]
pub(crate) struct Geometry {
    pub(crate) capacity: i64,
    pub(crate) participants: u32,
    ring: usize,
    max_payload: usize,
    pub(crate) max_message: u64,
    history: u64,
    pattern: u32,
    pub(crate) incarnation: u64,
    codec: [u8; HEADER_CODEC_SIZE],
    /// The digest of the schema; none where there is none.
    schema: Option<[u8; HEADER_SCHEMA_SIZE]>,
    /// Where its text is, and how long.
    pub(crate) schema_text: (usize, usize),
}

impl Geometry {
    /// Of a new channel.
    fn plan(options: &Options<'_>, kind: Kind) -> Result<Geometry, Error> {
        let capacity = if options.capacity == 0 { kind.default_capacity() } else { options.capacity };
        if !(MIN_CAPACITY as u64..=MAX_CAPACITY as u64).contains(&capacity) || !capacity.is_power_of_two() {
            return Err(Error::InvalidArgument("the capacity is a power of two from 4 KiB to 1 GiB"));
        }
        if !(2..=MAX_PARTICIPANTS).contains(&options.max_participants) {
            return Err(Error::InvalidArgument("there are 2 to 1024 participants"));
        }
        let max_message = match (options.max_message, options.history) {
            (0, 0) => 64 << 20,
            (0, history) => {
                let share = (capacity / 2 / history) & !(ALIGNMENT as u64 - 1);
                let whole = share.min(capacity / 4).saturating_sub((FRAME_SIZE + MAX_EXTENSION_LENGTH as usize) as u64);
                whole.max(1)
            }
            (max_message, _) => max_message,
        };
        let mut incarnation = 0;
        while incarnation == 0 {
            incarnation = random()?;
        }
        let slots_end = HEADER_SIZE as u64 + options.max_participants as u64 * SLOT_SIZE as u64;
        let schema_at = slots_end + kind.room(options.max_participants);
        let end = schema_at + options.schema.len() as u64;
        let geometry = Geometry {
            capacity: capacity as i64,
            participants: options.max_participants,
            ring: ((end + PAGE - 1) / PAGE * PAGE) as usize,
            max_payload: max_payload_of(capacity, max_message) as usize,
            max_message,
            history: options.history,
            pattern: kind.pattern(),
            incarnation,
            codec: padded(options.codec),
            schema: digest_of(options.schema),
            schema_text: (schema_at as usize, options.schema.len()),
        };
        if geometry.keeps_its_promises() {
            Ok(geometry)
        } else {
            Err(Error::InvalidArgument("messages have 1 byte to 1 GiB, and those of the history fit into half of the ring"))
        }
    }

    fn keeps_its_promises(&self) -> bool {
        let capacity = self.capacity as u64;
        if !(1..=LARGEST_MESSAGE as u64).contains(&self.max_message)
            || self.max_payload as u64 != max_payload_of(capacity, self.max_message)
        {
            return false;
        }
        let extended = self.max_message as usize + MAX_EXTENSION_LENGTH as usize;
        let promised = self.history.checked_mul(frame_size(extended) as u64);
        self.history == 0 || (self.max_payload == extended && promised.map_or(false, |bytes| bytes <= capacity / 2))
    }

    /// Most bytes of a message that is published in one frame.
    pub(crate) fn max_whole(&self) -> usize {
        self.max_payload.min(self.max_message as usize)
    }

    /// Of a channel that is there. Whatever is used of the header is read once.
    fn read(memory: &Memory) -> Result<Geometry, Error> {
        if memory.length < HEADER_SIZE || memory.long(HEADER_MAGIC).load(SeqCst) as u64 != MAGIC {
            return Err(Error::NotAChannel);
        }
        let mut header = [0u64; HEADER_SIZE / 8];
        memory.copy_out(0, &mut header);
        let word = |offset: usize| (header[offset / 8] >> (offset % 8 * 8)) as u32;
        let version = word(HEADER_FORMAT_VERSION);
        if version != FORMAT_VERSION {
            return Err(Error::VersionMismatch { version, features: 0 });
        }
        let features = word(HEADER_REQUIRED_FEATURES) & !KNOWN_FEATURES;
        if features != 0 {
            return Err(Error::VersionMismatch { version, features });
        }
        let long = |offset: usize| header[offset / 8];
        let (segment, ring, capacity) =
            (long(HEADER_SEGMENT_LENGTH), long(HEADER_RING_OFFSET), long(HEADER_RING_CAPACITY));
        let participants = word(HEADER_PARTICIPANT_COUNT);
        let slots_end = HEADER_SIZE as u64 + participants as u64 * SLOT_SIZE as u64;
        let lengths = (word(HEADER_HEADER_LENGTH), word(HEADER_PARTICIPANTS_OFFSET), word(HEADER_PARTICIPANT_LENGTH));
        let is_known = lengths == (HEADER_SIZE as u32, HEADER_SIZE as u32, SLOT_SIZE as u32);
        if !is_known || !(2..=MAX_PARTICIPANTS).contains(&participants) {
            return Err(Error::Corrupted("the header has wrong lengths"));
        }
        if !(MIN_CAPACITY as u64..=MAX_CAPACITY as u64).contains(&capacity) || !capacity.is_power_of_two() {
            return Err(Error::Corrupted("the capacity is no power of two from 4 KiB to 1 GiB"));
        }
        let is_inside = ring % PAGE == 0
            && ring >= slots_end
            && ring.checked_add(capacity).map_or(false, |end| end <= segment)
            && segment <= memory.length as u64;
        if !is_inside {
            return Err(Error::Corrupted("the ring is not within the segment"));
        }
        let (schema_at, schema_length) = (word(HEADER_SCHEMA_OFFSET) as u64, word(HEADER_SCHEMA_LENGTH) as u64);
        let is_between = slots_end <= schema_at && schema_at + schema_length <= ring;
        if schema_length > MAX_SCHEMA_LENGTH as u64 || (schema_length > 0 && !is_between) {
            return Err(Error::Corrupted("the schema is not in its place"));
        }
        let geometry = Geometry {
            capacity: capacity as i64,
            participants,
            ring: ring as usize,
            max_payload: word(HEADER_MAX_PAYLOAD) as usize,
            max_message: long(HEADER_MAX_MESSAGE),
            history: long(HEADER_HISTORY),
            pattern: word(HEADER_PATTERN),
            incarnation: long(HEADER_INCARNATION),
            codec: array_of(&header[HEADER_CODEC / 8..][..HEADER_CODEC_SIZE / 8]),
            schema: (schema_length > 0).then(|| array_of(&header[HEADER_SCHEMA / 8..][..HEADER_SCHEMA_SIZE / 8])),
            schema_text: (schema_at as usize, schema_length as usize),
        };
        if geometry.keeps_its_promises() {
            Ok(geometry)
        } else {
            Err(Error::Corrupted("the limits of messages contradict each other"))
        }
    }

    /// Compares what was asked for with what there is.
    fn compare(&self, options: &Options<'_>, kind: Kind) -> Result<(), Error> {
        if self.pattern != kind.pattern() {
            return Err(Error::PatternMismatch(self.pattern));
        }
        // The directory has as many entries as there is room for.
        let has_tables = matches!(kind, Kind::Calls | Kind::Replies);
        if has_tables && Participant::at(self.participants) as u64 + kind.room(self.participants) > self.ring as u64 {
            return Err(Error::Corrupted("the ring begins in the tables of the segment"));
        }
        if options.capacity != 0 && options.capacity != self.capacity as u64 {
            return Err(Error::CapacityMismatch(self.capacity as u64));
        }
        if options.history != 0 && options.history != self.history {
            return Err(Error::HistoryMismatch(self.history));
        }
        if options.max_message != 0 && options.max_message != self.max_message {
            return Err(Error::MaxMessageMismatch(self.max_message));
        }
        if options.takes_any() {
            return Ok(());
        }
        if self.codec != padded::<HEADER_CODEC_SIZE>(options.codec) {
            return Err(Error::CodecMismatch);
        }
        // What servers offer is compared method by method.
        if kind != Kind::Calls && self.schema != digest_of(options.schema) {
            return Err(Error::SchemaMismatch);
        }
        Ok(())
    }

    /// Into memory that is all zero; the magic last.
    fn write(&self, memory: &Memory, options: &Options<'_>) {
        let (schema_at, schema_length) = if options.schema.is_empty() { (0, 0) } else { self.schema_text };
        let word = |offset: usize, value: u32| memory.word(offset).store(value, Relaxed);
        word(HEADER_FORMAT_VERSION, FORMAT_VERSION);
        word(HEADER_HEADER_LENGTH, HEADER_SIZE as u32);
        memory.write(HEADER_SEGMENT_LENGTH, self.ring as u64 + self.capacity as u64);
        memory.write(HEADER_RING_OFFSET, self.ring as u64);
        memory.write(HEADER_RING_CAPACITY, self.capacity as u64);
        word(HEADER_PARTICIPANTS_OFFSET, HEADER_SIZE as u32);
        word(HEADER_PARTICIPANT_COUNT, self.participants);
        word(HEADER_PARTICIPANT_LENGTH, SLOT_SIZE as u32);
        word(HEADER_MAX_PAYLOAD, self.max_payload as u32);
        word(HEADER_SCHEMA_OFFSET, schema_at as u32);
        word(HEADER_SCHEMA_LENGTH, schema_length as u32);
        memory.copy_in(HEADER_CODEC, &self.codec);
        if let Some(digest) = &self.schema {
            memory.copy_in(HEADER_SCHEMA, digest);
            memory.copy_in(schema_at, options.schema.as_bytes());
        }
        memory.write(HEADER_HISTORY, self.history);
        memory.write(HEADER_MAX_MESSAGE, self.max_message);
        memory.write(HEADER_CREATED_AT, milliseconds_since_1970());
        word(HEADER_PATTERN, self.pattern);
        memory.write(HEADER_INCARNATION, self.incarnation);
        memory.write(self.ring + FRAME_LENGTH, (KIND_TERMINATOR as u64) << (8 * FRAME_KIND));
        memory.write(self.ring + FRAME_SEQUENCE, 1);
        memory.long(HEADER_MAGIC).store(MAGIC as i64, SeqCst);
    }
}

fn padded<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut bytes = [0u8; LENGTH];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

fn milliseconds_since_1970() -> u64 {
    let mut time = c::Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: the C library fills the structure; 0 is CLOCK_REALTIME.
    unsafe { c::clock_gettime(0, &mut time) };
    time.seconds as u64 * 1000 + time.nanoseconds as u64 / 1_000_000
}

/// SHA-256, as FIPS 180-4 describes it.
fn sha256(data: &[u8]) -> [u8; 32] {
    // The first 32 bits of the fractional parts of square roots and cube roots of the first primes.
    let primes = || (2u64..).filter(|&n| (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0));
    let fraction = |n: u64, power: u32| -> u32 {
        // The largest r with r^power <= n * 2^(32 * power), by bisection.
        let (mut low, mut high) = (0u128, 1u128 << 37);
        while high - low > 1 {
            let middle = (low + high) / 2;
            let is_low = match power {
                2 => middle * middle <= (n as u128) << 64,
                _ => middle * middle * middle <= (n as u128) << 96,
            };
            if is_low {
                low = middle;
            } else {
                high = middle;
            }
        }
        low as u32
    };
    let mut state = [0u32; 8];
    for (word, prime) in state.iter_mut().zip(primes()) {
        *word = fraction(prime, 2);
    }
    let constants: Vec<u32> = primes().take(64).map(|prime| fraction(prime, 3)).collect();

    let mut padded = Vec::from(data);
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words = [0u32; 64];
        for (word, bytes) in words.iter_mut().zip(block.chunks(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for index in 16..64 {
            let (two, fifteen) = (words[index - 2], words[index - 15]);
            let small1 = two.rotate_right(17) ^ two.rotate_right(19) ^ (two >> 10);
            let small0 = fifteen.rotate_right(7) ^ fifteen.rotate_right(18) ^ (fifteen >> 3);
            words[index] = small1.wrapping_add(words[index - 7]).wrapping_add(small0).wrapping_add(words[index - 16]);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, constant) in words.iter().zip(&constants) {
            let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let one = h.wrapping_add(sum1).wrapping_add(choice).wrapping_add(*constant).wrapping_add(*word);
            let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let two = sum0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(one), c, b, a, one.wrapping_add(two));
        }
        for (word, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(value);
        }
    }
    let mut digest = [0u8; 32];
    for (bytes, word) in digest.chunks_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

// ----------------------------------------------------------------------------------------------------------- Segments

/// Bytes of the segment in that file; none where it has no mark that makes sense.
pub(crate) fn read_mark(fd: &Fd) -> Option<u64> {
    let size = u64::try_from(fd.stat()?.size).ok().filter(|&size| size > MARK_LENGTH)?;
    let mut mark = [0u8; 16];
    if fd.read_at(size - MARK_LENGTH, &mut mark) != mark.len() {
        return None;
    }
    let long = |at: usize| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|index| mark[at + index]));
    (long(0) == MARK && (1..=size - MARK_LENGTH).contains(&long(8))).then(|| long(8))
}

/// Removes the name when no process has the file open. Hold no lock on it that you need: this may convert it.
pub(crate) fn remove_unused(path: &Path, fd: &Fd) -> bool {
    if !fd.flock(c::LOCK_EX) {
        return false;
    }
    if fd.is_at(path) {
        path.unlink();
    }
    true
}

/// Named memory. The lock of its file says that a process has it open.
struct Segment {
    path: Path,
    fd: Fd,
    memory: Memory,
}

impl Segment {
    /// None where there is none; a leftover that this user may not remove is as good as none.
    fn open(path: &Path, is_own: bool) -> Result<Option<Segment>, Error> {
        for _ in 0..5000 {
            let fd = match Fd::open(path, c::O_RDWR) {
                Ok(fd) => fd,
                Err(c::ENOENT) => return Ok(None),
                Err(code) => return Err(failed("open", code)),
            };
            let stat = fd.stat().ok_or(Error::NotAChannel)?;
            let length = match read_mark(&fd) {
                Some(length) if stat.kind() == c::S_IFREG => length,
                _ => return Err(Error::NotAChannel),
            };
            // SAFETY: nothing but numbers.
            if is_own && stat.uid != unsafe { c::geteuid() } {
                return Err(Error::AccessDenied(Denial::NotThisUsers(Access::of(&stat))));
            }
            // What no process has open is a leftover.
            let is_unused = remove_unused(path, &fd);
            if is_unused && fd.is_at(path) {
                return Ok(None);
            }
            if !is_unused && fd.flock(c::LOCK_SH) && fd.is_at(path) {
                let memory = Memory::map(&fd, length as usize)?;
                return Ok(Some(Segment { path: path.clone(), fd, memory }));
            }
            drop(fd);
            sleep(Duration::from_millis(1));
        }
        Err(Error::Timeout)
    }

    /// Removes a leftover, or makes the segment anew in it where another user alone may remove it. None where there is none, or
    /// none any more.
    fn renew(path: &Path, geometry: &Geometry, options: &Options<'_>) -> Result<Option<Segment>, Error> {
        let fd = match Fd::open(path, c::O_RDWR) {
            Ok(fd) => fd,
            Err(c::ENOENT) => return Ok(None),
            Err(code) => return Err(failed("open", code)),
        };
        let stat = fd.stat().ok_or(Error::NotAChannel)?;
        let is_leftover = stat.kind() == c::S_IFREG && read_mark(&fd).is_some() && remove_unused(path, &fd);
        if !is_leftover || !fd.is_at(path) {
            return Ok(None);
        }
        let length = geometry.ring as u64 + geometry.capacity as u64;
        let (size, needed) = (stat.size as u64, file_size(length));
        if needed > size {
            return Err(Error::AccessDenied(Denial::LeftBehind { owner: stat.uid, size, needed }));
        }
        allocate(&fd, needed)?;
        let zeros = vec![0u8; 1 << 16];
        let mut at = 0;
        while at < length {
            let part = zeros.len().min((length - at) as usize);
            write_at(&fd, at, &zeros[..part])?;
            at += part as u64;
        }
        let memory = Memory::map(&fd, length as usize)?;
        geometry.write(&memory, options);
        write_mark(&fd, size, length)?;
        Ok((fd.flock(c::LOCK_SH) && fd.is_at(path)).then(|| Segment { path: path.clone(), fd, memory }))
    }

    /// None where another process was faster.
    fn create(path: &Path, geometry: &Geometry, options: &Options<'_>) -> Result<Option<Segment>, Error> {
        let temporary = temporary_path()?;
        let created = Segment::create_at(&temporary, path, geometry, options);
        temporary.unlink();
        created
    }

    fn create_at(
        temporary: &Path,
        path: &Path,
        geometry: &Geometry,
        options: &Options<'_>,
    ) -> Result<Option<Segment>, Error> {
        let length = geometry.ring as u64 + geometry.capacity as u64;
        let size = file_size(length);
        let group = group_id(options.group)?;
        let fd = Fd::open(temporary, c::O_RDWR | c::O_CREAT | c::O_EXCL).map_err(|code| failed("open", code))?;
        // The lock comes before the name, so that no process takes the new file for a leftover.
        if !fd.flock(c::LOCK_SH) {
            return Err(os_error("flock"));
        }
        fd.give_to(None, group, if options.mode == 0 { 0o600 } else { options.mode })?;
        allocate(&fd, size)?;
        write_mark(&fd, size, length)?;
        let memory = Memory::map(&fd, length as usize)?;
        geometry.write(&memory, options);
        step!("create: filled");
        // SAFETY: both paths end with a zero.
        if unsafe { c::link(temporary.as_ptr(), path.as_ptr()) } == 0 {
            return Ok(Some(Segment { path: path.clone(), fd, memory }));
        }
        if errno() == c::EEXIST {
            Ok(None)
        } else {
            Err(os_error("link"))
        }
    }

    /// Removes the name with it where no other process has it open.
    fn close(self) {
        let Segment { path, fd, memory } = self;
        drop(memory);
        // Dropped first: of two that close at once, both holding it, neither would get the exclusive one.
        fd.flock(c::LOCK_UN);
        step!("leave: unmapped");
        remove_unused(&path, &fd);
    }
}

/// Bytes of the file of a segment: whole pages, and one more for the mark.
fn file_size(length: u64) -> u64 {
    // SAFETY: nothing but numbers.
    let page = unsafe { c::getpagesize() } as u64;
    (length + page - 1) / page * page + page
}

fn write_mark(fd: &Fd, size: u64, length: u64) -> Result<(), Error> {
    let mut mark = [0u8; MARK_LENGTH as usize];
    mark[..8].copy_from_slice(&MARK.to_le_bytes());
    mark[8..16].copy_from_slice(&length.to_le_bytes());
    write_at(fd, size - MARK_LENGTH, &mark)
}

/// By its name, or else its number; none for the empty one.
fn group_id(name: &str) -> Result<Option<u32>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let path = Path::new(name);
    let mut length = 1 << 14;
    while length <= 1 << 24 {
        let mut buffer = vec![0; length];
        let mut found = core::ptr::null_mut();
        // SAFETY: the name ends with a zero, and no more is written than the buffer holds; the structure is numbers and pointers.
        let (code, gid) = unsafe {
            let mut group: c::Group = core::mem::zeroed();
            let code = c::getgrnam_r(path.as_ptr(), &mut group, buffer.as_mut_ptr(), length, &mut found);
            (code, group.gid)
        };
        if !found.is_null() {
            return Ok(Some(gid));
        }
        if code != c::ERANGE {
            break;
        }
        length *= 2;
    }
    let number = name.parse().ok().filter(|&gid| gid != u32::MAX);
    number.map(Some).ok_or(Error::InvalidArgument("there is no such group on this system"))
}

fn is_member(gid: u32) -> bool {
    // SAFETY: no more is written than the vector holds.
    unsafe {
        let count = c::getgroups(0, core::ptr::null_mut()).max(0);
        let mut groups = vec![0u32; count as usize];
        let got = c::getgroups(count, groups.as_mut_ptr()).max(0);
        gid == c::getegid() || groups[..got.min(count) as usize].contains(&gid)
    }
}

/// Whom a segment lets in, which is whom its port lets in: exactly, and never more.
pub(crate) struct Audience {
    bell: u32,
    life: u32,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl Audience {
    /// Of a channel of the scope `User`.
    pub(crate) const OWN: Audience = Audience { bell: 0o600, life: 0o600, uid: None, gid: None };

    /// Refuses a channel that lets in others than were asked for, or in which this user could not be rung.
    fn of(fd: &Fd, options: &Options<'_>, kind: Kind) -> Result<Audience, Error> {
        if options.scope == Scope::User {
            return Ok(Audience::OWN);
        }
        let stat = fd.stat().ok_or_else(|| os_error("fstat"))?;
        // SAFETY: nothing but numbers.
        let me = unsafe { c::geteuid() };
        let access = Access::of(&stat);
        let Access { uid, gid, mode } = access;
        let refuse = |denial| Err(Error::AccessDenied(denial));
        if let Some(wanted) = group_id(options.group)?.filter(|&wanted| wanted != gid) {
            return refuse(Denial::OtherGroup { channel: access, wanted });
        }
        if kind == Kind::Directory && mode != options.mode {
            return refuse(Denial::OtherMode { directory: access, wanted: options.mode });
        }
        if options.mode != 0 && mode & !options.mode != 0 {
            return refuse(Denial::WiderMode { channel: access, most: options.mode });
        }
        if mode & 0o066 == 0o066 {
            return Ok(Audience { bell: 0o622, life: 0o644, ..Audience::OWN });
        }
        if mode & 0o060 == 0o060 {
            if me != 0 && !is_member(gid) {
                return refuse(Denial::NotInGroup { channel: access, user: me });
            }
            return Ok(Audience { bell: 0o620, life: 0o640, gid: Some(gid), ..Audience::OWN });
        }
        if me != 0 && me != uid {
            return refuse(Denial::NotThisUsers(access));
        }
        Ok(Audience { uid: Some(uid), ..Audience::OWN })
    }
}

/// All blocks of a file: of one with holes the first store beyond what is free would end the process.
fn allocate(fd: &Fd, size: u64) -> Result<(), Error> {
    #[cfg(target_os = "linux")]
    // SAFETY: nothing but numbers.
    match unsafe { c::posix_fallocate(fd.0, 0, size as i64) } {
        0 => return Ok(()),
        code => return Err(failed("posix_fallocate", code)),
    }
    #[cfg(not(target_os = "linux"))]
    {
        let zeros = vec![0u8; 1 << 20];
        let mut at = 0;
        while at < size {
            let length = zeros.len().min((size - at) as usize);
            write_at(fd, at, &zeros[..length])?;
            at += length as u64;
        }
        Ok(())
    }
}

fn write_at(fd: &Fd, offset: u64, data: &[u8]) -> Result<(), Error> {
    // SAFETY: no more is read than the slice holds.
    let length = unsafe { c::pwrite(fd.0, data.as_ptr() as *const c::c_void, data.len(), offset as i64) };
    if length == data.len() as isize {
        Ok(())
    } else {
        Err(os_error("pwrite"))
    }
}

pub(crate) fn is_channel_name(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (1..=MAX_NAME_LENGTH as usize).contains(&name.len()) && name.iter().all(is_allowed)
}

/// What an entry of the directory names: a channel, or the registry of a service.
fn is_entry_name(name: &[u8]) -> bool {
    match name.strip_suffix(b"~service") {
        Some(service) => service.len() <= MAX_SERVICE_NAME_LENGTH as usize && is_channel_name(service),
        None => is_channel_name(name),
    }
}

fn segment_path(name: &str, scope: Scope) -> Path {
    // SAFETY: nothing but numbers.
    let user = unsafe { c::geteuid() };
    Path::in_directory(&match scope {
        Scope::User => format!("mmfbus.{user}.{name}"),
        Scope::Machine => format!("mmfbus.g.{name}"),
    })
}

// ------------------------------------------------------------------------------------------------------------- Ports

fn port_path(nonce: i64, part: &str) -> Path {
    Path::in_directory(&format!("mmfbus~{nonce:016x}.{part}"))
}

fn open_spare() -> Result<Fd, i32> {
    Fd::open(&Path::new("/dev/null"), c::O_RDONLY)
}

fn open_bell(nonce: i64) -> Result<Fd, i32> {
    open_fifo(&port_path(nonce, "bell"), c::O_WRONLY)
}

/// The FIFOs of a port have names until it is dropped; and after that where they are to prove a death.
struct PortName {
    nonce: i64,
    /// A slot is left to be freed by others.
    is_proof: AtomicU32,
}

impl Drop for PortName {
    fn drop(&mut self) {
        if self.is_proof.load(SeqCst) == 0 {
            unlink_port(self.nonce);
        }
    }
}

/// What others ring (the bell), and whose end tells them that we are dead (the life line). Participants may share one.
pub(crate) struct Port {
    _life: Fd,
    pub(crate) bell: Fd,
    /// Dropped after the descriptors are closed.
    name: PortName,
}

impl Port {
    pub(crate) fn open(audience: &Audience) -> Result<Port, Error> {
        let nonce = ((random()? >> 1) as i64).max(1);
        let name = PortName { nonce, is_proof: AtomicU32::new(0) };
        let _life = Port::make(nonce, "life", audience, audience.life)?;
        let bell = Port::make(nonce, "bell", audience, audience.bell)?;
        Ok(Port { _life, bell, name })
    }

    /// Open before it has its name: who finds the name finds a living owner.
    fn make(nonce: i64, part: &str, audience: &Audience, mode: u32) -> Result<Fd, Error> {
        let temporary = temporary_path()?;
        // SAFETY: the path ends with a zero.
        if unsafe { c::mkfifo(temporary.as_ptr(), 0o600) } != 0 {
            return Err(os_error("mkfifo"));
        }
        let opened = Fd::open(&temporary, c::O_RDWR).map_err(|code| failed("open", code));
        let named = opened.and_then(|fd| {
            fd.give_to(audience.uid, audience.gid, mode)?;
            // SAFETY: both paths end with a zero.
            match unsafe { c::rename(temporary.as_ptr(), port_path(nonce, part).as_ptr()) } {
                0 => Ok(fd),
                _ => Err(os_error("rename")),
            }
        });
        if named.is_err() {
            temporary.unlink();
        }
        named
    }
}

fn unlink_port(nonce: i64) {
    port_path(nonce, "bell").unlink();
    port_path(nonce, "life").unlink();
}

/// By its bell, and where that is gone by the end of its life line.
fn is_port_dead(nonce: i64) -> bool {
    match open_bell(nonce) {
        Ok(_) => false,
        Err(c::ENXIO) => true,
        Err(c::ENOENT) => open_fifo(&port_path(nonce, "life"), c::O_RDONLY).map_or(false, |fd| !fd.drain()),
        Err(_) => false,
    }
}

/// Whether a failure says that something is there, but not what it is, for want of what the system may have again soon.
fn is_passing(code: i32) -> bool {
    matches!(code, c::EMFILE | c::ENFILE | c::ENOMEM)
}

/// All ports that any segment of the directory names; none where that cannot be found out.
fn named_nonces() -> Option<Vec<i64>> {
    let mut named = Vec::new();
    for name in file_names()? {
        if name.starts_with("mmfbus~") || name == "." || name == ".." {
            continue;
        }
        let fd = match Fd::open(&Path::in_directory(&name), c::O_RDONLY) {
            Ok(fd) => fd,
            Err(code) if is_passing(code) => return None,
            Err(_) => continue,
        };
        let mut header = [0u8; HEADER_SIZE];
        let is_file = fd.stat().map_or(false, |stat| stat.kind() == c::S_IFREG);
        if !is_file || read_mark(&fd).is_none() || fd.read_at(0, &mut header) != header.len() {
            continue;
        }
        if get64(&header, HEADER_MAGIC) != MAGIC {
            continue;
        }
        let count = get32(&header, HEADER_PARTICIPANT_COUNT).min(MAX_PARTICIPANTS);
        let mut table = vec![0u8; count as usize * SLOT_SIZE];
        let length = fd.read_at(HEADER_SIZE as u64, &mut table);
        for slot in table[..length].chunks_exact(SLOT_SIZE) {
            named.push(get64(slot, SLOT_NONCE) as i64);
        }
    }
    Some(named)
}

/// Removes the FIFOs of those ports that are dead and that no segment names any more. Not with a lock held: it looks into all
/// segments.
fn remove_ports(nonces: &[i64]) {
    let dead: Vec<i64> = nonces.iter().copied().filter(|&nonce| is_port_dead(nonce)).collect();
    if dead.is_empty() {
        return;
    }
    // Where that cannot be found out, the next participant does it.
    if let Some(named) = named_nonces() {
        for nonce in dead.into_iter().filter(|nonce| !named.contains(nonce)) {
            unlink_port(nonce);
        }
    }
}

/// Ports that are swept at a time; those beyond are for the next one.
const SWEPT: usize = 256;

/// Removes what the dead of this user have left: unfinished files, and ports that no channel names.
fn sweep() {
    let mut ports = Vec::new();
    for name in file_names().unwrap_or_default() {
        let rest = match name.strip_prefix("mmfbus~") {
            Some(rest) if Path::in_directory(&name).is_own() => rest,
            _ => continue,
        };
        if let Some(unfinished) = rest.strip_prefix("new.") {
            let mut fields = unfinished.split('.').map(|field| field.parse::<u64>().unwrap_or(0));
            let mut next = || fields.next().unwrap_or(0);
            let (pid_namespace, pid, start_time) = (next(), next(), next());
            let maker = Identity { start_time, pid_namespace, pid: u32::try_from(pid).unwrap_or(0) };
            if maker.is_gone() {
                Path::in_directory(&name).unlink();
            }
        } else if let (Some(digits), Some(".bell" | ".life")) = (rest.get(..16), rest.get(16..)) {
            if let Ok(nonce) = i64::from_str_radix(digits, 16) {
                if ports.len() < SWEPT && !ports.contains(&nonce) && is_port_dead(nonce) {
                    ports.push(nonce);
                }
            }
        }
    }
    remove_ports(&ports);
}

// ------------------------------------------------------------------------------------------------------ Participants

/// A descriptor that reaches the owner of a slot.
pub(crate) struct Line {
    slot: u32,
    nonce: i64,
    pub(crate) fd: Fd,
}

/// A slot in a channel, a port, and the ways to reach the others.
pub(crate) struct Participant {
    /// Taken out when it leaves.
    segment: Option<Segment>,
    port: Option<Arc<Port>>,
    pub(crate) geometry: Geometry,
    pub(crate) nonce: i64,
    /// Words of the slot, stored before it has a role.
    phase: u32,
    detail: u64,
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    lock_word: u32,
    pub(crate) timeout: Duration,
    has_slot: bool,
    /// With participants of other users.
    is_shared: bool,
    has_joined: bool,
    pub(crate) life_lines: Vec<Line>,
    bells: Vec<Line>,
    /// Slots whose owners, of those nonces, are proved dead and not yet reclaimed.
    pub(crate) dead: Vec<(u32, i64)>,
    /// Ports that were reclaimed, whose files go when we hold no lock.
    reclaimed: Vec<i64>,
    /// The epoch whose life lines are watched; none: look at all of them again.
    watched_epoch: Option<u32>,
    pub(crate) is_watch_complete: bool,
    /// What this one sleeps for; 0 while it is awake.
    pub(crate) wants: u32,
    /// Given up for a moment where no descriptor is left to ring with.
    spare: Option<Fd>,
    counters: [u64; COUNTERS],
}

impl Participant {
    /// Opens or creates the channel and claims a slot; the role comes after that. The registration is to be dropped last.
    fn open(channel: &str, options: &Options<'_>, joining: Joining) -> Result<(Registration, Participant), Error> {
        let Joining { kind, port, phase, detail } = joining;
        let (segment, geometry, audience) = open_channel(channel, options, kind)?;
        let registration =
            if kind.is_listed() { Registration::begin(channel, options, &audience) } else { Registration::none() };
        let mut participant = Participant::without_slot(segment, geometry, options.timeout);
        participant.is_shared = options.scope == Scope::Machine;
        let port = match port {
            Some(port) => port,
            None => Arc::new(Port::open(&audience)?),
        };
        participant.nonce = port.name.nonce;
        participant.port = Some(port);
        (participant.phase, participant.detail) = (phase, detail);
        participant.spare = Some(open_spare().map_err(|code| failed("open", code))?);
        participant.claim(options.name)?;
        Ok((registration, participant))
    }

    /// An onlooker, which no participant knows.
    fn without_slot(segment: Segment, geometry: Geometry, timeout: Duration) -> Participant {
        Participant {
            segment: Some(segment),
            port: None,
            geometry,
            nonce: 0,
            phase: 0,
            detail: 0,
            slot: 0,
            generation: 0,
            lock_word: 0,
            timeout,
            has_slot: false,
            has_joined: false,
            is_shared: false,
            life_lines: Vec::new(),
            bells: Vec::new(),
            dead: Vec::new(),
            reclaimed: Vec::new(),
            spare: None,
            watched_epoch: None,
            is_watch_complete: true,
            wants: 0,
            counters: [0; COUNTERS],
        }
    }

    /// Takes the lock, takes out of the slot what its last owner left, and has the role begin.
    fn join(&mut self, begin: impl FnOnce(&mut Participant) -> Result<(), Error>) -> Result<(), Error> {
        if !self.acquire(Deadline::after(Some(self.timeout))) {
            return Err(Error::Timeout);
        }
        self.inherit_own();
        let begun = self.check_bells().and_then(|()| begin(self));
        self.release();
        if begun.is_err() {
            self.free_slot();
        }
        begun?;
        step!("join: done");
        self.reclaim_whoever_is_dead();
        Ok(())
    }

    /// Refuses to stay where this user may not wake another. Each looks after it has claimed its slot: of two that come at once,
    /// one at least sees the other.
    fn check_bells(&self) -> Result<(), Error> {
        if !self.is_shared {
            return Ok(());
        }
        for slot in self.others() {
            let nonce = self.load_long(Participant::at(slot) + SLOT_NONCE);
            if nonce == 0 || open_bell(nonce).err() != Some(c::EACCES) || self.is_dead(slot, nonce) {
                continue;
            }
            if let Some(stat) = port_path(nonce, "bell").stat() {
                return Err(Error::AccessDenied(Denial::Bell { slot, bell: Access::of(&stat) }));
            }
        }
        Ok(())
    }

    pub(crate) fn memory(&self) -> &Memory {
        match &self.segment {
            Some(segment) => &segment.memory,
            None => unreachable!("a participant has a segment until it is dropped"),
        }
    }

    pub(crate) fn load(&self, offset: usize) -> u32 {
        self.memory().word(offset).load(SeqCst)
    }

    pub(crate) fn store(&self, offset: usize, value: u32) {
        self.memory().word(offset).store(value, SeqCst);
    }

    pub(crate) fn add(&self, offset: usize, value: u32) {
        self.memory().word(offset).fetch_add(value, SeqCst);
    }

    pub(crate) fn swap(&self, offset: usize, old: u32, new: u32) -> bool {
        self.memory().word(offset).compare_exchange(old, new, SeqCst, SeqCst).is_ok()
    }

    pub(crate) fn load_long(&self, offset: usize) -> i64 {
        self.memory().long(offset).load(SeqCst)
    }

    fn swap_long(&self, offset: usize, old: i64, new: i64) -> bool {
        self.memory().long(offset).compare_exchange(old, new, SeqCst, SeqCst).is_ok()
    }

    // The table.

    pub(crate) fn at(slot: u32) -> usize {
        HEADER_SIZE + slot as usize * SLOT_SIZE
    }

    pub(crate) fn own(&self) -> usize {
        Participant::at(self.slot)
    }

    /// The slots that may be in use, but our own.
    pub(crate) fn others(&self) -> impl Iterator<Item = u32> {
        let used = self.load(HEADER_SLOTS_USED).min(self.geometry.participants);
        let own = self.slot;
        (0..used).filter(move |&slot| slot != own)
    }

    fn claim(&mut self, name: &str) -> Result<(), Error> {
        let nonce = self.nonce;
        let (slot, inherited) = self.claim_nonce()?;
        let own = Participant::at(slot);
        self.has_slot = true;
        self.slot = slot;
        step!("claim: nonce stored");
        let generation = self.load(own + SLOT_GENERATION).wrapping_add(1);
        self.generation = if (1..=MAX_GENERATION).contains(&generation) { generation } else { 1 };
        self.store(own + SLOT_GENERATION, self.generation);
        step!("claim: generation raised");
        self.memory().word(HEADER_SLOTS_USED).fetch_max(slot + 1, SeqCst);
        step!("claim: counted");
        self.memory().long(own + SLOT_IDENTITY_NONCE).store(0, SeqCst);
        step!("claim: identity cleared");
        let identity = Identity::own();
        let memory = self.memory();
        memory.write(own + SLOT_START_TIME, identity.start_time);
        memory.write(own + SLOT_PID_NAMESPACE, identity.pid_namespace);
        memory.word(own + SLOT_PID).store(identity.pid, Relaxed);
        memory.write(own + SLOT_JOINED_AT, now());
        memory.write(own + SLOT_THREAD_START_TIME, 0);
        memory.word(own + SLOT_THREAD_ID).store(0, Relaxed);
        memory.word(own + SLOT_PHASE).store(0, Relaxed);
        memory.write(own + SLOT_DONE, 0);
        memory.write(own + SLOT_DETAIL, 0);
        memory.copy_in(own + SLOT_MESSAGES, &[0; 8 * COUNTERS]);
        memory.copy_in(own + SLOT_NAME, &padded::<SLOT_NAME_SIZE>(name));
        // SYNC: identity written. What it tells was written before this store, and counts for every reader that finds our nonce
        // here.
        memory.long(own + SLOT_IDENTITY_NONCE).store(nonce, SeqCst);
        step!("claim: identity written");
        self.lock_word = self.generation << SLOT_BITS | slot;
        if inherited != 0 {
            remove_ports(&[inherited]);
        }
        Ok(())
    }

    fn claim_nonce(&mut self) -> Result<(u32, i64), Error> {
        let nonce = self.nonce;
        for slot in 0..self.geometry.participants {
            if self.swap_long(Participant::at(slot) + SLOT_NONCE, 0, nonce) {
                return Ok((slot, 0));
            }
        }
        for slot in 0..self.geometry.participants {
            let at = Participant::at(slot) + SLOT_NONCE;
            let owner = self.load_long(at);
            if self.is_dead(slot, owner) && self.swap_long(at, owner, nonce) {
                return Ok((slot, owner));
            }
        }
        Err(Error::TooManyParticipants)
    }

    /// False when another participant took us for dead, by memory that makes no sense.
    pub(crate) fn owns_slot(&self) -> bool {
        self.load_long(self.own() + SLOT_NONCE) == self.nonce
    }

    fn take_role(&mut self, state: u32) {
        self.store(self.own() + SLOT_STATE, state);
        step!("join: state stored");
        self.add(HEADER_EPOCH, 1);
        step!("join: epoch raised");
        self.ring_for_members(state == STATE_PUBLISHER);
    }

    fn free_slot(&mut self) {
        self.swap_long(self.own() + SLOT_NONCE, self.nonce, 0);
        step!("leave: nonce cleared");
        self.has_slot = false;
    }

    fn count(&self) {
        for (index, &counter) in self.counters.iter().enumerate() {
            self.memory().write(self.own() + SLOT_MESSAGES + index * 8, counter);
        }
    }

    // Life and death.

    /// Whether the port of that nonce, which has the slot, is proved dead.
    pub(crate) fn is_dead(&self, slot: u32, nonce: i64) -> bool {
        if nonce <= 0 || nonce == self.nonce {
            return false;
        }
        let (at, memory) = (Participant::at(slot), self.memory());
        let said = self.load_long(at + SLOT_IDENTITY_NONCE);
        let identity = Identity {
            start_time: memory.read(at + SLOT_START_TIME),
            pid_namespace: memory.read(at + SLOT_PID_NAMESPACE),
            pid: memory.word(at + SLOT_PID).load(Relaxed),
        };
        fence(Acquire);
        let same = self.load_long(at + SLOT_IDENTITY_NONCE) == said && self.load_long(at + SLOT_NONCE) == nonce;
        // SYNC: identity written. Equal before and after it was read, so it is that of the slot's owner.
        if same && said == nonce && identity.is_gone() {
            return true;
        }
        match open_bell(nonce) {
            Err(c::ENXIO) => true,
            // Who has claimed the slot and not said who it is had a bell the moment before.
            Err(c::ENOENT) => same && (said != nonce || identity.pid == 0) && self.load_long(at + SLOT_IDENTITY_NONCE) == said,
            _ => false,
        }
    }

    pub(crate) fn note_dead(&mut self, slot: u32, nonce: i64) {
        if !self.dead.contains(&(slot, nonce)) {
            self.dead.push((slot, nonce));
        }
    }

    fn reclaim_whoever_is_dead(&mut self) {
        for slot in self.others() {
            let nonce = self.load_long(Participant::at(slot) + SLOT_NONCE);
            if self.is_dead(slot, nonce) {
                self.note_dead(slot, nonce);
            }
        }
        self.reclaim_found();
    }

    /// Reclaims those that were found dead on the way. Where the lock is not available, they stay found.
    pub(crate) fn reclaim_found(&mut self) {
        for _ in 0..self.geometry.participants {
            if self.dead.is_empty() || !self.acquire(Deadline::after(Some(Duration::from_millis(100)))) {
                break;
            }
            if let Some((slot, nonce)) = self.dead.pop() {
                self.reclaim(slot, nonce);
            }
            self.release();
        }
        self.remove_reclaimed();
    }

    /// Without the lock.
    fn remove_reclaimed(&mut self) {
        if !self.reclaimed.is_empty() {
            remove_ports(&core::mem::take(&mut self.reclaimed));
            step!("reclaim: port removed");
        }
    }

    /// With the lock held. The slot is freed last: a participant that dies in the middle leaves all of it to the next one.
    fn reclaim(&mut self, slot: u32, nonce: i64) {
        let at = Participant::at(slot);
        self.watched_epoch = None;
        if self.load_long(at + SLOT_NONCE) != nonce {
            return;
        }
        step!("reclaim: begun");
        let generation = self.load(at + SLOT_GENERATION);
        if !self.inherit(at, generation) {
            // It may have given up the role by itself, and have died before it said so.
            self.tell_of_leaving(true);
        }
        self.ring_for_room();
        step!("reclaim: role taken");
        if self.swap_long(at + SLOT_NONCE, nonce, 0) {
            self.reclaimed.push(nonce);
        }
    }

    /// Takes the role of a dead owner, of that generation, out of a slot; false where there is none. With the lock held.
    fn inherit(&mut self, at: usize, generation: u32) -> bool {
        if self.load(at + SLOT_ASLEEP) != 0 {
            self.end_sleep(at, self.load(at + SLOT_WANTS));
        }
        self.end_participation(at, generation, ENDED_BY_DEATH)
    }

    /// Takes what its last owner has left out of our slot. With the lock held.
    fn inherit_own(&mut self) {
        let before = if self.generation <= 1 { MAX_GENERATION } else { self.generation - 1 };
        self.inherit(self.own(), before);
        self.memory().word(self.own() + SLOT_PHASE).store(self.phase, Relaxed);
        self.memory().write(self.own() + SLOT_DETAIL, self.detail);
        self.has_joined = true;
    }

    /// What a leaving participant does for itself, and a reclaiming one for the dead owner of that generation. With the lock
    /// held, but by a subscriber that leaves. False where the slot has no role.
    fn end_participation(&mut self, at: usize, generation: u32, how: u32) -> bool {
        let state = self.load(at + SLOT_STATE);
        if state == STATE_NONE {
            return false;
        }
        let used = self.load(HEADER_SLOTS_USED).min(self.geometry.participants);
        let mut others = (0..used).map(Participant::at).filter(|&other| other != at);
        // The role goes after the word that it was the last one: who dies in between is reclaimed as a publisher.
        if state == STATE_PUBLISHER && !others.any(|other| self.load(other + SLOT_STATE) == STATE_PUBLISHER) {
            self.store(HEADER_CLOSED_REASON, if how == ENDED_BY_DEATH { CLOSED_BY_DEATH } else { CLOSED_BY_LEAVING });
            step!("leave: reason stored");
            self.add(HEADER_CLOSED_EPOCH, 1);
            step!("leave: closed");
        }
        self.store(at + SLOT_LAST_END, generation << END_BITS | how);
        step!("leave: end stored");
        self.store(at + SLOT_STATE, STATE_NONE);
        step!("leave: state stored");
        self.tell_of_leaving(state == STATE_PUBLISHER);
        true
    }

    pub(crate) fn tell_of_leaving(&mut self, was_publisher: bool) {
        self.add(HEADER_EPOCH, 1);
        step!("leave: epoch raised");
        self.ring_for_members(was_publisher);
    }

    /// Tells a reliable subscriber that it is one no longer. With the lock held.
    fn disconnect(&mut self, at: usize, reason: u32) {
        // Others that wait for room look again when the lock is free, or its holder is dead.
        self.ring_for_room();
        self.store(at + SLOT_DISCONNECT_REASON, reason);
        step!("disconnect: reason stored");
        self.swap(at + SLOT_STATE, STATE_RELIABLE, STATE_DISCONNECTED);
        step!("disconnect: state stored");
        self.tell_of_leaving(false);
    }

    // The publisher lock.

    /// Takes the publisher lock; false when the time is over, or `PATIENCE` where that is longer, and a living process has it.
    pub(crate) fn acquire(&mut self, deadline: Deadline) -> bool {
        let mut patience = None;
        let mut pause = Duration::ZERO;
        let mut turns = 0;
        while !self.swap(HEADER_PUBLISHER_LOCK, 0, self.lock_word) {
            turns += 1;
            if turns < 50 {
                core::hint::spin_loop();
                continue;
            }
            if self.take_over() {
                break;
            }
            if deadline.is_over() && patience.get_or_insert_with(|| Deadline::after(Some(PATIENCE))).is_over() {
                return false;
            }
            sleep(pause);
            pause = (pause * 2).clamp(Duration::from_micros(10), Duration::from_millis(1));
        }
        step!("lock: taken");
        true
    }

    /// Takes the lock over from its holder, if that is proved dead, and reclaims it.
    fn take_over(&mut self) -> bool {
        let word = self.load(HEADER_PUBLISHER_LOCK);
        if word == self.lock_word {
            // We hold nothing, so this is nonsense that no other participant can take away: we live.
            return true;
        }
        if word == 0 {
            return false;
        }
        let (slot, generation) = (word & ((1 << SLOT_BITS) - 1), word >> SLOT_BITS);
        let mut nonce = 0;
        if slot < self.geometry.participants && self.load(Participant::at(slot) + SLOT_GENERATION) == generation {
            nonce = self.load_long(Participant::at(slot) + SLOT_NONCE);
            if nonce != 0 && !self.is_dead(slot, nonce) {
                return false;
            }
        }
        if !self.swap(HEADER_PUBLISHER_LOCK, word, self.lock_word) {
            return false;
        }
        step!("lock: taken over");
        if nonce != 0 && slot != self.slot {
            self.reclaim(slot, nonce);
        }
        true
    }

    pub(crate) fn release(&self) {
        // A word that others have changed is not this participant's to clear. No other takes away its own: it lives.
        if self.load(HEADER_PUBLISHER_LOCK) == self.lock_word {
            self.memory().word(HEADER_PUBLISHER_LOCK).store(0, Release);
        }
        step!("lock: released");
    }

    // Bells.

    fn ring_for_frames(&mut self) {
        // SYNC: going to sleep. What changed was stored before this load; a subscriber counts itself before it looks.
        if self.load(HEADER_SLEEPERS) != 0 {
            self.ring_all(WANTS_FRAMES);
        }
    }

    fn ring_for_room(&mut self) {
        // SYNC: waiting for room. The cursor was stored before this load; a publisher counts itself before it reads cursors.
        if self.load(HEADER_ROOM_WAITERS) != 0 {
            self.ring_all(WANTS_ROOM);
        }
    }

    /// After the epoch was raised. Of a publisher those hear as well who wait for frames.
    fn ring_for_members(&mut self, of_publisher: bool) {
        // SYNC: going to sleep. The epoch was raised before these loads; who sleeps counts itself before it looks at that.
        if self.load(HEADER_MEMBER_WAITERS) != 0 {
            self.ring_all(if of_publisher { WANTS_MEMBERS | WANTS_FRAMES } else { WANTS_MEMBERS });
        } else if of_publisher {
            self.ring_for_frames();
        }
    }

    fn ring_all(&mut self, wants: u32) {
        for slot in self.others() {
            let at = Participant::at(slot);
            if self.load(at + SLOT_ASLEEP) != 0 && self.load(at + SLOT_WANTS) & wants != 0 {
                self.ring(slot, at);
            }
        }
    }

    pub(crate) fn ring(&mut self, slot: u32, at: usize) {
        let nonce = self.load_long(at + SLOT_NONCE);
        if nonce <= 0 || nonce == self.nonce {
            return;
        }
        let is_for_now = self.find_bell(slot, nonce);
        let is_rung = self.send_ring(slot);
        if is_for_now {
            self.bells.retain(|bell| bell.slot != slot);
            self.spare = open_spare().ok();
        }
        if !is_rung && self.is_dead(slot, nonce) {
            self.note_dead(slot, nonce);
        }
    }

    /// Opens the bell of a slot's owner, if it is not open; true where the spare descriptor had to be given up for it.
    fn find_bell(&mut self, slot: u32, nonce: i64) -> bool {
        if self.bells.iter().any(|bell| bell.slot == slot && bell.nonce == nonce) {
            return false;
        }
        self.bells.retain(|bell| bell.slot != slot);
        let mut opened = open_bell(nonce);
        let is_for_now = matches!(opened, Err(c::EMFILE | c::ENFILE)) && self.spare.take().is_some();
        if is_for_now {
            opened = open_bell(nonce);
        }
        self.bells.extend(opened.map(|fd| Line { slot, nonce, fd }));
        is_for_now
    }

    /// False when its owner did not get it.
    fn send_ring(&mut self, slot: u32) -> bool {
        let bell = match self.bells.iter().find(|bell| bell.slot == slot) {
            Some(bell) => bell,
            None => return false,
        };
        // SAFETY: one byte, which is there.
        if unsafe { c::write(bell.fd.0, [0u8].as_ptr() as *const c::c_void, 1) } == 1 {
            self.counters[WAKE_UPS] += 1;
            step!("ring: sent");
            return true;
        }
        // It may be full of rings that were not heard yet.
        let is_rung = errno() == c::EAGAIN;
        if !is_rung {
            self.bells.retain(|bell| bell.slot != slot);
        }
        is_rung
    }

    // Sleeping.

    /// Says that we sleep: a participant that changes something from here on rings.
    pub(crate) fn lie_down(&mut self, wants: u32) {
        let own = self.own();
        self.wants = wants;
        self.count_sleeper(wants, 1);
        step!("sleep: counted");
        self.store(own + SLOT_WANTS, wants);
        step!("sleep: wants stored");
        let number = self.load(own + SLOT_SLEEPS).wrapping_add(1).max(1);
        self.store(own + SLOT_SLEEPS, number);
        step!("sleep: numbered");
        self.store(own + SLOT_ASLEEP, number);
        step!("sleep: flagged");
    }

    pub(crate) fn get_up(&mut self) {
        let wants = core::mem::take(&mut self.wants);
        if wants != 0 && self.owns_slot() {
            self.end_sleep(self.own(), wants);
        }
    }

    /// Asleep first, then the counters, so that they are never too low.
    fn end_sleep(&self, at: usize, wants: u32) {
        self.store(at + SLOT_ASLEEP, 0);
        step!("wake: flag cleared");
        self.count_sleeper(wants, u32::MAX);
        step!("wake: counted out");
    }

    /// Adds to the counters of the sleepers for these.
    fn count_sleeper(&self, wants: u32, one: u32) {
        for (want, counter) in
            [(WANTS_FRAMES, HEADER_SLEEPERS), (WANTS_ROOM, HEADER_ROOM_WAITERS), (WANTS_MEMBERS, HEADER_MEMBER_WAITERS)]
        {
            if wants & want != 0 {
                self.add(counter, one);
            }
        }
    }

    /// Watches the life lines of all that have one of those states; finds those that are dead by now.
    pub(crate) fn watch(&mut self, states: &[u32]) {
        self.is_watch_complete = true;
        for slot in self.others() {
            let at = Participant::at(slot);
            let is_wanted = states.contains(&self.load(at + SLOT_STATE));
            let nonce = if is_wanted { self.load_long(at + SLOT_NONCE) } else { 0 };
            if self.life_lines.iter().any(|line| line.slot == slot && line.nonce == nonce) {
                continue;
            }
            self.life_lines.retain(|line| line.slot != slot);
            if nonce <= 0 || nonce == self.nonce {
                continue;
            }
            // A watch that begins after the death hears nothing: so read once. The bell may outlive the life line for a moment.
            let has_ended = match open_fifo(&port_path(nonce, "life"), c::O_RDONLY) {
                Ok(fd) => {
                    let has_ended = !fd.drain();
                    self.life_lines.push(Line { slot, nonce, fd });
                    has_ended
                }
                Err(_) => {
                    self.is_watch_complete = false;
                    false
                }
            };
            if has_ended || self.is_dead(slot, nonce) {
                self.note_dead(slot, nonce);
            }
        }
    }

    fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        let bell = self.port.iter().map(|port| port.bell.0);
        bell.chain(self.life_lines.iter().map(|line| line.fd.0))
    }

    /// Waits for the bell or the end of a life line.
    fn listen(&mut self, timeout: Option<Duration>) {
        let ready = poll(self.descriptors(), timeout);
        if let Some(port) = self.port.as_ref().filter(|port| ready.contains(&port.bell.0)) {
            port.bell.drain();
        }
        self.hear(&ready);
    }

    /// Takes note of the lives that have ended, of those whose descriptors are readable.
    pub(crate) fn hear(&mut self, ready: &[i32]) {
        let ended = |line: &Line| ready.contains(&line.fd.0) && !line.fd.drain();
        let dead: Vec<(u32, i64)> =
            self.life_lines.iter().filter(|line| ended(line)).map(|line| (line.slot, line.nonce)).collect();
        self.life_lines.retain(|line| !dead.contains(&(line.slot, line.nonce)));
        for (slot, nonce) in dead {
            self.note_dead(slot, nonce);
        }
    }

    // The ring.

    /// Where a position lies in memory.
    pub(crate) fn place(&self, position: i64) -> usize {
        self.geometry.ring + (position & (self.geometry.capacity - 1)) as usize
    }

    /// The number in the header at a position.
    pub(crate) fn number_at(&self, position: i64) -> u64 {
        self.memory().read(self.place(position) + FRAME_SEQUENCE)
    }

    pub(crate) fn load_tail(&self) -> Result<i64, Error> {
        let tail = self.load_long(HEADER_TAIL);
        if tail < 0 || tail % ALIGNMENT != 0 || tail > MAX_POSITION - (1 << 32) {
            return Err(Error::Corrupted("the tail"));
        }
        Ok(tail)
    }

    /// The ports of dead owners that are not reclaimed, when no participant is left that may yet do so.
    fn left_behind(&self) -> Vec<i64> {
        let mut dead = Vec::new();
        for slot in 0..self.load(HEADER_SLOTS_USED).min(self.geometry.participants) {
            let nonce = self.load_long(Participant::at(slot) + SLOT_NONCE);
            if nonce == 0 || nonce == self.nonce {
                continue;
            }
            if !self.is_dead(slot, nonce) {
                return Vec::new();
            }
            dead.push(nonce);
        }
        dead
    }

    /// Leaves: gives back what the system gave. A participant that did not free its slot leaves that to others.
    fn close(&mut self) {
        self.remove_reclaimed();
        let dead = self.left_behind();
        self.spare = None;
        if let Some(port) = self.port.take() {
            self.life_lines.clear();
            self.bells.clear();
            if self.has_slot {
                port.name.is_proof.store(1, SeqCst);
            }
        }
        if let Some(segment) = self.segment.take() {
            segment.close();
        }
        // Only now: as long as there was the channel it named them.
        remove_ports(&dead);
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        self.close();
    }
}

fn open_channel(channel: &str, options: &Options<'_>, kind: Kind) -> Result<(Segment, Geometry, Audience), Error> {
    if kind == Kind::Channel && !is_channel_name(channel.as_bytes()) {
        return Err(Error::InvalidName);
    }
    let with_audience = |segment: Segment, geometry| match Audience::of(&segment.fd, options, kind) {
        Ok(audience) => Ok((segment, geometry, audience)),
        Err(error) => {
            segment.close();
            Err(error)
        }
    };
    let path = segment_path(channel, options.scope);
    for _ in 0..1000 {
        if let Some(segment) = Segment::open(&path, options.scope == Scope::User)? {
            // Before its memory is touched, which others that were not asked for might take away.
            let checked = Audience::of(&segment.fd, options, kind).and_then(|audience| {
                if options.open == Open::Create {
                    return Err(Error::Exists);
                }
                let geometry = Geometry::read(&segment.memory)?;
                geometry.compare(options, kind).map(|()| (geometry, audience))
            });
            return match checked {
                Ok((geometry, audience)) => Ok((segment, geometry, audience)),
                Err(error) => {
                    segment.close();
                    Err(error)
                }
            };
        }
        if options.open == Open::Open || options.takes_any() {
            return Err(Error::NotFound);
        }
        sweep();
        let geometry = Geometry::plan(options, kind)?;
        if let Some(segment) = Segment::renew(&path, &geometry, options)? {
            return with_audience(segment, geometry);
        }
        if let Some(segment) = Segment::create(&path, &geometry, options)? {
            return with_audience(segment, geometry);
        }
    }
    Err(Error::Timeout)
}

// -------------------------------------------------------------------------------------------------------- Publishing

/// For calls that do not wait.
pub(crate) const NO_TIME: Option<Duration> = Some(Duration::ZERO);

/// A part of a split message, as its header says.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) began: i64,
    pub(crate) total: u32,
    pub(crate) offset: u32,
    pub(crate) generation: u32,
}

/// Publishes in a channel. Leaves it when it is dropped.
pub struct Publisher {
    pub(crate) base: Participant,
    disconnects: bool,
    timestamps: bool,
    /// The slowest reliable cursor when it was last looked up, and the epoch at that time.
    floor: i64,
    floor_epoch: Option<u32>,
    /// Number of the last message that was published; 0 before the first.
    sequence: u64,
    /// Dropped after the participant: it looks whether the channel has another participant.
    pub(crate) registration: Registration,
}

impl Publisher {
    pub fn join(channel: &str, options: &Options<'_>) -> Result<Publisher, Error> {
        options.check(false)?;
        let mut publisher = Publisher::join_as(channel, options, Joining::plain(Kind::Channel))?;
        publisher.registration.enter();
        Ok(publisher)
    }

    pub(crate) fn join_as(channel: &str, options: &Options<'_>, joining: Joining) -> Result<Publisher, Error> {
        let (registration, mut base) = Participant::open(channel, options, joining)?;
        base.join(|base| {
            base.take_role(STATE_PUBLISHER);
            Ok(())
        })?;
        let disconnects = options.slow_subscribers == SlowSubscribers::Disconnect;
        let timestamps = options.timestamps;
        Ok(Publisher { base, disconnects, timestamps, floor: 0, floor_epoch: None, sequence: 0, registration })
    }

    /// Why the channel could not be listed in the directory; none where it was, or was not to be. The channel works either way.
    pub fn directory_failure(&self) -> Option<Error> {
        self.registration.failure
    }

    /// Most bytes of a message.
    pub fn max_message(&self) -> u64 {
        self.base.geometry.max_message
    }

    /// The number of the last message that this publisher has published, 0 before the first, in this life of the channel.
    pub fn position(&self) -> Position {
        Position { incarnation: self.base.geometry.incarnation, sequence: self.sequence }
    }

    /// Waits so long until the channel has that many subscribers, at least 1. Returns how many it has then.
    ///
    /// # Errors
    /// `Timeout`, and `InvalidArgument` for a number of subscribers that no channel has.
    pub fn wait_for_subscribers(&mut self, count: u32, timeout: Option<Duration>) -> Result<u32, Error> {
        if !(1..=MAX_PARTICIPANTS).contains(&count) {
            return Err(Error::InvalidArgument("there are 1 to 1024 subscribers to wait for"));
        }
        let deadline = Deadline::after(timeout);
        loop {
            self.base.reclaim_found();
            if !self.base.owns_slot() {
                return Err(Error::Corrupted("this publisher has lost its slot"));
            }
            self.base.lie_down(WANTS_MEMBERS);
            // SYNC: going to sleep. We are counted and flagged: a participant that joins or leaves after we looked rings us.
            let epoch = self.base.load(HEADER_EPOCH);
            let there = self.count_subscribers();
            let is_over = there >= count || deadline.is_over();
            if !is_over {
                self.base.watch(&[STATE_RELIABLE, STATE_LOSSY]);
                if self.base.dead.is_empty() && self.base.load(HEADER_EPOCH) == epoch {
                    let look_again = if self.base.is_watch_complete { None } else { Some(Duration::from_secs(1)) };
                    self.base.listen(shorter(deadline.left(), look_again));
                }
            }
            self.base.get_up();
            if is_over {
                return if there >= count { Ok(there) } else { Err(Error::Timeout) };
            }
        }
    }

    /// Those that are not disconnected. Stale on arrival.
    fn count_subscribers(&self) -> u32 {
        let states = self.base.others().map(|slot| self.base.load(Participant::at(slot) + SLOT_STATE));
        states.filter(|&state| state == STATE_RELIABLE || state == STATE_LOSSY).count() as u32
    }

    /// Publishes a message without waiting for room, and for another publisher at work only some milliseconds. `Busy` is counted
    /// nowhere.
    ///
    /// # Errors
    /// `TooLarge` for more than a quarter of the ring: `publish` splits that.
    pub fn try_publish(&mut self, payload: &[u8]) -> Result<Outcome, Error> {
        if payload.len() > self.base.geometry.max_whole() {
            return Err(Error::TooLarge);
        }
        self.attempt(KIND_MESSAGE, &[payload], &[payload.len()], None, Deadline::after(NO_TIME))
    }

    /// Publishes a message and returns its number. Waits for room and for the lock so long. What is larger than a quarter of
    /// the ring is split, and subscribers put it together.
    ///
    /// # Errors
    /// `Timeout`, and no subscriber gets any of it.
    pub fn publish(&mut self, payload: &[u8], timeout: Option<Duration>) -> Result<u64, Error> {
        let deadline = Deadline::after(timeout);
        if payload.len() <= self.base.geometry.max_whole() {
            return self.send(KIND_MESSAGE, &[payload], None, deadline);
        }
        if payload.len() as u64 > self.base.geometry.max_message {
            return Err(Error::TooLarge);
        }
        // An eighth of the ring, so that subscribers read one while the next one is written.
        let frame = self.base.geometry.max_payload.min(self.base.geometry.capacity as usize / 8 - FRAME_SIZE);
        let mut piece = Piece { began: 0, total: payload.len() as u32, offset: 0, generation: self.base.generation };
        let mut number = 0;
        for part in payload.chunks(frame - FRAGMENT_SIZE) {
            let end = piece.offset + part.len() as u32;
            let kind = if end == piece.total { KIND_LAST_FRAGMENT } else { KIND_FRAGMENT };
            number = self.send(kind, &[part], Some(&mut piece), deadline)?;
            piece.offset = end;
        }
        Ok(number)
    }

    /// Publishes several messages, all or none, without waiting. They take at most a quarter of the ring.
    pub fn try_publish_all(&mut self, payloads: &[&[u8]]) -> Result<Outcome, Error> {
        let lengths = self.lengths_of(payloads)?;
        self.attempt(KIND_MESSAGE, payloads, &lengths, None, Deadline::after(NO_TIME))
    }

    /// Publishes several messages, all or none, and returns the number of the first one. Waits as `publish` does. They take at
    /// most a quarter of the ring.
    pub fn publish_all(&mut self, payloads: &[&[u8]], timeout: Option<Duration>) -> Result<u64, Error> {
        let deadline = Deadline::after(timeout);
        self.lengths_of(payloads)?;
        self.send(KIND_MESSAGE, payloads, None, deadline)
    }

    fn lengths_of(&self, payloads: &[&[u8]]) -> Result<Vec<usize>, Error> {
        let total: i64 = payloads.iter().map(|payload| frame_size(payload.len())).sum();
        if payloads.is_empty() {
            return Err(Error::InvalidArgument("a batch has at least one message"));
        }
        let most = self.base.geometry.max_whole();
        if total > self.base.geometry.capacity / 4 || payloads.iter().any(|payload| payload.len() > most) {
            return Err(Error::TooLarge);
        }
        Ok(payloads.iter().map(|payload| payload.len()).collect())
    }

    /// Takes the publisher lock and makes room for a message of that length, which is then written in place. Without
    /// waiting for room. No other publisher publishes until the claim is committed or dropped: be quick.
    pub fn try_claim(&mut self, length: usize) -> Result<ClaimOutcome<'_>, Error> {
        if length > self.base.geometry.max_whole() {
            return Err(Error::TooLarge);
        }
        if !self.base.acquire(Deadline::after(NO_TIME)) {
            return Ok(ClaimOutcome::Busy);
        }
        match self.make_room(&[length]) {
            Ok(Some((tail, number))) => Ok(ClaimOutcome::Claimed(Claim { publisher: self, length, tail, number })),
            Ok(None) => {
                self.base.release();
                Ok(ClaimOutcome::Full)
            }
            Err(error) => {
                self.base.release();
                Err(error)
            }
        }
    }

    /// Publishes frames, and waits for room and for the lock.
    fn send(
        &mut self,
        kind: u8,
        payloads: &[&[u8]],
        mut piece: Option<&mut Piece>,
        deadline: Deadline,
    ) -> Result<u64, Error> {
        let header = if piece.is_some() { FRAGMENT_SIZE } else { 0 };
        let lengths: Vec<usize> = payloads.iter().map(|payload| payload.len() + header).collect();
        loop {
            match self.attempt(kind, payloads, &lengths, piece.as_deref_mut(), deadline)? {
                Outcome::Published(number) => return Ok(number),
                Outcome::Full if !deadline.is_over() => self.wait_for_room(&lengths, deadline)?,
                Outcome::Full | Outcome::Busy => return Err(Error::Timeout),
            }
        }
    }

    /// Publishes frames without waiting for room, and for the lock until then.
    fn attempt(
        &mut self,
        kind: u8,
        payloads: &[&[u8]],
        lengths: &[usize],
        mut piece: Option<&mut Piece>,
        deadline: Deadline,
    ) -> Result<Outcome, Error> {
        loop {
            self.base.get_up();
            if !self.base.acquire(deadline) {
                return Ok(Outcome::Busy);
            }
            let sent = self.try_send(kind, payloads, lengths, piece.as_deref_mut());
            self.base.release();
            let were_dead = self.base.dead.len();
            self.base.reclaim_found();
            if let Some(number) = sent? {
                return Ok(Outcome::Published(number));
            }
            // Who kept us waiting may have been dead.
            if self.base.dead.len() >= were_dead {
                self.base.counters[FULL] += 1;
                self.base.count();
                return Ok(Outcome::Full);
            }
        }
    }

    /// With the lock held: commits all of the frames, and returns the first number; none where there is no room.
    pub(crate) fn try_send(
        &mut self,
        kind: u8,
        payloads: &[&[u8]],
        lengths: &[usize],
        mut piece: Option<&mut Piece>,
    ) -> Result<Option<u64>, Error> {
        let (mut at, first) = match self.make_room(lengths)? {
            Some(begin) => begin,
            None => return Ok(None),
        };
        let mut number = first;
        let time = self.time();
        for (payload, &length) in payloads.iter().zip(lengths) {
            at = self.pad(at, length, number, time);
            self.write_header(at, length, kind, number, time);
            let place = self.base.place(at) + FRAME_SIZE;
            if let Some(piece) = piece.as_deref_mut() {
                piece.began = if piece.offset == 0 { at } else { piece.began };
                let memory = self.base.memory();
                memory.write(place + FRAGMENT_BEGAN, piece.began as u64);
                memory.word(place + FRAGMENT_TOTAL).store(piece.total as u32, Relaxed);
                memory.word(place + FRAGMENT_OFFSET).store(piece.offset as u32, Relaxed);
                memory.write(place + FRAGMENT_GENERATION, piece.generation as u64);
                memory.copy_in(place + FRAGMENT_SIZE, payload);
            } else {
                self.base.memory().copy_in(place, payload);
            }
            number += (kind != KIND_FRAGMENT) as u64;
            at += frame_size(length);
        }
        let bytes = payloads.iter().map(|payload| payload.len() as u64).sum();
        self.commit(at, number, if kind == KIND_FRAGMENT { 0 } else { payloads.len() as u64 }, bytes, time);
        Ok(Some(first))
    }

    /// What messages say of when they are published.
    fn time(&self) -> u64 {
        if self.timestamps {
            now()
        } else {
            0
        }
    }

    /// With the lock held: finds room for those frames, and returns the tail and the number that stands there.
    fn make_room(&mut self, lengths: &[usize]) -> Result<Option<(i64, u64)>, Error> {
        if !self.base.owns_slot() {
            return Err(Error::Corrupted("this publisher has lost its slot"));
        }
        let tail = self.base.load_tail()?;
        // Of a terminator, or of a frame that a publisher wrote that died before it was committed.
        let number = self.base.number_at(tail);
        if !(1..=MAX_NUMBER - lengths.len() as u64).contains(&number) {
            return Err(Error::Corrupted("the number at the tail"));
        }
        let needed = self.end_of(tail, lengths) + ALIGNMENT - self.base.geometry.capacity;
        if !self.has_room(tail, needed) {
            return Ok(None);
        }
        self.move_head(tail, needed)?;
        Ok(Some((tail, number)))
    }

    /// Where a frame of that size begins when the one before it ends there: it never wraps.
    fn begin_of(&self, position: i64, length: usize) -> i64 {
        let left = self.base.geometry.capacity - (position & (self.base.geometry.capacity - 1));
        if frame_size(length) > left {
            position + left
        } else {
            position
        }
    }

    pub(crate) fn end_of(&self, tail: i64, lengths: &[usize]) -> i64 {
        lengths.iter().fold(tail, |end, &length| self.begin_of(end, length) + frame_size(length))
    }

    /// Slot, offset and cursor of the reliable subscribers.
    pub(crate) fn cursors(&self) -> Vec<(u32, usize, i64)> {
        let slots = self.base.others().map(|slot| (slot, Participant::at(slot)));
        let reliable = slots.filter(|&(_, at)| self.base.load(at + SLOT_STATE) == STATE_RELIABLE);
        reliable.map(|(slot, at)| (slot, at, self.base.load_long(at + SLOT_CURSOR))).collect()
    }

    /// Whether what is before `needed` may be overwritten. With the lock held: ends who is too slow, or makes no sense.
    fn has_room(&mut self, tail: i64, needed: i64) -> bool {
        let epoch = self.base.load(HEADER_EPOCH);
        if self.floor_epoch == Some(epoch) && needed <= self.floor {
            return true;
        }
        let mut floor = tail;
        for (slot, at, cursor) in self.cursors() {
            let nonce = self.base.load_long(at + SLOT_NONCE);
            let least = (tail - self.base.geometry.capacity).max(0);
            let is_cursor = (least..=tail).contains(&cursor) && cursor % ALIGNMENT == 0 && nonce != 0;
            if is_cursor && (cursor >= needed || !self.disconnects) {
                floor = floor.min(cursor);
                if cursor < needed && self.base.is_dead(slot, nonce) {
                    self.base.note_dead(slot, nonce);
                }
                continue;
            }
            self.base.disconnect(at, if is_cursor { DISCONNECTED_AS_SLOW } else { DISCONNECTED_AS_WRONG });
        }
        self.floor = floor;
        self.floor_epoch = Some(epoch);
        needed <= floor
    }

    /// Gives up the oldest frames, before they are overwritten.
    fn move_head(&mut self, tail: i64, needed: i64) -> Result<(), Error> {
        let mut head = self.base.load_long(HEADER_HEAD);
        let least = (tail - self.base.geometry.capacity).max(0);
        if !(least..=tail).contains(&head) || head % ALIGNMENT != 0 {
            return Err(Error::Corrupted("the head"));
        }
        if head >= needed {
            return Ok(());
        }
        while head < needed {
            let length = self.base.memory().read(self.base.place(head)) as u32;
            head += frame_size(length as usize);
            if head > tail {
                return Err(Error::Corrupted("a frame leads beyond the tail"));
            }
        }
        // SYNC: overwrite announced. A subscriber that copies what is overwritten from here on sees the new head behind its copy.
        self.base.memory().long(HEADER_HEAD).swap(head, SeqCst);
        fence(SeqCst);
        step!("publish: head moved");
        Ok(())
    }

    /// Fills up the ring where a frame of that length does not fit; returns where the frame begins.
    fn pad(&mut self, at: i64, length: usize, number: u64, time: u64) -> i64 {
        let begin = self.begin_of(at, length);
        if begin != at {
            self.write_header(at, (begin - at) as usize - FRAME_SIZE, KIND_PADDING, number, time);
            step!("publish: padding written");
        }
        begin
    }

    fn write_header(&self, position: i64, length: usize, kind: u8, number: u64, time: u64) {
        let (memory, place) = (self.base.memory(), self.base.place(position));
        // The length, the kind, the flags and the publisher are written as one word.
        let word = (kind as u64) << (8 * FRAME_KIND) | (self.base.slot as u64) << (8 * FRAME_PUBLISHER);
        memory.write(place + FRAME_LENGTH, word | length as u64);
        memory.write(place + FRAME_SEQUENCE, number);
        memory.write(place + FRAME_TIMESTAMP, time);
    }

    /// Makes visible what ends there. With the lock held.
    fn commit(&mut self, end: i64, number: u64, messages: u64, bytes: u64, time: u64) {
        self.write_header(end, 0, KIND_TERMINATOR, number, time);
        step!("publish: frame written");
        // SYNC: frame visible. Everything of the frames was written before this store.
        self.base.memory().long(HEADER_TAIL).store(end, SeqCst);
        step!("publish: committed");
        if messages > 0 {
            self.sequence = number - 1;
        }
        self.base.ring_for_frames();
        step!("publish: rung");
        self.base.counters[FRAMES] += messages;
        self.base.counters[BYTES] += bytes;
        self.base.count();
    }

    /// Says that it sleeps until there is room for those frames; `No` where there is, or may be.
    pub(crate) fn lie_down(&mut self, lengths: &[usize]) -> Result<Wait, Error> {
        self.base.lie_down(WANTS_ROOM);
        // SYNC: waiting for room. We are counted and flagged: a cursor that moves after we read it rings us.
        let tail = self.base.load_tail()?;
        let needed = self.end_of(tail, lengths) + ALIGNMENT - self.base.geometry.capacity;
        if !self.cursors().iter().any(|&(_, _, cursor)| cursor < needed) {
            return Ok(Wait::No);
        }
        self.base.watch(&[STATE_RELIABLE]);
        Ok(match (self.base.dead.is_empty(), self.base.is_watch_complete) {
            (false, _) => Wait::No,
            (true, false) => Wait::AtMost(Duration::from_secs(1)),
            (true, true) => Wait::Forever,
        })
    }

    fn wait_for_room(&mut self, lengths: &[usize], deadline: Deadline) -> Result<(), Error> {
        let wait = self.lie_down(lengths);
        match wait {
            Ok(Wait::No) | Err(_) => {}
            Ok(Wait::AtMost(time)) => self.base.listen(shorter(deadline.left(), Some(time))),
            Ok(Wait::Forever) => self.base.listen(deadline.left()),
        }
        self.base.get_up();
        self.base.reclaim_found();
        wait.map(|_| ())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // Where the lock is not available, our death tells the rest.
        if !self.base.owns_slot() || !self.base.acquire(Deadline::after(Some(self.base.timeout))) {
            return;
        }
        self.base.get_up();
        self.base.end_participation(self.base.own(), self.base.generation, ENDED_BY_LEAVING);
        self.base.release();
        self.base.free_slot();
        self.base.ring_for_room();
    }
}

/// Room for one message in the ring, which no subscriber sees before it is committed.
pub struct Claim<'a> {
    publisher: &'a mut Publisher,
    length: usize,
    tail: i64,
    number: u64,
}

impl Claim<'_> {
    /// Writes bytes of the message. What is never written keeps whatever was there.
    ///
    /// # Errors
    /// `TooLarge` where they do not lie within the message, or do not begin at a multiple of 8.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Error> {
        if offset % 8 != 0 || offset.checked_add(bytes.len()).map_or(true, |end| end > self.length) {
            return Err(Error::TooLarge);
        }
        let base = &self.publisher.base;
        let at = self.publisher.begin_of(self.tail, self.length);
        base.memory().copy_in(base.place(at) + FRAME_SIZE + offset, bytes);
        Ok(())
    }

    /// Publishes the message, and returns its number.
    pub fn commit(self) -> u64 {
        let Claim { length, tail, number, .. } = self;
        let publisher = &mut *self.publisher;
        let time = publisher.time();
        let at = publisher.pad(tail, length, number, time);
        publisher.write_header(at, length, KIND_MESSAGE, number, time);
        publisher.commit(at + frame_size(length), number + 1, 1, length as u64, time);
        number
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.publisher.base.release();
    }
}

// ----------------------------------------------------------------------------------------------------- The directory

/// The name of the directory's segment, which no channel can have, and the id of its codec.
const DIRECTORY_NAME: &str = "mmfbus~directory";
/// How long joining or leaving a channel waits for a living holder of the directory's lock.
const DIRECTORY_PATIENCE: Duration = Duration::from_millis(100);

/// The path of this program; empty where it is not known.
fn program_path() -> Vec<u8> {
    #[cfg(target_os = "linux")]
    {
        let mut path = [0u8; 4096];
        let link = Path::new("/proc/self/exe");
        // SAFETY: no more is written than the array holds; the path ends with a zero.
        let length = unsafe { c::readlink(link.as_ptr(), path.as_mut_ptr() as *mut c::c_char, path.len()) };
        Vec::from(&path[..length.max(0) as usize])
    }
    #[cfg(not(target_os = "linux"))]
    // SAFETY: the text ends with a zero, and is the C library's.
    unsafe {
        let name = c::getprogname();
        let length = if name.is_null() { 0 } else { c::strlen(name) };
        (0..length).map(|at| *name.add(at)).collect()
    }
}

/// What the directory calls this process: its program, cut where needed, and its language.
fn program_name() -> String {
    let path = program_path();
    let file = path.rsplit(|&byte| byte == b'/').next().unwrap_or(&[]);
    let mut program = String::from_utf8_lossy(file).into_owned();
    let language = " (rust)";
    while program.len() > SLOT_NAME_SIZE - language.len() {
        program.pop();
    }
    program + language
}

/// A directory: that of a scope, and in the scope `Machine` that of the channels which let in the same users.
#[derive(Clone, PartialEq, Eq)]
struct DirectoryId {
    scope: Scope,
    name: String,
    mode: u32,
    /// Its number; empty for whichever.
    group: String,
}

impl DirectoryId {
    /// Which one the channels of that scope belong to that let in those users.
    fn of(scope: Scope, audience: &Audience) -> DirectoryId {
        let (suffix, mode, group) = match (scope, audience.uid, audience.gid) {
            (Scope::User, _, _) => (String::new(), 0o600, String::new()),
            // The superuser has its own, also for a channel of another user, who could not open one that it made.
            // SAFETY: nothing but numbers.
            (Scope::Machine, Some(_), _) => (format!(".u{}", unsafe { c::geteuid() }), 0o600, String::new()),
            (Scope::Machine, None, Some(gid)) => (format!(".g{gid}"), 0o660, format!("{gid}")),
            (Scope::Machine, None, None) => (String::new(), 0o666, String::new()),
        };
        DirectoryId { scope, name: format!("{DIRECTORY_NAME}{suffix}"), mode, group }
    }

    /// An entry is a hint: a channel that lets in other users than the directory does is not one of its channels.
    fn has(&self, channel: &Fd) -> bool {
        let any = Options { scope: self.scope, ..Options::new("") };
        Audience::of(channel, &any, Kind::Channel).map_or(false, |audience| DirectoryId::of(self.scope, &audience) == *self)
    }
}

/// A directory, as this process has joined it: as one of its publishers, so that watchers hear of its death.
struct Directory {
    publisher: Publisher,
    id: DirectoryId,
}

impl Directory {
    fn open(id: DirectoryId) -> Result<Directory, Error> {
        let name = program_name();
        let options = Options {
            max_participants: MAX_PARTICIPANTS,
            mode: id.mode,
            group: &id.group,
            scope: id.scope,
            name: &name,
            timeout: DIRECTORY_PATIENCE,
            ..Options::new(DIRECTORY_NAME)
        };
        let publisher = Publisher::join_as(&id.name, &options, Joining::plain(Kind::Directory))?;
        Ok(Directory { publisher, id })
    }

    /// Offsets of the entries.
    fn entries(&self) -> impl Iterator<Item = usize> {
        let geometry = &self.publisher.base.geometry;
        let start = Participant::at(geometry.participants);
        let count = (geometry.ring - start) / ENTRY_SIZE;
        (0..count).map(move |index| start + index * ENTRY_SIZE)
    }

    /// Whether an entry was ever taken. Participants take the first free entry, so those ever taken come first.
    fn was_taken(&self, entry: usize) -> bool {
        self.publisher.base.load(entry + ENTRY_STATE) != 0
    }

    /// The name in an entry; none where it is free, is being changed, or holds no name, which is as good as free.
    fn read(&self, entry: usize) -> Option<String> {
        let base = &self.publisher.base;
        let state = base.load(entry + ENTRY_STATE);
        if state & 1 == 0 {
            return None;
        }
        let mut longs = [0u64; ENTRY_NAME_SIZE / 8];
        base.memory().copy_out(entry + ENTRY_NAME, &mut longs);
        fence(Acquire);
        // SYNC: entry committed. The name was copied before this look: it is that of the state that both looks saw.
        if base.load(entry + ENTRY_STATE) != state {
            return None;
        }
        let bytes = bytes_of(&longs);
        let length = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let name = core::str::from_utf8(&bytes[..length]).ok()?;
        is_entry_name(name.as_bytes()).then(|| String::from(name))
    }

    /// With the lock held: true where the channel was not listed.
    fn add(&self, channel: &str) -> Result<bool, Error> {
        let base = &self.publisher.base;
        let mut free = None;
        for entry in self.entries() {
            match self.read(entry) {
                Some(name) if name == channel => return Ok(false),
                Some(_) => {}
                None => free = free.or(Some(entry)),
            }
            if !self.was_taken(entry) {
                break;
            }
        }
        let entry = free.ok_or(Error::TooManyChannels)?;
        let word = base.memory().word(entry + ENTRY_STATE);
        let before = word.load(SeqCst);
        // Even, and never back to 0, which ends the list.
        let state = before.wrapping_add(before & 1);
        // SYNC: entry committed. The name stays behind the state that says free, and before the one that says listed.
        word.swap(state, SeqCst);
        word.load(SeqCst);
        base.memory().copy_in(entry + ENTRY_NAME, &padded::<ENTRY_NAME_SIZE>(channel));
        word.store(state.wrapping_add(1), SeqCst);
        Ok(true)
    }

    /// With the lock held: false where the channel was not listed.
    fn remove(&self, channel: &str) -> bool {
        let mut was_listed = false;
        for entry in self.entries().take_while(|&entry| self.was_taken(entry)) {
            if self.read(entry).map_or(false, |name| name == channel) {
                self.publisher.base.add(entry + ENTRY_STATE, 1);
                was_listed = true;
            }
        }
        was_listed
    }

    /// Looks into a channel: none where all participants are proved dead, and then what there is to be closed. An error
    /// says that it cannot be known.
    fn look(&self, channel: &str) -> Result<Look, Error> {
        let scope = self.id.scope;
        let segment = match Segment::open(&segment_path(channel, scope), scope == Scope::User)? {
            Some(segment) => segment,
            None => return Ok(Look { is_occupied: false, _seen: None }),
        };
        if !self.id.has(&segment.fd) {
            segment.close();
            return Ok(Look { is_occupied: false, _seen: None });
        }
        let geometry = match Geometry::read(&segment.memory) {
            Ok(geometry) => geometry,
            Err(error) => {
                segment.close();
                return Err(error);
            }
        };
        let seen = Participant::without_slot(segment, geometry, Duration::ZERO);
        let used = seen.load(HEADER_SLOTS_USED).min(seen.geometry.participants);
        let is_occupied = (0..used).any(|slot| {
            let nonce = seen.load_long(Participant::at(slot) + SLOT_NONCE);
            nonce != 0 && !seen.is_dead(slot, nonce)
        });
        Ok(Look { is_occupied, _seen: Some(seen) })
    }

    fn acquire(&mut self, deadline: Deadline) -> Result<(), Error> {
        if self.publisher.base.acquire(deadline) {
            Ok(())
        } else {
            Err(Error::Timeout)
        }
    }

    /// With the lock held. Watchers never hold publishers back; who does all the same must look at the entries.
    fn tell(&mut self, kind: u32, channel: &str) {
        let mut notice = [0u8; NOTICE_SIZE];
        notice[NOTICE_KIND..][..4].copy_from_slice(&kind.to_le_bytes());
        notice[NOTICE_CHANNEL..][..channel.len()].copy_from_slice(channel.as_bytes());
        if !matches!(self.publisher.try_send(KIND_MESSAGE, &[&notice], &[NOTICE_SIZE], None), Ok(Some(_))) {
            self.publisher.base.ring_for_frames();
        }
    }

    /// Gives the lock back.
    fn release(&mut self) {
        self.publisher.base.release();
        self.publisher.base.reclaim_found();
    }

    fn enter(&mut self, channel: &str) -> Result<(), Error> {
        let deadline = Deadline::after(Some(DIRECTORY_PATIENCE));
        match self.try_enter(channel, deadline) {
            Err(Error::TooManyChannels) => {
                self.strike_any(deadline);
                self.try_enter(channel, deadline)
            }
            entered => entered,
        }
    }

    fn try_enter(&mut self, channel: &str, deadline: Deadline) -> Result<(), Error> {
        self.acquire(deadline)?;
        let added = self.add(channel);
        if let Ok(is_new) = added {
            self.tell(if is_new { NOTICE_OPENED } else { NOTICE_CHANGED }, channel);
        }
        self.release();
        added.map(|_| ())
    }

    /// Takes one channel that has no participant off a full list.
    fn strike_any(&mut self, deadline: Deadline) {
        for entry in self.entries() {
            let name = match self.read(entry) {
                Some(name) if !deadline.is_over() => name,
                _ => continue,
            };
            if matches!(self.look(&name), Ok(Look { is_occupied: false, .. })) && self.leave(&name, None, deadline) {
                return;
            }
        }
    }

    /// Takes the channel off the list if it has no participant, and says whether it did; otherwise gives that notice, if any.
    fn leave(&mut self, channel: &str, notice: Option<u32>, deadline: Deadline) -> bool {
        if self.acquire(deadline).is_err() {
            return false;
        }
        // With the lock held: a participant that joins meanwhile lists the channel again. What it looked at is closed without the
        // lock.
        let look = self.look(channel);
        let is_gone = matches!(look, Ok(Look { is_occupied: false, .. }));
        let is_struck = is_gone && self.remove(channel);
        if is_struck {
            self.tell(NOTICE_CLOSED, channel);
        } else if let (false, Some(notice)) = (is_gone, notice) {
            self.tell(notice, channel);
        }
        self.release();
        is_struck
    }
}

/// What a look into a channel has found, and what it has open.
struct Look {
    is_occupied: bool,
    _seen: Option<Participant>,
}

/// This process's place in a directory, and how many of its participants share it.
struct Place {
    directory: Directory,
    shares: u32,
}

/// The places of this process, and what keeps its threads apart.
struct Places {
    is_taken: AtomicU32,
    places: UnsafeCell<Vec<Place>>,
}

// SAFETY: the places are touched by who has taken them only.
unsafe impl Sync for Places {}

static PLACES: Places = Places { is_taken: AtomicU32::new(0), places: UnsafeCell::new(Vec::new()) };

impl Places {
    fn with<R>(&self, action: impl FnOnce(&mut Vec<Place>) -> R) -> R {
        while self.is_taken.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
            sleep(Duration::from_micros(100));
        }
        // SAFETY: the thread that changed the word from 0 to 1 is alone until it is 0 again.
        let places = unsafe { &mut *self.places.get() };
        let result = action(places);
        self.is_taken.store(0, SeqCst);
        result
    }
}

/// Keeps a channel in the directory while a participant of this process is in it. Whatever goes wrong with the directory is
/// nothing to the channel.
pub(crate) struct Registration {
    channel: String,
    /// Of which this process has a place that this one shares.
    directory: Option<DirectoryId>,
    is_listed: bool,
    failure: Option<Error>,
}

impl Registration {
    fn none() -> Registration {
        Registration { channel: String::new(), directory: None, is_listed: false, failure: None }
    }

    /// Opens this process's place in the directory, or shares it. Before a slot of the channel is claimed.
    fn begin(channel: &str, options: &Options<'_>, audience: &Audience) -> Registration {
        if !options.discoverable {
            return Registration::none();
        }
        let id = DirectoryId::of(options.scope, audience);
        let shared = PLACES.with(|places| {
            match places.iter_mut().find(|place| place.directory.id == id) {
                Some(place) => place.shares += 1,
                None => places.push(Place { directory: Directory::open(id.clone())?, shares: 1 }),
            }
            Ok(())
        });
        let channel = String::from(channel);
        let failure = shared.err();
        Registration { channel, directory: failure.is_none().then_some(id), is_listed: false, failure }
    }

    /// Lists the channel, which was joined.
    pub(crate) fn enter(&mut self) {
        let id = match &self.directory {
            Some(id) => id,
            None => return,
        };
        let listed = PLACES.with(|places| match places.iter_mut().find(|place| place.directory.id == *id) {
            Some(place) => place.directory.enter(&self.channel),
            None => Ok(()),
        });
        self.is_listed = listed.is_ok();
        self.failure = listed.err();
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let id = match &self.directory {
            Some(id) => id,
            None => return,
        };
        PLACES.with(|places| {
            let index = match places.iter().position(|place| place.directory.id == *id) {
                Some(index) => index,
                None => return,
            };
            let place = &mut places[index];
            if self.is_listed {
                let deadline = Deadline::after(Some(DIRECTORY_PATIENCE));
                place.directory.leave(&self.channel, Some(NOTICE_CHANGED), deadline);
            }
            place.shares -= 1;
            if place.shares == 0 {
                places.swap_remove(index);
            }
        });
    }
}

// ------------------------------------------------------------------------------------------------------- Subscribing

/// What has arrived of a split message.
struct Parts {
    began: i64,
    total: u32,
    generation: u32,
    data: Vec<u8>,
}

/// How long to wait for one of the descriptors of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: there is something to receive.
    No,
    /// At most so long, then look again.
    AtMost(Duration),
    Forever,
}

/// To look again after, while a publisher is at work.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// What a subscriber with `publisher_events` knows of the publishers.
struct Roster {
    /// The epoch of the last look.
    epoch: u32,
    /// Who was there, with the generation of the slot.
    members: Vec<(u32, PublisherInfo)>,
    /// Who was no longer there, and what was not told yet.
    left: Vec<Event>,
}

/// Subscribes to a channel. Leaves it when it is dropped.
pub struct Subscriber {
    pub(crate) base: Participant,
    is_reliable: bool,
    poll_window: Duration,
    /// States of those whose life lines it watches while it sleeps.
    pub(crate) watched: &'static [u32],
    events: VecDeque<Event>,
    pub(crate) failure: Option<Error>,
    /// Of split messages, by the slot of their publisher.
    parts: BTreeMap<u32, Parts>,
    is_lapped: bool,
    /// In a row, without a frame in between.
    laps: u32,
    /// Number of the first message that is wanted.
    wanted: u64,
    /// Number of the next message.
    next_number: u64,
    pub(crate) position: i64,
    /// What began before that cannot be had.
    first_position: i64,
    pub(crate) closed_epoch: u32,
    parts_epoch: Option<u32>,
    /// None where nothing is told of publishers that come and go.
    roster: Option<Roster>,
    /// Number up to which the program was told of all messages.
    told: u64,
    /// A private copy of frames.
    chunk: Vec<u64>,
    /// Dropped after the participant: it looks whether the channel has another participant.
    pub(crate) registration: Registration,
}

impl Subscriber {
    pub fn join(channel: &str, options: &Options<'_>) -> Result<Subscriber, Error> {
        options.check(true)?;
        let mut subscriber = Subscriber::join_as(channel, options, Joining::plain(Kind::Channel))?;
        subscriber.registration.enter();
        Ok(subscriber)
    }

    pub(crate) fn join_as(channel: &str, options: &Options<'_>, joining: Joining) -> Result<Subscriber, Error> {
        let (registration, base) = Participant::open(channel, options, joining)?;
        let mut subscriber = Subscriber {
            base,
            is_reliable: options.delivery == Delivery::Reliable,
            poll_window: options.poll_window,
            watched: &[STATE_PUBLISHER],
            events: VecDeque::new(),
            failure: None,
            parts: BTreeMap::new(),
            is_lapped: false,
            laps: 0,
            wanted: 0,
            next_number: 0,
            position: 0,
            first_position: 0,
            closed_epoch: 0,
            parts_epoch: None,
            roster: None,
            told: 0,
            chunk: Vec::new(),
            registration,
        };
        if !subscriber.base.acquire(Deadline::after(Some(options.timeout))) {
            return Err(Error::Timeout);
        }
        subscriber.base.inherit_own();
        if options.publisher_events {
            let epoch = subscriber.base.load(HEADER_EPOCH);
            let members = subscriber.publishers();
            subscriber.roster = Some(Roster { epoch, members, left: Vec::new() });
        }
        let has_history = subscriber.base.geometry.history > 0;
        let start = options.start.unwrap_or(if has_history { Start::History } else { Start::Latest });
        let begun = subscriber.base.check_bells().and_then(|()| subscriber.begin(start, options.otherwise));
        subscriber.base.release();
        begun?;
        step!("join: done");
        subscriber.base.reclaim_whoever_is_dead();
        Ok(subscriber)
    }

    /// Why the channel could not be listed in the directory; none where it was, or was not to be. The channel works either way.
    pub fn directory_failure(&self) -> Option<Error> {
        self.registration.failure
    }

    /// Most bytes of a message.
    pub fn max_message(&self) -> u64 {
        self.base.geometry.max_message
    }

    /// How far the program has come: to the last message that `receive` gave it or told to be lost. `Start::After` goes on from
    /// there.
    pub fn position(&self) -> Position {
        Position { incarnation: self.base.geometry.incarnation, sequence: self.told }
    }

    /// Id of the channel's codec.
    pub fn codec(&self) -> &str {
        let codec = &self.base.geometry.codec;
        let length = codec.iter().position(|&byte| byte == 0).unwrap_or(codec.len());
        core::str::from_utf8(&codec[..length]).unwrap_or("")
    }

    /// The next event, without waiting; none where there is nothing to receive now.
    pub fn try_receive(&mut self) -> Result<Option<Event>, Error> {
        self.disarm();
        self.next()
    }

    /// The next event; none when the time is over.
    pub fn receive(&mut self, timeout: Option<Duration>) -> Result<Option<Event>, Error> {
        let deadline = Deadline::after(timeout);
        let mut window = None;
        let mut pause = Duration::ZERO;
        self.disarm();
        loop {
            let event = self.next()?;
            if event.is_some() || deadline.is_over() {
                return Ok(event);
            }
            if !window.get_or_insert_with(|| Deadline::after(Some(self.poll_window))).is_over() {
                core::hint::spin_loop();
                continue;
            }
            match self.lie_down() {
                Wait::No => {}
                Wait::AtMost(BUSY_PAUSE) => {
                    pause = (pause * 2).clamp(Duration::from_micros(10), BUSY_PAUSE);
                    sleep(pause);
                }
                Wait::AtMost(time) => self.base.listen(shorter(Some(time), deadline.left())),
                Wait::Forever => self.base.listen(deadline.left()),
            }
            self.base.get_up();
            self.base.reclaim_found();
        }
    }

    /// Goes to sleep for an event loop of your own, which waits for the descriptors. The next `receive` disarms it.
    pub fn arm(&mut self) -> Wait {
        self.disarm();
        let wait = self.lie_down();
        if wait == Wait::No {
            self.base.get_up();
        }
        wait
    }

    /// What to wait for after `arm()`, which may change them: one of them becomes readable.
    pub fn descriptors(&self) -> impl Iterator<Item = i32> + '_ {
        self.base.descriptors()
    }

    /// After `arm`: hears what was rung.
    fn disarm(&mut self) {
        if self.base.wants != 0 {
            self.base.get_up();
            self.base.listen(Some(Duration::ZERO));
        }
        self.base.reclaim_found();
    }

    /// With the lock held: finds where to begin.
    fn begin(&mut self, start: Start, otherwise: Otherwise) -> Result<(), Error> {
        let base = &mut self.base;
        let (tail, head) = (base.load_long(HEADER_TAIL), base.load_long(HEADER_HEAD));
        let is_position = |position: i64| (0..=MAX_POSITION).contains(&position) && position % ALIGNMENT == 0;
        if !is_position(tail) || !is_position(head) || head > tail || tail - head > base.geometry.capacity {
            return Err(Error::Corrupted("the head and the tail"));
        }
        let (at_head, at_tail) = (base.number_at(head), base.number_at(tail));
        if at_head == 0 || at_head > at_tail || at_tail > MAX_NUMBER {
            return Err(Error::Corrupted("the numbers at the head and the tail"));
        }
        let there = base.geometry.incarnation;
        let start = match (start, otherwise) {
            (Start::After(Position { incarnation, .. }), otherwise) if incarnation != there => match otherwise {
                Otherwise::Error => return Err(Error::OtherIncarnation { there, wanted: incarnation }),
                Otherwise::Earliest => Start::Earliest,
                Otherwise::Latest => Start::Latest,
            },
            (start, _) => start,
        };
        let mut gone = None;
        self.wanted = match start {
            Start::Latest => at_tail,
            Start::Earliest => at_head,
            Start::History => at_head.max(at_tail.saturating_sub(base.geometry.history)),
            Start::After(Position { sequence, .. }) if sequence >= at_tail => return Err(Error::SequenceAhead),
            Start::After(Position { sequence, .. }) => {
                gone = (sequence + 1 < at_head).then(|| (sequence + 1, at_head - 1));
                sequence + 1
            }
        };
        let is_latest = start == Start::Latest;
        self.told = self.wanted - 1;
        self.position = if is_latest { tail } else { head };
        self.first_position = if matches!(start, Start::After(_)) { 0 } else { self.position };
        self.next_number = if is_latest { at_tail } else { at_head };
        self.closed_epoch = base.load(HEADER_CLOSED_EPOCH);
        base.memory().long(base.own() + SLOT_CURSOR).store(self.position, SeqCst);
        step!("join: cursor stored");
        base.take_role(if self.is_reliable { STATE_RELIABLE } else { STATE_LOSSY });
        if let Some((first, last)) = gone {
            self.tell_gap(first, last);
        }
        Ok(())
    }

    pub(crate) fn lie_down(&mut self) -> Wait {
        if !self.events.is_empty() || self.failure.is_some() {
            return Wait::No;
        }
        self.base.lie_down(WANTS_FRAMES);
        // SYNC: going to sleep. We are counted and flagged: a participant that changes one of these after we looked rings us.
        if self.base.load(HEADER_PUBLISHER_LOCK) != 0 {
            if self.base.take_over() {
                self.base.release();
                return Wait::No;
            }
            self.base.get_up();
            return Wait::AtMost(BUSY_PAUSE);
        }
        let base = &mut self.base;
        let (tail, epoch, closed) = (base.load_long(HEADER_TAIL), base.load(HEADER_EPOCH), base.load(HEADER_CLOSED_EPOCH));
        if tail != self.position || closed != self.closed_epoch || !base.owns_slot() {
            return Wait::No;
        }
        if self.roster.as_ref().map_or(false, |roster| roster.epoch != epoch || !roster.left.is_empty()) {
            return Wait::No;
        }
        if base.watched_epoch != Some(epoch) {
            base.watched_epoch = Some(epoch);
            base.watch(self.watched);
            // Owners that were found dead are reclaimed first, and new life lines may be told of by a newer epoch.
            return Wait::No;
        }
        if !base.dead.is_empty() {
            return Wait::AtMost(BUSY_PAUSE);
        }
        if base.is_watch_complete {
            return Wait::Forever;
        }
        base.watched_epoch = None;
        Wait::AtMost(Duration::from_secs(1))
    }

    pub(crate) fn next(&mut self) -> Result<Option<Event>, Error> {
        // A publisher may be faster for as long as it likes.
        for _ in 0..100 {
            if !self.events.is_empty() {
                break;
            }
            if let Some(failure) = self.failure {
                return Err(failure);
            }
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break,
                // What was copied and checked before that is good.
                Err(error) => self.failure = Some(error),
            }
        }
        let event = self.events.pop_front();
        match &event {
            Some(Event::Message(message)) => self.told = message.sequence,
            Some(Event::Gap { last, .. }) => self.told = *last,
            Some(_) => {}
            None => self.told = self.told.max(self.next_number - 1),
        }
        Ok(event)
    }

    /// Copies frames out of the ring and makes events of them. False where there is nothing new.
    fn fill(&mut self) -> Result<bool, Error> {
        if !self.base.owns_slot() {
            return Err(Error::Corrupted("this subscriber has lost its slot"));
        }
        self.check_state()?;
        let capacity = self.base.geometry.capacity;
        let (mut closed, mut epoch, mut tail) = (0, 0, 0);
        for _ in 0..LOOKS_AT_MOST {
            // Before the tail: everything that was published before the end is read before it is told.
            (closed, epoch) = (self.base.load(HEADER_CLOSED_EPOCH), self.base.load(HEADER_EPOCH));
            self.look_for_publishers();
            // SYNC: frame visible. Everything before the tail was written before it was stored.
            tail = self.base.load_long(HEADER_TAIL);
            // Who joined meanwhile may have published what is before the tail.
            if self.roster.is_none() || self.base.load(HEADER_EPOCH) == epoch {
                break;
            }
        }
        if tail % ALIGNMENT != 0 || !(self.position..=MAX_POSITION).contains(&tail) {
            return Err(Error::Corrupted("the tail"));
        }
        if tail == self.position && !self.is_lapped {
            self.at_tail(closed, epoch);
            return Ok(false);
        }
        let rest = (tail - self.position).max(ALIGNMENT).min(capacity - (self.position & (capacity - 1)));
        let mut size = rest.min(CHUNK);
        let mut chunk = core::mem::take(&mut self.chunk);
        let (start, end) = loop {
            chunk.resize((size / 8) as usize, 0);
            self.base.memory().copy_out(self.base.place(self.position), &mut chunk);
            step!("read: copied");
            // SYNC: overwrite announced. Copied before this load: what is not before the head was not overwritten.
            fence(Acquire);
            let head = self.base.load_long(HEADER_HEAD);
            if head % ALIGNMENT != 0 || !((tail - capacity).max(0)..=MAX_POSITION).contains(&head) {
                return Err(Error::Corrupted("the head"));
            }
            if head > self.position {
                self.check_state()?;
                if self.is_reliable {
                    return Err(Error::Corrupted("a reliable subscriber was overtaken"));
                }
                self.is_lapped = true;
                self.parts.clear();
                if head >= self.position + size {
                    // The next message may overtake the head.
                    self.laps += 1;
                    self.position = if self.laps < LAPS_AT_HEAD { head } else { head.max(self.base.load_tail()?) };
                    self.chunk = chunk;
                    return Ok(true);
                }
            }
            let start = (head - self.position).max(0);
            let (end, needed) = self.parse(bytes_of(&chunk), start, tail)?;
            if end > start || needed == 0 || size == rest {
                break (start, end);
            }
            size = rest.min(start + needed);
        };
        self.chunk = chunk;
        self.position += end;
        if end > start {
            self.laps = 0;
        }
        let took = !self.events.is_empty() || end > start;
        if took {
            self.store_cursor();
        }
        if self.position == tail && !self.is_lapped {
            self.tell_left();
        }
        Ok(took)
    }

    fn check_state(&self) -> Result<(), Error> {
        if self.is_reliable && self.base.load(self.base.own() + SLOT_STATE) == STATE_DISCONNECTED {
            return Err(Error::Disconnected);
        }
        Ok(())
    }

    /// The publishers that are there, with the generations of their slots.
    fn publishers(&self) -> Vec<(u32, PublisherInfo)> {
        self.base.others().filter_map(|slot| self.publisher_at(slot)).collect()
    }

    /// The publisher in that slot, with its generation.
    pub(crate) fn publisher_at(&self, slot: u32) -> Option<(u32, PublisherInfo)> {
        let (base, at) = (&self.base, Participant::at(slot));
        if base.load(at + SLOT_STATE) != STATE_PUBLISHER {
            return None;
        }
        let memory = base.memory();
        let generation = base.load(at + SLOT_GENERATION);
        let nonce = base.load_long(at + SLOT_NONCE);
        let is_named = || base.load_long(at + SLOT_IDENTITY_NONCE) == nonce && base.load_long(at + SLOT_NONCE) == nonce;
        let was_named = is_named();
        let pid = memory.word(at + SLOT_PID).load(Relaxed);
        let mut name = [0u64; SLOT_NAME_SIZE / 8];
        memory.copy_out(at + SLOT_NAME, &mut name);
        fence(Acquire);
        // SYNC: identity written. Equal before and after it was read, so it is that of the slot's owner.
        let pid = if was_named && is_named() { pid } else { 0 };
        // Another one may have taken the slot meanwhile, which raises the epoch when it takes a role.
        let is_same = base.load(at + SLOT_GENERATION) == generation;
        is_same.then(|| (generation, PublisherInfo { slot, name: showable(bytes_of(&name)), pid }))
    }

    /// Compares the publishers with those of before; before the tail is loaded, so that of those that are gone all was read that
    /// they had published.
    fn look_for_publishers(&mut self) {
        let epoch = self.base.load(HEADER_EPOCH);
        if self.roster.as_ref().map_or(true, |roster| roster.epoch == epoch) {
            return;
        }
        let now = self.publishers();
        let remaining = now.len() as u32;
        if let Some(roster) = &mut self.roster {
            roster.epoch = epoch;
            let is_in = |members: &[(u32, PublisherInfo)], (generation, info): &(u32, PublisherInfo)| {
                members.iter().any(|(other, known)| other == generation && known.slot == info.slot)
            };
            for joined in now.iter().filter(|one| !is_in(&roster.members, one)) {
                self.events.push_back(Event::PublisherJoined(joined.1.clone()));
            }
            for (generation, publisher) in core::mem::take(&mut roster.members) {
                if is_in(&now, &(generation, publisher.clone())) {
                    continue;
                }
                let end = self.base.load(Participant::at(publisher.slot) + SLOT_LAST_END);
                let reason = match (end >> END_BITS == generation, end & ((1 << END_BITS) - 1)) {
                    (true, ENDED_BY_LEAVING) => Reason::Left,
                    (true, ENDED_BY_DEATH) => Reason::Died,
                    _ => Reason::Unknown,
                };
                roster.left.push(Event::PublisherLeft { publisher, reason, remaining });
            }
            roster.members = now;
        }
    }

    /// When everything was read that was committed after the last look.
    fn tell_left(&mut self) {
        if let Some(roster) = &mut self.roster {
            self.events.extend(roster.left.drain(..));
        }
    }

    /// Everything committed was read.
    fn at_tail(&mut self, closed: u32, epoch: u32) {
        if self.parts_epoch != Some(epoch) {
            self.parts_epoch = Some(epoch);
            let base = &self.base;
            self.parts.retain(|&slot, parts| {
                let at = Participant::at(slot);
                base.load(at + SLOT_STATE) == STATE_PUBLISHER && base.load(at + SLOT_GENERATION) == parts.generation
            });
        }
        self.tell_left();
        if closed != self.closed_epoch {
            self.closed_epoch = closed;
            let reason = if self.base.load(HEADER_CLOSED_REASON) == CLOSED_BY_DEATH { Reason::Died } else { Reason::Left };
            self.events.push_back(Event::PublishersGone { reason });
        }
    }

    fn store_cursor(&mut self) {
        let base = &mut self.base;
        base.memory().long(base.own() + SLOT_CURSOR).store(self.position, SeqCst);
        step!("read: cursor stored");
        if self.is_reliable {
            base.ring_for_room();
            base.reclaim_found();
        }
        base.count();
    }

    /// Makes events of the frames in a private copy, which begins at our position. Returns where in it the first frame begins
    /// that is not all there, and how many bytes that one takes.
    fn parse(&mut self, chunk: &[u8], start: i64, tail: i64) -> Result<(i64, i64), Error> {
        let capacity = self.base.geometry.capacity;
        let mut at = start;
        while at + FRAME_SIZE as i64 <= chunk.len() as i64 {
            let position = self.position + at;
            let header = &chunk[at as usize..at as usize + FRAME_SIZE];
            let (length, kind) = (get32(header, FRAME_LENGTH) as usize, header[FRAME_KIND]);
            let (slot, number) = (get16(header, FRAME_PUBLISHER) as u32, get64(header, FRAME_SEQUENCE));
            if self.is_lapped && (self.next_number..=MAX_NUMBER).contains(&number) {
                self.tell_gap(self.next_number.max(self.wanted), number - 1);
                self.next_number = number;
                self.is_lapped = false;
            }
            if number != self.next_number || number > MAX_NUMBER {
                return Err(Error::Corrupted("a number that is not due"));
            }
            if position == tail {
                return Ok((at, 0));
            }
            let size = frame_size(length);
            let left = capacity - (position & (capacity - 1));
            if size > left.min(tail - position) || slot >= self.base.geometry.participants {
                return Err(Error::Corrupted("a frame that ends behind the tail, or is of no participant"));
            }
            if at + size > chunk.len() as i64 {
                return Ok((at, size));
            }
            let payload = &chunk[at as usize + FRAME_SIZE..at as usize + FRAME_SIZE + length];
            match kind {
                KIND_PADDING if length as i64 == left - FRAME_SIZE as i64 => {}
                KIND_PADDING => return Err(Error::Corrupted("a padding that does not end with the ring")),
                _ if length > self.base.geometry.max_payload => return Err(Error::Corrupted("a payload that is too long")),
                KIND_MESSAGE => {
                    let payload = &payload[extension_of(header, payload)?..];
                    if payload.len() as u64 > self.base.geometry.max_message {
                        return Err(Error::Corrupted("a message that is too long"));
                    }
                    self.parts.remove(&slot);
                    self.tell(number, get64(header, FRAME_TIMESTAMP), slot, Vec::from(payload));
                    self.next_number += 1;
                }
                KIND_FRAGMENT | KIND_LAST_FRAGMENT => {
                    let extension = extension_of(header, payload)?;
                    let whole = self.put_together(kind, slot, position, &payload[extension..], extension > 0)?;
                    if kind == KIND_LAST_FRAGMENT {
                        match whole {
                            Ok(data) => self.tell(number, get64(header, FRAME_TIMESTAMP), slot, data),
                            Err(began) if began >= self.first_position && number >= self.wanted => self.tell_gap(number, number),
                            Err(_) => {}
                        }
                        self.next_number += 1;
                    }
                }
                _ => return Err(Error::Corrupted("a frame of an unknown kind")),
            }
            at += size;
        }
        Ok((at, 0))
    }

    /// Adds a fragment to its message. Gives the message with the last one, or, where its beginning was not had, the position
    /// where that was.
    fn put_together(
        &mut self,
        kind: u8,
        slot: u32,
        position: i64,
        payload: &[u8],
        is_extended: bool,
    ) -> Result<Result<Vec<u8>, i64>, Error> {
        if payload.len() <= FRAGMENT_SIZE {
            return Err(Error::Corrupted("an empty fragment"));
        }
        let (header, data) = payload.split_at(FRAGMENT_SIZE);
        let (began, total) = (get64(header, FRAGMENT_BEGAN) as i64, get32(header, FRAGMENT_TOTAL));
        let (offset, generation) = (get32(header, FRAGMENT_OFFSET), get32(header, FRAGMENT_GENERATION));
        let end = offset as u64 + data.len() as u64;
        let is_sound = total as u64 <= self.base.geometry.max_message
            && !(is_extended && offset != 0)
            && end <= total as u64
            && (end == total as u64) == (kind == KIND_LAST_FRAGMENT)
            && (began == position) == (offset == 0)
            && (0..=position).contains(&began)
            && began % ALIGNMENT == 0;
        if !is_sound {
            return Err(Error::Corrupted("a fragment that makes no sense"));
        }
        if offset == 0 {
            self.parts.insert(slot, Parts { began, total, generation, data: Vec::new() });
        }
        let is_next = self.parts.get(&slot).map_or(false, |parts| {
            (parts.began, parts.total, parts.generation) == (began, total, generation) && parts.data.len() == offset as usize
        });
        if !is_next {
            self.parts.remove(&slot);
            return Ok(Err(began));
        }
        if let Some(parts) = self.parts.get_mut(&slot) {
            parts.data.extend_from_slice(data);
        }
        let whole = if kind == KIND_LAST_FRAGMENT { self.parts.remove(&slot) } else { None };
        Ok(whole.map(|parts| parts.data).ok_or(began))
    }

    fn tell(&mut self, sequence: u64, timestamp: u64, publisher: u32, data: Vec<u8>) {
        if sequence < self.wanted {
            return;
        }
        self.base.counters[FRAMES] += 1;
        self.base.counters[BYTES] += data.len() as u64;
        self.events.push_back(Event::Message(Message { sequence, timestamp, publisher, data }));
    }

    fn tell_gap(&mut self, first: u64, last: u64) {
        if first <= last {
            self.base.counters[MISSED] += last - first + 1;
            self.events.push_back(Event::Gap { first, last });
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // Without the role of a dead owner taken out of it the slot is left to be freed by others.
        if !self.base.has_joined || !self.base.owns_slot() {
            return;
        }
        self.base.get_up();
        self.base.end_participation(self.base.own(), self.base.generation, ENDED_BY_LEAVING);
        self.base.free_slot();
        self.base.ring_for_room();
    }
}

/// Bytes of the header extension that a payload begins with, as the header of its frame says; 0 for none.
fn extension_of(header: &[u8], payload: &[u8]) -> Result<usize, Error> {
    if header[FRAME_FLAGS] & FLAG_EXTENSION == 0 {
        return Ok(0);
    }
    let unit = EXTENSION_UNIT as usize;
    let length = if payload.len() < unit { 0 } else { get16(payload, 0) as usize * unit };
    if length == 0 || length > MAX_EXTENSION_LENGTH as usize || length > payload.len() {
        return Err(Error::Corrupted("an extension that does not end within its frame"));
    }
    Ok(length)
}

/// A private copy of text that others wrote, fit to be shown: what a terminal might obey stands as an escape.
fn showable(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let mut text = String::new();
    for character in String::from_utf8_lossy(&bytes[..length]).chars() {
        let obeyed = character.is_control()
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if obeyed {
            text.extend(character.escape_unicode());
        } else {
            text.push(character);
        }
    }
    text
}

pub(crate) fn get16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn get32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn get64(bytes: &[u8], at: usize) -> u64 {
    get32(bytes, at) as u64 | (get32(bytes, at + 4) as u64) << 32
}
