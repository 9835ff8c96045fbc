//! The files of AWS's own tools, as text: profiles, and the endpoints they name.

pub mod edit;
pub mod endpoint;
pub mod generate;
pub mod in_clear;
mod ini;
pub mod oddity;
pub mod profile;
mod resolve;
mod section;
pub mod way;
mod words;

pub use words::shell_words;
