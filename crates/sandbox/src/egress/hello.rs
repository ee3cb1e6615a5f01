//! The server name in a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), parsed strictly and without decrypting.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most a ClientHello may have; with post-quantum key shares it has about 2 KiB.
const MAX_HELLO_BYTES: usize = 16 * 1024;

const RECORD_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;

/// Encrypted ClientHello (RFC 9849) and the draft before it: behind the name that can be read stands another one. Browsers
/// also send the first without meaning it; what runs in sandboxes is no browser.
const HIDING_EXTENSIONS: [u16; 2] = [0xfe0d, 0xffce];

/// Why a connection is not TLS to a named server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HelloError {
    #[error("the connection was cut off before its TLS greeting")]
    CutOff,
    #[error("the TLS greeting is too large")]
    TooLarge,
    #[error("not a TLS greeting")]
    NotTls,
    #[error("the TLS greeting names no server")]
    NoServerName,
    #[error("the TLS greeting hides which server it asks for (ECH)")]
    Hidden,
}

/// Reads the whole ClientHello. Returns the server name in lower case and every byte read, to be sent on. `received`
/// are bytes that came before.
pub(super) async fn read_hello(
    client: &mut (impl AsyncRead + Unpin),
    received: Vec<u8>,
) -> Result<(String, Vec<u8>), HelloError> {
    let mut buffer = received;
    loop {
        match handshake(&buffer) {
            Ok(Some(hello)) => {
                let greeting = greeting(&hello).ok_or(HelloError::NotTls)?;
                if greeting.is_hiding {
                    return Err(HelloError::Hidden);
                }
                return Ok((greeting.name.ok_or(HelloError::NoServerName)?, buffer));
            }
            Ok(None) => {}
            Err(error) => return Err(error),
        }
        if buffer.len() >= MAX_HELLO_BYTES {
            return Err(HelloError::TooLarge);
        }
        match client.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return Err(HelloError::CutOff),
            Ok(_) => {}
        }
    }
}

/// The body of the ClientHello once all its records are there; a hello may be split over several.
fn handshake(buffer: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut message = Vec::new();
    let mut records = Reader(buffer);
    loop {
        if let Some(body) = complete(&message)? {
            return Ok(Some(body));
        }
        let Some(header) = records.take(5) else {
            // Judge early what cannot become TLS any more.
            let hopeless = records.0.first().is_some_and(|kind| *kind != RECORD_HANDSHAKE);
            return if hopeless { Err(HelloError::NotTls) } else { Ok(None) };
        };
        if header[0] != RECORD_HANDSHAKE || header[1] != 3 {
            return Err(HelloError::NotTls);
        }
        let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
        if length == 0 || length > MAX_HELLO_BYTES {
            return Err(HelloError::NotTls);
        }
        match records.take(length) {
            Some(fragment) => message.extend_from_slice(fragment),
            None => return Ok(None),
        }
    }
}

fn complete(message: &[u8]) -> Result<Option<Vec<u8>>, HelloError> {
    let mut reader = Reader(message);
    let Some(header) = reader.take(4) else {
        return Ok(None);
    };
    if header[0] != CLIENT_HELLO {
        return Err(HelloError::NotTls);
    }
    let length = usize::from(header[1]) << 16 | usize::from(header[2]) << 8 | usize::from(header[3]);
    if length > MAX_HELLO_BYTES {
        return Err(HelloError::TooLarge);
    }
    Ok(reader.take(length).map(<[u8]>::to_vec))
}

/// Whom a ClientHello asks for.
#[derive(Default)]
struct Greeting {
    name: Option<String>,
    is_hiding: bool,
}

