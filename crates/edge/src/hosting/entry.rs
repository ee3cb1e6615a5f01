//! One file of a site with its stored forms, and the heads of its answers, made when first needed.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::StatusCode;
use vitrine_model::{ArtifactFile, Encoding, Sha256};

use super::head::HeadWriter;
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
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Stored { size, .. } => *size,
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

    /// Something made by us, with its gzip form where that is worth it.
    pub(crate) fn made(
        bytes: Bytes,
        packed: Option<Bytes>,
        content_type: &str,
        policy: &Arc<Policy>,
    ) -> Self {
        let sha256 = Sha256::of(&bytes);
        let packed = packed.map(|packed| {
            let sha256 = Sha256::of(&packed);
            Form::new(Content::Made(packed), &sha256, Some(Encoding::Gzip))
        });
        Self {
            kind: Kind::of(content_type),
            content_type: content_type.to_owned(),
            sha256,
            plain: Form::new(Content::Made(bytes), &sha256, None),
            packed: packed.into_iter().collect(),
            cache_control: super::caching::PAGE,
            script_hashes: Vec::new(),
            filled: None,
            policy: policy.clone(),
        }
    }

    /// This page with the runtime configuration in its slot.
    pub(crate) fn fill(&self, bytes: Bytes, packed: Option<Bytes>) -> Arc<Entry> {
        let mut made = Self::made(bytes, packed, &self.content_type, &self.policy);
        made.script_hashes.clone_from(&self.script_hashes);
        let Some(filled) = &self.filled else {
            return Arc::new(made);
        };
        filled.get_or_init(|| Arc::new(made)).clone()
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
    pub(crate) fn found<'f>(&self, form: &'f Form) -> &'f Bytes {
        form.found.get_or_init(|| self.whole(StatusCode::OK, form))
    }

    /// The head of a 404 whose page this is.
    pub(crate) fn not_found<'f>(&self, form: &'f Form) -> &'f Bytes {
        form.not_found.get_or_init(|| self.whole(StatusCode::NOT_FOUND, form))
    }

    /// The head of a 304. A client replaces what it has kept by these fields: a policy that has changed reaches it too.
    pub(crate) fn not_modified<'f>(&self, form: &'f Form) -> &'f Bytes {
        form.not_modified.get_or_init(|| {
            let head = HeadWriter::new(StatusCode::NOT_MODIFIED).field("ETag", &form.etag);
            let head = self.caching(head, self.cache_control);
            let head = if self.kind == Kind::Asset { head } else { head.fields(self.policy.of_all()) };
            self.document(head).finish()
        })
    }

    /// The head of a 206 of the plain form.
    pub(crate) fn partial(&self, content_type: &str, range: Option<&str>, len: u64) -> Bytes {
        let head = HeadWriter::new(StatusCode::PARTIAL_CONTENT)
            .field("Content-Type", content_type)
            .length(len)
            .optional("Content-Range", range)
            .field("ETag", &self.plain.etag);
        self.document(self.caching(head, self.cache_control).fields(self.policy.of_all())).finish()
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
        self.document(head.fields(self.policy.of_all())).finish()
    }

    fn caching(&self, head: HeadWriter, cache_control: &str) -> HeadWriter {
        let vary = (!self.packed.is_empty()).then_some("Accept-Encoding");
        head.field("Cache-Control", cache_control).optional("Vary", vary)
    }

    fn document(&self, head: HeadWriter) -> HeadWriter {
        match self.kind {
            Kind::Asset => head,
            Kind::Page | Kind::Document => head
                .fields(self.policy.of_documents())
                .field("Content-Security-Policy", &self.policy.content_security(&self.script_hashes)),
        }
    }
}
