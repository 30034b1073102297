//! What the code needs that `mmfbus-generate --language rust` writes from a shape: put both files into a crate, as
//! `mod mmfbus_msgpack;` and `mod quote;` at its root. No other crate; without `std` it needs `alloc`. Rust 1.63 and up.
//!
//! It reads what any writer of msgpack makes: fields in any order, fields that the shape does not have, integers and floats of
//! any width that hold the value. Strings must be UTF-8. What is read has memory of its own, in proportion to the bytes.
#![allow(dead_code)]

extern crate alloc;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::ToString;
use core::fmt;

pub use alloc::collections::BTreeMap;
pub use alloc::string::String;
pub use alloc::vec::Vec;

/// What keeps a value or bytes from being of a shape: `legs[2].price: expected f64, got string "x"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    path: String,
    problem: String,
}

impl Error {
    /// Something that is not what was expected.
    pub fn new(expected: &str, actual: &str) -> Error {
        Error { path: String::new(), problem: format!("expected {}, got {}", expected, actual) }
    }

    /// The same, found in that part.
    pub fn within(mut self, part: &str) -> Error {
        self.path.insert_str(0, part);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.strip_prefix('.').unwrap_or(&self.path);
        write!(formatter, "{}: {}", if path.is_empty() { "value" } else { path }, self.problem)
    }
}

pub type Result<T> = core::result::Result<T, Error>;

/// Seconds since 1970, and nanoseconds from there on: also before 1970 they count forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    pub seconds: i64,
    pub nanoseconds: u32,
}

impl Timestamp {
    /// Whether a `Date` of JavaScript holds it.
    fn is_valid(&self) -> bool {
        const MOST: i64 = 8_640_000_000_000;
        let within = self.seconds >= -MOST && (self.seconds < MOST || (self.seconds == MOST && self.nanoseconds == 0));
        within && self.nanoseconds <= 999_999_999
    }
}

/// One value of any kind, as msgpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Vec<u8>);

// The limits that the codec of Node has by default.
const MOST_TEXT: usize = 16 << 20;
const MOST_BYTES: usize = 64 << 20;
const MOST_ITEMS: usize = 1 << 20;
const MOST_SIZE: usize = 64 << 20;
const MOST_LEVELS: usize = 64;
/// Items for which room is reserved before they are there.
const RESERVED_ITEMS: usize = 1 << 10;

/// The next value; of arrays and maps only the head.
#[derive(Clone, Copy)]
enum Token<'a> {
    Nil,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Array(usize),
    Map(usize),
    Extension(i8, &'a [u8]),
}

