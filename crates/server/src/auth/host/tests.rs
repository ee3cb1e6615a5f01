//! Tokens that are taken, and every kind that is not.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use vitrine_model::Role;
use vitrine_model::source::fixed::FixedClock;
use vitrine_store::Sight;

use super::{
    ClaimNames, HostSettings, HostTokens, JwksFetch, JwksTimes, Keys, TokenError, Vouched, read_set,
};

const ISSUER: &str = "https://host.example";
const NOW_SECS: i64 = 1_760_000_000;
const SECRET: &[u8] = b"a secret of both sides, long enough";

/// A host product that signs tokens with a key of its own.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    kid: &'static str,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { pair: pair.unwrap(), kid }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": self.kid, "x": x, "y": y })
    }

    fn sign(&self, header: Value, claims: &Value) -> String {
        let text = unsigned(&header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature.as_ref()))
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(json!({ "alg": "ES256", "typ": "JWT", "kid": self.kid }), claims)
    }

    /// Takes the tokens of this host product.
    pub(crate) fn tokens(&self, clock: Arc<FixedClock>) -> HostTokens {
        let keys = Keys::Fixed(set(&[self.jwk()]));
        HostTokens::new(settings(vec![Algorithm::ES256], keys), clock)
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

fn set(keys: &[Value]) -> JwkSet {
    read_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn settings(algorithms: Vec<Algorithm>, keys: Keys) -> HostSettings {
    HostSettings {
        issuer: ISSUER.to_owned(),
        audiences: vec!["vitrine".to_owned()],
        algorithms,
        keys,
        leeway_secs: 30,
        claims: ClaimNames {
            user: "sub".to_owned(),
            tenant: "tenant".to_owned(),
            name: "name".to_owned(),
            role: "role".to_owned(),
        },
        sight: Sight { makes_tenants: true, makes_users: true, default_role: Role::Editor },
    }
}

/// Claims that are taken at [`NOW_SECS`].
pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "vitrine", "sub": "user-1", "exp": NOW_SECS + 60, "tenant": "acme", "name": "Ada" })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at_millis(NOW_SECS * 1_000))
}

async fn refused(tokens: &HostTokens, token: &str) -> TokenError {
    match tokens.verify(token).await {
        Err(error) => error,
        Ok(Vouched { user, .. }) => panic!("taken for {user:?}: {token}"),
    }
}

#[tokio::test]
async fn a_token_as_configured_is_taken() {
    let signer = Signer::new("k1");
    let tokens = signer.tokens(clock());
    let vouched = tokens.verify(&signer.token(&claims())).await.unwrap();
    assert_eq!((vouched.user.subject.as_str(), vouched.user.tenant.as_deref()), ("user-1", Some("acme")));
    assert_eq!((vouched.user.name.as_str(), vouched.user.role), ("Ada", None));
    assert_eq!(vouched.expires_at.as_millis(), (NOW_SECS + 90) * 1_000, "with the leeway");
    for good in [
        with("aud", json!(["other", "vitrine"])),
        with("role", json!("viewer")),
        with("role", json!(["offline_access", "viewer", "admin"])),
        with("tenant", json!(42)),
        with("nbf", json!(NOW_SECS + 30)),
        with("exp", json!(NOW_SECS - 29)),
        without("name"),
    ] {
        assert!(tokens.verify(&signer.token(&good)).await.is_ok(), "{good}");
    }
}

