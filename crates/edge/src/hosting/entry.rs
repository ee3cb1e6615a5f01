//! One file of a site with its stored forms, and the heads of its answers, made when first needed.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::StatusCode;
use vitrine_model::{ArtifactFile, Encoding, Sha256};

use super::head::{Head, HeadWriter};
use super::negotiate::Accepted;
use super::policy::Policy;

/// Hexadecimal digits of a content's hash in its tag: 128 bits.
const TAG_DIGITS: usize = 32;

/// Where the bytes of a form are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In the object store, by hash.
    Stored { sha256: Sha256, size: u64 },
    /// Here: made by us.
    Made(Bytes),
    /// A stored page with a runtime configuration in it, among the objects at hand or made again.
    Filled { sha256: Sha256, size: u64, filling: Arc<Filling> },
}

/// What a filled page is made of.
#[derive(Debug)]
pub(crate) struct Filling {
    /// The page, stored.
    pub(crate) page: Content,
    /// The runtime configuration as JSON.
    pub(crate) config: Bytes,
}

/// A page with a runtime configuration in it, with its gzip form where that is worth it.
#[derive(Debug)]
pub(crate) struct FilledPage {
    pub(crate) plain: (Sha256, Bytes),
    pub(crate) packed: Option<(Sha256, Bytes)>,
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Stored { size, .. } | Self::Filled { size, .. } => *size,
            Self::Made(bytes) => bytes.len() as u64,
        }
    }
}

/// One form of a file: as it is, or compressed.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) content: Content,
    /// A strong tag: equal bytes, equal tag.
    pub(crate) etag: String,
    encoding: Option<Encoding>,
    found: OnceLock<Bytes>,
    not_found: OnceLock<Bytes>,
    not_modified: OnceLock<Bytes>,
}

impl Form {
    fn new(content: Content, sha256: &Sha256, encoding: Option<Encoding>) -> Self {
        let etag = format!("\"{}\"", &sha256.to_hex()[..TAG_DIGITS]);
        let (found, not_found, not_modified) = Default::default();
        Self { content, etag, encoding, found, not_found, not_modified }
    }
}

/// What a file is, as far as headers depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTML: asked for each time, never from an earlier artifact, with a policy.
    Page,
    /// Something else a browser shows by itself and runs scripts of, such as SVG: with a policy.
    Document,
    /// Anything else.
    Asset,
}

impl Kind {
    pub(crate) fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence {
            "text/html" | "application/xhtml+xml" => Self::Page,
            "image/svg+xml" | "text/xml" | "application/xml" => Self::Document,
            _ => Self::Asset,
        }
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) content_type: String,
    /// The hash of the plain form.
    pub(crate) sha256: Sha256,
    pub(crate) plain: Form,
    /// The compressed forms, those to prefer first.
    packed: Vec<Form>,
    cache_control: &'static str,
    script_hashes: Vec<String>,
    /// Set where the page has a slot for the runtime configuration: the page with it, once it was made.
    filled: Option<OnceLock<Arc<Entry>>>,
    policy: Arc<Policy>,
}

impl Entry {
    /// A file of a manifest.
    pub(crate) fn of(file: &ArtifactFile, cache_control: &'static str, policy: &Arc<Policy>) -> Self {
        let stored = Content::Stored { sha256: file.sha256, size: file.size };
        let mut packed: Vec<Form> = file
            .variants
            .iter()
            .map(|(encoding, variant)| {
                let content = Content::Stored { sha256: variant.sha256, size: variant.size };
                Form::new(content, &variant.sha256, Some(*encoding))
            })
            .collect();
        // The smallest first; the sort keeps the order of `Encoding` among equals.
        packed.sort_by_key(|form| form.content.len());
        Self {
            kind: Kind::of(&file.content_type),
            content_type: file.content_type.clone(),
            sha256: file.sha256,
            plain: Form::new(stored, &file.sha256, None),
            packed,
            cache_control,
            script_hashes: file.script_hashes.clone(),
            filled: file.has_config_slot.then(OnceLock::new),
            policy: policy.clone(),
        }
    }

    /// Something made by us.
    pub(crate) fn made(bytes: Bytes, content_type: &str, policy: &Arc<Policy>) -> Self {
        let sha256 = Sha256::of(&bytes);
        Self {
            kind: Kind::of(content_type),
            content_type: content_type.to_owned(),
            sha256,
            plain: Form::new(Content::Made(bytes), &sha256, None),
            packed: Vec::new(),
            cache_control: super::caching::PAGE,
            script_hashes: Vec::new(),
            filled: None,
            policy: policy.clone(),
        }
    }

