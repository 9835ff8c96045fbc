//! The files of AWS's own tools, as text: profiles, and the endpoints they name.

pub mod edit;
pub mod endpoint;
mod ini;
pub mod oddity;
pub mod profile;
mod resolve;
mod section;
mod words;

pub use words::shell_words;
pub mod way;
