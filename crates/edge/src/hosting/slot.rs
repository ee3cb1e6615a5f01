//! Runtime configuration put into a page where the page asks for it.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use memchr::memmem;
use vitrine_model::Sha256;
use vitrine_model::artifact::RUNTIME_CONFIG_SLOT;

use super::entry::FilledPage;

/// Below this, compressing saves less than a packet.
const WORTH_PACKING_BYTES: usize = 1_024;

/// The page with `config` in its slot, in all forms. The same for the same: whoever lost the bytes makes them again.
pub(crate) fn make(page: &[u8], config: &[u8]) -> FilledPage {
    let filled = fill(page, &String::from_utf8_lossy(config));
    let hashed = |bytes: Bytes| (Sha256::of(&bytes), bytes);
    FilledPage { packed: pack(&filled).map(hashed), plain: hashed(filled) }
}

/// The page with `config`, a text of JSON, in its slot; as it is when there is no slot in it.
fn fill(page: &[u8], config: &str) -> Bytes {
    let Some(at) = memmem::find(page, RUNTIME_CONFIG_SLOT.as_bytes()) else {
        return Bytes::copy_from_slice(page);
    };
    let (before, after) = page.split_at(at + RUNTIME_CONFIG_SLOT.len());
    Bytes::from([before, escape(config).as_bytes(), after].concat())
}

/// The gzip form, where it is worth it. Pages are small and this is done once: only gzip, which every client has.
fn pack(page: &[u8]) -> Option<Bytes> {
    if page.len() < WORTH_PACKING_BYTES {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(page).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < page.len()).then(|| Bytes::from(packed))
}

/// JSON that cannot end the element it stands in, and is JavaScript too. `<` occurs in strings only.
fn escape(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_document_stands_in_the_slot_and_cannot_leave_it() {
        let page = format!("<head>{RUNTIME_CONFIG_SLOT}</script></head>");
        let config = json!({"name": "</script><script>alert(1)</script>\u{2028}<!--"});
        let filled = String::from_utf8(fill(page.as_bytes(), &config.to_string()).to_vec()).unwrap();
        let inside = filled.strip_prefix("<head>").unwrap().strip_prefix(RUNTIME_CONFIG_SLOT).unwrap();
        let inside = inside.strip_suffix("</script></head>").unwrap();
        assert!(!inside.contains(['<', '\u{2028}']));
        assert_eq!(serde_json::from_str::<serde_json::Value>(inside).unwrap(), config);
    }

    #[test]
    fn a_page_without_a_slot_stays_as_it_is() {
        assert_eq!(fill(b"<p>", "{}"), "<p>");
    }

    #[test]
    fn only_what_is_worth_it_is_packed() {
        assert_eq!(pack(&[b'a'; WORTH_PACKING_BYTES - 1]), None);
        assert!(pack(&[b'a'; WORTH_PACKING_BYTES]).unwrap().len() < 100);
    }
}