/// Reads msgpack value by value.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        if length > self.bytes.len() {
            return None;
        }
        let (taken, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Some(taken)
    }

    fn number(&mut self, length: usize) -> Option<u64> {
        Some(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Every value takes a byte at least, so no count is larger than what is left.
    fn count(&self, count: usize, bytes_each: usize) -> Option<usize> {
        if count.checked_mul(bytes_each)? > self.bytes.len() {
            return None;
        }
        Some(count)
    }

    fn extension(&mut self, length: usize) -> Option<Token<'a>> {
        let kind = self.number(1)? as u8 as i8;
        Some(Token::Extension(kind, self.take(length)?))
    }

    fn token(&mut self) -> Option<Token<'a>> {
        let first = self.number(1)? as u8;
        let low = usize::from(first & 0x0f);
        Some(match first {
            0x00..=0x7f => Token::Integer(i128::from(first)),
            0x80..=0x8f => Token::Map(self.count(low, 2)?),
            0x90..=0x9f => Token::Array(self.count(low, 1)?),
            0xa0..=0xbf => Token::Text(self.take(usize::from(first & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return None,
            0xc2 | 0xc3 => Token::Bool(first == 0xc3),
            0xc4..=0xc6 => {
                let length = self.number(1 << (first - 0xc4))? as usize;
                Token::Binary(self.take(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.number(1 << (first - 0xc7))? as usize;
                self.extension(length)?
            }
            0xca => Token::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Token::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => Token::Integer(i128::from(self.number(1 << (first - 0xcc))?)),
            0xd0 => Token::Integer(i128::from(self.number(1)? as u8 as i8)),
            0xd1 => Token::Integer(i128::from(self.number(2)? as u16 as i16)),
            0xd2 => Token::Integer(i128::from(self.number(4)? as u32 as i32)),
            0xd3 => Token::Integer(i128::from(self.number(8)? as i64)),
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.number(1 << (first - 0xd9))? as usize;
                Token::Text(self.take(length)?)
            }
            0xdc | 0xdd => {
                let count = self.number(if first == 0xdc { 2 } else { 4 })? as usize;
                Token::Array(self.count(count, 1)?)
            }
            0xde | 0xdf => {
                let count = self.number(if first == 0xde { 2 } else { 4 })? as usize;
                Token::Map(self.count(count, 2)?)
            }
            0xe0..=0xff => Token::Integer(i128::from(first as i8)),
        })
    }

    /// The next value, where `choose` finds it to be what was expected.
    fn expect<T>(&mut self, expected: &str, choose: impl FnOnce(Token<'a>) -> Option<T>) -> Result<T> {
        let token = self.token().ok_or_else(|| Error::new(expected, "the end of the bytes"))?;
        choose(token).ok_or_else(|| Error::new(expected, &describe(token)))
    }

    /// Passes over a value of whatever kind, up to as many levels as Node does.
    fn skip(&mut self) -> Result<()> {
        self.skip_within(MOST_LEVELS)
    }

    fn skip_within(&mut self, levels: usize) -> Result<()> {
        let children = match self.expect("a value", Some)? {
            Token::Array(count) => count,
            Token::Map(count) => 2 * count,
            _ => return Ok(()),
        };
        if levels == 0 {
            return Err(Error::new("a value", "one that is nested too deep"));
        }
        for _ in 0..children {
            self.skip_within(levels - 1)?;
        }
        Ok(())
    }
}

fn describe(token: Token<'_>) -> String {
    match token {
        Token::Nil => "nil".to_owned(),
        Token::Bool(boolean) => format!("boolean {}", boolean),
        Token::Integer(number) => format!("number {}", number),
        Token::Float(number) => format!("number {}", number),
        Token::Text(text) => format!("string {:?}", String::from_utf8_lossy(&text[..text.len().min(40)])),
        Token::Binary(bytes) => format!("{} bytes", bytes.len()),
        Token::Array(count) => format!("array of {}", count),
        Token::Map(count) => format!("map of {}", count),
        Token::Extension(-1, _) => "timestamp".to_owned(),
        Token::Extension(kind, _) => format!("extension of type {}", kind),
    }
}

/// Reads a whole message.
pub fn decode<T>(bytes: &[u8], read: impl FnOnce(&mut Reader<'_>) -> Result<T>) -> Result<T> {
    if bytes.len() > MOST_SIZE {
        return Err(Error::new("at most 64 MiB", "more"));
    }
    let mut reader = Reader { bytes };
    let value = read(&mut reader)?;
    match reader.bytes.len() {
        0 => Ok(value),
        more => Err(Error::new("the end", &format!("{} more bytes", more))),
    }
}

/// The whole number that a token holds, however it was written.
fn whole(token: Token<'_>) -> Option<i128> {
    match token {
        Token::Integer(number) => Some(number),
        // Beyond these no integer of 64 bits is left, and within them the conversion is exact for whole numbers.
        Token::Float(number) if number > -1e20 && number < 1e20 && (number as i128) as f64 == number => {
            Some(number as i128)
        }
        _ => None,
    }
}

pub fn read_integer(reader: &mut Reader<'_>, least: i128, most: i128, expected: &str) -> Result<i128> {
    reader.expect(expected, |token| whole(token).filter(|number| *number >= least && *number <= most))
}

pub fn read_f64(reader: &mut Reader<'_>) -> Result<f64> {
    reader.expect("f64", real)
}

/// Rounds to the nearest; an integer in one step, not by way of a double.
pub fn read_f32(reader: &mut Reader<'_>) -> Result<f32> {
    reader.expect("f32", |token| match token {
        Token::Integer(number) => Some(number as f32),
        Token::Float(number) => Some(number as f32).filter(|rounded| rounded.is_finite() || !number.is_finite()),
        _ => None,
    })
}

/// A number of any kind that a double holds exactly.
fn real(token: Token<'_>) -> Option<f64> {
    match token {
        Token::Float(number) => Some(number),
        Token::Integer(number) if (number as f64) as i128 == number => Some(number as f64),
        _ => None,
    }
}

pub fn read_bool(reader: &mut Reader<'_>) -> Result<bool> {
    reader.expect("boolean", |token| match token {
        Token::Bool(boolean) => Some(boolean),
        _ => None,
    })
}

pub fn read_timestamp(reader: &mut Reader<'_>) -> Result<Timestamp> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    reader.expect("timestamp", |token| {
        let time = match token {
            Token::Extension(-1, data) if data.len() == 4 => Timestamp { seconds: number(data) as i64, nanoseconds: 0 },
            Token::Extension(-1, data) if data.len() == 8 => Timestamp {
                seconds: (number(data) & 0x3_ffff_ffff) as i64,
                nanoseconds: (number(data) >> 34) as u32,
            },
            Token::Extension(-1, data) if data.len() == 12 => {
                Timestamp { seconds: number(&data[4..]) as i64, nanoseconds: number(&data[..4]) as u32 }
            }
            _ => return None,
        };
        Some(time).filter(Timestamp::is_valid)
    })
}

fn text<'a>(reader: &mut Reader<'a>, expected: &str) -> Result<&'a [u8]> {
    reader.expect(expected, |token| match token {
        Token::Text(text) => Some(text),
        _ => None,
    })
}

fn check_text(text: &str, most: usize, expected: &str) -> Result<()> {
    if text.len() > MOST_TEXT {
        return Err(Error::new(expected, "one of more than 16 MiB"));
    }
    if text.chars().count() > most {
        return Err(Error::new(expected, "a longer one"));
    }
    Ok(())
}

pub fn read_string(reader: &mut Reader<'_>, most: usize, expected: &str) -> Result<String> {
    let bytes = text(reader, expected)?;
    let text = core::str::from_utf8(bytes).map_err(|_| Error::new(expected, "one that is not UTF-8"))?;
    check_text(text, most, expected)?;
    Ok(text.to_owned())
}

pub fn read_bytes(reader: &mut Reader<'_>, most: usize, expected: &str) -> Result<Vec<u8>> {
    reader.expect(expected, |token| match token {
        Token::Binary(bytes) if bytes.len() <= most.min(MOST_BYTES) => Some(bytes.to_vec()),
        _ => None,
    })
}

pub fn read_raw(reader: &mut Reader<'_>) -> Result<Raw> {
    let start = reader.bytes;
    reader.skip()?;
    Ok(Raw(start[..start.len() - reader.bytes.len()].to_vec()))
}

/// The number of one of those strings.
pub fn read_choice(reader: &mut Reader<'_>, choices: &[&str], expected: &str) -> Result<usize> {
    reader.expect(expected, |token| match token {
        Token::Text(text) => choices.iter().position(|choice| choice.as_bytes() == text),
        _ => None,
    })
}

pub fn read_nullable<'a, T>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if reader.bytes.first() == Some(&0xc0) {
        reader.bytes = &reader.bytes[1..];
        return Ok(None);
    }
    read(reader).map(Some)
}

