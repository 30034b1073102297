//! mmfbus_service: typed calls between the processes of one machine: servers, and clients that call them.
//!
//! Serves and calls the same services as `@mmfbus/service` in Node and `mmfbus_service.h` in C. One file beside `mmfbus.rs`, of
//! which it needs the same version: copy both, write `mod mmfbus; mod mmfbus_service;` at the root of the crate. No other crates; Rust
//! 1.63 and up. Written from the chapter "Calls" of FORMAT.md of `@mmfbus/channel`.
//!
//! ```ignore
//! // What `mmfbus-generate` writes from a contract reads and writes the values, and has typed functions for all of this.
//! let handlers = Handlers::new().on("add", |request: Request| {
//!     let _ = request.answer_value(&sum_of(request.input()));
//! });
//! let server = Server::open("calc", &ServerOptions::new(CONTRACT), handlers)?;
//! server.run()?;
//!
//! let client = Client::open("calc", &ClientOptions::new(CONTRACT))?;
//! let sum = client.call("add", &input, Timeout::Default)?;
//! for tick in client.begin("ticks", &symbol, Timeout::Never)? { /* Ok(bytes) or Err(error) */ }
//! ```
//!
//! - **No call hangs**: each ends with its value or with a `CallError`, which says why in `failure`, and in `started` whether the
//!   handler can have run. A server that dies, or drains, loses no call that it had not started: those go to another server by
//!   themselves.
//! - **Dropping** leaves: a `Call` that has not ended is given up, a `Request` without an answer is answered as failed, a `Client`
//!   gives up its calls, and a `Server` drains without waiting and answers what is left as cancelled.
//! - **Threads**: clients, calls, servers and requests may be used by several threads at once. Of the threads that wait, one
//!   sleeps for all. Each thread in `Server::run` runs handlers. No lock is held while a handler runs.
//! - **Event loops**: `arm()` says how long to wait at most for one of `descriptors()` to be readable; then `Client::try_ready` or
//!   `Server::dispatch`. After any other function arm it again.
//! - **Payloads** are bytes in the encoding of the contract, msgpack.
//! - **Signals, fork, limits**: as of `mmfbus.rs`.
#![deny(unsafe_op_in_unsafe_fn)]

use super::mmfbus::{
    self, c, file_names, get16, get32, get64, now, poll, random, read_mark, remove_unused, shorter, sleep, Audience, Deadline,
    Delivery, Error, Event, Fd, Joining, Kind, Message, Open, Options, Participant, Path, Piece, Port, PublisherInfo, Subscriber,
    Wait, ANSWER_BUSY, ANSWER_CELL, ANSWER_END, ANSWER_ERROR, ANSWER_ID, ANSWER_ITEM, ANSWER_KIND, ANSWER_NO_METHOD, ANSWER_REFUSED,
    ANSWER_REMOTE, ANSWER_SIZE, ANSWER_TEXT_LENGTH, ANSWER_VALUE, BUSY_PAUSE, CALLER_WAITS, CELLS, CELL_ACCEPTED, CELL_CANCELLED,
    CELL_FREE, CELL_GRANTED, CELL_SIZE, CELL_STARTED, CELL_STATE_BITS, CELL_WAITING, CELL_WAITS, CELL_WITHDRAWN, CELL_WORD,
    ENDED_BY_LEAVING, END_BITS, ENVELOPE_CALL, ENVELOPE_CELL, ENVELOPE_DEADLINE, ENVELOPE_END, ENVELOPE_ID, ENVELOPE_INCARNATION,
    ENVELOPE_ITEM, ENVELOPE_KIND, ENVELOPE_MAILBOX, ENVELOPE_METHOD, ENVELOPE_ONE_WAY, ENVELOPE_SIZE, FRAGMENT_SIZE, FRAME_ALIGNMENT,
    FRAME_SIZE, HEADER_CLOSED_EPOCH, HEADER_EPOCH, HEADER_TAIL, KIND_FRAGMENT, KIND_LAST_FRAGMENT, KIND_MESSAGE, MAX_SERVICE_NAME_LENGTH,
    METHODS, METHOD_CANCELLED, METHOD_FAILED, METHOD_HASH, METHOD_LONGEST, METHOD_RUNNING, METHOD_SIZE, METHOD_STARTED, METHOD_TIME,
    METHOD_TIMES, NO_TIME, OUTCOME_ANSWERED, OUTCOME_CANCELLED, OUTCOME_FAILED, OUTCOME_RUNNING, PHASE_DRAINING, PHASE_SERVING,
    RECENT_CALLER, RECENT_CALLS, RECENT_ENDED, RECENT_METHOD, RECENT_NUMBER, RECENT_OUTCOME, RECENT_SIZE, RECENT_STARTED, SERVER_WAITS,
    SLOT_ASLEEP, SLOT_DETAIL, SLOT_DONE, SLOT_GENERATION, SLOT_LAST_END, SLOT_NONCE, SLOT_PHASE, SLOT_STATE, STATE_PUBLISHER,
    STATE_RELIABLE, STREAM_WINDOW, TIME_BUCKETS, TIME_UNIT_BITS,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

macro_rules! step {
    ($name:literal) => {
        // SAFETY: the test that sets the flag defines the function.
        #[cfg(mmfbus_steps)]
        unsafe {
            mmfbus::mmfbus_step($name)
        }
    };
}

// ---------------------------------------------------------------------------------------------------------- Results

/// Why a call has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No server is there.
    NoServer,
    /// No server that is there, or not the contract of the client, has such a method.
    NoMethod,
    /// The server died, or left, before it answered.
    ServerDied,
    /// Servers are there, and none of them can be reached.
    Unreachable,
    /// The memory in which the answer would have come makes no sense any more.
    MailboxLost,
    /// The time of the call is over.
    Timeout,
    /// The program gave the call up.
    Cancelled,
    /// All servers have too much to do.
    Busy,
    /// The input does not fit: what, and where.
    Refused(String),
    /// The handler has failed: the class of its error, and its message.
    Remote { name: String, message: String },
    /// An error that the method declares: its code, and its data in the encoding of the contract.
    Declared { code: String, data: Vec<u8> },
    /// The call could not be made, or the client is of no use any more.
    Client(Error),
}

impl Failure {
    /// How every language spells it; for a declared error its own code, for `Client` the words `CLIENT`.
    pub fn code(&self) -> &str {
        match self {
            Failure::NoServer => "NO_SERVER",
            Failure::NoMethod => "NO_METHOD",
            Failure::ServerDied => "SERVER_DIED",
            Failure::Unreachable => "UNREACHABLE",
            Failure::MailboxLost => "MAILBOX_LOST",
            Failure::Timeout => "TIMEOUT",
            Failure::Cancelled => "CANCELLED",
            Failure::Busy => "BUSY",
            Failure::Refused(_) => "REFUSED",
            Failure::Remote { .. } => "REMOTE",
            Failure::Declared { code, .. } => code,
            Failure::Client(_) => "CLIENT",
        }
    }
}

/// Whether the handler of a call can have run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It has not, and never will.
    No,
    Maybe,
}

/// The process at the other end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// In its PID namespace; 0 where it is not known.
    pub pid: u32,
    /// What it calls itself, or empty. Control characters are shown as escapes.
    pub name: String,
}

/// A call that has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    pub failure: Failure,
    pub started: Started,
    /// The server that answered, or had the call last.
    pub server: Peer,
}

impl CallError {
    fn before(failure: Failure) -> CallError {
        CallError { failure, started: Started::No, server: Peer::default() }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Failure::NoServer => write!(f, "no server is there")?,
            Failure::NoMethod => write!(f, "no server has such a method")?,
            Failure::ServerDied => write!(f, "the server died or left before it answered")?,
            Failure::Unreachable => write!(f, "no server can be reached")?,
            Failure::MailboxLost => write!(f, "the memory for the answer was damaged")?,
            Failure::Timeout => write!(f, "the time of the call is over")?,
            Failure::Cancelled => write!(f, "the call was given up")?,
            Failure::Busy => write!(f, "all servers have too much to do")?,
            Failure::Refused(what) => write!(f, "the input does not fit: {what}")?,
            Failure::Remote { name, message } => write!(f, "the handler has failed: {name}: {message}")?,
            Failure::Declared { code, .. } => write!(f, "the method failed with {code}")?,
            Failure::Client(error) => write!(f, "the client failed: {error}")?,
        }
        match self.started {
            Started::No => write!(f, " (it was not started)"),
            Started::Maybe => write!(f, " (it may have run)"),
        }
    }
}

impl std::error::Error for CallError {}

/// Why a client or a server could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The name is not 1 to 100 characters of `A-Z a-z 0-9 . _ -`.
    InvalidName,
    /// The text is not that of a contract, or not 1 byte to 1 MiB.
    InvalidContract,
    /// The contract has this method, and no handler is for it.
    NoHandler(String),
    /// A handler is for this method, which the contract does not have.
    NoMethod(String),
    /// The segments of the service could not be joined.
    Segment(Error),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> OpenError {
        OpenError::Segment(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::InvalidName => write!(f, "the name of a service is 1 to 100 characters of A-Z a-z 0-9 . _ -"),
            OpenError::InvalidContract => write!(f, "the text is not a contract of 1 byte to 1 MiB"),
            OpenError::NoHandler(method) => write!(f, "the method {method} has no handler"),
            OpenError::NoMethod(method) => write!(f, "the contract has no method {method}"),
            OpenError::Segment(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// As long as the option of the client says.
    Default,
    After(Duration),
    /// Until then, nanoseconds of the monotonic clock: the deadline of a request, for the calls that its handler makes.
    At(u64),
    Never,
}

impl From<Duration> for Timeout {
    fn from(time: Duration) -> Timeout {
        Timeout::After(time)
    }
}

// -------------------------------------------------------------------------------------------------------- Contracts

/// A method, as the text of a contract has it: of its parts the texts, empty for none.
#[derive(Clone, PartialEq)]
pub(crate) struct Method {
    pub(crate) name: String,
    hash: u32,
    is_idempotent: bool,
    input: String,
    output: String,
    errors: Vec<(String, String)>,
}

fn is_stream(part: &str) -> bool {
    let mut scan = Scan { text: part, at: 0 };
    scan.take(b'{') && scan.written_string() == Some("stream")
}

/// Whether a part is no value, said or not.
fn is_nothing(part: &str) -> bool {
    part.is_empty() || Scan { text: part, at: 0 }.string().as_deref() == Some("nothing")
}

impl Method {
    fn is_one_way(&self) -> bool {
        self.output.is_empty()
    }

    fn streams(&self) -> bool {
        is_stream(&self.input) || is_stream(&self.output)
    }

    /// Whether its answer is one value, and neither nothing nor a stream.
    fn gives_value(&self) -> bool {
        !is_stream(&self.output) && !is_nothing(&self.output)
    }

    /// Whether a client that has this method can call that one of a server: the server reads each input that the client writes, and
    /// the client each output, and the data of each error that both declare, that the server writes.
    pub(crate) fn can_call(&self, theirs: &Method) -> bool {
        let mut comparison = Comparison { steps: COMPARISON_STEPS };
        let their_errors: BTreeMap<_, _> = theirs.errors.iter().map(|(code, data)| (code, data)).collect();
        self.is_one_way() == theirs.is_one_way()
            && comparison.reads_part(&theirs.input, &self.input)
            && comparison.reads_part(&self.output, &theirs.output)
            && self.errors.iter().all(|(code, data)| {
                their_errors.get(code).map_or(true, |their_data| comparison.reads_part(data, their_data))
            })
    }
}

/// FNV-1a, 32 bits.
fn method_hash(name: &str) -> u32 {
    name.bytes().fold(2166136261, |hash, byte| (hash ^ byte as u32).wrapping_mul(16777619))
}

const METHOD_NAME: usize = 64;

/// The methods of a contract; none where the text is not that of one.
pub(crate) fn read_contract(text: &str) -> Option<Vec<Method>> {
    let mut scan = Scan { text, at: 0 };
    let mut methods: Vec<Method> = Vec::new();
    let mut has_version = false;
    scan.take(b'{').then_some(())?;
    loop {
        let key = scan.string()?;
        scan.take(b':').then_some(())?;
        if key == "methods" {
            scan.take(b'[').then_some(())?;
            while !scan.take(b']') {
                if !methods.is_empty() {
                    scan.take(b',').then_some(())?;
                }
                let method = scan.method()?;
                let is_new = method.hash != 0 && methods.iter().all(|other| other.hash != method.hash);
                (is_new && methods.len() < METHODS as usize).then_some(())?;
                methods.push(method);
            }
        } else {
            let value = scan.term()?;
            has_version |= key == "version" && value == "1";
        }
        if !scan.take(b',') {
            break;
        }
    }
    (scan.take(b'}') && has_version).then_some(methods)
}

/// Reads JSON, as far as a contract needs it.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, character: u8) -> bool {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        let is_next = self.peek() == Some(character);
        self.at += is_next as usize;
        is_next
    }

    fn string(&mut self) -> Option<String> {
        unescaped(self.written_string()?)
    }

    /// Without its quotes, and with its escapes as they are.
    fn written_string(&mut self) -> Option<&'a str> {
        self.take(b'"').then_some(())?;
        let start = self.at;
        while self.peek()? != b'"' {
            self.at += if self.peek() == Some(b'\\') { 2 } else { 1 };
        }
        self.at += 1;
        self.text.get(start..self.at - 1)
    }

    /// Any value, as it stands there.
    fn term(&mut self) -> Option<&'a str> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        let start = self.at;
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.written_string()?;
                    continue;
                }
                Some(b'[' | b'{') => depth += 1,
                Some(b',' | b']' | b'}') | None if depth == 0 => break,
                Some(b']' | b'}') => depth -= 1,
                None => return None,
                Some(_) => {}
            }
            self.at += 1;
        }
        let term = self.text.get(start..self.at)?.trim_end_matches(&[' ', '\t', '\r', '\n'][..]);
        (!term.is_empty()).then_some(term)
    }

    /// Any value, with all that is in it; none where it is nested deeper than that.
    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        let inner = depth.checked_sub(1)?;
        if self.take(b'[') {
            let mut items = Vec::new();
            while !self.take(b']') {
                (items.is_empty() || self.take(b',')).then_some(())?;
                items.push(self.value(inner)?);
            }
            return Some(Json::List(items));
        }
        if self.take(b'{') {
            let mut members = Vec::new();
            while !self.take(b'}') {
                (members.is_empty() || self.take(b',')).then_some(())?;
                let name = self.string()?;
                self.take(b':').then_some(())?;
                members.push((name, self.value(inner)?));
            }
            return Some(Json::Object(members));
        }
        match self.peek() {
            Some(b'"') => self.string().map(Json::String),
            _ => self.term().map(Json::Word),
        }
    }

    fn method(&mut self) -> Option<Method> {
        self.take(b'[').then_some(())?;
        let name = self.string()?;
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (is_name && (1..=METHOD_NAME).contains(&name.len()) && self.take(b',') && self.take(b'{')).then_some(())?;
        let mut method = Method {
            hash: method_hash(&name),
            name,
            is_idempotent: false,
            input: String::new(),
            output: String::new(),
            errors: Vec::new(),
        };
        let mut is_first = true;
        while !self.take(b'}') {
            (is_first || self.take(b',')).then_some(())?;
            is_first = false;
            let key = self.string()?;
            self.take(b':').then_some(())?;
            let value = self.term()?;
            match key.as_str() {
                "input" => method.input = value.into(),
                "output" => method.output = value.into(),
                "errors" => method.errors = Scan { text: value, at: 0 }.errors()?,
                "idempotent" => method.is_idempotent = value == "true",
                _ => {}
            }
        }
        self.take(b']').then_some(method)
    }

    fn errors(&mut self) -> Option<Vec<(String, String)>> {
        let mut errors = Vec::new();
        self.take(b'[').then_some(())?;
        while !self.take(b']') {
            (errors.is_empty() || self.take(b',')).then_some(())?;
            self.take(b'[').then_some(())?;
            let code = self.string()?;
            self.take(b',').then_some(())?;
            errors.push((code, self.term()?.into()));
            self.take(b']').then_some(())?;
        }
        Some(errors)
    }
}

pub(crate) fn method_named<'a>(methods: &'a [Method], name: &str) -> Option<&'a Method> {
    methods.iter().find(|method| method.name == name)
}

// Comparing contracts, as Node does. Which shapes can be read so is said by docs/shapes.md.

/// Levels of lists and objects in a part of a method, and of shapes in it: texts of other programs are of any depth. A level of a union
/// takes five of the first. All of them take less than 1 MiB of the stack.
const JSON_DEPTH: usize = 5 * SHAPE_DEPTH;
const SHAPE_DEPTH: usize = 256;
/// Names, terms and bytes of strings that a comparison looks at: texts of other programs may be made to take long.
const COMPARISON_STEPS: usize = 1 << 24;

/// A value of JSON.
enum Json<'a> {
    String(String),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
    List(Vec<Json<'a>>),
    Object(Vec<(String, Json<'a>)>),
}

impl<'a> Json<'a> {
    fn string(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::List(items) => Some(items),
            _ => None,
        }
    }

    /// Of an object that can be a shape or its limits, which have one or two.
    fn members(&self) -> Option<&[(String, Json<'a>)]> {
        match self {
            Json::Object(members) if members.len() <= 2 => Some(members),
            _ => None,
        }
    }
}

/// The member of that name, a whole number; that one where it is missing.
fn limit(members: &[(String, Json)], name: &str, otherwise: i128) -> Option<i128> {
    match members.iter().find(|(other, _)| other == name) {
        Some((_, Json::Word(word))) => word.parse().ok(),
        Some(_) => None,
        None => Some(otherwise),
    }
}

/// A string without its escapes; none where those are not of characters.
fn unescaped(written: &str) -> Option<String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written.chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(match rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = take_hex(&mut rest)?;
                let is_half = (0xd800..0xdc00).contains(&first);
                let second = if is_half && rest.next()? == '\\' && rest.next()? == 'u' { Some(take_hex(&mut rest)?) } else { None };
                char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?
            }
            other => other,
        });
    }
    Some(text)
}

fn take_hex(rest: &mut std::str::Chars) -> Option<u16> {
    let digits = rest.as_str().get(..4)?;
    *rest = rest.as_str()[4..].chars();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

/// What a method takes or gives, or what belongs to an error.
enum Content<'a> {
    Nothing,
    Value(Json<'a>),
    /// Of such items.
    Stream(Json<'a>),
}

fn read_content(text: &str) -> Option<Content<'_>> {
    if text.is_empty() {
        return Some(Content::Nothing);
    }
    let mut scan = Scan { text, at: 0 };
    let value = scan.value(JSON_DEPTH)?;
    (scan.at == text.len()).then_some(())?;
    Some(match value {
        Json::String(name) if name == "nothing" => Content::Nothing,
        Json::Object(mut members) if members.len() == 1 && members[0].0 == "stream" => Content::Stream(members.pop()?.1),
        value => Content::Value(value),
    })
}

/// A shape, of which one level was read.
enum Shape<'a> {
    /// From the first to the second.
    Integer(i128, i128),
    F32,
    F64,
    Boolean,
    Timestamp,
    Unknown,
    /// Of so many characters at most.
    String(i128),
    /// So many at most.
    Bytes(i128),
    OneOf(&'a [Json<'a>]),
    Nullable(&'a Json<'a>),
    /// Of so many items at most.
    Array(&'a Json<'a>, i128),
    Map(&'a Json<'a>, &'a Json<'a>),
    Struct(&'a Json<'a>),
    /// The tag, and the variants.
    Union(&'a str, &'a Json<'a>),
}

