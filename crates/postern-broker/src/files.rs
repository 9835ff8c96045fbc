//! The files of AWS's own tools, as text: profiles, and the endpoints they name.

pub mod endpoint;
mod ini;
pub mod profile;