pub fn read_array<'a, T>(
    reader: &mut Reader<'a>,
    most: usize,
    expected: &str,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = reader.expect(expected, |token| match token {
        Token::Array(count) if count <= most.min(MOST_ITEMS) => Some(count),
        _ => None,
    })?;
    let mut items = Vec::with_capacity(count.min(RESERVED_ITEMS));
    for index in 0..count {
        items.push(read(reader).map_err(|error| error.within(&format!("[{}]", index)))?);
    }
    Ok(items)
}

fn map_length(reader: &mut Reader<'_>, expected: &str) -> Result<usize> {
    reader.expect(expected, |token| match token {
        Token::Map(count) => Some(count),
        _ => None,
    })
}

/// Of equal keys the last one counts.
pub fn read_map<'a, K: Ord, V>(
    reader: &mut Reader<'a>,
    mut read_key: impl FnMut(&mut Reader<'a>) -> Result<K>,
    mut read_value: impl FnMut(&mut Reader<'a>) -> Result<V>,
) -> Result<BTreeMap<K, V>> {
    let count = map_length(reader, "map")?;
    if count > MOST_ITEMS {
        return Err(Error::new("map", "a longer one"));
    }
    let mut entries = BTreeMap::new();
    for index in 0..count {
        let place = |error: Error| error.within(&format!("[{}]", index));
        let key = read_key(reader).map_err(place)?;
        entries.insert(key, read_value(reader).map_err(place)?);
    }
    Ok(entries)
}

/// The key of an object of JavaScript.
pub fn read_name(reader: &mut Reader<'_>) -> Result<String> {
    let name = read_string(reader, usize::MAX, "string")?;
    check_name(&name)?;
    Ok(name)
}

fn check_name(name: &str) -> Result<()> {
    if name == "__proto__" {
        return Err(Error::new("a key", "__proto__"));
    }
    Ok(())
}

/// Reads a struct that is a map: `read` gets the number of each field that has a name, and reads its value.
pub fn read_fields<'a>(
    reader: &mut Reader<'a>,
    names: &[&str],
    mut read: impl FnMut(&mut Reader<'a>, usize) -> Result<()>,
) -> Result<()> {
    for _ in 0..map_length(reader, "struct")? {
        match read_key(reader, names)? {
            Some(field) => read(reader, field)?,
            None => reader.skip()?,
        }
    }
    Ok(())
}

/// Which of the names comes next; a key of another kind names nothing.
fn read_key(reader: &mut Reader<'_>, names: &[&str]) -> Result<Option<usize>> {
    let start = *reader;
    if let Token::Text(key) = reader.expect("a key", Some)? {
        return Ok(names.iter().position(|name| name.as_bytes() == key));
    }
    *reader = start;
    reader.skip()?;
    Ok(None)
}

/// Reads a struct that is an array of as many values, or fewer or more.
pub fn read_values<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    mut read: impl FnMut(&mut Reader<'a>, usize) -> Result<()>,
) -> Result<()> {
    let length = array_length(reader, "struct as an array")?;
    for index in 0..length {
        if index < count {
            read(reader, index)?;
        } else {
            reader.skip()?;
        }
    }
    Ok(())
}

fn array_length(reader: &mut Reader<'_>, expected: &str) -> Result<usize> {
    reader.expect(expected, |token| match token {
        Token::Array(count) => Some(count),
        _ => None,
    })
}

/// The number of the variant that the tag of a union names. Moves nothing. Of equal keys the last one counts.
pub fn find_tag(reader: &Reader<'_>, tag: &str, part: &str, variants: &[&str], expected: &str) -> Result<usize> {
    let mut reader = *reader;
    let mut found = None;
    for _ in 0..map_length(&mut reader, expected)? {
        match read_key(&mut reader, &[tag])? {
            Some(_) => found = Some(text(&mut reader, expected).map_err(|error| error.within(part))?),
            None => reader.skip()?,
        }
    }
    variant_of(found, part, variants, expected)
}

/// The same where structs are arrays: the tag is the first value.
pub fn first_tag(reader: &Reader<'_>, part: &str, variants: &[&str], expected: &str) -> Result<usize> {
    let mut reader = *reader;
    let found = match array_length(&mut reader, expected)? {
        0 => None,
        _ => Some(text(&mut reader, expected).map_err(|error| error.within(part))?),
    };
    variant_of(found, part, variants, expected)
}

fn variant_of(found: Option<&[u8]>, part: &str, variants: &[&str], expected: &str) -> Result<usize> {
    let tag = found.ok_or_else(|| missing(part, expected))?;
    variants
        .iter()
        .position(|name| name.as_bytes() == tag)
        .ok_or_else(|| Error::new(expected, &describe(Token::Text(tag))).within(part))
}

/// For a field that is not there.
pub fn missing(part: &str, expected: &str) -> Error {
    Error::new(expected, "nothing").within(part)
}

fn put(out: &mut Vec<u8>, first: u8, number: u64, length: usize) {
    out.push(first);
    out.extend_from_slice(&number.to_be_bytes()[8 - length..]);
}

/// A head with a length, by the first bytes for 8, 16 and 32 bits; 0 where there is none for 8.
fn put_length(out: &mut Vec<u8>, length: usize, in8: u8, in16: u8, in32: u8) {
    if length <= 0xff && in8 != 0 {
        put(out, in8, length as u64, 1);
    } else if length <= 0xffff {
        put(out, in16, length as u64, 2);
    } else {
        put(out, in32, length as u64, 4);
    }
}

pub fn write_integer(out: &mut Vec<u8>, number: i128, least: i128, most: i128, expected: &str) -> Result<()> {
    if number < least || number > most {
        return Err(Error::new(expected, &format!("number {}", number)));
    }
    let bits = number as u64;
    match number {
        -0x20..=0x7f => out.push(bits as u8),
        0x80..=0xff => put(out, 0xcc, bits, 1),
        0x100..=0xffff => put(out, 0xcd, bits, 2),
        0x1_0000..=0xffff_ffff => put(out, 0xce, bits, 4),
        _ if number > 0 => put(out, 0xcf, bits, 8),
        -0x80..=-0x21 => put(out, 0xd0, bits & 0xff, 1),
        -0x8000..=-0x81 => put(out, 0xd1, bits & 0xffff, 2),
        -0x8000_0000..=-0x8001 => put(out, 0xd2, bits & 0xffff_ffff, 4),
        _ => put(out, 0xd3, bits, 8),
    }
    Ok(())
}

pub fn write_f64(out: &mut Vec<u8>, number: f64) -> Result<()> {
    put(out, 0xcb, number.to_bits(), 8);
    Ok(())
}

pub fn write_f32(out: &mut Vec<u8>, number: f32) -> Result<()> {
    put(out, 0xca, u64::from(number.to_bits()), 4);
    Ok(())
}

pub fn write_bool(out: &mut Vec<u8>, boolean: bool) -> Result<()> {
    out.push(if boolean { 0xc3 } else { 0xc2 });
    Ok(())
}

pub fn write_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

pub fn write_timestamp(out: &mut Vec<u8>, time: &Timestamp) -> Result<()> {
    if !time.is_valid() {
        return Err(Error::new("timestamp", "one that is no valid date"));
    }
    let seconds = time.seconds as u64;
    if time.seconds < 0 || seconds >> 34 != 0 {
        out.extend_from_slice(&[0xc7, 12, 0xff]);
        out.extend_from_slice(&time.nanoseconds.to_be_bytes());
        out.extend_from_slice(&seconds.to_be_bytes());
    } else if time.nanoseconds == 0 && seconds >> 32 == 0 {
        out.extend_from_slice(&[0xd6, 0xff]);
        out.extend_from_slice(&(seconds as u32).to_be_bytes());
    } else {
        out.extend_from_slice(&[0xd7, 0xff]);
        out.extend_from_slice(&(u64::from(time.nanoseconds) << 34 | seconds).to_be_bytes());
    }
    Ok(())
}

pub fn write_string(out: &mut Vec<u8>, text: &str, most: usize, expected: &str) -> Result<()> {
    check_text(text, most, expected)?;
    write_text(out, text);
    Ok(())
}

/// A string that needs no check.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    if text.len() < 32 {
        out.push(0xa0 | text.len() as u8);
    } else {
        put_length(out, text.len(), 0xd9, 0xda, 0xdb);
    }
    out.extend_from_slice(text.as_bytes());
}

