//! Records that are genuine, and whose sealer did not keep to the format of the plaintext.

use super::bad::{Base, Vector};
use super::sealing::{entry, pad};

pub(super) fn all(base: &Base) -> anyhow::Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for Fault { class, name, comment, plaintext } in faults()? {
        let label = format!("bad: {class} {name}");
        let record = base.derived.seal(&label, &plaintext)?;
        vectors.push(Vector::new(class, name, comment, record.json()));
    }
    Ok(vectors)
}

struct Fault {
    class: &'static str,
    name: &'static str,
    comment: &'static str,
    plaintext: Vec<u8>,
}

fn faults() -> anyhow::Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let mut push = |class, name, comment, plaintext| {
        faults.push(Fault { class, name, comment, plaintext });
    };
    let good = entry(b"password", b"S3kr!t")?;

    let class = "payload_truncated";
    let mut plaintext = pad(&good)?;
    plaintext.splice(..4, 253_u32.to_be_bytes());
    push(class, "entries", "the entries are one byte longer than the plaintext", plaintext.clone());
    plaintext.splice(..4, u32::MAX.to_be_bytes());
    push(class, "entries_huge", "the entries are 2^32 - 1 bytes long", plaintext);
    push(class, "name", "the name ends behind the entries", pad(b"\x09password")?);
    push(class, "value_length", "half a length of the value", pad(b"\x08password\0\0")?);
    push(
        class,
        "value",
        "the value ends behind the entries",
        pad(b"\x08password\0\0\0\x07S3kr!t")?,
    );
    let huge = b"\x08password\xff\xff\xff\xffS3kr!t";
    push(class, "value_huge", "the value is 2^32 - 1 bytes long", pad(huge)?);

    let class = "payload_padding";
    let mut plaintext = pad(&good)?;
    plaintext.splice(255.., [1]);
    push(class, "last_byte", "the last byte is not zero", plaintext);
    let mut plaintext = pad(&good)?;
    plaintext.splice(4 + good.len()..5 + good.len(), [0x80]);
    push(class, "first_byte", "the first byte behind the entries is not zero", plaintext);
    let mut plaintext = pad(&good)?;
    plaintext.resize(512, 0);
    push(class, "excess", "a block more than needed", plaintext);

    let class = "payload_name";
    for (name, comment, bytes) in [
        ("empty", "a name has at least one character", &b""[..]),
        ("digit", "a name starts with a letter or an underscore", b"9lives"),
        ("hyphen", "a name starts with a letter or an underscore", b"-o"),
        ("space", "a name has no spaces", b"pass word"),
        ("nul", "a name has no control characters", b"password\0"),
        ("non_ascii", "a name is ASCII", "pa\u{df}wort".as_bytes()),
        ("not_utf8", "a name is ASCII", b"passw\xf6rd"),
        ("long", "65 characters", &[b'n'; 65]),
    ] {
        push(class, name, comment, pad(&entry(bytes, b"S3kr!t")?)?);
    }

    let class = "payload_order";
    let [a, b, upper] = [entry(b"a", b"1")?, entry(b"b", b"2")?, entry(b"B", b"3")?];
    push(class, "descending", "b before a", pad(&[&b[..], &a].concat())?);
    push(class, "by_letter", "a before B: not ascending by byte", pad(&[&a[..], &upper].concat())?);
    push(class, "double", "the same name twice", pad(&[&a[..], &a].concat())?);

    let class = "payload_limits";
    push(class, "no_entries", "at least one entry", pad(b"")?);
    let mut many = Vec::new();
    for number in 0..=1_024 {
        many.extend(entry(format!("n{number:04}").as_bytes(), b"")?);
    }
    push(class, "too_many_entries", "1,025 entries", pad(&many)?);
    let long = entry(b"password", &vec![b'x'; 65_537])?;
    push(class, "value_too_long", "65,537 bytes in one value", pad(&long)?);
    let halves = [entry(b"a", &vec![b'x'; 32_768])?, entry(b"b", &vec![b'x'; 32_769])?].concat();
    push(class, "values_too_long", "65,537 bytes in two values", pad(&halves)?);
    Ok(faults)
}