#[tokio::test]
async fn nobody_chooses_the_algorithm_but_the_configuration() {
    let signer = Signer::new("k1");
    let tokens = signer.tokens(clock());
    let none = unsigned(&json!({ "alg": "none", "kid": "k1" }), &claims());
    for token in [format!("{none}."), none.clone(), format!("{none}.AAAA")] {
        refused(&tokens, &token).await;
    }
    for alg in
        ["None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS256", "PS256", "ES384", "EdDSA", "ES512", ""]
    {
        let token = signer.sign(json!({ "alg": alg, "kid": "k1" }), &claims());
        assert!(matches!(refused(&tokens, &token).await, TokenError::Algorithm), "{alg}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let signer = Signer::new("k1");
    let tokens = signer.tokens(clock());
    let text = unsigned(&json!({ "alg": "HS256", "kid": "k1" }), &claims());
    let point = signer.pair.public_key().as_ref().to_vec();
    for secret in
        [point.clone(), signer.jwk().to_string().into_bytes(), encode(&point).into_bytes(), Vec::new()]
    {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let token = format!("{text}.{}", encode(ring::hmac::sign(&key, text.as_bytes()).as_ref()));
        assert!(matches!(refused(&tokens, &token).await, TokenError::Algorithm));
    }
    // Even where the symmetric algorithm is the configured one, a key of the other kind does not verify.
    super::signature::install();
    let public = DecodingKey::from_ec_der(&point);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &point);
    let signature = encode(ring::hmac::sign(&key, text.as_bytes()).as_ref());
    assert!(jsonwebtoken::crypto::verify(&signature, text.as_bytes(), &public, Algorithm::HS256).is_err());
}

#[tokio::test]
async fn a_symmetric_key_in_a_public_list_signs_nothing() {
    let signer = Signer::new("k1");
    let oct = json!({ "kty": "oct", "kid": "k1", "k": encode(SECRET), "alg": "HS256" });
    let tokens = HostTokens::new(settings(vec![Algorithm::ES256], Keys::Fixed(set(&[oct]))), clock());
    assert!(matches!(refused(&tokens, &signer.token(&claims())).await, TokenError::UnknownKey));
}

#[tokio::test]
async fn a_header_that_brings_its_own_key_or_rules_is_refused() {
    let (signer, attacker) = (Signer::new("k1"), Signer::new("k1"));
    let tokens = signer.tokens(clock());
    for (name, value) in [
        ("jwk", attacker.jwk()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("made-up", json!(1)),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "k1" });
        header[name] = value;
        // Signed by the right key: it is the header that is refused.
        for signed in [signer.sign(header.clone(), &claims()), attacker.sign(header.clone(), &claims())] {
            let error = refused(&tokens, &signed).await;
            assert!(matches!(&error, TokenError::Header(found) if found == name), "{name}: {error}");
        }
    }
    let typed = signer.sign(json!({ "alg": "ES256", "kid": "k1", "typ": "JWE" }), &claims());
    assert!(matches!(refused(&tokens, &typed).await, TokenError::Header(_)));
}

#[tokio::test]
async fn a_forged_or_altered_token_is_refused() {
    let (signer, attacker) = (Signer::new("k1"), Signer::new("k1"));
    let tokens = signer.tokens(clock());
    let good = signer.token(&claims());
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let altered =
        format!("{header}.{}.{signature}", encode(with("role", json!("owner")).to_string().as_bytes()));
    let unsigned_at_all = good.rsplit_once('.').unwrap().0.to_owned() + ".";
    for token in [attacker.token(&claims()), altered, unsigned_at_all, format!("{good}A")] {
        assert!(matches!(refused(&tokens, &token).await, TokenError::Refused(_)), "{token}");
    }
    for token in ["", ".", "..", "...", "a.b", "a.b.c", &format!("{good}.x"), &good.replace('.', "=.")] {
        refused(&tokens, token).await;
    }
}

#[tokio::test]
async fn a_token_for_others_or_of_others_is_refused() {
    let signer = Signer::new("k1");
    let tokens = signer.tokens(clock());
    for bad in [
        without("iss"),
        with("iss", json!("https://host.example/")),
        with("iss", json!("https://evil.example")),
        with("iss", json!([ISSUER])),
        without("aud"),
        with("aud", json!("vitrine2")),
        with("aud", json!([])),
        with("aud", json!(["other"])),
        with("aud", json!(7)),
    ] {
        refused(&tokens, &signer.token(&bad)).await;
    }
}