pub fn write_name(out: &mut Vec<u8>, name: &str) -> Result<()> {
    check_name(name)?;
    write_string(out, name, usize::MAX, "string")
}

pub fn write_bytes(out: &mut Vec<u8>, bytes: &[u8], most: usize, expected: &str) -> Result<()> {
    if bytes.len() > most.min(MOST_BYTES) {
        return Err(Error::new(expected, &bytes.len().to_string()));
    }
    put_length(out, bytes.len(), 0xc4, 0xc5, 0xc6);
    out.extend_from_slice(bytes);
    Ok(())
}

pub fn write_raw(out: &mut Vec<u8>, raw: &Raw) -> Result<()> {
    let mut reader = Reader { bytes: &raw.0 };
    reader.skip()?;
    if !reader.bytes.is_empty() {
        return Err(Error::new("exactly one value of msgpack", "more"));
    }
    out.extend_from_slice(&raw.0);
    Ok(())
}

pub fn write_nullable<T>(
    out: &mut Vec<u8>,
    value: &Option<T>,
    write: impl FnOnce(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    match value {
        Some(value) => write(out, value),
        None => {
            write_nil(out);
            Ok(())
        }
    }
}

pub fn write_array<T>(
    out: &mut Vec<u8>,
    items: &[T],
    most: usize,
    expected: &str,
    mut write: impl FnMut(&mut Vec<u8>, &T) -> Result<()>,
) -> Result<()> {
    if items.len() > most.min(MOST_ITEMS) {
        return Err(Error::new(expected, &format!("array of {}", items.len())));
    }
    write_array_head(out, items.len());
    for (index, item) in items.iter().enumerate() {
        write(out, item).map_err(|error| error.within(&format!("[{}]", index)))?;
    }
    Ok(())
}

pub fn write_map<K, V>(
    out: &mut Vec<u8>,
    entries: &BTreeMap<K, V>,
    mut write_key: impl FnMut(&mut Vec<u8>, &K) -> Result<()>,
    mut write_value: impl FnMut(&mut Vec<u8>, &V) -> Result<()>,
) -> Result<()> {
    if entries.len() > MOST_ITEMS {
        return Err(Error::new("map", "a longer one"));
    }
    write_map_head(out, entries.len());
    for (index, (key, value)) in entries.iter().enumerate() {
        let place = |error: Error| error.within(&format!("[{}]", index));
        write_key(out, key).map_err(place)?;
        write_value(out, value).map_err(place)?;
    }
    Ok(())
}

pub fn write_array_head(out: &mut Vec<u8>, count: usize) {
    if count < 16 {
        out.push(0x90 | count as u8);
    } else {
        put_length(out, count, 0, 0xdc, 0xdd);
    }
}

pub fn write_map_head(out: &mut Vec<u8>, count: usize) {
    if count < 16 {
        out.push(0x80 | count as u8);
    } else {
        put_length(out, count, 0, 0xde, 0xdf);
    }
}
