//! Tokens that are taken, and every kind that is not.
