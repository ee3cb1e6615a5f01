//! Where WebSocket frames begin and end in the bytes a dev server sends, so that a frame of ours can follow them.

/// A text frame that makes Vite's client reload the page (Vite's HMR payload `full-reload`).
pub(crate) const FULL_RELOAD: &[u8] = b"\x81\x16{\"type\":\"full-reload\"}";

/// Opcode of a close frame (RFC 6455, 5.2); those from here on are control frames.
const CLOSE: u8 = 0x8;

/// Follows a stream of frames.
#[derive(Debug, Default)]
pub(crate) struct Boundary {
    /// The head of a frame as far as it has come.
    head: Vec<u8>,
    /// Bytes of payload still to come.
    left: u64,
    /// A message has begun and its last fragment has not come.
    is_in_message: bool,
    /// The other side has said goodbye.
    is_closed: bool,
    /// Bytes are being written: whoever stops now does not know where.
    is_suspended: bool,
}

impl Boundary {
    /// True when a frame may follow here.
    pub(crate) fn allows_frame(&self) -> bool {
        self.head.is_empty() && self.left == 0 && !self.is_in_message && !self.is_closed && !self.is_suspended
    }

    /// More bytes are on their way, how many of them pass is not known yet.
    pub(crate) fn suspend(&mut self) {
        self.is_suspended = true;
    }

    /// Takes note of what has passed.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) {
        self.is_suspended = false;
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = self.left.min(bytes.len() as u64);
                self.left -= taken;
                bytes = &bytes[taken as usize..];
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if let Some(length) = payload_length(&self.head) {
                let (is_last, opcode) = (self.head[0] & 0x80 != 0, self.head[0] & 0x0F);
                self.is_closed |= opcode == CLOSE;
                if opcode < CLOSE {
                    self.is_in_message = !is_last;
                }
                self.left = length;
                self.head.clear();
            }
        }
    }
}

/// The length of the payload once the whole head is there.
fn payload_length(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let (extended, mask) = (second & 0x7F, if second & 0x80 != 0 { 4 } else { 0 });
    let length_bytes = match extended {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let length = head.get(2..2 + length_bytes)?;
    (head.len() >= 2 + length_bytes + mask).then(|| match length {
        [] => u64::from(extended),
        bytes => bytes.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(chunks: &[&[u8]]) -> bool {
        let mut boundary = Boundary::default();
        chunks.iter().for_each(|chunk| boundary.pass(chunk));
        boundary.allows_frame()
    }

    #[test]
    fn a_frame_may_follow_a_whole_frame_however_it_was_cut() {
        let mut long = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        long.extend([0; 65_536]);
        let medium = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        for frame in [FULL_RELOAD, b"\x8A\x00", b"\x81\x82maskhi", &medium, &long] {
            assert!(after(&[frame, frame]));
            let bytes: Vec<&[u8]> = frame.chunks(1).collect();
            assert!(after(&bytes));
            assert!(!after(&[&frame[..frame.len() - 1]]));
        }
    }

    #[test]
    fn no_frame_may_come_inside_a_message_or_after_a_close() {
        assert!(!after(&[b"\x01\x01a"]));
        assert!(!after(&[b"\x01\x01a", b"\x89\x00"]));
        assert!(after(&[b"\x01\x01a", b"\x89\x00", b"\x80\x01b"]));
        assert!(!after(&[b"\x88\x02\x03\xe8"]));
    }

    #[test]
    fn the_reload_message_is_one_whole_frame() {
        assert_eq!(usize::from(FULL_RELOAD[1]), FULL_RELOAD.len() - 2);
    }
}