#[tokio::test]
async fn a_token_of_another_time_is_refused() {
    let signer = Signer::new("k1");
    let clock = clock();
    let tokens = signer.tokens(clock.clone());
    refused(&tokens, &signer.token(&without("exp"))).await;
    for bad in [
        json!("1900000000"),
        json!(null),
        json!(1e300),
        json!((NOW_SECS + 60) * 1_000),
        json!([NOW_SECS + 60]),
    ] {
        refused(&tokens, &signer.token(&with("exp", bad))).await;
    }
    let expired = refused(&tokens, &signer.token(&with("exp", json!(NOW_SECS - 30)))).await;
    assert!(matches!(expired, TokenError::Expired));
    let early = refused(&tokens, &signer.token(&with("nbf", json!(NOW_SECS + 31)))).await;
    assert!(matches!(early, TokenError::Early));
    refused(&tokens, &signer.token(&with("nbf", json!("soon")))).await;
    let good = signer.token(&claims());
    assert!(tokens.verify(&good).await.is_ok());
    clock.advance_secs(90);
    assert!(matches!(refused(&tokens, &good).await, TokenError::Expired));
}

#[tokio::test]
async fn claims_that_name_nobody_or_no_role_are_refused() {
    let signer = Signer::new("k1");
    let tokens = signer.tokens(clock());
    for bad in [
        without("sub"),
        with("sub", json!("")),
        with("sub", json!(" user-1")),
        with("sub", json!("user\n1")),
        with("sub", json!(1.5)),
        with("sub", json!(["user-1"])),
        with("sub", json!("x".repeat(201))),
        without("tenant"),
        with("tenant", json!("")),
        with("tenant", json!({ "id": "acme" })),
        with("role", json!("root")),
        with("role", json!(["root"])),
        with("role", json!(null)),
    ] {
        let error = refused(&tokens, &signer.token(&bad)).await;
        assert!(matches!(error, TokenError::Claim(_) | TokenError::Refused(_)), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_shared_secret_works_where_it_is_configured() {
    let tokens = HostTokens::new(settings(vec![Algorithm::HS256], Keys::Shared(SECRET.to_vec())), clock());
    let text = unsigned(&json!({ "alg": "HS256" }), &claims());
    let token = |secret: &[u8]| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        format!("{text}.{}", encode(ring::hmac::sign(&key, text.as_bytes()).as_ref()))
    };
    assert!(tokens.verify(&token(SECRET)).await.is_ok());
    assert!(matches!(refused(&tokens, &token(b"another secret")).await, TokenError::Refused(_)));
}

#[tokio::test]
async fn ed25519_works_where_it_is_configured() {
    let random = SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "x": encode(pair.public_key().as_ref()) });
    let tokens = HostTokens::new(settings(vec![Algorithm::EdDSA], Keys::Fixed(set(&[jwk]))), clock());
    let text = unsigned(&json!({ "alg": "EdDSA", "kid": "e" }), &claims());
    let token = format!("{text}.{}", encode(pair.sign(text.as_bytes()).as_ref()));
    assert!(tokens.verify(&token).await.is_ok());
}

/// RFC 7515, appendix A.2: an RSA key, and what it signed.
#[test]
fn rsa_signatures_are_checked_as_the_standard_does() {
    super::signature::install();
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC\
             gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xs\
             mtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
                     F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
                     LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
                     wlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let message = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let key = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
    let verify = |message: &str, algorithm| {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, algorithm).unwrap()
    };
    assert!(verify(message, Algorithm::RS256));
    assert!(!verify(&message.replace("eyJpc3Mi", "eyJpc3Mj"), Algorithm::RS256));
    assert!(!verify(message, Algorithm::RS384) && !verify(message, Algorithm::PS256));
}

/// A host product's key list, which a test changes and takes away.
struct List {
    keys: Mutex<Option<Vec<Value>>>,
    fetches: AtomicU32,
}

#[async_trait]
impl JwksFetch for List {
    async fn fetch(&self) -> Result<JwkSet, String> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.keys.lock().unwrap().as_deref().map(set).ok_or_else(|| "it does not answer".to_owned())
    }
}

struct Remote {
    tokens: HostTokens,
    list: Arc<List>,
    clock: Arc<FixedClock>,
}