/// None where it is no shape.
fn read_shape<'a>(term: &'a Json<'a>) -> Option<Shape<'a>> {
    if let Json::String(kind) = term {
        return read_plain(kind, &[]);
    }
    let members = term.members()?;
    let is_more = |name: &str| name == "maxItems" || name == "of";
    let (kind, of) = members.iter().find(|(name, _)| !is_more(name))?;
    let more = members.iter().find(|(name, _)| name != kind);
    match kind.as_str() {
        "array" => Some(Shape::Array(of, limit(members, "maxItems", i128::MAX)?)),
        "union" => Some(Shape::Union(of.string()?, &more.filter(|(name, _)| name == "of")?.1)),
        _ if members.len() > 1 => None,
        "oneOf" => Some(Shape::OneOf(of.list()?)),
        "nullable" => Some(Shape::Nullable(of)),
        "map" => match of.list()? {
            [key, value] => Some(Shape::Map(key, value)),
            _ => None,
        },
        "struct" => Some(Shape::Struct(of)),
        plain => read_plain(plain, of.members()?),
    }
}

fn read_plain<'a>(kind: &str, limits: &[(String, Json)]) -> Option<Shape<'a>> {
    let (least, most): (i128, i128) = match kind {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" => (0, u64::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" => (i64::MIN.into(), i64::MAX.into()),
        "string" => return Some(Shape::String(limit(limits, "maxLength", i128::MAX)?)),
        "bytes" => return Some(Shape::Bytes(limit(limits, "maxLength", i128::MAX)?)),
        _ if !limits.is_empty() => return None,
        "f32" => return Some(Shape::F32),
        "f64" => return Some(Shape::F64),
        "boolean" => return Some(Shape::Boolean),
        "timestamp" => return Some(Shape::Timestamp),
        "unknown" | "validated" => return Some(Shape::Unknown),
        _ => return None,
    };
    // Integers of 64 bits with limits are those that a double holds.
    let widest = if limits.is_empty() { i128::MAX } else { EXACT_IN_F64 - 1 };
    Some(Shape::Integer(limit(limits, "min", least.max(-widest))?, limit(limits, "max", most.min(widest))?))
}

/// Up to there each integer is a float.
const EXACT_IN_F32: i128 = 1 << 24;
const EXACT_IN_F64: i128 = 1 << 53;

/// A field of a struct, or a variant of a union: lists that begin with a name.
struct Field<'a> {
    name: &'a str,
    of: &'a Json<'a>,
    is_optional: bool,
}

fn read_field<'a>(item: &'a Json<'a>) -> Option<Field<'a>> {
    let parts = item.list()?;
    let is_optional = parts.get(2).and_then(Json::string) == Some("optional");
    Some(Field { name: parts.first()?.string()?, of: parts.get(1)?, is_optional })
}

/// Of a method of a client with one of a server. Where it takes too long, or a text describes no shape, nothing is read.
struct Comparison {
    /// That are left.
    steps: usize,
}

impl Comparison {
    fn takes(&mut self, steps: usize) -> bool {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }

    fn reads_part(&mut self, reader: &str, writer: &str) -> bool {
        if reader == writer {
            return true;
        }
        match (read_content(reader), read_content(writer)) {
            (Some(Content::Nothing), Some(Content::Nothing)) => true,
            (Some(Content::Value(reader)), Some(Content::Value(writer))) => self.reads(&reader, &writer, 0),
            (Some(Content::Stream(reader)), Some(Content::Stream(writer))) => self.reads(&reader, &writer, 0),
            _ => false,
        }
    }

    /// Whether each value that the one shape writes is one that the other reads.
    fn reads(&mut self, reader: &Json, writer: &Json, depth: usize) -> bool {
        if depth == SHAPE_DEPTH || !self.takes(1) {
            return false;
        }
        let (here, there) = match (read_shape(reader), read_shape(writer)) {
            (Some(here), Some(there)) => (here, there),
            _ => return false,
        };
        match (here, there) {
            (Shape::Unknown, _) => true,
            (Shape::Nullable(here), Shape::Nullable(there)) => self.reads(here, there, depth + 1),
            (Shape::Nullable(here), _) => self.reads(here, writer, depth + 1),
            (Shape::Integer(least, most), Shape::Integer(from, to)) => least <= from && to <= most,
            (Shape::F32, Shape::Integer(from, to)) => -EXACT_IN_F32 <= from && to <= EXACT_IN_F32,
            (Shape::F64, Shape::Integer(from, to)) => -EXACT_IN_F64 <= from && to <= EXACT_IN_F64,
            (Shape::F32 | Shape::F64, Shape::F32) | (Shape::F64, Shape::F64) => true,
            (Shape::Boolean, Shape::Boolean) | (Shape::Timestamp, Shape::Timestamp) => true,
            (Shape::String(most), Shape::String(length)) | (Shape::Bytes(most), Shape::Bytes(length)) => length <= most,
            (Shape::String(most), Shape::OneOf(texts)) => texts.iter().all(|text| {
                text.string().map_or(false, |text| self.takes(1 + text.len()) && text.chars().count() as i128 <= most)
            }),
            (Shape::OneOf(known), Shape::OneOf(texts)) => self.has_all(known, texts),
            (Shape::Array(here, most), Shape::Array(there, length)) => length <= most && self.reads(here, there, depth + 1),
            (Shape::Map(key, value), Shape::Map(their_key, their_value)) => {
                self.reads(key, their_key, depth + 1) && self.reads(value, their_value, depth + 1)
            }
            (Shape::Struct(here), Shape::Struct(there)) => self.reads_fields(here, there, depth + 1),
            (Shape::Union(tag, here), Shape::Union(their_tag, there)) => {
                tag == their_tag && self.reads_variants(here, there, depth + 1)
            }
            _ => false,
        }
    }

    fn has_all(&mut self, known: &[Json], texts: &[Json]) -> bool {
        if !self.takes(known.len() + texts.len()) {
            return false;
        }
        let known: BTreeSet<_> = known.iter().filter_map(Json::string).collect();
        texts.iter().all(|text| text.string().map_or(false, |text| known.contains(text)))
    }

    fn fields<'a>(&mut self, list: &'a Json<'a>) -> Option<Vec<Field<'a>>> {
        let items = list.list()?;
        if !self.takes(items.len()) {
            return None;
        }
        items.iter().map(read_field).collect()
    }

    fn reads_fields(&mut self, reader: &Json, writer: &Json, depth: usize) -> bool {
        let (fields, theirs) = match (self.fields(reader), self.fields(writer)) {
            (Some(fields), Some(theirs)) => (fields, theirs),
            _ => return false,
        };
        let theirs: BTreeMap<_, _> = theirs.into_iter().map(|field| (field.name, field)).collect();
        fields.iter().all(|field| match theirs.get(field.name) {
            Some(their) => (field.is_optional || !their.is_optional) && self.reads(field.of, their.of, depth),
            None => field.is_optional,
        })
    }

    fn reads_variants(&mut self, reader: &Json, writer: &Json, depth: usize) -> bool {
        let (variants, theirs) = match (self.fields(reader), self.fields(writer)) {
            (Some(variants), Some(theirs)) => (variants, theirs),
            _ => return false,
        };
        let variants: BTreeMap<_, _> = variants.into_iter().map(|variant| (variant.name, variant)).collect();
        theirs.iter().all(|their| {
            variants.get(their.name).map_or(false, |variant| self.reads_fields(variant.of, their.of, depth))
        })
    }
}

// --------------------------------------------------------------------------------------------- Segments of a service

/// Whose inbox or mailbox it is.
const OWNER: usize = 0;
/// A stream raises the credit at the latest when so many bytes were taken.
const CREDIT_STEP: u32 = 16384;
/// Nanoseconds in which a server that could not be joined, or could not answer, is not tried again.
const AVOIDED: u64 = 1_000_000_000;
/// How long joining waits for a living holder of a publisher lock.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most bytes of answers that a server keeps for a client that leaves no room.
const MOST_KEPT: usize = 4 << 20;
/// Deaths of servers after which a call is given up: it may be what kills them.
const MOST_DEATHS: u32 = 3;
const NEVER: u64 = u64::MAX;

fn is_service_name(name: &str) -> bool {
    name.len() <= MAX_SERVICE_NAME_LENGTH as usize && mmfbus::is_channel_name(name.as_bytes())
}

fn segment_name(service: &str, what: &str, id: u64) -> String {
    format!("{service}~{what}.{id:016x}")
}

fn new_id() -> Result<u64, Error> {
    Ok((random()? >> 1).max(1))
}

fn segment_options<'a>(codec: &'a str, open: Open, name: &'a str) -> Options<'a> {
    Options { open, name, timeout: PATIENCE, timestamps: false, ..Options::new(codec) }
}

fn registry_options(name: &str, discoverable: bool) -> Options<'_> {
    let options = segment_options("mmfbus~service", Open::OpenOrCreate, name);
    Options { capacity: 4 << 10, max_participants: 256, delivery: Delivery::Lossy, discoverable, ..options }
}

/// Removes what dead servers and clients have left of a service.
fn sweep_service(service: &str) {
    // SAFETY: nothing but numbers.
    let user = unsafe { c::geteuid() };
    let prefixes = ["calls", "replies"].map(|what| format!("mmfbus.{user}.{service}~{what}."));
    for name in file_names().unwrap_or_default() {
        let path = Path::in_directory(&name);
        if !prefixes.iter().any(|prefix| name.starts_with(prefix)) || !path.is_own() {
            continue;
        }
        if let Ok(file) = Fd::open(&path, c::O_RDWR) {
            if read_mark(&file).is_some() {
                remove_unused(&path, &file);
            }
        }
    }
}

/// SYNC: draining. With the lock held: a server drains with it held, and takes all that was committed before.
fn takes_calls(inbox: &Participant) -> bool {
    let owner = Participant::at(OWNER as u32);
    inbox.load(owner + SLOT_STATE) == STATE_RELIABLE && inbox.load(owner + SLOT_PHASE) == PHASE_SERVING
}

/// Rings the owner of an inbox or a mailbox, if it sleeps.
fn ring_owner(segment: &mut Participant) {
    let owner = Participant::at(OWNER as u32);
    if segment.load(owner + SLOT_ASLEEP) != 0 {
        segment.ring(OWNER as u32, owner);
    }
}

/// Where the tables of a segment begin.
fn tables(segment: &Participant) -> usize {
    Participant::at(segment.geometry.participants)
}

fn cell_at(mailbox: &Participant, cell: usize) -> usize {
    tables(mailbox) + cell * CELL_SIZE
}

fn refused_at(inbox: &Participant, slot: u32) -> usize {
    tables(inbox) + slot as usize * 4
}

fn counters_at(inbox: &Participant, index: usize) -> usize {
    tables(inbox) + inbox.geometry.participants as usize * 4 + index * METHOD_SIZE
}

fn recent_at(inbox: &Participant, number: u32) -> usize {
    counters_at(inbox, METHODS as usize) + (number.wrapping_sub(1) % RECENT_CALLS) as usize * RECENT_SIZE
}

/// The word of a cell: of the id its low bits.
fn word_of(id: u64, state: u32) -> u32 {
    (id as u32) << CELL_STATE_BITS | state
}

fn exchange(mailbox: &Participant, cell: usize, id: u64, from: u32, to: u32) -> bool {
    mailbox.swap(cell_at(mailbox, cell) + CELL_WORD, word_of(id, from), word_of(id, to))
}

/// Whether an item may be sent of which so many bytes were sent before.
fn has_credit(mailbox: &Participant, credit: usize, sent: u32) -> bool {
    (mailbox.load(credit).wrapping_sub(sent) as i32) > 0
}

/// The same for a side that sleeps where it has none: it will be rung, until it has some.
fn awaits_credit(mailbox: &Participant, cell: usize, field: usize, sent: u32, bit: u32) -> bool {
    let at = cell_at(mailbox, cell);
    let waits = mailbox.memory().word(at + CELL_WAITS);
    if has_credit(mailbox, at + field, sent) {
        if waits.load(SeqCst) & bit != 0 {
            waits.fetch_and(!bit, SeqCst);
        }
        return true;
    }
    waits.fetch_or(bit, SeqCst);
    // SYNC: credit. The bit is set before this side looks again at the credit.
    has_credit(mailbox, at + field, sent)
}

/// Raises the credit of the other side; true where that is to be rung.
fn raise_credit(mailbox: &Participant, cell: usize, field: usize, bytes: u32, bit: u32) -> bool {
    let at = cell_at(mailbox, cell);
    // SYNC: credit. Raised before this looks whether the other side waits for it.
    mailbox.add(at + field, bytes);
    // The bit is left to its owner: cleared here, it might be that of the next wait, which has begun meanwhile.
    mailbox.load(at + CELL_WAITS) & bit != 0
}

/// What was taken of a stream since the credit was raised last. True where the other side is to be rung.
fn take_credit(mailbox: &Participant, cell: usize, field: usize, taken: &mut u32, bit: u32) -> bool {
    if *taken < CREDIT_STEP {
        return false;
    }
    raise_credit(mailbox, cell, field, std::mem::take(taken), bit)
}

/// How far a message is in the ring.
#[derive(Clone, Copy, Default)]
struct Progress {
    offset: usize,
    began: i64,
}

/// What appending a message came to.
#[derive(Clone, Copy, PartialEq)]
enum Appended {
    Whole,
    /// The rest of it has no room, or another publisher is at work.
    NotYet,
    /// The server does not take calls.
    NotServing,
}

/// Appends as much of a message as there is room for; what is left out comes next, or the message is given up.
fn append(to: &mut mmfbus::Publisher, message: &[u8], progress: &mut Progress, is_guarded: bool) -> Result<Appended, Error> {
    if message.len() <= to.base.geometry.max_whole() {
        return append_frame(to, KIND_MESSAGE, message, None, is_guarded);
    }
    let part = part_size(to) - FRAGMENT_SIZE;
    while progress.offset < message.len() {
        let end = message.len().min(progress.offset + part);
        let kind = if end == message.len() { KIND_LAST_FRAGMENT } else { KIND_FRAGMENT };
        let generation = to.base.generation;
        let (total, offset) = (message.len() as u32, progress.offset as u32);
        let mut piece = Piece { began: progress.began, total, offset, generation };
        let appended = append_frame(to, kind, &message[progress.offset..end], Some(&mut piece), is_guarded)?;
        if appended != Appended::Whole {
            return Ok(appended);
        }
        *progress = Progress { offset: end, began: piece.began };
    }
    Ok(Appended::Whole)
}

fn append_frame(
    to: &mut mmfbus::Publisher,
    kind: u8,
    data: &[u8],
    piece: Option<&mut Piece>,
    is_guarded: bool,
) -> Result<Appended, Error> {
    to.base.get_up();
    if !to.base.acquire(Deadline::after(NO_TIME)) {
        return Ok(Appended::NotYet);
    }
    let length = data.len() + if piece.is_some() { FRAGMENT_SIZE } else { 0 };
    let is_serving = !is_guarded || takes_calls(&to.base);
    let sent = if is_serving { to.try_send(kind, &[data], &[length], piece) } else { Ok(None) };
    to.base.release();
    to.base.reclaim_found();
    match sent? {
        Some(_) => Ok(Appended::Whole),
        None if is_serving => Ok(Appended::NotYet),
        None => Ok(Appended::NotServing),
    }
}

/// Bytes of a frame that has a part of a message.
fn part_size(to: &mmfbus::Publisher) -> usize {
    to.base.geometry.max_whole().min(to.base.geometry.capacity as usize / 8 - FRAME_SIZE)
}

/// Room that the next part of a message needs.
fn room_needed(to: &mmfbus::Publisher, length: usize) -> usize {
    if length <= to.base.geometry.max_whole() {
        length
    } else {
        part_size(to)
    }
}

// ---------------------------------------------------------------------------------------------------------- Waiting

/// What a client and a server have in common: memory that others change, and a bell by which they hear of that.
trait Side: Send {
    /// Does all that there is to do, and does not wait.
    fn step(&mut self) -> Result<(), Error>;
    /// Says that it sleeps, so that others ring; `No` where there is something to do.
    fn lie_down(&mut self) -> Result<Wait, Error>;
    /// The participants that sleep.
    fn visit(&mut self, each: &mut dyn FnMut(&mut Participant));
    /// The next deadline.
    fn wake_at(&self) -> u64;
}

fn descriptors_of(side: &mut impl Side, port: &Port) -> Vec<i32> {
    let mut all = vec![port.bell.0];
    side.visit(&mut |participant| all.extend(participant.life_lines.iter().map(|line| line.fd.0)));
    all
}

struct Inner<S> {
    /// None after it was closed.
    side: Option<S>,
    /// The sleep was announced.
    is_armed: bool,
    /// A thread sleeps, for all of them.
    has_leader: bool,
    /// Threads that wait for it.
    followers: u32,
}

/// What a wait came to.
enum Waited<R> {
    Found(R),
    Timeout,
    Interrupted,
}

/// A client or a server, the lock that threads use it with, and their place to wait.
struct Hub<S> {
    inner: Mutex<Inner<S>>,
    turn: Condvar,
    /// Gone with the side.
    port: Weak<Port>,
    is_interrupted: AtomicBool,
    poll_window: Duration,
}

const CLOSED: Error = Error::InvalidArgument("the client or server was closed");

