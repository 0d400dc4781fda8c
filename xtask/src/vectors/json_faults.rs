//! Texts that are no JSON object with exactly the fields of a record.

use super::bad::{Base, Vector};

const CLASS: &str = "json";

pub(super) fn all(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let mut vectors = no_objects(base)?;
    vectors.extend(fields(base)?);
    vectors.extend(missing_fields(base)?);
    vectors.extend(types(base)?);
    vectors.extend(surroundings(base));
    Ok(vectors)
}

fn no_objects(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let whole = "the record is an object and nothing else";
    let vector = |name, record: &str| Vector::new(CLASS, name, whole, record.to_owned());
    let array = base.json.replace("{\"version\":1,\"kdf\":", "[1,").replace("\"}", "\"]");
    let array = ["salt", "nonce", "commitment", "ciphertext"]
        .iter()
        .fold(array, |text, field| text.replace(&format!("\"{field}\":"), ""));
    let kdf = r#"{"algorithm":"argon2id","version":19,"memory_kib":19456,"iterations":1,"parallelism":1}"#;
    let kdf_array = base.replaced(kdf, r#"["argon2id",19,19456,1,1]"#)?;
    Ok(vec![
        vector("empty", ""),
        vector("white_space", " \n"),
        vector("no_json", "passsafe"),
        vector("null", "null"),
        vector("number", "1"),
        vector("string", "\"version 1\""),
        vector("empty_object", "{}"),
        vector("array", &array),
        Vector::new(CLASS, "kdf_array", "kdf is an object too", kdf_array),
    ])
}

fn fields(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let vector = |name, comment, from: &str, to: &str| {
        Ok(Vector::new(CLASS, name, comment, base.replaced(from, to)?))
    };
    let unknown = "a field that version 1 does not have";
    let double = "a field that stands twice, with the same value";
    [
        vector("unknown_field", unknown, "{\"version\":1", "{\"hint\":\"\",\"version\":1"),
        vector("unknown_kdf_field", unknown, "\"parallelism\":1", "\"parallelism\":1,\"lanes\":1"),
        vector("upper_case_field", unknown, "\"salt\"", "\"Salt\""),
        vector("double_version", double, "{\"version\":1", "{\"version\":1,\"version\":1"),
        vector("double_nonce", double, "\"nonce\"", "\"nonce\":\"\",\"nonce\""),
        vector("double_kdf", double, "\"kdf\"", "\"kdf\":{},\"kdf\""),
        vector("double_kdf_field", double, "\"iterations\":1", "\"iterations\":1,\"iterations\":1"),
        vector("nested_deeply", unknown, "\"salt\"", &format!("\"hint\":{},\"salt\"", nest(1_000))),
    ]
    .into_iter()
    .collect()
}

fn nest(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn missing_fields(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for field in [
        "algorithm",
        "version",
        "memory_kib",
        "iterations",
        "parallelism",
        "kdf",
        "salt",
        "nonce",
        "commitment",
        "ciphertext",
    ] {
        let record = without(&base.json, field)?;
        let name = if field == "version" { "kdf_version" } else { field };
        let name = format!("missing_{name}");
        vectors.push(Vector::new(CLASS, &name, "every field is required", record));
    }
    let record = base.replaced("\"version\":1,\"kdf\"", "\"kdf\"")?;
    vectors.push(Vector::new(CLASS, "missing_version", "every field is required", record));
    Ok(vectors)
}

/// The text without a field: the innermost one, where two have that name.
fn without(json: &str, field: &str) -> anyhow::Result<String> {
    let mut record: serde_json::Value = serde_json::from_str(json)?;
    let in_kdf = record.get_mut("kdf").and_then(serde_json::Value::as_object_mut);
    if in_kdf.and_then(|kdf| kdf.remove(field)).is_none() {
        let removed = record.as_object_mut().and_then(|outer| outer.remove(field));
        anyhow::ensure!(removed.is_some(), "there is no field {field}");
    }
    Ok(record.to_string())
}

fn types(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let vector = |name, comment, from: &str, to: &str| {
        Ok(Vector::new(CLASS, name, comment, base.replaced(from, to)?))
    };
    let version = "\"version\":1,";
    let iterations = "\"iterations\":1";
    let memory = "\"memory_kib\":19456";
    let whole = "numbers are whole, and written so";
    let sign = "numbers are not negative";
    let kind = "a value of another type";
    [
        vector("version_float", whole, version, "\"version\":1.0,"),
        vector("version_exponent", whole, version, "\"version\":1e0,"),
        vector("version_negative", sign, version, "\"version\":-1,"),
        vector("version_beyond_64_bits", whole, version, "\"version\":18446744073709551616,"),
        vector("version_leading_zero", whole, version, "\"version\":01,"),
        vector("version_string", kind, version, "\"version\":\"1\","),
        vector("version_true", kind, version, "\"version\":true,"),
        vector("iterations_float", whole, iterations, "\"iterations\":1.0"),
        vector("iterations_negative", sign, iterations, "\"iterations\":-1"),
        vector("iterations_null", kind, iterations, "\"iterations\":null"),
        vector("memory_string", kind, memory, "\"memory_kib\":\"19456\""),
        vector("memory_exponent", whole, memory, "\"memory_kib\":1.9456e4"),
        vector("algorithm_number", kind, "\"argon2id\"", "2"),
        vector("salt_null", kind, "\"salt\":", "\"salt\":null,\"was\":"),
        vector("nonce_array", kind, "\"nonce\":", "\"nonce\":[0,0,0],\"was\":"),
    ]
    .into_iter()
    .collect()
}

fn surroundings(base: &Base) -> Vec<Vector> {
    let Base { json, .. } = base;
    let vector = |name, comment, record| Vector::new(CLASS, name, comment, record);
    let behind = "nothing but white space stands behind the object";
    let mut not_utf8 = json.clone().into_bytes();
    not_utf8.splice(json.len() - 2..json.len() - 2, *b"\xff");
    vec![
        vector("trailing_letter", behind, format!("{json}x")),
        vector("trailing_object", behind, format!("{json}{json}")),
        vector("trailing_nul", behind, format!("{json}\0")),
        vector("trailing_comma", "no comma behind the last field", json.replace("\"}", "\",}")),
        vector("cut_off", "the closing brace is missing", json.trim_end_matches('}').to_owned()),
        vector(
            "byte_order_mark",
            "JSON has none (RFC 8259, section 8.1)",
            format!("\u{feff}{json}"),
        ),
        vector("comment", "JSON has none", format!("/* record */{json}")),
        vector("single_quotes", "JSON has double quotes", json.replace('"', "'")),
        vector("lone_surrogate", "not a character", json.replace("argon2id", r"\ud800")),
        vector(
            "line_feed_in_string",
            "control characters are escaped",
            json.replace("2id", "2id\n"),
        ),
        Vector::hex(CLASS, "not_utf8", "the byte FF in the ciphertext's string", &not_utf8),
        Vector::hex(CLASS, "utf16", "JSON on the wire is UTF-8", &utf16(json)),
    ]
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}
