//! Frames: two little-endian 32-bit lengths, a JSON header, a payload of raw bytes.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes before the header: its length and the payload's.
pub const LENGTHS_BYTES: usize = 8;

/// Bytes in a header. The largest are lists of paths, sent in parts that stay well below.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// Bytes in a payload. The largest are files that are read whole (25 MiB in a draft).
pub const MAX_PAYLOAD_BYTES: usize = 32 * 1024 * 1024;

/// A frame that cannot be one. Whoever sees this stops talking: the stream has no second chance to be in step.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A header over [`MAX_HEADER_BYTES`], or empty.
    #[error("a header of {0} bytes")]
    HeaderSize(usize),
    /// A payload over [`MAX_PAYLOAD_BYTES`].
    #[error("a payload of {0} bytes")]
    PayloadSize(usize),
    /// A header that is not the JSON expected.
    #[error("an unreadable header: {0}")]
    Header(#[from] serde_json::Error),
    /// The socket failed, or ended within a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The two lengths of a frame, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// Of the header.
    pub header: usize,
    /// Of the payload.
    pub payload: usize,
}

/// Reads the lengths off the start of a frame.
pub fn parse_lengths(bytes: [u8; LENGTHS_BYTES]) -> Result<Lengths, FrameError> {
    let [a, b, c, d, e, f, g, h] = bytes;
    let header = u32::from_le_bytes([a, b, c, d]) as usize;
    let payload = u32::from_le_bytes([e, f, g, h]) as usize;
    if header == 0 || header > MAX_HEADER_BYTES {
        return Err(FrameError::HeaderSize(header));
    }
    if payload > MAX_PAYLOAD_BYTES {
        return Err(FrameError::PayloadSize(payload));
    }
    Ok(Lengths { header, payload })
}

/// Lengths and header of a frame, to be followed by exactly `payload_bytes` of payload.
pub fn encode(header: &impl Serialize, payload_bytes: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = vec![0; LENGTHS_BYTES];
    serde_json::to_writer(&mut bytes, header)?;
    let header_bytes = bytes.len() - LENGTHS_BYTES;
    if header_bytes > MAX_HEADER_BYTES {
        return Err(FrameError::HeaderSize(header_bytes));
    }
    if payload_bytes > MAX_PAYLOAD_BYTES {
        return Err(FrameError::PayloadSize(payload_bytes));
    }
    bytes[..4].copy_from_slice(&(header_bytes as u32).to_le_bytes());
    bytes[4..LENGTHS_BYTES].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    Ok(bytes)
}

/// Writes one frame.
pub fn write(to: &mut impl Write, header: &impl Serialize, payload: &[u8]) -> Result<(), FrameError> {
    to.write_all(&encode(header, payload.len())?)?;
    if !payload.is_empty() {
        to.write_all(payload)?;
    }
    Ok(())
}

/// Reads one frame with its payload; `None` when the stream ends before it. Never reads beyond the frame.
pub fn read<H: DeserializeOwned>(from: &mut impl Read) -> Result<Option<(H, Vec<u8>)>, FrameError> {
    let mut lengths = [0; LENGTHS_BYTES];
    if !read_or_end(from, &mut lengths)? {
        return Ok(None);
    }
    let lengths = parse_lengths(lengths)?;
    let mut header = vec![0; lengths.header];
    from.read_exact(&mut header)?;
    let mut payload = vec![0; lengths.payload];
    from.read_exact(&mut payload)?;
    Ok(Some((serde_json::from_slice(&header)?, payload)))
}

/// Fills `buffer`; false when the stream ended before its first byte.
fn read_or_end(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let first = loop {
        match from.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => break count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    from.read_exact(&mut buffer[first..])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Message;
    use proptest::prelude::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Message::Launched { pid: 7 }, b"tail").unwrap();
        write(&mut bytes, &Message::Ready, b"").unwrap();
        let mut stream = bytes.as_slice();
        assert_eq!(read(&mut stream).unwrap(), Some((Message::Launched { pid: 7 }, b"tail".to_vec())));
        assert_eq!(read(&mut stream).unwrap(), Some((Message::Ready, Vec::new())));
        assert_eq!(read::<Message>(&mut stream).unwrap(), None);
    }

    #[test]
    fn lengths_over_a_limit_are_refused_before_anything_is_allocated() {
        let lengths = |header: u32, payload: u32| {
            let mut bytes = [0; LENGTHS_BYTES];
            bytes[..4].copy_from_slice(&header.to_le_bytes());
            bytes[4..].copy_from_slice(&payload.to_le_bytes());
            parse_lengths(bytes)
        };
        assert!(lengths(MAX_HEADER_BYTES as u32, MAX_PAYLOAD_BYTES as u32).is_ok());
        assert!(matches!(lengths(0, 0), Err(FrameError::HeaderSize(0))));
        assert!(matches!(lengths(MAX_HEADER_BYTES as u32 + 1, 0), Err(FrameError::HeaderSize(_))));
        assert!(matches!(lengths(1, u32::MAX), Err(FrameError::PayloadSize(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Message>(&mut bytes.as_slice());
        }

        #[test]
        fn a_frame_cut_anywhere_is_an_error(cut in 1_usize..30) {
            let mut bytes = Vec::new();
            write(&mut bytes, &Message::Ready, b"0123456789").unwrap();
            let cut = cut.min(bytes.len() - 1);
            prop_assert!(read::<Message>(&mut &bytes[..cut]).is_err());
        }
    }
}