impl<S: Side> Hub<S> {
    fn new(side: S, port: &Arc<Port>, poll_window: Duration) -> Arc<Hub<S>> {
        let inner = Inner { side: Some(side), is_armed: false, has_leader: false, followers: 0 };
        Arc::new(Hub {
            inner: Mutex::new(inner),
            turn: Condvar::new(),
            port: Arc::downgrade(port),
            is_interrupted: AtomicBool::new(false),
            poll_window,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes up the thread that sleeps.
    fn ring(&self) {
        if let Some(port) = self.port.upgrade() {
            // SAFETY: one byte, which is there. A bell that is full rings already.
            unsafe { c::write(port.bell.0, [0u8].as_ptr() as *const c::c_void, 1) };
        }
    }

    fn interrupt(&self) {
        self.is_interrupted.store(true, SeqCst);
        self.ring();
    }

    fn get_up(side: &mut S) {
        side.visit(&mut |participant| participant.get_up());
    }

    /// Takes note of what was heard while it slept.
    fn hear(&self, side: &mut S, ready: &[i32]) {
        if let Some(port) = self.port.upgrade().filter(|port| ready.contains(&port.bell.0)) {
            port.bell.drain();
        }
        side.visit(&mut |participant| participant.hear(ready));
        Hub::get_up(side);
    }

    /// Does what there is to do.
    fn step(&self, inner: &mut Inner<S>) -> Result<(), Error> {
        let side = inner.side.as_mut().ok_or(CLOSED)?;
        if std::mem::take(&mut inner.is_armed) {
            let ready = self.port.upgrade().map_or_else(Vec::new, |port| descriptors_of(side, &port));
            self.hear(side, &poll(ready.into_iter(), NO_TIME));
            if inner.has_leader {
                // It sleeps without having said so any more.
                self.ring();
            }
        }
        let result = side.step();
        if inner.followers > 0 {
            self.turn.notify_all();
        }
        result
    }

    /// Does what there is to do, and then something with the side.
    fn with<R>(&self, action: impl FnOnce(&mut S) -> Result<R, Error>) -> Result<R, Error> {
        let mut inner = self.lock();
        self.step(&mut inner)?;
        inner.side.as_mut().map_or(Err(CLOSED), action)
    }

    /// Goes to sleep for an event loop, unless there is something to do.
    fn arm(&self, has_news: impl FnOnce(&S) -> bool) -> Result<Wait, Error> {
        let mut inner = self.lock();
        self.step(&mut inner)?;
        let side = inner.side.as_mut().ok_or(CLOSED)?;
        if has_news(side) {
            return Ok(Wait::No);
        }
        let wait = side.lie_down()?;
        if wait == Wait::No {
            Hub::get_up(side);
            return Ok(wait);
        }
        let left = Deadline(Some(side.wake_at()).filter(|&end| end != NEVER)).left();
        inner.is_armed = true;
        Ok(match (wait, left) {
            (Wait::AtMost(time), left) => Wait::AtMost(shorter(Some(time), left).unwrap_or(time)),
            (_, Some(left)) => Wait::AtMost(left),
            (_, None) => Wait::Forever,
        })
    }

    fn descriptors(&self) -> Vec<i32> {
        let mut inner = self.lock();
        match (inner.side.as_mut(), self.port.upgrade()) {
            (Some(side), Some(port)) => descriptors_of(side, &port),
            _ => Vec::new(),
        }
    }

    /// Waits until it is found. Of the threads that wait one sleeps, and wakes up the others.
    fn wait_for<R>(
        &self,
        deadline: u64,
        can_interrupt: bool,
        mut find: impl FnMut(&mut S) -> Result<Option<R>, Error>,
    ) -> Result<Waited<R>, Error> {
        let deadline = Deadline(Some(deadline).filter(|&end| end != NEVER));
        let mut window = None;
        let mut turns = 0;
        let mut is_told = false;
        let mut inner = self.lock();
        loop {
            // Who was told was told after a step.
            if !is_told {
                self.step(&mut inner)?;
            }
            if let Some(found) = find(inner.side.as_mut().ok_or(CLOSED)?)? {
                return Ok(Waited::Found(found));
            }
            if can_interrupt && self.is_interrupted.swap(false, SeqCst) {
                return Ok(Waited::Interrupted);
            }
            if deadline.is_over() {
                return Ok(Waited::Timeout);
            }
            if !window.get_or_insert_with(|| Deadline::after(Some(self.poll_window))).is_over() {
                drop(inner);
                std::hint::spin_loop();
                inner = self.lock();
                is_told = false;
                continue;
            }
            if inner.has_leader {
                inner.followers += 1;
                let left = deadline.left().unwrap_or(Duration::from_secs(3600));
                let told = self.turn.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner);
                inner = told.0;
                inner.followers -= 1;
                is_told = inner.has_leader;
                continue;
            }
            is_told = false;
            let side = inner.side.as_mut().ok_or(CLOSED)?;
            let wait = side.lie_down()?;
            if wait == Wait::No {
                Hub::get_up(side);
                turns += 1;
                if turns >= 64 {
                    // Memory that makes no sense may say so for ever.
                    drop(inner);
                    sleep(BUSY_PAUSE);
                    inner = self.lock();
                }
                continue;
            }
            turns = 0;
            let mut left = deadline.left();
            if let Wait::AtMost(time) = wait {
                left = shorter(left, Some(time));
            }
            left = shorter(left, Deadline(Some(side.wake_at()).filter(|&end| end != NEVER)).left());
            let port = self.port.upgrade().ok_or(CLOSED)?;
            let descriptors = descriptors_of(side, &port);
            inner.is_armed = true;
            inner.has_leader = true;
            drop(inner);
            if can_interrupt && self.is_interrupted.load(SeqCst) {
                left = NO_TIME;
            }
            let ready = poll(descriptors.into_iter(), left);
            drop(port);
            inner = self.lock();
            inner.has_leader = false;
            let was_armed = std::mem::take(&mut inner.is_armed);
            if let (true, Some(side)) = (was_armed, inner.side.as_mut()) {
                self.hear(side, &ready);
            }
            if inner.followers > 0 {
                self.turn.notify_all();
            }
        }
    }

    /// Takes the side out, which is then closed.
    fn close(&self) -> Option<S> {
        let mut inner = self.lock();
        if let Some(side) = inner.side.as_mut() {
            Hub::get_up(side);
        }
        let side = inner.side.take();
        self.turn.notify_all();
        drop(inner);
        self.ring();
        side
    }
}

fn earlier(one: Wait, other: Wait) -> Wait {
    match (one, other) {
        (Wait::No, _) | (_, Wait::No) => Wait::No,
        (Wait::AtMost(one), Wait::AtMost(other)) => Wait::AtMost(one.min(other)),
        (Wait::AtMost(time), Wait::Forever) | (Wait::Forever, Wait::AtMost(time)) => Wait::AtMost(time),
        (Wait::Forever, Wait::Forever) => Wait::Forever,
    }
}

fn ends_at(timeout: Option<Duration>) -> u64 {
    Deadline::after(timeout).0.unwrap_or(NEVER)
}

// ------------------------------------------------------------------------------------------------- The client's side

/// A server, as a client has it: its slot in the registry, and its inbox.
struct Link {
    slot: u32,
    generation: u32,
    nonce: i64,
    peer: Peer,
    inbox_id: u64,
    /// None where it could not be joined.
    inbox: Option<mmfbus::Publisher>,
    methods: Vec<Method>,
    /// Whether the client can call them; none: not compared yet.
    can_call: Vec<std::cell::Cell<Option<bool>>>,
    is_serving: bool,
    /// Room that is waited for.
    needs_room: Option<usize>,
    /// It could not be joined, or cannot answer.
    avoided_until: u64,
    /// When it was sent a call last.
    turn: u64,
    /// The call whose message is in the inbox in part; others wait.
    sending: Option<u64>,
}

impl Link {
    /// The method of this server by which a call is made; none where it cannot be.
    fn method_for(&self, call: &Ongoing) -> Option<&Method> {
        let index = self.methods.iter().position(|method| method.name == call.method)?;
        let theirs = &self.methods[index];
        let fits = match &call.own {
            Some(own) => {
                let can_call = self.can_call[index].get().unwrap_or_else(|| own.can_call(theirs));
                self.can_call[index].set(Some(can_call));
                can_call
            }
            None => theirs.is_one_way() == call.is_one_way,
        };
        fits.then(|| theirs)
    }

    fn lacks_room(&mut self, length: usize) {
        self.needs_room = self.inbox.as_ref().map(|inbox| room_needed(inbox, length));
    }

    /// How much the server has to do. Stale on arrival.
    fn work(&self) -> u64 {
        let base = match &self.inbox {
            Some(inbox) => &inbox.base,
            None => return 0,
        };
        let tail = base.load_long(HEADER_TAIL) & -(FRAME_ALIGNMENT as i64);
        let done = base.memory().read(Participant::at(OWNER as u32) + SLOT_DONE);
        base.number_at(tail).saturating_sub(1).saturating_sub(done)
    }

    /// Appends what needs no guard: a server that drains takes it.
    fn append_item(&mut self, message: &[u8], progress: &mut Progress) -> Result<Appended, Error> {
        let inbox = self.inbox.as_mut().ok_or(CLOSED)?;
        let appended = append(inbox, message, progress, false);
        if appended != Ok(Appended::Whole) {
            self.lacks_room(message.len());
        }
        appended
    }
}

/// An answer that the program has not taken yet.
enum Last {
    Value(Option<Vec<u8>>),
    Failed(Failure, Started),
}

/// A call of which the program has not taken the last answer yet.
struct Ongoing {
    method: String,
    /// Of the client's contract; none without one.
    own: Option<Method>,
    is_one_way: bool,
    deadline: u64,
    /// Until then it waits for a server.
    wait_until: u64,
    is_in_line: bool,
    /// Envelope and input.
    message: Vec<u8>,
    progress: Progress,
    /// Which server has it.
    link: Option<u64>,
    /// The only one that may have it.
    pinned: Option<u64>,
    cell: usize,
    id: u64,
    deaths: u32,
    /// An attempt before the present one may have run.
    may_have_run: bool,
    server: Peer,
    /// Servers that did not take it, and what the last of them said.
    avoided: BTreeSet<u64>,
    avoidance: Failure,
    /// Costs, modulo 2^32.
    sent: u32,
    taken: u32,
    /// An item that is in the inbox in part.
    item: Option<(Vec<u8>, Progress)>,
    wants_end: bool,
    end_was_sent: bool,
    /// Items that have come, with their costs.
    items: VecDeque<(Vec<u8>, u32)>,
    last: Option<Last>,
}

/// A cell in use.
struct Cell {
    link: u64,
    /// None where the call was given up.
    call: Option<u64>,
    id: u64,
}

struct Calling {
    service: String,
    name: String,
    wait_for_server: Duration,
    timeout: Option<Duration>,
    /// None: any method that a server has, whatever it is.
    contract: Option<Vec<Method>>,
    links: BTreeMap<u64, Link>,
    calls: BTreeMap<u64, Ongoing>,
    /// Calls that wait for a server.
    line: VecDeque<u64>,
    /// Calls that have something for the program.
    ready: VecDeque<u64>,
    cells: Vec<Option<Cell>>,
    next_cell: usize,
    lacks_cells: bool,
    last_number: u64,
    last_id: u64,
    last_turn: u64,
    last_link: u64,
    /// Calls whose streams of inputs are to be ended.
    ends: BTreeSet<u64>,
    /// Calls that had no credit when something of their streams was to be sent.
    without_credit: BTreeSet<u64>,
    /// The next deadline, or an earlier time.
    wake_at: u64,
    /// Of the registry, at the last look; none: look again.
    epoch: Option<u32>,
    /// What every further call says.
    broken: Option<Error>,
    port: Arc<Port>,
    mailbox_id: u64,
    mailbox: Subscriber,
    registry: Subscriber,
}

fn open_mailbox(service: &str, name: &str, port: &Arc<Port>) -> Result<(u64, Subscriber), Error> {
    let id = new_id()?;
    let options = Options {
        capacity: 256 << 10,
        max_participants: 64,
        discoverable: false,
        ..segment_options("mmfbus~replies", Open::Create, name)
    };
    let joining = Joining { kind: Kind::Replies, port: Some(port.clone()), phase: 0, detail: 0 };
    let mut mailbox = Subscriber::join_as(&segment_name(service, "replies", id), &options, joining)?;
    // Servers are watched in the registry.
    mailbox.watched = &[];
    step!("client: mailbox joined");
    Ok((id, mailbox))
}

impl Calling {
    fn open(service: &str, options: &ClientOptions<'_>) -> Result<(Calling, Arc<Port>), OpenError> {
        if !is_service_name(service) {
            return Err(OpenError::InvalidName);
        }
        let contract = match options.contract {
            "" => None,
            text => Some(read_contract(text).ok_or(OpenError::InvalidContract)?),
        };
        let port = Arc::new(Port::open(&Audience::OWN)?);
        let joining = Joining { kind: Kind::Registry, port: Some(port.clone()), phase: 0, detail: 0 };
        let of_registry = registry_options(options.name, options.discoverable);
        of_registry.check(true)?;
        let mut registry = Subscriber::join_as(&format!("{service}~service"), &of_registry, joining)?;
        registry.registration.enter();
        step!("client: registry joined");
        sweep_service(service);
        let (mailbox_id, mailbox) = open_mailbox(service, options.name, &port)?;
        let calling = Calling {
            service: service.into(),
            name: options.name.into(),
            wait_for_server: options.wait_for_server,
            timeout: options.timeout,
            contract,
            links: BTreeMap::new(),
            calls: BTreeMap::new(),
            line: VecDeque::new(),
            ready: VecDeque::new(),
            cells: (0..CELLS).map(|_| None).collect(),
            next_cell: 0,
            lacks_cells: false,
            last_number: 0,
            last_id: 0,
            last_turn: 0,
            last_link: 0,
            ends: BTreeSet::new(),
            without_credit: BTreeSet::new(),
            wake_at: NEVER,
            epoch: None,
            broken: None,
            port: port.clone(),
            mailbox_id,
            mailbox,
            registry,
        };
        Ok((calling, port))
    }

    fn wake_by(&mut self, time: u64) {
        self.wake_at = self.wake_at.min(time);
    }

    fn tell_ready(&mut self, number: u64) {
        if !self.ready.contains(&number) {
            self.ready.push_back(number);
        }
    }

    fn put_in_line(&mut self, number: u64) {
        let wait_until = ends_at(Some(self.wait_for_server));
        if let Some(call) = self.calls.get_mut(&number) {
            call.is_in_line = true;
            call.link = None;
            (call.sent, call.taken) = (0, 0);
            call.wait_until = wait_until;
            self.line.push_back(number);
            self.wake_by(wait_until);
        }
    }

    /// The call is not to be sent any more, whatever of it is in the inbox.
    fn forget_sending(&mut self, number: u64) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.item = None;
            if let Some(link) = call.link.and_then(|link| self.links.get_mut(&link)) {
                if link.sending == Some(number) {
                    link.sending = None;
                }
            }
        }
    }

    /// Ends a call; items that the program has not taken come before.
    fn settle(&mut self, number: u64, last: Last) {
        self.forget_sending(number);
        self.ends.remove(&number);
        self.without_credit.remove(&number);
        if let Some(call) = self.calls.get_mut(&number) {
            if std::mem::take(&mut call.is_in_line) {
                self.line.retain(|&one| one != number);
            }
            call.link = None;
            call.message = Vec::new();
            call.last = Some(last);
            self.tell_ready(number);
        }
    }

    /// `started` is that of the present attempt.
    fn fail(&mut self, number: u64, failure: Failure, started: Started) {
        let may_have_run = self.calls.get(&number).map_or(false, |call| call.may_have_run);
        self.settle(number, Last::Failed(failure, if may_have_run { Started::Maybe } else { started }));
    }

    fn free_cell(&mut self, cell: usize) {
        if let Some(own) = self.cells[cell].take() {
            let mailbox = &self.mailbox.base;
            mailbox.store(cell_at(mailbox, cell) + CELL_WORD, word_of(own.id, CELL_FREE));
            self.lacks_cells = false;
        }
    }

    /// Takes a call back that no handler has begun with: true where it never ran and never will. Its cell is free then.
    fn withdraw(&mut self, cell: usize) -> bool {
        let (id, call) = match &self.cells[cell] {
            Some(own) => (own.id, own.call),
            None => return false,
        };
        // SYNC: started or withdrawn. Of this exchange and that of the server only one finds the call waiting.
        if !exchange(&self.mailbox.base, cell, id, CELL_WAITING, CELL_WITHDRAWN) {
            return false;
        }
        step!("call: withdrawn");
        if let Some(call) = call {
            self.forget_sending(call);
        }
        self.free_cell(cell);
        true
    }

    /// Exchanges started for cancelled, and tells the server.
    fn cancel(&mut self, cell: usize) {
        let (id, link) = match &self.cells[cell] {
            Some(own) => (own.id, own.link),
            None => return,
        };
        if exchange(&self.mailbox.base, cell, id, CELL_STARTED, CELL_CANCELLED) {
            step!("call: cancelled");
            // SYNC: cancelled. Exchanged before this looks whether the server sleeps.
            if let Some(inbox) = self.links.get_mut(&link).and_then(|link| link.inbox.as_mut()) {
                ring_owner(&mut inbox.base);
            }
        }
    }

    /// Gives a call up, for that reason.
    fn give_up(&mut self, number: u64, failure: Failure) {
        let (is_sent, cell) = match self.calls.get_mut(&number) {
            Some(call) if call.last.is_none() => {
                call.items.clear();
                // A one-way call of which the server has a part never comes to its end.
                (!call.is_in_line && !call.is_one_way, call.cell)
            }
            _ => return,
        };
        let mut started = Started::No;
        if is_sent && !self.withdraw(cell) {
            started = Started::Maybe;
            self.cancel(cell);
            // The cell stays in use until the last answer, or until the server is gone.
            if let Some(own) = &mut self.cells[cell] {
                own.call = None;
            }
        }
        self.fail(number, failure, started);
    }

    /// Moves a call that was withdrawn to another server.
    fn move_call(&mut self, number: u64) {
        match self.calls.get(&number) {
            Some(call) if call.pinned.is_some() => self.fail(number, Failure::ServerDied, Started::No),
            _ => {
                self.put_in_line(number);
                step!("call: moved");
            }
        }
    }

    fn cells_of(&self, link: u64) -> Vec<usize> {
        let is_its = |cell: &usize| self.cells[*cell].as_ref().map_or(false, |own| own.link == link);
        (0..self.cells.len()).filter(is_its).collect()
    }

    /// Takes back all calls of a server that it has not started.
    fn move_waiting(&mut self, link: u64) {
        for cell in self.cells_of(link) {
            let call = self.cells[cell].as_ref().and_then(|own| own.call);
            if self.withdraw(cell) {
                if let Some(call) = call {
                    self.move_call(call);
                }
            }
        }
    }

    fn take_cell(&mut self) -> Option<usize> {
        for _ in 0..self.cells.len() {
            let cell = self.next_cell;
            self.next_cell = (cell + 1) % self.cells.len();
            if self.cells[cell].is_none() {
                return Some(cell);
            }
        }
        self.lacks_cells = true;
        None
    }

    /// Appends a call to the inbox of a server: all of it, or its first part. Anything but `Whole`: nothing.
    fn send_to(&mut self, number: u64, key: u64) -> Result<Appended, Error> {
        let is_one_way = self.calls.get(&number).map_or(true, |call| call.is_one_way);
        let cell = match is_one_way {
            true => None,
            false => match self.take_cell() {
                Some(cell) => Some(cell),
                None => return Ok(Appended::NotYet),
            },
        };
        let (call, link) = match (self.calls.get_mut(&number), self.links.get_mut(&key)) {
            (Some(call), Some(link)) => (call, link),
            _ => return Err(CLOSED),
        };
        let mailbox = &self.mailbox.base;
        let mut word_at = 0;
        if let Some(cell) = cell {
            self.last_id += 1;
            (call.cell, call.id) = (cell, self.last_id);
            let at = cell_at(mailbox, cell);
            mailbox.store(at + CELL_GRANTED, STREAM_WINDOW);
            mailbox.store(at + CELL_ACCEPTED, 0);
            mailbox.store(at + CELL_WAITS, 0);
            word_at = at + CELL_WORD;
            mailbox.store(word_at, word_of(call.id, CELL_WAITING));
            step!("call: cell waiting");
            call.message[ENVELOPE_CELL..][..2].copy_from_slice(&(cell as u16).to_le_bytes());
            call.message[ENVELOPE_ID..][..8].copy_from_slice(&call.id.to_le_bytes());
            call.message[ENVELOPE_MAILBOX..][..8].copy_from_slice(&self.mailbox_id.to_le_bytes());
            call.message[ENVELOPE_INCARNATION..][..8].copy_from_slice(&mailbox.geometry.incarnation.to_le_bytes());
        }
        call.progress = Progress::default();
        let appended = match link.inbox.as_mut() {
            Some(inbox) => append(inbox, &call.message, &mut call.progress, true),
            None => Err(CLOSED),
        };
        let is_whole = appended == Ok(Appended::Whole);
        if !is_whole && call.progress.offset == 0 {
            if cell.is_some() {
                mailbox.store(word_at, word_of(call.id, CELL_WITHDRAWN));
            }
            return appended;
        }
        step!("call: sent");
        if let Some(cell) = cell {
            self.cells[cell] = Some(Cell { link: key, call: Some(number), id: call.id });
        }
        if !is_whole {
            link.sending = Some(number);
            link.lacks_room(call.message.len());
        }
        self.last_turn += 1;
        link.turn = self.last_turn;
        call.link = Some(key);
        call.is_in_line = false;
        call.server = link.peer.clone();
        if is_one_way && is_whole {
            self.settle(number, Last::Value(None));
        }
        Ok(Appended::Whole)
    }

