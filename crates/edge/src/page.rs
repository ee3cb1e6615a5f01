//! The pages Vitrine itself shows on a preview's origin: small, without any request to elsewhere, and with every word
//! that is not ours escaped.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use vitrine_model::session::{Step, StepName, StepStatus};

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/watch.js");

/// Characters shown of what a dev server or package manager said; the end of it, where the reason is.
const MAX_DETAIL_CHARS: usize = 8_000;

/// The policy of our pages, but for `frame-ancestors`: their own style and script, and nothing else.
pub(crate) static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; connect-src 'self'; base-uri 'none'; form-action 'none'",
        source_hash(STYLE),
        source_hash(SCRIPT)
    )
});

/// What a page says.
#[derive(Default)]
pub(crate) struct Page<'a> {
    /// The heading, and the title.
    pub(crate) title: Cow<'a, str>,
    /// What it means and what to do.
    pub(crate) text: Cow<'a, str>,
    /// Somebody else's words: a dev server's, a package manager's.
    pub(crate) quoted: &'a str,
    /// The steps of a start.
    pub(crate) steps: &'a [Step],
    /// For reporting it.
    pub(crate) footer: Cow<'a, str>,
    /// The status this page stands for: it reloads itself when that changes.
    pub(crate) shown: Option<&'static str>,
}

impl Page<'_> {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        let title = escape(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        );
        if self.shown.is_some() {
            html.push_str("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>\n");
        }
        let shown = self.shown.unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<style>{STYLE}</style>\n<body data-shown=\"{shown}\">\n<main>\n<h1>{title}</h1>\n<p>{}</p>\n",
            escape(&self.text)
        );
        if !self.quoted.is_empty() {
            let _ = writeln!(html, "<pre>{}</pre>", escape(end_of(self.quoted)));
        }
        if self.shown == Some(STARTING) {
            html.push_str(&steps_html(self.steps));
        }
        if !self.footer.is_empty() {
            let _ = writeln!(html, "<footer>{}</footer>", escape(&self.footer));
        }
        html.push_str("</main>\n");
        if self.shown.is_some() {
            let _ = writeln!(html, "<script type=\"module\">{SCRIPT}</script>");
        }
        html
    }
}

/// The status for which the waiting page stands.
pub(crate) const STARTING: &str = "starting";

/// A step's name for people.
pub(crate) const fn step_label(name: StepName) -> &'static str {
    match name {
        StepName::Files => "Reading the files",
        StepName::Toolchain => "Node.js",
        StepName::Layer => "Dependencies",
        StepName::Sandbox => "Sandbox",
        StepName::DevServer => "Dev server",
    }
}

fn steps_html(steps: &[Step]) -> String {
    let mut html = String::from("<ol>");
    for step in steps {
        let status = match step.status {
            StepStatus::Pending => "pending",
            StepStatus::Active => "active",
            StepStatus::Done => "done",
            StepStatus::Failed => "failed",
        };
        let detail = step.detail.as_deref().map(|detail| format!(": {}", escape(detail))).unwrap_or_default();
        let time = step.duration_ms.map(duration).unwrap_or_default();
        let label = step_label(step.name);
        let _ = write!(
            html,
            "<li data-status=\"{status}\"><span>{label}{detail}</span><small>{time}</small></li>"
        );
    }
    html.push_str("</ol>\n");
    html
}

fn duration(millis: f64) -> String {
    if millis < 1_000.0 { format!("{millis:.0} ms") } else { format!("{:.1} s", millis / 1_000.0) }
}

fn end_of(text: &str) -> &str {
    match text.char_indices().rev().nth(MAX_DETAIL_CHARS - 1) {
        Some((at, _)) => &text[at..],
        None => text,
    }
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'', '\0']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\0' => {}
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

fn source_hash(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_ours_are_escaped_and_bounded() {
        let long = format!("begin {} <script>alert(1)</script>", "x".repeat(20_000));
        let page =
            Page { title: "a <b> & \"c\"".into(), quoted: &long, shown: Some("failed"), ..Page::default() };
        let html = page.html();
        assert!(html.contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"));
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!html.contains("begin") && html.len() < 16_000);
    }

    #[test]
    fn a_page_asks_nobody_else_for_anything() {
        let html = Page { shown: Some(STARTING), ..Page::default() }.html();
        for outside in ["http:", "https:", "url(", "src=", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}
