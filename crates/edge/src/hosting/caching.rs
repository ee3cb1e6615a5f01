//! How long browsers and caches may keep a file without asking again.

/// For pages: always ask; the tag makes the answer small.
pub(crate) const PAGE: &str = "no-cache";

/// For what can never be something else under its address.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For everything else: kept, also by shared caches, and asked for again each time.
pub(crate) const REVALIDATE: &str = "public, max-age=0, must-revalidate";

/// Folders that build tools write, with hashed names alone.
const BUILT_FOLDERS: [&str; 4] = ["assets", "_astro", "_next", "static"];

/// Characters of the hash in names that Vite, Rollup and Astro make.
const HASH_CHARS: usize = 8;

/// Hexadecimal digits from which on they are a hash wherever they stand.
const LONG_HASH_CHARS: usize = 16;

/// True when the file's name holds a hash of its content. In doubt it does not: a file that is asked for too often costs
/// a round trip, one that is kept too long is wrong.
pub(crate) fn is_hashed(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.strip_suffix(".map").unwrap_or(name);
    let Some((stem, _)) = name.rsplit_once('.') else {
        return false;
    };
    let is_built = folders.split('/').any(|folder| BUILT_FOLDERS.contains(&folder));
    let is_hash = |text: &str| if is_built { looks_random(text) } else { is_random(text) };
    // Astro's images carry a second hash behind the first.
    let last = stem.rsplit('.').next().unwrap_or_default();
    let first_of_two = (last.len() < stem.len()).then(|| last.split_once('_')).flatten();
    if first_of_two.is_some_and(|(hash, _)| is_hash(hash)) {
        return true;
    }
    let is_long = |text: &str| text.len() >= LONG_HASH_CHARS && is_hex(text);
    if stem.len() > LONG_HASH_CHARS && stem.rsplit(['-', '.']).next().is_some_and(is_long) {
        return true;
    }
    let Some((before, hash)) = stem.len().checked_sub(HASH_CHARS).and_then(|at| stem.split_at_checked(at))
    else {
        return false;
    };
    before.ends_with(['-', '.']) && is_hash(hash)
}

/// Eight characters that no word or version has: capitals behind small letters, or hexadecimal digits.
fn looks_random(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.as_bytes().iter().any(kind);
    let has_inner_capital = text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase());
    let is_base64 = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let is_mixed = is_base64 && has_inner_capital && has(u8::is_ascii_lowercase);
    text.len() == HASH_CHARS && (is_mixed || is_hex(text))
}

/// The same outside the folders of build tools, where people name files: with a digit too.
fn is_random(text: &str) -> bool {
    looks_random(text) && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Hexadecimal with letters and digits: not a date, not a word.
fn is_hex(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        && digits >= 2
        && digits < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_build_tools_make_are_hashed() {
        for path in [
            "assets/index-DfG3kLm2.js",
            "assets/index-BxQzKwPd.css",
            "assets/index-4f3c2b1a.js",
            "assets/index-B_-3xK2d.js.map",
            "_astro/hoisted.CqW3bTz9.js",
            "_astro/logo.BvT4kd2X_Z1qF3ab.webp",
            "app/assets/x-Ab_cD-ef.woff2",
            "main-Cq3bTz9x.js",
            "static/js/main.8d3f21ab.js",
            "fonts/inter.3c2a91bb04d7e6f1.woff2",
        ] {
            assert!(is_hashed(path), "{path}");
        }
    }

    #[test]
    fn names_that_people_give_are_not() {
        for path in [
            "index.html",
            "my-document.pdf",
            "assets/photo-version2.png",
            "assets/My-Document.pdf",
            "backup-20240101.csv",
            "assets/logo-20240101.svg",
            "robots.txt",
            "assets/app.js",
            "john-Anderson.png",
            "assets/noextension-DfG3kLm2",
            "a-deadbeef.js",
            "é-DfG3kLé.js",
            "DfG3kLm2.js",
        ] {
            assert!(!is_hashed(path), "{path}");
        }
    }
}
