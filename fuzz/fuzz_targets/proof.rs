#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| passsafe_fuzz::proof(input));