    /// Sends a call that is in the line to the server with the least work. `Ok(false)`: none has room. A failure says why there
    /// is none.
    fn place(&mut self, number: u64, now: u64) -> Result<bool, Failure> {
        let mut tried = BTreeSet::new();
        let mut outcome = Failure::NoServer;
        let mut is_full = false;
        loop {
            let call = match self.calls.get(&number) {
                Some(call) => call,
                None => return Ok(true),
            };
            let mut best: Option<(u64, u64, u64)> = None;
            for (&key, link) in &self.links {
                if !link.is_serving || call.pinned.map_or(false, |pinned| pinned != key) {
                    continue;
                }
                if link.avoided_until > now {
                    if matches!(outcome, Failure::NoServer | Failure::NoMethod) {
                        outcome = Failure::Unreachable;
                    }
                } else if link.inbox.is_none() || link.method_for(call).is_none() {
                    if outcome == Failure::NoServer {
                        outcome = Failure::NoMethod;
                    }
                } else if call.avoided.contains(&key) {
                    outcome = call.avoidance.clone();
                } else if !tried.contains(&key) {
                    let (work, turn) = (link.work(), link.turn);
                    if best.map_or(true, |(least, earliest, _)| (work, turn) < (least, earliest)) {
                        best = Some((work, turn, key));
                    }
                }
            }
            let key = match best {
                Some((_, _, key)) => key,
                None if is_full => return Ok(false),
                None => return Err(outcome),
            };
            tried.insert(key);
            let is_sending = self.links.get(&key).map_or(false, |link| link.sending.is_some());
            let sent = if is_sending { Ok(Appended::NotYet) } else { self.send_to(number, key) };
            if self.lacks_cells {
                return Ok(false);
            }
            let length = self.calls.get(&number).map_or(0, |call| call.message.len());
            let link = match self.links.get_mut(&key) {
                Some(link) => link,
                None => continue,
            };
            match sent {
                Ok(Appended::Whole) => return Ok(true),
                Ok(Appended::NotYet) => {
                    is_full = true;
                    link.lacks_room(length);
                }
                Ok(Appended::NotServing) => link.is_serving = false,
                Err(_) => {
                    link.avoided_until = now + AVOIDED;
                    self.wake_by(now + AVOIDED);
                }
            }
        }
    }

    /// Sends what is in the line, until no server has room.
    fn serve_line(&mut self, now: u64) {
        let waiting: Vec<u64> = self.line.iter().copied().collect();
        for number in waiting {
            if self.lacks_cells {
                return;
            }
            let placed = self.place(number, now);
            let (is_pinned, wait_until) = match self.calls.get(&number) {
                Some(call) => (call.pinned.is_some(), call.wait_until),
                None => continue,
            };
            match placed {
                Ok(true) => self.line.retain(|&one| one != number),
                Ok(false) => return,
                Err(_) if is_pinned => self.fail(number, Failure::ServerDied, Started::No),
                Err(Failure::NoServer) if now < wait_until => {}
                Err(failure) => self.fail(number, failure, Started::No),
            }
        }
    }

    // Items of streams of inputs.

    fn item_envelope(&self, call: &Ongoing, kind: u8) -> Vec<u8> {
        let mut envelope = vec![0; ENVELOPE_INCARNATION];
        envelope[ENVELOPE_KIND] = kind;
        envelope[ENVELOPE_CELL..][..2].copy_from_slice(&(call.cell as u16).to_le_bytes());
        envelope[ENVELOPE_METHOD..][..4].copy_from_slice(&method_hash(&call.method).to_le_bytes());
        envelope[ENVELOPE_ID..][..8].copy_from_slice(&call.id.to_le_bytes());
        envelope[ENVELOPE_MAILBOX..][..8].copy_from_slice(&self.mailbox_id.to_le_bytes());
        envelope
    }

    /// Whether nothing of its stream of inputs can be sent now. Where it has a server that will ring when there is credit.
    fn lacks_credit(&self, call: &Ongoing) -> bool {
        call.is_in_line || !awaits_credit(&self.mailbox.base, call.cell, CELL_ACCEPTED, call.sent, CALLER_WAITS)
    }

    /// Whether calls have credit that had none.
    fn have_some_credit(&mut self) -> bool {
        let had_none = std::mem::take(&mut self.without_credit);
        let count = had_none.len();
        let still_lacks = |number: &u64| self.calls.get(number).map_or(false, |call| self.lacks_credit(call));
        self.without_credit = had_none.into_iter().filter(still_lacks).collect();
        self.without_credit.len() < count
    }

    /// Ends streams of inputs, as soon as there is room.
    fn send_ends(&mut self) {
        for number in self.ends.iter().copied().collect::<Vec<u64>>() {
            let call = match self.calls.get(&number) {
                Some(call) if !call.is_in_line => call,
                _ => continue,
            };
            // Only who has started the call can take it.
            if call.sent == 0 && self.lacks_credit(call) {
                self.without_credit.insert(number);
                continue;
            }
            let envelope = self.item_envelope(call, ENVELOPE_END);
            let link = match call.link.and_then(|link| self.links.get_mut(&link)) {
                Some(link) if link.sending.is_none() => link,
                _ => continue,
            };
            if link.append_item(&envelope, &mut Progress::default()) == Ok(Appended::Whole) {
                self.ends.remove(&number);
                if let Some(call) = self.calls.get_mut(&number) {
                    call.end_was_sent = true;
                }
            }
        }
    }

    /// An item of a stream of inputs. `Full` where it cannot be sent now.
    fn try_send(&mut self, number: u64, item: &[u8]) -> Result<Sent, Error> {
        let call = match self.calls.get(&number) {
            Some(call) if call.last.is_none() => call,
            _ => return Ok(Sent::Ended),
        };
        let length = ENVELOPE_INCARNATION + item.len();
        if length as u64 > self.mailbox.base.geometry.max_message {
            return Err(Error::TooLarge);
        }
        if call.wants_end {
            return Err(Error::InvalidArgument("the stream of inputs has ended"));
        }
        if self.lacks_credit(call) {
            step!("call: waits for credit");
            self.without_credit.insert(number);
            return Ok(Sent::Full);
        }
        self.without_credit.remove(&number);
        let mut message = self.item_envelope(call, ENVELOPE_ITEM);
        message.extend_from_slice(item);
        let link = match call.link.and_then(|link| self.links.get_mut(&link)) {
            Some(link) if link.sending.is_none() => link,
            _ => return Ok(Sent::Full),
        };
        let mut progress = Progress::default();
        let is_whole = link.append_item(&message, &mut progress)? == Appended::Whole;
        if !is_whole && progress.offset == 0 {
            return Ok(Sent::Full);
        }
        step!("call: item sent");
        if !is_whole {
            link.sending = Some(number);
        }
        if let Some(call) = self.calls.get_mut(&number) {
            call.sent = call.sent.wrapping_add(length as u32);
            call.item = (!is_whole).then(|| (message, progress));
        }
        Ok(Sent::Sent)
    }

    /// Goes on with a message that is in the inbox in part.
    fn send_on(&mut self, key: u64) {
        let link = match self.links.get_mut(&key) {
            Some(link) => link,
            None => return,
        };
        let number = match link.sending {
            Some(number) => number,
            None => return,
        };
        let call = match self.calls.get_mut(&number) {
            Some(call) => call,
            None => {
                link.sending = None;
                return;
            }
        };
        let is_item = call.item.is_some();
        let appended = match (&mut call.item, link.inbox.as_mut()) {
            (Some((message, progress)), Some(inbox)) => append(inbox, message, progress, false),
            (None, Some(inbox)) => append(inbox, &call.message, &mut call.progress, true),
            (_, None) => Err(CLOSED),
        };
        if appended == Ok(Appended::NotYet) {
            let length = call.item.as_ref().map_or(call.message.len(), |(message, _)| message.len());
            link.lacks_room(length);
            return;
        }
        link.sending = None;
        call.item = None;
        let (is_whole, cell) = (appended == Ok(Appended::Whole), call.cell);
        if is_item {
            return;
        }
        if call.is_one_way && is_whole {
            self.settle(number, Last::Value(None));
        } else if call.is_one_way {
            self.put_in_line(number);
        } else if !is_whole && self.withdraw(cell) {
            self.move_call(number);
        }
    }

    // Answers.

    /// Whether an answer can be of that server. One that has left may have had the slot before another.
    fn comes_from(&self, publisher: u32, key: u64) -> bool {
        let mailbox = &self.mailbox.base;
        let inbox = self.links.get(&key).map_or(0, |link| link.inbox_id);
        let says_so = |slot: u32| mailbox.load_long(Participant::at(slot) + SLOT_DETAIL) as u64 == inbox;
        let has_role = |slot: u32| mailbox.load(Participant::at(slot) + SLOT_STATE) == STATE_PUBLISHER;
        says_so(publisher) || !mailbox.others().any(|slot| has_role(slot) && says_so(slot))
    }

    fn take_answer(&mut self, message: Message) {
        let bytes = message.data;
        if bytes.len() < ANSWER_SIZE {
            return;
        }
        let (kind, cell) = (bytes[ANSWER_KIND], get16(&bytes, ANSWER_CELL) as usize);
        let (text_length, id) = (get32(&bytes, ANSWER_TEXT_LENGTH) as usize, get64(&bytes, ANSWER_ID));
        let body = bytes.len() - ANSWER_SIZE;
        if text_length > body || !(ANSWER_VALUE..=ANSWER_NO_METHOD).contains(&kind) {
            return;
        }
        let (key, number) = match self.cells.get(cell).and_then(Option::as_ref) {
            Some(own) if own.id == id && self.comes_from(message.publisher, own.link) => (own.link, own.call),
            _ => return,
        };
        step!("call: answer read");
        let text = String::from_utf8_lossy(&bytes[ANSWER_SIZE..][..text_length]).into_owned();
        let data = &bytes[ANSWER_SIZE + ((text_length + 7) & !7).min(body)..];
        let message_of = |data: &[u8]| {
            let end = data.iter().position(|&byte| byte == 0).unwrap_or(data.len());
            String::from_utf8_lossy(&data[..end]).into_owned()
        };
        if kind == ANSWER_ITEM {
            if let Some((number, call)) = number.and_then(|number| Some((number, self.calls.get_mut(&number)?))) {
                call.items.push_back((data.into(), bytes.len() as u32));
                self.tell_ready(number);
            }
            return;
        }
        // Whether it was not started, and never will be.
        let was_waiting = kind > ANSWER_REMOTE && self.withdraw(cell);
        if !was_waiting {
            self.free_cell(cell);
        }
        let number = match number {
            Some(number) => number,
            None => return,
        };
        let started = if was_waiting { Started::No } else { Started::Maybe };
        let failure = match kind {
            ANSWER_VALUE => return self.settle(number, Last::Value(Some(data.into()))),
            ANSWER_END => return self.settle(number, Last::Value(None)),
            ANSWER_ERROR => Failure::Declared { code: text, data: data.into() },
            ANSWER_REMOTE => Failure::Remote { name: text, message: message_of(data) },
            ANSWER_REFUSED => Failure::Refused(message_of(data)),
            ANSWER_BUSY => Failure::Busy,
            _ => Failure::NoMethod,
        };
        // A handler that is cancelled at the deadline mostly fails by that, which may be heard of before its caller looks at the clock.
        let is_late = self.calls.get(&number).map_or(false, |call| now() >= call.deadline);
        let failure = match failure {
            Failure::Remote { .. } if is_late => Failure::Timeout,
            failure => failure,
        };
        let goes_on = was_waiting && matches!(failure, Failure::Busy | Failure::NoMethod);
        match self.calls.get_mut(&number) {
            Some(call) if goes_on && call.pinned.is_none() => {
                call.avoided.insert(key);
                call.avoidance = failure;
                self.put_in_line(number);
            }
            _ => self.fail(number, failure, started),
        }
    }

    /// Reads what is in the mailbox, at least up to that position.
    fn read_mailbox(&mut self, least: i64) {
        loop {
            match self.mailbox.next() {
                Ok(Some(Event::Message(message))) => self.take_answer(message),
                Ok(Some(_)) => {}
                Ok(None) => {
                    let tail = self.mailbox.base.load_tail().unwrap_or(0);
                    if self.mailbox.position >= least.min(tail) {
                        return;
                    }
                }
                Err(_) => return self.lose_mailbox(),
            }
        }
    }

    /// The mailbox is broken: ends all calls that count on it, and makes a new one.
    fn lose_mailbox(&mut self) {
        for cell in 0..self.cells.len() {
            let call = match &self.cells[cell] {
                Some(own) => own.call,
                None => continue,
            };
            if self.withdraw(cell) {
                if let Some(call) = call {
                    self.move_call(call);
                }
                continue;
            }
            self.cancel(cell);
            self.cells[cell] = None;
            if let Some(call) = call {
                self.fail(call, Failure::MailboxLost, Started::Maybe);
            }
        }
        self.lacks_cells = false;
        // One-way calls of which servers have a part.
        for number in self.links.values().filter_map(|link| link.sending).collect::<Vec<u64>>() {
            self.forget_sending(number);
            self.put_in_line(number);
        }
        // Inboxes say which mailbox it is.
        self.links.clear();
        self.epoch = None;
        match open_mailbox(&self.service, &self.name, &self.port) {
            Ok((id, mailbox)) => {
                self.mailbox_id = id;
                self.mailbox = mailbox;
            }
            Err(error) => self.broken = Some(error),
        }
    }

    // Servers that come and go.

    fn join_inbox(&self, inbox_id: u64) -> Result<(mmfbus::Publisher, Vec<Method>), Error> {
        let options = Options { discoverable: false, ..segment_options("mmfbus~calls", Open::Open, &self.name) };
        let detail = self.mailbox_id;
        let joining = Joining { kind: Kind::Calls, port: Some(self.port.clone()), phase: 0, detail };
        let inbox = mmfbus::Publisher::join_as(&segment_name(&self.service, "calls", inbox_id), &options, joining)?;
        let (at, length) = inbox.base.geometry.schema_text;
        // A private copy: others may change it meanwhile.
        let mut text = Vec::with_capacity(length + 8);
        for offset in (at & !7..at + length).step_by(8) {
            text.extend_from_slice(&inbox.base.memory().read(offset).to_le_bytes());
        }
        let text = String::from_utf8_lossy(&text[at % 8..][..length]).into_owned();
        step!("client: inbox joined");
        let methods = read_contract(&text).ok_or(Error::InvalidArgument("the server's contract"))?;
        Ok((inbox, methods))
    }

    /// Joins the inbox of a server, or tries that again after a while. One without a contract that makes sense is never called.
    fn try_join(&mut self, key: u64, now: u64) {
        let joined = match self.links.get(&key) {
            Some(link) => self.join_inbox(link.inbox_id),
            None => return,
        };
        let avoided_until = match &joined {
            Ok(_) | Err(Error::InvalidArgument(_)) => 0,
            Err(_) => now + AVOIDED,
        };
        if avoided_until != 0 {
            self.wake_by(avoided_until);
        }
        if let Some(link) = self.links.get_mut(&key) {
            link.avoided_until = avoided_until;
            if let Ok((inbox, methods)) = joined {
                link.inbox = Some(inbox);
                link.can_call = vec![Default::default(); methods.len()];
                link.methods = methods;
            }
        }
    }

    /// Takes note of a server that has come.
    fn meet(&mut self, slot: u32, now: u64) {
        let base = &self.registry.base;
        let at = Participant::at(slot);
        let is_serving = base.load(at + SLOT_STATE) == STATE_PUBLISHER && base.load(at + SLOT_PHASE) == PHASE_SERVING;
        if !is_serving || self.links.values().any(|link| link.slot == slot) {
            return;
        }
        let before = base.load(at + SLOT_GENERATION);
        let nonce = base.load_long(at + SLOT_NONCE);
        let inbox_id = base.load_long(at + SLOT_DETAIL) as u64;
        let (generation, info) = match self.registry.publisher_at(slot) {
            Some(found) => found,
            None => return,
        };
        // Another one may have taken the slot meanwhile, which raises the epoch.
        if generation != before || nonce == 0 {
            return;
        }
        self.last_link += 1;
        let link = Link {
            slot,
            generation,
            nonce,
            peer: Peer { pid: info.pid, name: info.name },
            inbox_id,
            inbox: None,
            methods: Vec::new(),
            can_call: Vec::new(),
            is_serving: true,
            needs_room: None,
            avoided_until: 0,
            turn: 0,
            sending: None,
        };
        let key = self.last_link;
        self.links.insert(key, link);
        self.try_join(key, now);
    }

    /// Whether the server is gone, and then whether it has died.
    fn is_gone(&self, link: &Link) -> Option<bool> {
        let base = &self.registry.base;
        let at = Participant::at(link.slot);
        let is_there = base.load_long(at + SLOT_NONCE) == link.nonce
            && base.load(at + SLOT_GENERATION) == link.generation
            && base.load(at + SLOT_STATE) == STATE_PUBLISHER;
        let is_dead = base.dead.contains(&(link.slot, link.nonce));
        let has_left = base.load(at + SLOT_LAST_END) == link.generation << END_BITS | ENDED_BY_LEAVING;
        (!is_there || is_dead).then(|| is_dead || !has_left)
    }

    /// Ends what a server has that is gone: it died, or left.
    fn lose_server(&mut self, key: u64, has_died: bool) {
        if let Some(link) = self.links.get_mut(&key) {
            link.is_serving = false;
        }
        // Loaded after it was seen that the server is gone: everything that it has answered lies before.
        self.read_mailbox(self.mailbox.base.load_long(HEADER_TAIL));
        for cell in self.cells_of(key) {
            let number = self.cells[cell].as_ref().and_then(|own| own.call);
            let is_withdrawn = self.withdraw(cell);
            if !is_withdrawn {
                self.free_cell(cell);
            }
            let number = match number {
                Some(number) => number,
                None => continue,
            };
            self.forget_sending(number);
            let (call, link) = match (self.calls.get_mut(&number), self.links.get(&key)) {
                (Some(call), Some(link)) => (call, link),
                _ => continue,
            };
            call.deaths += has_died as u32;
            call.may_have_run |= !is_withdrawn;
            let is_idempotent = link.method_for(call).map_or(false, |theirs| theirs.is_idempotent)
                && call.own.as_ref().map_or(true, |own| own.is_idempotent);
            let goes_on = (is_withdrawn || is_idempotent) && call.deaths < MOST_DEATHS && call.pinned.is_none();
            if goes_on {
                self.move_call(number);
            } else {
                let started = if is_withdrawn { Started::No } else { Started::Maybe };
                self.fail(number, Failure::ServerDied, started);
            }
        }
        let link = match self.links.remove(&key) {
            Some(link) => link,
            // The mailbox was broken: then there are no links any more.
            None => return,
        };
        if let Some(number) = link.sending {
            // A one-way call, of which the server had a part.
            self.put_in_line(number);
        }
        if has_died {
            let mailbox = &mut self.mailbox.base;
            for slot in mailbox.others().collect::<Vec<u32>>() {
                if mailbox.load_long(Participant::at(slot) + SLOT_NONCE) == link.nonce && mailbox.is_dead(slot, link.nonce) {
                    mailbox.note_dead(slot, link.nonce);
                }
            }
            sweep_service(&self.service);
        }
    }

