//! The store against a server that speaks S3 and checks signatures, with requests that get lost on the way.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::{Sha256, Timestamp};
use vitrine_store::{DatabaseConfig, ObjectsConfig, S3Config, Store, StoreConfig, StoreError};

use crate::assets::counts;
use crate::publishing::objects;
use crate::support::{START_MILLIS, Sequence};

const KEY: &str = "vitrine";
const SECRET: &str = "correct horse battery staple";
const BUCKET: &str = "sites";

/// An S3 server in this process, gone at the end of the test.
struct S3 {
    dir: TempDir,
    endpoint: String,
    /// How many requests to come are cut off without an answer.
    cut: Arc<AtomicUsize>,
    server: tokio::task::JoinHandle<()>,
    clock: Arc<FixedClock>,
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl S3 {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("s3").join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir.path().join("s3")).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let cut = Arc::new(AtomicUsize::new(0));
        let cutting = cut.clone();
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, cut) = (service.clone(), cutting.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let is_cut = cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                    let is_elsewhere = request.uri().path().starts_with("/elsewhere");
                    let answer = is_cut.is_err().then(|| Service::call(&service, request));
                    async move {
                        if is_elsewhere {
                            return Ok(no_such_bucket());
                        }
                        let answer = answer.ok_or_else(|| std::io::Error::other("cut off"))?.await;
                        answer.map_err(|error| std::io::Error::other(format!("{error:?}")))
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(socket), answer));
            }
        });
        let clock = Arc::new(FixedClock::at_millis(START_MILLIS));
        Self { dir, endpoint, cut, server, clock }
    }

    fn config(&self) -> S3Config {
        S3Config {
            bucket: BUCKET.to_owned(),
            endpoint: Some(self.endpoint.clone()),
            access_key: Some(KEY.to_owned()),
            secret_key: Some(SECRET.to_owned().into()),
            allow_http: true,
            path_style: true,
            prefix: Some("one/place".to_owned()),
            ..S3Config::default()
        }
    }

    async fn open(&self, s3: S3Config) -> Result<Store, StoreError> {
        let config = StoreConfig {
            database: DatabaseConfig::Sqlite { path: self.dir.path().join("vitrine.db") },
            objects: ObjectsConfig::S3(s3),
        };
        Store::open(config, self.clock.clone(), Arc::new(Sequence::default())).await
    }

    async fn store(&self) -> Store {
        self.open(self.config()).await.unwrap()
    }

    /// Where the server keeps an object.
    fn file(&self, text: &str) -> PathBuf {
        let hex = Sha256::of(text.as_bytes()).to_hex();
        let folder = self.dir.path().join("s3").join(BUCKET).join("one/place/assets");
        folder.join(&hex[..2]).join(&hex[2..])
    }
}

/// What Amazon answers; the server used here makes buckets as it goes.
fn no_such_bucket() -> s3s::HttpResponse {
    let text =
        "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
    let mut answer = s3s::HttpResponse::new(s3s::Body::from(text.to_owned()));
    *answer.status_mut() = hyper::StatusCode::NOT_FOUND;
    answer
}

fn named(text: &str) -> (Sha256, u64) {
    (Sha256::of(text.as_bytes()), text.len() as u64)
}

#[tokio::test]
async fn objects_in_s3_are_uploaded_verified_read_and_collected() {
    let s3 = S3::start().await;
    let store = s3.store().await;
    store.check().await.unwrap();
    let large = "x".repeat(3 << 20);
    objects(&store, &["one", &large]).await;
    assert_eq!(store.object(&named("one").0).await.unwrap(), "one");
    assert_eq!(store.object(&named(&large).0).await.unwrap().len(), 3 << 20);
    assert!(store.object_file(&named("one").0).unwrap().is_none(), "there is no file to open");
    assert_eq!(std::fs::read_to_string(s3.file("one")).unwrap(), "one");
    // An object that the database does not know, as after a restored backup.
    std::fs::create_dir_all(s3.file("stranger").parent().unwrap()).unwrap();
    std::fs::write(s3.file("stranger"), "stranger").unwrap();
    s3.clock.advance_secs(7_200);
    let collected = store.collect_objects("test", Timestamp::from_millis(i64::MAX)).await.unwrap();
    assert_eq!(counts(collected), (0, 1));
    s3.clock.advance_secs(7_200);
    let collected = store.collect_objects("test", Timestamp::from_millis(i64::MAX)).await.unwrap();
    assert_eq!(counts(collected), (2, 0));
    for text in ["one", "stranger"] {
        assert!(!s3.file(text).exists(), "{text}");
    }
    assert!(matches!(store.object(&named("one").0).await, Err(StoreError::Corrupt(_))));
}

