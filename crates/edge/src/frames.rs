//! Where WebSocket frames begin and end in the bytes that pass, so that a frame of ours can stand between them and a ping can
//! be answered in place of a dev server that stands still.

/// A text frame that makes Vite's client reload the page (Vite's HMR payload `full-reload`).
pub(crate) const FULL_RELOAD: &[u8] = b"\x81\x16{\"type\":\"full-reload\"}";

/// Opcode of a close frame (RFC 6455, 5.2); those from here on are control frames.
const CLOSE: u8 = 0x8;

/// First bytes of a ping and a pong that are whole frames (RFC 6455, 5.5.2 and 5.5.3).
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// The longest payload of a control frame (RFC 6455, 5.5).
const LONGEST_CONTROL_BYTES: usize = 125;

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
        self.allows_control_frame() && !self.is_in_message
    }

    /// True when a control frame may follow here: between the fragments of a message as well (RFC 6455, 5.4).
    pub(crate) fn allows_control_frame(&self) -> bool {
        self.is_between_frames() && !self.is_closed && !self.is_suspended
    }

    /// True when whatever follows is a new frame.
    fn is_between_frames(&self) -> bool {
        self.head.is_empty() && self.left == 0
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

/// Takes the browser's pings out of `bytes`, which follow what has passed, and returns the pongs for them. A ping of which a
/// part is still to come stays, with all after it.
pub(crate) fn answered_pings(boundary: &Boundary, bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut pongs = Vec::new();
    while boundary.is_between_frames()
        && let [PING, second, a, b, c, d, rest @ ..] = bytes.as_slice()
        && let Some(length) = second.checked_sub(0x80).map(usize::from)
        && length <= LONGEST_CONTROL_BYTES.min(rest.len())
    {
        let mask = [*a, *b, *c, *d];
        let payload = rest[..length].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        pongs.push([PONG, length as u8].into_iter().chain(payload).collect());
        bytes.drain(..6 + length);
    }
    pongs
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
    fn a_pong_may_come_between_fragments_and_not_inside_a_frame() {
        let mut boundary = Boundary::default();
        boundary.pass(b"\x01\x01a");
        assert!(boundary.allows_control_frame() && !boundary.allows_frame());
        boundary.pass(b"\x80\x02b");
        assert!(!boundary.allows_control_frame());
    }

    #[test]
    fn whole_pings_are_answered_and_everything_else_passes() {
        let ping = [0x89, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
        let text = b"\x81\x81maska";
        let answered = |boundary: &Boundary, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let pongs = answered_pings(boundary, &mut bytes);
            (pongs, bytes)
        };
        let between = Boundary::default();
        let empty = [0x89, 0x80, 9, 9, 9, 9];
        let both = [&ping[..], &empty, text].concat();
        assert_eq!(
            answered(&between, &both),
            (vec![b"\x8A\x02hi".to_vec(), b"\x8A\x00".to_vec()], text.to_vec())
        );
        for other in
            [text, &ping[..7], &[0x89, 0x02, b'h', b'i', 0, 0, 0, 0], &[0x89, 0xFE, 0, 200, 0, 0, 0, 0]]
        {
            assert_eq!(answered(&between, other), (Vec::new(), other.to_vec()));
        }
        let mut within = Boundary::default();
        within.pass(&text[..6]);
        assert!(answered(&within, &ping).0.is_empty(), "what looks like a ping is somebody's text");
    }

    #[test]
    fn the_reload_message_is_one_whole_frame() {
        assert_eq!(usize::from(FULL_RELOAD[1]), FULL_RELOAD.len() - 2);
    }
}
