//! Compressed forms of files: small enough to be worth keeping, cheap enough not to be felt in a publish.
//!
//! Each compressor is deterministic: the same content and the same version of Vitrine give the same bytes.

use std::io::{self, Write};

use brotli::enc::BrotliEncoderParams;
use vitrine_model::Encoding;

/// Smaller files fit one packet as they are.
pub(super) const MIN_BYTES: usize = 256;

/// A form is kept when it takes at most this share of the original.
const WORTH: usize = 9;
const WORTH_OF: usize = 10;

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Effort {
    /// So little that a publish hardly takes longer for it.
    #[default]
    Quick,
    /// As small as can be: twelve times the work for forms that are up to 9 % smaller. For when nobody waits.
    Best,
}

impl Effort {
    /// The level for an encoding. Measured on the 273 kB bundle of a template: Brotli 5 gives 81.6 kB; 9 gives 79.9 kB for
    /// 3.4 times the time, 11 gives 74.3 kB for 25 times. Zstandard 9 gives 82.4 kB; 12 gives 81.9 kB for 1.9 times the
    /// time, 19 gives 77.9 kB for 13 times. gzip 6 gives 85.6 kB, and so does 9.
    const fn level(self, encoding: Encoding) -> i32 {
        match (self, encoding) {
            (Self::Quick, Encoding::Brotli) => 5,
            (Self::Quick, Encoding::Zstd) => 9,
            (Self::Quick, Encoding::Gzip) => 6,
            (Self::Best, Encoding::Brotli) => 11,
            // Up to here the window is at most 8 MiB, which is what a browser must take (RFC 9659).
            (Self::Best, Encoding::Zstd) => 19,
            (Self::Best, Encoding::Gzip) => 9,
        }
    }
}

/// Window sizes that every decoder takes (RFC 7932, 9.1), as powers of two.
const BROTLI_WINDOWS: std::ops::RangeInclusive<u32> = 10..=24;

/// The compressed form; `None` when it is not worth keeping.
pub(super) fn compress(content: &[u8], encoding: Encoding, effort: Effort) -> io::Result<Option<Vec<u8>>> {
    let level = effort.level(encoding);
    let compressed = match encoding {
        Encoding::Brotli => brotli(content, level)?,
        Encoding::Zstd => zstd::bulk::compress(content, level)?,
        Encoding::Gzip => gzip(content, level)?,
    };
    Ok((compressed.len() * WORTH_OF <= content.len() * WORTH).then_some(compressed))
}

fn brotli(content: &[u8], level: i32) -> io::Result<Vec<u8>> {
    // The smallest window that holds all of it: a decoder sets aside that much.
    let bits = usize::BITS - content.len().saturating_add(16).leading_zeros();
    let window = bits.clamp(*BROTLI_WINDOWS.start(), *BROTLI_WINDOWS.end());
    let params = BrotliEncoderParams {
        quality: level,
        lgwin: i32::try_from(window).unwrap_or(22),
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::with_capacity(content.len() / 3);
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &params)?;
    Ok(compressed)
}

fn gzip(content: &[u8], level: i32) -> io::Result<Vec<u8>> {
    // The header holds no time and no name: nothing but the content decides.
    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(content.len() / 3),
        flate2::Compression::new(level.unsigned_abs()),
    );
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    pub(crate) fn expand(compressed: &[u8], encoding: Encoding) -> Vec<u8> {
        let mut content = Vec::new();
        match encoding {
            Encoding::Brotli => brotli::BrotliDecompress(&mut &compressed[..], &mut content).unwrap(),
            Encoding::Zstd => content = zstd::bulk::decompress(compressed, 64 << 20).unwrap(),
            Encoding::Gzip => {
                flate2::read::GzDecoder::new(compressed).read_to_end(&mut content).unwrap();
            }
        }
        content
    }

    const ALL: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

    #[test]
    fn every_form_is_the_content_again_and_always_the_same() {
        for (size, effort) in
            [(300, Effort::Best), (10_000, Effort::Best), (10_000, Effort::Quick), (3_000_000, Effort::Quick)]
        {
            let content: Vec<u8> = (0..size).map(|n| b"const a = 1;\n"[(n * n / 7) % 13]).collect();
            for encoding in ALL {
                let compressed = compress(&content, encoding, effort).unwrap().unwrap();
                assert_eq!(expand(&compressed, encoding), content);
                assert_eq!(compress(&content, encoding, effort).unwrap().unwrap(), compressed);
            }
        }
    }

    #[test]
    fn what_does_not_shrink_is_not_kept() {
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..4_096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        for encoding in ALL {
            assert_eq!(compress(&noise, encoding, Effort::Best).unwrap(), None);
        }
    }
}
