// Written by mmfbus-generate from a shape. Do not edit: generate it again.
#![allow(dead_code, unused_imports, clippy::all, non_camel_case_types)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use crate::mmfbus_msgpack::{self as mp, BTreeMap, String, Vec};

/// The codec that a channel of these values has.
pub const CODEC: &str = "msgpack";
/// Its schema.
pub const SCHEMA: &str = "{\"version\":1,\"shape\":{\"struct\":[[\"sensor\",{\"string\":{\"maxLength\":16}}],[\"celsius\",\"f64\"],[\"last\",\"boolean\"]]}}";
/// The SHA-256 of the schema.
pub const FINGERPRINT: &str = "38daeda318b1a2297be5c603ff0812c866f4e7ae9245aa9f458c540f55b92cb4";
/// Bytes that a value takes at most.
pub const MAX_SIZE: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub sensor: String,
    pub celsius: f64,
    pub last: bool,
}

impl Reading {
    fn read(reader: &mut mp::Reader<'_>) -> mp::Result<Self> {
        let mut field_0 = None;
        let mut field_1 = None;
        let mut field_2 = None;
        mp::read_fields(reader, &["sensor", "celsius", "last"], |reader, index| {
            match index {
                0 => field_0 = Some(mp::read_string(reader, 16, "string of at most 16 characters").map_err(|error| error.within(".sensor"))?),
                1 => field_1 = Some(mp::read_f64(reader).map_err(|error| error.within(".celsius"))?),
                _ => field_2 = Some(mp::read_bool(reader).map_err(|error| error.within(".last"))?),
            }
            Ok(())
        })?;
        Ok(Self {
            sensor: field_0.ok_or_else(|| mp::missing(".sensor", "string of at most 16 characters"))?,
            celsius: field_1.ok_or_else(|| mp::missing(".celsius", "f64"))?,
            last: field_2.ok_or_else(|| mp::missing(".last", "boolean"))?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> mp::Result<()> {
        mp::write_map_head(out, 3);
        mp::write_text(out, "sensor");
        mp::write_string(out, &self.sensor, 16, "string of at most 16 characters").map_err(|error| error.within(".sensor"))?;
        mp::write_text(out, "celsius");
        mp::write_f64(out, self.celsius).map_err(|error| error.within(".celsius"))?;
        mp::write_text(out, "last");
        mp::write_bool(out, self.last).map_err(|error| error.within(".last"))?;
        Ok(())
    }
}

/// Reads a message.
pub fn decode(bytes: &[u8]) -> mp::Result<Reading> {
    mp::decode(bytes, |reader| Reading::read(reader))
}

/// Writes a message.
pub fn encode(value: &Reading) -> mp::Result<Vec<u8>> {
    let mut out = Vec::new();
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Writes a message behind what is in `out`.
pub fn encode_into(value: &Reading, out: &mut Vec<u8>) -> mp::Result<()> {
    Reading::write(value, out)
}
