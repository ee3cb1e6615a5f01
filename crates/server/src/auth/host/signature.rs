//! Signatures of tokens, checked by ring: the one cryptography of this binary's TLS, and nothing that could sign.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Verification alone; making keys or tokens is no business of a server that takes others' tokens.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring what `jsonwebtoken` verifies with. Once is enough, and more often does no harm.
pub(super) fn install() {
    _ = PROVIDER.install_default();
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(new_error(ErrorKind::UnsupportedAlgorithm))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    // The confusion of a public key with a shared secret ends here, if it got this far.
    match key.family() == algorithm.family() {
        true => Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() })),
        false => Err(new_error(ErrorKind::InvalidAlgorithm)),
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let outcome = match (self.algorithm.family(), self.key.kind()) {
            (AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(rsa(self.algorithm)?, message, signature)
            }
            (AlgorithmFamily::Ec | AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(curve(self.algorithm)?, point).verify(message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        outcome.map_err(|_| SignatureError::new())
    }
}

/// RSA keys have 2048 bits at least.
fn rsa(algorithm: Algorithm) -> Result<&'static RsaParameters, SignatureError> {
    match algorithm {
        Algorithm::RS256 => Ok(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Ok(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Ok(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Ok(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Ok(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Ok(&signature::RSA_PSS_2048_8192_SHA512),
        _ => Err(SignatureError::new()),
    }
}

fn curve(algorithm: Algorithm) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
    match algorithm {
        Algorithm::ES256 => Ok(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Ok(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Ok(&signature::ED25519),
        _ => Err(SignatureError::new()),
    }
}
