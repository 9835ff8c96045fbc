#![no_main]

#[path = "../src/aws_config.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::aws_config(data));
