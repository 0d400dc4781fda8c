//! The sealed record as JSON.

use passsafe_core::{Cost, SealedRecord};
use serde_json::Value;

pub fn record(input: &[u8]) {
    let Ok(record) = SealedRecord::from_json(input) else { return };
    let cost = record.parameters().cost();
    assert!((Cost::MIN_MEMORY_KIB..=Cost::MAX_MEMORY_KIB).contains(&cost.memory_kib()));
    assert!((Cost::MIN_ITERATIONS..=Cost::MAX_ITERATIONS).contains(&cost.iterations()));
    let written = record.to_json();
    assert!(written.len() <= SealedRecord::MAX_JSON_LEN);
    let meant: Value = serde_json::from_slice(input).expect("what is a record is JSON");
    assert_eq!(meant, serde_json::from_str::<Value>(&written).expect("a record is JSON"));
    let again = SealedRecord::from_json(written.as_bytes()).expect("what is written is read");
    assert_eq!(again.to_json(), written);
}