    /// Looks who serves.
    fn look_at_servers(&mut self, now: u64) {
        self.epoch = Some(self.registry.base.load(HEADER_EPOCH));
        for key in self.links.keys().copied().collect::<Vec<u64>>() {
            let gone = match self.links.get(&key) {
                Some(link) => self.is_gone(link),
                None => continue,
            };
            if let Some(has_died) = gone {
                self.lose_server(key, has_died);
            } else if let Some(link) = self.links.get_mut(&key) {
                // SYNC: draining. Loaded after the epoch, which the server has raised after it stored this.
                let phase = self.registry.base.load(Participant::at(link.slot) + SLOT_PHASE);
                link.is_serving &= phase == PHASE_SERVING;
            }
        }
        for slot in self.registry.base.others() {
            self.meet(slot, now);
        }
        for key in self.links.keys().copied().collect::<Vec<u64>>() {
            if self.links.get(&key).map_or(false, |link| !link.is_serving) {
                self.move_waiting(key);
            }
        }
    }

    fn look_at_links(&mut self, now: u64) {
        for key in self.links.keys().copied().collect::<Vec<u64>>() {
            let link = match self.links.get_mut(&key) {
                Some(link) => link,
                None => continue,
            };
            let was_refused = link.inbox.as_ref().map_or(false, |inbox| {
                let (base, generation) = (&inbox.base, inbox.base.generation);
                let at = refused_at(base, base.slot);
                // SYNC: refused. Loaded after this client has said that it sleeps, or when its bell has rung.
                base.load(at) == generation && base.swap(at, generation, 0)
            });
            let is_sending = link.sending.is_some();
            let joins = link.inbox.is_none() && link.is_serving && link.avoided_until != 0 && link.avoided_until <= now;
            if was_refused {
                link.avoided_until = now + AVOIDED;
                self.wake_by(now + AVOIDED);
                self.move_waiting(key);
            }
            if is_sending {
                self.send_on(key);
            }
            if joins {
                self.try_join(key, now);
            }
        }
    }

    /// Gives up what is over, and finds the next time at which something is.
    fn keep_deadlines(&mut self, now: u64) {
        self.wake_at = NEVER;
        let open: Vec<u64> = self.calls.iter().filter(|(_, call)| call.last.is_none()).map(|(&number, _)| number).collect();
        for number in open {
            let (deadline, wait_until) = match self.calls.get(&number) {
                Some(call) => (call.deadline, if call.is_in_line { call.wait_until } else { 0 }),
                None => continue,
            };
            if now >= deadline {
                self.give_up(number, Failure::Timeout);
                continue;
            }
            self.wake_by(deadline);
            if wait_until > now {
                self.wake_by(wait_until);
            }
        }
        let avoided: Vec<u64> = self.links.values().map(|link| link.avoided_until).filter(|&end| end > now).collect();
        for end in avoided {
            self.wake_by(end);
        }
    }

    // Calls of the program.

    fn begin(&mut self, method: &str, input: &[u8], timeout: Timeout, is_one_way: bool, pinned: Option<u64>) -> Result<u64, Failure> {
        let own = match &self.contract {
            Some(methods) => Some(method_named(methods, method).ok_or(Failure::NoMethod)?.clone()),
            None => None,
        };
        let wrong = |what| Err(Failure::Client(Error::InvalidArgument(what)));
        if let Some(own) = &own {
            if own.is_one_way() != is_one_way {
                return wrong(if is_one_way { "the method is not one way" } else { "the method is one way" });
            }
            if is_stream(&own.input) && !input.is_empty() {
                return wrong("the input of the method is a stream");
            }
        }
        if (ENVELOPE_SIZE + input.len()) as u64 > self.mailbox.base.geometry.max_message {
            return Err(Failure::Client(Error::TooLarge));
        }
        let deadline = match timeout {
            Timeout::Default => ends_at(self.timeout),
            Timeout::After(time) => ends_at(Some(time)),
            Timeout::At(end) => end,
            Timeout::Never => NEVER,
        };
        let mut message = vec![0; ENVELOPE_SIZE];
        message[ENVELOPE_KIND] = if is_one_way { ENVELOPE_ONE_WAY } else { ENVELOPE_CALL };
        message[ENVELOPE_METHOD..][..4].copy_from_slice(&method_hash(method).to_le_bytes());
        let until = if deadline == NEVER { 0 } else { deadline };
        message[ENVELOPE_DEADLINE..][..8].copy_from_slice(&until.to_le_bytes());
        message.extend_from_slice(input);
        let server = pinned.and_then(|key| Some(self.links.get(&key)?.peer.clone())).unwrap_or_default();
        let call = Ongoing {
            method: method.into(),
            own,
            is_one_way,
            deadline,
            wait_until: 0,
            is_in_line: false,
            message,
            progress: Progress::default(),
            link: None,
            pinned,
            cell: 0,
            id: 0,
            deaths: 0,
            may_have_run: false,
            server,
            avoided: BTreeSet::new(),
            avoidance: Failure::NoServer,
            sent: 0,
            taken: 0,
            item: None,
            wants_end: false,
            end_was_sent: false,
            items: VecDeque::new(),
            last: None,
        };
        self.last_number += 1;
        self.calls.insert(self.last_number, call);
        self.wake_by(deadline);
        self.put_in_line(self.last_number);
        Ok(self.last_number)
    }

    /// The next answer to a call, which is over after its last one.
    fn answer_of(&mut self, number: u64) -> Option<Answer> {
        let call = self.calls.get_mut(&number)?;
        let item = call.items.pop_front();
        if item.is_none() && call.last.is_none() {
            return None;
        }
        let has_more = !call.items.is_empty() || (item.is_some() && call.last.is_some());
        if !has_more {
            self.ready.retain(|&one| one != number);
        }
        let (data, cost) = match item {
            Some(item) => item,
            None => {
                let call = self.calls.remove(&number)?;
                return call.last.map(|last| match last {
                    Last::Value(value) => Answer::Value(value),
                    Last::Failed(failure, started) => Answer::Failed(CallError { failure, started, server: call.server }),
                });
            }
        };
        call.taken = call.taken.wrapping_add(cost);
        let link = match call.link {
            Some(link) if call.last.is_none() => link,
            _ => return Some(Answer::Item(data)),
        };
        let before = call.taken;
        let rings = take_credit(&self.mailbox.base, call.cell, CELL_GRANTED, &mut call.taken, SERVER_WAITS);
        if call.taken != before {
            step!("call: credit raised");
        }
        if let (true, Some(inbox)) = (rings, self.links.get_mut(&link).and_then(|link| link.inbox.as_mut())) {
            ring_owner(&mut inbox.base);
        }
        Some(Answer::Item(data))
    }

    /// Leaves in good order.
    fn close(mut self) {
        for number in self.calls.keys().copied().collect::<Vec<u64>>() {
            self.give_up(number, Failure::Cancelled);
        }
        step!("leave: calls given up");
        let Calling { links, mailbox, registry, port, .. } = self;
        drop(links);
        step!("leave: inboxes left");
        drop(mailbox);
        step!("leave: mailbox left");
        drop(registry);
        drop(port);
    }
}

impl Side for Calling {
    fn step(&mut self) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let had_dead = !self.registry.base.dead.is_empty();
        self.registry.base.reclaim_found();
        self.mailbox.base.reclaim_found();
        self.read_mailbox(0);
        let now = now();
        if had_dead || self.epoch != Some(self.registry.base.load(HEADER_EPOCH)) {
            self.look_at_servers(now);
        }
        if self.registry.base.load(HEADER_CLOSED_EPOCH) != self.registry.closed_epoch {
            // What its slots say counts; messages there are none, and what is told of the last server is known.
            for _ in 0..64 {
                if matches!(self.registry.next(), Ok(None) | Err(_)) {
                    break;
                }
            }
            self.registry.failure = None;
        }
        self.look_at_links(now);
        if now >= self.wake_at {
            self.keep_deadlines(now);
        }
        if !self.line.is_empty() {
            self.serve_line(now);
        }
        if !self.ends.is_empty() {
            self.send_ends();
        }
        self.broken.map_or(Ok(()), Err)
    }

    fn lie_down(&mut self) -> Result<Wait, Error> {
        let mut wait = self.registry.lie_down();
        if wait != Wait::No {
            wait = earlier(wait, self.mailbox.lie_down());
        }
        for link in self.links.values_mut() {
            if let (Some(length), Some(inbox), true) = (link.needs_room, link.inbox.as_mut(), wait != Wait::No) {
                wait = earlier(wait, inbox.lie_down(&[length]).unwrap_or(Wait::AtMost(BUSY_PAUSE)));
            }
        }
        // The sleep was announced first: whatever others ring for is looked at again.
        let was_refused = |link: &Link| {
            let word = |base: &Participant| base.load(refused_at(base, base.slot)) == base.generation;
            link.inbox.as_ref().map_or(false, |inbox| word(&inbox.base))
        };
        let has_changed = self.epoch != Some(self.registry.base.load(HEADER_EPOCH)) || !self.registry.base.dead.is_empty();
        if has_changed || self.links.values().any(was_refused) || self.have_some_credit() {
            wait = Wait::No;
        }
        if wait != Wait::No {
            for link in self.links.values_mut() {
                link.needs_room = None;
            }
        }
        Ok(wait)
    }

    fn visit(&mut self, each: &mut dyn FnMut(&mut Participant)) {
        each(&mut self.registry.base);
        each(&mut self.mailbox.base);
        for inbox in self.links.values_mut().filter_map(|link| link.inbox.as_mut()) {
            each(&mut inbox.base);
        }
    }

    fn wake_at(&self) -> u64 {
        self.wake_at
    }
}

// ---------------------------------------------------------------------------------------------------------- Calling

/// How to call; `ClientOptions::new` has the defaults.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions<'a> {
    /// Text; a server is called for the methods whose input it reads, and whose output and errors this client reads. Empty: for any
    /// method that it has, whatever they are.
    pub contract: &'a str,
    /// Up to 48 bytes, shown by tools. Defaults to none.
    pub name: &'a str,
    /// How long a call waits while no server has its method. Defaults to not at all.
    pub wait_for_server: Duration,
    /// Of a call with `Timeout::Default`; none: it waits for ever. Defaults to 30 seconds.
    pub timeout: Option<Duration>,
    /// How long a function that waits looks for answers before it sleeps. Defaults to 200 microseconds.
    pub poll_window: Duration,
    /// Whether joining lists the service in the directory, by which tools find it. Defaults to true.
    pub discoverable: bool,
}

impl<'a> ClientOptions<'a> {
    pub const fn new(contract: &'a str) -> ClientOptions<'a> {
        ClientOptions {
            contract,
            name: "",
            wait_for_server: Duration::ZERO,
            timeout: Some(Duration::from_secs(30)),
            poll_window: Duration::from_micros(200),
            discoverable: true,
        }
    }
}

/// A server, as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    pub peer: Peer,
    pub is_draining: bool,
    /// Messages that it has and is not done with. Stale on arrival, as all of these.
    pub outstanding: u64,
    /// Calls that it has answered.
    pub served: u64,
    /// Of these, those that an error has ended.
    pub errors: u64,
    /// How long all of them took.
    pub time: Duration,
}

/// An answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of a stream; more will come.
    Item(Vec<u8>),
    /// The last answer: a value, or none at the end of a stream and of a method that answers nothing.
    Value(Option<Vec<u8>>),
    /// The last answer, too.
    Failed(CallError),
}

/// What sending an item of a stream of inputs came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an item that was not sent is lost"]
pub enum Sent {
    Sent,
    /// Not now: the server has not taken enough yet, or has not started the call. Only of `try_send`.
    Full,
    /// The call has ended; its last answer says how.
    Ended,
}

/// Calls the methods of a service. Leaves it when it is dropped.
pub struct Client {
    hub: Arc<Hub<Calling>>,
}

impl Client {
    /// Joins as a client; servers may come later.
    ///
    /// # Errors
    /// `InvalidName`, `InvalidContract`, and what joining a channel says.
    pub fn open(service: &str, options: &ClientOptions<'_>) -> Result<Client, OpenError> {
        let (calling, port) = Calling::open(service, options)?;
        Ok(Client { hub: Hub::new(calling, &port, options.poll_window) })
    }

    /// Calls a method and waits for its value; none where it answers nothing.
    ///
    /// # Errors
    /// A `CallError` says why, and whether the handler can have run. `Client` with `InvalidArgument` also for a method with streams
    /// or of one way, which `begin` and `call_one_way` are for.
    pub fn call(&self, method: &str, input: &[u8], timeout: Timeout) -> Result<Option<Vec<u8>>, CallError> {
        let call = self.begin_as(method, input, timeout, false, true)?;
        call.wait()
    }

    /// Calls a one-way method, which no server answers. Waits until a server has the call; it runs at most once.
    ///
    /// # Errors
    /// As of `call`; then it never runs.
    pub fn call_one_way(&self, method: &str, input: &[u8], timeout: Timeout) -> Result<(), CallError> {
        let call = self.begin_as(method, input, timeout, true, false)?;
        call.wait().map(drop)
    }

    /// Begins a call and does not wait. Of a method whose input is a stream the input is empty here.
    ///
    /// # Errors
    /// As of `call`, where it cannot be begun.
    pub fn begin(&self, method: &str, input: &[u8], timeout: Timeout) -> Result<Call, CallError> {
        self.begin_as(method, input, timeout, false, false)
    }

    fn begin_as(&self, method: &str, input: &[u8], timeout: Timeout, is_one_way: bool, is_plain: bool) -> Result<Call, CallError> {
        let begun = self.hub.with(|side| {
            let streams = |methods: &Vec<Method>| method_named(methods, method).map_or(false, Method::streams);
            if is_plain && side.contract.as_ref().map_or(false, streams) {
                return Err(Error::InvalidArgument("the method has streams"));
            }
            let begun = side.begin(method, input, timeout, is_one_way, None);
            if begun.is_ok() {
                side.step()?;
            }
            Ok(begun)
        });
        match begun.unwrap_or_else(|error| Err(Failure::Client(error))) {
            Ok(number) => Ok(Call { hub: self.hub.clone(), number, is_over: false }),
            Err(failure) => Err(CallError::before(failure)),
        }
    }

    /// Begins a call to each server that has the method now.
    ///
    /// # Errors
    /// `NoServer`, `NoMethod` where there is none.
    pub fn begin_all(&self, method: &str, input: &[u8], timeout: Timeout) -> Result<Vec<Call>, CallError> {
        let begun = self.hub.with(|side| {
            let mut numbers = Vec::new();
            let servers: Vec<u64> =
                side.links.iter().filter(|(_, link)| link.is_serving && link.inbox.is_some()).map(|(&key, _)| key).collect();
            for &key in &servers {
                let number = match side.begin(method, input, timeout, false, Some(key)) {
                    Ok(number) => number,
                    Err(failure) => return Ok(Err(failure)),
                };
                let has_method = match (side.calls.get(&number), side.links.get(&key)) {
                    (Some(call), Some(link)) => link.method_for(call).is_some(),
                    _ => false,
                };
                if has_method {
                    numbers.push(number);
                } else {
                    side.line.retain(|&one| one != number);
                    side.calls.remove(&number);
                }
            }
            side.step()?;
            Ok(match (servers.is_empty(), numbers.is_empty()) {
                (true, _) => Err(Failure::NoServer),
                (false, true) => Err(Failure::NoMethod),
                _ => Ok(numbers),
            })
        });
        let numbers = begun.unwrap_or_else(|error| Err(Failure::Client(error))).map_err(CallError::before)?;
        Ok(numbers.into_iter().map(|number| Call { hub: self.hub.clone(), number, is_over: false }).collect())
    }

    /// Calls all servers that have the method now, and waits for all of them.
    ///
    /// # Errors
    /// As of `begin_all`.
    pub fn call_all(&self, method: &str, input: &[u8], timeout: Timeout) -> Result<Vec<(Peer, Result<Option<Vec<u8>>, CallError>)>, CallError> {
        let calls = self.begin_all(method, input, timeout)?;
        Ok(calls.into_iter().map(|call| (call.server(), call.wait())).collect())
    }

    /// The servers that there are now.
    pub fn servers(&self) -> Result<Vec<ServerInfo>, Error> {
        self.hub.with(|side| {
            let info = |link: &Link| {
                let mut info = ServerInfo {
                    peer: link.peer.clone(),
                    is_draining: !link.is_serving,
                    outstanding: link.work(),
                    served: 0,
                    errors: 0,
                    time: Duration::ZERO,
                };
                let base = match &link.inbox {
                    Some(inbox) => &inbox.base,
                    None => return info,
                };
                let memory = base.memory();
                let mut time = 0u64;
                for at in (0..METHODS as usize).map(|index| counters_at(base, index)) {
                    if memory.word(at + METHOD_HASH).load(Relaxed) == 0 {
                        break;
                    }
                    let running = memory.word(at + METHOD_RUNNING).load(Relaxed) as u64;
                    info.served = info.served.wrapping_add(memory.read(at + METHOD_STARTED).saturating_sub(running));
                    info.errors = info.errors.wrapping_add(memory.read(at + METHOD_FAILED));
                    time = time.wrapping_add(memory.read(at + METHOD_TIME));
                }
                info.time = Duration::from_nanos(time);
                info
            };
            Ok(side.links.values().map(info).collect())
        })
    }

    /// The number of a call that has answers to take, without waiting.
    pub fn try_ready(&self) -> Result<Option<u64>, Error> {
        self.hub.with(|side| Ok(side.ready.front().copied()))
    }

    /// The same, and waits for it; none when the time is over, and after `interrupt`.
    pub fn ready(&self, timeout: Option<Duration>) -> Result<Option<u64>, Error> {
        match self.hub.wait_for(ends_at(timeout), true, |side| Ok(side.ready.front().copied()))? {
            Waited::Found(number) => Ok(Some(number)),
            Waited::Timeout | Waited::Interrupted => Ok(None),
        }
    }

    /// Goes to sleep for an event loop of your own, which waits for one of the descriptors; then take answers again.
    pub fn arm(&self) -> Result<Wait, Error> {
        self.hub.arm(|side| !side.ready.is_empty())
    }

    /// What to wait for after `arm()`, which may change them: one of them becomes readable.
    pub fn descriptors(&self) -> Vec<i32> {
        self.hub.descriptors()
    }

    /// Ends the wait of a function that waits, or the next one: a call is given up then. From any thread.
    pub fn interrupt(&self) {
        self.hub.interrupt();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(side) = self.hub.close() {
            side.close();
        }
    }
}

