//! How long we wait for somebody to take an answer.

use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;

/// A client that takes nothing of what is written to it for so long is gone, or wants to hold up whatever writes: a page
/// of the builder, an export, a preview's dev server, a socket.
const WRITE_STALL: Duration = Duration::from_secs(60);

/// The stream, with writes that fail when nothing of them moves in time. Reading has other deadlines: of a head, and of
/// a body.
pub(crate) fn patient<S: AsyncRead + AsyncWrite>(stream: S) -> Pin<Box<TimeoutStream<S>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_STALL));
    Box::pin(stream)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off_and_who_takes_little_is_not() {
        let (client, server) = tokio::io::duplex(16);
        let mut server = patient(server);
        let begun = Instant::now();
        let error =
            timeout(WRITE_STALL * 2, server.write_all(&[0; 100])).await.expect("it ends").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= WRITE_STALL);
        drop(client);

        let (mut client, server) = tokio::io::duplex(16);
        let mut server = patient(server);
        let slow = async {
            for _ in 0..10 {
                sleep(WRITE_STALL / 2).await;
                client.read_exact(&mut [0; 10]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&[0; 100]), slow);
        written.unwrap();
    }
}