impl Remote {
    fn of(keys: Option<Vec<Value>>) -> Self {
        let (list, clock) = (List { keys: Mutex::new(keys), fetches: AtomicU32::new(0) }, clock());
        let list = Arc::new(list);
        let times = JwksTimes { fresh_secs: 3_600, pause_secs: 30, stale_secs: 86_400 };
        let keys = Keys::Remote(list.clone(), times);
        Self { tokens: HostTokens::new(settings(vec![Algorithm::ES256], keys), clock.clone()), list, clock }
    }

    async fn takes(&self, signer: &Signer) -> Result<(), TokenError> {
        let secs = vitrine_model::source::Clock::now(self.clock.as_ref()).as_millis() / 1_000;
        self.tokens.verify(&signer.token(&with("exp", json!(secs + 60)))).await.map(drop)
    }

    fn fetches(&self) -> u32 {
        self.list.fetches.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn keys_are_fetched_once_for_everybody_who_waits() {
    let signer = Signer::new("k1");
    let remote = Remote::of(Some(vec![signer.jwk()]));
    let all = futures::future::join_all((0..20).map(|_| remote.takes(&signer))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(remote.fetches(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_an_unknown_one_does_not_make_us_ask_again_and_again() {
    let (old, new, attacker) = (Signer::new("k1"), Signer::new("k2"), Signer::new("k3"));
    let remote = Remote::of(Some(vec![old.jwk()]));
    remote.takes(&old).await.unwrap();
    *remote.list.keys.lock().unwrap() = Some(vec![old.jwk(), new.jwk()]);
    assert!(matches!(remote.takes(&new).await, Err(TokenError::UnknownKey)), "asked a moment ago");
    remote.clock.advance_secs(30);
    remote.takes(&new).await.unwrap();
    assert_eq!(remote.fetches(), 2);
    for _ in 0..50 {
        assert!(matches!(remote.takes(&attacker).await, Err(TokenError::UnknownKey)));
    }
    assert_eq!(remote.fetches(), 2);
    // A withdrawn key counts until the list is fetched again, and no longer.
    *remote.list.keys.lock().unwrap() = Some(vec![new.jwk()]);
    remote.clock.advance_secs(3_600);
    assert!(matches!(remote.takes(&old).await, Err(TokenError::UnknownKey)));
}

#[tokio::test]
async fn while_the_list_cannot_be_fetched_the_old_one_counts_for_a_day() {
    let signer = Signer::new("k1");
    let remote = Remote::of(Some(vec![signer.jwk()]));
    remote.takes(&signer).await.unwrap();
    *remote.list.keys.lock().unwrap() = None;
    remote.clock.advance_secs(3_600);
    remote.takes(&signer).await.unwrap();
    remote.takes(&signer).await.unwrap();
    assert_eq!(remote.fetches(), 2, "it is not asked for at every token");
    remote.clock.advance_secs(86_400);
    assert!(matches!(remote.takes(&signer).await, Err(TokenError::KeysUnavailable)));
    *remote.list.keys.lock().unwrap() = Some(vec![signer.jwk()]);
    remote.clock.advance_secs(30);
    remote.takes(&signer).await.unwrap();
}

#[tokio::test]
async fn a_list_that_never_answered_is_our_trouble_and_not_the_callers() {
    let remote = Remote::of(None);
    assert!(matches!(remote.takes(&Signer::new("k1")).await, Err(TokenError::KeysUnavailable)));
}

#[tokio::test]
async fn a_token_without_a_key_name_is_checked_only_where_one_key_fits() {
    let (one, two) = (Signer::new("k1"), Signer::new("k2"));
    let nameless = one.sign(json!({ "alg": "ES256" }), &claims());
    let tokens =
        |keys: &[Value]| HostTokens::new(settings(vec![Algorithm::ES256], Keys::Fixed(set(keys))), clock());
    assert!(tokens(&[one.jwk()]).verify(&nameless).await.is_ok());
    assert!(matches!(refused(&tokens(&[one.jwk(), two.jwk()]), &nameless).await, TokenError::UnknownKey));
    let mut encrypting = two.jwk();
    encrypting["use"] = json!("enc");
    assert!(tokens(&[one.jwk(), encrypting]).verify(&nameless).await.is_ok());
}