/// A call that was begun. Gives itself up when it is dropped before it has ended. Iterating gives its items and its value, or its
/// error.
pub struct Call {
    hub: Arc<Hub<Calling>>,
    number: u64,
    is_over: bool,
}

impl Call {
    /// As `Client::ready` names it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The server that has the call, or had it last.
    pub fn server(&self) -> Peer {
        let mut inner = self.hub.lock();
        let call = inner.side.as_mut().and_then(|side| side.calls.get(&self.number));
        call.map(|call| call.server.clone()).unwrap_or_default()
    }

    /// What is taken is the last answer where it is no item.
    fn taken(&mut self, answer: Option<Answer>) -> Option<Answer> {
        self.is_over |= !matches!(answer, None | Some(Answer::Item(_)));
        answer
    }

    /// What has come to be of a client that fails under its calls.
    fn lost(&mut self, error: Error) -> Answer {
        self.is_over = true;
        Answer::Failed(CallError { failure: Failure::Client(error), started: Started::Maybe, server: self.server() })
    }

    /// The next answer, without waiting; none where there is none now, and after the last one.
    pub fn try_answer(&mut self) -> Option<Answer> {
        if self.is_over {
            return None;
        }
        let number = self.number;
        match self.hub.with(|side| Ok(side.answer_of(number))) {
            Ok(answer) => self.taken(answer),
            Err(error) => Some(self.lost(error)),
        }
    }

    /// The next answer, and waits for it; none after the last one.
    pub fn answer(&mut self) -> Option<Answer> {
        if self.is_over {
            return None;
        }
        let number = self.number;
        loop {
            match self.hub.wait_for(NEVER, true, |side| Ok(side.answer_of(number))) {
                Ok(Waited::Found(answer)) => return self.taken(Some(answer)),
                Ok(_) => self.cancel(),
                Err(error) => return Some(self.lost(error)),
            }
        }
    }

    /// Waits for the last answer: the value, or none where the method answers nothing. Items of a stream are passed over.
    pub fn wait(mut self) -> Result<Option<Vec<u8>>, CallError> {
        loop {
            match self.answer() {
                Some(Answer::Item(_)) => {}
                Some(Answer::Value(value)) => return Ok(value),
                Some(Answer::Failed(error)) => return Err(error),
                None => return Ok(None),
            }
        }
    }

    /// The next item of the stream of inputs, without waiting.
    ///
    /// # Errors
    /// `TooLarge`; `InvalidArgument` after `end`.
    pub fn try_send(&self, item: &[u8]) -> Result<Sent, Error> {
        self.hub.with(|side| side.try_send(self.number, item))
    }

    /// The same, and waits for credit and room. The first item waits until the call was started.
    ///
    /// # Errors
    /// As of `try_send`; `Timeout`, also after `interrupt`.
    pub fn send(&self, item: &[u8], timeout: Option<Duration>) -> Result<Sent, Error> {
        let sent = self.hub.wait_for(ends_at(timeout), true, |side| match side.try_send(self.number, item)? {
            Sent::Full => Ok(None),
            sent => Ok(Some(sent)),
        })?;
        match sent {
            Waited::Found(sent) => Ok(sent),
            Waited::Timeout | Waited::Interrupted => Err(Error::Timeout),
        }
    }

    /// No more items follow. Does not wait.
    pub fn end(&self) -> Result<(), Error> {
        self.hub.with(|side| {
            match side.calls.get_mut(&self.number) {
                Some(call) if call.last.is_none() && !call.wants_end => call.wants_end = true,
                _ => return Ok(()),
            }
            side.ends.insert(self.number);
            side.step()
        })
    }

    /// Gives the call up, and tells the server. Its last answer is there then: mostly `Cancelled`.
    pub fn cancel(&self) {
        let mut inner = self.hub.lock();
        if let Some(side) = inner.side.as_mut() {
            side.give_up(self.number, Failure::Cancelled);
        }
        if inner.has_leader || inner.is_armed {
            drop(inner);
            self.hub.ring();
        }
    }
}

impl Iterator for Call {
    type Item = Result<Vec<u8>, CallError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.answer()? {
            Answer::Item(data) | Answer::Value(Some(data)) => Some(Ok(data)),
            Answer::Value(None) => None,
            Answer::Failed(error) => Some(Err(error)),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.cancel();
        let mut inner = self.hub.lock();
        if let Some(side) = inner.side.as_mut() {
            side.ready.retain(|&one| one != self.number);
            side.calls.remove(&self.number);
        }
    }
}

// ------------------------------------------------------------------------------------------------- The server's side

/// A client, as the server sees it: by its slot in the inbox.
struct Caller {
    generation: u32,
    peer: Peer,
    mailbox_id: u64,
    incarnation: u64,
    mailbox: mmfbus::Publisher,
    /// Answers that found no room, and how many bytes these are.
    answers: VecDeque<(Vec<u8>, Progress)>,
    kept: usize,
}

/// A call that the server has.
struct Task {
    method: usize,
    is_begun: bool,
    is_one_way: bool,
    /// Slot in the inbox; none of a one-way call, and where the client is gone.
    caller: Option<u32>,
    peer: Peer,
    cell: usize,
    id: u64,
    deadline: u64,
    input: Vec<u8>,
    began: u64,
    /// Of the last calls.
    recent: u32,
    /// As the handler was told.
    is_cancelled: bool,
    has_news: bool,
    awaits_credit: bool,
    items: VecDeque<(Vec<u8>, u32)>,
    /// No more items come.
    has_ended: bool,
    /// Costs, modulo 2^32.
    sent: u32,
    taken: u32,
}

struct Serving {
    service: String,
    name: String,
    concurrency: usize,
    queue: usize,
    methods: Vec<Method>,
    callers: BTreeMap<u32, Caller>,
    tasks: BTreeMap<u64, Task>,
    queued: VecDeque<u64>,
    begun: BTreeSet<u64>,
    /// Begun calls by the slot and cell of their callers.
    by_cell: BTreeMap<(u32, usize), u64>,
    /// Begun calls whose handlers are to be told of something.
    news: VecDeque<u64>,
    last_task: u64,
    last_recent: u32,
    done: u64,
    /// Of the inbox, at the last look.
    epoch: u32,
    wake_at: u64,
    is_draining: bool,
    broken: Option<Error>,
    port: Arc<Port>,
    inbox_id: u64,
    inbox: Subscriber,
    registry: mmfbus::Publisher,
}

impl Serving {
    fn open(service: &str, options: &ServerOptions<'_>) -> Result<(Serving, Arc<Port>), OpenError> {
        if !is_service_name(service) {
            return Err(OpenError::InvalidName);
        }
        let methods = read_contract(options.contract).ok_or(OpenError::InvalidContract)?;
        let port = Arc::new(Port::open(&Audience::OWN)?);
        let of_inbox = Options {
            schema: options.contract,
            capacity: 256 << 10,
            max_participants: 256,
            discoverable: false,
            ..segment_options("mmfbus~calls", Open::Create, options.name)
        };
        of_inbox.check(true)?;
        let inbox_id = new_id()?;
        let joining = |kind| Joining { kind, port: Some(port.clone()), phase: PHASE_SERVING, detail: inbox_id };
        let inbox = Subscriber::join_as(&segment_name(service, "calls", inbox_id), &of_inbox, joining(Kind::Calls))?;
        for (index, method) in methods.iter().enumerate() {
            let at = counters_at(&inbox.base, index) + METHOD_HASH;
            inbox.base.memory().word(at).store(method.hash, Relaxed);
        }
        step!("serve: inbox joined");
        let of_registry = registry_options(options.name, options.discoverable);
        let mut registry = mmfbus::Publisher::join_as(&format!("{service}~service"), &of_registry, joining(Kind::Registry))?;
        registry.registration.enter();
        step!("serve: registry joined");
        sweep_service(service);
        let serving = Serving {
            service: service.into(),
            name: options.name.into(),
            concurrency: options.concurrency.max(1) as usize,
            queue: options.queue as usize,
            methods,
            callers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            queued: VecDeque::new(),
            begun: BTreeSet::new(),
            by_cell: BTreeMap::new(),
            news: VecDeque::new(),
            last_task: 0,
            last_recent: 0,
            done: 0,
            epoch: inbox.base.load(HEADER_EPOCH),
            wake_at: NEVER,
            is_draining: false,
            broken: None,
            port: port.clone(),
            inbox_id,
            inbox,
            registry,
        };
        Ok((serving, port))
    }

    // What it shows of its calls; nothing depends on it.

    fn add_long(&self, at: usize, more: u64) {
        let memory = self.inbox.base.memory();
        memory.write(at, memory.read(at).wrapping_add(more));
    }

    fn add_word(&self, at: usize, more: u32) {
        let word = self.inbox.base.memory().word(at);
        word.store(word.load(Relaxed).wrapping_add(more), Relaxed);
    }

    fn show_start(&mut self, number: u64) {
        self.last_recent = self.last_recent.wrapping_add(1);
        let (recent, began) = (self.last_recent, now());
        let task = match self.tasks.get_mut(&number) {
            Some(task) => task,
            None => return,
        };
        (task.recent, task.began) = (recent, began);
        let (method, pid) = (task.method, task.peer.pid);
        let base = &self.inbox.base;
        let (counters, entry) = (counters_at(base, method), recent_at(base, recent));
        self.add_word(counters + METHOD_RUNNING, 1);
        self.add_long(counters + METHOD_STARTED, 1);
        let memory = base.memory();
        let word = |field: usize, value: u32| memory.word(entry + field).store(value, Relaxed);
        word(RECENT_NUMBER, 0);
        memory.write(entry + RECENT_STARTED, began);
        memory.write(entry + RECENT_ENDED, 0);
        word(RECENT_METHOD, self.methods[method].hash);
        word(RECENT_CALLER, pid);
        word(RECENT_OUTCOME, OUTCOME_RUNNING);
        word(RECENT_NUMBER, recent);
    }

    fn show_end(&self, task: &Task, outcome: u32) {
        let base = &self.inbox.base;
        let (counters, entry, memory) = (counters_at(base, task.method), recent_at(base, task.recent), base.memory());
        let ended = now();
        let time = ended.saturating_sub(task.began);
        self.add_word(counters + METHOD_RUNNING, u32::MAX);
        self.add_long(counters + METHOD_FAILED, (outcome == OUTCOME_FAILED) as u64);
        self.add_long(counters + METHOD_CANCELLED, (outcome == OUTCOME_CANCELLED) as u64);
        self.add_long(counters + METHOD_TIME, time);
        memory.write(counters + METHOD_LONGEST, memory.read(counters + METHOD_LONGEST).max(time));
        self.add_word(counters + METHOD_TIMES + 4 * time_bucket(time), 1);
        if memory.word(entry + RECENT_NUMBER).load(Relaxed) == task.recent {
            memory.word(entry + RECENT_OUTCOME).store(outcome, Relaxed);
            memory.write(entry + RECENT_ENDED, ended);
        }
    }

    // Calls that it has.

    /// So many messages of the inbox are not touched again.
    fn raise_done(&mut self, messages: usize) {
        for _ in 0..messages {
            self.done += 1;
            let base = &self.inbox.base;
            base.memory().long(base.own() + SLOT_DONE).store(self.done as i64, SeqCst);
            step!("server: done raised");
        }
    }

    /// The server is done with a call.
    fn end_task(&mut self, number: u64) {
        let task = match self.tasks.remove(&number) {
            Some(task) => task,
            None => return,
        };
        if task.is_begun {
            self.begun.remove(&number);
            self.news.retain(|&one| one != number);
            if let Some(slot) = task.caller {
                if self.by_cell.get(&(slot, task.cell)) == Some(&number) {
                    self.by_cell.remove(&(slot, task.cell));
                }
            }
        } else {
            self.queued.retain(|&one| one != number);
        }
        self.raise_done(task.items.len() + 1);
    }

    fn mailbox_of(&self, task: &Task) -> Option<&Participant> {
        Some(&self.callers.get(&task.caller?)?.mailbox.base)
    }

    /// Whether a call that has begun was given up.
    fn was_given_up(&self, task: &Task) -> bool {
        if task.is_cancelled || (task.deadline != NEVER && now() >= task.deadline) {
            return true;
        }
        match self.mailbox_of(task) {
            // SYNC: cancelled. Loaded after this server has said that it sleeps, or when its bell has rung.
            Some(base) => base.load(cell_at(base, task.cell) + CELL_WORD) != word_of(task.id, CELL_STARTED),
            None => !task.is_one_way,
        }
    }

    /// Whether its caller has withdrawn a call that waits.
    fn was_withdrawn(&self, number: u64) -> bool {
        match self.tasks.get(&number) {
            Some(task) => self.mailbox_of(task).map_or(false, |base| {
                base.load(cell_at(base, task.cell) + CELL_WORD) != word_of(task.id, CELL_WAITING)
            }),
            None => true,
        }
    }

    fn tell(&mut self, number: u64) {
        if let Some(task) = self.tasks.get_mut(&number) {
            if task.is_begun && !std::mem::replace(&mut task.has_news, true) {
                self.news.push_back(number);
            }
        }
    }

    // Callers.

    /// The client is gone, or cannot be answered: drops its calls, and tells the handlers of those that run.
    fn drop_caller(&mut self, slot: u32) {
        let its: Vec<u64> = self.tasks.iter().filter(|(_, task)| task.caller == Some(slot)).map(|(&number, _)| number).collect();
        for number in its {
            match self.tasks.get_mut(&number) {
                Some(task) if task.is_begun => {
                    self.by_cell.remove(&(slot, task.cell));
                    task.caller = None;
                    task.has_ended = true;
                    self.tell(number);
                }
                _ => self.end_task(number),
            }
        }
        self.callers.remove(&slot);
    }

    /// Looks which clients are gone.
    fn look_at_callers(&mut self) {
        let epoch = self.inbox.base.load(HEADER_EPOCH);
        if epoch == self.epoch {
            return;
        }
        self.epoch = epoch;
        let base = &self.inbox.base;
        let is_gone = |(&slot, caller): (&u32, &Caller)| {
            let at = Participant::at(slot);
            let is_there = base.load_long(at + SLOT_NONCE) != 0
                && base.load(at + SLOT_GENERATION) == caller.generation
                && base.load(at + SLOT_STATE) == STATE_PUBLISHER;
            (!is_there).then(|| slot)
        };
        for slot in self.callers.iter().filter_map(is_gone).collect::<Vec<u32>>() {
            self.drop_caller(slot);
        }
    }

    /// Tells a client that it cannot be answered.
    fn refuse_caller(&mut self, slot: u32, generation: u32) {
        let base = &mut self.inbox.base;
        // SYNC: refused. Stored before the bell is rung, whether the client sleeps or not.
        base.store(refused_at(base, slot), generation);
        step!("server: refused");
        base.ring(slot, Participant::at(slot));
    }

    fn join_mailbox(&self, mailbox_id: u64, incarnation: u64) -> Result<mmfbus::Publisher, Error> {
        let options = Options { discoverable: false, ..segment_options("mmfbus~replies", Open::Open, &self.name) };
        let joining = Joining { kind: Kind::Replies, port: Some(self.port.clone()), phase: 0, detail: self.inbox_id };
        let mailbox = mmfbus::Publisher::join_as(&segment_name(&self.service, "replies", mailbox_id), &options, joining)?;
        let owner = mailbox.base.load(Participant::at(OWNER as u32) + SLOT_STATE);
        if mailbox.base.geometry.incarnation != incarnation || owner != STATE_RELIABLE {
            return Err(Error::NotFound);
        }
        step!("server: mailbox joined");
        Ok(mailbox)
    }

    /// Whether the client that has sent a call can be answered.
    fn find_caller(&mut self, slot: u32, mailbox_id: u64, incarnation: u64) -> bool {
        let is_known = |caller: &Caller| caller.mailbox_id == mailbox_id && caller.incarnation == incarnation;
        if self.callers.get(&slot).map_or(false, is_known) {
            return true;
        }
        let (generation, PublisherInfo { pid, name, .. }) = match self.inbox.publisher_at(slot) {
            Some(found) => found,
            None => return false,
        };
        // The slot is that of another client by now, or of none.
        if self.inbox.base.load_long(Participant::at(slot) + SLOT_DETAIL) as u64 != mailbox_id {
            return false;
        }
        self.drop_caller(slot);
        let mailbox = match self.join_mailbox(mailbox_id, incarnation) {
            Ok(mailbox) => mailbox,
            Err(_) => {
                self.refuse_caller(slot, generation);
                return false;
            }
        };
        let (peer, answers) = (Peer { pid, name }, VecDeque::new());
        self.callers.insert(slot, Caller { generation, peer, mailbox_id, incarnation, mailbox, answers, kept: 0 });
        true
    }

    // Answers.

    /// Goes on with answers of a client that found no room; false where that cannot be answered any more.
    fn flush(caller: &mut Caller) -> bool {
        while let Some((message, progress)) = caller.answers.front_mut() {
            match append(&mut caller.mailbox, message, progress, false) {
                Ok(Appended::Whole) => caller.kept -= message.len(),
                Ok(_) => return true,
                Err(_) => return false,
            }
            caller.answers.pop_front();
        }
        true
    }

    fn flush_answers(&mut self) {
        let waiting: Vec<u32> =
            self.callers.iter().filter(|(_, caller)| !caller.answers.is_empty()).map(|(&slot, _)| slot).collect();
        for slot in waiting {
            if self.callers.get_mut(&slot).map_or(false, |caller| !Serving::flush(caller)) {
                self.drop_caller(slot);
            }
        }
    }

