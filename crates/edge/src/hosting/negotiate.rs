//! Which stored form of a file a client gets: `Accept-Encoding` (RFC 9110, 12.5.3).

use vitrine_model::Encoding;

/// A weight in thousandths; zero is «not acceptable».
type Weight = u16;

/// What a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    brotli: Option<Weight>,
    zstd: Option<Weight>,
    gzip: Option<Weight>,
    identity: Option<Weight>,
    any: Option<Weight>,
}

impl Accepted {
    /// Reads the field. Items that are none are passed over.
    pub(crate) fn parse(field: &str) -> Self {
        let mut accepted = Self { brotli: None, zstd: None, gzip: None, identity: None, any: None };
        for item in field.split(',') {
            let mut parts = item.split(';');
            let coding = parts.next().unwrap_or_default().trim();
            let Some(weight) = weight(parts) else {
                continue;
            };
            let is = |name: &str| coding.eq_ignore_ascii_case(name);
            let place = if is("br") {
                &mut accepted.brotli
            } else if is("zstd") {
                &mut accepted.zstd
            } else if is("gzip") || is("x-gzip") {
                &mut accepted.gzip
            } else if is("identity") {
                &mut accepted.identity
            } else if coding == "*" {
                &mut accepted.any
            } else {
                continue;
            };
            *place = Some(weight);
        }
        accepted
    }

    fn of(&self, encoding: Encoding) -> Weight {
        let own = match encoding {
            Encoding::Brotli => self.brotli,
            Encoding::Zstd => self.zstd,
            Encoding::Gzip => self.gzip,
        };
        own.or(self.any).unwrap_or(0)
    }

    /// Which of the forms to send, given in the order of our preference; None for the file as it is. When the client
    /// refuses every form there is, it gets the file as it is: RFC 9110, 12.1 leaves that to us, and an error helps nobody.
    pub(crate) fn choose(&self, forms: impl Iterator<Item = Encoding>) -> Option<usize> {
        // Not named means acceptable, but less than whatever is named.
        let mut best = (self.identity.unwrap_or(0), None);
        for (at, encoding) in forms.enumerate() {
            let weight = self.of(encoding);
            // The compressed form wins a tie with the plain one, the earlier form one with the later.
            if weight > best.0 || (weight == best.0 && weight > 0 && best.1.is_none()) {
                best = (weight, Some(at));
            }
        }
        best.1
    }
}

/// The weight among an item's parameters, 1 without one; None when it is malformed.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> Option<Weight> {
    let Some(parameter) = parameters.next() else {
        return Some(1_000);
    };
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim();
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    let thousandths = digits.fold(0, |sum, digit| sum * 10 + Weight::from(digit - b'0'));
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMS: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

    fn chosen(field: &str) -> Option<&'static str> {
        Accepted::parse(field).choose(FORMS.into_iter()).map(|at| FORMS[at].as_str())
    }

    #[test]
    fn the_heaviest_form_wins_and_ours_among_equals() {
        for (field, form) in [
            ("", None),
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("br")),
            ("GZIP;q=0.5, zstd;q=0.8", Some("zstd")),
            ("br;q=0.2, identity;q=0.5", None),
            ("br;q=0.2", Some("br")),
            ("br;q=0.5, identity;q=0.5", Some("br")),
            ("br;q=0, *", Some("zstd")),
            ("*;q=0.1", Some("br")),
            ("*;q=0", None),
            ("identity;q=0", None),
            ("identity;q=0, gzip;q=0.001", Some("gzip")),
            ("identity", None),
            ("x-gzip", Some("gzip")),
            ("br;q=2, gzip", Some("gzip")),
            ("br;q=0.1234, gzip;q=1.001, zstd;level=3", None),
            ("br ; q=1.000", Some("br")),
            ("deflate, sdch", None),
            ("br;q=0.0", None),
        ] {
            assert_eq!(chosen(field), form, "{field}");
        }
    }

    proptest! {
        #[test]
        fn what_was_refused_is_never_sent(field in "((br|zstd|gzip|identity|\\*)(;q=(0|1|0\\.[0-9]{1,3}))?, ?){0,5}") {
            let accepted = Accepted::parse(&field);
            if let Some(at) = accepted.choose(FORMS.into_iter()) {
                prop_assert!(accepted.of(FORMS[at]) > 0, "{}", field);
            }
        }
    }
}
