//! Finding and reading the estate file.