/// `None` when the body is not a ClientHello.
fn greeting(hello: &[u8]) -> Option<Greeting> {
    let mut reader = Reader(hello);
    // Version and random.
    reader.take(2 + 32)?;
    reader.vector8()?;
    reader.vector16()?;
    reader.vector8()?;
    if reader.0.is_empty() {
        return Some(Greeting::default());
    }
    let mut extensions = Reader(reader.vector16()?);
    let mut greeting = Greeting::default();
    while !extensions.0.is_empty() {
        let kind = extensions.u16()?;
        let body = extensions.vector16()?;
        greeting.is_hiding |= HIDING_EXTENSIONS.contains(&kind);
        if kind != EXTENSION_SERVER_NAME {
            continue;
        }
        // Two of them would let two readers see two names.
        if greeting.name.is_some() {
            return None;
        }
        greeting.name = Some(host_name(body)?);
    }
    // Bytes after the extensions are no ClientHello's.
    reader.0.is_empty().then_some(greeting)
}

/// The one host name of a server name list.
fn host_name(body: &[u8]) -> Option<String> {
    let mut outer = Reader(body);
    let mut list = Reader(outer.vector16()?);
    let kind = list.take(1)?[0];
    let name = list.vector16()?;
    let single = outer.0.is_empty() && list.0.is_empty() && kind == 0;
    let plain = !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    (single && plain).then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// Takes bytes from the front; `None` when there are too few.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }
    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.take(1)?[0]);
        self.take(length)
    }
    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        self.take(length)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector16(bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
    }

    fn sni(name: &str) -> Vec<u8> {
        let list = vector16(&[&[0][..], &vector16(name.as_bytes())].concat());
        [&[0, 0][..], &vector16(&list)].concat()
    }

    /// A ClientHello with the given extensions, in one record.
    fn hello_with(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend(vector16(extensions));
        let mut message = vec![CLIENT_HELLO, 0];
        message.extend(vector16(&body));
        [&[RECORD_HANDSHAKE, 3, 1][..], &vector16(&message)].concat()
    }

    pub(in super::super) fn hello_for(name: &str) -> Vec<u8> {
        hello_with(&[&[0, 43, 0, 3, 2, 3, 4][..], &sni(name)].concat())
    }

    async fn read(bytes: &[u8]) -> Result<String, HelloError> {
        let (mut client, server) = (bytes, bytes);
        let (name, read) = read_hello(&mut client, Vec::new()).await?;
        assert_eq!(read, server);
        Ok(name)
    }

    #[tokio::test]
    async fn the_server_name_is_found_also_across_records() {
        let hello = hello_for("Registry.Example.com");
        assert_eq!(read(&hello).await.unwrap(), "registry.example.com");
        let message = &hello[5..];
        let record = |part: &[u8]| [&[RECORD_HANDSHAKE, 3, 1][..], &vector16(part)].concat();
        let split: Vec<u8> = message.chunks(7).flat_map(record).collect();
        assert_eq!(read(&split).await.unwrap(), "registry.example.com");
    }

    #[tokio::test]
    async fn what_is_not_tls_to_a_named_server_is_refused() {
        assert_eq!(read(b"GET / HTTP/1.1\r\n\r\n").await, Err(HelloError::NotTls));
        assert_eq!(read(b"\x00").await, Err(HelloError::NotTls));
        assert_eq!(read(&hello_with(&[])).await, Err(HelloError::NoServerName));
        let twice = hello_with(&[sni("a.example"), sni("b.example")].concat());
        assert_eq!(read(&twice).await, Err(HelloError::NotTls));
        let hidden = [&sni("a.example")[..], &[0xfe, 0x0d], &vector16(&[0; 40])].concat();
        assert_eq!(read(&hello_with(&hidden)).await, Err(HelloError::Hidden));
        let hello = hello_for("a.example");
        assert_eq!(read(&hello[..hello.len() - 1]).await, Err(HelloError::CutOff));
        let huge = [&[RECORD_HANDSHAKE, 3, 1, 0x3f, 0xff, CLIENT_HELLO, 9, 0, 0][..], &[0; 20_000]].concat();
        assert_eq!(read(&huge).await, Err(HelloError::TooLarge));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..90, with: u8) {
            let _ = handshake(&bytes);
            let _ = greeting(&bytes);
            let mut hello = hello_for("a.example");
            if let Some(byte) = hello.get_mut(at) { *byte = with; }
            if let Ok(Some(body)) = handshake(&hello) { let _ = greeting(&body); }
        }
    }
}
