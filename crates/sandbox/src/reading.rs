//! Reading what a guest says: a frame at a time, nothing beyond its form believed, and no memory spent on what was not
//! asked for.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use vitrine_jail::protocol::Message;
use vitrine_jail::protocol::frame::{self, FrameError, LENGTHS_BYTES};

/// The rest of a header, or of a payload, has to be there so long after its beginning. An honest guest writes a frame in
/// one go; the longest takes milliseconds, and this much only on a machine that is about to stop.
const REST_WITHIN: Duration = Duration::from_secs(60);

/// Payload taken into memory before the first byte of it has come.
const FIRST_BYTES: usize = 64 * 1024;

/// Why a guest is not listened to any more: the stream has no second chance to be in step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestError {
    /// Not a frame, or not one of ours, or the end of the stream.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame that began and did not go on.
    #[error("a frame did not end within {0:?}")]
    Stalled(Duration),
    /// More content than can answer the question.
    #[error("{bytes} bytes of content where at most {most} were asked for")]
    TooMuch { bytes: usize, most: usize },
    /// An answer to a request that there never was.
    #[error("an answer to a request that was never made")]
    NeverAsked,
    /// A message of another stage.
    #[error("a message out of its place")]
    OutOfPlace,
    /// Its own words for giving up.
    #[error("{step}: {reason}")]
    GaveUp { step: String, reason: String },
}

/// What stands before a payload.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) message: Message,
    /// Bytes that follow and have to be read or skipped.
    pub(crate) payload_bytes: usize,
    /// Bytes of the frame, all in all.
    pub(crate) frame_bytes: usize,
}

/// Reads lengths and header. Waits for the beginning as long as it takes.
pub(crate) async fn read_head(from: &mut (impl AsyncRead + Unpin)) -> Result<Head, GuestError> {
    let mut lengths = [0; LENGTHS_BYTES];
    from.read_exact(&mut lengths[..1]).await.map_err(FrameError::from)?;
    in_time(from.read_exact(&mut lengths[1..])).await?;
    let lengths = frame::parse_lengths(lengths)?;
    let mut header = vec![0; lengths.header];
    in_time(from.read_exact(&mut header)).await?;
    let message = serde_json::from_slice(&header).map_err(FrameError::from)?;
    let frame_bytes = LENGTHS_BYTES + lengths.header + lengths.payload;
    Ok(Head { message, payload_bytes: lengths.payload, frame_bytes })
}

/// Reads a payload of so many bytes. Memory is taken as they come, not as they are announced.
pub(crate) async fn read_payload(
    from: &mut (impl AsyncRead + Unpin),
    bytes: usize,
) -> Result<Bytes, GuestError> {
    let mut payload = Vec::with_capacity(bytes.min(FIRST_BYTES));
    let read = in_time(from.take(bytes as u64).read_to_end(&mut payload)).await?;
    match read == bytes {
        true => Ok(payload.into()),
        false => Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()).into()),
    }
}

/// Reads a payload and keeps nothing of it.
pub(crate) async fn skip_payload(
    from: &mut (impl AsyncRead + Unpin),
    bytes: usize,
) -> Result<(), GuestError> {
    let mut part = from.take(bytes as u64);
    let skipped = in_time(tokio::io::copy(&mut part, &mut tokio::io::sink())).await?;
    match skipped == bytes as u64 {
        true => Ok(()),
        false => Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()).into()),
    }
}

async fn in_time<T>(reading: impl Future<Output = std::io::Result<T>>) -> Result<T, GuestError> {
    match timeout(REST_WITHIN, reading).await {
        Ok(read) => Ok(read.map_err(FrameError::from)?),
        Err(_) => Err(GuestError::Stalled(REST_WITHIN)),
    }
}