#[tokio::test]
async fn damage_in_s3_is_noticed_and_mended_by_another_upload() {
    let s3 = S3::start().await;
    let store = s3.store().await;
    objects(&store, &["one"]).await;
    std::fs::write(s3.file("one"), "eno").unwrap();
    assert!(matches!(store.object(&named("one").0).await, Err(StoreError::Corrupt(_))));
    let verified = store.verify_objects(&[named("one")]).await;
    assert!(matches!(verified, Err(StoreError::MissingObjects(hashes)) if hashes == [named("one").0]));
    objects(&store, &["one"]).await;
    assert_eq!(store.object(&named("one").0).await.unwrap(), "one");
}

#[tokio::test]
async fn wrong_credentials_and_a_missing_bucket_are_told_apart_at_the_start() {
    let s3 = S3::start().await;
    let wrong_secret = S3Config { secret_key: Some("guess".to_owned().into()), ..s3.config() };
    let wrong_key = S3Config { access_key: Some("somebody".to_owned()), ..s3.config() };
    for config in [wrong_secret, wrong_key] {
        let opened = s3.open(config).await.err();
        assert!(matches!(opened, Some(StoreError::ObjectsRefused(_))), "{opened:?}");
    }
    let opened = s3.open(S3Config { bucket: "elsewhere".to_owned(), ..s3.config() }).await.err();
    assert!(matches!(opened, Some(StoreError::NoBucket(_))), "{opened:?}");
    s3.store().await;
}

#[tokio::test]
async fn requests_that_get_lost_are_sent_again() {
    let s3 = S3::start().await;
    let store = s3.store().await;
    assert_eq!(store.missing_objects(&[named("one")]).await.unwrap().len(), 1);
    s3.cut.store(2, Ordering::SeqCst);
    store.put_object(&named("one").0, Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(s3.cut.swap(2, Ordering::SeqCst), 0, "requests were cut");
    store.verify_objects(&[named("one")]).await.unwrap();
    assert_eq!(s3.cut.swap(2, Ordering::SeqCst), 0, "requests were cut");
    assert_eq!(store.object(&named("one").0).await.unwrap(), "one");
}

#[tokio::test]
async fn a_server_that_stays_away_is_an_error_and_what_was_half_there_never_counts() {
    let s3 = S3::start().await;
    let store = s3.store().await;
    let (one, two) = (named("one"), named("two"));
    store.missing_objects(&[one, two]).await.unwrap();
    store.put_object(&one.0, Bytes::from_static(b"one")).await.unwrap();
    s3.cut.store(usize::MAX, Ordering::SeqCst);
    let put = store.put_object(&two.0, Bytes::from_static(b"two")).await;
    assert!(matches!(put, Err(StoreError::Objects(_))), "{put:?}");
    let verified = store.verify_objects(&[one]).await;
    assert!(matches!(verified, Err(StoreError::Objects(_))), "{verified:?}");
    assert!(matches!(store.check().await, Err(StoreError::Objects(_))), "not ready");
    assert_eq!(store.missing_objects(&[one, two]).await.unwrap(), [one.0, two.0]);
    s3.cut.store(0, Ordering::SeqCst);
    objects(&store, &["one", "two"]).await;
    assert!(store.missing_objects(&[one, two]).await.unwrap().is_empty());
}