    /// Learns what this page is with the runtime configuration in its slot. Only that: the bytes are among the objects.
    pub(crate) fn fill(&self, page: &FilledPage, filling: &Arc<Filling>) {
        let Some(filled) = &self.filled else { return };
        let form = |(sha256, bytes): &(Sha256, Bytes), encoding| {
            let (size, filling) = (bytes.len() as u64, filling.clone());
            Form::new(Content::Filled { sha256: *sha256, size, filling }, sha256, encoding)
        };
        filled.get_or_init(|| {
            Arc::new(Self {
                kind: self.kind,
                content_type: self.content_type.clone(),
                sha256: page.plain.0,
                plain: form(&page.plain, None),
                packed: page.packed.iter().map(|packed| form(packed, Some(Encoding::Gzip))).collect(),
                cache_control: super::caching::PAGE,
                script_hashes: self.script_hashes.clone(),
                filled: None,
                policy: self.policy.clone(),
            })
        });
    }

    /// What is served of this file; None while its slot has to be filled first.
    pub(crate) fn served(&self) -> Option<&Entry> {
        match &self.filled {
            None => Some(self),
            Some(filled) => filled.get().map(|entry| &**entry),
        }
    }

    /// The form a client gets that accepts these encodings.
    pub(crate) fn form(&self, accept_encoding: Option<&str>) -> &Form {
        let Some(field) = accept_encoding.filter(|_| !self.packed.is_empty()) else {
            return &self.plain;
        };
        let encodings = self.packed.iter().filter_map(|form| form.encoding);
        Accepted::parse(field).choose(encodings).map_or(&self.plain, |at| &self.packed[at])
    }

    /// The head of a 200 with this form.
    pub(crate) fn found(&self, form: &Form) -> Head {
        let own = self.policy.heads.kept(&form.found, || self.whole(StatusCode::OK, form));
        Head { own, shared: self.shared().clone() }
    }

    /// The head of a 404 whose page this is.
    pub(crate) fn not_found(&self, form: &Form) -> Head {
        let own = self.policy.heads.kept(&form.not_found, || self.whole(StatusCode::NOT_FOUND, form));
        Head { own, shared: self.shared().clone() }
    }

    /// The head of a 304. A client replaces what it has kept by these fields: a policy that has changed reaches it too.
    pub(crate) fn not_modified(&self, form: &Form) -> Head {
        let own = self.policy.heads.kept(&form.not_modified, || {
            let head = HeadWriter::new(StatusCode::NOT_MODIFIED).field("ETag", &form.etag);
            self.end(self.caching(head, self.cache_control))
        });
        match self.kind {
            Kind::Asset => Head::from(own),
            Kind::Page | Kind::Document => Head { own, shared: self.shared().clone() },
        }
    }

    /// The head of a 206 of the plain form.
    pub(crate) fn partial(&self, content_type: &str, range: Option<&str>, len: u64) -> Head {
        let head = HeadWriter::new(StatusCode::PARTIAL_CONTENT)
            .field("Content-Type", content_type)
            .length(len)
            .optional("Content-Range", range)
            .field("ETag", &self.plain.etag);
        let own = self.end(self.caching(head, self.cache_control));
        Head { own, shared: self.shared().clone() }
    }

    fn whole(&self, status: StatusCode, form: &Form) -> Bytes {
        let head = HeadWriter::new(status)
            .field("Content-Type", &self.content_type)
            .length(form.content.len())
            .optional("Content-Encoding", form.encoding.map(Encoding::as_str))
            .field("ETag", &form.etag);
        let is_found = status == StatusCode::OK;
        let cache_control = if is_found { self.cache_control } else { super::caching::PAGE };
        let head = self.caching(head, cache_control);
        let head = if is_found { head.field("Accept-Ranges", "bytes") } else { head };
        self.end(head)
    }

    fn caching(&self, head: HeadWriter, cache_control: &str) -> HeadWriter {
        let vary = (!self.packed.is_empty()).then_some("Accept-Encoding");
        head.field("Cache-Control", cache_control).optional("Vary", vary)
    }

    /// Ends a head of this entry where [`Self::shared`] goes on.
    fn end(&self, head: HeadWriter) -> Bytes {
        match self.kind {
            Kind::Asset => head.finish(),
            Kind::Page | Kind::Document => {
                head.text(&self.policy.documents_begin(&self.script_hashes)).finish()
            }
        }
    }

    /// What the heads of this entry have in common with those of the site's other files.
    fn shared(&self) -> &Bytes {
        match self.kind {
            Kind::Asset => self.policy.of_all(),
            Kind::Page | Kind::Document => self.policy.of_documents(),
        }
    }
}