    /// Publishes an answer, or keeps it where there is no room.
    fn answer(&mut self, slot: u32, kind: u8, cell: usize, id: u64, text: &str, data: &[u8]) {
        let caller = match self.callers.get_mut(&slot) {
            Some(caller) => caller,
            None => return,
        };
        let mut message = vec![0; ANSWER_SIZE];
        message[ANSWER_KIND] = kind;
        message[ANSWER_CELL..][..2].copy_from_slice(&(cell as u16).to_le_bytes());
        message[ANSWER_TEXT_LENGTH..][..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
        message[ANSWER_ID..][..8].copy_from_slice(&id.to_le_bytes());
        message.extend_from_slice(text.as_bytes());
        message.resize(ANSWER_SIZE + ((text.len() + 7) & !7), 0);
        message.extend_from_slice(data);
        caller.kept += message.len();
        caller.answers.push_back((message, Progress::default()));
        if !Serving::flush(caller) {
            // The caller would wait for ever: it learns that it cannot be answered.
            let generation = caller.generation;
            self.refuse_caller(slot, generation);
            self.drop_caller(slot);
        }
    }

    /// The last answer to a call.
    fn answer_last(&mut self, number: u64, kind: u8, text: &str, data: &[u8]) -> Result<(), Error> {
        let task = match self.tasks.get(&number) {
            Some(task) => task,
            None => return Err(OVER),
        };
        if let Some(base) = self.mailbox_of(task) {
            let length = (ANSWER_SIZE + ((text.len() + 7) & !7) + data.len()) as u64;
            if length > base.geometry.max_message {
                return Err(Error::TooLarge);
            }
        }
        let method = &self.methods[task.method];
        let is_fit = match kind {
            _ if task.is_one_way => true,
            ANSWER_VALUE => method.gives_value(),
            ANSWER_END => !method.gives_value(),
            _ => true,
        };
        if !is_fit {
            return Err(Error::InvalidArgument("the answer is a value exactly where the method gives one"));
        }
        step!("server: handler ended");
        let outcome = match kind {
            _ if self.was_given_up(task) => OUTCOME_CANCELLED,
            ANSWER_VALUE | ANSWER_END => OUTCOME_ANSWERED,
            _ => OUTCOME_FAILED,
        };
        self.show_end(task, outcome);
        let (caller, cell, id) = (task.caller, task.cell, task.id);
        // Before the answer: who gets it may look at once how much there is to do here.
        self.end_task(number);
        if let Some(slot) = caller {
            self.answer(slot, kind, cell, id, text, data);
        }
        step!("server: answered");
        Ok(())
    }

    /// An item of a stream of answers.
    fn try_answer_item(&mut self, number: u64, data: &[u8]) -> Result<ItemSent, Error> {
        let task = self.tasks.get(&number).ok_or(OVER)?;
        if task.is_one_way {
            return Err(Error::InvalidArgument("a one-way call is not answered"));
        }
        let (slot, base) = match (task.caller, self.mailbox_of(task)) {
            (Some(slot), Some(base)) if !self.was_given_up(task) => (slot, base),
            _ => return Ok(ItemSent::Cancelled),
        };
        let cost = ANSWER_SIZE + data.len();
        if cost as u64 > base.geometry.max_message {
            return Err(Error::TooLarge);
        }
        // Kept answers are bounded: an item waits until those before it have room.
        let may_send = awaits_credit(base, task.cell, CELL_GRANTED, task.sent, SERVER_WAITS)
            && self.callers.get(&slot).map_or(true, |caller| caller.answers.is_empty());
        let (cell, id) = (task.cell, task.id);
        if let Some(task) = self.tasks.get_mut(&number) {
            task.awaits_credit = !may_send;
            if may_send {
                task.sent = task.sent.wrapping_add(cost as u32);
            }
        }
        if !may_send {
            return Ok(ItemSent::Full);
        }
        self.answer(slot, ANSWER_ITEM, cell, id, "", data);
        step!("server: item sent");
        Ok(ItemSent::Sent)
    }

    /// The next item of a stream of inputs.
    fn try_receive(&mut self, number: u64) -> Result<Received, Error> {
        let task = self.tasks.get(&number).ok_or(OVER)?;
        if self.was_given_up(task) {
            return Ok(Received::Cancelled);
        }
        let task = self.tasks.get_mut(&number).ok_or(OVER)?;
        let (data, cost) = match task.items.pop_front() {
            Some(item) => item,
            None if task.has_ended => return Ok(Received::End),
            None => return Ok(Received::Empty),
        };
        task.taken = task.taken.wrapping_add(cost);
        let before = task.taken;
        if let Some(caller) = task.caller.and_then(|slot| self.callers.get_mut(&slot)) {
            let rings = take_credit(&caller.mailbox.base, task.cell, CELL_ACCEPTED, &mut task.taken, CALLER_WAITS);
            if task.taken != before {
                step!("server: credit raised");
            }
            if rings {
                ring_owner(&mut caller.mailbox.base);
            }
        }
        self.raise_done(1);
        Ok(Received::Item(data))
    }

    // Taking calls.

    fn queue_call(&mut self, task: Task) {
        self.last_task += 1;
        self.tasks.insert(self.last_task, task);
        self.queued.push_back(self.last_task);
    }

    /// Whether there are too many calls: the caller is told so.
    fn is_too_much(&mut self, slot: u32) -> bool {
        if self.callers.get(&slot).map_or(false, |caller| caller.kept > MOST_KEPT) {
            return true;
        }
        let most = self.concurrency + self.queue;
        if self.tasks.len() < most {
            return false;
        }
        for number in self.queued.iter().copied().collect::<Vec<u64>>() {
            if self.was_withdrawn(number) {
                self.end_task(number);
            }
        }
        self.tasks.len() >= most
    }

    /// A message of the inbox. False: the server is done with it.
    fn take_message(&mut self, message: Message) -> bool {
        let (slot, bytes) = (message.publisher, message.data);
        if bytes.len() < ENVELOPE_INCARNATION {
            return false;
        }
        let (kind, cell) = (bytes[ENVELOPE_KIND], get16(&bytes, ENVELOPE_CELL) as usize);
        let (id, mailbox_id) = (get64(&bytes, ENVELOPE_ID), get64(&bytes, ENVELOPE_MAILBOX));
        if cell >= CELLS as usize {
            return false;
        }
        if kind == ENVELOPE_ITEM || kind == ENVELOPE_END {
            if self.callers.get(&slot).map_or(true, |caller| caller.mailbox_id != mailbox_id) {
                return false;
            }
            let number = self.by_cell.get(&(slot, cell)).copied().unwrap_or(0);
            let task = match self.tasks.get_mut(&number) {
                Some(task) if task.id == id && !task.has_ended => task,
                _ => return false,
            };
            let is_item = kind == ENVELOPE_ITEM;
            if is_item {
                task.items.push_back((bytes[ENVELOPE_INCARNATION..].into(), bytes.len() as u32));
            } else {
                task.has_ended = true;
            }
            self.tell(number);
            return is_item;
        }
        if bytes.len() < ENVELOPE_SIZE {
            return false;
        }
        let hash = get32(&bytes, ENVELOPE_METHOD);
        let method = self.methods.iter().position(|method| method.hash == hash);
        let is_one_way = kind == ENVELOPE_ONE_WAY;
        let method = method.filter(|&index| self.methods[index].is_one_way() == is_one_way);
        let deadline = get64(&bytes, ENVELOPE_DEADLINE);
        let mut task = Task {
            method: method.unwrap_or(0),
            is_begun: false,
            is_one_way,
            caller: None,
            peer: Peer::default(),
            cell,
            id,
            deadline: if deadline == 0 { NEVER } else { deadline },
            input: bytes[ENVELOPE_SIZE..].into(),
            began: 0,
            recent: 0,
            is_cancelled: false,
            has_news: false,
            awaits_credit: false,
            items: VecDeque::new(),
            has_ended: false,
            sent: 0,
            taken: 0,
        };
        if is_one_way {
            if method.is_none() {
                return false;
            }
            if let Some((_, PublisherInfo { pid, name, .. })) = self.inbox.publisher_at(slot) {
                task.peer = Peer { pid, name };
            }
            self.queue_call(task);
            return true;
        }
        // A call that is not begun while the server drains is withdrawn by its caller.
        if kind != ENVELOPE_CALL || id == 0 || self.is_draining {
            return false;
        }
        if !self.find_caller(slot, mailbox_id, get64(&bytes, ENVELOPE_INCARNATION)) {
            return false;
        }
        step!("server: call taken");
        let refusal = match method {
            None => Some(ANSWER_NO_METHOD),
            Some(_) if self.is_too_much(slot) => Some(ANSWER_BUSY),
            Some(_) => None,
        };
        if let Some(kind) = refusal {
            self.answer(slot, kind, cell, id, "", &[]);
            return false;
        }
        task.caller = Some(slot);
        task.peer = self.callers.get(&slot).map(|caller| caller.peer.clone()).unwrap_or_default();
        self.queue_call(task);
        true
    }

    /// Takes all messages that are in the inbox.
    fn take_messages(&mut self) {
        let least = self.inbox.base.load_long(HEADER_TAIL);
        loop {
            match self.inbox.next() {
                Ok(Some(Event::Message(message))) => {
                    if !self.take_message(message) {
                        self.raise_done(1);
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => {
                    let tail = self.inbox.base.load_tail().unwrap_or(0);
                    if self.inbox.position >= least.min(tail) {
                        return;
                    }
                }
                Err(error) => {
                    self.broken = Some(error);
                    return;
                }
            }
        }
    }

    fn can_begin(&self) -> bool {
        !self.queued.is_empty() && self.begun.len() < self.concurrency
    }

    /// Begins the next call whose turn has come.
    fn begin_next(&mut self) -> Option<(u64, Task)> {
        while self.can_begin() {
            let number = self.queued.front().copied()?;
            let task = self.tasks.get(&number)?;
            let mut is_over = task.deadline != NEVER && now() >= task.deadline;
            if !task.is_one_way && !is_over {
                // SYNC: started or withdrawn. Of this exchange and that of the caller only one finds the call waiting.
                let begins = |base: &Participant| exchange(base, task.cell, task.id, CELL_WAITING, CELL_STARTED);
                is_over = !self.mailbox_of(task).map_or(false, begins);
            }
            if is_over {
                self.end_task(number);
                continue;
            }
            step!("server: started");
            self.queued.pop_front();
            self.begun.insert(number);
            self.show_start(number);
            let task = self.tasks.get_mut(&number)?;
            task.is_begun = true;
            let streams = is_stream(&self.methods[task.method].input);
            task.has_ended = !streams;
            if let Some(slot) = task.caller {
                self.by_cell.insert((slot, task.cell), number);
                if let (true, Some(caller)) = (streams, self.callers.get_mut(&slot)) {
                    let mailbox = &mut caller.mailbox.base;
                    if raise_credit(mailbox, task.cell, CELL_ACCEPTED, STREAM_WINDOW, CALLER_WAITS) {
                        ring_owner(mailbox);
                    }
                }
            }
            let begun = Task { input: std::mem::take(&mut task.input), items: VecDeque::new(), peer: task.peer.clone(), ..*task };
            return Some((number, begun));
        }
        None
    }

    /// Looks which calls that run were given up, or may send again.
    fn look_at_tasks(&mut self) {
        self.wake_at = NEVER;
        for number in self.begun.iter().copied().collect::<Vec<u64>>() {
            let task = match self.tasks.get(&number) {
                Some(task) => task,
                None => continue,
            };
            let is_cancelled = !task.is_cancelled && self.was_given_up(task);
            let has_credit = task.awaits_credit
                && task.caller.and_then(|slot| self.callers.get(&slot)).map_or(false, |caller| {
                    let base = &caller.mailbox.base;
                    caller.answers.is_empty() && has_credit(base, cell_at(base, task.cell) + CELL_GRANTED, task.sent)
                });
            if !task.is_cancelled && !is_cancelled {
                self.wake_at = self.wake_at.min(task.deadline);
            }
            if let (true, Some(task)) = (is_cancelled || has_credit, self.tasks.get_mut(&number)) {
                task.is_cancelled |= is_cancelled;
                task.awaits_credit &= !has_credit;
                self.tell(number);
            }
        }
    }

    fn begin_drain(&mut self) {
        if std::mem::replace(&mut self.is_draining, true) {
            return;
        }
        let base = &mut self.registry.base;
        let own = base.own();
        if base.acquire(Deadline::after(Some(base.timeout))) {
            // SYNC: draining. Stored before the epoch is raised and the bells are rung.
            base.store(own + SLOT_PHASE, PHASE_DRAINING);
            base.tell_of_leaving(true);
            base.release();
        }
        step!("drain: registry says so");
        let base = &mut self.inbox.base;
        let own = base.own();
        let is_locked = base.acquire(Deadline::after(Some(base.timeout)));
        // SYNC: draining. With the lock held: what was committed before is taken, and nothing is committed after.
        base.store(own + SLOT_PHASE, PHASE_DRAINING);
        base.tell_of_leaving(true);
        if is_locked {
            base.release();
        }
        step!("drain: inbox says so");
        // Calls that have not begun are for other servers.
        for number in self.queued.iter().copied().collect::<Vec<u64>>() {
            if self.tasks.get(&number).map_or(false, |task| !task.is_one_way) {
                self.end_task(number);
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.tasks.is_empty() && self.callers.values().all(|caller| caller.answers.is_empty())
    }

    /// Leaves in good order.
    fn close(self) {
        let Serving { callers, inbox, registry, port, .. } = self;
        drop(callers);
        step!("drain: mailboxes left");
        drop(inbox);
        step!("drain: inbox left");
        drop(registry);
        step!("drain: registry left");
        drop(port);
    }
}

const OVER: Error = Error::InvalidArgument("the call is over");

fn time_bucket(time: u64) -> usize {
    let units = time >> TIME_UNIT_BITS;
    if units < 4 {
        return units as usize;
    }
    let highest = 63 - units.leading_zeros() as u64;
    let bucket = 4 * (highest - 1) + (units >> (highest - 2) & 3);
    bucket.min(TIME_BUCKETS as u64 - 1) as usize
}

impl Side for Serving {
    /// Takes what has come and sends what was kept; runs nothing of the program's.
    fn step(&mut self) -> Result<(), Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        self.inbox.base.reclaim_found();
        self.take_messages();
        self.look_at_callers();
        self.flush_answers();
        self.look_at_tasks();
        self.broken.map_or(Ok(()), Err)
    }

    fn lie_down(&mut self) -> Result<Wait, Error> {
        let mut wait = self.inbox.lie_down();
        for caller in self.callers.values_mut() {
            let length = match caller.answers.front() {
                Some((message, _)) if wait != Wait::No => room_needed(&caller.mailbox, message.len()),
                _ => continue,
            };
            wait = earlier(wait, caller.mailbox.lie_down(&[length]).unwrap_or(Wait::AtMost(BUSY_PAUSE)));
        }
        if self.inbox.base.load(HEADER_EPOCH) != self.epoch {
            wait = Wait::No;
        }
        // Looked at after the sleep was announced: who gives up, or raises credit, does that first and then rings who sleeps.
        let told = self.news.len();
        self.look_at_tasks();
        Ok(if self.news.len() > told { Wait::No } else { wait })
    }

    fn visit(&mut self, each: &mut dyn FnMut(&mut Participant)) {
        each(&mut self.inbox.base);
        for caller in self.callers.values_mut() {
            each(&mut caller.mailbox.base);
        }
    }

    fn wake_at(&self) -> u64 {
        self.wake_at
    }
}

// ---------------------------------------------------------------------------------------------------------- Serving

/// How to serve; `ServerOptions::new` has the defaults.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions<'a> {
    /// Text, which clients read.
    pub contract: &'a str,
    /// Up to 48 bytes, shown by tools. Defaults to none.
    pub name: &'a str,
    /// Calls that are begun and not answered. Defaults to 256.
    pub concurrency: u32,
    /// Calls that wait for that; beyond, the server answers that it is busy. Defaults to 1024.
    pub queue: u32,
    /// As that of a client.
    pub poll_window: Duration,
    /// As that of a client.
    pub discoverable: bool,
}

impl<'a> ServerOptions<'a> {
    pub const fn new(contract: &'a str) -> ServerOptions<'a> {
        ServerOptions {
            contract,
            name: "",
            concurrency: 256,
            queue: 1024,
            poll_window: Duration::from_micros(200),
            discoverable: true,
        }
    }
}

/// What runs for a method. Each closure that takes a request is one.
pub trait Handler: Send + Sync {
    /// Answers the request, or keeps it somewhere and returns: it may be answered later, from any thread.
    fn begin(&self, request: Request);

    /// There is something new for a request that was not answered, of that number: it was cancelled, an item of its input has
    /// come, or it may send items again. Between handlers, on a thread that serves.
    fn progress(&self, number: u64) {
        let _ = number;
    }
}

impl<F: Fn(Request) + Send + Sync> Handler for F {
    fn begin(&self, request: Request) {
        self(request)
    }
}

impl<H: Handler> Handler for Arc<H> {
    fn begin(&self, request: Request) {
        (**self).begin(request)
    }

    fn progress(&self, number: u64) {
        (**self).progress(number)
    }
}

/// The handlers of a server, by the names of their methods.
#[derive(Default)]
pub struct Handlers {
    all: Vec<(String, Arc<dyn Handler>)>,
}

impl Handlers {
    pub fn new() -> Handlers {
        Handlers::default()
    }

    /// For a method of the contract; the last one counts.
    pub fn on(mut self, method: &str, handler: impl Handler + 'static) -> Handlers {
        self.all.retain(|(name, _)| name != method);
        self.all.push((method.into(), Arc::new(handler)));
        self
    }
}

/// What sending an item of a stream of answers came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an item that was not sent is lost"]
pub enum ItemSent {
    Sent,
    /// Not now: the caller has not taken enough yet. Only of `try_answer_item`.
    Full,
    /// The caller has given up, is gone, or its time is over.
    Cancelled,
}

/// What receiving an item of a stream of inputs came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Item(Vec<u8>),
    /// No more follow.
    End,
    /// None now. Only of `try_receive`.
    Empty,
    /// The caller has given up, is gone, or its time is over.
    Cancelled,
}

/// One call that a server has. Dropped without an answer it is answered as failed.
pub struct Request {
    hub: Arc<Hub<Serving>>,
    handler: Arc<str>,
    number: u64,
    input: Vec<u8>,
    peer: Peer,
    deadline: u64,
    is_over: bool,
}

impl Request {
    /// As `Handler::progress` names it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The input; of a stream of inputs there is none here.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    pub fn method(&self) -> &str {
        &self.handler
    }

    /// The client that has called.
    pub fn caller(&self) -> &Peer {
        &self.peer
    }

    /// When the caller gives up: `At` or `Never`, for calls that the handler makes itself.
    pub fn deadline(&self) -> Timeout {
        if self.deadline == NEVER {
            Timeout::Never
        } else {
            Timeout::At(self.deadline)
        }
    }

    /// Whether the caller has given up, is gone, or its time is over. A handler that takes its time asks this: it makes no system call.
    pub fn is_cancelled(&self) -> bool {
        let inner = self.hub.lock();
        let is_cancelled = inner.side.as_ref().and_then(|side| Some(side.was_given_up(side.tasks.get(&self.number)?)));
        is_cancelled.unwrap_or(true)
    }

    fn answer(mut self, kind: u8, text: &str, data: &[u8]) -> Result<(), Error> {
        let answered = self.try_answer(kind, text, data);
        self.is_over = answered.is_ok() || answered == Err(OVER);
        answered
    }

    fn try_answer(&self, kind: u8, text: &str, data: &[u8]) -> Result<(), Error> {
        let mut inner = self.hub.lock();
        let sleeps = inner.has_leader || inner.is_armed;
        let answered = inner.side.as_mut().map_or(Err(OVER), |side| side.answer_last(self.number, kind, text, data));
        drop(inner);
        if sleeps {
            // Another call may begin now, and answers without room are waited for.
            self.hub.ring();
        }
        answered
    }

    /// The value. A one-way call is over, whatever is answered.
    ///
    /// # Errors
    /// `TooLarge`, and the caller is told that the handler has failed; `InvalidArgument` where the server was closed, and where the
    /// method answers a stream or nothing: then, too, the caller is told so.
    pub fn answer_value(self, data: &[u8]) -> Result<(), Error> {
        self.answer(ANSWER_VALUE, "", data)
    }

    /// The end of a stream of answers, or of a handler that answers nothing.
    ///
    /// # Errors
    /// `InvalidArgument` where the server was closed, and where the method answers a value: then the caller is told so.
    pub fn answer_end(self) -> Result<(), Error> {
        self.answer(ANSWER_END, "", &[])
    }

    /// An error that the method declares, with its data.
    pub fn answer_error(self, code: &str, data: &[u8]) -> Result<(), Error> {
        self.answer(ANSWER_ERROR, code, data)
    }

    /// Any other failure: its class, and a message for people.
    pub fn answer_failure(self, name: &str, message: &str) -> Result<(), Error> {
        self.answer(ANSWER_REMOTE, name, message.as_bytes())
    }

    /// The input does not fit: what, and where.
    pub fn answer_refused(self, message: &str) -> Result<(), Error> {
        self.answer(ANSWER_REFUSED, "", message.as_bytes())
    }

    /// An item of a stream of answers, without waiting.
    ///
    /// # Errors
    /// `TooLarge`; `InvalidArgument` where the server was closed.
    pub fn try_answer_item(&self, data: &[u8]) -> Result<ItemSent, Error> {
        let mut inner = self.hub.lock();
        let sleeps = inner.has_leader || inner.is_armed;
        let sent = inner.side.as_mut().map_or(Err(OVER), |side| side.try_answer_item(self.number, data));
        drop(inner);
        if sleeps && sent != Ok(ItemSent::Cancelled) {
            self.hub.ring();
        }
        sent
    }

    /// The same, and waits for credit and room. Other handlers are begun meanwhile only by other threads.
    ///
    /// # Errors
    /// As of `try_answer_item`; `Timeout`.
    pub fn answer_item(&self, data: &[u8], timeout: Option<Duration>) -> Result<ItemSent, Error> {
        self.wait(timeout, |side| match side.try_answer_item(self.number, data)? {
            ItemSent::Full => Ok(None),
            sent => Ok(Some(sent)),
        })
    }

    /// The next item of the stream of inputs, without waiting.
    ///
    /// # Errors
    /// `InvalidArgument` where the server was closed.
    pub fn try_receive(&self) -> Result<Received, Error> {
        let mut inner = self.hub.lock();
        inner.side.as_mut().map_or(Err(OVER), |side| side.try_receive(self.number))
    }

    /// The same, and waits for it. Other handlers are begun meanwhile only by other threads.
    ///
    /// # Errors
    /// As of `try_receive`; `Timeout`.
    pub fn receive(&self, timeout: Option<Duration>) -> Result<Received, Error> {
        self.wait(timeout, |side| match side.try_receive(self.number)? {
            Received::Empty => Ok(None),
            received => Ok(Some(received)),
        })
    }

    fn wait<R>(&self, timeout: Option<Duration>, find: impl FnMut(&mut Serving) -> Result<Option<R>, Error>) -> Result<R, Error> {
        match self.hub.wait_for(ends_at(timeout), false, find)? {
            Waited::Found(found) => Ok(found),
            Waited::Timeout | Waited::Interrupted => Err(Error::Timeout),
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let name = if std::thread::panicking() { "Panic" } else { "Error" };
        let _ = self.try_answer(ANSWER_REMOTE, name, b"the handler did not answer");
    }
}

/// What a thread that serves does next.
enum Work {
    Begin(Arc<dyn Handler>, Request),
    Progress(Arc<dyn Handler>, u64),
}

/// Serves the methods of a service. Dropping it drains without waiting, answers what is left as cancelled, and leaves.
pub struct Server {
    hub: Arc<Hub<Serving>>,
    /// In the order of the contract.
    handlers: Vec<(Arc<str>, Arc<dyn Handler>)>,
}

impl Server {
    /// Begins to serve: calls are taken from now on, and run in `run` or `dispatch`.
    ///
    /// # Errors
    /// `InvalidName`, `InvalidContract`, `NoHandler`, `NoMethod`, and what joining a channel says.
    pub fn open(service: &str, options: &ServerOptions<'_>, handlers: Handlers) -> Result<Server, OpenError> {
        let methods = read_contract(options.contract).ok_or(OpenError::InvalidContract)?;
        if let Some((name, _)) = handlers.all.iter().find(|(name, _)| method_named(&methods, name).is_none()) {
            return Err(OpenError::NoMethod(name.clone()));
        }
        let mut found = Vec::new();
        for method in &methods {
            match handlers.all.iter().find(|(name, _)| *name == method.name) {
                Some((name, handler)) => found.push((Arc::from(name.as_str()), handler.clone())),
                None => return Err(OpenError::NoHandler(method.name.clone())),
            }
        }
        let (serving, port) = Serving::open(service, options)?;
        Ok(Server { hub: Hub::new(serving, &port, options.poll_window), handlers: found })
    }

    fn work_of(&self, side: &mut Serving, begins: bool) -> Option<Work> {
        while let Some(number) = side.news.pop_front() {
            if let Some(task) = side.tasks.get_mut(&number) {
                task.has_news = false;
                return Some(Work::Progress(self.handlers[task.method].1.clone(), number));
            }
        }
        if !begins {
            return None;
        }
        let (number, Task { method, input, peer, deadline, .. }) = side.begin_next()?;
        let (name, handler) = &self.handlers[method];
        let hub = self.hub.clone();
        let request = Request { hub, handler: name.clone(), number, input, peer, deadline, is_over: false };
        Some(Work::Begin(handler.clone(), request))
    }

    fn do_work(work: Work) {
        match work {
            Work::Begin(handler, request) => handler.begin(request),
            Work::Progress(handler, number) => handler.progress(number),
        }
    }

    /// Serves until it is finished; false when the time is over.
    fn serve_until(&self, deadline: u64, can_stop: bool, is_finished: impl Fn(&Serving) -> bool) -> Result<bool, Error> {
        loop {
            let found = self.hub.wait_for(deadline, can_stop, |side| {
                let work = self.work_of(side, true);
                let is_over = work.is_none() && is_finished(side);
                Ok(if work.is_some() || is_over { Some(work) } else { None })
            })?;
            match found {
                Waited::Found(Some(work)) => Server::do_work(work),
                Waited::Found(None) | Waited::Interrupted => return Ok(true),
                Waited::Timeout => return Ok(false),
            }
            // Handlers without an end keep no thread beyond its time.
            if deadline != NEVER && now() >= deadline {
                return Ok(false);
            }
        }
    }

    /// Serves until `stop`, on this thread; on several threads at once where several call it.
    ///
    /// # Errors
    /// They are final: memory that makes no sense.
    pub fn run(&self) -> Result<(), Error> {
        self.serve_until(NEVER, true, |_| false).map(drop)
    }

    /// The same, so long at most; false when the time is over.
    pub fn run_for(&self, time: Duration) -> Result<bool, Error> {
        self.serve_until(ends_at(Some(time)), true, |_| false)
    }

    /// Ends one `run`, the present or the next. From any thread.
    pub fn stop(&self) {
        self.hub.interrupt();
    }

    /// Does what there is to do, handlers included, without waiting.
    ///
    /// # Errors
    /// As of `run`.
    pub fn dispatch(&self) -> Result<(), Error> {
        // What comes meanwhile is begun, too; what is new for handlers that have run is for the next time.
        let mut told = self.hub.with(|side| Ok(side.news.len()))?;
        loop {
            let work = self.hub.with(|side| {
                let news = if told == 0 { std::mem::take(&mut side.news) } else { VecDeque::new() };
                let work = self.work_of(side, true);
                side.news.extend(news);
                Ok(work)
            })?;
            told = told.saturating_sub(1);
            match work {
                Some(work) => Server::do_work(work),
                None => return Ok(()),
            }
        }
    }

    /// Goes to sleep for an event loop of your own, which waits for one of the descriptors and then has it dispatch.
    pub fn arm(&self) -> Result<Wait, Error> {
        self.hub.arm(|side| side.can_begin() || !side.news.is_empty())
    }

    /// What to wait for after `arm()`, which may change them: one of them becomes readable.
    pub fn descriptors(&self) -> Vec<i32> {
        self.hub.descriptors()
    }

    /// Takes no more calls, and waits until those that were begun are answered. Calls that were not begun go to other servers; one-way
    /// calls that it has are run. Dropping it then loses nothing.
    ///
    /// # Errors
    /// `Timeout`; otherwise as of `run`.
    pub fn drain(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.hub.with(|side| {
            side.begin_drain();
            Ok(())
        })?;
        match self.serve_until(ends_at(timeout), false, Serving::is_drained)? {
            true => {
                step!("drain: handlers ended");
                Ok(())
            }
            false => Err(Error::Timeout),
        }
    }

    /// Tells handlers that their calls are cancelled, and answers those that they leave open.
    fn answer_the_rest(&self) {
        let cancelled = self.hub.with(|side| {
            for number in side.begun.iter().copied().collect::<Vec<u64>>() {
                if let Some(task) = side.tasks.get_mut(&number) {
                    task.is_cancelled = true;
                    side.tell(number);
                }
            }
            Ok(side.news.len())
        });
        for _ in 0..cancelled.unwrap_or(0) {
            let work = self.hub.with(|side| Ok(self.work_of(side, false)));
            if let Ok(Some(work)) = work {
                Server::do_work(work);
            }
        }
        let rest = self.hub.with(|side| {
            for number in side.begun.iter().copied().collect::<Vec<u64>>() {
                side.answer_last(number, ANSWER_REMOTE, "Cancelled", b"the server was closed")?;
            }
            Ok(())
        });
        // Where its memory makes no sense no caller can be told.
        let _ = rest;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.drain(NO_TIME) == Err(Error::Timeout) {
            self.answer_the_rest();
            // Answers that have no room get a second.
            if self.serve_until(ends_at(Some(PATIENCE)), false, Serving::is_drained) == Ok(true) {
                step!("drain: handlers ended");
            }
        }
        if let Some(side) = self.hub.close() {
            side.close();
        }
    }
}

// ------------------------------------------------------------------------------------------------------------ Typed

/// A value of a contract, as `mmfbus-generate` writes it: how it is read and written. The texts say what does not fit.
pub trait Part {
    type Value;
    fn encode(value: &Self::Value) -> Result<Vec<u8>, String>;
    fn decode(bytes: &[u8]) -> Result<Self::Value, String>;

    /// What a method answers, which may be nothing.
    fn encode_answer(value: &Self::Value) -> Result<Option<Vec<u8>>, String> {
        Self::encode(value).map(Some)
    }

    /// The reverse of `encode_answer`.
    fn decode_answer(bytes: Option<&[u8]>) -> Result<Self::Value, String> {
        bytes.map_or_else(|| Err("there is no value".into()), Self::decode)
    }
}

/// Of a method without an input, or that answers nothing.
pub struct Nothing;

impl Part for Nothing {
    type Value = ();

    fn encode((): &()) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    fn decode(_: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn encode_answer((): &()) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }

    fn decode_answer(bytes: Option<&[u8]>) -> Result<(), String> {
        bytes.map_or(Ok(()), |_| Err("there is a value".into()))
    }
}

/// The errors that a method declares.
pub trait Errors: Sized {
    /// Code and data.
    fn encode(&self) -> Result<(&'static str, Vec<u8>), String>;
    /// None where there is no error of that code.
    fn decode(code: &str, data: &[u8]) -> Option<Result<Self, String>>;
}

/// Of a method that declares none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoErrors {}

impl Errors for NoErrors {
    fn encode(&self) -> Result<(&'static str, Vec<u8>), String> {
        match *self {}
    }

    fn decode(_: &str, _: &[u8]) -> Option<Result<NoErrors, String>> {
        None
    }
}

/// A method of a contract. Of a stream the part is that of its items.
pub trait Signature {
    const NAME: &'static str;
    type Input: Part;
    type Output: Part;
    type Error: Errors;
}

/// The value of a part.
pub type ValueOf<P> = <P as Part>::Value;

/// Why a typed call has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedError<E> {
    /// By an error that the method declares.
    Declared(E),
    /// In any other way. `Refused` says also what of an answer does not fit.
    Failed(CallError),
}

impl<E: fmt::Debug> fmt::Display for TypedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TypedError::Declared(error) => write!(f, "the method failed with {error:?}"),
            TypedError::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for TypedError<E> {}

impl<E: Errors> From<CallError> for TypedError<E> {
    fn from(error: CallError) -> TypedError<E> {
        let (code, data) = match &error.failure {
            Failure::Declared { code, data } => (code.clone(), data),
            _ => return TypedError::Failed(error),
        };
        let failure = match E::decode(&code, data) {
            Some(Ok(declared)) => return TypedError::Declared(declared),
            Some(Err(problem)) => Failure::Refused(problem),
            None => Failure::Remote { name: code, message: "an error that this program does not know".into() },
        };
        TypedError::Failed(CallError { failure, ..error })
    }
}

type Typed<M, R> = Result<R, TypedError<<M as Signature>::Error>>;

fn unfit<E>(problem: String, started: Started) -> TypedError<E> {
    TypedError::Failed(CallError { started, ..CallError::before(Failure::Refused(problem)) })
}

impl Client {
    /// Calls a method that generated code describes; see `call`.
    pub fn call_typed<M: Signature>(&self, input: &ValueOf<M::Input>, timeout: Timeout) -> Typed<M, ValueOf<M::Output>> {
        let input = M::Input::encode(input).map_err(|problem| unfit(problem, Started::No))?;
        let answer = self.call(M::NAME, &input, timeout)?;
        M::Output::decode_answer(answer.as_deref()).map_err(|problem| unfit(problem, Started::Maybe))
    }

    /// Calls a one-way method that generated code describes; see `call_one_way`.
    pub fn call_one_way_typed<M: Signature>(&self, input: &ValueOf<M::Input>, timeout: Timeout) -> Typed<M, ()> {
        let input = M::Input::encode(input).map_err(|problem| unfit(problem, Started::No))?;
        Ok(self.call_one_way(M::NAME, &input, timeout)?)
    }

    /// Begins a call of a method that generated code describes; see `begin`. None for an input that is a stream.
    pub fn begin_typed<M: Signature>(&self, input: Option<&ValueOf<M::Input>>, timeout: Timeout) -> Typed<M, TypedCall<M>> {
        let input = input.map_or_else(|| Ok(Vec::new()), M::Input::encode).map_err(|problem| unfit(problem, Started::No))?;
        Ok(TypedCall { call: self.begin(M::NAME, &input, timeout)?, of: std::marker::PhantomData })
    }
}

/// A `Call` with typed values. Iterating gives its items.
pub struct TypedCall<M: Signature> {
    call: Call,
    of: std::marker::PhantomData<fn() -> M>,
}

impl<M: Signature> TypedCall<M> {
    /// For what needs no types, such as giving it up.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The next item of the stream of inputs; see `Call::send`.
    pub fn send(&self, item: &ValueOf<M::Input>, timeout: Option<Duration>) -> Typed<M, Sent> {
        let item = M::Input::encode(item).map_err(|problem| unfit(problem, Started::Maybe))?;
        let sent = self.call.send(&item, timeout);
        sent.map_err(|error| {
            let failure = if error == Error::Timeout { Failure::Timeout } else { Failure::Client(error) };
            TypedError::Failed(CallError { failure, started: Started::Maybe, server: self.call.server() })
        })
    }

    /// No more items follow.
    pub fn end(&self) -> Typed<M, ()> {
        let ended = self.call.end();
        ended.map_err(|error| {
            TypedError::Failed(CallError { failure: Failure::Client(error), started: Started::Maybe, server: self.call.server() })
        })
    }

    /// Waits for the value; items of a stream of answers are passed over.
    pub fn wait(self) -> Typed<M, ValueOf<M::Output>> {
        let answer = self.call.wait()?;
        M::Output::decode_answer(answer.as_deref()).map_err(|problem| unfit(problem, Started::Maybe))
    }
}

impl<M: Signature> Iterator for TypedCall<M> {
    type Item = Typed<M, ValueOf<M::Output>>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.call.next()? {
            Ok(item) => item,
            Err(error) => return Some(Err(error.into())),
        };
        match M::Output::decode(&item) {
            Ok(item) => Some(Ok(item)),
            Err(problem) => {
                self.call.cancel();
                while self.call.answer().is_some() {}
                Some(Err(unfit(problem, Started::Maybe)))
            }
        }
    }
}

/// A `Request` with typed values.
pub struct TypedRequest<M: Signature> {
    request: Request,
    of: std::marker::PhantomData<fn() -> M>,
}

impl<M: Signature> TypedRequest<M> {
    /// For what needs no types: who has called, whether it is cancelled, other failures.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// See `Request::answer_value`. A value that does not fit is told as a failure of the handler.
    pub fn answer(self, value: &ValueOf<M::Output>) -> Result<(), Error> {
        match M::Output::encode_answer(value) {
            Ok(Some(data)) => self.request.answer_value(&data),
            Ok(None) => self.request.answer_end(),
            Err(problem) => self.request.answer_failure("CodecError", &problem),
        }
    }

    /// An error that the method declares.
    pub fn fail(self, error: &M::Error) -> Result<(), Error> {
        match error.encode() {
            Ok((code, data)) => self.request.answer_error(code, &data),
            Err(problem) => self.request.answer_failure("CodecError", &problem),
        }
    }

    /// The value or the error of a handler that has one of both.
    pub fn reply(self, outcome: Result<ValueOf<M::Output>, M::Error>) -> Result<(), Error> {
        match outcome {
            Ok(value) => self.answer(&value),
            Err(error) => self.fail(&error),
        }
    }

    /// See `Request::answer_end`.
    pub fn answer_end(self) -> Result<(), Error> {
        self.request.answer_end()
    }

    /// See `Request::answer_failure`.
    pub fn answer_failure(self, name: &str, message: &str) -> Result<(), Error> {
        self.request.answer_failure(name, message)
    }

    /// See `Request::answer_item`.
    ///
    /// # Errors
    /// `InvalidArgument` for an item that does not fit, too.
    pub fn answer_item(&self, item: &ValueOf<M::Output>, timeout: Option<Duration>) -> Result<ItemSent, Error> {
        let item = M::Output::encode(item).map_err(|_| Error::InvalidArgument("the item does not fit the contract"))?;
        self.request.answer_item(&item, timeout)
    }

    /// The next item of the stream of inputs; none after the last one. See `Request::receive`.
    ///
    /// # Errors
    /// `InvalidArgument` where the call is cancelled, and for an item that does not fit: then the call was refused.
    pub fn receive(&self, timeout: Option<Duration>) -> Result<Option<ValueOf<M::Input>>, Error> {
        match self.request.receive(timeout)? {
            Received::Item(item) => match M::Input::decode(&item) {
                Ok(item) => Ok(Some(item)),
                Err(problem) => {
                    self.request.try_answer(ANSWER_REFUSED, "", problem.as_bytes())?;
                    Err(Error::InvalidArgument("an item does not fit the contract"))
                }
            },
            Received::Cancelled => Err(Error::InvalidArgument("the call was cancelled")),
            Received::End | Received::Empty => Ok(None),
        }
    }

    /// See `Request::answer_refused`.
    pub fn answer_refused(self, problem: &str) -> Result<(), Error> {
        self.request.answer_refused(problem)
    }
}

impl Handlers {
    /// A handler for a method that generated code describes: it gets the input, and answers the request. An input that does not fit is
    /// refused before.
    pub fn on_typed<M: Signature + 'static>(
        self,
        handler: impl Fn(ValueOf<M::Input>, TypedRequest<M>) + Send + Sync + 'static,
    ) -> Handlers {
        self.on(M::NAME, move |request: Request| match M::Input::decode(request.input()) {
            Ok(input) => handler(input, TypedRequest { request, of: std::marker::PhantomData }),
            // Where the server was closed meanwhile no caller waits for it.
            Err(problem) => drop(request.answer_refused(&problem)),
        })
    }

    /// The same for a method whose input is a stream.
    pub fn on_stream<M: Signature + 'static>(self, handler: impl Fn(TypedRequest<M>) + Send + Sync + 'static) -> Handlers {
        self.on(M::NAME, move |request: Request| handler(TypedRequest { request, of: std::marker::PhantomData }))
    }
}
